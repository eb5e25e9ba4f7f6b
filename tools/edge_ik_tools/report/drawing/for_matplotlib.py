"""Pictures as files: the same descriptions, drawn by matplotlib as PNG and SVG."""

from __future__ import annotations

import itertools
import math
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from edge_ik_tools.report.drawing.arrays import FEW
from edge_ik_tools.report.drawing.palette import ERROR_LIGHT, LIGHT
from edge_ik_tools.report.drawing.pictures import (
    FAINT,
    Axis,
    Bars,
    Cells,
    Line,
    Panel,
    Picture,
    Points,
    Rule,
    Scale,
    Varying,
)
from firmware_host.errors import optional_import
from firmware_host.files import ELSEWHERE, write_atomically
from firmware_host.names import in_picture

# The share of a category's place that its bars fill.
BAR_SHARE = 0.72
# The height of a panel, in usual ones, at most.
MOST_TALL = 1.3
# Inches of a panel of usual height, and dots of an inch.
PANEL_WIDTH, PANEL_HEIGHT, DPI = 4.6, 3.6, 110
DASHES = {"solid": "-", "dash": "--", "dot": ":"}
SYMBOLS = {"circle": "o", "diamond": "D", "ring": "o", "cross": "+", "x": "x"}
STYLE = {
    "font.size": 9,
    "font.family": ["DejaVu Sans"],
    "axes.edgecolor": LIGHT["faint"],
    "axes.labelcolor": LIGHT["muted"],
    "axes.titlecolor": LIGHT["ink"],
    "axes.titlesize": 10,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": LIGHT["grid"],
    "grid.linewidth": 0.8,
    "xtick.color": LIGHT["muted"],
    "ytick.color": LIGHT["muted"],
    "text.color": LIGHT["ink"],
    # Curves do not cross its words.
    "legend.facecolor": LIGHT["paper"],
    "legend.edgecolor": LIGHT["paper"],
    "legend.framealpha": 0.9,
    "legend.fontsize": 8,
    "svg.hashsalt": "edge-ik",
    "svg.fonttype": "path",
}


def require_matplotlib() -> None:
    """Tell which extra is missing if it is.

    Raises:
        MissingExtraError: If matplotlib is not installed.
    """
    with optional_import("matplotlib", "report", "Drawing a report"):
        import matplotlib  # noqa: F401 - looked for


def draw_picture(picture: Picture, png: Path, svg: Path, elsewhere: str = ELSEWHERE) -> None:
    """Draw a picture: where its sliders stand at first, or all places of one side by side.

    The same picture always gives the same files.

    Args:
        picture: The picture.
        png: Where the one in dots goes.
        svg: Where the one in lines goes.
        elsewhere: What can be done where they cannot be written.

    Raises:
        MissingExtraError: If matplotlib is not installed.
        WriteError: If a file cannot be written.
    """
    require_matplotlib()
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE), warnings.catch_warnings():
        # Letters that the font lacks are drawn as boxes.
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
        figure = _figure(Figure, picture)
        # Once for both files: finding room for all labels takes most of the time.
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
        dots = {"metadata": {"Software": None}, "pil_kwargs": {"optimize": True}}
        lines = {"metadata": {"Date": None, "Creator": None}}
        for path, options in ((png, dots), (svg, lines)):
            write_atomically(path, partial(figure.savefig, **options), elsewhere)


def _figure(kind: Any, picture: Picture) -> Any:
    """The picture as a figure of matplotlib: its panels, for each place of a spread slider."""
    spread = next((slider for slider in picture.sliders if slider.spread), None)
    states = [picture.start]
    if spread is not None:
        states = [picture.start | {spread.key: place} for place in spread.spread]
    rows, columns = len(states), len(picture.panels)
    if columns == 1:
        rows, columns = -(-rows // 2), min(rows, 2)
    tall = max(panel.tall for panel in picture.panels)
    size = (PANEL_WIDTH * columns, PANEL_HEIGHT * min(tall, MOST_TALL) * rows)
    figure = kind(figsize=size, layout="constrained", dpi=DPI)
    colored = None
    places = itertools.product(range(len(states)), picture.panels)
    for index, (state, panel) in enumerate(places, start=1):
        projection = None if panel.z is None else "3d"
        axes = figure.add_subplot(rows, columns, index, projection=projection)
        colored = _draw(axes, panel, states[state]) or colored
        title = panel.title
        if spread is not None:
            stop = spread.stops[states[state][spread.key]]
            title = f"{title}: {stop}" if title else stop
        axes.set_title(in_picture(title), loc="left")
    if colored is not None and picture.scale is not None:
        _colorbar(figure, colored, picture.scale)
    return figure


def _colorbar(figure: Any, colored: Any, scale: Scale) -> None:
    """What the colours mean, once for all panels."""
    bar = figure.colorbar(
        colored,
        ax=figure.axes,
        location="bottom",
        shrink=0.5 if len(figure.axes) > 1 else 0.8,
        aspect=60,
        pad=0.02,
        label=scale.label,
    )
    bar.outline.set_visible(False)
    bar.solids.set_alpha(1)
    places, labels = zip(*((math.log10(value), text) for value, text in scale.ticks), strict=True)
    bar.set_ticks(places, labels=labels)
    bar.ax.tick_params(length=2)


def _draw(axes: Any, panel: Panel, state: dict[str, int]) -> Any:
    """One panel with its marks; what a scale colours in it, if anything."""
    bars = [mark for mark in panel.marks if isinstance(mark, Bars)]
    colored = None
    below: np.ndarray | None = None
    for mark in panel.marks:
        if isinstance(mark, Line):
            _line(axes, mark, state)
        elif isinstance(mark, Points):
            colored = _points(axes, mark, state) or colored
        elif isinstance(mark, Cells):
            colored = _cells(axes, mark, state)
        elif isinstance(mark, Bars):
            place = (bars.index(mark) - (len(bars) - 1) / 2) / len(bars)
            below = _bars(axes, mark, (0.0, 1) if panel.stacked else (place, len(bars)), below)
            below = below if panel.stacked else None
        else:
            _rule(axes, mark)
    _axes(axes, panel, bars)
    handles, _ = axes.get_legend_handles_labels()
    if 1 < len(handles) <= FEW:
        axes.legend(loc="best" if panel.z is None else "upper left", handlelength=1.4)
    return colored


def _at(values: Any, state: dict[str, int]) -> np.ndarray:
    return np.asarray(values.at(state) if isinstance(values, Varying) else values, dtype=float)


def _places(mark: Line | Points, state: dict[str, int]) -> list[np.ndarray]:
    return [_at(each, state) for each in (mark.x, mark.y, mark.z) if each is not None]


def _label(name: str) -> str | None:
    return in_picture(name) if name else None


def _line(axes: Any, mark: Line, state: dict[str, int]) -> None:
    places = _places(mark, state)
    color = LIGHT[mark.color]
    axes.plot(
        *places,
        color=color,
        linewidth=0.75 * mark.width if mark.z is None else 0.4 * mark.width,
        linestyle=DASHES[mark.dash],
        marker="o" if mark.dots else "",
        markersize=3,
        alpha=FAINT if mark.faint else 1.0,
        label=_label(mark.name),
        solid_capstyle="butt",
    )
    if mark.fill:
        axes.fill_between(*places, color=color, alpha=0.1, linewidth=0)


def _points(axes: Any, mark: Points, state: dict[str, int]) -> Any:
    places = _places(mark, state)
    size = mark.size**2
    usual = {
        "marker": SYMBOLS[mark.symbol],
        "s": size,
        "alpha": max(mark.opacity, 0.6),
        "label": _label(mark.name),
    }
    if mark.symbol in ("circle", "diamond"):
        usual["linewidths"] = 0
    if mark.symbol == "ring":
        usual |= {"facecolors": "none", "edgecolors": LIGHT[str(mark.color)]}
        axes.scatter(*places, **usual)
        return None
    if isinstance(mark.color, str):
        axes.scatter(*places, color=LIGHT[mark.color], **usual)
        return None
    assert mark.scale is not None  # noqa: S101 - narrows the type
    values = np.log10(np.maximum(_at(mark.color, state), mark.scale.low))
    return axes.scatter(*places, c=values, **usual, **_colored(mark.scale))


def _cells(axes: Any, mark: Cells, state: dict[str, int]) -> Any:
    values = np.log10(np.maximum(_at(mark.values, state), mark.scale.low))
    return axes.pcolormesh(mark.x, mark.y, values, shading="nearest", **_colored(mark.scale))


def _colored(scale: Scale) -> dict[str, Any]:
    from matplotlib.colors import LinearSegmentedColormap

    return {
        "cmap": LinearSegmentedColormap.from_list("errors", ERROR_LIGHT),
        "vmin": math.log10(scale.low),
        "vmax": math.log10(scale.high),
    }


def _bars(axes: Any, mark: Bars, place: tuple[float, int], below: np.ndarray | None) -> np.ndarray:
    """Bars, where among so many of a category, on those below; where they end."""
    values = np.asarray(mark.values, dtype=float)
    colors = mark.colors
    color = LIGHT[colors] if isinstance(colors, str) else [LIGHT[each] for each in colors]
    offset, count = place
    at = np.arange(len(values)) + BAR_SHARE * offset
    draw, start = (axes.barh, "left") if mark.level else (axes.bar, "bottom")
    drawn = draw(
        at, values, BAR_SHARE / count, **{start: below}, color=color, label=_label(mark.name)
    )
    if mark.texts:
        axes.bar_label(drawn, [in_picture(text) for text in mark.texts], padding=2, fontsize=8)
    return values if below is None else below + values


def _rule(axes: Any, mark: Rule) -> None:
    color, dash = LIGHT[mark.color], DASHES[mark.dash]
    if mark.axis == "x":
        axes.axvline(mark.at, color=color, linestyle=dash, linewidth=1)
        where = {
            "xy": (mark.at, 0.99 - 0.07 * mark.lift),
            "xycoords": ("data", "axes fraction"),
            "va": "top",
        }
    else:
        axes.axhline(mark.at, color=color, linestyle=dash, linewidth=1)
        where = {
            "xy": (0.99, mark.at),
            "xycoords": ("axes fraction", "data"),
            "ha": "right",
            "va": "bottom",
        }
    if mark.label:
        axes.annotate(in_picture(mark.label), color=color, fontsize=8, **where)


def _axes(axes: Any, panel: Panel, bars: list[Bars]) -> None:
    level = bool(bars) and bars[0].level
    own = bars[0].labels if bars else ()
    _axis(axes, "x", panel.x, () if level else own)
    _axis(axes, "y", panel.y, own if level else ())
    if panel.z is not None:
        axes.set_zlabel(in_picture(panel.z.label))
        low, high = panel.box
        for each, least, most in zip("xyz", low, high, strict=True):
            getattr(axes, f"set_{each}lim")(least, most)
        # A little smaller, so that labels beside it are within the picture.
        axes.set_box_aspect((high - low) / (high - low).max(), zoom=0.9)
        height, azimuth = panel.view
        axes.view_init(elev=math.degrees(math.atan(height)), azim=azimuth)
        axes.grid(visible=True)
        for each, ticks in zip((axes.xaxis, axes.yaxis, axes.zaxis), panel.ticks(), strict=True):
            each.pane.fill = False
            each.pane.set_edgecolor(LIGHT["grid"])
            each.set_ticks(ticks)
            each.set_tick_params(labelsize=7, pad=0)
    elif panel.alike:
        axes.set_aspect("equal", adjustable="box")


def _axis(axes: Any, name: str, axis: Axis, categories: tuple[str, ...]) -> None:
    getattr(axes, f"set_{name}label")(in_picture(axis.label))
    if axis.log:
        getattr(axes, f"set_{name}scale")("log")
    words = axis.categories or categories
    if words:
        slanted = (
            {"rotation": 25, "ha": "right"} if name == "x" and max(map(len, words)) > 6 else {}
        )
        labels = [in_picture(word) for word in words]
        getattr(axes, f"set_{name}ticks")(range(len(words)), labels=labels, **slanted)
        axes.grid(visible=False, axis=name)
    elif axis.ticks:
        places, told = zip(*axis.ticks, strict=True)
        getattr(axes, f"set_{name}ticks")(places, labels=told)
        getattr(axes, f"set_{name}ticks")([], minor=True)
    if axis.low is not None and axis.high is not None:
        getattr(axes, f"set_{name}lim")(axis.low, axis.high)
