"""Pictures as files: the same descriptions, drawn by matplotlib as PNG and SVG."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np

from edge_ik_tools.report.drawing.arrays import FEW
from edge_ik_tools.report.drawing.palette import ERROR_LIGHT, LIGHT
from edge_ik_tools.report.drawing.pictures import (
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
from firmware_host.errors import MissingExtraError, RunError
from firmware_host.files import write_json
from firmware_host.names import in_picture

# Inches of a panel of usual height, and dots of an inch.
PANEL_WIDTH, PANEL_HEIGHT, DPI = 4.6, 3.6, 110
DASHES = {"solid": "-", "dash": "--", "dot": ":"}
SYMBOLS = {"circle": "o", "diamond": "D", "cross": "+", "x": "x"}
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
    "legend.frameon": False,
    "legend.fontsize": 8,
    "svg.hashsalt": "edge-ik",
    "svg.fonttype": "path",
}


def require_matplotlib() -> None:
    """Tell which extra is missing if it is.

    Raises:
        MissingExtraError: If matplotlib is not installed.
    """
    try:
        import matplotlib  # noqa: F401 - looked for
    except ImportError as error:
        raise MissingExtraError("matplotlib", "report", "Drawing a report") from error


def write_picture(picture: Picture, folder: Path, prefix: str = "") -> list[Path]:
    """Write a picture as PNG and SVG, and the numbers behind it as JSON.

    Args:
        picture: The picture; where sliders stand at first, or all places side by side.
        folder: Where the files go.
        prefix: What their names begin with.

    Raises:
        MissingExtraError: If matplotlib is not installed.
        RunError: If a file cannot be written.
    """
    require_matplotlib()
    import matplotlib as mpl
    from matplotlib.figure import Figure

    stem = f"{prefix}{picture.name}"
    paths = [folder / f"{stem}{suffix}" for suffix in (".png", ".svg", ".json")]
    with mpl.rc_context(STYLE):
        spread = next((slider for slider in picture.sliders if slider.spread), None)
        states = [picture.start]
        if spread is not None:
            states = [picture.start | {spread.key: place} for place in range(len(spread.stops))]
        rows, columns = len(states), len(picture.panels)
        if columns == 1:
            rows, columns = -(-rows // 2), min(rows, 2)
        tall = max(panel.tall for panel in picture.panels)
        figure = Figure(
            figsize=(PANEL_WIDTH * columns, PANEL_HEIGHT * tall * rows),
            layout="constrained",
            dpi=DPI,
        )
        places = itertools.product(range(len(states)), picture.panels)
        for index, (state, panel) in enumerate(places, start=1):
            projection = None if panel.z is None else "3d"
            axes = figure.add_subplot(rows, columns, index, projection=projection)
            _draw(figure, axes, panel, states[state])
            title = panel.title
            if spread is not None:
                title = f"{spread.stops[state]}{', ' if title else ''}{title}"
            axes.set_title(in_picture(title), loc="left")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            figure.savefig(paths[0], metadata={"Software": None})
            figure.savefig(paths[1], metadata={"Date": None, "Creator": None})
            write_json(paths[2], numbers(picture))
        except OSError as error:
            raise RunError(f"The picture '{paths[0]}' cannot be written: {error}.") from error
    return paths


def numbers(picture: Picture) -> dict[str, Any]:
    """The numbers behind a picture as JSON-ready values: each mark with its coordinates."""
    return {
        "title": picture.title,
        "reading": picture.reading,
        "sliders": {slider.key: list(slider.stops) for slider in picture.sliders},
        "panels": [
            {
                "title": panel.title,
                "x": panel.x.label,
                "y": panel.y.label,
                **({} if panel.z is None else {"z": panel.z.label}),
                "marks": [_mark_numbers(mark) for mark in panel.marks],
            }
            for panel in picture.panels
        ],
    }


def _mark_numbers(mark: Any) -> dict[str, Any]:
    if isinstance(mark, Rule):
        return {"kind": "rule", "label": mark.label, mark.axis: mark.at}
    if isinstance(mark, Bars):
        values = [_number(value) for value in np.asarray(mark.values, dtype=float).tolist()]
        return {
            "kind": "bars",
            "name": mark.name,
            "values": dict(enumerate(values)),
            "labels": list(mark.labels),
        }
    if isinstance(mark, Cells):
        parts = {"x": mark.x, "y": mark.y, mark.scale.label: mark.values}
        return {"kind": "cells", **{name: _listed(values) for name, values in parts.items()}}
    found: dict[str, Any] = {"kind": type(mark).__name__.lower(), "name": mark.name}
    found |= {
        name: _listed(getattr(mark, name)) for name in "xyz" if getattr(mark, name) is not None
    }
    if isinstance(mark, Points):
        if not isinstance(mark.color, str) and mark.scale is not None:
            found[f"{mark.scale.label} [mm]"] = _listed(mark.color)
        if mark.texts:
            found["texts"] = list(mark.texts)
    return found


def _listed(values: Any) -> Any:
    if isinstance(values, Varying):
        return {"over": list(values.over), "values": [_listed(each) for each in values.values]}
    return _nested(np.asarray(values, dtype=float).tolist())


def _nested(value: Any) -> Any:
    return [_nested(each) for each in value] if isinstance(value, list) else _number(value)


def _number(value: float) -> float | None:
    return float(f"{value:.6g}") if math.isfinite(value) else None


def _draw(figure: Any, axes: Any, panel: Panel, state: dict[str, int]) -> None:
    """One panel with its marks."""
    bars = [mark for mark in panel.marks if isinstance(mark, Bars)]
    scaled = None
    lows: dict[str, np.ndarray] = {}
    for mark in panel.marks:
        if isinstance(mark, Line):
            _line(axes, mark, state)
        elif isinstance(mark, Points):
            scaled = _points(axes, mark, state) or scaled
        elif isinstance(mark, Cells):
            scaled = _cells(axes, mark, state)
        elif isinstance(mark, Bars):
            _bars(axes, mark, panel, bars.index(mark), len(bars), lows)
        else:
            _rule(axes, mark)
    _axes(axes, panel, bars)
    if scaled is not None:
        artist, scale = scaled
        bar = figure.colorbar(artist, ax=axes, shrink=0.7, aspect=30, pad=0.06)
        bar.outline.set_visible(False)
        bar.set_ticks(
            [math.log10(value) for value, _ in scale.ticks],
            labels=[text for _, text in scale.ticks],
        )
        bar.ax.tick_params(length=2)
    handles, _ = axes.get_legend_handles_labels()
    if len(handles) > 1 and len(handles) <= FEW:
        axes.legend(loc="best" if panel.z is None else "upper left", handlelength=1.4)


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
        alpha=0.65 if mark.faint else 1.0,
        label=_label(mark.name),
        solid_capstyle="butt",
    )
    if mark.fill:
        axes.fill_between(*places, color=color, alpha=0.1, linewidth=0)


def _points(axes: Any, mark: Points, state: dict[str, int]) -> tuple[Any, Scale] | None:
    places = _places(mark, state)
    size = (0.8 * mark.size) ** 2
    usual = {
        "marker": SYMBOLS[mark.symbol],
        "s": size,
        "alpha": mark.opacity,
        "label": _label(mark.name),
    }
    if mark.symbol in ("circle", "diamond"):
        usual["linewidths"] = 0
    if isinstance(mark.color, str):
        axes.scatter(*places, color=LIGHT[mark.color], **usual)
        return None
    assert mark.scale is not None  # noqa: S101 - narrows the type
    values = np.log10(np.maximum(_at(mark.color, state), mark.scale.low))
    return axes.scatter(*places, c=values, **usual, **_colored(mark.scale)), mark.scale


def _cells(axes: Any, mark: Cells, state: dict[str, int]) -> tuple[Any, Scale]:
    values = np.log10(np.maximum(_at(mark.values, state), mark.scale.low))
    return axes.pcolormesh(
        mark.x, mark.y, values, shading="nearest", **_colored(mark.scale)
    ), mark.scale


def _colored(scale: Scale) -> dict[str, Any]:
    from matplotlib.colors import LinearSegmentedColormap

    return {
        "cmap": LinearSegmentedColormap.from_list("errors", ERROR_LIGHT),
        "vmin": math.log10(scale.low),
        "vmax": math.log10(scale.high),
    }


def _bars(
    axes: Any, mark: Bars, panel: Panel, index: int, count: int, lows: dict[str, np.ndarray]
) -> None:
    values = np.asarray(mark.values, dtype=float)
    colors = mark.colors
    color = LIGHT[colors] if isinstance(colors, str) else [LIGHT[each] for each in colors]
    thick = 0.72 if panel.stacked else 0.72 / count
    place = np.arange(len(values)) + (0 if panel.stacked else (index - (count - 1) / 2) * thick)
    start = lows.get("sum", np.zeros(len(values))) if panel.stacked else None
    if mark.level:
        drawn = axes.barh(place, values, thick, left=start, color=color, label=_label(mark.name))
    else:
        drawn = axes.bar(place, values, thick, bottom=start, color=color, label=_label(mark.name))
    lows["sum"] = values if start is None else start + values
    if mark.texts:
        axes.bar_label(drawn, [in_picture(text) for text in mark.texts], padding=2, fontsize=8)


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
        axes.set_aspect("equal", adjustable="box")
        height, azimuth = panel.view
        axes.view_init(elev=math.degrees(math.atan(height)), azim=azimuth)
        axes.grid(visible=True)
        for each in (axes.xaxis, axes.yaxis, axes.zaxis):
            each.pane.fill = False
            each.pane.set_edgecolor(LIGHT["grid"])
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
        places, labels = zip(*axis.ticks, strict=True)
        getattr(axes, f"set_{name}ticks")(places, labels=labels)
        getattr(axes, f"set_{name}ticks")([], minor=True)
    if axis.low is not None and axis.high is not None:
        getattr(axes, f"set_{name}lim")(axis.low, axis.high)
