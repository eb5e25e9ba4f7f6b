"""The benchmark firmware, written beside the C code generated for a model."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path
from string import Template

from firmware_host.errors import ConfigError
from firmware_host.files import tidy_folder, write_text

FOLDER = "board"
BOARD = "board_template.c"
SOURCES = ("edge_ik_bench_main.c", "edge_ik_board.h", "edge_ik_link.c", "edge_ik_link.h")

_TEMPLATES = {"edge_ik_model.h": "edge_ik_model.h.in", "README.md": "README.md.in"}


def write_board_firmware(folder: str | Path, name: str) -> list[Path]:
    """Write the benchmark firmware for a generated model, with the same bytes every time.

    A board's file that is there already is kept, because it is there to be adapted.

    Args:
        folder: That of the generated model; the firmware goes into its folder `board`.
        name: Name of the model in its C code.

    Returns:
        The files written, in order of their names.

    Raises:
        ConfigError: If the name is no name in C.
        WriteError: If a file cannot be written.
    """
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise ConfigError(f"Expected the name of a model in C. Received: {name!r}")
    out = Path(folder) / FOLDER
    tidy_folder(out)
    values = {"name": name, "NAME": name.upper(), "board": BOARD}
    texts = {file: _source(file) for file in (*SOURCES, BOARD)}
    for file, template in _TEMPLATES.items():
        texts[file] = Template(_source(template)).substitute(values)
    for file, text in texts.items():
        # Somebody has adapted the board's file to a board, and may not lose that.
        if file != BOARD or not (out / file).exists():
            write_text(out / file, text)
    return sorted(out / file for file in texts)


def sources_folder() -> Path:
    """The folder of the C sources, which are the same for every model."""
    return Path(str(resources.files("edge_ik_tools.board") / "sources"))


def _source(name: str) -> str:
    return (sources_folder() / name).read_text(encoding="ascii")
