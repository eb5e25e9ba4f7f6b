"""A folder of pictures: what the page shows, as PNG and SVG, and the numbers as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from edge_ik_tools.report.drawing.album import album, common_pictures
from edge_ik_tools.report.drawing.for_matplotlib import require_matplotlib, write_picture
from edge_ik_tools.report.measuring.elsewhere import Elsewhere
from edge_ik_tools.report.measuring.record import Record
from edge_ik_tools.report.measuring.records import plain
from firmware_host.errors import RunError
from firmware_host.files import write_text
from firmware_host.names import file_name

RECORD_FILE = "record.json"


def write_pictures(
    records: Sequence[Record],
    elsewhere: Elsewhere,
    folder: Path,
    tell: Callable[[str], None],
) -> None:
    """Write every picture of a report, and each model's record.

    Args:
        records: What was measured of each model.
        elsewhere: What other commands measured.
        folder: Where the files go; of several models each has a folder of its own in it.
        tell: Called with a line before each model.

    Raises:
        MissingExtraError: If matplotlib is not installed.
        RunError: If a file cannot be written.
    """
    require_matplotlib()
    for number, record in enumerate(records):
        own = folder if len(records) == 1 else folder / f"{number + 1}-{file_name(record.label)}"
        tell(f"{record.label}: drawing pictures into {own}")
        for picture in album(record).pictures:
            write_picture(picture, own)
        try:
            text = json.dumps(plain(record), separators=(",", ":"))
            write_text(own / RECORD_FILE, text + "\n")
        except OSError as error:
            raise RunError(f"'{own / RECORD_FILE}' cannot be written: {error}.") from error
    for picture in common_pictures(records, elsewhere):
        write_picture(picture, folder)
