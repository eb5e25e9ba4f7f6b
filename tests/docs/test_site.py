"""The pages in Chromium, opened from disk: two of them, built with the site's own settings."""

import re
import shutil

import pytest
from mkdocs.commands.build import build
from mkdocs.config import load_config
from mkdocs.utils import yaml_load
from playwright.sync_api import sync_playwright

# The second has its equation as the hooks write one.
PAGES = {
    "index.md": "# First\n\nNothing is looked for here.\n",
    "deep/second.md": "# Second\n\nAn aardvark. <math><msub><mi>L</mi><mn>1</mn></msub></math>\n",
}
BOTTOMS = "[...document.querySelectorAll('mi, mn')].map((e) => e.getBoundingClientRect().bottom)"
# A font that is not there leaves the width to the one named after it.
INSTALLED = """(name) => {
  const brush = document.createElement("canvas").getContext("2d");
  const width = (font) => ((brush.font = font), brush.measureText("Width").width);
  return width(`40px "${name}", monospace`) !== width("40px monospace");
}"""


@pytest.fixture(scope="module")
def site(source_root, tmp_path_factory):
    """The folder of the pages."""
    folder = tmp_path_factory.mktemp("site")
    docs, made = folder / "docs", folder / "made"
    docs.mkdir()
    for path in (*source_root.glob("docs/*.css"), *source_root.glob("docs/*.js")):
        shutil.copy(path, docs)
    for name, text in PAGES.items():
        (docs / name).parent.mkdir(exist_ok=True)
        (docs / name).write_text(text)
    settings = source_root / "mkdocs.yml"
    plugins = [
        plugin for plugin in yaml_load(settings.read_text())["plugins"] if isinstance(plugin, str)
    ]
    config = load_config(
        str(settings),
        docs_dir=str(docs),
        site_dir=str(made),
        plugins=plugins,
        hooks=[],
        nav=list(PAGES),
    )
    config.plugins.on_startup(command="build", dirty=False)
    build(config)
    return made


@pytest.fixture(scope="module")
def tab(require_tool):
    path = require_tool("chromium", "chromium")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(path), args=["--no-sandbox"])
        yield browser.new_page(viewport={"width": 1280, "height": 600})
        browser.close()


@pytest.mark.slow
def test_they_can_be_searched_without_a_network(site, tab):
    asked = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto((site / "index.html").as_uri())
    tab.click("input.md-search__input")
    tab.wait_for_selector("text=Type to start searching")
    tab.keyboard.type("aardvark")
    tab.click("a.md-search-result__link")
    tab.wait_for_url("**/deep/second.html*")
    assert len(asked) > 2
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []


@pytest.mark.slow
def test_a_subscript_stands_below_the_line(site, tab, without):
    style = (site / "style.css").read_text()
    (fonts,) = re.findall(r"^math \{\s*font-family: ([^;]*)", style, re.MULTILINE)
    tab.goto((site / "deep" / "second.html").as_uri())
    if not any(tab.evaluate(INSTALLED, name) for name in re.findall('"([^"]+)"', fonts)):
        without("no font for formulas is installed: apt-get install fonts-dejavu-extra")
    line, subscript = tab.evaluate(BOTTOMS)
    assert subscript > line + 3
