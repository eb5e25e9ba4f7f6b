"""One posture of a robot in plain floats, which arrays of one number cost many times as much as.

Each function gives the bits that its namesake of `Chain` gives for arrays.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from firmware_host.chain import Chain

TURN = 2 * math.pi


class PlainJoint(NamedTuple):
    """A joint's numbers; see `Chain`."""

    lower: float
    upper: float
    middle: float
    circular: bool
    continuous: bool
    periodic: bool
    scale: float


@dataclass(frozen=True, eq=False)
class PlainChain:
    """The functions of a chain for one posture in plain floats.

    Attributes:
        chain: The robot.
    """

    chain: Chain

    @cached_property
    def joints(self) -> tuple[PlainJoint, ...]:
        """The n joints that move by themselves."""
        chain = self.chain
        columns = (
            *(chain.lower, chain.upper, chain.middle),
            *(chain.circular, chain.continuous, chain.periodic, chain.scales),
        )
        rows = zip(*(column.tolist() for column in columns), strict=True)
        return tuple(PlainJoint(*row) for row in rows)

    def clamp(self, q: Sequence[float]) -> list[float]:
        """Joints brought into the limits, each by a whole turn if that helps."""
        found = []
        for value, (lower, upper, middle, circular, *_) in zip(q, self.joints, strict=True):
            if value < lower or value > upper:
                turned = value - TURN * round((value - middle) / TURN) if circular else value
                found.append(min(max(turned, lower), upper))
            else:
                found.append(value)
        return found

    def nearest_turn(self, q: Sequence[float], near: Sequence[float]) -> list[float]:
        """Joints with whole turns added, as the limits allow, to come near others."""
        found = []
        for value, other, joint in zip(q, near, self.joints, strict=True):
            lower, upper, _, circular, continuous, *_ = joint
            # What is no number has no turns.
            turns = round((other - value) / TURN) if value == value else 0
            if continuous:
                found.append(value + TURN * turns)
                continue
            if circular and (turns or value < lower or value > upper):
                most, fewest = math.floor((upper - value) / TURN), math.ceil((lower - value) / TURN)
                turned = value + TURN * max(min(turns, most), fewest)
                found.append(min(max(turned, lower), upper))
            else:
                found.append(min(max(value, lower), upper))
        return found

    def moved(
        self, q: Sequence[float], dq: Sequence[float], largest: float
    ) -> tuple[list[float], dict[int, float]]:
        """Joints after a step within the limits, and what joints with stops were held to.

        Args:
            q: n joints within the limits [rad, m].
            dq: n changes [rad, m].
            largest: The largest change [rad, L].

        Returns:
            The joints, and for each joint that would have gone past a stop the change that
            takes it there.
        """
        moved, leaving = [], {}
        for index, joint in enumerate(self.joints):
            lower, upper, middle, _, _, periodic, scale = joint
            most, change, start = largest * scale, dq[index], q[index]
            value = start + (-most if change < -most else most if change > most else change)
            if value < lower or value > upper:
                if periodic:
                    value -= TURN * round((value - middle) / TURN)
                value = min(max(value, lower), upper)
                if not periodic:
                    leaving[index] = value - start
            moved.append(value)
        return moved, leaving

    def travel(self, q: Sequence[float], near: Sequence[float]) -> float:
        """How far a joint must travel at most [rad] from `near` to what q means."""
        return max(
            abs(turned - other) / joint.scale
            for turned, other, joint in zip(
                self.nearest_turn(q, near), near, self.joints, strict=True
            )
        )
