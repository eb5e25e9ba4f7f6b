"""What a task must say: what a target is, how far a configuration is from it, and more.

Like the kinematics, a task handles scalar components and uses neither sines nor angles:
it runs on floats, arrays and tensors alike, and can be traced into straight-line code.
Rotation rows are weighted by the problem's characteristic length, so that every row of
the task error and of J is in metres.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from firmware_host.chain import Chain, FloatArray
from firmware_host.kinematics import Frames, Scalar, Vector, add, dot, mul, sub
from firmware_host.tasks.turn import Encoding

TOOL_AXES = ("x", "y", "z")


@dataclass(frozen=True)
class Task(ABC):
    """A kind of target; one subclass, in a file of its own, for each.

    A target's components are a position x, y, z [m] in the base frame, then unit vectors
    of the tool axes that are directed.

    Attributes:
        name: What it is called.
        rows: Rows m of the task error and of J.
        flat_size: How many numbers a target in one row is.
        flat_words: What these numbers are.
    """

    name: ClassVar[str]
    rows: ClassVar[int]
    flat_size: ClassVar[int]
    flat_words: ClassVar[str]
    # Factor of the squared differences of directions that makes them 4 sin^2(angle / 2).
    chord_weight: ClassVar[float] = 1.0

    @classmethod
    def with_options(cls, tool_axis: str) -> Task:
        """The task with a user's options, of which most tasks have none."""
        del tool_axis
        return cls()

    def options(self) -> dict[str, str]:
        """The options that a record must keep to make the task again."""
        return {}

    @property
    def directions(self) -> tuple[int, ...]:
        """Indices of the tool axes whose direction a target gives."""
        return ()

    @property
    def has_orientation(self) -> bool:
        """Whether a target has an orientation, in whole or in part."""
        return bool(self.directions)

    @property
    def component_names(self) -> tuple[str, ...]:
        """Names of a target's components in order."""
        position = ("x", "y", "z")
        directed = (f"{TOOL_AXES[axis]}_{k}" for axis in self.directions for k in position)
        return (*position, *directed)

    @abstractmethod
    def describe(self) -> str:
        """What a target is, in words."""

    @property
    def component_words(self) -> str:
        """What a target's components are, in words."""
        return "x, y, z in the base frame [m]"

    def reached(self, walked: Frames) -> list[Scalar]:
        """The target's components that a configuration reaches; metres and unit vectors."""
        directed = (part for axis in self.directions for part in walked.rotation[axis])
        return [*walked.position, *directed]

    @abstractmethod
    def error(self, length: float, walked: Frames, target: Sequence[Scalar]) -> list[Scalar]:
        """The task error e (m,) [m] that `columns` describes the change of.

        Args:
            length: Characteristic length [m]: how much an error of 1 rad counts.
            walked: The configuration.
            target: The target's components.
        """

    @abstractmethod
    def columns(self, length: float, walked: Frames) -> list[tuple[Scalar, ...]]:
        """The n columns (m,) of J for the task error [m/rad]; arguments as in `error`."""

    def squared_parts(self, walked: Frames, target: Sequence[Scalar]) -> tuple[Scalar, Scalar]:
        """Squared distance of the positions [m^2], and of the directions: 4 sin^2(angle / 2).

        The second part is the squared chordal distance, for a whole rotation half the
        squared Frobenius norm of the difference (Hartley et al., "Rotation averaging",
        IJCV 2013, section 4). It grows with the angle up to half a turn, and is a sum of
        squares, which single precision rounds well near 0.
        """
        position = squared_distance(walked.position, target[:3])
        turned: Scalar = 0.0
        for axis, wanted in zip(self.directions, directions_of(target), strict=True):
            turned = add(turned, squared_distance(walked.rotation[axis], wanted))
        return position, mul(self.chord_weight, turned)

    def turning_joints(self, chain: Chain) -> tuple[int, ...]:
        """Joints that turn along with a target, so that the network need not learn it."""
        del chain
        return ()

    @abstractmethod
    def feature_names(self, chain: Chain) -> tuple[str, ...]:
        """Names of the features that `encode` gives."""

    @abstractmethod
    def encode(self, chain: Chain, target: Sequence[Scalar], xp: Any = np) -> Encoding:
        """A target's features, not normalized, and the turns to add to the answer.

        Args:
            chain: The robot.
            target: The target's components.
            xp: Namespace with `sqrt`: `numpy`, `keras.ops` or `math`.
        """

    def flat_directions(self, values: FloatArray) -> FloatArray:
        """Unit vectors (..., k - 3) from what follows x, y, z in one row; NaN where it is none."""
        return values

    def matrix_directions(self, columns: FloatArray) -> FloatArray:
        """Unit vectors (..., k - 3) from the columns (..., 3, 3) of a rotation, one a row."""
        directed = columns[..., list(self.directions), :]
        return directed.reshape(*directed.shape[:-2], -1)

    def given(self, components: FloatArray) -> FloatArray:
        """Components (N, k) in a form that users give targets in."""
        return components


def directions_of(target: Sequence[Scalar]) -> list[Vector]:
    """The unit vectors among a target's components."""
    return [(target[k], target[k + 1], target[k + 2]) for k in range(3, len(target), 3)]


def squared_distance(a: Sequence[Scalar], b: Sequence[Scalar]) -> Scalar:
    """Squared distance of two vectors of components."""
    difference = [sub(wanted, own) for own, wanted in zip(a, b, strict=True)]
    return dot(difference, difference)


def position_error(walked: Frames, target: Sequence[Scalar]) -> list[Scalar]:
    """The three rows of the task error that are the position's [m]."""
    return [sub(target[k], walked.position[k]) for k in range(3)]
