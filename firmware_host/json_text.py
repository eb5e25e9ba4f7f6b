"""JSON from elsewhere: read within bounds, so that whoever takes its values meets no surprise."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

# Records here are some six deep; what is deeper could exhaust the stack of whoever walks it.
MOST_DEPTH = 32
# Of a whole number that a float can hold, with its sign.
MOST_DIGITS = 310
# A record of a run takes some 10 KB; what is larger is none.
MOST_BYTES = 16 * 2**20


def parse_json(text: str | bytes, *, finite: bool = True) -> Any:
    """The value that a JSON text has.

    Args:
        text: The text, or its bytes in an encoding of Unicode.
        finite: Whether to refuse the numbers NaN and Infinity, which Python writes and JSON
            lacks.

    Returns:
        Plain values, each number within the range of a float.

    Raises:
        ValueError: If it is no JSON, is nested deeper than `MOST_DEPTH`, or has a number that
            is too large; its text says which.
    """
    constant = _refuse_constant if finite else float
    try:
        value = json.loads(text, parse_constant=constant, parse_float=_real, parse_int=_whole)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    level = [value]
    for _ in range(MOST_DEPTH):
        level = [inner for outer in level for inner in _parts(outer)]
        if not level:
            return value
    raise ValueError(f"it is nested deeper than {MOST_DEPTH} times")


def read_json(path: Path, *, finite: bool = True, most: int = MOST_BYTES) -> Any:
    """`parse_json` of a file.

    Args:
        path: The file.
        finite: As for `parse_json`.
        most: Bytes that it may have.

    Raises:
        OSError: If it cannot be read.
        ValueError: As for `parse_json`, or if the file is too large.
    """
    return parse_json(read_bytes(path, most), finite=finite)


def read_bytes(path: Path, most: int) -> bytes:
    """The content of a file that may be of any size.

    Raises:
        OSError: If it cannot be read.
        ValueError: If it has more bytes than that.
    """
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"it has more than {most:,} bytes")
    return content


def _parts(value: Any) -> list[Any]:
    """The lists and objects in a value; what is not nested has none."""
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list):
        return []
    return [part for part in value if isinstance(part, dict | list)]


def _real(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text[:40]} is too large a number")
    return number


def _whole(text: str) -> int:
    # The length first: reading very many digits takes long.
    if len(text) > MOST_DIGITS or abs(number := int(text)) > sys.float_info.max:
        raise ValueError(f"{text[:40]} is too large a number")
    return number


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")
