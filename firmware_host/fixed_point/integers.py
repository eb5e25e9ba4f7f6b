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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from firmware_host.errors import ModelFileError
from firmware_host.fixed_point import arithmetic
from firmware_host.kinematics import Scalar
from firmware_host.straightline import Symbol, Tape

# Formats leave this much above what a value can be, for what rounding adds.
MARGIN = 1 + 2.0**-16
# Bits that a product may have less than its format could hold, to be spared a shift.
SPARED = 7
# Kinds of values: integers of 32 and of 64 bits, and what `arithmetic.Root` says of either.
NARROW, WIDE, ROOT32, ROOT64 = "narrow", "wide", "root of narrow", "root of wide"
ROOTS = (ROOT32, ROOT64)


@dataclass(frozen=True)
class Value:
    """An integer of a program.

    Attributes:
        name: Its name.
        bits: Its fraction bits.
        bound: What it never exceeds, in the unit of the arithmetic.
        error: How far rounding takes it at most, to first order; infinite if not known.
        kind: One of `NARROW`, `WIDE`, `ROOT32` and `ROOT64`.
    """

    name: str
    bits: int
    bound: float
    error: float = 0.0
    kind: str = NARROW


@dataclass(frozen=True)
class Operation:
    """One step of a program.

    Attributes:
        result: What it gives.
        kind: The name of the operation, one of `OPERATIONS`.
        operands: Names of values, or integers.
    """

    result: Value
    kind: str
    operands: tuple[str | int, ...]


# How each operation is done on plain integers.
OPERATIONS: Mapping[str, str] = {
    "product": "(({0} * {1}) >> {2})",
    "add": "({0} + {1})",
    "subtract": "({0} - {1})",
    "left": "({0} << {1})",
    "right": "({0} >> {1})",
    "square": "({0} * {0})",
    "narrow": "({0} >> {1})",
    "scale": "(({0} * {1}) >> 32)",
    "greater": "max({0}, {1})",
    "root32": "root32({0})",
    "root64": "root64({0})",
    "over": "over({0}, {1}, {2})",
    "over_held": "over_held({0}, {1}, {2})",
    "length": "length({0}, {1})",
}


@dataclass(frozen=True, eq=False)
class Program:
    """Integer arithmetic from inputs to outputs.

    Attributes:
        inputs: What it is given, in this order; not all of it need be used.
        operations: Its steps in order, each needed by an output.
        outputs: What it gives: values, or integers where they are constant.
        formats: Fraction bits of each output.
    """

    inputs: tuple[Value, ...]
    operations: tuple[Operation, ...]
    outputs: tuple[Value | int, ...]
    formats: tuple[int, ...]

    def pruned(self) -> Program:
        """The same without operations that no output needs."""
        needed = {value.name for value in self.outputs if isinstance(value, Value)}
        kept: list[Operation] = []
        for one in reversed(self.operations):
            if one.result.name in needed:
                needed.update(operand for operand in one.operands if isinstance(operand, str))
                kept.append(one)
        return replace(self, operations=tuple(kept[::-1]))

    def compiled(self) -> Callable[..., tuple[Any, ...]]:
        """The program as a function of plain integers."""
        names = [value.name for value in self.inputs]
        lines = [f"def program({', '.join(names)}):"]
        lines += [
            f"    {one.result.name} = {OPERATIONS[one.kind].format(*one.operands)}"
            for one in self.operations
        ]
        results = (str(out) if isinstance(out, int) else out.name for out in self.outputs)
        lines.append(f"    return ({', '.join(results)},)")
        namespace: dict[str, Any] = {
            name: getattr(arithmetic, name)
            for name in ("root32", "root64", "over", "over_held", "length")
        }
        # The source holds nothing but the names and operations above, and integers.
        exec(compile("\n".join(lines), "<fixed point>", "exec"), namespace)  # noqa: S102
        program: Callable[..., tuple[Any, ...]] = namespace["program"]
        return program


def factor_and_shift(ratio: float, most: int = 31) -> tuple[int, int]:
    """A ratio as an integer of 31 bits and a shift to the right, of at most so many bits.

    Raises:
        ModelFileError: If the ratio needs a shift to the left.
    """
    shift = min(most, 31 - math.frexp(abs(ratio))[1])
    if shift < 0:
        raise ModelFileError("Fixed point cannot hold this robot: export with --arithmetic float.")
    return round(math.ldexp(ratio, shift)), shift


def fraction_bits(bound: float, most: int = 31) -> int:
    """Fraction bits with which a bound, and a little more, stays below 2^most."""
    if bound <= 0:
        return 30
    return most - math.ceil(math.log2(bound * MARGIN))


def least_half(bound: float, bits: int, width: int) -> int:
    """The least exponent of roots, as `arithmetic.Root.half`, of values up to a bound.

    Args:
        bound: What the values do not exceed.
        bits: Their fraction bits.
        width: The bits that they have, 32 or 64.
    """
    length = math.ceil(math.log2(bound * MARGIN) + bits)
    return max(0, (width - length) // 2)


def convert(
    tape: Tape,
    inputs: Sequence[Value],
    outputs: Sequence[tuple[Scalar, int | None]],
    prefix: str = "",
    *,
    squares: bool = True,
) -> Program:
    """A recorded function in integers.

    Args:
        tape: What was recorded: sums, products, square roots and divisions by these.
        inputs: A format for each symbol that is an input.
        outputs: What is wanted, each with its fraction bits, or None for what comes out; a sum of
            squares keeps its 64 bits where more than 31 are wanted.
        prefix: What names begin with, for programs that share a scope.
        squares: Whether squares keep 64 bits.

    Raises:
        ModelFileError: If a value needs more range than integers have.
    """
    made = _Conversion(tape, inputs, prefix, squares)
    for operation in tape.live([value for value, _ in outputs]):
        made.add(*operation)
    results = [made.output(value, bits) for value, bits in outputs]
    formats = tuple(
        value.bits if isinstance(value, Value) else int(bits or 0)
        for value, (_, bits) in zip(results, outputs, strict=True)
    )
    return Program(tuple(inputs), tuple(made.operations), tuple(results), formats).pruned()


class _Conversion:
    """Turns one operation after another into integers."""

    def __init__(self, tape: Tape, inputs: Sequence[Value], prefix: str, squares: bool) -> None:
        self.squares = squares
        self.tape = tape
        self.prefix = prefix
        self.values: dict[str, Value] = {value.name: value for value in inputs}
        self.operations: list[Operation] = []
        self._known: dict[tuple[str, tuple[str | int, ...]], Value] = {}
        self._squares: dict[str, Value] = {}  # a square's name -> what it is the square of
        self._products: dict[str, tuple[Value, int]] = {}  # a product's name -> it, and its shift
        self._scales: dict[str, tuple[Value, float]] = {}  # the same of products with a constant

    # ---- Recorded operations

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
        if most - halves <= SPARED:
            bits = halves
        terms: list[str | int] = []
        for part, number in zip((a, b), constant, strict=True):
            if part is None:
                terms.append(_integer(number or 0.0, bits))
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
        bits = a.bits + b.bits - 32
        most = fraction_bits(bound)
        if most - bits > SPARED:
            bits = most
        shift = a.bits + b.bits - bits
        if shift < 0:
            shift, bits = 0, a.bits + b.bits
        error = a.bound * b.error + b.bound * a.error + 2.0**-bits
        made = self._made(NARROW, "product", (a.name, b.name, shift), bits, bound, error)
        self._products[made.name] = made, shift
        return made

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
            number = _integer(factor, 31 - exponent)
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
        number = _integer(factor, fraction)
        error = abs(factor) * a.error + a.bound * 2.0 ** -(fraction + 1) + 2.0**-bits
        return self._made(NARROW, "product", (a.name, number, 32), bits, bound, error)

    def _quotient(self, name: str, left: str, right: str) -> Value:
        """A value, or a constant, over a square root."""
        root = self.values[right]
        assert root.kind in ROOTS  # noqa: S101 - nothing else is divided by
        limit = self.tape.limits.get(name, math.inf)
        constant = _constant(left)
        a = self._narrowed(self._given(left)) if constant is None else None
        if a is None:
            bits = fraction_bits(constant or 0.0, 30)
            a = Value(str(_integer(constant or 0.0, bits)), bits, abs(constant or 0.0))
        if not math.isfinite(limit):
            raise ModelFileError("Fixed point needs to know how large a quotient can be.")
        kind = "over_held" if name in self.tape.held else "over"
        bits = fraction_bits(limit, 30 if kind == "over_held" else 29)
        shift = root.bits // 2 - _width(root) + bits - a.bits + 2
        lowest = least_half(root.bound**2, root.bits, 2 * _width(root)) + shift
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

    # ---- Formats

    def _given(self, word: str) -> Value:
        """A value to compute with: of a root its length."""
        value = self.values[word]
        return self._length(value) if value.kind in ROOTS else value

    def _length(self, root: Value) -> Value:
        """The square root itself."""
        bits = fraction_bits(root.bound)
        # sqrt(w) = m * inverse * 2^(width - 29 - half), in the upper half of 64 bits.
        shift = 29 - _width(root) + root.bits // 2 - bits
        lowest = shift + least_half(root.bound**2, root.bits, 2 * _width(root))
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
            if most - bits <= SPARED:
                error = a.error + 2.0**-bits
                return self._made(NARROW, "product", (name, name, 32), bits, a.bound, error)
        if most - (a.bits - 32) <= SPARED:
            most = min(most, a.bits - 32)
        error = a.error + 2.0**-most
        return self._made(NARROW, "narrow", (a.name, a.bits - most), most, a.bound, error)

    def _in_wide_format(self, a: Value, bits: int) -> Value:
        """A value of 64 bits with fewer fraction bits, or as many."""
        if bits == a.bits:
            return a
        assert bits < a.bits  # noqa: S101 - formats are chosen so
        return self._made(WIDE, "right", (a.name, a.bits - bits), bits, a.bound, a.error)

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
        return self._made(NARROW, "right", (a.name, less), bits, a.bound, error)

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


def _constant(word: str) -> float | None:
    """The number that an operand is, or None for a name."""
    try:
        return float(word)
    except ValueError:
        return None


def _integer(value: float, bits: int) -> int:
    return arithmetic.held(round(math.ldexp(value, bits)))


def _width(root: Value) -> int:
    """Half the bits of what the root was taken of."""
    return 16 if root.kind == ROOT32 else 32
