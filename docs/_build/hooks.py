"""What mkdocs builds beside the written pages: the references, pictures, and equations.

All of it is made of the sources while the pages are built, so that it cannot fall behind them.
"""

from __future__ import annotations

import html
import logging
import re
import sys
from pathlib import Path
from typing import Any

import latex2mathml.converter
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from edge_ik.cli import main

sys.path.insert(0, str(Path(__file__).parent))

from c_reference import c_reference  # noqa: E402 - of this folder
from command_reference import command_reference  # noqa: E402
from notebooks import notebook_pages  # noqa: E402
from pictures import pictures  # noqa: E402
from python_reference import python_reference  # noqa: E402
from reports import reports  # noqa: E402
from tables import configuration_tables, robot_gallery  # noqa: E402

# Warnings of this name count in a strict build.
LOG = logging.getLogger("mkdocs.plugins.edge_ik")
EQUATION = re.compile(
    r'<(span|div) class="arithmatex">\s*(?:\\\(|\\\[)(.*?)(?:\\\)|\\\])\s*</\1>', re.DOTALL
)
MODEL = Path("artifacts/arm3/arm3-int8.tflite")
# Its introduction is written, and the commands follow.
COMMAND_LINE = "reference/command-line.md"


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add what is generated."""
    root = Path(config.config_file_path).parent
    texts = {
        **python_reference(root, LOG.warning),
        **notebook_pages(root / "docs" / "notebooks"),
        "reference/c.md": c_reference(root / MODEL),
        "reference/configuration.md": configuration_tables(),
        "gallery.md": robot_gallery(root),
    }
    for path, text in texts.items():
        files.append(File.generated(config, path, content=text))
    for path, made in {**pictures(), **reports(root)}.items():
        # What the repository has of it, for those who read the text there, may be older.
        there = files.get_file_from_path(path)
        if there is not None:
            files.remove(there)
        files.append(File.generated(config, path, content=made))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Add the commands to the page of them."""
    del config, files
    if page.file.src_uri != COMMAND_LINE:
        return markdown
    return f"{markdown}\n{command_reference(main, 'edge-ik', LOG.warning)}"


def on_page_content(content: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Write equations as MathML, which browsers show by themselves."""
    del page, config, files
    return EQUATION.sub(_mathml, content)


def _mathml(found: re.Match[str]) -> str:
    display: Any = "block" if found.group(1) == "div" else "inline"
    return latex2mathml.converter.convert(html.unescape(found.group(2)).strip(), display=display)
