"""Formats of integers: fraction bits from what a value never exceeds, and ways between them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from firmware_host.errors import ModelFileError
from firmware_host.fixed_point import arithmetic
from firmware_host.fixed_point.programs import NARROW, ROOT32, ROOTS, WIDE, Operation, Value
from firmware_host.straightline import Tape

# Formats leave this much above what a value can be, for what rounding adds.
MARGIN = 1 + 2.0**-16
# Finer than so many fraction bits nothing of 32 bits is: what is always tinier is as good as 0, and
# shifts from one format to another stay below 32.
FINEST = 50
# Bits that a product may have less than its format could hold, to be spared a shift.
SPARED = 7


def factor_and_shift(ratio: float, most: int = 31) -> tuple[int, int]:
    """A ratio as an integer of 31 bits and a shift to the right, of at most so many bits.

    Raises:
        ModelFileError: If the ratio needs a shift to the left.
    """
    shift = min(most, 31 - math.frexp(abs(ratio))[1])
    if shift < 0:
        raise ModelFileError(
            f"Fixed point cannot hold a factor of {ratio:g}, which this robot's sizes lead to: "
            "export with --arithmetic float."
        )
    return round(math.ldexp(ratio, shift)), shift


def fraction_bits(bound: float, most: int = 31) -> int:
    """Fraction bits with which a bound, and a little more, stays below 2^most."""
    if bound <= 0:
        return 30
    bits = most - math.ceil(math.log2(bound * MARGIN))
    return bits if most > 31 else min(bits, FINEST)


def least_half(bound: float, bits: int, width: int) -> int:
    """The least exponent of roots, as `arithmetic.Root.half`, of values up to a bound.

    Args:
        bound: What the values do not exceed.
        bits: Their fraction bits.
        width: The bits that they have, 32 or 64.
    """
    length = math.ceil(math.log2(bound * MARGIN) + bits)
    return max(0, (width - length) // 2)


class Formats:
    """The values of a program in the making, each brought into the format that is needed.

    Args:
        tape: What was recorded, with what its values never exceed.
        inputs: A format for each symbol that is an input.
        prefix: What names begin with.
        spared: Bits that a product may have less than its format could hold, to be spared a
            shift.
    """

    def __init__(self, tape: Tape, inputs: Sequence[Value], prefix: str, spared: int) -> None:
        self.spared = spared
        self.tape = tape
        self.prefix = prefix
        self.values: dict[str, Value] = {value.name: value for value in inputs}
        self.operations: list[Operation] = []
        self._known: dict[tuple[str, tuple[str | int, ...]], Value] = {}
        self._squares: dict[str, Value] = {}  # a square's name -> what it is the square of
        self._products: dict[str, tuple[Value, int]] = {}  # a product's name -> it, and its shift
        self._scales: dict[str, tuple[Value, float]] = {}  # the same of products with a constant

    def _given(self, word: str) -> Value:
        """A value to compute with: of a root its length."""
        value = self.values[word]
        return self._length(value) if value.kind in ROOTS else value

    def _length(self, root: Value) -> Value:
        """The square root itself."""
        bits = fraction_bits(root.bound)
        # sqrt(w) = m * inverse * 2^(width - 29 - half), in the upper half of 64 bits.
        shift = 29 - half_width(root) + root.bits // 2 - bits
        lowest = shift + least_half(root.bound**2, root.bits, 2 * half_width(root))
        if lowest < 0:
            bits, shift = bits + lowest, shift - lowest
        return self._made(NARROW, "length", (root.name, shift), bits, root.bound, math.inf)

    def _narrowed(self, a: Value, bits: int | None = None) -> Value:
        """A value of 64 bits cut down to 32."""
        if a.kind != WIDE:
            return a
        most = fraction_bits(a.bound)
        most = most if bits is None else min(most, bits)
        if most > a.bits:
            raise ModelFileError(
                "Fixed point cannot hold this robot's distances: export with --arithmetic float."
            )
        if a.name in self._scales:
            value, factor = self._scales[a.name]
            return self._scaled("", self._narrowed(value), factor)
        source = self._squares.get(a.name)
        if source is not None and 2 * source.bits - most <= 32:
            # A square that is not summed needs no 64 bits.
            name, bits = source.name, 2 * source.bits - 32
            if most - bits <= self.spared:
                error = a.error + 2.0**-bits
                return self._made(NARROW, "product", (name, name, 32), bits, a.bound, error)
        if most - (a.bits - 32) <= self.spared:
            most = min(most, a.bits - 32)
        error = a.error + 2.0**-most
        return self._made(NARROW, "narrow", (a.name, min(a.bits - most, 63)), most, a.bound, error)

    def _in_wide_format(self, a: Value, bits: int) -> Value:
        """A value of 64 bits with fewer fraction bits, or as many."""
        if bits == a.bits:
            return a
        assert bits < a.bits  # noqa: S101 - formats are chosen so
        return self._made(WIDE, "right", (a.name, min(a.bits - bits, 63)), bits, a.bound, a.error)

    def _in_format(self, a: Value, bits: int) -> Value:
        """A value of 32 bits with other fraction bits."""
        if bits == a.bits:
            return a
        if bits > a.bits:
            return self._made(NARROW, "left", (a.name, bits - a.bits), bits, a.bound, a.error)
        error = a.error + 2.0**-bits
        less = a.bits - bits
        if a.name in self._products:
            # A product is shifted once.
            made, shift = self._products[a.name]
            (operation,) = (one for one in self.operations if one.result.name == made.name)
            once = min(32, shift + less)
            factors = operation.operands[:2]
            kept = bits + shift + less - once
            a = self._made(NARROW, "product", (*factors, once), kept, a.bound, error)
            self._products.setdefault(a.name, (a, once))
            less = kept - bits
        if not less:
            return a
        # A value of 32 bits has no more to lose.
        return self._made(NARROW, "right", (a.name, min(less, 31)), bits, a.bound, error)

    def _made(
        self,
        kind: str,
        operation: str,
        operands: tuple[str | int, ...],
        bits: int,
        bound: float,
        error: float = 0.0,
    ) -> Value:
        """The result of an operation; the same operation gives the same result again."""
        known = self._known.get((operation, operands))
        if known is None:
            letter = {NARROW: "n", WIDE: "w"}.get(kind, "r")
            known = Value(f"{self.prefix}{letter}{len(self.operations)}", bits, bound, error, kind)
            self.operations.append(Operation(known, operation, operands))
            self._known[operation, operands] = known
        return replace(known, bits=bits, bound=bound, error=error)

    def _scaled(self, name: str, a: Value, factor: float) -> Value:
        """A value times a constant."""
        bound = min(abs(factor) * a.bound, self.tape.limits.get(name, math.inf))
        mantissa, exponent = math.frexp(abs(factor))
        if mantissa == 0.5 and factor > 0:
            # The same integer, with the point elsewhere.
            bits = a.bits - (exponent - 1)
            if a.kind == WIDE and bits % 2:
                a = self._made(WIDE, "right", (a.name, 1), a.bits - 1, a.bound, a.error)
                bits -= 1
            return Value(a.name, bits, bound, abs(factor) * a.error, a.kind)
        if a.kind == WIDE and factor < 0:
            a = self._narrowed(a)
        if a.kind == WIDE:
            # 31 bits of the factor, and all 64 of the value.
            bits = a.bits + (31 - exponent) - 32
            number = integer(factor, 31 - exponent)
            if bits % 2:
                number, bits = (number + 1) >> 1, bits - 1
            error = abs(factor) * a.error + 2.0**-bits
            made = self._made(WIDE, "scale", (a.name, number), bits, bound, error)
            self._scales[made.name] = (a, factor)
            return made
        bits = fraction_bits(bound)
        fraction = bits + 32 - a.bits
        least = 31 - exponent
        if fraction > least:
            fraction, bits = least, a.bits + least - 32
        number = integer(factor, fraction)
        error = abs(factor) * a.error + a.bound * 2.0 ** -(fraction + 1) + 2.0**-bits
        return self._made(NARROW, "product", (a.name, number, 32), bits, bound, error)


def integer(value: float, bits: int) -> int:
    """A number in a format, to the nearest, held in 32 bits."""
    return arithmetic.held(round(math.ldexp(value, bits)))


def half_width(root: Value) -> int:
    """Half the bits of what the root was taken of."""
    return 16 if root.kind == ROOT32 else 32
