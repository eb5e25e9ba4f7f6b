"""A network as the layers that its firmware computes, one loop each.

A layer computes one tensor that has to be held: an input of a FULLY_CONNECTED, or the
network's output. Everything elementwise between two such tensors is done unit by unit as
the sums come out, so that no other tensor needs memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from firmware_host.errors import ModelFileError
from firmware_host.network.flatbuffer import Tensor
from firmware_host.network.reading import ACTIVATIONS
from firmware_host.network.reference import ReferenceInterpreter
from firmware_host.network.steps import Add, FullyConnected, Logistic8, Mul, Step


@dataclass(frozen=True)
class DenseUnit:
    """A unit of the layer's dense sum number `index`, requantized."""

    index: int


@dataclass(frozen=True)
class SourceUnit:
    """The same unit of the held tensor number `index`; 0 is the network's input."""

    index: int


@dataclass(frozen=True, eq=False)
class Lookup:
    """A function of one int8 number as a table.

    Attributes:
        operand: What is looked up.
        table: (256,) int8 results for -128 to 127.
    """

    operand: Node
    table: npt.NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class Elementwise:
    """One of the operators LOGISTIC, MUL and ADD.

    Attributes:
        name: Name of the operator.
        step: Its integer constants; of no use in a float32 network.
        relu: Whether negative results become 0; in float32 networks alone.
        operands: What it is applied to.
    """

    name: str
    step: Step
    relu: bool
    operands: tuple[Node, ...]


Node = DenseUnit | SourceUnit | Lookup | Elementwise
"""A layer of the network, as C is printed of it."""


@dataclass(frozen=True, eq=False)
class FloatDense:
    """y = W x + bias in float32, optionally followed by max(y, 0).

    Attributes:
        weights: (n_out, n_in) float32.
        bias: (n_out,) float32.
        relu: Whether negative results become 0.
    """

    weights: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]
    relu: bool


@dataclass(frozen=True, eq=False)
class Layer:
    """One held tensor, computed unit by unit.

    Attributes:
        units: Width of the tensor.
        dense: The dense sums that it needs.
        sources: For each dense sum the number of the held tensor that it reads.
        value: The unit's value.
    """

    units: int
    dense: tuple[FullyConnected | FloatDense, ...]
    sources: tuple[int, ...]
    value: Node


@dataclass(frozen=True, eq=False)
class Program:
    """A network as layers.

    Attributes:
        dtype: Type of its numbers: int8, int16 or float32.
        widths: Width of each held tensor; the network's input is number 0, and layer i
            computes number i + 1, the last of which is the output.
        layers: The layers in order.
        input_scale: The input's scale and zero point; (1.0, 0) in float32.
        output_scale: The output's scale and zero point; (1.0, 0) in float32.
    """

    dtype: np.dtype[Any]
    widths: tuple[int, ...]
    layers: tuple[Layer, ...]
    input_scale: tuple[float, int]
    output_scale: tuple[float, int]

    @property
    def macs(self) -> int:
        """Multiplications of a weight with a number."""
        return sum(dense.weights.size for layer in self.layers for dense in layer.dense)

    @property
    def weight_bytes(self) -> int:
        """What the weights take [bytes]."""
        return sum(dense.weights.nbytes for layer in self.layers for dense in layer.dense)


def lower(flatbuffer: bytes) -> Program:
    """The layers of a TFLite model.

    Args:
        flatbuffer: The model, without an archive behind it.

    Raises:
        ModelFileError: If the model is damaged, or made of what no firmware is made for.
    """
    return _Lowering(ReferenceInterpreter(flatbuffer)).program()


class _Lowering:
    """Walks a graph backwards from each tensor that has to be held."""

    def __init__(self, interpreter: ReferenceInterpreter) -> None:
        self.graph = interpreter.graph
        self.made = {
            operator.outputs[0]: (operator, step)
            for operator, step in zip(self.graph.operators, interpreter.steps, strict=True)
        }
        (self.input,), (self.output,) = self.graph.inputs, self.graph.outputs
        read = {step.inputs[0] for _, step in self.made.values() if _is_dense(self.made, step)}
        self.held = [self.input]
        self.held += [t for t in self.made if (t in read or t == self.output) and t != self.input]

    def program(self) -> Program:
        source, result = self.graph.tensors[self.input], self.graph.tensors[self.output]
        return Program(
            dtype=source.dtype,
            widths=tuple(self.graph.tensors[index].shape[-1] for index in self.held),
            layers=tuple(self.layer(index) for index in self.held[1:]),
            input_scale=_scale(source),
            output_scale=_scale(result),
        )

    def layer(self, tensor: int) -> Layer:
        dense: list[FullyConnected | FloatDense] = []
        sources: list[int] = []
        seen: dict[int, Node] = {}

        def visit(index: int) -> Node:
            if index not in seen:
                seen[index] = made(index)
            return seen[index]

        def made(index: int) -> Node:
            if index in self.held and index != tensor:
                return SourceUnit(self.held.index(index))
            if index not in self.made:
                raise ModelFileError("Firmware cannot hold a constant in MUL or ADD.")
            operator, step = self.made[index]
            if operator.name == "FULLY_CONNECTED":
                dense.append(self.dense(index))
                sources.append(self.held.index(step.inputs[0]))
                return DenseUnit(len(dense) - 1)
            relu = ACTIVATIONS[operator.options.get("fused_activation_function", 0)] == "RELU"
            node = Elementwise(operator.name, step, relu, tuple(visit(i) for i in step.inputs))
            return _as_lookup(node) or node

        value = visit(tensor)
        return Layer(self.graph.tensors[tensor].shape[-1], tuple(dense), tuple(sources), value)

    def dense(self, index: int) -> FullyConnected | FloatDense:
        operator, step = self.made[index]
        if isinstance(step, FullyConnected):
            return step
        weights = np.asarray(self.graph.tensors[operator.inputs[1]].data)
        has_bias = len(operator.inputs) > 2 and operator.inputs[2] >= 0
        bias = (
            np.asarray(self.graph.tensors[operator.inputs[2]].data).ravel()
            if has_bias
            else np.zeros(len(weights), np.float32)
        )
        relu = ACTIVATIONS[operator.options.get("fused_activation_function", 0)] == "RELU"
        return FloatDense(weights, bias, relu)


def _is_dense(made: dict[int, Any], step: Step) -> bool:
    operator, _ = made[step.output]
    return bool(operator.name == "FULLY_CONNECTED")


def _scale(tensor: Tensor) -> tuple[float, int]:
    if tensor.quantization is None or tensor.dtype == np.float32:
        return 1.0, 0
    return float(tensor.quantization.scale[0]), int(tensor.quantization.zero_point[0])


def _as_lookup(node: Elementwise) -> Lookup | None:
    """An int8 expression of one number as its table, or None."""
    variables = set(_variables(node))
    values = np.arange(-128, 128).astype(np.int8)
    if len(variables) != 1 or not isinstance(node.step, Logistic8 | Mul | Add):
        return None
    if not isinstance(node.step, Logistic8) and node.step.dtype != np.int8:
        return None
    return Lookup(variables.pop(), _evaluated(node, values))


def _variables(node: Node) -> Sequence[DenseUnit | SourceUnit]:
    if isinstance(node, DenseUnit | SourceUnit):
        return [node]
    operands = (node.operand,) if isinstance(node, Lookup) else node.operands
    return [variable for operand in operands for variable in _variables(operand)]


def _evaluated(node: Node, values: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """The node's values when its one variable takes the values given."""
    if isinstance(node, DenseUnit | SourceUnit):
        return values
    if isinstance(node, Lookup):
        return node.table[_evaluated(node.operand, values).astype(np.intp) + 128]
    step: Any = node.step
    result: npt.NDArray[np.int8] = step(*(_evaluated(operand, values) for operand in node.operands))
    return result
