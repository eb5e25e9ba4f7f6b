"""Networks of int16 with int8 weights, and of float32, in C: plain loops for every core.

An int8 network has kernels of its own; these two are for those who need their accuracy
more than speed. int16 is bit for bit as TensorFlow Lite Micro computes it; float32 differs
from it by rounding, since sums are taken in another order.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from edge_ik_tools.c99.buffers import assign_buffers, held_sources
from edge_ik_tools.c99.literals import array, indented, integers, table
from edge_ik_tools.c99.lowering import (
    DenseUnit,
    Elementwise,
    FloatDense,
    Layer,
    Lookup,
    Node,
    Program,
    SourceUnit,
)
from edge_ik_tools.templates import filled, template_text
from firmware_host.errors import ModelFileError
from firmware_host.network.arithmetic import SIGMOID_TABLE
from firmware_host.network.steps import Add, FullyConnected, Logistic16, Mul


def loop_network(program: Program) -> str:
    """The layers of an int16 or float32 network and the function `network`.

    Args:
        program: The layers.

    Raises:
        ModelFileError: If the network is made of what no firmware is made for.
    """
    printer: _Printer = _Float() if program.dtype == np.float32 else _Int16()
    layers = [printer.layer(index, layer) for index, layer in enumerate(program.layers)]
    return "\n\n".join([printer.kernels().rstrip(), *layers, _network(program)])


class _Printer(ABC):
    """One loop over the units of a layer; what differs by type is left open.

    Attributes:
        sum_kind: C type of a sum.
        value_kind: C type of a number while it is computed.
    """

    sum_kind: str
    value_kind: str

    @abstractmethod
    def kernels(self) -> str:
        """The functions that the layers use."""

    @abstractmethod
    def constants(self, name: str, dense: Any) -> str:
        """The rows of a dense sum, and its weights if they are not int8."""

    @abstractmethod
    def sum(self, name: str, dense: Any) -> tuple[str, str]:
        """What a unit's sum begins with, and the finished `sum` as a number."""

    @abstractmethod
    def elementwise(self, node: Elementwise, operands: list[str]) -> str:
        """The result of an operator."""

    def layer(self, index: int, layer: Layer) -> str:
        """The constants and the function of a layer."""
        held = sorted(held_sources(layer.value) | set(layer.sources))
        arguments = ", ".join(f"const network_t *h{number}" for number in held)
        constants, lines = [], [f"for (int32_t u = 0; u < {layer.units}; ++u) {{"]
        for k, (dense, source) in enumerate(zip(layer.dense, layer.sources, strict=True)):
            name, columns = f"layer{index}_{k}", dense.weights.shape[1]
            constants.append(self.constants(name, dense))
            first, value = self.sum(name, dense)
            lines += [
                f"    {self.sum_kind} sum{k} = {first};",
                f"    for (int32_t k = 0; k < {columns}; ++k) {{",
                f"        const {self.sum_kind} x = h{source}[k];",
                f"        sum{k} += x * {name}_weights[{columns} * u + k];",
                "    }",
                f"    const {self.value_kind} d{k} = {value.replace('sum', f'sum{k}')};",
            ]
        known: dict[int, str] = {}

        def visit(node: Node) -> str:
            if isinstance(node, DenseUnit):
                return f"d{node.index}"
            if isinstance(node, SourceUnit):
                return f"h{node.index}[u]"
            if isinstance(node, Lookup):
                raise ModelFileError("Firmware has tables for int8 networks alone.")
            if id(node) not in known:
                value = self.elementwise(node, [visit(operand) for operand in node.operands])
                known[id(node)] = f"t{len(known)}"
                lines.append(f"    const {self.value_kind} {known[id(node)]} = {value};")
            return known[id(node)]

        result = visit(layer.value)
        lines += [f"    y[u] = (network_t){result};", "}"]
        return "\n".join(
            [
                f"/* {layer.units} units. */",
                *constants,
                "",
                f"static void layer{index}({arguments}, network_t *y)",
                "{",
                indented(lines),
                "}",
            ]
        )


class _Int16(_Printer):
    sum_kind = "int64_t"
    value_kind = "int32_t"

    def kernels(self) -> str:
        return filled("c99", "int16.c.in", {"points": integers(SIGMOID_TABLE)})

    def constants(self, name: str, dense: FullyConnected) -> str:
        multiplier, shift = dense.multiplier, -dense.shift
        if dense.wide:
            multiplier = np.where(multiplier < 0x7FFF0000, (multiplier + (1 << 15)) >> 16, 0x7FFF)
            shift = shift + 15
        rows = list(zip(dense.bias.tolist(), multiplier.tolist(), shift.tolist(), strict=True))
        return "\n".join(
            [
                f"static const IN_FLASH row_t {name}_rows[{len(rows)}] = {{",
                table(rows),
                "};",
                array("int8_t", f"{name}_weights", dense.weights),
            ]
        )

    def sum(self, name: str, dense: FullyConnected) -> tuple[str, str]:
        row = f"{name}_rows[u]"
        function = "requantized_wide" if dense.wide else "requantized"
        value = f"{function}(sum, {row}.multiplier, {row}.shift) + {dense.output_zero_point}"
        return f"{row}.bias", f"clamped({value}, {dense.lower}, {dense.upper})"

    def elementwise(self, node: Elementwise, operands: list[str]) -> str:
        step = node.step
        if isinstance(step, Logistic16):
            return f"logistic({operands[0]}, {step.multiplier}, {step.shift})"
        if isinstance(step, Add):
            terms = (
                f"requantized((int64_t){operand} * {1 << step.left_shift}, {multiplier}, {-shift})"
                for operand, multiplier, shift in zip(
                    operands, step.multipliers, step.shifts, strict=False
                )
            )
            value = f"requantized({' + '.join(terms)}, {step.multipliers[2]}, {-step.shifts[2]})"
            return f"clamped({value}, {step.lower}, {step.upper})"
        if not isinstance(step, Mul):
            raise ModelFileError(f"Firmware has no {node.name} for int16 networks.")
        product = " * ".join(f"(int64_t){operand}" for operand in operands)
        value = f"requantized({product}, {step.multiplier}, {-step.shift})"
        return f"clamped({value}, {step.lower}, {step.upper})"


class _Float(_Printer):
    sum_kind = "float"
    value_kind = "float"

    def kernels(self) -> str:
        return template_text("c99", "float32.c.in")

    def constants(self, name: str, dense: FloatDense) -> str:
        return "\n".join(
            [
                array("float", f"{name}_bias", dense.bias),
                array("float", f"{name}_weights", dense.weights),
            ]
        )

    def sum(self, name: str, dense: FloatDense) -> tuple[str, str]:
        return f"{name}_bias[u]", "positive(sum)" if dense.relu else "sum"

    def elementwise(self, node: Elementwise, operands: list[str]) -> str:
        if node.name == "LOGISTIC":
            return f"logistic({operands[0]})"
        value = f"{operands[0]} {'*' if node.name == 'MUL' else '+'} {operands[1]}"
        return f"positive({value})" if node.relu else value


def _network(program: Program) -> str:
    """The function that runs the layers, each held tensor in memory while it is needed."""
    sizes, names = assign_buffers(program, program.widths)
    names[0] = "x"
    used = {name for number, name in names.items() if number}
    lines = [f"network_t {name}[{size}];" for name, size in sizes.items() if name in used]
    for index, layer in enumerate(program.layers):
        held = sorted(held_sources(layer.value) | set(layer.sources))
        last = index == len(program.layers) - 1
        arguments = [*(names[number] for number in held), "y" if last else names[index + 1]]
        lines.append(f"layer{index}({', '.join(arguments)});")
    return "\n".join(
        [
            "/* The network on its own numbers: features to sines and cosines. */",
            "EDGE_IK_STAGE void network(const network_t x[FEATURES], network_t y[OUTPUT_ROOM])",
            "{",
            indented(lines),
            "}",
        ]
    )
