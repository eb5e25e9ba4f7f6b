"""The servos of a robot: from joints to the pulses or ticks that they are moved by, and back.

What `firmware_host.servo` computes is rounded to whole numbers, halves away from zero, and
clipped to the servo's range. Firmware does the same arithmetic in integers of 64 bits, to the
last bit: joints are counted in parts of 2^-24 rad or m, or in millionths, and a servo's factor
is a whole number of 2^-shift counts for each.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from firmware_host.chain import Chain, FloatArray
from firmware_host.errors import RobotError, TargetError
from firmware_host.given import numbers_given
from firmware_host.servo import MICRO, PARTS, Servo

IntArray = npt.NDArray[np.int64]
"""Pulses, ticks or other whole numbers of servos."""

# How far from 0 a joint may be [rad, m], so that its parts are a number of 32 bits.
FARTHEST = 120.0
# The greatest whole number of 32 bits that a float32 holds.
MOST_PARTS = 2.0**31 - 2**7
# What a range may miss of a limit [us, ticks], with the rounding of the limit.
ONE_COUNT = 1 + 1e-6


@dataclass(frozen=True, eq=False)
class Servos:
    """The servos of a robot, one for each number of q.

    Attributes:
        chain: The robot.
        each: (n,) its servos in the order of q.

    Raises:
        RobotError: If a joint has no servo or several, a name is that of no joint that moves by
            itself, a servo slides where its joint turns or the reverse, or it reaches nothing of
            what the joint may do.
    """

    chain: Chain
    each: tuple[Servo, ...]

    def __post_init__(self) -> None:
        names, joints = [servo.joint for servo in self.each], self.chain.joint_names
        followers = {joint.name: joint.mimic.joint for joint in self.chain.moving if joint.mimic}
        expected = f"Expected a servo for each of: {', '.join(joints)}."
        for name in names:
            if name in followers:
                raise RobotError(
                    f"Joint '{name}' follows '{followers[name]}' and has no servo of its own. "
                    f"{expected}",
                    name,
                )
            if name not in joints:
                raise RobotError(
                    f"Robot '{self.chain.name}' has no joint '{name}'. {expected}", name
                )
            if names.count(name) > 1:
                raise RobotError(f"Joint '{name}' has several servos. {expected}", name)
        for name in joints:
            if name not in names:
                raise RobotError(f"Joint '{name}' has no servo. {expected}", name)
        object.__setattr__(self, "each", tuple(self.each[names.index(name)] for name in joints))
        for index, servo in enumerate(self.each):
            self._check(index, servo)

    def _check(self, index: int, servo: Servo) -> None:
        """Refuse a servo that cannot move its joint."""
        slides = bool(self.chain.prismatic[index])
        if servo.slides != slides:
            what = "slides: expected" if slides else "turns: expected no"
            raise RobotError(f"Joint '{servo.joint}' {what} mm_per_turn of its servo.", servo.joint)
        lower, upper = self.chain.lower[index], self.chain.upper[index]
        if max(-lower, upper) > FARTHEST:
            raise RobotError(
                f"Joint '{servo.joint}' goes too far for a servo. Expected limits within "
                f"{FARTHEST:g} {self.chain.units[index]} of 0. Received: {lower:g} to {upper:g}",
                servo.joint,
            )
        first, last = servo.reach
        if first >= upper or last <= lower:
            unit = self.chain.units[index]
            raise RobotError(
                f"The servo of joint '{servo.joint}' reaches nothing of its joint. Expected "
                f"some of the limits, {lower:.4g} to {upper:.4g} {unit}. Received: its range "
                f"{servo.least} to {servo.most} {servo.unit} is {first:.4g} to {last:.4g} {unit}; "
                "look at zero, offset and direction",
                servo.joint,
            )

    def __len__(self) -> int:
        return len(self.each)

    @cached_property
    def _whole(self) -> dict[str, IntArray]:
        """Each servo's numbers as firmware has them, (n,) each."""
        columns = {
            "start": [servo.start for servo in self.each],
            "shift": [servo.shift for servo in self.each],
            "parts": [servo.factor(PARTS) for servo in self.each],
            "micro": [servo.factor(MICRO) for servo in self.each],
            "least": [servo.least for servo in self.each],
            "most": [servo.most for servo in self.each],
        }
        return {name: np.array(column, dtype=np.int64) for name, column in columns.items()}

    def commands(self, q: npt.ArrayLike) -> IntArray:
        """Commands (..., n) for joints, clipped to the servos' ranges [us, ticks].

        Args:
            q: (..., n) joints [rad, m].

        Raises:
            TargetError: If the joints are of another number, or one is not finite.
        """
        wanted = self._wanted(q)
        return np.clip(wanted, self._whole["least"], self._whole["most"])

    def follows(self, q: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Whether each servo's range reaches its joint (..., n) to one count.

        Arguments as for `commands`.
        """
        wanted = self._wanted(q)
        within = np.clip(wanted, self._whole["least"], self._whole["most"])
        return np.asarray(np.abs(wanted - within) <= 1)

    def commands_micro(self, q_micro: npt.ArrayLike) -> IntArray:
        """The same for joints in whole millionths (..., n) of 32 bits [urad, um]."""
        micro = self._joints(numbers_given(q_micro, "q_micro").astype(np.int64))
        wanted = self._rounded(micro, self._whole["micro"])
        return np.clip(wanted, self._whole["least"], self._whole["most"])

    def joints(self, commands: npt.ArrayLike) -> FloatArray:
        """Where joints are (..., n) at commands (..., n), within half a count [rad, m].

        Raises:
            TargetError: If the commands are of another number, or no numbers.
        """
        counts = self._joints(numbers_given(commands, "the commands"), "commands")
        at_zero = np.array([servo.at_zero for servo in self.each])
        return np.asarray((counts - at_zero) / [servo.per_unit for servo in self.each])

    def _wanted(self, q: npt.ArrayLike) -> IntArray:
        """Commands before they are clipped (..., n)."""
        given = self._joints(numbers_given(q, "q"))
        if not np.isfinite(given).all():
            raise TargetError("Expected finite joints for the servos. Received: a NaN or infinity")
        # Firmware has joints in single precision; a power of two does not round them again.
        with np.errstate(over="ignore"):
            parts = np.clip(given.astype(np.float32) * np.float32(PARTS), -MOST_PARTS, MOST_PARTS)
        return self._rounded(parts.astype(np.int64), self._whole["parts"])

    def _rounded(self, joints: IntArray, factors: IntArray) -> IntArray:
        """The nearest commands (..., n) of joints in whole parts."""
        wanted: IntArray = (joints * factors + self._whole["start"]) >> self._whole["shift"]
        return wanted

    def _joints(self, values: npt.NDArray[Any], what: str = "joints") -> npt.NDArray[Any]:
        if values.ndim == 0 or values.shape[-1] != len(self.each):
            raise TargetError(
                f"Expected {len(self.each)} {what} for the servos, or rows of them. Received: "
                f"shape {values.shape}"
            )
        return values

    def out_of_reach(self) -> FloatArray:
        """How much of each joint's range is beyond its servo's (n, 2), below and above [rad, m].

        One count is none: 0 to 4095 ticks are a whole turn but for one.
        """
        found = np.zeros((len(self.each), 2))
        for index, servo in enumerate(self.each):
            first, last = servo.reach
            beyond = (first - self.chain.lower[index], self.chain.upper[index] - last)
            found[index] = [
                part if part * abs(servo.per_unit) > ONE_COUNT else 0.0 for part in beyond
            ]
        return found

    def held_back(self, q: FloatArray) -> tuple[str, ...]:
        """A sentence for each servo whose range does not reach its joint.

        Args:
            q: (n,) joints [rad, m].

        Raises:
            TargetError: If the joints are of another number, or one is not finite.
        """
        follows = self.follows(q)
        if follows.all():
            return ()
        told = []
        for servo, at, command, reached in zip(
            self.each, q.tolist(), self.commands(q).tolist(), follows.tolist(), strict=True
        ):
            if not reached:
                unit, scale = ("mm", 1e3) if servo.slides else ("degrees", 180 / math.pi)
                end = min(max(at, servo.reach[0]), servo.reach[1])
                told.append(
                    f"The servo of joint '{servo.joint}' holds it back by "
                    f"{scale * abs(at - end):.3g} {unit}: the answer has the joint at "
                    f"{scale * at:.4g}, and the servo's range ends at {scale * end:.4g}, where "
                    f"its command is {command} {servo.unit}. The tool does not get to where the "
                    "answer has it."
                )
        return tuple(told)

    def warnings(self) -> tuple[str, ...]:
        """A sentence for each joint that its servo does not bring to its limits."""
        told = []
        for servo, beyond in zip(self.each, self.out_of_reach(), strict=True):
            unit, scale = ("mm", 1e3) if servo.slides else ("degrees", 180 / math.pi)
            ends = [
                f"{scale * part:.3g} {unit} short of its {name} limit"
                for part, name in zip(beyond, ("lower", "upper"), strict=True)
                if part
            ]
            if ends:
                first, last = (scale * end for end in servo.reach)
                told.append(
                    f"The servo of joint '{servo.joint}' ends {' and '.join(ends)}: its range of "
                    f"{servo.least} to {servo.most} {servo.unit} is {first:.4g} to {last:.4g} "
                    f"{unit}. Answers beyond are clipped; give the joint these limits, and there "
                    "are none."
                )
        return tuple(told)

    def to_list(self) -> list[dict[str, Any]]:
        """JSON-ready values; `from_list` gives them back exactly."""
        return [servo.to_dict() for servo in self.each]

    @classmethod
    def from_list(cls, chain: Chain, values: Sequence[Mapping[str, Any]]) -> Servos:
        """The servos of a chain from `to_list`'s values; errors as of `Servo.from_dict`."""
        return cls(chain, tuple(map(Servo.from_dict, values)))
