"""What a target is: which rows of the pose error a task keeps, and in which frame.

Of the position a task keeps all three rows or two, of the orientation what
`firmware_host.tasks.orientation` says: a task is these two, and what follows from them.
Like the kinematics, a task handles scalar components and uses neither sines nor angles:
it runs on floats, arrays and tensors alike, and can be traced into straight-line code.
Rotation rows are weighted by the problem's characteristic length, so that every row of
the task error and of J is in metres.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from firmware_host.chain import Chain, FloatArray
from firmware_host.kinematics import Frames, Scalar, Vector, dot, jacobian_columns, mul, sub
from firmware_host.tasks.encoding import encoded, feature_names, turning_joints
from firmware_host.tasks.orientation import TOOL_AXES, Orientation, Rotation, squared_distance
from firmware_host.tasks.plane_angle import BasePlane
from firmware_host.tasks.turn import Encoding

SPACE = (0, 1, 2)


@dataclass(frozen=True)
class Task:
    """A kind of target.

    A target's components are its place, the position's coordinates x, y, z [m] in the base
    frame or two of them, then the unit vectors that its orientation says.

    Attributes:
        name: What it is called.
        place: Indices of the base's axes whose coordinates are given: three, or two.
        orientation: Which rows of the orientation error are kept.
    """

    name: str
    place: tuple[int, ...]
    orientation: Orientation

    def on(self, chain: Chain) -> Task:
        """The task with what it leaves for the robot to say."""
        orientation = self.orientation.on(chain)
        return self if orientation == self.orientation else replace(self, orientation=orientation)

    @property
    def rows(self) -> int:
        """Rows m of the task error and of J."""
        return len(self.place) + self.orientation.rows

    @property
    def flat_size(self) -> int:
        """How many numbers a target in one row is."""
        return len(self.place) + self.orientation.flat_size

    @property
    def plane(self) -> BasePlane | None:
        """The plane that places are in, if they are not of all space."""
        if self.place == SPACE:
            return None
        return BasePlane("".join(TOOL_AXES[axis] for axis in self.place))

    @property
    def flat_words(self) -> str:
        """What the numbers of a target in one row are."""
        words = f"{self.coordinates} in metres"
        if not self.has_orientation:
            return words
        return f"a pose of the tool, or {words} and {self.orientation.flat_words}"

    @property
    def coordinates(self) -> str:
        """The names of the coordinates, with commas."""
        return ", ".join(TOOL_AXES[axis] for axis in self.place)

    def options(self) -> dict[str, str]:
        """The options that a record must keep to make the task again."""
        plane = {} if self.plane is None else {"plane": self.plane.name}
        return {**self.orientation.options(), **plane}

    @property
    def directions(self) -> tuple[int, ...]:
        """Indices of the tool axes whose direction in space a target gives."""
        return self.orientation.directions

    @property
    def has_orientation(self) -> bool:
        """Whether a target has an orientation, in whole or in part."""
        return self.orientation.rows > 0

    @property
    def is_whole(self) -> bool:
        """Whether a target is a whole pose."""
        return self.place == SPACE and isinstance(self.orientation, Rotation)

    @property
    def component_names(self) -> tuple[str, ...]:
        """Names of a target's components in order."""
        return (*(TOOL_AXES[axis] for axis in self.place), *self.orientation.component_names)

    @property
    def size(self) -> int:
        """How many components a target has."""
        return len(self.place) + self.orientation.size

    def describe(self) -> str:
        """What a target is, in words."""
        where = "" if self.plane is None else f" in the {self.plane.name} plane"
        return f"{self.orientation.describe('position')}{where}"

    @property
    def component_words(self) -> str:
        """What a target's components are, in words."""
        words = f"{self.coordinates} in the base frame [m]"
        more = self.orientation.component_words
        return f"{words}, then {more}" if more else words

    def reached(self, walked: Frames) -> list[Scalar]:
        """The target's components that a configuration reaches; metres and unit vectors."""
        place = [walked.position[axis] for axis in self.place]
        return [*place, *self.orientation.reached(walked, place)]

    def error(self, length: float, walked: Frames, target: Sequence[Scalar]) -> list[Scalar]:
        """The task error e (m,) [m] that `columns` describes the change of.

        Args:
            length: Characteristic length [m]: how much an error of 1 rad counts.
            walked: The configuration.
            target: The target's components.
        """
        place, wanted = self.split(target)
        e = [sub(place[k], walked.position[axis]) for k, axis in enumerate(self.place)]
        return [*e, *self.orientation.error(length, walked, place, wanted)]

    def columns(
        self, length: float, walked: Frames, target: Sequence[Scalar]
    ) -> list[tuple[Scalar, ...]]:
        """The n columns (m,) of J for the task error [m/rad]; arguments as in `error`.

        They are the kept rows of the geometric Jacobian, angular ones times L.
        """
        normals = self.orientation.normals(walked, self.split(target)[0])
        return [
            (
                *(c[axis] for axis in self.place),
                *(mul(length, dot(normal, c[3:])) for normal in normals),
            )
            for c in jacobian_columns(walked)
        ]

    def squared_parts(self, walked: Frames, target: Sequence[Scalar]) -> tuple[Scalar, Scalar]:
        """Squared distance of the places [m^2], and of the orientations: 4 sin^2(angle / 2).

        The second part is the squared chordal distance. It grows with the angle up to half
        a turn, and is a sum of squares, which single precision rounds well near 0.
        """
        place, wanted = self.split(target)
        own = [walked.position[axis] for axis in self.place]
        return squared_distance(own, place), self.orientation.squared(walked, place, wanted)

    def split(self, target: Sequence[Scalar]) -> tuple[Sequence[Scalar], Sequence[Scalar]]:
        """The place and the orientation among a target's components."""
        return target[: len(self.place)], target[len(self.place) :]

    def positions(self, targets: FloatArray) -> FloatArray:
        """Positions (..., 3) [m] of targets (..., k), with 0 for what they leave open."""
        positions = np.zeros((*targets.shape[:-1], 3))
        positions[..., list(self.place)] = targets[..., : len(self.place)]
        return positions

    def placed(self, targets: FloatArray) -> FloatArray:
        """The places (..., p) [m] of targets (..., k)."""
        return targets[..., : len(self.place)]

    def position(self, target: Sequence[float]) -> list[float]:
        """`positions` for one target in plain numbers."""
        found = [0.0, 0.0, 0.0]
        for axis, part in zip(self.place, target, strict=False):
            found[axis] = part
        return found

    def turning_joints(self, chain: Chain) -> tuple[int, ...]:
        """Joints that turn along with a target, so that the network need not learn it."""
        return turning_joints(self, chain)

    def feature_names(self, chain: Chain) -> tuple[str, ...]:
        """Names of the features that `encode` gives."""
        return feature_names(self, chain)

    def encode(self, chain: Chain, target: Sequence[Scalar], xp: Any = np) -> Encoding:
        """A target's features, not normalized, and the turns to add to the answer.

        Args:
            chain: The robot.
            target: The target's components.
            xp: Namespace with `sqrt`: `numpy`, `keras.ops` or `math`.
        """
        return encoded(self, chain, target, xp)

    def from_flat(self, values: Sequence[Scalar]) -> list[Scalar]:
        """The components of a target in one row, floats or arrays; NaN where it is none."""
        place, orientation = self.split(values)
        return [*place, *self.orientation.from_flat(orientation)]

    def from_pose(self, position: Sequence[Scalar], columns: Sequence[Vector]) -> list[Scalar]:
        """The components of a position and a rotation's columns, of floats or arrays."""
        place = [position[axis] for axis in self.place]
        return [*place, *self.orientation.from_columns(place, columns)]

    def given(self, components: FloatArray) -> FloatArray:
        """Components (N, k) in a form that users give targets in: rows, or (N, 4, 4) poses."""
        place, wanted = np.split(components, [len(self.place)], axis=-1)
        if not self.is_whole:
            return np.concatenate([place, self.orientation.to_flat(wanted)], axis=-1)
        poses = np.zeros((len(components), 4, 4))
        poses[:, 3, 3] = 1.0
        poses[:, :3, 3] = place
        poses[:, :3, :3] = np.swapaxes(wanted.reshape(-1, 3, 3), -1, -2)
        return poses
