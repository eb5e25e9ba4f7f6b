"""Numbers and names as pictures and tables of a report have them."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

import numpy as np

from edge_ik.tables import figure_cell
from firmware_host.chain import FloatArray
from firmware_host.names import one_line

# Lengths from here on are told in metres: in three digits they would be 1000 mm.
LEAST_METRES = 0.9995
# Angles of less are no help on a robot: its own tolerance is a hundred times as much.
LEAST_DEGREES = 1e-3
# Characters of a name in a picture.
LONGEST_LABEL = 28


def steps_name(steps: int) -> str:
    """What answers after a number of steps are called."""
    if steps == 0:
        return "network alone"
    return f"+{steps} step{'s' * (steps > 1)}"


def steps_short(steps: int) -> str:
    """The same in a legend."""
    return f"+{steps}" if steps else "network"


def label(text: str, longest: int = LONGEST_LABEL) -> str:
    """A name as a picture has it: in one line, not long, with its end kept."""
    line = one_line(text)
    if len(line) <= longest:
        return line
    half = (longest - 1) // 2
    return f"{line[: longest - 1 - half]}…{line[-half:]}"


def short_names(names: Sequence[str], longest: int = 16) -> tuple[str, ...]:
    """Names without the words that all of them begin or end with, and not long."""
    parts = [name.split("_") for name in names]
    while len(names) > 1 and all(len(part) > 1 and part[-1] == parts[0][-1] for part in parts):
        parts = [part[:-1] for part in parts]
    while len(names) > 1 and all(len(part) > 1 and part[0] == parts[0][0] for part in parts):
        parts = [part[1:] for part in parts]
    return tuple(label("_".join(part), longest) for part in parts)


def markup(text: str) -> str:
    """Text as plotly and HTML show it letter by letter."""
    return html.escape(text, quote=True)


def length(metres: float) -> str:
    """A length in three digits with the unit that fits, from metres to nanometres.

    The page's script has the same rule for what the pointer shows.
    """
    if not math.isfinite(metres):
        return "-"
    if metres == 0:
        return "0 mm"
    if metres >= LEAST_METRES:
        return f"{metres:,.0f} m" if metres >= 1000 else f"{metres:.3g} m"
    if metres >= 1e-4:
        return f"{1e3 * metres:.3g} mm"
    if metres >= 1e-7:
        return f"{1e6 * metres:.3g} µm"
    return f"{1e9 * metres:.3g} nm" if metres >= 1e-9 else "< 1 nm"


def duration(microseconds: float) -> str:
    """A time in three digits with the unit that fits, from microseconds to seconds."""
    for unit, size_ in (("s", 1e6), ("ms", 1e3)):
        if microseconds >= 0.9995 * size_:
            return f"{microseconds / size_:.3g} {unit}"
    return f"{microseconds:.3g} µs"


def angle(radians: float) -> str:
    """An angle in degrees with its unit."""
    degrees = math.degrees(radians)
    if degrees == 0 or degrees >= LEAST_DEGREES:
        return f"{degrees:.3g}°"
    return f"< {LEAST_DEGREES:g}°"


def error(metres: float, radians: float | None) -> str:
    """How far off something is: its distance, and its angle where targets have one."""
    return length(metres) if radians is None else f"{length(metres)} and {angle(radians)}"


def share(value: float) -> str:
    """A share in percent, with its sign."""
    text = figure_cell(value, "%")
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text}%"


def joint_units(unit: str) -> tuple[float, str]:
    """What a joint's numbers are multiplied by for people, and the unit then."""
    return (1e3, "mm") if unit == "m" else (180 / math.pi, "°")


def joint_value(value: float, unit: str, digits: int = 1) -> str:
    """A joint's number [rad, m] with its unit."""
    scale, sign = joint_units(unit)
    return f"{scale * value:.{digits}f}{' ' if sign == 'mm' else ''}{sign}"


def size(count: float) -> str:
    """A number of bytes as people say it."""
    return f"{count:,.0f} B" if count < 10_000 else f"{count / 1000:,.1f} KB"


def middles(edges: FloatArray) -> FloatArray:
    """The middles (B,) between edges (B + 1,)."""
    return np.asarray((edges[1:] + edges[:-1]) / 2)
