"""Refinement in plain integers, as firmware without a floating-point unit does it, bit for bit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from firmware_host.fixed_point.arithmetic import length, root64, shifted
from firmware_host.fixed_point.ranges import UNIT_BITS
from firmware_host.fixed_point.robot import PER_BITS, FixedRobot
from firmware_host.solving.refine import NEAREST_STEPS

# Where an error is held that joints on their limits leave to the others.
LONGEST = 2**30


class Refiner:
    """Steps from joints toward a target.

    Joints are whole numbers in `FixedRobot.joint_bits`, targets in `place_bits` and `UNIT_BITS`;
    a place is the sine s and cosine c of each segment's angle, or its displacement and 0.

    Args:
        robot: What the robot's firmware computes.
    """

    def __init__(self, robot: FixedRobot) -> None:
        self.robot, self.spec = robot, robot.spec

    def _near_middle(self, joint: int, value: int) -> int:
        """An angle by whole turns nearer to the middle of a joint's limits."""
        middle, turn = self.robot.middles[joint] >> 1, self.robot.turn
        while (value >> 1) - middle > turn >> 2:
            value -= turn
        while (value >> 1) - middle < -(turn >> 2):
            value += turn
        return value

    def _circle(self, value: int) -> tuple[int, int]:
        """Sine and cosine of an angle in the joints' bits."""
        quarter, s, c = self.robot.turn >> 2, 0, 2**UNIT_BITS
        while value > quarter >> 1:
            value, s, c = value - quarter, c, -s
        while value < -(quarter >> 1):
            value, s, c = value + quarter, -c, s
        # What is left is at most an eighth of a turn, in two halves.
        for part in (value >> 1, value - (value >> 1)):
            s, c = self._programs["rotation"](s, c, part)
        return s, c

    def _placed(self, q: Sequence[int]) -> tuple[list[int], list[int]]:
        """Sine and cosine of each segment's angle, or its displacement and 0."""
        s, c = [], []
        for segment, (factor, shift, offset) in zip(
            self.spec.chain.segments, self.robot.followed, strict=True
        ):
            value = (q[segment.leader] * factor >> shift) + offset
            sine, cosine = (value, 0) if segment.slides else self._circle(value)
            s.append(sine)
            c.append(cosine)
        return s, c

    def _place(self, s: Sequence[int], c: Sequence[int]) -> list[int]:
        """What programs take of a place."""
        found = []
        for index, segment in enumerate(self.spec.chain.segments):
            found += [s[index]] if segment.slides else [s[index], c[index]]
        return found

    def _changes(
        self, strength: int, e: list[int], columns: list[int], given: Sequence[int | None]
    ) -> list[int]:
        """The change of each joint in its bits; of those given, what is given."""
        robot, rows = self.robot, self.spec.task.rows
        e, columns = list(e), list(columns)
        for joint, change in enumerate(given):
            if change is not None:
                shift = robot.column_bits + robot.joint_bits[joint] - robot.error_bits
                way = change * robot.per[joint] >> PER_BITS
                for row in range(rows):
                    index = joint * rows + row
                    rest = e[row] - (columns[index] * way >> shift)
                    e[row] = min(max(rest, -LONGEST), LONGEST)
                    columns[index] = 0
        largest = max(1, *map(abs, e))
        scale = 30 - largest.bit_length()
        e = [shifted(part, scale) for part in e]
        varied = [columns[index] for index in robot.varied]
        found = self._programs["solution"](strength, *e, *varied)
        changes = [
            shifted(part, shift - scale)
            for part, shift in zip(found, robot.change_shifts, strict=True)
        ]
        return [own if more is None else more for own, more in zip(changes, given, strict=True)]

    def _beyond_limits(self, q: Sequence[int], dq: Sequence[int]) -> list[int | None]:
        """The change of each joint that a step would take beyond a limit: onto it."""
        found: list[int | None] = []
        for k, most in enumerate(self.robot.most):
            moved = q[k] + min(max(dq[k], -most), most)
            lower, upper = self.robot.limits[k]
            inside = self.robot.passes[k] or lower <= moved <= upper
            found.append(None if inside else min(max(moved, lower), upper) - q[k])
        return found

    def _advance(self, q: list[int], s: list[int], c: list[int], dq: Sequence[int]) -> None:
        """Move the joints, each by a bounded step and within its limits."""
        robot, moves = self.robot, []
        for k, most in enumerate(robot.most):
            moved = q[k] + min(max(dq[k], -most), most)
            lower, upper = robot.limits[k]
            if not robot.passes[k]:
                moved = min(max(moved, lower), upper)
            moves.append(moved - q[k])
            q[k] = moved
        self._follow(q, s, c, moves)

    def _follow(self, q: list[int], s: list[int], c: list[int], dq: Sequence[int]) -> None:
        """Bring the places to q, which has moved by dq."""
        if self.robot.mixed:
            s[:], c[:] = self._placed(q)
            return
        for k, change in enumerate(dq):
            s[k], c[k] = self._programs["rotation"](s[k], c[k], change)

    def _descend(
        self, target: list[int], q: list[int], s: list[int], c: list[int], steps: int, floor: int
    ) -> int:
        """The best joints met in a number of steps, left in q, and their squared distance."""
        free: list[int | None] = [None] * len(q)
        rows = self.spec.task.rows
        best, least = list(q), -1
        for step in range(steps + 1):
            place = self._place(s, c)
            squared, strength, *rest = self._programs["survey"](*place, *target, floor)
            if least < 0 or squared < least:
                best, least = list(q), squared
            if step == steps:
                break
            e, columns = rest[:rows], rest[rows:]
            dq = self._changes(strength, e, columns, free)
            given = self._beyond_limits(q, dq)
            if any(change is not None for change in given):
                dq = self._changes(strength, e, columns, given)
            self._advance(q, s, c, dq)
        for k, value in enumerate(best):
            q[k] = self._turned_back(k, value)
        return least

    def _turned_back(self, joint: int, value: int) -> int:
        """A joint that never meets a limit, brought within its limits."""
        lower, upper = self.robot.limits[joint]
        if not self.robot.passes[joint] or lower <= value <= upper:
            return value
        return min(max(self._near_middle(joint, value), lower), upper)

    def _approach(self, target: list[int], q: list[int], squared: int) -> int:
        """On from the best answer to a target that was not reached; see `refine`."""
        robot = self.robot
        factor, shift = robot.bend
        far = length(root64(squared), robot.told_shift)
        floor = robot.floor_number + (far * factor >> shift)
        return self._descend(target, q, *self._placed(q), NEAREST_STEPS, floor)

    def _judged(self, target: list[int], q: list[int], squared: int) -> bool:
        """Whether the joints reach the target."""
        if not self.spec.task.has_orientation:
            return squared < self.robot.tolerance
        s, c = self._placed(q)
        place, turned = self._programs["parts"](*self._place(s, c), *target)
        return bool(place < self.robot.tolerance and turned < self.robot.chord)

    @cached_property
    def _programs(self) -> dict[str, Callable[..., tuple[Any, ...]]]:
        """The robot's programs as functions."""
        names = (
            "encode", "survey", "solution", "rotation", "pointing", "turned", "angle",
        )  # fmt: skip
        found = {name: getattr(self.robot, name).compiled() for name in names}
        if self.spec.task.has_orientation:
            found["parts"] = self.robot.parts.compiled()
        return found
