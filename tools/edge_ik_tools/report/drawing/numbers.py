"""The numbers behind a picture, as JSON."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from edge_ik_tools.report.drawing.pictures import (
    Axis,
    Bars,
    Cells,
    Picture,
    Points,
    Rule,
    Scale,
    Varying,
)


def numbers(picture: Picture) -> dict[str, Any]:
    """The numbers behind a picture as JSON-ready values: each mark with its coordinates.

    Those are in the unit that the panel tells of their axis, in brackets; what a scale colours has
    its own in its name.
    """
    return {
        "title": picture.title,
        "reading": picture.reading,
        "sliders": {slider.key: list(slider.stops) for slider in picture.sliders},
        "panels": [
            {
                "title": panel.title,
                "x": _united(panel.x),
                "y": _united(panel.y),
                **({} if panel.z is None else {"z": _united(panel.z)}),
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
            "values": values,
            "labels": list(mark.labels),
        }
    if isinstance(mark, Cells):
        parts = {"x": mark.x, "y": mark.y, _united(mark.scale): mark.values}
        return {"kind": "cells", **{name: _listed(values) for name, values in parts.items()}}
    found: dict[str, Any] = {"kind": type(mark).__name__.lower(), "name": mark.name}
    found |= {
        name: _listed(getattr(mark, name)) for name in "xyz" if getattr(mark, name) is not None
    }
    if isinstance(mark, Points):
        if not isinstance(mark.color, str) and mark.scale is not None:
            found[_united(mark.scale)] = _listed(mark.color)
        if mark.texts:
            found["texts"] = list(mark.texts)
    return found


def _united(told: Axis | Scale) -> str:
    """What numbers are, with their unit in brackets if they have one."""
    return f"{told.label} [{told.unit}]" if told.unit else told.label


def _listed(values: Any) -> Any:
    if isinstance(values, Varying):
        return {"over": list(values.over), "values": [_listed(each) for each in values.values]}
    return _nested(np.asarray(values, dtype=float).tolist())


def _nested(value: Any) -> Any:
    return [_nested(each) for each in value] if isinstance(value, list) else _number(value)


def _number(value: float) -> float | None:
    return float(f"{value:.6g}") if math.isfinite(value) else None
