"""How large the numbers of a robot's solver can be, and the formats that follow."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from firmware_host.chain import Chain
from firmware_host.errors import ModelFileError
from firmware_host.fixed_point.formats import fraction_bits
from firmware_host.fixed_point.programs import Value
from firmware_host.problem import IkProblem
from firmware_host.solving.refine import DEFAULT_SETTINGS, NEAREST_SETTINGS, NEAREST_STEPS
from firmware_host.spec import ModelSpec

# Fraction bits of sines, cosines and unit vectors.
UNIT_BITS = 30
# How far a unit is off that was rounded; `unit_error` is what steps leave of one.
UNIT_ERROR = 2.0**-28
# Fraction bits of angles as `angle` gives them [rad].
ANGLE_BITS = 29
# Farther targets than this many reaches are brought nearer, along the line to the base.
FARTHEST_REACHES = 1.5
# The least lambda^2 in squared reaches; single precision has the same.
FLOOR_SHARE = 1e-7


@dataclass(frozen=True, eq=False)
class RobotFormats:
    """The formats of one robot's numbers.

    Attributes:
        spec: The robot, its task and the features.
        steps: Refinement steps of a seed.
        input_scale: Scale and zero point of the network's input.
        output_scale: Scale of its output.
        network_bits: Bits of its numbers, 8 or 16.
    """

    spec: ModelSpec
    steps: int
    input_scale: tuple[float, int]
    output_scale: float
    network_bits: int = 8

    @property
    def problem(self) -> IkProblem:
        """The robot and what is asked of its tool."""
        return self.spec.problem

    @property
    def chain(self) -> Chain:
        """The robot."""
        return self.spec.chain

    @cached_property
    def farthest(self) -> float:
        """What a target's coordinates are brought below [m], a power of two."""
        near = math.hypot(*self.chain.link_columns[0][3])
        if self.chain.reach + near == 0:
            raise ModelFileError(
                "Fixed point cannot hold an arm without any length: export with --arithmetic float."
            )
        return 2.0 ** math.ceil(math.log2(FARTHEST_REACHES * (self.chain.reach + near)))

    @cached_property
    def place_bits(self) -> int:
        """Fraction bits of a target's coordinates [m]."""
        return fraction_bits(self.farthest)

    @cached_property
    def joint_bits(self) -> tuple[int, ...]:
        """Fraction bits of each joint [rad, m], one number for all that turn."""
        steps = max(self.steps, NEAREST_STEPS)
        walk = DEFAULT_SETTINGS.max_step * (steps + 1)
        largest = math.pi
        ends = np.maximum(np.abs(self.chain.lower), np.abs(self.chain.upper))
        for k in range(len(self.chain)):
            if self.chain.periodic[k]:
                middle = abs(float(self.chain.middle[k]))
                largest = max(largest, middle + math.pi + walk, ends[k])
            elif not self.chain.prismatic[k]:
                largest = max(largest, ends[k] + DEFAULT_SETTINGS.max_step)
        for segment in self.chain.segments:
            if not segment.slides:
                led = abs(segment.multiplier) * (ends[segment.leader] + walk)
                largest = max(largest, led + abs(segment.offset) if self.mixed else 0.0)
        turning = min(fraction_bits(largest), ANGLE_BITS)
        return tuple(
            fraction_bits(2 * ends[k] + self.farthest + self.chain.reach)
            if self.chain.prismatic[k]
            else turning
            for k in range(len(self.chain))
        )

    @property
    def turn_bits(self) -> int:
        """Fraction bits of angles [rad]."""
        turning = [b for b, p in zip(self.joint_bits, self.chain.prismatic, strict=True) if not p]
        return turning[0] if turning else ANGLE_BITS

    @cached_property
    def mixed(self) -> bool:
        """Whether some joint slides, is followed or not circular."""
        return self.chain.has_followers or not bool(self.chain.circular.all())

    def target(self) -> list[Value]:
        """The formats of a target's components."""
        places = len(self.problem.task.place)
        given = 2.0**-self.place_bits
        return [
            Value(f"p{k}", self.place_bits, self.farthest, given)
            if k < places
            else Value(f"p{k}", UNIT_BITS, 1.01, UNIT_ERROR)
            for k in range(self.problem.task.size)
        ]

    def placed(self) -> list[Value]:
        """The formats of sines and cosines, or of displacements."""
        found = []
        for index, segment in enumerate(self.chain.segments):
            if segment.slides:
                ends = np.abs([self.chain.lower, self.chain.upper]).max(axis=0)[segment.leader]
                far = abs(segment.multiplier) * float(ends) + abs(segment.offset)
                bits = fraction_bits(far)
                found.append(Value(f"s{index}", bits, far, 2.0**-bits))
            else:
                found += [Value(f"{part}{index}", UNIT_BITS, 1.0, UNIT_ERROR) for part in "sc"]
        return found

    @cached_property
    def floor(self) -> float:
        """The least lambda^2 [m^2]."""
        return float(max(DEFAULT_SETTINGS.damping_floor, FLOOR_SHARE * self.chain.reach**2))

    @cached_property
    def largest_error(self) -> float:
        """What the task's error never exceeds in one row [m]."""
        far = self.farthest + self.chain.reach + math.hypot(*self.chain.link_columns[0][3])
        return max(far, 2.1 * self.problem.length)

    @cached_property
    def largest_floor(self) -> float:
        """What lambda^2 without the error's own part never exceeds [m^2]."""
        bend = NEAREST_SETTINGS.curvature * self.problem.length
        return self.floor + bend * math.sqrt(self.problem.task.rows) * self.largest_error
