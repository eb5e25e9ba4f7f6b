"""A folder of pictures: what the page shows, as PNG and SVG, and the numbers as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edge_ik_tools.report.drawing.album import album, common_pictures
from edge_ik_tools.report.drawing.for_matplotlib import draw_picture, require_matplotlib
from edge_ik_tools.report.drawing.numbers import numbers
from edge_ik_tools.report.drawing.pictures import Picture
from edge_ik_tools.report.measuring.elsewhere import Elsewhere
from edge_ik_tools.report.measuring.record import Record
from edge_ik_tools.report.measuring.records import plain
from firmware_host.files import make_folder, write_text
from firmware_host.names import file_name
from firmware_host.progress import Done, Tell

RECORD_FILE = "record.json"
# Of the numbers in a record whose names have none at their ends, as those of `rmse_m` do.
UNITS = "lengths in metres, angles in radians, shares of 1"
# What can be done where pictures cannot be written.
ELSEWHERE = "name another folder with --figures"


def write_pictures(
    records: Sequence[Record],
    elsewhere: Elsewhere,
    folder: Path,
    tell: Tell,
) -> None:
    """Write every picture of a report, and each model's record.

    Args:
        records: What was measured of each model.
        elsewhere: What other commands measured.
        folder: Where the files go; of several models each has a folder of its own in it.
        tell: Called with a line before each model, and how many of its pictures are drawn.

    Raises:
        MissingExtraError: If matplotlib is not installed.
        WriteError: If a file cannot be written.
    """
    require_matplotlib()
    for number, record in enumerate(records):
        own = folder if len(records) == 1 else folder / f"{number + 1}-{file_name(record.label)}"
        tell(f"{record.label}: drawing pictures into {own}")
        _write(album(record).pictures, own, tell)
        write_text(own / RECORD_FILE, _compact({"units": UNITS, **plain(record)}), ELSEWHERE)
    _write(common_pictures(records, elsewhere), folder, tell)


def _write(pictures: Sequence[Picture], folder: Path, tell: Tell) -> None:
    make_folder(folder, ELSEWHERE)
    for number, picture in enumerate(pictures):
        tell(Done("Drawing", number, len(pictures), "pictures"))
        png, svg, numbered = (
            folder / f"{picture.name}{suffix}" for suffix in (".png", ".svg", ".json")
        )
        draw_picture(picture, png, svg, ELSEWHERE)
        write_text(numbered, _compact(numbers(picture)), ELSEWHERE)


def _compact(values: Any) -> str:
    return json.dumps(values, separators=(",", ":")) + "\n"
