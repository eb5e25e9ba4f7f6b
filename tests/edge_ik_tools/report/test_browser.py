"""The page in a browser: nothing is asked of a network, nothing goes wrong, everything is there."""

import os

import pytest

from edge_ik_tools.report.drawing import words
from edge_ik_tools.report.measuring.elsewhere import Elsewhere
from edge_ik_tools.report.measuring.record import Asked, measure
from edge_ik_tools.report.page.page import page

# Without a screen, and with space drawn by the processor; nothing is looked up by the browser.
FLAGS = (
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
)
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
# The page's policy lets nobody evaluate text in it, which waiting for a function would.
FITTING = """
[...document.querySelectorAll('.plot')].filter((place) => place.offsetParent)
  .every((place) => place._fullLayout && place._fullLayout.width === place.clientWidth)
"""
# Models whose table of the worst targets is wider than its place; those of hidden ones have none.
WORST_CUT = """
[...document.querySelectorAll('.two .scroll')].filter((e) => e.scrollWidth > e.clientWidth)
  .map((e) => [e.scrollWidth, e.clientWidth])
"""
# Machines are slow at times [ms].
PATIENCE = 300_000
# Of every place of a picture that can be seen: how large it is, and what is drawn in it.
PLACES = """
[...document.querySelectorAll('.plot')].filter((place) => place.offsetParent).map((place) => ({
  of: place.closest('figure').dataset.picture,
  width: place.clientWidth,
  height: place.clientHeight,
  right: place.getBoundingClientRect().right,
  space: place.querySelectorAll('canvas').length,
  marks: place.querySelectorAll('.trace, .heatmaplayer image, .hm image').length,
}))
"""
# Where plotly's own camera puts the corners of each box of space, from the left and top edge of its
# place, and from the right and bottom one [px]. Words beside its axes reach some 30 further.
CORNERS = """
[...document.querySelectorAll('.plot.space')].filter((place) => place.offsetParent).map((place) => {
  const { glplot } = place._fullLayout.scene._scene;
  const { model, view, projection } = glplot.cameraParams;
  const four = [0, 1, 2, 3];
  const by = (m, p) => four.map((r) => four.reduce((s, c) => s + m[4 * c + r] * p[c], 0));
  const [low, high] = glplot.bounds;
  const all = [...Array(8).keys()].map((n) => {
    const corner = [0, 1, 2].map((k) => ((n >> k) & 1 ? high : low)[k]);
    const [x, y, , w] = by(projection, by(view, by(model, [...corner, 1])));
    return [(x / w + 1) / 2 * place.clientWidth, (1 - y / w) / 2 * place.clientHeight];
  });
  const [xs, ys] = [0, 1].map((k) => all.map((corner) => corner[k]));
  return {
    of: place.closest('figure').dataset.picture,
    left: Math.min(...xs), right: place.clientWidth - Math.max(...xs),
    top: Math.min(...ys), bottom: place.clientHeight - Math.max(...ys),
  };
})
"""
# Legends in which two names have the same mark before them.
ALIKE = """
[...document.querySelectorAll('.legend')].map((legend) => [...legend.querySelectorAll('svg')]
  .map((swatch) => swatch.style.color + swatch.innerHTML))
  .filter((marks) => new Set(marks).size < marks.length)
"""
# Of each name of a picture's legend, how its mark is drawn.
LEGEND = """
[...document.querySelectorAll('[data-picture=NAME] .legend button')].map((button) => [
  button.textContent,
  [...button.querySelectorAll('path')].map((path) => path.getAttribute('d')).join(' '),
  Number(button.querySelector('path').getAttribute('stroke-width')),
])
"""
# Words of pictures in a plane that stand, in part, outside of their place.
CUT = """
[...document.querySelectorAll('.plot')].filter((place) => place.offsetParent).flatMap((place) => {
  const room = place.getBoundingClientRect();
  const words = [...place.querySelectorAll('svg.main-svg text')];
  return words.filter((word) => word.textContent).map((word) => {
    const box = word.getBoundingClientRect();
    return [word.textContent, box.left - room.left, box.top - room.top, room.right - box.right,
      room.bottom - box.bottom];
  });
}).filter(([, ...sides]) => Math.min(...sides) < -0.5)
"""


@pytest.fixture(scope="module")
def chromium(require_tool):
    """A browser that is driven from here."""
    path = require_tool("chromium", "chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        advice = "'playwright' is missing: pip install 'edge-ik[test]'"
        if os.environ.get("EDGE_IK_REQUIRE_TOOLS", "0") not in ("", "0"):
            pytest.fail(advice, pytrace=False)
        pytest.skip(advice)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(path), args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def opened(chromium, heads, shipped, tmp_path_factory):
    """The page of two models, what it said to the console, and what it asked for."""
    few = Asked(targets=400, points=60, cuts=3)
    records = [measure(subject, few, lambda _: None) for subject in (shipped, heads)]
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(page(records, Elsewhere(), "edge-ik report"), encoding="utf-8")
    context = chromium.new_context(viewport=WIDE, color_scheme="light")
    tab = context.new_page()
    said, asked = [], []
    tab.on("console", lambda message: said.append((message.type, message.text)))
    tab.on("pageerror", lambda error: said.append(("error", str(error))))
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(path.as_uri())
    tab.wait_for_selector("html[data-drawn]", timeout=PATIENCE)
    yield tab, said, asked
    context.close()


@pytest.mark.slow
def test_a_report_in_a_browser(opened):
    """One test: the browser takes longer to draw a page than to be asked of it."""
    tab, said, asked = opened
    check_places(tab, WIDE["width"])
    check_legends(tab)
    check_pointer(tab)
    check_sliders(tab)
    check_worst(tab)
    check_themes(tab)
    tab.set_viewport_size(NARROW)
    tab.click(".tabs button:nth-child(2)")
    while not tab.evaluate(FITTING):
        tab.wait_for_timeout(200)
    check_places(tab, NARROW["width"])
    assert not [text for kind, text in said if kind in ("error", "assert")]
    # Those that a picture kept as data or as a file of its own asks are of no host.
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []


def check_places(tab, width):
    """Every picture has its size, and something in it; nothing is wider than the screen."""
    places = tab.evaluate(PLACES)
    assert len(places) >= 12
    for place in places:
        assert place["width"] > 150, place
        assert place["height"] >= 150, place
        assert place["right"] <= width, place
        assert place["space"] or place["marks"], place
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    for corners in tab.evaluate(CORNERS):
        assert min(corners["left"], corners["right"], corners["bottom"]) >= 28, corners
        assert corners["top"] >= 0, corners
    assert tab.evaluate(CUT) == []
    assert tab.evaluate(ALIKE) == []
    # The worst targets are read without scrolling to the side.
    assert tab.evaluate(WORST_CUT) == []


def check_legends(tab):
    """A legend shows what the picture does: widths of lines, and shapes of marks."""
    found = tab.evaluate(LEGEND.replace("NAME", "joints"))[:3]
    (thin, line, narrow), (thick, same, wide), (worst, cross, _) = found
    assert (thin, thick, worst) == ("90% of the targets", "the middle half", "the worst")
    assert line == same != cross
    assert wide > 3 * narrow


def check_pointer(tab):
    """What the pointer shows are the words that tables have."""
    place = "document.querySelector('[data-picture=workspace] .plot').data[0]"
    told, logs = (
        tab.evaluate(f"Array.from({place}.{name})") for name in ("customdata", "marker.color")
    )
    assert len(told) > 24
    assert told == [words.length(10**log / 1e3) for log in logs]


def check_sliders(tab):
    """A slider changes the colours, and moves its like with it."""
    colors = "document.querySelector('[data-picture=workspace] .plot').data[0].marker.color[0]"
    before = tab.evaluate(colors)
    slider = "[data-picture=workspace] input[data-key=step]"
    tab.eval_on_selector(slider, "e => { e.value = 3; e.dispatchEvent(new Event('input')); }")
    assert tab.evaluate(colors) < before
    other = "[data-picture=cuts] input[data-key=step]"
    assert tab.eval_on_selector(other, "e => e.value") == "3"
    told = tab.inner_text("[data-picture=cuts] .slider output")
    assert told == "+3 steps"


def check_worst(tab):
    """A row of the worst targets shows its posture and its command."""
    place = "document.querySelector('[data-picture=worst] .plot')"
    tool = f"{place}.data.find((trace) => trace.meta === 'posture').x.at(-1)"
    before = tab.evaluate(tool)
    command = tab.inner_text(".detail code")
    tab.click("tbody[data-posture='4'] button")
    assert tab.evaluate(tool) != before
    assert tab.inner_text(".detail code") != command
    assert tab.inner_text(".detail .what").startswith("Target 5:")


def check_themes(tab):
    """Dark is asked for by the button, and pictures follow."""
    ink = "getComputedStyle(document.body).backgroundColor"
    light = tab.evaluate(ink)
    tab.click(".theme")
    assert tab.evaluate("document.documentElement.dataset.theme") == "dark"
    assert tab.evaluate(ink) != light
