"""Sines, cosines and angles in integers, by polynomials."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property

from firmware_host.fixed_point.integers import convert
from firmware_host.fixed_point.programs import Program, Value
from firmware_host.fixed_point.ranges import ANGLE_BITS, UNIT_BITS, RobotFormats
from firmware_host.kinematics import Scalar, add, limited, mul, sub
from firmware_host.solving.refine import DEFAULT_SETTINGS, NEAREST_STEPS
from firmware_host.straightline import Symbol, Tape

# Twice the arctangent of t, 8e-8, as `angle_of` of the float firmware has it.
ARCTANGENT = (
    1.99999869, -0.666597188, 0.398931324, -0.278172582, 0.192843944, -0.111824647,
    0.0437259078, -0.00810913276,
)  # fmt: skip
# Sine and cosine of at most half a radian, 4e-8.
SHORT_SINE = (1.0, -0.166660324, 0.00825979561)
SHORT_COSINE = (1.0, -0.499999940, 0.0416649505, -0.00137702504)
# How far a rotation takes a unit vector from where it belongs, as these polynomials and 30 bits
# have it, and how far the vector that the network says is from that of the angle told for it.
ROTATION_ERROR = 2.2e-7
SEED_ERROR = 4.5e-7
# Angles are turned to in two halves.
HALVES = 2


class RobotCircle(RobotFormats):
    """What a robot's solver computes on the unit circle."""

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
        return convert(tape, inputs, [(turned, UNIT_BITS), (other, UNIT_BITS)], squares=False)

    @cached_property
    def pointing(self) -> Program:
        """The unit vector of a sine "a" and a cosine "b" of the network, in `UNIT_BITS`."""
        tape = Tape()
        a, b = Symbol(tape, "a"), Symbol(tape, "b")
        length = (a * a + b * b).sqrt()
        most = 2.0**self.network_bits
        units = [(limited(part / length, 1.0), UNIT_BITS) for part in (a, b)]
        inputs = [Value("a", 0, most), Value("b", 0, most)]
        # The squares of eight bits and a sign have half of 32.
        return convert(tape, inputs, units, squares=self.network_bits > 8)

    @cached_property
    def angle(self) -> Program:
        """The angle in `ANGLE_BITS` of a sine "s" and a cosine "c" that is not negative."""
        tape = Tape()
        s, c = Symbol(tape, "s"), Symbol(tape, "c")
        beside = 1.0 + c
        t = limited(s / (beside * beside).sqrt(), 1.0)
        value = limited(t * _polynomial(limited(t * t, 1.0), ARCTANGENT), math.pi / 2)
        inputs = [Value("s", UNIT_BITS, 1.0), Value("c", UNIT_BITS, 1.0)]
        return convert(tape, inputs, [(value, ANGLE_BITS)], squares=False)

    @cached_property
    def turned(self) -> Program:
        """The unit vector (c, s) turned by the angle of another, (tc, ts)."""
        tape = Tape()
        s, c, ts, tc = (Symbol(tape, name) for name in ("s", "c", "ts", "tc"))
        sine = limited(add(mul(s, tc), mul(c, ts)), 1.0)
        cosine = limited(sub(mul(c, tc), mul(s, ts)), 1.0)
        inputs = [Value(name, UNIT_BITS, 1.0) for name in ("s", "c", "ts", "tc")]
        return convert(tape, inputs, [(sine, UNIT_BITS), (cosine, UNIT_BITS)])

    @cached_property
    def unit_error(self) -> float:
        """How far a joint's sine and cosine are, as a vector, from those of its angle."""
        resolution = 4 * 2.0**-self.turn_bits
        start = HALVES * ROTATION_ERROR + resolution
        if self.mixed:
            return start
        return max(SEED_ERROR, start) + max(self.steps, NEAREST_STEPS) * ROTATION_ERROR


def _polynomial(x: Scalar, coefficients: Sequence[float]) -> Scalar:
    """Horner's rule; coefficients of ascending powers."""
    *others, total = coefficients
    result: Scalar = total
    for coefficient in others[::-1]:
        result = add(mul(result, x), coefficient)
    return result
