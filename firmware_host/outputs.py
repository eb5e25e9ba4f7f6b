"""What the numbers of one head of the network mean."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from firmware_host.chain import Chain
from firmware_host.kinematics import Scalar, add, mul
from firmware_host.tasks.turn import Encoding, Turn


@dataclass(frozen=True)
class OutputPlace:
    """Where a joint stands among a head's numbers.

    Attributes:
        first: Index of its sine; of a joint that is not circular, of its only number, which
            runs from -1 at the lower limit to 1 at the upper one.
        cosine: Index of its cosine; None of a joint that is not circular.
        middle: Middle of the limits [rad, m].
        half: Half of what lies between them [rad, m].
    """

    first: int
    cosine: int | None
    middle: float
    half: float


@dataclass(frozen=True, eq=False)
class HeadOutputs:
    """The a numbers that a head gives of a chain's joints, as components or arrays (..., a).

    First come n numbers, one of each joint: the sine of its angle, or of a joint that is not
    circular (`Chain.circular`) where it is between its limits. The cosines of the circular
    joints follow. A sine and its cosine are of any common length.

    Attributes:
        chain: The robot.
    """

    chain: Chain

    @cached_property
    def joints(self) -> tuple[OutputPlace, ...]:
        """Where each of the n joints stands."""
        chain, after, found = self.chain, len(self.chain), []
        halves = ((chain.upper - chain.lower) / 2).tolist()
        for k, circular in enumerate(chain.circular.tolist()):
            cosine = after if circular else None
            found.append(OutputPlace(k, cosine, float(chain.middle[k]), halves[k]))
            after += circular
        return tuple(found)

    @cached_property
    def size(self) -> int:
        """How many numbers there are, a: two of a circular joint, one of any other."""
        return len(self.chain) + int(self.chain.circular.sum())

    @cached_property
    def circles(self) -> tuple[tuple[int, int], ...]:
        """Indices of the sine and the cosine of each circular joint."""
        return tuple((one.first, one.cosine) for one in self.joints if one.cosine is not None)

    def of(self, q: Sequence[Scalar], xp: Any) -> list[Scalar]:
        """The a numbers of n joint components [rad, m].

        Args:
            q: n components [rad, m].
            xp: Namespace with `sin` and `cos`.
        """
        firsts = [
            (value - one.middle) / one.half if one.cosine is None else xp.sin(value)
            for one, value in zip(self.joints, q, strict=True)
        ]
        return firsts + [xp.cos(q[first]) for first, _ in self.circles]

    def read(self, numbers: Any, atan2: Callable[[Any, Any], Any]) -> list[Scalar]:
        """n joint components [rad, m] of a numbers; angles from -pi to pi, none clamped."""
        return [
            one.middle + one.half * numbers[one.first]
            if one.cosine is None
            else atan2(numbers[one.first], numbers[one.cosine])
            for one in self.joints
        ]

    def turned(self, numbers: Sequence[Scalar], encoding: Encoding) -> list[Scalar]:
        """The a numbers with a target's turns and shifts added."""
        turned = list(numbers)
        for joint, turn in encoding.turns.items():
            first, cosine = self._circle(joint)
            turned[first], turned[cosine] = turn.applied(turned[first], turned[cosine])
        for joint, shift in encoding.shifts.items():
            turned[joint] = turned[joint] + shift / self.joints[joint].half
        return turned

    def unturned(self, numbers: Sequence[Scalar], encoding: Encoding) -> list[Scalar]:
        """The a numbers with a target's turns and shifts taken off."""
        plain = list(numbers)
        for joint, turn in encoding.turns.items():
            first, cosine = self._circle(joint)
            plain[first], plain[cosine] = turn.removed(plain[first], plain[cosine])
        for joint, shift in encoding.shifts.items():
            plain[joint] = plain[joint] - shift / self.joints[joint].half
        return plain

    def placed(self, numbers: Sequence[Scalar], xp: Any) -> tuple[list[Scalar], list[Scalar]]:
        """Where a numbers place the s segments: `Chain.placed`, without an arctangent.

        Args:
            numbers: Sines and cosines of length one, and the numbers of other joints.
            xp: Namespace with `sin` and `cos`.
        """
        sines, cosines = [], []
        for segment in self.chain.segments:
            one = self.joints[segment.leader]
            if one.cosine is None:
                value = one.middle + one.half * numbers[one.first]
                value = value * segment.multiplier + segment.offset
                sine = value if segment.slides else xp.sin(value)
                cosine = 1.0 if segment.slides else xp.cos(value)
            else:
                circle = Turn(numbers[one.first], numbers[one.cosine])
                # A circular joint's followers are geared by whole numbers.
                sine, cosine = _offset(_multiple(circle, round(segment.multiplier)), segment.offset)
            sines.append(sine)
            cosines.append(cosine)
        return sines, cosines

    def _circle(self, joint: int) -> tuple[int, int]:
        """Indices of a circular joint's sine and cosine."""
        first, cosine = self.joints[joint].first, self.joints[joint].cosine
        if cosine is None:
            raise ValueError(f"joint {joint} is not circular: it shifts and does not turn")
        return first, cosine


def _multiple(turn: Turn, times: int) -> Turn:
    """An angle times a whole number, by squaring."""
    if times < 0:
        turn, times = Turn(mul(-1.0, turn.sin), turn.cos), -times
    result: Turn | None = None
    while times:
        if times & 1:
            result = turn if result is None else Turn(*result.applied(turn.sin, turn.cos))
        times >>= 1
        turn = Turn(*turn.applied(turn.sin, turn.cos)) if times else turn
    return result or Turn(0.0, 1.0)


def _offset(turn: Turn, offset: float) -> tuple[Scalar, Scalar]:
    """Sine and cosine of an angle with a constant [rad] added."""
    if not offset:
        return turn.sin, turn.cos
    sin, cos = math.sin(offset), math.cos(offset)
    return (
        add(mul(cos, turn.sin), mul(sin, turn.cos)),
        add(mul(cos, turn.cos), mul(-sin, turn.sin)),
    )
