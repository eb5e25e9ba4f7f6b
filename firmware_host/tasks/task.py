"""Tasks: what a target is, how far a configuration is from it, and the rows of J for that.

Like the kinematics, a task handles scalar components and uses neither sines nor angles:
it runs on floats, arrays and tensors alike, and can be traced into straight-line code.
Rotation rows are weighted by the task's characteristic length, so that every row of the
task error and of J is in metres.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from firmware_host.chain import Chain, FloatArray
from firmware_host.errors import ConfigError
from firmware_host.kinematics import (
    Frames,
    Scalar,
    Vector,
    add,
    components,
    cross,
    dot,
    frames,
    jacobian_columns,
    mul,
    stacked,
    sub,
)

TASK_NAMES = ("position", "axis", "pose")
TOOL_AXES = ("x", "y", "z")

# One radian weighs as much as this share of the reach: about how far a tool moves when a
# joint midway along the arm turns, so that neither part of the error rules the other.
LENGTH_SHARE = 0.3


@dataclass(frozen=True)
class Task:
    """A kind of target.

    Attributes:
        name: "position" (3 numbers), "axis" (position and the unit direction of one tool
            axis: 6) or "pose" (position and the columns of the rotation matrix: 12).
        tool_axis: Index of the tool axis that "axis" directs; 2 is z.
    """

    name: str = "position"
    tool_axis: int = 2

    def __post_init__(self) -> None:
        if self.name not in TASK_NAMES:
            raise ConfigError(
                f"Unknown task '{self.name}'. Expected one of: {', '.join(TASK_NAMES)}."
            )
        if self.tool_axis not in range(3):
            raise ConfigError(f"Expected a tool axis of 0, 1 or 2. Received: {self.tool_axis}")

    @property
    def rows(self) -> int:
        """Rows m of the task error and of J: 3, 5 or 6."""
        return {"position": 3, "axis": 5, "pose": 6}[self.name]

    @property
    def component_names(self) -> tuple[str, ...]:
        """Names of a target's components in order."""
        position = ("x", "y", "z")
        if self.name == "position":
            return position
        if self.name == "axis":
            axis = TOOL_AXES[self.tool_axis]
            return (*position, *(f"{axis}_{k}" for k in position))
        return (*position, *(f"{column}_{k}" for column in TOOL_AXES for k in position))

    @property
    def turns(self) -> bool:
        """Whether a target has an orientation, in whole or in part."""
        return self.name != "position"

    def length(self, chain: Chain) -> float:
        """Characteristic length [m]: an orientation error of 1 rad counts as much."""
        return LENGTH_SHARE * chain.reach

    def reached(self, walked: Frames) -> list[Scalar]:
        """The target's components that a configuration reaches; metres and unit vectors."""
        directions = {"position": (), "axis": (self.tool_axis,), "pose": (0, 1, 2)}[self.name]
        return [*walked.position, *(part for k in directions for part in walked.rotation[k])]

    def error(self, chain: Chain, walked: Frames, target: Sequence[Scalar]) -> list[Scalar]:
        """The task error e (m,) [m] that `columns` describes the change of.

        For a pose its last three rows are L (1/2) sum_i x_i cross x_i*, with the columns
        x_i of the tool's rotation and x_i* of the target's: L sin(angle) along the axis
        of the rotation between them (Luh, Walker and Paul, "Resolved-acceleration control
        of mechanical manipulators", IEEE Transactions on Automatic Control, 1980). With
        the geometric Jacobian it makes a Gauss-Newton step on the squared chordal
        distance. For one axis z they are L z cross z*, told along the two other tool axes.
        """
        e = [sub(target[k], walked.position[k]) for k in range(3)]
        if self.name == "position":
            return e
        length = self.length(chain)
        if self.name == "axis":
            wanted = target[3:6]
            first, second = self._across(walked)
            # (z cross z*) . u with u cross v = z.
            return [*e, mul(-length, dot(second, wanted)), mul(length, dot(first, wanted))]
        spin: list[Scalar] = [0.0, 0.0, 0.0]
        for own, wanted in zip(walked.rotation, _columns(target), strict=True):
            spin = [add(s, part) for s, part in zip(spin, cross(own, wanted), strict=True)]
        return [*e, *(mul(0.5 * length, part) for part in spin)]

    def squared_error(self, chain: Chain, walked: Frames, target: Sequence[Scalar]) -> Scalar:
        """Squared distance [m^2]: of the positions, plus L^2 times that of the directions.

        The orientation part is the squared chordal distance: L^2 4 sin^2(angle / 2), for
        a pose half the squared Frobenius norm of the difference of the rotations. It
        grows with the angle up to half a turn, where the error above vanishes again, and
        is a sum of squares, which single precision rounds well near 0 (Hartley et al.,
        "Rotation averaging", IJCV 2013, section 4).
        """
        position, directions = self.squared_parts(walked, target)
        return add(position, mul(self.length(chain) ** 2, directions))

    def squared_parts(self, walked: Frames, target: Sequence[Scalar]) -> tuple[Scalar, Scalar]:
        """Squared distance of the positions [m^2], and of the directions: 4 sin^2(angle / 2)."""
        position = _squared(walked.position, target[:3])
        if self.name == "position":
            return position, 0.0
        if self.name == "axis":
            return position, _squared(walked.rotation[self.tool_axis], target[3:6])
        turned: Scalar = 0.0
        for own, wanted in zip(walked.rotation, _columns(target), strict=True):
            turned = add(turned, _squared(own, wanted))
        return position, mul(0.5, turned)

    def columns(self, chain: Chain, walked: Frames) -> list[tuple[Scalar, ...]]:
        """The n columns (m,) of J for the task error [m/rad]."""
        columns = jacobian_columns(walked)
        if self.name == "position":
            return [column[:3] for column in columns]
        length = self.length(chain)
        if self.name == "pose":
            return [(*c[:3], *(mul(length, part) for part in c[3:])) for c in columns]
        across = self._across(walked)
        return [(*c[:3], *(mul(length, dot(side, c[3:])) for side in across)) for c in columns]

    def _across(self, walked: Frames) -> tuple[Vector, Vector]:
        """The two other tool axes u, v with u cross v along the directed one."""
        x, y, z = walked.rotation
        return ((y, z), (z, x), (x, y))[self.tool_axis]


POSITION = Task("position")
POSE = Task("pose")


def make_task(name: str, tool_axis: str = "z") -> Task:
    """The task of a name, and for "axis" of a tool axis: x, y or z.

    Raises:
        ConfigError: If there is no such task or axis.
    """
    if tool_axis not in TOOL_AXES:
        raise ConfigError(f"Unknown tool axis '{tool_axis}'. Expected one of: x, y, z.")
    return Task(name, TOOL_AXES.index(tool_axis) if name == "axis" else 2)


def reached_targets(chain: Chain, task: Task, sin_q: Any, cos_q: Any, xp: Any = np) -> Any:
    """The targets (..., k) that configurations reach, k components each.

    Args:
        chain: The robot.
        task: What a target is.
        sin_q: (..., n) sine of each joint angle.
        cos_q: (..., n) cosine of each joint angle.
        xp: Array namespace: `numpy` or `keras.ops`.
    """
    walked = frames(chain, components(sin_q), components(cos_q))
    return stacked(task.reached(walked), sin_q[..., 0], xp)


def task_jacobian(chain: Chain, task: Task, sin_q: Any, cos_q: Any, xp: Any = np) -> Any:
    """J (..., m, n) [m/rad] of the task; arguments as in `reached_targets`."""
    columns = task.columns(chain, frames(chain, components(sin_q), components(cos_q)))
    like = sin_q[..., 0]
    return xp.stack([stacked(column, like, xp) for column in columns], axis=-1)


def task_errors(
    chain: Chain, task: Task, q: FloatArray, targets: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Distance [m] and angle [rad] between what q (..., n) reaches and targets (..., k).

    The angle is the geodesic distance of the orientations, or the angle between the two
    directions; 0 for positions.
    """
    reached = reached_targets(chain, task, np.sin(q), np.cos(q))
    distance: FloatArray = np.linalg.norm(reached[..., :3] - targets[..., :3], axis=-1)
    if not task.turns:
        return distance, np.zeros_like(distance)
    chord = np.linalg.norm(reached[..., 3:] - targets[..., 3:], axis=-1)
    if task.name == "pose":
        chord = chord / np.sqrt(2.0)
    angle: FloatArray = 2 * np.arcsin(np.minimum(chord / 2, 1.0))
    return distance, angle


def _columns(target: Sequence[Scalar]) -> list[Vector]:
    """The three columns of a pose's rotation."""
    return [(target[k], target[k + 1], target[k + 2]) for k in (3, 6, 9)]


def _squared(a: Sequence[Scalar], b: Sequence[Scalar]) -> Scalar:
    """Squared distance of two vectors of components."""
    difference = [sub(wanted, own) for own, wanted in zip(a, b, strict=True)]
    return dot(difference, difference)
