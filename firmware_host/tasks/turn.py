"""Angles that a target turns joints by, as the network's features leave them out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from firmware_host.chain import Chain
from firmware_host.kinematics import Scalar, Vector, add, dot, limited, mul, sub

# Keeps the azimuth finite on the first joint's axis; far below any robot's accuracy [m].
AXIS_RADIUS = 1e-9


@dataclass(frozen=True)
class Turn:
    """An angle by its sine and cosine, as components."""

    sin: Scalar
    cos: Scalar

    def applied(self, sin: Scalar, cos: Scalar) -> tuple[Scalar, Scalar]:
        """Sine and cosine of another angle, of any common length, with this one added."""
        return (
            add(mul(sin, self.cos), mul(cos, self.sin)),
            sub(mul(cos, self.cos), mul(sin, self.sin)),
        )

    def removed(self, sin: Scalar, cos: Scalar) -> tuple[Scalar, Scalar]:
        """Sine and cosine of another angle, of any common length, less this one."""
        return (
            sub(mul(sin, self.cos), mul(cos, self.sin)),
            add(mul(cos, self.cos), mul(sin, self.sin)),
        )


@dataclass(frozen=True)
class Encoding:
    """A target as the network sees it, and what is to be added to its answer.

    Attributes:
        features: The components named by `Task.feature_names`, not normalized.
        turns: Joint index -> angle to add to that joint of the network's answer; the joint
            is circular.
        shifts: Joint index -> distance [m] to add to that joint of the answer; the joint is
            prismatic.
    """

    features: list[Scalar]
    turns: dict[int, Turn]
    shifts: dict[int, Scalar] = field(default_factory=dict)

    def moves(self) -> list[Scalar]:
        """The turns' sines and cosines, then the shifts, one after the other."""
        turns = [part for turn in self.turns.values() for part in (turn.sin, turn.cos)]
        return [*turns, *self.shifts.values()]

    def with_moves(self, moves: Sequence[Scalar]) -> Encoding:
        """Without features, and with other numbers for `moves`."""
        count = 2 * len(self.turns)
        turns = {
            joint: Turn(*moves[2 * index : 2 * index + 2]) for index, joint in enumerate(self.turns)
        }
        return Encoding([], turns, dict(zip(self.shifts, moves[count:], strict=True)))


def turn_of(sin: Scalar, cos: Scalar, xp: Any) -> tuple[Turn, Scalar]:
    """The angle of a point in the plane, and its distance from the origin.

    Moved aside by next to nothing, a point on the origin has an angle too.
    """
    aside = cos + AXIS_RADIUS
    length = xp.sqrt(add(sin * sin + aside * aside, AXIS_RADIUS**4))
    return Turn(limited(sin / length, 1.0), limited(aside / length, 1.0)), length


class AboutFirstAxis:
    """Cylindrical coordinates about the first joint's axis, turned to a point's azimuth.

    Args:
        chain: The robot.
        point: x, y, z of the point in the base frame [m].
        xp: Namespace with `sqrt`.

    Attributes:
        turn: The point's azimuth.
        radial: Its distance from the axis [m].
        axial: Its coordinate along the axis [m].
    """

    def __init__(self, chain: Chain, point: Iterable[Scalar], xp: Any) -> None:
        *self._axes, origin = chain.link_columns[0]
        offset = [sub(part, start) for part, start in zip(point, origin, strict=True)]
        u, v, self.axial = (dot(axis, offset) for axis in self._axes)
        self.turn, self.radial = turn_of(v, u, xp)

    def turned(self, direction: Sequence[Scalar]) -> Vector:
        """The radial, tangential and axial parts of a direction in the base frame."""
        du, dv, dz = (dot(axis, direction) for axis in self._axes)
        return (
            limited(add(mul(du, self.turn.cos), mul(dv, self.turn.sin)), 1.0),
            limited(sub(mul(dv, self.turn.cos), mul(du, self.turn.sin)), 1.0),
            dz,
        )


class AlongFirstAxis:
    """Coordinates in the frame of a first joint that slides.

    Args:
        chain: The robot.
        point: x, y, z of the point in the base frame [m].

    Attributes:
        axes: The frame's axes; the joint slides along the last.
        across: The point's coordinates along the two others [m].
        along: Its coordinate along the axis [m].
    """

    def __init__(self, chain: Chain, point: Iterable[Scalar]) -> None:
        *self.axes, origin = chain.link_columns[0]
        offset = [sub(part, start) for part, start in zip(point, origin, strict=True)]
        u, v, self.along = (dot(axis, offset) for axis in self.axes)
        self.across = (u, v)

    def turned(self, direction: Sequence[Scalar]) -> Vector:
        """The parts of a direction in the base frame along the axes."""
        u, v, w = (dot(axis, direction) for axis in self.axes)
        return u, v, w
