"""Recorded arithmetic in integers: a format for every value, from how large it can be.

A value of *f fraction bits* is an integer times 2^-f. How large each value can be follows from
its operands (interval arithmetic; Moore, Kearfott and Cloud, Introduction to Interval Analysis,
2009), and where geometry says more, from `kinematics.limited`. Formats use the 32 bits up to
that; a product is the upper half of 64 bits wherever that leaves enough of it, since that is
one instruction on most cores. Squares keep all 64 bits, and so do their sums: a distance is
known as finely as its parts.

With the formats comes a bound of the rounding errors, to first order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from firmware_host.errors import ModelFileError
from firmware_host.fixed_point.formats import (
    SPARED,
    Formats,
    fraction_bits,
    half_width,
    integer,
    least_half,
)
from firmware_host.fixed_point.programs import (
    NARROW,
    ROOT32,
    ROOT64,
    ROOTS,
    WIDE,
    Program,
    Value,
)
from firmware_host.kinematics import Scalar
from firmware_host.straightline import Symbol, Tape


def convert(
    tape: Tape,
    inputs: Sequence[Value],
    outputs: Sequence[tuple[Scalar, int | None]],
    prefix: str = "",
    *,
    squares: bool = True,
    spared: int = SPARED,
) -> Program:
    """A recorded function in integers.

    Args:
        tape: What was recorded: sums, products, square roots and divisions by these.
        inputs: A format for each symbol that is an input.
        outputs: What is wanted, each with its fraction bits, or None for what comes out; a sum of
            squares keeps its 64 bits where more than 31 are wanted.
        prefix: What names begin with, for programs that share a scope.
        squares: Whether squares keep 64 bits.
        spared: Bits that a product may have less than its format could hold, to be spared a
            shift.

    Raises:
        ModelFileError: If a value needs more range than integers have.
    """
    made = _Conversion(tape, inputs, prefix, squares, spared)
    for operation in tape.live([value for value, _ in outputs]):
        made.add(*operation)
    results = [made.output(value, bits) for value, bits in outputs]
    formats = tuple(
        value.bits if isinstance(value, Value) else int(bits or 0)
        for value, (_, bits) in zip(results, outputs, strict=True)
    )
    return Program(tuple(inputs), tuple(made.operations), tuple(results), formats).pruned()


class _Conversion(Formats):
    """Turns one operation after another into integers.

    Args:
        tape: What was recorded, with what its values never exceed.
        inputs: A format for each symbol that is an input.
        prefix: What names begin with.
        squares: Whether squares keep 64 bits.
        spared: See `convert`.
    """

    def __init__(
        self, tape: Tape, inputs: Sequence[Value], prefix: str, squares: bool, spared: int
    ) -> None:
        super().__init__(tape, inputs, prefix, spared)
        self.squares = squares

    def add(self, name: str, operator: str, left: str, right: str) -> None:
        """Convert one operation of a tape."""
        found = {
            "+": self._sum,
            "-": self._difference,
            "*": self._product,
            "/": self._quotient,
            "sqrt": self._root,
            "greater": self._greater,
        }[operator](name, left, right)
        if name not in self.tape.held:
            bound = min(found.bound, self.tape.limits.get(name, math.inf))
            found = replace(found, bound=bound)
        self.values[name] = found

    def output(self, value: Scalar, bits: int | None) -> Value | int:
        """A value in a format; a constant as the integer that it is there."""
        if not isinstance(value, Symbol):
            return round(value * 2.0**bits) if bits is not None else 0
        found = self.values[value.name]
        if found.kind in ROOTS:
            found = self._length(found)
        if bits is None:
            return found
        if found.kind == WIDE and bits > 31:
            return self._in_wide_format(found, bits)
        return self._in_format(self._narrowed(found, bits), bits)

    def _sum(self, name: str, left: str, right: str) -> Value:
        return self._total(name, "add", left, right)

    def _difference(self, name: str, left: str, right: str) -> Value:
        return self._total(name, "subtract", left, right)

    def _total(self, name: str, kind: str, left: str, right: str) -> Value:
        constant = _constant(left), _constant(right)
        parts = [
            self._given(word) if number is None else None
            for word, number in zip((left, right), constant, strict=True)
        ]
        a, b = parts
        sizes = [
            part.bound if part is not None else abs(number or 0.0)
            for part, number in zip(parts, constant, strict=True)
        ]
        bound = min(sum(sizes), self.tape.limits.get(name, math.inf))
        least = 2.0 ** -fraction_bits(bound)
        if all(
            abs(number or 0.0) < least if part is None else part.kind == WIDE
            for part, number in zip(parts, constant, strict=True)
        ):
            return self._wide_total(kind, parts, constant, bound)
        known = [part for part in parts if part is not None]
        # Where a value of 64 bits meets one of 32, it is cut down to these.
        most = fraction_bits(bound)
        bits = min([most, *(part.bits for part in known if part.kind == NARROW)])
        # Where the upper halves of products are enough, no product needs a shift.
        halves = min([most, *(self._half_bits(part) for part in known)])
        if most - halves <= self.spared:
            bits = halves
        terms: list[str | int] = []
        for part, number in zip((a, b), constant, strict=True):
            if part is None:
                terms.append(integer(number or 0.0, bits))
            else:
                terms.append(self._in_format(self._narrowed(part, bits), bits).name)
        error = sum(part.error for part in known) + len(known) * 2.0**-bits
        return self._made(NARROW, kind, tuple(terms), bits, bound, error)

    def _wide_total(
        self,
        kind: str,
        parts: Sequence[Value | None],
        constant: Sequence[float | None],
        bound: float,
    ) -> Value:
        known = [part for part in parts if part is not None]
        most = fraction_bits(bound, 63) // 2 * 2
        bits = min([most, *(part.bits for part in known)])
        terms: list[str | int] = []
        for part, number in zip(parts, constant, strict=True):
            if part is None:
                terms.append(round((number or 0.0) * 2.0**bits))
            else:
                terms.append(self._in_wide_format(part, bits).name)
        error = sum(part.error for part in known)
        if 0 in terms and kind == "add":
            # A constant that is too small for 64 bits.
            return self._in_wide_format(known[0], bits)
        return self._made(WIDE, kind, tuple(terms), bits, bound, error)

    def _product(self, name: str, left: str, right: str) -> Value:
        first, second = _constant(left), _constant(right)
        if first is not None or second is not None:
            number = first if first is not None else second
            word = right if first is not None else left
            return self._scaled(name, self._given(word), number or 0.0)
        a, b = self._given(left), self._given(right)
        if self.squares and left == right and a.kind == NARROW:
            return self._square(a)
        a, b = self._narrowed(a), self._narrowed(b)
        bound = min(a.bound * b.bound, self.tape.limits.get(name, math.inf))
        most = fraction_bits(bound)
        a, b = self._raised(a, b, most - self.spared)
        bits = a.bits + b.bits - 32
        if most - bits > self.spared:
            bits = most
        shift = a.bits + b.bits - bits
        if shift <= 0:
            # All of the product.
            bits = a.bits + b.bits
            error = a.bound * b.error + b.bound * a.error
            return self._made(NARROW, "multiply", (a.name, b.name), bits, bound, error)
        error = a.bound * b.error + b.bound * a.error + 2.0**-bits
        made = self._made(NARROW, "product", (a.name, b.name, shift), bits, bound, error)
        self._products[made.name] = made, shift
        return made

    def _raised(self, a: Value, b: Value, least: int) -> tuple[Value, Value]:
        """Two factors, shifted to the left if the upper half of their product needs it."""
        lacking = least - (a.bits + b.bits - 32)
        room = [fraction_bits(part.bound) - part.bits for part in (a, b)]
        if lacking <= 0 or sum(room) < lacking or min(room) < 0:
            return a, b
        # One shift is enough as a rule.
        first = min(room[0], lacking) if room[0] >= room[1] else max(0, lacking - room[1])
        return (
            self._in_format(a, a.bits + first),
            self._in_format(b, b.bits + lacking - first),
        )

    def _half_bits(self, part: Value) -> int:
        """Fraction bits of a part of a sum that takes no shift, if it is a product or a square."""
        if part.kind == WIDE:
            return part.bits - 32
        made, shift = self._products.get(part.name, (part, 32))
        return part.bits - (32 - shift) if made is not part else part.bits

    def _square(self, a: Value) -> Value:
        # Of 30 bits, so that sums of a few squares stay within 63.
        a = self._in_format(a, min(a.bits, fraction_bits(a.bound, 30)))
        error = 2 * a.bound * a.error
        made = self._made(WIDE, "square", (a.name,), 2 * a.bits, a.bound**2, error)
        self._squares[made.name] = a
        return made

    def _quotient(self, name: str, left: str, right: str) -> Value:
        """A value, or a constant, over a square root."""
        root = self.values[right]
        assert root.kind in ROOTS  # noqa: S101 - nothing else is divided by
        limit = self.tape.limits.get(name, math.inf)
        constant = _constant(left)
        a = self._narrowed(self._given(left)) if constant is None else None
        if a is None:
            bits = fraction_bits(constant or 0.0, 30)
            a = Value(str(integer(constant or 0.0, bits)), bits, abs(constant or 0.0))
        if not math.isfinite(limit):
            raise ModelFileError("Fixed point needs to know how large a quotient can be.")
        kind = "over_held" if name in self.tape.held else "over"
        bits = fraction_bits(limit, 30 if kind == "over_held" else 29)
        shift = root.bits // 2 - half_width(root) + bits - a.bits + 2
        lowest = least_half(root.bound**2, root.bits, 2 * half_width(root)) + shift
        if lowest < 0:
            a = self._in_format(a, a.bits + lowest)
            shift -= lowest
        operand: str | int = a.name if constant is None else int(a.name)
        # What is held is so before it is multiplied by the inverse, and uses all of the format.
        bound = 2.0 ** (30 - bits) if kind == "over_held" else limit
        return self._made(NARROW, kind, (operand, root.name, shift), bits, bound, math.inf)

    def _root(self, name: str, left: str, right: str) -> Value:
        del left
        a = self._given(right)
        if a.name in self._squares:
            # The root of a single square needs no more than its operand has.
            a = self._narrowed(a)
        if a.kind == NARROW and a.bits % 2:
            a = self._in_format(a, a.bits - 1)
        bound = min(math.sqrt(a.bound), self.tape.limits.get(name, math.inf))
        if a.kind == WIDE:
            return self._made(ROOT64, "root64", (a.name,), a.bits, bound)
        return self._made(ROOT32, "root32", (a.name,), a.bits, bound)

    def _greater(self, name: str, left: str, right: str) -> Value:
        del name
        a, b = self._narrowed(self._given(left)), self._narrowed(self._given(right))
        bits = min(a.bits, b.bits)
        a, b = self._in_format(a, bits), self._in_format(b, bits)
        bound, error = max(a.bound, b.bound), max(a.error, b.error)
        return self._made(NARROW, "greater", (a.name, b.name), bits, bound, error)


def _constant(word: str) -> float | None:
    """The number that an operand is, or None for a name."""
    try:
        return float(word)
    except ValueError:
        return None
