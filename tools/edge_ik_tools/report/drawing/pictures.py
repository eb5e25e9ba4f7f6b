"""What a picture is of, said once: for the page and for files of pictures alike.

A picture is one or more panels side by side, each with two axes or three and marks in it. Colours
are words, such as `ink` or `step0`, which `palette` makes numbers of, light or dark.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_ik_tools.report.drawing.ticks import round_places

Array = npt.NDArray[Any]
"""Numbers of any type that are drawn."""

# The least depth of a flat space, in its longest side, and the room around what is drawn.
LEAST_DEPTH, ROOM = 0.15, 0.04
# How much is seen of a line that stands back, from 0 to 1.
FAINT = 0.85


@dataclass(frozen=True)
class Axis:
    """One axis of a panel.

    Attributes:
        label: What it shows, with its unit if its ticks have none.
        unit: That of its numbers, where the ticks have it.
        log: Whether it is logarithmic.
        low: Where it begins, or None for where the marks do.
        high: Where it ends, or None.
        categories: Words in place of numbers, in order.
        ticks: Places with words for them, or none for the usual numbers.
    """

    label: str = ""
    unit: str = ""
    log: bool = False
    low: float | None = None
    high: float | None = None
    categories: tuple[str, ...] = ()
    ticks: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True)
class Slider:
    """Something that can be moved on the page.

    Attributes:
        key: What it moves; sliders of one key in one model move together.
        label: What it says.
        stops: A word for each of its places.
        start: Where it stands at first; files show what is to be seen there.
        spread: Places that files show side by side; none where they show `start` alone.
        shown: Whether it stands beside the picture; otherwise it is moved beside another.
    """

    key: str
    label: str
    stops: tuple[str, ...]
    start: int
    spread: tuple[int, ...] = ()
    shown: bool = True


@dataclass(frozen=True, eq=False)
class Varying:
    """Numbers that a slider changes.

    Attributes:
        over: Keys of the sliders.
        values: The numbers for each place, the last slider's places next to one another.
        places: How many places each slider has.
    """

    over: tuple[str, ...]
    values: tuple[Array, ...]
    places: tuple[int, ...]

    def at(self, state: dict[str, int]) -> Array:
        """The numbers where the sliders stand."""
        return self.values[
            int(np.ravel_multi_index([state[key] for key in self.over], self.places))
        ]


@dataclass(frozen=True)
class Scale:
    """What colours say of numbers, in logarithms.

    Attributes:
        label: What is coloured.
        unit: Its unit, which the ticks have, too.
        low: The number of the first colour.
        high: The number of the last.
        ticks: Numbers with words for them.
    """

    label: str
    unit: str
    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]


@dataclass(frozen=True, eq=False)
class Line:
    """A line through points; NaN interrupts it.

    Attributes:
        x: (N,) coordinates, which a slider may change.
        y: Likewise.
        z: Likewise, in panels of three axes.
        color: Word of a colour.
        name: What the legend says; nothing for none.
        width: In points.
        dash: solid, dash or dot.
        fill: Whether the area down to 0 is tinted.
        dots: Whether the points are marked.
        faint: Whether it stands back.
        key: What a script calls it by.
    """

    x: Array | Sequence[float] | Varying
    y: Array | Sequence[float] | Varying
    z: Array | Sequence[float] | Varying | None = None
    color: str = "ink"
    name: str = ""
    width: float = 2.0
    dash: str = "solid"
    fill: bool = False
    dots: bool = False
    faint: bool = False
    key: str = ""

    @classmethod
    def of(cls, points: Array, **values: Any) -> Line:
        """The line through points in space (N, 3); values as those of the class."""
        x, y, z = points.T
        return cls(x, y, z, **values)


@dataclass(frozen=True, eq=False)
class Points:
    """Points by themselves.

    Attributes:
        x: (N,) coordinates.
        y: Likewise.
        z: Likewise, in panels of three axes.
        color: Word of a colour, or numbers that a scale colours, a slider perhaps changing them.
        scale: That scale.
        name: What the legend says; nothing for none.
        size: In points.
        symbol: circle, ring, diamond, cross or x.
        texts: (N,) words that the pointer shows.
        opacity: From 0 to 1.
        key: What a script calls them by.
    """

    x: Array | Sequence[float]
    y: Array | Sequence[float]
    z: Array | Sequence[float] | None = None
    color: str | Array | Varying = "ink"
    scale: Scale | None = None
    name: str = ""
    size: float = 4.0
    symbol: str = "circle"
    texts: tuple[str, ...] = ()
    opacity: float = 1.0
    key: str = ""

    @classmethod
    def of(cls, points: Array, **values: Any) -> Points:
        """Points in space (N, 3); values as those of the class."""
        x, y, z = points.T
        return cls(x, y, z, **values)


@dataclass(frozen=True, eq=False)
class Bars:
    """Bars, one for each category.

    Attributes:
        labels: The categories.
        values: (N,) how long they are.
        colors: Word of a colour, or one for each.
        name: What the legend says; nothing for none.
        level: Whether they lie.
        texts: Words at their ends.
    """

    labels: tuple[str, ...]
    values: Array | Sequence[float]
    colors: str | tuple[str, ...] = "ink"
    name: str = ""
    level: bool = False
    texts: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Cells:
    """A map of cells, coloured by a scale.

    Attributes:
        x: (C,) middles of the columns.
        y: (R,) middles of the rows.
        values: (R, C) numbers, NaN where there is none; a slider perhaps changes them.
        scale: What colours them.
    """

    x: Array
    y: Array
    values: Array | Varying
    scale: Scale


@dataclass(frozen=True)
class Rule:
    """A line across a panel.

    Attributes:
        at: Where.
        label: What it says.
        axis: The axis that it stands on: x or y.
        color: Word of a colour.
        dash: solid, dash or dot.
        lift: In how many rows of labels from the top its own stands.
    """

    at: float
    label: str = ""
    axis: str = "x"
    color: str = "muted"
    dash: str = "dash"
    lift: int = 0


Mark = Line | Points | Bars | Cells | Rule
"""What is drawn in a panel."""


@dataclass(frozen=True, eq=False)
class Panel:
    """One drawing with its own axes.

    Attributes:
        x: Its first axis.
        y: Its second.
        z: Its third axis, of space.
        marks: What is drawn, in order.
        title: What it shows, where there are several.
        alike: Whether a unit is as long on both axes.
        stacked: Whether bars stand on one another.
        tall: How high it is: 1 is usual.
        wide: Whether it takes the whole width.
        view: Height of the eye in space over its distance, and its azimuth [degrees].
        around: Further points (k, 3) that space is to hold, which a script may draw.
    """

    x: Axis
    y: Axis
    marks: tuple[Mark, ...]
    z: Axis | None = None
    title: str = ""
    alike: bool = False
    stacked: bool = False
    tall: float = 1.0
    wide: bool = False
    view: tuple[float, float] = (0.55, 40.0)
    around: Array | None = None

    @property
    def box(self) -> tuple[Array, Array]:
        """The least and the largest coordinates (3,) of the space that holds all that is drawn."""
        found = [] if self.around is None else [self.around]
        for mark in self.marks:
            if isinstance(mark, Line | Points) and mark.z is not None:
                found += _corners(mark.x, mark.y, mark.z)
        every = np.concatenate(found)
        low, high = np.nanmin(every, axis=0), np.nanmax(every, axis=0)
        longest = float((high - low).max()) or 1.0
        half = np.maximum(high - low, LEAST_DEPTH * longest) * (1 + ROOM) / 2
        middle = (low + high) / 2
        return middle - half, middle + half

    def ticks(self) -> tuple[list[float], list[float], list[float]]:
        """Where the three axes of its space have ticks, a few each and as far apart on all.

        None is close to an end, where the words of two axes would stand over each other.
        """
        low, high = self.box
        longest = float((high - low).max())
        x, y, z = (
            round_places(*ends, longest) for ends in zip(low.tolist(), high.tolist(), strict=True)
        )
        return x, y, z


def _corners(*places: Array | Sequence[float] | Varying) -> list[Array]:
    """The corners (2, 3) that hold points of these coordinates, wherever sliders stand."""
    sides = []
    for place in places:
        values = place.values if isinstance(place, Varying) else (place,)
        flat = np.concatenate([np.asarray(each, dtype=float).ravel() for each in values])
        sides.append((np.nanmin(flat), np.nanmax(flat)) if len(flat) else (np.nan, np.nan))
    return [np.array(sides).T]


@dataclass(frozen=True, eq=False)
class Picture:
    """Panels that belong together.

    Attributes:
        name: What files of it are called.
        title: What it shows.
        reading: One sentence on how to read it.
        panels: The panels.
        sliders: What can be moved.
    """

    name: str
    title: str
    reading: str
    panels: tuple[Panel, ...]
    sliders: tuple[Slider, ...] = ()

    @property
    def scale(self) -> Scale | None:
        """What colours its marks, if a scale does."""
        scales = (getattr(mark, "scale", None) for panel in self.panels for mark in panel.marks)
        return next((scale for scale in scales if scale is not None), None)

    @property
    def start(self) -> dict[str, int]:
        """Where the sliders stand at first."""
        return {slider.key: slider.start for slider in self.sliders}
