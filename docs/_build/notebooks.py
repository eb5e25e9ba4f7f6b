"""Notebooks as pages: their text and their cells, with a link to the file."""

from __future__ import annotations

import json
from pathlib import Path


def notebook_pages(folder: Path) -> dict[str, str]:
    """Pages by path.

    Args:
        folder: Where the notebooks are.
    """
    return {f"notebooks/{path.stem}.md": _page(path) for path in sorted(folder.glob("*.ipynb"))}


def _page(path: Path) -> str:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    parts = []
    for cell in cells:
        text = "".join(cell["source"])
        parts.append(text if cell["cell_type"] == "markdown" else f"```python\n{text}\n```")
    title, rest = parts[0].split("\n", 1)
    link = f"[The notebook]({path.name}) runs as it is, from the root of a checkout."
    return "\n\n".join([title, link, rest, *parts[1:]]) + "\n"
