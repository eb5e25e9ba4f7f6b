"""Several models in one picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edge_ik_tools.report.drawing import words
from edge_ik_tools.report.drawing.charts import LEAST_SHOWN
from edge_ik_tools.report.drawing.palette import group
from edge_ik_tools.report.drawing.pictures import Line, Mark, Panel, Picture, Rule
from edge_ik_tools.report.drawing.scales import logarithmic
from edge_ik_tools.report.measuring.record import Record


def compare_picture(records: Sequence[Record]) -> Picture:
    """The errors of several models, of the network alone and after the steps."""
    panels = []
    for last, title in ((False, "Network alone"), (True, "After the usual steps")):
        marks: list[Mark] = []
        errors, shares = [np.ones(1)], []
        for index, record in enumerate(records):
            found = record.errors.position[-1 if last else 0]
            shown = found.error >= LEAST_SHOWN
            if shown.any():
                name = words.label(record.label)
                error, worse = 1e3 * found.error[shown], 100 * found.worse[shown]
                marks.append(Line(error, worse, color=group(index), name=name))
                errors.append(error)
                shares.append(worse)
        marks.append(Rule(1.0, "solved: 1 mm", color="good"))
        panels.append(
            Panel(
                logarithmic("distance from the target", errors, True),
                logarithmic("targets at least so far off [%]", shares),
                tuple(marks),
                title=title,
            )
        )
    return Picture(
        "compare",
        "Errors side by side",
        "Each curve is one model: at a height of 1% is the distance that one target in a hundred "
        "is off by, or more. Further left and lower is better.",
        tuple(panels),
    )
