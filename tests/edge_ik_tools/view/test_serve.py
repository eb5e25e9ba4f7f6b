"""The page is served here, says so, and follows what is asked."""

import asyncio
import logging
import os
import socket
import sys
import threading
import time
import urllib.request
from types import SimpleNamespace

import numpy as np
import pytest

from edge_ik_tools.view.serve import LOOPBACK, address, of_model, of_robot, start
from edge_ik_tools.view.words import branch_label
from firmware_host import EdgeIkError
from firmware_host.errors import MissingExtraError
from firmware_host.kinematics import forward_kinematics

# Of the random test [s].
SECONDS = float(os.environ.get("EDGE_IK_VIEW_SECONDS", "3"))


def until(holds, seconds=10.0):
    """Wait for something, and say how long it took [s]."""
    began = time.perf_counter()
    while not holds():
        assert time.perf_counter() < began + seconds
        time.sleep(0.001)
    return time.perf_counter() - began


def drag(page, offset):
    """Move the gizmo as a browser does, and give where it is then."""
    place = np.array(page.gizmo.position) + offset
    page.gizmo.position = place
    page.wishes.put(page._aim, *page.held, latest=True)
    return place


def tool(page):
    return page.session.pose[:3, 3]


def test_it_is_served_on_this_machine_alone(page, capfd):
    assert page.server.get_host() == LOOPBACK
    assert address(page).startswith("http://localhost:")
    with socket.create_connection((LOOPBACK, page.server.get_port()), timeout=5):
        pass
    assert capfd.readouterr().out == ""


def test_the_joints_follow_the_gizmo(page):
    before = np.array(page.figure.bodies[-1].position)
    place = drag(page, [0.02, 0.03, -0.02])
    until(lambda: np.abs(tool(page) - place).max() < 1e-4)
    until(lambda: np.abs(np.array(page.figure.bodies[-1].position) - before).max() > 1e-3)
    until(lambda: np.allclose([s.value for s in page.sliders], page.session.q, atol=0.01))
    assert "solved" in page.told.content


def test_of_many_moves_the_last_one_counts(page):
    for _ in range(50):
        place = drag(page, [0.0005, 0.0, -0.0005])
    until(lambda: np.abs(tool(page) - place).max() < 1e-4)


def test_a_slider_moves_the_joint_and_the_gizmo(page):
    page.sliders[0].value = 0.5
    page.ask(page._move, page.slid)
    until(lambda: abs(page.session.q[0] - 0.5) < 0.01)
    until(lambda: np.abs(np.array(page.gizmo.position) - tool(page)).max() < 1e-9)


def test_a_target_out_of_reach_is_told(page):
    drag(page, [3.0, 0.0, 0.0])
    until(lambda: "unreachable" in page.told.content)


def test_the_cloud_comes_and_goes(page):
    page.ask(lambda: page._draw_cloud(True, 0))
    until(lambda: page.cloud is not None, 60)
    page.ask(lambda: page._draw_cloud(False, 0))


def test_a_path_is_drawn_and_followed(page):
    start_at = tool(page).copy()
    away = np.array([1.0, 0.0, 0.0])
    corner = start_at + np.array([0.0, 0.03, 0.02])
    ray = corner - 2.0 * away
    page.ask(lambda: page.path.corner(ray, away))
    until(lambda: len(page.path.corners) == 1)
    np.testing.assert_allclose(page.path.corners[0], corner, atol=1e-9)
    page.ask(page.path.follow)
    until(lambda: "100.0% solved" in page.path.followed.content)
    page.ask(page.path.follow)
    until(lambda: "There is no path yet" in page.sentence.content)


@pytest.fixture
def busy(page):
    """A page whose worker does something until it is let go."""
    begun, let_go = threading.Event(), threading.Event()

    def work():
        begun.set()
        let_go.wait(10)

    page.ask(work)
    assert begun.wait(10)
    yield let_go
    let_go.set()


def moved(page, act, read):
    """Function that does as a visitor who moves a part of the page."""
    heard = []
    page.heed([SimpleNamespace(on_update=heard.append)], act, read)
    return lambda: asyncio.run(heard[0](SimpleNamespace(client_id=1)))


def test_what_is_clicked_meanwhile_is_all_done_in_its_order(page, busy):
    away, place = np.array([1.0, 0.0, 0.0]), tool(page)
    for side in (0.01, 0.02, 0.03, 0.04):
        page.ask(page.path.corner, place + np.array([-1.0, side, 0.0]), away)
    page.ask(page._draw_cloud, False, 0)
    busy.set()
    until(lambda: len(page.path.corners) == 4)
    np.testing.assert_allclose(
        np.array(page.path.corners)[:, 1] - place[1], [0.01, 0.02, 0.03, 0.04]
    )


def test_a_hand_is_not_overtaken_by_what_was_asked_before(page, busy):
    page.ask(page.path.clear)  # shows the old joints when it is done
    slide = moved(page, page._move, lambda: (page.slid,))
    for value in (0.1, 0.2, 0.3):
        page.sliders[0].value = value
        slide()
    drawn = []
    page.ask(lambda: drawn.append(page.session.q[0]))
    busy.set()
    until(lambda: drawn)
    assert drawn == [pytest.approx(0.3)]
    until(lambda: page.sliders[0].value == pytest.approx(0.3))
    assert page.session.q[0] == pytest.approx(0.3)


def test_the_other_branches_are_those_beside_the_one_chosen(source_root):
    path = source_root / "artifacts" / "so101" / "so101-axis-int8.tflite"
    page = start(of_model(path, "reference"), port=0)
    try:
        chain = page.session.chain
        page.session.move(chain.lower + 0.35 * (chain.upper - chain.lower))
        page.session.aim(page.session.pose)
        page.shown.value = True
        ghosts = [ghost for ghost in page.session.ghosts() if ghost.solved]
        here = ghosts[0]
        there = next(ghost for ghost in ghosts if np.abs(ghost.q - here.q).max() > 0.1)
        page.ask(lambda: None)
        until(lambda: page.listed.content)
        for chosen, other in ((here, there), (there, here), (here, there)):
            page.ask(page._choose, branch_label(chosen.number, chosen.name))
            shown, hidden = page.ghosts[other.number], page.ghosts[chosen.number]
            until(lambda yes=shown, no=hidden: yes.visible and not no.visible)
    finally:
        page.close()


def test_names_from_files_do_not_act_in_the_page():
    from edge_ik_tools.view.words import safe

    hostile = "{globalThis.x = 1}<img src=x onerror=alert(1)>|a*b_c`d`"
    assert not set("{}<>|*_`=()[]") & set(safe(hostile).replace("&#", ""))


def test_a_port_in_use_is_told(model):
    with socket.socket() as other:
        other.bind((LOOPBACK, 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(EdgeIkError, match=f"Port {port} .* cannot be used: .*--port"):
            start(of_model(model, "reference"), port=port)


def test_an_address_of_version_6_is_served():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no ::1")
    page = start(of_robot("leg3"), "::1", 0)
    try:
        with urllib.request.urlopen(address(page), timeout=10) as answer:
            assert answer.status == 200
        with pytest.raises(EdgeIkError, match=f"Port {page.server.get_port()} of ::1"):
            start(of_robot("leg3"), "::1", page.server.get_port())
    finally:
        page.close()


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1"])
def test_an_address_of_another_machine_is_told(host):
    with pytest.raises(EdgeIkError, match=f"'{host}' is no address of this machine"):
        start(of_robot("leg3"), host, 0)


def test_a_missing_extra_is_told(model, monkeypatch):
    shown = of_model(model, "reference")
    monkeypatch.setitem(sys.modules, "viser", None)
    with pytest.raises(MissingExtraError, match="view"):
        start(shown, port=0)


def test_a_robot_alone_is_shown_by_its_joints():
    page = start(of_robot("so101"), port=0)
    try:
        assert not page.gizmo.visible
        page.sliders[1].value = 0.3
        page.ask(page._move, page.slid)
        until(lambda: abs(page.session.q[1] - 0.3) < 0.02)
    finally:
        page.close()


def test_closing_ends_its_threads(model):
    page = start(of_model(model, "reference"), port=0)
    page.close()
    assert not page.worker.is_alive()
    assert page.worker not in threading.enumerate()


@pytest.mark.timeout(SECONDS + 600)
def test_random_targets_for_a_while(page, resident, record_property):
    """EDGE_IK_VIEW_SECONDS says for how long; joints follow, and memory does not grow."""
    rng, chain = np.random.default_rng(0), page.session.chain
    shown = page.figure.bodies[-1]
    waits, sizes = [], []
    ends = time.perf_counter() + SECONDS
    while time.perf_counter() < ends:
        pose = forward_kinematics(chain, rng.uniform(chain.lower, chain.upper))
        before = np.array(shown.position)
        page.gizmo.position = pose[:3, 3]
        page.ask(page._aim, *page.held)
        waits.append(until(lambda old=before: np.any(np.array(shown.position) != old)))
        until(lambda place=pose[:3, 3]: np.abs(tool(page) - place).max() < 1e-3)
        sizes.append(resident())
    middle = len(sizes) // 2
    told = (
        f"{len(waits)} targets in {SECONDS:g} s: joints moved after {1e3 * np.median(waits):.1f} "
        f"ms in the median, {1e3 * max(waits):.1f} at most; {sizes[middle] / 1e6:.1f} MB halfway, "
        f"{sizes[-1] / 1e6:.1f} at the end"
    )
    record_property("told", told)
    logging.getLogger(__name__).info(told)
    assert page.worker.is_alive()
    assert page.sentence.content == ""
    assert sizes[-1] < 1.1 * sizes[middle] + 5e6
