"""A step of damped least squares in integers: the survey of a place, and the solved change.

Both are recorded by the same functions as the float solver's, and only their formats differ.
Two things are done another way, for range:

- A step solves (J^T J + lambda^2 I) dq = J^T e by Cholesky's factorization with square roots,
  as `cholesky.py` says.
- The error e is scaled to full range beforehand, so that a step toward a near target is as
  exact as one toward a far one; the changes of the joints are scaled back.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property

from firmware_host.fixed_point.cholesky import Bounds, cholesky
from firmware_host.fixed_point.formats import SPARED, fraction_bits
from firmware_host.fixed_point.integers import convert
from firmware_host.fixed_point.programs import Program, Value
from firmware_host.fixed_point.ranges import RobotFormats
from firmware_host.kinematics import Scalar, dot, frames, limited, mul
from firmware_host.linear import gram
from firmware_host.solving.refine import DEFAULT_SETTINGS
from firmware_host.straightline import Symbol, Tape

# Up to so many rows of a task a step's products may be spared shifts as others are; beyond them
# fewer bits may.
FEW_ROWS, SPARED_OF_MANY = 3, 2
# How large a step's multipliers of an arm with joints to spare are held, in 1 / reach^2.
MULTIPLIER = 2.0**14


class RobotSteps(RobotFormats):
    """The steps of a robot's solver."""

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
        known = [abs(part) for part in entries if not isinstance(part, Symbol)]
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
            bounds = Bounds(sizes, math.sqrt(MULTIPLIER) / reach, True, MULTIPLIER / reach**2)
            weights = cholesky(gram(columns, strength), e, strength, bounds)
            changes = [limited(dot(column, weights), steepest) for column in columns]
        else:
            bounds = Bounds(sizes, math.sqrt(rows), False, steepest)
            right = [dot(column, e) for column in columns]
            changes = cholesky(gram(by_row, strength), right, strength, bounds)
        scales = self.chain.scales.tolist()
        changes = [mul(scale, change) for scale, change in zip(scales, changes, strict=True)]
        inputs = [
            Value("strength", self.strength_bits, self.largest_strength),
            *(Value(f"e{k}", 30, 1.0) for k in range(rows)),
            *given,
        ]
        # The more rows, the nearer they come to one another somewhere, and the more bits count.
        many = rows > FEW_ROWS
        wanted = [(change, None) for change in changes]
        spared = SPARED_OF_MANY if many else SPARED
        return convert(tape, inputs, wanted, "solved_", squares=many, spared=spared)

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
