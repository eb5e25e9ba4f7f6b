"""Writing files so that a reader never meets half of one."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


def write_atomically(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a temporary file beside `path`, then rename it into place.

    Args:
        path: The file to replace.
        write: Called with the temporary path, which keeps the suffix of `path`.
    """
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    try:
        write(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def remove_partial_files(folder: Path) -> None:
    """Remove what writers that were killed left behind; none may be at work in the folder."""
    for path in folder.glob(".*.partial*"):
        path.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file in one piece."""
    write_atomically(path, lambda temporary: _fill(temporary, text))


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write a JSON file in one piece."""
    write_text(path, json.dumps(values, indent=2) + "\n")


def _fill(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
