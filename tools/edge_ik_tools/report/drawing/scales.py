"""Logarithmic axes with words that people read: 1 µm, 0.1 mm, 10%."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edge_ik_tools.report.drawing.pictures import Axis, Scale

# Ticks of an axis, at most.
MOST_TICKS = 7
# Errors that colours tell apart [mm].
ERRORS = Scale(
    "error",
    "mm",
    1e-3,
    100.0,
    (
        (1e-3, "≤ 1 µm"),
        (1e-2, "10 µm"),
        (0.1, "0.1 mm"),
        (1.0, "1 mm"),
        (10.0, "10 mm"),
        (100.0, "100 mm"),
    ),
)
LENGTHS = (("m", 3), ("mm", 0), ("µm", -3), ("nm", -6), ("pm", -9))


def logarithmic(label: str, values: Sequence[npt.ArrayLike], millimetres: bool = False) -> Axis:
    """A logarithmic axis for numbers, whole decades long.

    Args:
        label: What it shows, with its unit if that is not millimetres.
        values: Arrays of numbers; those that are not above 0 have no place on it.
        millimetres: Whether the numbers are lengths in millimetres, told in fitting units.
    """
    flat = np.concatenate([np.ones(0), *(np.asarray(each, float).ravel() for each in values)])
    flat = flat[np.isfinite(flat) & (flat > 0)]
    if not len(flat):
        flat = np.array([1.0])
    # What hardly goes beyond a power of ten gets no decade of its own.
    first = math.floor(math.log10(float(flat.min())) + 1e-6)
    last = max(math.ceil(math.log10(float(flat.max())) - 1e-6), first + 1)
    every = -(-(last - first) // (MOST_TICKS - 1))
    powers = range(first, last + 1, every)
    name = _length if millimetres else _plain
    ticks = tuple((10.0**power, name(power)) for power in powers)
    return Axis(
        label,
        "mm" if millimetres else "",
        log=True,
        low=10.0**first,
        high=10.0**last,
        ticks=ticks,
    )


def _length(power: int) -> str:
    """The words for a power of ten of millimetres."""
    for unit, exponent in LENGTHS:
        if power >= exponent:
            return f"{10 ** (power - exponent)} {unit}"
    return f"10{_raised(power)} mm"


def _plain(power: int) -> str:
    """The words for a power of ten."""
    if -4 <= power <= 5:
        return f"{10**power:,}" if power >= 0 else f"{10.0**power:.{-power}f}"
    return f"10{_raised(power)}"


def _raised(power: int) -> str:
    return str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
