"""The int8 network in C, bit for bit as TensorFlow Lite Micro computes it.

Each layer is printed for scalar registers and for MVE's vectors of four units. The
constants that a sum needs to become a number are folded where no bit depends on it; what
remains to be computed is derived in the template of the kernels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edge_ik_tools.c99.buffers import assign_buffers, held_sources
from edge_ik_tools.c99.literals import array, indented
from edge_ik_tools.c99.lowering import DenseUnit, Elementwise, Layer, Lookup, Node, Program
from edge_ik_tools.c99.sums import LARGEST_PACKED_SUM, VECTOR, Sums
from edge_ik_tools.c99.units import ROWS, Body, ScalarUnit, ShortUnit, VectorUnit
from edge_ik_tools.templates import filled
from firmware_host.errors import ModelFileError
from firmware_host.network.steps import FullyConnected, Mul

# Rows of more columns have a kernel of their own on cores with DSP instructions.
LONG_ROW = 64


def int8_network(program: Program, contiguous: bool = False) -> str:
    """The layers of an int8 network and the function `network` that runs them.

    Args:
        program: The layers.
        contiguous: Whether the weights of scalar kernels stand row by row, for processors whose
            compilers make vectors of loops.

    Raises:
        ModelFileError: If a layer sums over more than one tensor, or its sums are too
            large for the kernels.
    """
    widths = [_padded(width, ROWS) for width in program.widths]
    layers = [
        _LayerPrinter(index, layer, program, contiguous)
        for index, layer in enumerate(program.layers)
    ]
    parts = [printer.text() for printer in layers]
    kernels = filled("c99", "int8.c.in", {"rows": contiguous})
    return "\n\n".join([kernels, *parts, _network(program, widths)])


def _padded(count: int, multiple: int) -> int:
    return -(-count // multiple) * multiple


class _LayerPrinter:
    """One layer's constants and its function."""

    def __init__(self, index: int, layer: Layer, program: Program, contiguous: bool) -> None:
        self.name = f"layer{index}"
        self.layer = layer
        self.dense = _checked(layer)
        self.k = len(layer.dense)
        self.source = layer.sources[0]
        self.last = index == len(program.layers) - 1
        self.rows = _padded(layer.units, ROWS)
        self.columns = _padded(program.widths[self.source], ROWS)
        self.vectors = _padded(program.widths[self.source], VECTOR) // VECTOR
        self.indexed = _only_looked_up(layer)
        self.sums = Sums(self.name, self.dense, self.rows, self.columns, self.vectors, contiguous)
        self.plain, self.short = self.sums.plain, self.sums.short
        self.held = sorted(held_sources(layer.value))
        self.tables: dict[int, tuple[str, int]] = {}
        self.table_text: list[str] = []
        self._print_tables(layer.value)

    # Constants

    def _print_tables(self, node: Node) -> None:
        if isinstance(node, Lookup):
            self._add_table(node, 0)
            self._print_tables(node.operand)
        elif isinstance(node, Elementwise):
            for position, operand in enumerate(node.operands):
                # The zero point that MUL takes off is taken off in the table.
                if isinstance(operand, Lookup) and isinstance(node.step, Mul):
                    self._add_table(operand, node.step.zero_points[position])
                    self._print_tables(operand.operand)
                else:
                    self._print_tables(operand)

    def _add_table(self, node: Lookup, zero_point: int) -> None:
        if id(node) in self.tables:
            return
        values = node.table.astype(int) - zero_point
        kind = "int8_t"
        if values.min() >= 0:
            kind = "uint8_t"
        elif values.min() < -128 or values.max() > 127:
            kind = "int16_t"
        name = f"{self.name}_table{len(self.tables)}"
        self.tables[id(node)] = (name, zero_point)
        self.table_text.append(array(kind, name, values))

    # Functions

    def text(self) -> str:
        what = {1: "one sum", 2: "two sums"}[self.k]
        output = "int8_t" if self.last else "unit_t"
        head = (
            f"/* {self.layer.units} units, {what} each of {self.dense[0].weights.shape[1]} "
            "numbers. */"
        )
        held = "".join(
            f", const unit_t *h{source}" for source in self.held if source != self.source
        )
        signature = f"SEPARATE void {self.name}(const unit_t *x{held}, {output} *y)"
        return "\n".join(
            [
                head,
                self.sums.text(),
                *self.table_text,
                "",
                signature,
                "{",
                "#if WITH_MVE",
                self._vector_loop(),
                "#elif WITH_SHORT",
                self._short_loop(),
                "#else",
                self._scalar_loop(),
                "#endif",
                "}",
            ]
        )

    def _scalar_loop(self) -> str:
        together = ROWS // self.k
        lines = [
            f"const IN_FLASH row_t *row = {self.name}_rows;",
            "#if WITH_DSP",
            f"const int32_t *w = {self.name}_weights;",
            "#else",
            f"const IN_FLASH weight_t *w = {self.name}_weights;",
            "#endif",
            f"for (int32_t u = 0; u < {self.rows}; u += {together}) {{",
            "    int32_t sums[4];",
            *self._sums(),
            "    ROLLED",
            f"    for (int32_t i = 0; i < {together}; ++i) {{",
        ]
        body = Body()
        result = ScalarUnit(self, body).visit(self.layer.value)
        stored = f"(int8_t){result}" if self.last else f"(unit_t)({result} + UNIT_ZERO)"
        lines += ["        " + line for line in body.lines]
        lines += [f"        y[u + i] = {stored};", f"        row += {self.k};", "    }", "}"]
        return _nested(lines)

    def _short_loop(self) -> str:
        """All sums as numbers, then what follows unit by unit."""
        rows, name = self.rows, self.name
        lines = [f"uint8_t numbers[{self.k * rows}];"]
        if self.short:
            lines.append(f"raised_t sums[{rows}];")
            lines.append(f"const raised_t first = excess(x, {self.columns});")
        for index, dense in enumerate(self.dense):
            zero = dense.output_zero_point + 128
            weights, row, numbers = f"{name}_weights", f"{name}_rows", "numbers"
            if index:
                weights, row = f"{weights} + {rows * self.columns}", f"{row} + {rows}"
                numbers = f"numbers + {rows}"
            if self.short:
                end = f"sums + {rows}"
                lines += [
                    f"sum_rows(x, {self.columns}, {weights}, first, sums, {end});",
                    f"number_rows(sums, {end}, {row}, {2 * zero + 1}, {numbers});",
                ]
            else:
                lines.append(
                    f"number_any(x, {self.columns}, {weights}, {row}, {rows}, {zero}, {numbers});"
                )
        body = Body()
        result = ShortUnit(self, body).visit(self.layer.value)
        body.lines += [
            f"int32_t unit = {result}{'' if self.last else ' + 128'};",
            "IN_REGISTER(unit);",
            f"y[u] = ({'int8_t' if self.last else 'unit_t'})unit;",
        ]
        lines += ["ROLLED", f"for (int32_t u = 0; u < {self.layer.units}; ++u) {{"]
        lines += ["    " + line for line in body.lines]
        return _nested([*lines, "}"])

    def _sums(self) -> list[str]:
        """Statements that take the sums of four rows and go on to the next."""
        quads = self.columns // 4
        long = "_long" if self.columns > LONG_ROW else ""
        return [
            "#if WITH_DSP",
            f"    dot4{long}(x, w, {quads}, sums);",
            f"    w += {self.columns};",
            "#else",
            f"    dot4(x, w, {quads}, sums);",
            f"    w += {4 * self.columns};",
            "#endif",
        ]

    def _vector_loop(self) -> str:
        rows = 2 * ROWS  # constants of one sum of four units
        lines = [
            f"const int32_t *row = {self.name}_rows;",
            f"const int8_t *w = {self.name}_weights;",
            f"for (int32_t u = 0; u < {self.rows}; u += 4) {{",
        ]
        body = Body()
        result = VectorUnit(self, body).visit(self.layer.value)
        lines += ["    " + line for line in body.lines]
        lines += [
            f"    vstrbq_s32(&y[u], {result});",
            f"    row += {rows * self.k};",
            f"    w += {64 * self.vectors * self.k};",
            "}",
        ]
        return _nested(lines)


def _checked(layer: Layer) -> tuple[FullyConnected, ...]:
    dense = tuple(part for part in layer.dense if isinstance(part, FullyConnected))
    if len(dense) not in (1, 2) or len(dense) != len(layer.dense) or len(set(layer.sources)) > 1:
        raise ModelFileError(
            "Firmware is made for layers of one or two dense sums of the same numbers. Received: "
            f"a layer of {len(layer.dense)} sums of {len(set(layer.sources))} tensors."
        )
    for part in dense:
        magnitude = np.abs(part.weights.astype(np.int64)).sum(axis=1) * 128
        if np.any(magnitude >= LARGEST_PACKED_SUM) or np.any(part.weights < -127):
            raise ModelFileError(
                f"Firmware holds sums below {LARGEST_PACKED_SUM}, of weights from -127 to 127. "
                f"Received: a layer of {part.weights.shape[1]} inputs with larger ones."
            )
        if np.any(np.abs(part.bias) >= LARGEST_PACKED_SUM):
            raise ModelFileError("The model has a bias too large for firmware.")
    return dense


def _only_looked_up(layer: Layer) -> list[bool]:
    """For each dense sum, whether it serves as an index into tables alone."""
    other: set[int] = set()
    looked_up: set[int] = set()

    def visit(node: Node, by_table: bool) -> None:
        if isinstance(node, DenseUnit):
            (looked_up if by_table else other).add(node.index)
        elif isinstance(node, Lookup):
            visit(node.operand, True)
        elif isinstance(node, Elementwise):
            for operand in node.operands:
                visit(operand, False)

    visit(layer.value, False)
    return [index in looked_up - other for index in range(len(layer.dense))]


def _nested(lines: Sequence[str]) -> str:
    """Lines of code moved in, directives of the preprocessor left at the margin."""
    return "\n".join(line if line.startswith("#") else indented([line]) for line in lines)


def _network(program: Program, widths: Sequence[int]) -> str:
    """The function that runs the layers, each held tensor in memory while it is needed."""
    buffers, names = assign_buffers(program, widths)
    lines = [f"unit_t {name}[{_padded(size, VECTOR)}] ALIGNED;" for name, size in buffers.items()]
    lines += [
        "for (int32_t i = 0; i < FEATURES; ++i) {",
        f"    {names[0]}[i] = (unit_t)(x[i] + UNIT_ZERO);",
        "}",
    ]
    lines += _zeroed(names[0], program.widths[0], program.widths[0])
    for index, layer in enumerate(program.layers):
        held = sorted(held_sources(layer.value) - {layer.sources[0]})
        arguments = [names[layer.sources[0]], *(names[number] for number in held)]
        last = index == len(program.layers) - 1
        lines.append(f"layer{index}({', '.join(arguments)}, {'y' if last else names[index + 1]});")
        if not last:
            lines += _zeroed(names[index + 1], layer.units, _padded(layer.units, ROWS))
    return "\n".join(
        [
            "/* The network on its own integers: features to sines and cosines. */",
            "EDGE_IK_STAGE void network(const int8_t x[FEATURES], int8_t y[OUTPUT_ROOM])",
            "{",
            _nested(lines),
            "}",
        ]
    )


def _zeroed(name: str, width: int, written: int) -> list[str]:
    """Statements that write what the kernels read beyond a tensor, where weights are 0."""

    def loop(first: int, end: int) -> list[str]:
        if first >= end:
            return []
        return [f"for (int32_t i = {first}; i < {end}; ++i) {{", f"    {name}[i] = 0;", "}"]

    scalar = loop(written, _padded(width, ROWS))
    vector = loop(max(written, _padded(width, ROWS)), _padded(width, VECTOR))
    return scalar + (["#if WITH_MVE", *vector, "#endif"] if vector else [])
