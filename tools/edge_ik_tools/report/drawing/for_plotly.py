"""Pictures as plotly draws them: traces and layouts in JSON, colours still words.

A colour stands as `@word`, which the page's script replaces by that of the light or the dark
palette; arrays stand as `Arrays` writes them.
"""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

from edge_ik_tools.report.drawing import words
from edge_ik_tools.report.drawing.arrays import Arrays
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
)
from edge_ik_tools.report.drawing.plotly_layout import plane, scene
from edge_ik_tools.report.drawing.words import markup

FONT = {"size": 12, "color": "@muted"}
SYMBOLS = {
    "circle": "circle",
    "diamond": "diamond",
    "ring": "circle-open",
    "cross": "cross",
    "x": "x",
}
# The unit at the end of a label.
UNIT = re.compile(r"\[([^]]+)\]$")


def plotly_picture(picture: Picture, arrays: Arrays) -> dict[str, Any]:
    """A picture as the page's script takes it.

    Args:
        picture: The picture.
        arrays: Where its numbers go.
    """
    return {
        "name": picture.name,
        "panels": [plotly_panel(panel, arrays) for panel in picture.panels],
        "sliders": [
            {"key": slider.key, "stops": list(slider.stops), "start": slider.start}
            for slider in picture.sliders
        ],
    }


def plotly_panel(panel: Panel, arrays: Arrays) -> dict[str, Any]:
    """One panel as traces and a layout."""
    traces = [_trace(mark, panel, arrays) for mark in panel.marks if not isinstance(mark, Rule)]
    scale = next((found for mark in panel.marks if (found := _scale(mark)) is not None), None)
    layout = {
        "font": FONT,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "hoverlabel": {"bgcolor": "@paper", "bordercolor": "@faint", "font": {"color": "@ink"}},
        # The page's own legend wraps on narrow screens.
        "showlegend": False,
        "hovermode": "closest",
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": "@faint", "activecolor": "@accent"},
        "uirevision": "kept",
        **(scene(panel) if panel.z is not None else plane(panel)),
    }
    if scale is not None:
        layout["coloraxis"] = _coloraxis(scale)
    return {"traces": traces, "layout": layout, "tall": panel.tall, "space": panel.z is not None}


def _trace(mark: Line | Points | Bars | Cells, panel: Panel, arrays: Arrays) -> dict[str, Any]:
    if isinstance(mark, Line):
        return _line(mark, panel, arrays)
    if isinstance(mark, Points):
        return _points(mark, panel, arrays)
    if isinstance(mark, Bars):
        return _bars(mark, panel, arrays)
    return {
        "type": "heatmap",
        "x": arrays.number(mark.x),
        "y": arrays.number(mark.y),
        "z": arrays.cells(mark.values, mark.scale, told=False),
        "customdata": arrays.cells(mark.values, mark.scale, told=True),
        "coloraxis": "coloraxis",
        "hovertemplate": "%{x:.3f}, %{y:.3f} m<br>%{customdata}<extra></extra>",
        "hoverongaps": False,
        "xgap": 1,
        "ygap": 1,
    }


def _named(name: str) -> dict[str, Any]:
    return {"name": markup(name), "plain": name, "showlegend": bool(name)}


def _space_or_plane(mark: Line | Points, arrays: Arrays) -> dict[str, Any]:
    places = {"x": arrays.number(mark.x), "y": arrays.number(mark.y)}
    if mark.z is None:
        return {"type": "scatter", **places}
    return {"type": "scatter3d", **places, "z": arrays.number(mark.z)}


def _pointed(mark: Line | Points, panel: Panel, arrays: Arrays) -> tuple[str, dict[str, Any]]:
    """What the pointer shows of the place of a mark in a plane, and what its trace has for that."""
    words_, given = [], {}
    free = iter(("customdata", "text"))
    for name, axis in (("x", panel.x), ("y", panel.y)):
        if axis.unit:
            place = next(free)
            given[place] = arrays.told(getattr(mark, name))
            words_.append(f"%{{{place}}}")
        else:
            words_.append(f"%{{{name}:.4g}}{_unit(axis)}")
    return ", ".join(words_), given


def _unit(axis: Axis) -> str:
    """The unit at the end of an axis's label, as it stands behind a number."""
    found = UNIT.search(axis.label)
    unit = found[1] if found else ""
    return unit if unit in ("", "°", "%") else f" {unit}"


def _line(mark: Line, panel: Panel, arrays: Arrays) -> dict[str, Any]:
    color = f"@{mark.color}"
    trace: dict[str, Any] = {
        **_space_or_plane(mark, arrays),
        **_named(mark.name),
        "mode": "lines+markers" if mark.dots else "lines",
        "line": {"color": color, "width": mark.width, "dash": mark.dash},
        "opacity": FAINT if mark.faint else 1.0,
    }
    if mark.dots:
        trace["marker"] = {"color": color, "size": 4.5}
    if mark.fill:
        trace |= {"fill": "tozeroy", "fillcolor": f"{color}~0.10"}
    if mark.z is not None:
        trace["hoverinfo"] = "skip" if not mark.key else "name"
    else:
        told, given = _pointed(mark, panel, arrays)
        trace |= given | {"hovertemplate": f"{told}<extra>{markup(mark.name)}</extra>"}
    return trace | ({"meta": mark.key} if mark.key else {})


def _points(mark: Points, panel: Panel, arrays: Arrays) -> dict[str, Any]:
    marker: dict[str, Any] = {
        "size": mark.size,
        "symbol": SYMBOLS[mark.symbol],
        "line": {"width": 0},
    }
    trace: dict[str, Any] = {
        **_space_or_plane(mark, arrays),
        **_named(mark.name),
        "mode": "markers",
        "marker": marker,
        "opacity": mark.opacity,
    }
    told = "%{x:.3f}, %{y:.3f}, %{z:.3f} m"
    if mark.z is None:
        # A mark at the edge is seen whole.
        trace["cliponaxis"] = False
        told, given = _pointed(mark, panel, arrays)
        trace |= given
    if isinstance(mark.color, str):
        marker["color"] = f"@{mark.color}"
    else:
        marker |= {"color": arrays.number(mark.color, log=True), "coloraxis": "coloraxis"}
        # One colour in the legend would say nothing of so many.
        trace["showlegend"] = False
        trace["customdata"] = arrays.told(mark.color)
        told += "<br>%{customdata}"
    if mark.texts:
        trace["text"] = [markup(text) for text in mark.texts]
        told = "%{text}<br>" + told
    trace["hovertemplate"] = f"{told}<extra>{markup(mark.name)}</extra>"
    return trace | ({"meta": mark.key} if mark.key else {})


def _bars(mark: Bars, panel: Panel, arrays: Arrays) -> dict[str, Any]:
    place = list(range(len(mark.labels)))
    values = arrays.number(mark.values)
    colors = mark.colors
    color: Any = f"@{colors}" if isinstance(colors, str) else [f"@{each}" for each in colors]
    axis = panel.x if mark.level else panel.y
    told = (
        words.length(value / 1e3) if axis.unit else f"{value:,.4g}{_unit(axis)}"
        for value in np.asarray(mark.values, dtype=float).tolist()
    )
    names = [f"{markup(name)}: {value}" for name, value in zip(mark.labels, told, strict=True)]
    trace = {
        "type": "bar",
        **_named(mark.name),
        "x": values if mark.level else place,
        "y": place if mark.level else values,
        "orientation": "h" if mark.level else "v",
        "marker": {"color": color, "line": {"width": 0}},
        "customdata": names,
        "hovertemplate": "%{customdata}" + f"<extra>{markup(mark.name)}</extra>",
    }
    if mark.texts:
        trace |= {
            "text": [markup(text) for text in mark.texts],
            "textposition": "auto",
            "cliponaxis": False,
        }
    return trace


def _coloraxis(scale: Scale) -> dict[str, Any]:
    """The colours of a scale; what they mean stands beside the picture."""
    return {
        "cmin": math.log10(scale.low),
        "cmax": math.log10(scale.high),
        "colorscale": "@errors",
        "showscale": False,
    }


def _scale(mark: Any) -> Scale | None:
    scale: Scale | None = getattr(mark, "scale", None)
    return scale
