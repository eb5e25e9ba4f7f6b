"""The page in Chromium: it shows what the session says, follows a hand, and serves two visitors."""

import logging
import os
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import sync_playwright
from viser.transforms import SO3

from edge_ik_tools.view.serve import LOOPBACK

# Without a network: Chromium would ask its makers at every start.
FLAGS = [
    "--no-sandbox",
    "--use-gl=swiftshader",
    "--enable-webgl",
    "--ignore-gpu-blocklist",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
# Of a tab [pixels]. In a narrow one the panel lies below, and few pixels are to be drawn; in a
# wide one the tool stands beside the panel.
NARROW, WIDE = {"width": 480, "height": 300}, {"width": 900, "height": 360}
# Of the random test [s].
SECONDS = float(os.environ.get("EDGE_IK_VIEW_SECONDS", "1"))
# Patience for software that draws in software [ms].
PATIENCE = 120_000
# Whether a place in the tab is the scene's, not the panel's.
ON_TOP = "([x, y]) => document.elementFromPoint(x, y)?.tagName === 'CANVAS'"
WATCH = Path(__file__).with_name("watch.js")
# How far the tool drawn may be from a target that it reaches [m]. A pixel is some 3 mm.
CLOSE = 2e-4


@pytest.fixture(scope="module")
def browser(require_tool):
    path = require_tool("chromium", "chromium")
    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=str(path), args=FLAGS)
        yield opened
        opened.close()


def visit(browser, page, size=NARROW):
    """A visitor's tab, and what it complained of and asked for."""
    tab = browser.new_page(viewport=size)
    tab.set_default_timeout(PATIENCE)
    complaints, hosts = [], set()
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    tab.on("request", lambda asked: hosts.add(asked.url.split("/")[2]))
    tab.add_init_script(path=WATCH)
    tab.goto(f"http://{LOOPBACK}:{page.server.get_port()}")
    tab.wait_for_selector("text=nearest limit")
    return tab, complaints, hosts


class Hand:
    """A pointer in the only tab there is, which drags arrows of the gizmo.

    Args:
        tab: Where it points.
        page: What is shown there.
    """

    def __init__(self, tab, page):
        self.tab, self.page = tab, page
        until(tab, page.server.get_clients)
        (self.client,) = page.server.get_clients().values()
        self.size = tab.locator("canvas").first.bounding_box()

    @property
    def place(self):
        """(3,) of the gizmo [m]."""
        return np.array(self.page.gizmo.position)

    @property
    def arrows(self):
        """(3, 3), a row for each arrow's direction."""
        return SO3(np.array(self.page.gizmo.wxyz)).as_matrix().T

    @property
    def view(self):
        """(7,) where the camera is, and how it is turned."""
        return np.array([*self.client.camera.position, *self.client.camera.wxyz])

    def pixel(self, point):
        """Where a point (3,) [m] is seen in the tab: the camera looks along z, y is down."""
        camera, size = self.client.camera, self.size
        x, y, depth = SO3(camera.wxyz).inverse().as_matrix() @ (point - camera.position)
        focal = size["height"] / (2 * np.tan(camera.fov / 2))
        middle = size["x"] + size["width"] / 2, size["y"] + size["height"] / 2
        return middle[0] + focal * x / depth, middle[1] + focal * y / depth

    def within_reach(self):
        """Numbers of the arrows with nothing of the panel before them, the longest one first."""
        shafts = [self.pixel(self.grip(arrow)) for arrow in self.arrows]
        origin = self.pixel(self.place)
        free = [n for n, shaft in enumerate(shafts) if self.tab.evaluate(ON_TOP, shaft)]
        return sorted(free, key=lambda n: -np.hypot(*np.subtract(shafts[n], origin)))

    def uncover(self):
        """Fold the panel, and show no note on software that draws, until all arrows are free."""
        self.tab.add_style_tag(content=".mantine-Notifications-root { display: none }")
        self.tab.click(f"text=edge-ik: {self.page.session.chain.name}")
        until(self.tab, lambda: len(self.within_reach()) == 3)

    def grip(self, arrow):
        """(3,) the middle of an arrow's outer half."""
        return self.place + 0.75 * self.page.gizmo.scale * arrow

    @contextmanager
    def holding(self, arrow):
        """Hold an arrow (3,); give what moves the gizmo so far along it [m] from where it was."""
        grip, mouse = self.grip(arrow), self.tab.mouse
        mouse.move(*self.pixel(grip))
        mouse.down()
        yield lambda way: mouse.move(*self.pixel(grip + way * arrow))
        mouse.up()


def until(tab, holds, seconds=PATIENCE / 1e3):
    """Wait for something while the tab's events are taken."""
    ends = time.perf_counter() + seconds
    while not (found := holds()):
        assert time.perf_counter() < ends
        tab.wait_for_timeout(10)
    return found


@pytest.mark.slow
def test_visitors_see_the_answer_and_nobody_else_is_asked(page, browser):
    tab, complaints, hosts = visit(browser, page)
    other, more, others = visit(browser, page)
    assert "solved" in tab.content()
    above = np.array([0.0, 0.0, 3.0])
    place = np.array(page.gizmo.position) + above
    page.gizmo.position = place
    began = time.perf_counter()
    page.ask(page._aim, *page.held)
    for each in (tab, other):
        each.wait_for_selector("text=unreachable")
    assert time.perf_counter() - began < PATIENCE / 1e3
    tab.close()
    page.gizmo.position = place - above
    page.ask(page._aim, *page.held)
    other.wait_for_selector("text=/^solved$/")
    assert complaints == more == []
    assert hosts | others == {f"{LOOPBACK}:{page.server.get_port()}"}
    other.close()


def fields(tab, page):
    """The panel's fields of joints, which come last."""
    return tab.locator("input.mantine-NumberInput-input").all()[-len(page.sliders) :]


def joints(tab, page):
    """(n,) what the panel's fields of joints say [rad, m]."""
    return np.array([float(field.input_value()) for field in fields(tab, page)])


@pytest.mark.slow
def test_a_dragged_arrow_takes_the_joints_along(page, browser):
    tab, complaints, _ = visit(browser, page, WIDE)
    hand = Hand(tab, page)
    begun, view, before = hand.place, hand.view, joints(tab, page)
    arrow = hand.arrows[hand.within_reach()[0]]
    way = -0.1 if begun @ arrow > 0 else 0.1  # toward the base
    with hand.holding(arrow) as drag:
        for share in (0.25, 0.5, 0.75, 1.0):
            drag(share * way)
        until(tab, lambda: abs((hand.place - begun) @ arrow - way) < 0.02)
        until(tab, lambda: np.abs(joints(tab, page) - before).max() > 0.05)
        until(tab, lambda: np.abs(page.session.pose[:3, 3] - hand.place).max() < CLOSE)
        np.testing.assert_allclose(np.cross(hand.place - begun, arrow), 0.0, atol=1e-5)
        until(tab, lambda: np.abs(joints(tab, page) - page.session.q).max() < 0.01)
        assert tab.locator("text=/^solved$/").is_visible()
        drag(-20 * way)
        tab.wait_for_selector("text=unreachable")
    tab.click("text=/^Joints$/")
    fields(tab, page)[0].fill("0.5")
    until(tab, lambda: abs(page.session.q[0] - 0.5) < 0.01)
    tab.wait_for_selector("text=unreachable", state="detached")  # joints have no target
    until(tab, lambda: np.abs(page.session.pose[:3, 3] - hand.place).max() < CLOSE)
    np.testing.assert_array_equal(hand.view, view)  # it was the arrow, not the scene, that moved
    assert complaints == []
    tab.close()


# What was noted up to the first frame that is not drawn yet.
TAKE = """() => {
  const open = notes.findIndex((note) => note.kind === "bodies" && !note.drawn);
  return notes.splice(0, open < 0 ? notes.length : open);
}"""


def pose(position, wxyz):
    """(4, 4) of a node in the scene."""
    made = np.eye(4)
    made[:3, :3], made[:3, 3] = SO3(np.array(wxyz)).as_matrix(), position
    return made


class Watched:
    """What the page noted (`watch.js`), until each move's answer was drawn.

    An answer is told by where it puts the tool. A move that others overtook has theirs.

    Args:
        tab: The page's tab.
        page: What is shown there.

    Attributes:
        spans: Of each move [ms] from the pointer to sending, to the answer in the worker, to the
            page's own thread, and to the graphics' end.
        halves: How often bodies were told that do not fit together.
    """

    def __init__(self, tab, page):
        self.tab, self.link = tab, page.session.chain.links[-1]
        self.poses = {body.name: pose(body.position, body.wxyz) for body in page.figure.bodies}
        self.last = page.figure.bodies[-1].name
        self.moves, self.spans, self.halves = [], [], 0
        self.stood = page.session.pose[:3, 3]
        tab.evaluate("watched = true")

    def look(self):
        """Take what is new, and give how many moves have no answer yet."""
        for note in self.tab.evaluate(TAKE):
            if note["kind"] == "gizmo":
                self.moves.append(note)
            else:
                self._bodies(note)
        while self.moves and np.linalg.norm(self.stood - self.moves[0]["position"]) < CLOSE:
            del self.moves[0]  # to where the tool is: nothing follows
        return len(self.moves)

    def _bodies(self, note):
        for body in note["bodies"]:
            if "wxyz" in body:
                self.poses[body["name"]][:3, :3] = pose(np.zeros(3), body["wxyz"])[:3, :3]
            else:
                self.poses[body["name"]][:3, 3] = body["position"]
        tool = (self.poses[self.last] @ self.link)[:3, 3]
        known = np.array([self.stood, *(move["position"] for move in self.moves)])
        near = np.flatnonzero(np.linalg.norm(known - tool, axis=1) < CLOSE)
        done = int(max(near, default=0))
        self.halves += len(near) == 0
        for move in self.moves[:done]:
            ends = [note[name] for name in ("handed", "heard", "drawn")]
            self.spans.append(np.diff([move["moved"], move["sent"], *ends]))
        self.stood = known[done]
        del self.moves[:done]

    def told(self):
        """The spans in a sentence."""
        spans = np.array(self.spans)
        parts = {
            "from the pointer to the joints in the page": spans[:, :3].sum(axis=1),
            "of it until it was sent": spans[:, 0],
            "until the server's answer was there": spans[:, 1],
            "until the page's thread took it": spans[:, 2],
            "and then until it was drawn": spans[:, 3],
        }
        return f"{len(spans)} moves: " + ", ".join(
            f"{what} {np.median(part):.1f} ms in the median, {part.max():.1f} at most"
            for what, part in parts.items()
        )


@pytest.mark.slow
@pytest.mark.timeout(SECONDS + 600)
def test_random_drags_for_a_while(page, browser, resident, record_property):
    """EDGE_IK_VIEW_SECONDS says for how long; the page follows, and its memory does not grow."""
    tab, complaints, _ = visit(browser, page)
    hand, watched, rng = Hand(tab, page), Watched(tab, page), np.random.default_rng(0)
    hand.uncover()
    home, room, view = hand.place, 0.12 * page.session.chain.reach, hand.view
    heap = Heap(tab)
    sizes, ends = [], time.perf_counter() + SECONDS
    while time.perf_counter() < ends:
        arrow = hand.arrows[rng.choice(hand.within_reach())]
        way = rng.uniform(-room, room) - (hand.place - home) @ arrow
        with hand.holding(arrow) as drag:
            for share in np.linspace(0, 1, 13)[1:]:
                drag(share * way)
                tab.wait_for_timeout(16)
        until(tab, lambda: watched.look() == 0)
        sizes.append((resident(), heap.size()))
    first, middle, last = (np.array(sizes[n]) / 1e6 for n in (0, len(sizes) // 2, -1))
    told = (
        f"{watched.told()}; the server's and the page's memory {first.round(1)} MB at first, "
        f"{middle.round(1)} halfway, {last.round(1)} at the end; load {os.getloadavg()[0]:.1f}"
    )
    record_property("told", told)
    logging.getLogger(__name__).info(told)
    assert len(watched.spans) > 2 * SECONDS
    assert watched.halves == 0
    np.testing.assert_array_equal(hand.view, view)
    assert complaints == []
    assert page.sentence.content == ""
    assert np.all(last < 1.1 * middle + 5)
    tab.close()


class Heap:
    """Of the objects of a tab's page."""

    def __init__(self, tab):
        self.talk = tab.context.new_cdp_session(tab)
        self.talk.send("Performance.enable")

    def size(self):
        """What is in use after it was tidied [bytes]."""
        self.talk.send("HeapProfiler.collectGarbage")
        figures = self.talk.send("Performance.getMetrics")["metrics"]
        return next(each["value"] for each in figures if each["name"] == "JSHeapUsedSize")
