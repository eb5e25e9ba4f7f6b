"""A path followed: in space, and what joints and errors do along it."""

from __future__ import annotations

import numpy as np

from edge_ik_tools.report.drawing import words
from edge_ik_tools.report.drawing.charts import OF_JOINTS
from edge_ik_tools.report.drawing.palette import group
from edge_ik_tools.report.drawing.pictures import Axis, Line, Mark, Panel, Picture, Points, Rule
from edge_ik_tools.report.drawing.scales import ERRORS, logarithmic
from edge_ik_tools.report.drawing.space import space_panel
from edge_ik_tools.report.measuring.following import Followed
from firmware_host.chain import FloatArray

# Errors along a path that a picture goes down to [m]: less is the arithmetic's own.
LEAST_SHOWN = 1e-10


def path_picture(found: Followed) -> tuple[Picture, Picture]:
    """A path in space, and what its joints and errors are along it."""
    jumps = list(found.jumps)
    marks: list[Mark] = [
        Line.of(found.place, color="back", width=5.0, name="targets"),
        Points.of(
            found.tool,
            color=1e3 * found.error,
            scale=ERRORS,
            size=3.5,
            name="tool",
            texts=tuple(f"target {index}" for index in range(len(found.tool))),
        ),
        Line.of(found.points, color="robot", width=6.0, dots=True, name="robot at the start"),
    ]
    if jumps:
        marks.append(
            Points.of(found.place[jumps], color="bad", symbol="diamond", size=6.0, name="jumps")
        )
    space = Picture(
        "path-space",
        "A path followed",
        f"The tool on {found.what}, coloured by how far off it is.",
        (space_panel(tuple(marks), 1.2),),
    )
    return space, _path_charts(found)


def _path_charts(found: Followed) -> Picture:
    """Errors, joints and their ways from target to target."""
    index = np.arange(len(found.error), dtype=float)
    # The first alone is named: jumps may stand close together.
    jumps = tuple(
        Rule(float(jump), "jump" if jump == found.jumps[0] else "", color="bad")
        for jump in found.jumps
    )
    way = np.degrees(found.step)
    most = Rule(float(np.degrees(found.largest_step)), "a jump", axis="y", color="bad")
    return Picture(
        "path",
        "Along the path",
        "From target to target: how far the tool is off, where the joints are, and how far the "
        "busiest of them had to go, where a whole characteristic length counts as a radian of a "
        "joint that slides; red lines are jumps.",
        (
            _track_error(found, index, jumps),
            *_joints(found, index, jumps),
            Panel(
                Axis("target"),
                Axis("largest way of a joint [°]"),
                (Line(index, way, color="accent", name="way since the last target"), most),
                title="Way from target to target",
            ),
        ),
    )


def _track_error(found: Followed, index: FloatArray, jumps: tuple[Rule, ...]) -> Panel:
    shown = 1e3 * np.maximum(found.error, LEAST_SHOWN)
    marks: list[Mark] = [
        Line(index, shown, color="accent", name="error"),
        Rule(1.0, "tolerance, 1 mm", axis="y"),
        *jumps,
    ]
    asked = found.asked
    if asked.any() and not asked.all():
        name = "network asked"
        marks.append(Points(index[asked], shown[asked], color="step1", size=5.0, name=name))
    axis = logarithmic("distance from the target", [shown, [1.0]], True)
    return Panel(Axis("target"), axis, tuple(marks), title="Track error")


def _joints(found: Followed, index: FloatArray, jumps: tuple[Rule, ...]) -> list[Panel]:
    panels = []
    for unit, title in OF_JOINTS:
        own = [k for k, each in enumerate(found.units) if each == unit]
        if own:
            scale, sign = words.joint_units(unit)
            names = words.short_names([found.joints[k] for k in own])
            lines = tuple(
                Line(index, scale * found.q[:, k], color=group(place), name=names[place])
                for place, k in enumerate(own)
            )
            axis = Axis(f"joint [{sign}]")
            panels.append(Panel(Axis("target"), axis, (*lines, *jumps), title=title))
    return panels
