"""What one robot's firmware computes in integers: its programs, and its numbers in formats."""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np

from firmware_host.errors import ConfigError, ModelFileError
from firmware_host.fixed_point.circle import RobotCircle
from firmware_host.fixed_point.formats import factor_and_shift, fraction_bits, least_half
from firmware_host.fixed_point.integers import convert
from firmware_host.fixed_point.programs import Program, Value
from firmware_host.fixed_point.ranges import FARTHEST_REACHES, UNIT_BITS
from firmware_host.fixed_point.steps import SPARED_OF_MANY, RobotSteps
from firmware_host.joints import single_limits
from firmware_host.kinematics import frames
from firmware_host.solving.refine import DEFAULT_SETTINGS, NEAREST_SETTINGS
from firmware_host.solving.seeding import BEYOND
from firmware_host.straightline import SYMBOLS, Tape
from firmware_host.tolerances import FARTHEST_TARGET, SOLVED_POSITION

# Fraction bits of the inverse of what counts as 1 rad of a joint.
PER_BITS = 24


class FixedRobot(RobotSteps, RobotCircle):
    """What a robot's firmware computes in integers.

    Raises:
        ModelFileError: If the robot's sizes do not fit integers; where the number is asked for.
    """

    # ---- Programs

    @cached_property
    def encode(self) -> Program:
        """From a target to its features, then the turns and shifts in `move_bits`."""
        problem, tape = self.problem, Tape()
        target = tape.inputs("p", problem.task.size)
        encoding = problem.encode(target, SYMBOLS)
        features = [(feature, None) for feature in encoding.features]
        moves = zip(encoding.moves(), self.move_bits, strict=True)
        return convert(tape, self.target(), [*features, *moves])

    @cached_property
    def affine(self) -> tuple[tuple[int, int, int], ...]:
        """For each feature a factor, what is added to the product's upper half, and a shift.

        They normalize and quantize it: what comes out is the network's number, to the nearest.
        """
        scale, zero_point = self.input_scale
        normalization, found = self.spec.normalization, []
        for feature, mean, std in zip(
            self.encode.outputs, normalization.mean, normalization.std, strict=False
        ):
            assert isinstance(feature, Value)  # noqa: S101 - a feature is never constant
            slope = 1.0 / (std * scale)
            start = zero_point - mean * slope + 0.5
            bits = fraction_bits(slope * feature.bound + abs(start))
            # The factor has 31 bits itself.
            bits = min(bits, feature.bits - 32 + 31 - math.frexp(slope)[1])
            if bits < 0:
                raise ModelFileError(
                    "Fixed point cannot hold the features of this model, which are far from "
                    "usual sizes: export with --arithmetic float."
                )
            factor = round(math.ldexp(slope, bits + 32 - feature.bits))
            found.append((factor, round(math.ldexp(start, bits)), bits))
        return tuple(found)

    @cached_property
    def move_bits(self) -> list[int]:
        """Fraction bits of the turns and shifts of a target."""
        encoding = self.problem.encode([1.0] * self.problem.task.size, math)
        shifts = [self.joint_bits[joint] for joint in encoding.shifts]
        return [UNIT_BITS] * (2 * len(encoding.turns)) + shifts

    @cached_property
    def parts(self) -> Program:
        """The squared distance of positions, and of directions, from a place and a target."""
        problem, tape = self.problem, Tape()
        sines, cosines = problem.trace_place(tape)
        target = tape.inputs("p", problem.task.size)
        found = problem.task.squared_parts(frames(problem.chain, sines, cosines), target)
        return convert(tape, [*self.placed(), *self.target()], [(part, None) for part in found])

    @cached_property
    def forward(self) -> Program:
        """The tool's pose in three rows of four: rotation in `UNIT_BITS`, place in `place_bits`."""
        tape = Tape()
        sines, cosines = self.problem.trace_place(tape)
        walked = frames(self.chain, sines, cosines)
        columns = (*walked.rotation, walked.position)
        wanted = [
            (columns[column][row], UNIT_BITS if column < 3 else self.place_bits)
            for row in range(3)
            for column in range(4)
        ]
        # No loop waits for it: products may take their shifts.
        return convert(tape, self.placed(), wanted, spared=SPARED_OF_MANY)

    # ---- Numbers

    @property
    def numbers(self) -> tuple[int, int]:
        """The least and the greatest number that the network takes."""
        return -(2 ** (self.network_bits - 1)), 2 ** (self.network_bits - 1) - 1

    @property
    def metres(self) -> tuple[int, int]:
        """A factor and a shift to the right that lead from micrometres to `place_bits`."""
        return factor_and_shift(2.0**self.place_bits / 1e6)

    @property
    def farthest_power(self) -> int:
        """The exponent of `farthest`."""
        return math.frexp(self.farthest)[1] - 1

    @property
    def farthest_micro(self) -> int:
        """`farthest` in micrometres."""
        return math.floor(self.farthest * 1e6)

    @property
    def limit_far(self) -> int:
        """How often a target is halved that can be beyond what targets may be."""
        return max(1, math.floor(math.log2(FARTHEST_TARGET / self.farthest)) - 1)

    @property
    def limit_number(self) -> int:
        """What targets may be at most, in `place_bits` less 15."""
        return round(math.ldexp(FARTHEST_TARGET, self.place_bits - 15))

    @cached_property
    def passes(self) -> tuple[bool, ...]:
        """Whether each joint never meets a limit, since it turns fully."""
        return tuple(np.asarray(self.chain.periodic).tolist())

    @cached_property
    def moved(self) -> dict[int, int]:
        """Joints that a target moves -> where their turn or shift stands in `encode`."""
        encoding = self.problem.encode([1.0] * self.problem.task.size, math)
        turns = {joint: 2 * index for index, joint in enumerate(encoding.turns)}
        first = 2 * len(turns)
        return turns | {joint: first + index for index, joint in enumerate(encoding.shifts)}

    @cached_property
    def linear(self) -> dict[int, tuple[int, int]]:
        """Factor and shift from the network's number of a joint that is no circle to its own."""
        return {
            joint: factor_and_shift(
                one.half * self.output_scale * 2.0 ** self.joint_bits[joint], 40
            )
            for joint, one in enumerate(self.problem.outputs.joints)
            if one.cosine is None
        }

    @cached_property
    def followed(self) -> tuple[tuple[int, int, int], ...]:
        """Of each segment a factor, a shift and an offset that lead from its leader to it."""
        found = []
        formats = {value.name: value.bits for value in self.placed()}
        for index, segment in enumerate(self.chain.segments):
            bits = formats[f"s{index}"] if segment.slides else self.turn_bits
            ratio = segment.multiplier * 2.0 ** (bits - self.joint_bits[segment.leader])
            offset = round(math.ldexp(segment.offset, bits))
            found.append((1, 0, offset) if ratio == 1 else (*factor_and_shift(ratio), offset))
        return tuple(found)

    @cached_property
    def per(self) -> tuple[int, ...]:
        """The inverse of what counts as 1 rad of each joint, in `PER_BITS`."""
        return tuple(round(2.0**PER_BITS / scale) for scale in self.chain.scales.tolist())

    @cached_property
    def beyond(self) -> tuple[int, ...]:
        """How far beyond its limits a joint is clearly so, in `joint_bits`."""
        return tuple(
            round(math.ldexp(BEYOND * scale, bits))
            for scale, bits in zip(self.chain.scales.tolist(), self.joint_bits, strict=True)
        )

    @cached_property
    def told_bits(self) -> int:
        """Fraction bits of distances [m], of 32 bits: as many as their squares' root has."""
        found: list[tuple[int, Value | int]] = [(self.squared_bits, self._distance)]
        if self.problem.task.has_orientation:
            found.append((self.parts.formats[0], self.parts.outputs[0]))
        bits = []
        for own, squared in found:
            assert isinstance(squared, Value)  # noqa: S101 - a distance is never constant
            half = least_half(squared.bound, own, 64)
            bits += [fraction_bits(math.sqrt(squared.bound), 30), 29 - 32 + own // 2 + half]
        return min(bits)

    @property
    def told_shift(self) -> int:
        """The shift of `arithmetic.length` from squared distances to `told_bits`."""
        return 29 - 32 + self.squared_bits // 2 - self.told_bits

    @cached_property
    def bend(self) -> tuple[int, int]:
        """Factor and shift from a distance in `told_bits` to what it adds to lambda^2."""
        bend = NEAREST_SETTINGS.curvature * self.problem.length
        return factor_and_shift(bend * 2.0 ** (self.strength_bits - self.told_bits))

    @cached_property
    def limits(self) -> tuple[tuple[int, int], ...]:
        """The limits of each joint in `joint_bits`, rounded inward to single precision.

        What is within them holds the limits as a float, too.
        """
        found = []
        for k, bits in enumerate(self.joint_bits):
            name = self.chain.joint_names[k]
            low, high = single_limits(name, float(self.chain.lower[k]), float(self.chain.upper[k]))
            lower = math.ceil(math.ldexp(low, bits))
            upper = math.floor(math.ldexp(high, bits))
            if lower > upper:
                raise ModelFileError(
                    f"Fixed point has no number within the limits of joint '{name}'. Received: "
                    f"{low} to {high}. Give it wider ones, or export with --arithmetic float."
                )
            found.append((lower, upper))
        return tuple(found)

    @cached_property
    def middles(self) -> tuple[int, ...]:
        """The middle of each joint's limits in `joint_bits`."""
        return tuple(
            round(math.ldexp(float(middle), bits))
            for middle, bits in zip(self.chain.middle, self.joint_bits, strict=True)
        )

    @cached_property
    def most(self) -> tuple[int, ...]:
        """The largest change of each joint in a step, in `joint_bits`."""
        return tuple(
            round(math.ldexp(DEFAULT_SETTINGS.max_step * scale, bits))
            for scale, bits in zip(self.chain.scales.tolist(), self.joint_bits, strict=True)
        )

    @property
    def turn(self) -> int:
        """A whole turn in `turn_bits`."""
        return 4 * round(math.ldexp(math.pi / 2, self.turn_bits))

    @cached_property
    def tolerance(self) -> int:
        """The squared distance below which a place is reached, in the format of what is judged.

        Raises:
            ConfigError: If the tolerance is not one that integers can tell.
        """
        asked, turning = self.problem.tolerance, self.problem.task.has_orientation
        near = math.hypot(*self.chain.link_columns[0][3])
        # Targets farther than that are brought nearer, and none of them is reached.
        most = (FARTHEST_REACHES - 1) * (self.chain.reach + near)
        if asked.position > max(SOLVED_POSITION, most):
            raise ConfigError(
                f"Fixed point can hold no tolerance of half this robot's length. Expected at most "
                f"{1e3 * most:.6g} mm. Received: {1e3 * asked.position:.6g} mm. Give less, or "
                "export with --arithmetic float."
            )
        asked.check_rounding(
            self.told_error, self.told_angle_error if turning else None, "Fixed point"
        )
        bits = self.parts.formats[0] if turning else self.squared_bits
        return round(math.ldexp(asked.position**2, bits))

    @property
    def chord(self) -> int:
        """The squared chord below which an orientation is reached, in the format of `parts`."""
        return round(math.ldexp(self.problem.tolerance.squared_chord, self.parts.formats[1]))

    @property
    def floor_number(self) -> int:
        """The least lambda^2 in `strength_bits`."""
        return max(1, round(math.ldexp(self.floor, self.strength_bits)))

    @cached_property
    def told_error(self) -> float:
        """A bound of how wrong the computed place of the tool is, by rounding [m].

        To first order: what walking the chain rounds off, and for each joint that turns its
        `unit_error` as far out as the tool can be.
        """
        outputs = self._approach.outputs[: len(self.problem.task.place)]
        errors = [part.error for part in outputs if isinstance(part, Value)]
        lever, levers = self.chain.reach, []
        for segment, link in zip(self.chain.segments, self.chain.link_columns[1:], strict=True):
            levers.append(0.0 if segment.slides else lever)
            lever -= math.hypot(*link[3])
        return math.hypot(*errors) + self.unit_error * sum(levers)

    @cached_property
    def told_angle_error(self) -> float:
        """A bound of how wrong the computed orientation of the tool is, by rounding [rad].

        To first order: what walking the chain rounds off of three unit vectors, and for each
        joint that turns its `unit_error`.
        """
        turning = sum(not segment.slides for segment in self.chain.segments)
        units = [part for index, part in enumerate(self.forward.outputs) if index % 4 < 3]
        errors = [part.error for part in units if isinstance(part, Value)]
        return math.hypot(*errors) + self.unit_error * turning
