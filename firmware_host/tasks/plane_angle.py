"""One row of the orientation error: the angle of a tool axis in a plane.

Told of the axis is the angle of its projection on the plane: its rotation about the base's
vertical (yaw), its pitch in the vertical plane that the tool is in, or its angle in the plane
that an arm moves in. As sine and cosine an angle has no place where its error is flat: steps
converge quadratically at plus and minus 90 degrees, too.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import ClassVar

import numpy as np

from firmware_host.chain import Chain, FloatArray
from firmware_host.errors import ConfigError
from firmware_host.kinematics import (
    Frames,
    Scalar,
    Vector,
    add,
    cross,
    dot,
    limited,
    mul,
    root,
    sub,
)
from firmware_host.tasks.orientation import (
    BASE_AXES,
    TOOL_AXES,
    Direction,
    Orientation,
    squared_distance,
)
from firmware_host.tasks.rotations import where
from firmware_host.tasks.turn import turn_of

# An axis whose projection is no longer than this has no angle.
FLAT = 1e-6
# Where an axis is nearly across its plane, its angle changes no faster than this in integers
# [rad/rad]: steps from there are shorter, and lead the same way.
STEEPEST = 16.0
# Unit vectors whose product is this near to 1 are parallel: a description's rounded right angle.
PARALLEL = 1e-6
PLANES = ("xy", "xz", "yz")
_SQRT = SimpleNamespace(sqrt=root)


@dataclass(frozen=True)
class Plane(ABC):
    """A plane by two unit vectors across one another; angles count from the first on."""

    def on(self, chain: Chain) -> Plane:
        """The plane with what it leaves for the robot to say."""
        del chain
        return self

    def options(self) -> dict[str, str]:
        """The options that a record must keep to make it again."""
        return {}

    @abstractmethod
    def axes(self, place: Sequence[Scalar]) -> tuple[Vector, Vector]:
        """The two unit vectors for a tool at a place [m]."""

    @abstractmethod
    def turns_about(self, direction: Sequence[float]) -> bool:
        """Whether turning everything about this direction changes angles alike or not at all."""

    @abstractmethod
    def slides_along(self, direction: Sequence[float]) -> bool:
        """Whether moving everything along this direction leaves the plane what it is."""


@dataclass(frozen=True)
class BasePlane(Plane):
    """The plane of two of the base's axes.

    Attributes:
        name: "xy", "xz" or "yz": an angle of 0 points along the first, 90 degrees along the
            second.
    """

    name: str = "xy"

    def __post_init__(self) -> None:
        if self.name not in PLANES:
            raise ConfigError(f"Unknown plane '{self.name}'. Expected one of: {', '.join(PLANES)}.")

    @property
    def indices(self) -> tuple[int, int]:
        """Indices of the two axes."""
        return TOOL_AXES.index(self.name[0]), TOOL_AXES.index(self.name[1])

    @property
    def normal(self) -> tuple[float, float, float]:
        """The unit vector that angles count about."""
        first, second = (BASE_AXES[index] for index in self.indices)
        x, y, z = cross(first, second)
        return x, y, z

    def axes(self, place: Sequence[Scalar]) -> tuple[Vector, Vector]:
        """The base's two axes, wherever the tool is."""
        del place
        first, second = self.indices
        return BASE_AXES[first], BASE_AXES[second]

    def turns_about(self, direction: Sequence[float]) -> bool:
        """About its normal."""
        return are_parallel(direction, self.normal)

    def slides_along(self, direction: Sequence[float]) -> bool:
        """Along everything."""
        del direction
        return True


@dataclass(frozen=True)
class AzimuthPlane(Plane):
    """The vertical plane through the tool: angles count from outward to upward.

    It is the plane through the base's vertical at a centre and the tool's place. An axis that
    points away from the vertical has the angle 0, one that points up 90 degrees, one that
    points back 180. Of a tool that stays in this plane, as those of arms that turn about the
    vertical and then bend do, it is the elevation; of another tool, that of its projection.

    Attributes:
        center: x, y of the vertical [m]: that of the first joint's axis, if it is vertical.
    """

    center: tuple[float, float] = (0.0, 0.0)

    def on(self, chain: Chain) -> Plane:
        """The plane about the first joint's axis, if that is vertical, or the base's z axis."""
        *_, axis, origin = chain.link_columns[0]
        first = chain.segments[0]
        upright = not first.slides and are_parallel(axis, BASE_AXES[2])
        return replace(self, center=(origin[0], origin[1]) if upright else (0.0, 0.0))

    def axes(self, place: Sequence[Scalar]) -> tuple[Vector, Vector]:
        """Outward from the vertical, and up."""
        u, v = (sub(place[k], self.center[k]) for k in range(2))
        azimuth, _ = turn_of(v, u, _SQRT)
        return (azimuth.cos, azimuth.sin, 0.0), BASE_AXES[2]

    def turns_about(self, direction: Sequence[float]) -> bool:
        """About the vertical, which is the centre's if it is the first joint's axis."""
        return are_parallel(direction, BASE_AXES[2])

    def slides_along(self, direction: Sequence[float]) -> bool:
        """Along the vertical."""
        return are_parallel(direction, BASE_AXES[2])


@dataclass(frozen=True)
class PlaneAngle(Orientation):
    """The angle of one tool axis in a plane, as its cosine and sine.

    Attributes:
        axis: Index of the tool axis; 2 is z.
        plane: The plane that it is projected on.
        word: What the angle is called.
    """

    rows: ClassVar[int] = 1
    size: ClassVar[int] = 2
    flat_size: ClassVar[int] = 1

    axis: int = 2
    plane: Plane = BasePlane()
    word: str = "angle"

    def __post_init__(self) -> None:
        Direction(self.axis)  # refuses another axis

    def on(self, chain: Chain) -> Orientation:
        """The angle in the plane that the robot's first joint says."""
        return replace(self, plane=self.plane.on(chain))

    def options(self) -> dict[str, str]:
        """The tool axis, and the plane's name if it has one."""
        return {"tool_axis": TOOL_AXES[self.axis], **self.plane.options()}

    @property
    def flat_words(self) -> str:  # type: ignore[override]
        """What a user's number is."""
        return f"the {self.word} in radians"

    @property
    def component_names(self) -> tuple[str, ...]:
        """Cosine and sine."""
        return f"cos_{self.word}", f"sin_{self.word}"

    def describe(self, place: str) -> str:
        """What a place and the angle are, in words."""
        return f"{place} of the tool and {self.word} of its {TOOL_AXES[self.axis]} axis"

    @property
    def component_words(self) -> str:
        """What the components are, in words."""
        return f"cosine and sine of the {self.word} of the tool's {TOOL_AXES[self.axis]} axis"

    def reached(self, walked: Frames, place: Sequence[Scalar]) -> list[Scalar]:
        """Cosine and sine of the axis' angle."""
        return [*self._projected(walked.rotation[self.axis], place)[0]]

    def error(
        self, length: float, walked: Frames, place: Sequence[Scalar], wanted: Sequence[Scalar]
    ) -> list[Scalar]:
        """L sin(angle* - angle), in the plane of the target's place."""
        (cos, sin), _ = self._projected(walked.rotation[self.axis], place)
        return [mul(length, sub(mul(cos, wanted[1]), mul(sin, wanted[0])))]

    def normals(self, walked: Frames, place: Sequence[Scalar]) -> Sequence[Vector]:
        """The vector m with d(angle)/dt = m . w at the angular velocity w.

        With a the tool axis, its parts (a_1, a_2) along the plane's axes f_1, f_2 and
        n^2 = a_1^2 + a_2^2, from da/dt = w cross a: m = a cross (a_1 f_2 - a_2 f_1) / n^2.
        """
        a = walked.rotation[self.axis]
        (cos, sin), length = self._projected(a, place)
        first, second = self.plane.axes(place)
        across = [sub(mul(cos, f2), mul(sin, f1)) for f1, f2 in zip(first, second, strict=True)]
        x, y, z = (
            limited(divided(part, length), STEEPEST, held=True)
            for part in cross(a, (across[0], across[1], across[2]))
        )
        return [(x, y, z)]

    def squared(self, walked: Frames, place: Sequence[Scalar], wanted: Sequence[Scalar]) -> Scalar:
        """4 sin^2(half the angle between them)."""
        own, _ = self._projected(walked.rotation[self.axis], place)
        return squared_distance(own, wanted)

    def turns_about(self, direction: Sequence[float]) -> bool:
        """As the plane says."""
        return self.plane.turns_about(direction)

    def slides_along(self, direction: Sequence[float]) -> bool:
        """As the plane says."""
        return self.plane.slides_along(direction)

    def direction(self, place: Sequence[Scalar], wanted: Sequence[Scalar]) -> Vector:
        """The unit vector in the plane, in the base frame, that a target's angle means."""
        first, second = self.plane.axes(place)
        x, y, z = (
            add(mul(f1, wanted[0]), mul(f2, wanted[1]))
            for f1, f2 in zip(first, second, strict=True)
        )
        return x, y, z

    def from_flat(self, values: Sequence[Scalar]) -> list[Scalar]:
        """Cosine and sine of an angle [rad]."""
        (angle,) = values
        cos, sin = np.cos(angle), np.sin(angle)
        # Floats stay plain, with the bits that arrays have.
        return [float(cos), float(sin)] if isinstance(angle, float) else [cos, sin]

    def to_flat(self, wanted: FloatArray) -> FloatArray:
        """Angles (..., 1) [rad] from -pi to pi."""
        return np.arctan2(wanted[..., 1:], wanted[..., :1])

    def from_columns(self, place: Sequence[Scalar], columns: Sequence[Vector]) -> list[Scalar]:
        """Cosine and sine of the axis' projection; NaN where it has none."""
        (cos, sin), length = self._projected(columns[self.axis], place)
        flat = length < 2 * FLAT
        return [where(flat, np.nan, part) for part in (cos, sin)]

    def turned(self, wanted: FloatArray, spin: FloatArray) -> FloatArray:
        """The rate of cosine and sine turned in the plane as fast as a spin is long."""
        speed = np.linalg.norm(spin, axis=1)
        return np.stack([-speed * wanted[:, 1], speed * wanted[:, 0]], axis=1)

    def _projected(
        self, a: Sequence[Scalar], place: Sequence[Scalar]
    ) -> tuple[tuple[Scalar, Scalar], Scalar]:
        """Cosine and sine of a vector's angle in the plane, and the length of its projection."""
        first, second = self.plane.axes(place)
        a1, a2 = dot(first, a), dot(second, a)
        length = root(add(add(mul(a1, a1), mul(a2, a2)), FLAT**2))
        return (
            limited(divided(a1, length), 1.0),
            limited(divided(a2, length), 1.0),
        ), length


def divided(a: Scalar, b: Scalar) -> Scalar:
    """a / b, folded where a is the constant 0."""
    return 0.0 if isinstance(a, float) and a == 0.0 else a / b


def are_parallel(a: Sequence[float], b: Sequence[float]) -> bool:
    """Whether two unit vectors lie along one line."""
    return bool(abs(abs(dot(a, b)) - 1) < PARALLEL)
