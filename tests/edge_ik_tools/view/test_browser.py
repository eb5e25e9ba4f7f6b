"""The page in Chromium: it shows what the session says, alone and with a second visitor."""

import time

import numpy as np
import pytest
from playwright.sync_api import sync_playwright

from edge_ik_tools.view.serve import LOOPBACK, of_model, start

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
# Patience for software that draws in software [ms].
PATIENCE = 120_000


@pytest.fixture
def page(source_root):
    model = source_root / "artifacts" / "arm3" / "arm3-int8.tflite"
    made = start(of_model(model, "reference"), port=0)
    yield made
    made.close()


@pytest.fixture
def browser(require_tool):
    path = require_tool("chromium", "chromium")
    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=str(path), args=FLAGS)
        yield opened
        opened.close()


def visit(browser, page):
    """A visitor's tab, and what it complained of and asked for."""
    tab = browser.new_page(viewport={"width": 640, "height": 480})
    tab.set_default_timeout(PATIENCE)
    complaints, hosts = [], set()
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    tab.on("request", lambda asked: hosts.add(asked.url.split("/")[2]))
    tab.goto(f"http://{LOOPBACK}:{page.server.get_port()}")
    tab.wait_for_selector("text=nearest limit")
    return tab, complaints, hosts


@pytest.mark.slow
def test_visitors_see_the_answer_and_nobody_else_is_asked(page, browser):
    tab, complaints, hosts = visit(browser, page)
    other, more, others = visit(browser, page)
    assert "solved" in tab.content()
    above = np.array([0.0, 0.0, 3.0])
    place = np.array(page.gizmo.position) + above
    page.gizmo.position = place
    began = time.perf_counter()
    page.ask(page._aim)
    for each in (tab, other):
        each.wait_for_selector("text=unreachable")
    assert time.perf_counter() - began < PATIENCE / 1e3
    tab.close()
    page.gizmo.position = place - above
    page.ask(page._aim)
    other.wait_for_selector("text=/^solved$/")
    assert complaints == more == []
    assert hosts | others == {f"{LOOPBACK}:{page.server.get_port()}"}
