"""The layouts of panels as plotly draws them: axes, lines across them, and the view of space."""

from __future__ import annotations

import math
from typing import Any

from edge_ik_tools.report.drawing.pictures import Axis, Bars, Panel, Rule
from edge_ik_tools.report.drawing.words import markup

# Words beside a line stand to its left from this share of the axis on.
LATE = 0.6
# Words on a line stand below it where it is in this topmost share of the axis.
HIGH = 0.9
# How far an axis goes on beyond its decades, in decades.
MORE = 1e-3
# The share of a bar's place that it fills.
BAR_GAP = 0.28


def plane(panel: Panel) -> dict[str, Any]:
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


def scene(panel: Panel) -> dict[str, Any]:
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
