"""How one unit of an int8 layer, or one vector of four, is computed from its sums in C."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from edge_ik_tools.c99.line import Line, line_of, product_line_of
from edge_ik_tools.c99.lowering import DenseUnit, Elementwise, Lookup, Node, SourceUnit
from firmware_host.network.steps import Add, FullyConnected, Mul

HALF = 2**30  # the multiplier of exactly 1/2
ROWS = 4  # rows of weights that a kernel sums at once
# A zero point shifted left by more could leave 32 bits.
LONGEST_SHIFT = 20


class LayerContext(Protocol):
    """What the printers need to know of the layer that a unit belongs to.

    Attributes:
        dense: The layer's dense sums.
        k: Their number.
        rows: Units, rounded up to whole groups of rows.
        source: Number of the held tensor that they read.
        vectors: Vectors of 16 numbers that they read.
        indexed: For each sum, whether it serves as an index into tables alone; it is then
            kept as 0 to 255.
        plain: Whether every sum is scaled by a shift to the right of moderate length.
        tables: Name of each table and what was taken off its values, by identity of the node.
    """

    dense: tuple[FullyConnected, ...]
    k: int
    rows: int
    source: int
    vectors: int
    indexed: list[bool]
    plain: bool
    tables: dict[int, tuple[str, int]]


@dataclass
class Body:
    """Statements of one unit, or of one vector of units, in order."""

    lines: list[str] = field(default_factory=list)

    def value(self, kind: str, expression: str) -> str:
        """Name an expression."""
        name = f"t{len(self.lines)}"
        self.lines.append(f"const {kind} {name} = {expression};")
        return name


class _Unit(ABC):
    """Prints values of a layer, each once."""

    def __init__(self, printer: LayerContext, body: Body) -> None:
        self.printer = printer
        self.body = body
        self.known: dict[int, str] = {}

    def visit(self, node: Node) -> str:
        """Name of the node's value, computed where it is first needed."""
        if id(node) not in self.known:
            self.known[id(node)] = self._printed(node)
        return self.known[id(node)]

    @abstractmethod
    def _printed(self, node: Node) -> str:
        """Compute the node's value and name it."""


class ScalarUnit(_Unit):
    """Prints one unit's value in scalar registers."""

    place = "u + i"  # of the unit among the held numbers
    held_less = ""  # what a held number has too much

    def _printed(self, node: Node) -> str:
        printer = self.printer
        if isinstance(node, DenseUnit):
            return self._dense(node.index)
        if isinstance(node, SourceUnit):
            return self.body.value(
                "int32_t", f"{_held(printer, node)}[{self.place}]{self.held_less}"
            )
        if isinstance(node, Lookup):
            name, zero_point = printer.tables[id(node)]
            index = _table_index(printer, node, self.visit(node.operand))
            back = f" + {zero_point}" if zero_point else ""
            return self.body.value("int32_t", f"{name}[{index}]{back}")
        step = node.step
        if isinstance(step, Mul):
            return self._mul(node, step)
        assert isinstance(step, Add)  # noqa: S101 - LOGISTIC of one number is a Lookup
        return self._add(node, step)

    def _dense(self, index: int) -> str:
        printer, dense = self.printer, self.printer.dense[index]
        place = "i" if printer.k == 1 else f"{printer.k} * i + {index}"
        offset = 128 if printer.indexed[index] else 0
        limits = ", ".join(
            str(number + offset) for number in (dense.output_zero_point, dense.lower, dense.upper)
        )
        row = f"&row[{index}]"
        if printer.plain:
            return self.body.value("int32_t", f"requantized(sums[{place}], {row}, {limits})")
        packed = f"row[{index}].packed"
        return self.body.value(
            "int32_t",
            f"requantized_any(sums[{place}] + ({packed} >> 8), row[{index}].multiplier, "
            f"(int8_t)({packed} & 255), {limits})",
        )

    def _less_zero(self, node: Node, zero_point: int) -> str:
        """The operand of a product less its zero point."""
        if isinstance(node, Lookup):
            name, taken = self.printer.tables[id(node)]
            if taken == zero_point:
                return (
                    f"(int32_t){name}[{_table_index(self.printer, node, self.visit(node.operand))}]"
                )
        return f"({self.visit(node)} - {_number(zero_point)})"

    def _mul(self, node: Elementwise, step: Mul) -> str:
        a, b = (
            self._less_zero(operand, zero)
            for operand, zero in zip(node.operands, step.zero_points, strict=True)
        )
        right = -step.shift
        plain = is_plain(np.array([step.multiplier]), np.array([right]))
        return self.body.value(
            "int32_t",
            f"{'rescaled' if plain else 'requantized_any'}({a} * {b}, {step.multiplier}, {right}, "
            f"{step.output_zero_point}, {step.lower}, {step.upper})",
        )

    def _add(self, node: Elementwise, step: Add) -> str:
        line = line_of(step)
        if line is not None:
            a, b, constant = self._operands(node, line)
            total = f"{a} * {line.first} + {b} * {line.second} + {_number(constant)}"
            value = f"coarser({total}, {line.shift}, {step.lower}, {step.upper})"
            return self.body.value("int32_t", value)
        a, b = (self.visit(operand) for operand in node.operands)
        limits = f"{step.output_zero_point}, {step.lower}, {step.upper}"
        terms = [
            f"requantized_any(({value} - {_number(zero)}) * {1 << step.left_shift}, {multiplier}, "
            f"{-shift}, 0, INT32_MIN, INT32_MAX)"
            for value, zero, multiplier, shift in zip(
                (a, b), step.zero_points, step.multipliers, step.shifts, strict=False
            )
        ]
        terms = [self.body.value("int32_t", term) for term in terms]
        total = f"{terms[0]} + {terms[1]}, {step.multipliers[2]}, {-step.shifts[2]}"
        return self.body.value("int32_t", f"requantized_any({total}, {limits})")

    def _operands(self, node: Elementwise, line: Line) -> tuple[str, str, int]:
        """The operands of a line, and its constant."""
        a, b = (self.visit(operand) for operand in node.operands)
        return a, b, line.constant


class ShortUnit(ScalarUnit):
    """Prints one unit's value where products are short: its sums are numbers plus 128."""

    place = "u"
    held_less = " - 128"

    def _dense(self, index: int) -> str:
        printer, dense = self.printer, self.printer.dense[index]
        place = f"{index * printer.rows} + u" if index else "u"
        value = self.body.value("int32_t", f"numbers[{place}]")
        if (dense.lower, dense.upper) != (-128, 127):
            limits = f"{dense.lower + 128}, {dense.upper + 128}"
            above = f"{value} - {dense.lower + 128}"
            value = self.body.value("int32_t", f"limited({above}, {limits})")
        return value if printer.indexed[index] else self.body.value("int32_t", f"{value} - 128")

    def _operands(self, node: Elementwise, line: Line) -> tuple[str, str, int]:
        """Those held with 128 more are taken as they are where 32 bits allow it."""
        slopes = (line.first, line.second)
        held = [isinstance(operand, SourceUnit) for operand in node.operands]
        constant = line.constant - 128 * sum(np.multiply(slopes, held).tolist())
        most = sum((255 if raw else 128) * slope for raw, slope in zip(held, slopes, strict=True))
        if max(most, abs(constant)) >= 2**31:
            return super()._operands(node, line)
        a, b = (
            self.body.value("int32_t", f"{_held(self.printer, operand)}[{self.place}]")
            if isinstance(operand, SourceUnit)
            else self.visit(operand)
            for operand in node.operands
        )
        return a, b, constant

    def _mul(self, node: Elementwise, step: Mul) -> str:
        line = product_line_of(step)
        if line is None:
            return super()._mul(node, step)
        a, b = (
            self._less_zero(operand, zero)
            for operand, zero in zip(node.operands, step.zero_points, strict=True)
        )
        numbers = (line.upper, line.lower, line.sign, line.constant, line.shift)
        scale = (step.multiplier, -step.shift, step.output_zero_point, step.lower, step.upper)
        arguments = ", ".join(map(str, (*numbers, *scale)))
        return self.body.value("int32_t", f"ON_LINE({a} * {b}, {arguments})")


class VectorUnit(_Unit):
    """Prints the values of four units in MVE's vectors."""

    KIND = "int32x4_t"

    def _printed(self, node: Node) -> str:
        printer = self.printer
        if isinstance(node, DenseUnit):
            return self._dense(node.index)
        if isinstance(node, SourceUnit):
            return self.body.value(self.KIND, f"vldrbq_s32(&{_held(printer, node)}[u])")
        if isinstance(node, Lookup):
            found = self._looked_up(node)
            _, zero_point = printer.tables[id(node)]
            return (
                self.body.value(self.KIND, f"vaddq_n_s32({found}, {zero_point})")
                if (zero_point)
                else found
            )
        step = node.step
        if isinstance(step, Mul):
            a, b = (
                self._less_zero(operand, zero)
                for operand, zero in zip(node.operands, step.zero_points, strict=True)
            )
            return self._scaled(
                f"vmulq_s32({a}, {b})", step.multiplier, -step.shift, step.output_zero_point, step
            )
        assert isinstance(step, Add)  # noqa: S101 - LOGISTIC of one number is a Lookup
        line = line_of(step)
        if line is not None:
            a, b = (self.visit(operand) for operand in node.operands)
            total = f"vmlaq_n_s32(vmulq_n_s32({a}, {line.first}), {b}, {line.second})"
            total = f"vshrq_n_s32(vaddq_n_s32({total}, {line.constant}), {line.shift})"
            return self.body.value(self.KIND, f"clamped({total}, {step.lower}, {step.upper})")
        terms = [self._term(operand, step, place) for place, operand in enumerate(node.operands)]
        return self._scaled(
            f"vaddq_s32({terms[0]}, {terms[1]})",
            step.multipliers[2],
            -step.shifts[2],
            step.output_zero_point,
            step,
        )

    def _dense(self, index: int) -> str:
        printer, dense = self.printer, self.printer.dense[index]
        rows = f"row + {2 * ROWS * index}" if index else "row"
        weights = f"w + {64 * printer.vectors * index}" if index else "w"
        sums = f"dot4(x, {weights}, {printer.vectors})"
        offset = 128 if printer.indexed[index] else 0
        zero = dense.output_zero_point + offset
        if printer.plain:
            value = f"requantized({sums}, {rows}, {2 * zero + 1})"
        else:
            packed = self.body.value(self.KIND, f"vldrwq_s32({rows})")
            biased = f"vaddq_s32({sums}, vshrq_n_s32({packed}, 8))"
            shift = f"vshrq_n_s32(vshlq_n_s32({packed}, 24), 24)"
            value = f"requantized_any({biased}, vldrwq_s32({rows} + 4), {shift}, {zero})"
        limits = f"{dense.lower + offset}, {dense.upper + offset}"
        return self.body.value(self.KIND, f"clamped({value}, {limits})")

    def _looked_up(self, node: Lookup) -> str:
        name, zero_point = self.printer.tables[id(node)]
        values = node.table.astype(int) - zero_point
        index = self.visit(node.operand)
        if not _is_index(self.printer, node.operand):
            index = f"vaddq_n_s32({index}, 128)"
        place = f"vreinterpretq_u32_s32({index})"
        if values.min() >= 0:
            load = f"vreinterpretq_s32_u32(vldrbq_gather_offset_u32({name}, {place}))"
        elif values.min() < -128 or values.max() > 127:
            load = f"vldrhq_gather_shifted_offset_s32({name}, {place})"
        else:
            load = f"vldrbq_gather_offset_s32({name}, {place})"
        return self.body.value(self.KIND, load)

    def _less_zero(self, node: Node, zero_point: int) -> str:
        if isinstance(node, Lookup) and self.printer.tables[id(node)][1] == zero_point:
            return self._looked_up(node)
        return f"vsubq_n_s32({self.visit(node)}, {zero_point})"

    def _term(self, operand: Node, step: Add, place: int) -> str:
        multiplier, right = step.multipliers[place], -step.shifts[place]
        centred = f"vsubq_n_s32({self.visit(operand)}, {step.zero_points[place]})"
        if multiplier == HALF and right == 0:
            return self.body.value(self.KIND, f"vshlq_n_s32({centred}, {step.left_shift - 1})")
        finer = f"vshlq_n_s32({centred}, {step.left_shift})"
        if right == 0:
            return self.body.value(self.KIND, f"vqrdmulhq_n_s32({finer}, {multiplier})")
        total = f"high_sum({finer}, vdupq_n_s32({multiplier}), vdupq_n_s32({1 << (right - 1)}))"
        return self.body.value(self.KIND, f"vshrq_n_s32({total}, {right})")

    def _scaled(self, value: str, multiplier: int, right: int, zero: int, step: Mul | Add) -> str:
        if is_plain(np.array([multiplier]), np.array([right])):
            addend = _addend(right, zero)
            total = f"high_sum({value}, vdupq_n_s32({multiplier}), vdupq_n_s32({addend}))"
            scaled = f"vshrq_n_s32({total}, {right})"
        else:
            scaled = (
                f"requantized_any({value}, vdupq_n_s32({multiplier}), vdupq_n_s32({right}), {zero})"
            )
        return self.body.value(self.KIND, f"clamped({scaled}, {step.lower}, {step.upper})")


def is_plain(multiplier: npt.NDArray[np.int64], right: npt.NDArray[np.int64]) -> bool:
    """Whether every scale is a shift to the right of moderate length."""
    return bool(np.all((right >= 1) & (right <= LONGEST_SHIFT) & (multiplier >= HALF)))


def _addend(right: int, zero_point: int) -> int:
    return (1 << (right - 1)) + zero_point * (1 << right)


def _number(value: int) -> str:
    return f"({value})" if value < 0 else str(value)


def _held(printer: LayerContext, node: SourceUnit) -> str:
    return "x" if node.index == printer.source else f"h{node.index}"


def _is_index(printer: LayerContext, node: Node) -> bool:
    return isinstance(node, DenseUnit) and printer.indexed[node.index]


def _table_index(printer: LayerContext, node: Lookup, operand: str) -> str:
    return operand if _is_index(printer, node.operand) else f"{operand} + 128"
