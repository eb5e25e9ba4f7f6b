"""Which rows of the orientation error a task keeps: none, of one axis, or all.

What every orientation says is in scalar components, so that the same lines run on floats,
arrays and tensors, and print as C. Angles in a plane are in `plane_angle`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from firmware_host.chain import Chain, FloatArray
from firmware_host.errors import ConfigError
from firmware_host.kinematics import Frames, Scalar, Vector, add, cross, dot, mul, sub
from firmware_host.tasks.rotations import quaternion_columns, unit_vector

TOOL_AXES = ("x", "y", "z")
BASE_AXES: tuple[Vector, Vector, Vector] = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


@dataclass(frozen=True)
class Orientation(ABC):
    """Which rows of the orientation error are kept, and what a target says of it.

    Behind its place [m], a target's components are unit vectors: of three numbers, or of
    two in a plane.

    Attributes:
        rows: Rows that are kept.
        size: Components of a target that are its orientation's.
        flat_size: How many numbers a user gives for them in one row.
        flat_words: What these numbers are.
    """

    rows: ClassVar[int] = 0
    size: ClassVar[int] = 0
    flat_size: ClassVar[int] = 0
    flat_words: ClassVar[str] = ""

    def on(self, chain: Chain) -> Orientation:
        """The orientation with what it leaves for the robot to say."""
        del chain
        return self

    def options(self) -> dict[str, str]:
        """The options that a record must keep to make it again."""
        return {}

    @property
    def directions(self) -> tuple[int, ...]:
        """Indices of the tool axes whose direction in space a target gives."""
        return ()

    @property
    def component_names(self) -> tuple[str, ...]:
        """Names of the components in order."""
        return tuple(f"{TOOL_AXES[axis]}_{k}" for axis in self.directions for k in TOOL_AXES)

    def describe(self, place: str) -> str:
        """What a place, such as a position, and the orientation are, in words."""
        return f"{place} of the tool"

    @property
    def component_words(self) -> str:
        """What the components are, in words."""
        return ""

    def reached(self, walked: Frames, place: Sequence[Scalar]) -> list[Scalar]:
        """The components that a configuration reaches, whose tool is at a place."""
        del place
        return [part for axis in self.directions for part in walked.rotation[axis]]

    @abstractmethod
    def error(
        self, length: float, walked: Frames, place: Sequence[Scalar], wanted: Sequence[Scalar]
    ) -> list[Scalar]:
        """The rows of the task error [m] that `normals` describes the change of.

        Args:
            length: Characteristic length L [m]: how much an error of 1 rad counts.
            walked: The configuration.
            place: The target's place.
            wanted: The target's orientation.
        """

    @abstractmethod
    def normals(self, walked: Frames, place: Sequence[Scalar]) -> Sequence[Vector]:
        """For each row the vector that, with the angular velocity, gives its rate."""

    def squared(self, walked: Frames, place: Sequence[Scalar], wanted: Sequence[Scalar]) -> Scalar:
        """The squared chordal distance 4 sin^2(angle / 2); arguments as in `error`."""
        del place
        turned: Scalar = 0.0
        for axis, direction in zip(self.directions, vectors_of(wanted), strict=True):
            turned = add(turned, squared_distance(walked.rotation[axis], direction))
        return turned

    def turns_about(self, direction: Sequence[float]) -> bool:
        """Whether a target turned about an axis of this direction is a target likewise."""
        del direction
        return True

    def slides_along(self, direction: Sequence[float]) -> bool:
        """Whether a target moved along this direction keeps its orientation's components."""
        del direction
        return True

    def from_flat(self, values: Sequence[Scalar]) -> list[Scalar]:
        """The components from a user's numbers, floats or arrays; NaN if they are none."""
        return [*values]

    def to_flat(self, wanted: FloatArray) -> FloatArray:
        """A user's numbers (..., flat_size) from components (..., size)."""
        return wanted

    def from_columns(self, place: Sequence[Scalar], columns: Sequence[Vector]) -> list[Scalar]:
        """The components from a rotation's columns, of floats or arrays.

        Args:
            place: The place of the tool [m].
            columns: The three columns.
        """
        del place
        return [part for axis in self.directions for part in columns[axis]]

    def turned(self, wanted: FloatArray, spin: FloatArray) -> FloatArray:
        """The rate (N, size) of components (N, size) turned by angular velocities (N, 3)."""
        vectors = wanted.reshape(len(wanted), -1, 3)
        rate: FloatArray = np.asarray(np.cross(spin[:, None], vectors)).reshape(wanted.shape)
        return rate


@dataclass(frozen=True)
class Free(Orientation):
    """However the tool is turned."""

    def error(
        self, length: float, walked: Frames, place: Sequence[Scalar], wanted: Sequence[Scalar]
    ) -> list[Scalar]:
        """No row."""
        del length, walked, place, wanted
        return []

    def normals(self, walked: Frames, place: Sequence[Scalar]) -> Sequence[Vector]:
        """No row."""
        del walked, place
        return []


@dataclass(frozen=True)
class Direction(Orientation):
    """One tool axis in a direction; the tool may turn about it.

    Attributes:
        axis: Index of the tool axis that is directed; 2 is z.
    """

    rows: ClassVar[int] = 2
    size: ClassVar[int] = 3
    flat_size: ClassVar[int] = 3
    flat_words: ClassVar[str] = "a direction"

    axis: int = 2

    def __post_init__(self) -> None:
        if self.axis not in range(3):
            raise ConfigError(f"Expected a tool axis of 0, 1 or 2. Received: {self.axis}")

    def options(self) -> dict[str, str]:
        """The tool axis."""
        return {"tool_axis": TOOL_AXES[self.axis]}

    @property
    def directions(self) -> tuple[int, ...]:
        """The one axis that is directed."""
        return (self.axis,)

    def describe(self, place: str) -> str:
        """What a place and the direction are, in words."""
        return f"{place} of the tool and direction of its {TOOL_AXES[self.axis]} axis"

    @property
    def component_words(self) -> str:
        """What the components are, in words."""
        return f"the unit direction of the tool's {TOOL_AXES[self.axis]} axis"

    def error(
        self, length: float, walked: Frames, place: Sequence[Scalar], wanted: Sequence[Scalar]
    ) -> list[Scalar]:
        """L z cross z* told along the two other tool axes."""
        first, second = self.normals(walked, place)
        # (z cross z*) . u with u cross v = z.
        return [mul(-length, dot(second, wanted)), mul(length, dot(first, wanted))]

    def normals(self, walked: Frames, place: Sequence[Scalar]) -> Sequence[Vector]:
        """The two other tool axes u, v with u cross v along the directed one."""
        del place
        x, y, z = walked.rotation
        return ((y, z), (z, x), (x, y))[self.axis]

    def from_flat(self, values: Sequence[Scalar]) -> list[Scalar]:
        """A direction of any length, scaled to 1."""
        return unit_vector(values, any_length=True)


@dataclass(frozen=True)
class Rotation(Orientation):
    """The whole orientation: the three columns of the rotation matrix."""

    rows: ClassVar[int] = 3
    size: ClassVar[int] = 9
    flat_size: ClassVar[int] = 4
    flat_words: ClassVar[str] = "a unit quaternion w, x, y, z"

    @property
    def directions(self) -> tuple[int, ...]:
        """All three axes."""
        return (0, 1, 2)

    def describe(self, place: str) -> str:
        """What a place and the orientation are, in words."""
        return f"{place} and orientation of the tool"

    @property
    def component_words(self) -> str:
        """What the components are, in words."""
        return "the rotation's three columns"

    def error(
        self, length: float, walked: Frames, place: Sequence[Scalar], wanted: Sequence[Scalar]
    ) -> list[Scalar]:
        """L (1/2) sum_i x_i cross x_i*.

        With the columns x_i of the tool's rotation and x_i* of the target's this is
        L sin(angle) along the axis of the rotation between them (Luh, Walker and Paul,
        "Resolved-acceleration control of mechanical manipulators", IEEE Transactions on
        Automatic Control, 1980). With the geometric Jacobian it makes a Gauss-Newton step
        on the squared chordal distance.
        """
        del place
        spin: list[Scalar] = [0.0, 0.0, 0.0]
        for own, column in zip(walked.rotation, vectors_of(wanted), strict=True):
            spin = [add(s, part) for s, part in zip(spin, cross(own, column), strict=True)]
        return [mul(0.5 * length, part) for part in spin]

    def normals(self, walked: Frames, place: Sequence[Scalar]) -> Sequence[Vector]:
        """The base's axes."""
        del walked, place
        return BASE_AXES

    def squared(self, walked: Frames, place: Sequence[Scalar], wanted: Sequence[Scalar]) -> Scalar:
        """Half the squared Frobenius norm of the difference.

        It is 4 sin^2(angle / 2) (Hartley et al., "Rotation averaging", IJCV 2013, section 4).
        """
        return mul(0.5, super().squared(walked, place, wanted))

    def from_flat(self, values: Sequence[Scalar]) -> list[Scalar]:
        """The columns of the rotation of a unit quaternion w, x, y, z."""
        return quaternion_columns(unit_vector(values, any_length=False))


def vectors_of(wanted: Sequence[Scalar]) -> list[Vector]:
    """The vectors of three components that follow one another."""
    return [(wanted[k], wanted[k + 1], wanted[k + 2]) for k in range(0, len(wanted), 3)]


def squared_distance(a: Sequence[Scalar], b: Sequence[Scalar]) -> Scalar:
    """Squared distance of two vectors of components."""
    difference = [sub(wanted, own) for own, wanted in zip(a, b, strict=True)]
    return dot(difference, difference)
