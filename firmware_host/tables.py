"""Tables of text: what is measured, as people read it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

TextRow = tuple[str, ...]
"""The cells of a row."""


class TextTable(NamedTuple):
    """A table of text, for whoever draws it.

    Attributes:
        title: What it shows.
        columns: The heads of its columns.
        rows: The cells, one sequence a row.
    """

    title: str
    columns: tuple[str, ...]
    rows: list[TextRow]


def microseconds(figures: Mapping[str, float]) -> list[str]:
    """Median, 99th percentile and maximum, to a tenth."""
    return [f"{figures[name]:.1f}" for name in ("p50", "p99", "max")]


def joint_value(value: float, unit: str) -> str:
    """A joint's value as people read it, degrees or millimetres; its unit is "rad" or "m"."""
    return f"{1e3 * value:.2f} mm" if unit == "m" else f"{math.degrees(value):.2f} deg"


def percent(share: float) -> str:
    """A share in percent, without the sign."""
    # Rounding must not make a share of less than one look like all.
    return "100" if share == 1 else f"{min(100 * share, 99.99):.2f}"


def megabytes(size: int | None) -> str:
    """A size in megabytes, or a dash where it is not known."""
    return "-" if size is None else f"{size / 1e6:.0f}"
