"""Pictures of space: the robot, its workspace, cuts, branches and the worst targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from edge_ik.tables import AS_ANSWERED
from edge_ik_tools.report.drawing import words
from edge_ik_tools.report.drawing.palette import MOST_GROUPS, group
from edge_ik_tools.report.drawing.pictures import (
    Array,
    Axis,
    Cells,
    Line,
    Mark,
    Panel,
    Picture,
    Points,
    Slider,
    Varying,
)
from edge_ik_tools.report.drawing.scales import ERRORS
from edge_ik_tools.report.measuring.branches import Branches
from edge_ik_tools.report.measuring.geometry import Skeleton
from edge_ik_tools.report.measuring.workspace import Cuts, Workspace
from edge_ik_tools.report.measuring.worst import WorstTarget
from firmware_host.chain import FloatArray

AXES = ("x", "y", "z")
SPACE = tuple(Axis(f"{name} [m]") for name in AXES)
POSTURE = "posture"


def workspace_picture(found: Workspace) -> Picture:
    """The robot with its joints and limits, and the workspace around it, coloured by error."""
    steps = _steps(found)
    # In files the two that matter, large enough to see the robot in.
    steps = replace(steps, spread=(0, len(steps.stops) - 1))
    cloud = Points.of(
        found.place,
        color=Varying(("step",), tuple(1e3 * error for error in found.error), (len(steps.stops),)),
        scale=ERRORS,
        size=2.2,
        opacity=0.4,
    )
    outlines = tuple(_outline(cuts) for cuts in found.cuts if len(cuts.edges) > 2)
    return Picture(
        "workspace",
        "The robot and its workspace",
        "Each dot is a target that training never saw, placed where the tool should be and "
        "coloured by how far off the answer is; move the slider from the network alone to the "
        "last step. Arcs show how far each joint turns from the home posture drawn, dashes how "
        f"far one slides; rectangles are the cuts below. {AS_ANSWERED}",
        (space_panel((cloud, *robot_marks(found.robot), *outlines), 1.5),),
        (steps, *(replace(each, shown=False) for each in _cut_sliders(found))),
    )


def cuts_picture(found: Workspace) -> Picture:
    """Slices of the workspace across the axes of the base."""
    steps, sliders = _steps(found), _cut_sliders(found)
    return Picture(
        "cuts",
        "Cuts through the workspace",
        "Each cell shows the worst target that fell into it in the slice chosen; where it has no "
        f"colour there was none. The cross marks the base. {AS_ANSWERED}",
        tuple(_cut_panel(cuts) for cuts in found.cuts),
        (steps, *sliders),
    )


def _cut_panel(cuts: Cuts) -> Panel:
    name, count = AXES[cuts.axis], len(cuts.edges) - 1
    left, right = (AXES[side] for side in cuts.sides)
    several = count > 1
    values = Varying(
        ("step", f"cut-{name}") if several else ("step",),
        tuple(1e3 * each for worst in cuts.worst for each in worst),
        (len(cuts.worst), count) if several else (len(cuts.worst),),
    )
    columns, rows = words.middles(cuts.columns), words.middles(cuts.rows)
    return Panel(
        Axis(f"{left} [m]"),
        Axis(f"{right} [m]"),
        (
            Cells(columns, rows, values, ERRORS),
            Points([0.0], [0.0], color="ink", symbol="cross", size=8.0),
        ),
        title=f"Across {name}" if several else f"In the {left}{right} plane",
        alike=True,
    )


def _cut_sliders(found: Workspace) -> list[Slider]:
    """A slider for each axis that there are several cuts across."""
    sliders = []
    for cuts in found.cuts:
        ends = zip(cuts.edges[:-1], cuts.edges[1:], strict=True)
        stops = tuple(f"{1e3 * low:.0f} to {1e3 * high:.0f} mm" for low, high in ends)
        if len(stops) > 1:
            name = AXES[cuts.axis]
            sliders.append(Slider(f"cut-{name}", f"cut at {name}", stops, len(stops) // 2))
    return sliders


def branches_map(found: Branches) -> Picture:
    """Which branch answers where."""
    order = np.argsort([-row.answers for row in found.rows], kind="stable").tolist()
    marks: list[Mark] = []
    for rank, number in enumerate(order[:MOST_GROUPS]):
        marks += _some(
            found.place[found.answered == number], group(rank), words.label(found.rows[number].name)
        )
    rest = ~np.isin(found.answered, order[:MOST_GROUPS])
    marks += _some(found.place[rest], group(MOST_GROUPS), "others")
    return Picture(
        "branches-map",
        "Which branch answers where",
        "Each dot is a target, coloured by the branch of the answer that the solver gives by "
        "default: the first that is within tolerance. Click a name to hide it, or twice to see it "
        "alone.",
        (space_panel(tuple(marks), 1.35),),
    )


def worst_picture(robot: Skeleton, worst: Sequence[WorstTarget]) -> Picture:
    """The worst targets, and the robot at one of them."""
    place = np.array([each.place for each in worst])
    texts = tuple(
        f"{rank}: {words.error(each.error_m, each.angle_rad)}"
        for rank, each in enumerate(worst, start=1)
    )
    first = worst[0]
    marks = (
        Points.of(
            place,
            color=np.array([1e3 * each.error_m for each in worst]),
            scale=ERRORS,
            size=5.0,
            texts=texts,
            name="worst targets",
        ),
        Line.of(robot.points, color="back", width=3.0, name="home posture"),
        Line.of(first.points, color="robot", width=6.0, dots=True, name="answer", key=POSTURE),
        Points.of(
            first.place[None],
            color="bad",
            symbol="ring",
            size=13.0,
            name="its target",
            key=f"{POSTURE}-target",
        ),
    )
    return Picture(
        "worst",
        "The worst targets",
        "Dots are the targets that are answered worst, the robot stands at the answer to one of "
        "them; choose another in the table.",
        (space_panel(marks, 1.35, np.concatenate([each.points for each in worst])),),
    )


def robot_marks(robot: Skeleton) -> tuple[Mark, ...]:
    """The robot in a posture, with the axes of its joints, their limits and the tool's frame."""
    texts = ("base", *map(words.label, robot.names), "tool")
    return (
        Line.of(_joined(robot.ranges), color="range", width=6.0, name="limits"),
        Line.of(_joined(robot.axes), color="joint", width=6.0, name="joint axes"),
        Line.of(robot.points, color="robot", width=11.0, name="robot"),
        Points.of(robot.points, color="robot", size=5.0, texts=texts),
        *(
            Line.of(axis, color=name, width=4.0, name=f"tool's {name}")
            for name, axis in zip(AXES, robot.tool, strict=True)
        ),
    )


def space_panel(marks: tuple[Mark, ...], tall: float, around: Array | None = None) -> Panel:
    """A panel of space; see `Panel`."""
    x, y, z = SPACE
    return Panel(x, y, marks, z=z, tall=tall, alike=True, around=around)


def _steps(found: Workspace) -> Slider:
    stops = tuple(words.steps_name(steps) for steps in range(len(found.error)))
    return Slider("step", "answer", stops, 0, spread=tuple(range(len(stops))))


def _outline(cuts: Cuts) -> Line:
    """The rectangle that a cut lies in."""
    name = AXES[cuts.axis]
    left, right = cuts.columns[[0, -1]], cuts.rows[[0, -1]]
    corners = np.zeros((5, 3))
    corners[:, cuts.sides[0]] = left[[0, 1, 1, 0, 0]]
    corners[:, cuts.sides[1]] = right[[0, 0, 1, 1, 0]]
    sides: list[Array | Varying] = list(corners.T)
    heights = words.middles(cuts.edges)
    sides[cuts.axis] = Varying(
        (f"cut-{name}",), tuple(np.full(5, height) for height in heights), (len(heights),)
    )
    return Line(sides[0], sides[1], sides[2], color=name, width=2.0, faint=True)


def _some(place: FloatArray, color: str, name: str) -> list[Mark]:
    if not len(place):
        return []
    return [Points.of(place, color=color, size=3.0, name=name)]


def _joined(parts: Sequence[FloatArray] | FloatArray) -> FloatArray:
    """Lines (k, 3) one after another, with a gap behind each."""
    gap = np.full((1, 3), np.nan)
    return np.concatenate([piece for part in parts for piece in (part, gap)])
