"""The robot in its workspace: where it answers how well, in a cloud and in cuts through it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_ik_tools.report.measuring.answers import Answered
from edge_ik_tools.report.measuring.geometry import Skeleton, skeleton
from firmware_host.chain import FloatArray

# Positions of a cut, and cells along each side of it.
CUTS, CELLS = 13, 28
# A workspace that is thinner than this share of the reach is a plane.
FLAT_SHARE = 1e-3


@dataclass(frozen=True)
class JointRow:
    """One joint, in the order of q.

    Attributes:
        name: Its name.
        kind: revolute, continuous or prismatic.
        unit: rad or m.
        lower: Lower limit [rad, m].
        upper: Upper limit [rad, m].
        home: Where it is in the home posture [rad, m].
    """

    name: str
    kind: str
    unit: str
    lower: float
    upper: float
    home: float


@dataclass(frozen=True, eq=False)
class Cuts:
    """Slices of the workspace across one axis of the base.

    Attributes:
        axis: Index of the axis that the slices are across.
        sides: Indices of the axes that a slice lies along: its columns, its rows.
        edges: (CUTS + 1,) where the slices begin and end along the axis [m].
        columns: (CELLS + 1,) edges of the cells [m].
        rows: (CELLS + 1,) the same of the other side [m].
        worst: For each number of steps (cuts, rows, columns) the largest error among the
            targets of a cell [m]; NaN where there are none.
    """

    axis: int
    sides: tuple[int, int]
    edges: FloatArray
    columns: FloatArray
    rows: FloatArray
    worst: tuple[FloatArray, ...]


@dataclass(frozen=True, eq=False)
class Workspace:
    """The robot, and how well it answers where.

    Attributes:
        robot: It in its home posture.
        joints: Its joints.
        place: (M, 3) some of the targets [m].
        error: For each number of steps (M,) the error there [m].
        cuts: Slices across the axes of the base; of a workspace in a plane across one alone.
    """

    robot: Skeleton
    joints: tuple[JointRow, ...]
    place: FloatArray
    error: tuple[FloatArray, ...]
    cuts: tuple[Cuts, ...]


def measure_workspace(
    answered: Answered, home: FloatArray, points: int, cuts: int = CUTS
) -> Workspace:
    """The workspace as targets show it.

    Args:
        answered: Targets with answers.
        home: (n,) the posture that the robot is drawn in [rad, m].
        points: Targets of the cloud, at most.
        cuts: Slices across each axis.
    """
    chain = answered.problem.chain
    rows = tuple(
        JointRow(joint.name, joint.kind, unit, joint.lower, joint.upper, float(value))
        for joint, unit, value in zip(chain.joints, chain.units, home, strict=True)
    )
    place = answered.place
    extent = np.ptp(place, axis=0)
    flat = extent < FLAT_SHARE * chain.reach
    across = [axis for axis in (2, 1, 0) if flat[axis]] if flat.any() else [2, 1, 0]
    return Workspace(
        robot=skeleton(chain, home),
        joints=rows,
        place=place[:points],
        error=tuple(step.error[:points] for step in answered.steps),
        cuts=tuple(
            _cuts(answered, axis, 1 if flat[axis] else cuts)
            for axis in across[: 1 + 2 * (not flat.any())]
        ),
    )


def _cuts(answered: Answered, axis: int, count: int) -> Cuts:
    """Slices across one axis."""
    left, right = (side for side in range(3) if side != axis)
    place = answered.place
    edges = [
        _edges(place[:, side], parts)
        for side, parts in ((axis, count), (left, CELLS), (right, CELLS))
    ]
    number, column, row = (
        np.clip(np.searchsorted(ends, place[:, side], side="right") - 1, 0, len(ends) - 2)
        for ends, side in zip(edges, (axis, left, right), strict=True)
    )
    cell = (number * CELLS + row) * CELLS + column
    worst = tuple(
        _largest(cell, step.error, count * CELLS**2).reshape(count, CELLS, CELLS)
        for step in answered.steps
    )
    return Cuts(axis, (left, right), edges[0], edges[1], edges[2], worst)


def _edges(values: FloatArray, parts: int) -> FloatArray:
    lowest, highest = float(values.min()), float(values.max())
    room = 1e-9 + 1e-6 * (highest - lowest)
    return np.linspace(lowest - room, highest + room, parts + 1)


def _largest(cell: npt.NDArray[np.int_], values: FloatArray, count: int) -> FloatArray:
    """The largest value of each cell; NaN where there is none."""
    largest = np.full(count, -np.inf)
    np.maximum.at(largest, cell, values)
    return np.where(np.isinf(largest), np.nan, largest)
