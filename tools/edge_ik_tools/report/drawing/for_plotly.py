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
from edge_ik_tools.report.drawing.words import markup

FONT = {"size": 12, "color": "@muted"}
SYMBOLS = {
    "circle": "circle",
    "diamond": "diamond",
    "ring": "circle-open",
    "cross": "cross",
    "x": "x",
}
# Words beside a line stand to its left from this share of the axis on.
LATE = 0.6
# Words on a line stand below it where it is in this topmost share of the axis.
HIGH = 0.9
# How far an axis goes on beyond its decades, in decades.
MORE = 1e-3
# The unit at the end of a label.
UNIT = re.compile(r"\[([^]]+)\]$")
# The share of a bar's place that it fills.
BAR_GAP = 0.28


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
        **(_scene(panel) if panel.z is not None else _plane(panel)),
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


def _plane(panel: Panel) -> dict[str, Any]:
    """The layout of a panel of two axes."""
    bars = [mark for mark in panel.marks if isinstance(mark, Bars)]
    categories = bars[0].labels if bars else ()
    level = bool(bars) and bars[0].level
    x = _axis(panel.x, () if level else categories, upright=False)
    y = _axis(panel.y, categories if level else (), upright=True)
    if panel.alike:
        y |= {"scaleanchor": "x", "constrain": "domain"}
        x |= {"constrain": "domain"}
    rules = [mark for mark in panel.marks if isinstance(mark, Rule)]
    layout: dict[str, Any] = {
        "xaxis": x,
        "yaxis": y,
        "margin": {"l": 58, "r": 26, "t": 12, "b": 48},
        "shapes": [_shape(rule) for rule in rules],
        "annotations": [_annotation(rule, panel) for rule in rules if rule.label],
    }
    if bars:
        layout |= {"barmode": "stack" if panel.stacked else "group", "bargap": BAR_GAP}
        layout |= {"bargroupgap": 0.05}
    return layout


def _axis(axis: Axis, categories: tuple[str, ...], upright: bool) -> dict[str, Any]:
    found: dict[str, Any] = {
        "title": {
            "text": markup(axis.label),
            "font": {"size": 12, "color": "@muted"},
            "standoff": 8,
        },
        "gridcolor": "@grid",
        "zeroline": False,
        "linecolor": "@faint",
        "showline": not upright,
        "ticks": "" if upright else "outside",
        "tickcolor": "@faint",
        "ticklen": 4,
        "automargin": True,
    }
    words = axis.categories or categories
    if words:
        found |= {
            "tickvals": list(range(len(words))),
            "ticktext": [markup(word) for word in words],
            "range": [-0.6, len(words) - 0.4],
            "showgrid": False,
        }
    elif axis.ticks:
        found |= {
            "tickvals": [at for at, _ in axis.ticks],
            "ticktext": [text for _, text in axis.ticks],
        }
    if axis.log:
        found["type"] = "log"
    if axis.low is not None and axis.high is not None:
        ends = (axis.low, axis.high)
        # A little more, so that the ticks at both ends are within.
        logs = [math.log10(end) for end in ends] if axis.log else []
        found["range"] = [logs[0] - MORE, logs[1] + MORE] if axis.log else list(ends)
    return found


def _shape(rule: Rule) -> dict[str, Any]:
    along, across = ("x", "y") if rule.axis == "x" else ("y", "x")
    return {
        "type": "line",
        f"{along}0": rule.at,
        f"{along}1": rule.at,
        f"{across}0": 0,
        f"{across}1": 1,
        f"{across}ref": f"{across} domain",
        "line": {"color": f"@{rule.color}", "width": 1.3, "dash": rule.dash},
        "layer": "below",
    }


def _annotation(rule: Rule, panel: Panel) -> dict[str, Any]:
    axis = panel.x if rule.axis == "x" else panel.y
    at = math.log10(rule.at) if axis.log else rule.at
    words: dict[str, Any] = {
        "text": markup(rule.label),
        "showarrow": False,
        "font": {"size": 11, "color": f"@{rule.color}"},
        "bgcolor": "@paper~0.75",
    }
    if rule.axis == "x":
        left = _share(axis, rule.at) < LATE
        return words | {
            "xanchor": "left" if left else "right",
            "x": at,
            "y": 1 - 0.07 * rule.lift,
            "yref": "y domain",
            "yanchor": "top",
        }
    side = "top" if _share(axis, rule.at) > HIGH else "bottom"
    return words | {"y": at, "x": 1, "xref": "x domain", "xanchor": "right", "yanchor": side}


def _share(axis: Axis, at: float) -> float:
    """How far along an axis a place is, from 0 to 1; 0 where its ends are left open."""
    if axis.low is None or axis.high is None:
        return 0.0
    if axis.log:
        return math.log(at / axis.low) / math.log(axis.high / axis.low)
    return (at - axis.low) / (axis.high - axis.low)


def _scene(panel: Panel) -> dict[str, Any]:
    """The layout of a panel of three axes.

    The camera has the direction that it looks from. How far away it is, so that all is in sight
    with its words, follows from the room that the page has, and is found there.
    """
    assert panel.z is not None  # noqa: S101 - narrows the type
    height, azimuth = panel.view
    turn = math.radians(azimuth)
    low, high = panel.box
    # A metre is as long in every direction.
    size = high - low
    ticks = panel.ticks()
    axes = {
        f"{name}axis": {
            "range": [float(low[k]), float(high[k])],
            "title": {"text": markup(axis.label), "font": {"size": 12, "color": "@muted"}},
            "color": "@muted",
            "gridcolor": "@grid",
            "zerolinecolor": "@faint",
            "linecolor": "@faint",
            "showbackground": False,
            "showspikes": False,
            "tickvals": ticks[k],
            "tickfont": {"size": 11},
        }
        for k, (name, axis) in enumerate(zip("xyz", (panel.x, panel.y, panel.z), strict=True))
    }
    eye = {"x": math.cos(turn), "y": math.sin(turn), "z": height}
    return {
        "scene": {
            **axes,
            "aspectmode": "manual",
            "aspectratio": dict(zip("xyz", (size / size.max()).tolist(), strict=True)),
            "camera": {"eye": eye},
            "dragmode": "turntable",
        },
        "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
    }
