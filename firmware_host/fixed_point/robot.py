"""The integer programs of one robot: encoding, decoding, steps, and what measures them.

All are recorded by the same functions as the float solver's, and only their formats differ.
Two things are done another way, for range:

- A step solves (J^T J + lambda^2 I) dq = J^T e by Cholesky's factorization with square roots
  (Golub and Van Loan, Matrix Computations, 4th edition, section 4.2), whose factors are never
  larger than the roots of the diagonal, where those without roots have no bound.
- The error e is scaled to full range beforehand, so that a step toward a near target is as
  exact as one toward a far one; the changes of the joints are scaled back.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from types import SimpleNamespace

import numpy as np

from firmware_host.chain import Chain
from firmware_host.errors import ModelFileError
from firmware_host.fixed_point.integers import (
    SPARED,
    Program,
    Value,
    convert,
    factor_and_shift,
    fraction_bits,
    least_half,
)
from firmware_host.kinematics import Scalar, add, dot, frames, limited, mul, sub
from firmware_host.linear import gram
from firmware_host.problem import IkProblem
from firmware_host.solving.refine import (
    DEFAULT_SETTINGS,
    NEAREST_SETTINGS,
    NEAREST_STEPS,
)
from firmware_host.solving.seeding import BEYOND
from firmware_host.spec import ModelSpec
from firmware_host.straightline import Symbol, Tape
from firmware_host.tolerances import FARTHEST_TARGET, SOLVED_POSITION, SOLVED_ROTATION

# Fraction bits of sines, cosines and unit vectors.
UNIT_BITS = 30
# What is known of a unit that others computed or gave.
UNIT_ERROR = 2.0**-28
# Farther targets than this many reaches are brought nearer, along the line to the base.
FARTHEST_REACHES = 1.5
# The least lambda^2 in squared reaches; single precision has the same.
FLOOR_SHARE = 1e-7
# How large a step's multipliers of an arm with joints to spare are held, in 1 / reach^2.
MULTIPLIER = 2.0**14

# Twice the arctangent of t, 8e-8, as `angle_of` of the float firmware has it.
ARCTANGENT = (
    1.99999869, -0.666597188, 0.398931324, -0.278172582, 0.192843944, -0.111824647,
    0.0437259078, -0.00810913276,
)  # fmt: skip
# Sine and cosine of at most half a radian, 4e-8.
SHORT_SINE = (1.0, -0.166660324, 0.00825979561)
SHORT_COSINE = (1.0, -0.499999940, 0.0416649505, -0.00137702504)
ANGLE_BITS = 29
# Fraction bits of the inverse of what counts as 1 rad of a joint.
PER_BITS = 24
CANNOT_HOLD = "Fixed point cannot hold this model, export with --arithmetic float: it has sizes"
_ROOTS = SimpleNamespace(sqrt=Symbol.sqrt)


@dataclass(frozen=True, eq=False)
class FixedRobot:
    """What a robot's firmware computes in integers.

    Attributes:
        spec: The robot, its task and the features.
        steps: Refinement steps of a seed.
        input_scale: Scale and zero point of the network's input.
        output_scale: Scale of its output.
        network_bits: Bits of its numbers, 8 or 16.

    Raises:
        ModelFileError: If the robot's sizes do not fit integers.
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

    # ---- Formats

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
                if self.chain.circular[k]:
                    # What points there is brought to half a turn from the middle, then held.
                    largest = max(largest, abs(float(self.chain.middle[k])) + math.pi)
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
        given = 0.5 * 2.0**-self.place_bits
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
                bits = self.joint_bits[segment.leader]
                ends = np.abs([self.chain.lower, self.chain.upper]).max(axis=0)[segment.leader]
                far = abs(segment.multiplier) * float(ends) + abs(segment.offset)
                bits = fraction_bits(far)
                found.append(Value(f"s{index}", bits, far, 2.0**-bits))
            else:
                found.append(Value(f"s{index}", UNIT_BITS, 1.0, UNIT_ERROR))
                found.append(Value(f"c{index}", UNIT_BITS, 1.0, UNIT_ERROR))
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

    # ---- Programs

    @cached_property
    def encode(self) -> Program:
        """From a target to its features, then the turns and shifts in `move_bits`."""
        problem, tape = self.problem, Tape()
        target = tape.inputs("p", problem.task.size)
        encoding = problem.encode(target, _ROOTS)
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
                raise ModelFileError(f"{CANNOT_HOLD} of features far from the usual.")
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
    def error_bits(self) -> int:
        """Fraction bits of the task's error [m]."""
        return fraction_bits(self.largest_error, 30)

    @cached_property
    def column_bits(self) -> int:
        """Fraction bits of the entries of J [m/rad, or m for what counts as much].

        Those with which most entries come out anyway, of those that are enough.
        """
        most = fraction_bits(self._column_bound)
        entries = [part for part in self._approach.outputs[self._rows :] if isinstance(part, Value)]
        own = [part.bits for part in entries]
        return max(range(most - SPARED, most + 1), key=lambda bits: (own.count(bits), bits))

    @cached_property
    def _column_bound(self) -> float:
        _, _, columns, _ = self._traced()
        entries = [part for column in columns for part in column]
        varied = [part for part in self._approach.outputs[self._rows :] if isinstance(part, Value)]
        known = [abs(float(part)) for part in entries if not isinstance(part, Symbol)]
        return float(max([*known, *(part.bound for part in varied)]))

    @property
    def _rows(self) -> int:
        return self.problem.task.rows

    @cached_property
    def _approach(self) -> Program:
        """e and J in the formats that come out."""
        tape, e, columns, _ = self._traced()
        flat = [part for column in columns for part in column]
        return convert(
            tape, [*self.placed(), *self.target()], [(part, None) for part in [*e, *flat]]
        )

    def _traced(self) -> tuple[Tape, list[Scalar], list[tuple[Scalar, ...]], Scalar]:
        """Recorded: e, the columns of J and the squared distance."""
        problem, tape = self.problem, Tape()
        sines, cosines = problem.trace_place(tape)
        target = tape.inputs("p", problem.task.size)
        walked = frames(problem.chain, sines, cosines)
        e = problem.task.error(problem.length, walked, target)
        squared = problem.squared_error(walked, target)
        columns = problem.scaled(problem.task.columns(problem.length, walked, target))
        e = [limited(part, self.largest_error) for part in e]
        return tape, e, columns, squared

    @cached_property
    def survey(self) -> Program:
        """The squared distance, lambda^2, e and J, column by column.

        From a place, a target and "floor", lambda^2 without the error's own part. Entries of J
        that are always the same are integers.
        """
        tape, e, columns, squared = self._traced()
        strength = DEFAULT_SETTINGS.damping * squared + Symbol(tape, "floor")
        flat = [(part, self.column_bits) for column in columns for part in column]
        wanted = [
            (squared, None),
            (strength, self.strength_bits),
            *((part, self.error_bits) for part in e),
            *flat,
        ]
        floor = Value("floor", self.strength_bits, self.largest_floor)
        return convert(tape, [*self.placed(), *self.target(), floor], wanted)

    @cached_property
    def _distance(self) -> Value:
        """The squared distance as it comes out."""
        tape, _, _, squared = self._traced()
        (found,) = convert(tape, [*self.placed(), *self.target()], [(squared, None)]).outputs
        assert isinstance(found, Value)  # noqa: S101 - a distance is never constant
        return found

    @property
    def squared_bits(self) -> int:
        """Fraction bits of squared distances [m^2], of 64 bits."""
        return self._distance.bits

    @cached_property
    def largest_strength(self) -> float:
        """What lambda^2 never exceeds [m^2]."""
        squared = self._distance
        return DEFAULT_SETTINGS.damping * squared.bound + self.largest_floor

    @cached_property
    def strength_bits(self) -> int:
        """Fraction bits of lambda^2 [m^2]."""
        return fraction_bits(self.largest_strength)

    @cached_property
    def varied(self) -> tuple[int, ...]:
        """Which entries of J, column by column, are given to `solution`.

        Those that are always the same are known, but those of a joint that a limit can hold:
        they are 0 then.
        """
        rows, stops = self._rows, self.problem.stops
        return tuple(
            index
            for index, entry in enumerate(self.survey.outputs[2 + rows :])
            if isinstance(entry, Value) or (entry and index // rows in stops)
        )

    @cached_property
    def solution(self) -> Program:
        """From lambda^2, e scaled to full range ("e0", ...) and J ("j0", ...) to `change_bits`.

        Entries of J that are always the same are not given.
        """
        problem, tape = self.problem, Tape()
        rows, n = self._rows, problem.joints
        e = tape.inputs("e", rows)
        columns, given = [], []
        for joint in range(n):
            column: list[Scalar] = []
            for row in range(rows):
                index = joint * rows + row
                entry = self.survey.outputs[2 + rows + index]
                if index not in self.varied:
                    assert isinstance(entry, int)  # noqa: S101 - the others vary
                    column.append(entry * 2.0**-self.column_bits if entry else 0.0)
                    continue
                size = (
                    abs(entry) * 2.0**-self.column_bits if isinstance(entry, int) else entry.bound
                )
                column.append(Symbol(tape, f"j{index}"))
                given.append(Value(f"j{index}", self.column_bits, size))
            columns.append(column)
        strength = Symbol(tape, "strength")
        steepest = math.sqrt(rows) / (2 * math.sqrt(self.floor))
        by_row = [[column[k] for column in columns] for k in range(rows)]
        vectors = by_row if problem.spare_joints else columns
        sizes = [math.sqrt(self._squares(one, given) + self.largest_strength) for one in vectors]
        if problem.spare_joints:
            reach = self.chain.reach
            bounds = _Bounds(sizes, math.sqrt(MULTIPLIER) / reach, True, MULTIPLIER / reach**2)
            weights = _cholesky(gram(columns, strength), e, strength, bounds)
            changes = [limited(dot(column, weights), steepest) for column in columns]
        else:
            bounds = _Bounds(sizes, math.sqrt(rows), False, steepest)
            right = [dot(column, e) for column in columns]
            changes = _cholesky(gram(by_row, strength), right, strength, bounds)
        scales = self.chain.scales.tolist()
        changes = [mul(scale, change) for scale, change in zip(scales, changes, strict=True)]
        inputs = [
            Value("strength", self.strength_bits, self.largest_strength),
            *(Value(f"e{k}", 30, 1.0) for k in range(rows)),
            *given,
        ]
        return convert(
            tape, inputs, [(change, None) for change in changes], "solved_", squares=False
        )

    @staticmethod
    def _squares(parts: Sequence[Scalar], given: Sequence[Value]) -> float:
        """What the sum of the squares of a vector's parts never exceeds."""
        known = {value.name: value.bound for value in given}
        return sum((known[part.name] if isinstance(part, Symbol) else part) ** 2 for part in parts)

    @cached_property
    def change_shifts(self) -> tuple[int, ...]:
        """What each change is shifted by to the left to be in `joint_bits`, less e's own scale."""
        return tuple(
            bits - own + 30 - self.error_bits
            for bits, own in zip(self.joint_bits, self.solution.formats, strict=True)
        )

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
        return convert(tape, self.placed(), wanted)

    @cached_property
    def rotation(self) -> Program:
        """Sine "s" and cosine "c" turned by a small "angle" in `turn_bits`."""
        tape = Tape()
        s, c, angle = (Symbol(tape, name) for name in ("s", "c", "angle"))
        most = DEFAULT_SETTINGS.max_step
        squared = angle * angle
        sine = angle * _polynomial(squared, SHORT_SINE)
        cosine = _polynomial(squared, SHORT_COSINE)
        turned = limited(add(mul(s, cosine), mul(c, sine)), 1.0)
        other = limited(sub(mul(c, cosine), mul(s, sine)), 1.0)
        inputs = [
            Value("s", UNIT_BITS, 1.0),
            Value("c", UNIT_BITS, 1.0),
            Value("angle", self.turn_bits, most * (1 + 2.0**-20)),
        ]
        return convert(tape, inputs, [(turned, UNIT_BITS), (other, UNIT_BITS)])

    @cached_property
    def pointing(self) -> Program:
        """The unit vector of a sine "a" and a cosine "b" of the network, in `UNIT_BITS`."""
        tape = Tape()
        a, b = Symbol(tape, "a"), Symbol(tape, "b")
        length = (a * a + b * b).sqrt()
        most = 2.0**self.network_bits
        units = [(limited(part / length, 1.0), UNIT_BITS) for part in (a, b)]
        return convert(tape, [Value("a", 0, most), Value("b", 0, most)], units)

    @cached_property
    def angle(self) -> Program:
        """The angle in `ANGLE_BITS` of a sine "s" and a cosine "c" that is not negative."""
        tape = Tape()
        s, c = Symbol(tape, "s"), Symbol(tape, "c")
        beside = 1.0 + c
        t = limited(s / (beside * beside).sqrt(), 1.0)
        value = limited(t * _polynomial(limited(t * t, 1.0), ARCTANGENT), math.pi / 2)
        inputs = [Value("s", UNIT_BITS, 1.0), Value("c", UNIT_BITS, 1.0)]
        return convert(tape, inputs, [(value, ANGLE_BITS)])

    @cached_property
    def turned(self) -> Program:
        """The unit vector (c, s) turned by the angle of another, (tc, ts)."""
        tape = Tape()
        s, c, ts, tc = (Symbol(tape, name) for name in ("s", "c", "ts", "tc"))
        sine = limited(add(mul(s, tc), mul(c, ts)), 1.0)
        cosine = limited(sub(mul(c, tc), mul(s, ts)), 1.0)
        inputs = [Value(name, UNIT_BITS, 1.0) for name in ("s", "c", "ts", "tc")]
        return convert(tape, inputs, [(sine, UNIT_BITS), (cosine, UNIT_BITS)])

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
            low, high = single_inward(float(self.chain.lower[k]), float(self.chain.upper[k]))
            lower = math.ceil(math.ldexp(low, bits))
            upper = math.floor(math.ldexp(high, bits))
            if lower > upper:
                raise ModelFileError(
                    f"Fixed point has no number within the limits of joint "
                    f"'{self.chain.joint_names[k]}'. Export with --arithmetic float."
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

    @property
    def tolerance(self) -> int:
        """The squared distance below which a place is reached, in the format of what is judged."""
        bits = self.parts.formats[0] if self.problem.task.has_orientation else self.squared_bits
        return round(math.ldexp(SOLVED_POSITION**2, bits))

    @property
    def chord(self) -> int:
        """The squared chord below which an orientation is reached, in the format of `parts`."""
        return round(math.ldexp((2 * math.sin(SOLVED_ROTATION / 2)) ** 2, self.parts.formats[1]))

    @property
    def floor_number(self) -> int:
        """The least lambda^2 in `strength_bits`."""
        return max(1, round(math.ldexp(self.floor, self.strength_bits)))

    @property
    def told_error(self) -> float:
        """A bound of how wrong the computed place of the tool is, by rounding [m]."""
        outputs = self._approach.outputs[: len(self.problem.task.place)]
        errors = [part.error for part in outputs if isinstance(part, Value)]
        return math.hypot(*errors)


def single_inward(lower: float, upper: float) -> tuple[float, float]:
    """Two limits in single precision, rounded inward so that they hold in double."""
    low, high = np.float32(lower), np.float32(upper)
    if float(low) < lower:
        low = np.nextafter(low, np.float32(math.inf))
    if float(high) > upper:
        high = np.nextafter(high, np.float32(-math.inf))
    return float(low), float(high)


def _polynomial(x: Scalar, coefficients: Sequence[float]) -> Scalar:
    """Horner's rule; coefficients of ascending powers."""
    *others, total = coefficients
    result: Scalar = total
    for coefficient in others[::-1]:
        result = add(mul(result, x), coefficient)
    return result


def _cholesky(
    lower: list[list[Scalar]],
    right: Sequence[Scalar],
    strength: Scalar,
    bounds: _Bounds,
) -> list[Scalar]:
    """Solve A x = b by A = G G^T, from the lower triangle of A.

    Args:
        lower: The lower triangle.
        right: b.
        strength: Less than it no pivot is, whatever rounding says.
        bounds: How large what comes up can be.
    """
    size, length = len(right), bounds.rows
    factor: list[list[Scalar]] = []
    roots: list[Scalar] = []
    y: list[Scalar] = []
    for i in range(size):
        row: list[Scalar] = []
        pivot, value = limited(lower[i][i], length[i] ** 2), right[i]
        for j in range(i):
            raw = lower[i][j]
            for k in range(j):
                raw = limited(sub(raw, mul(row[k], factor[j][k])), length[i] * length[j])
            # No longer than what is left of its own row: |raw|^2 <= pivot_i pivot_j.
            entry = raw if isinstance(raw, float) else limited(raw / roots[j], length[i])
            row.append(entry)
            pivot = limited(sub(pivot, mul(entry, entry)), length[i] ** 2)
            value = limited(sub(value, mul(entry, y[j])), length[i] * bounds.y)
        factor.append(row)
        pivot = pivot.tape.record("greater", pivot, strength)
        roots.append(limited(pivot, length[i] ** 2).sqrt())
        y.append(limited(value / roots[i], bounds.y, held=bounds.y_held))
    x: list[Scalar] = [0.0] * size
    for i in reversed(range(size)):
        value = y[i]
        for k in range(i + 1, size):
            value = sub(value, mul(factor[k][i], x[k]))
        x[i] = limited(value / roots[i], bounds.x, held=True)
    return x


@dataclass(frozen=True)
class _Bounds:
    """How large the numbers of a factorization can be.

    Attributes:
        rows: Roots of what the diagonal of A never exceeds, which rows of G are no longer than.
        y: What G^-1 b never exceeds, or is held at.
        y_held: Whether it is held there.
        x: What the solution is held at.
    """

    rows: list[float]
    y: float
    y_held: bool
    x: float
