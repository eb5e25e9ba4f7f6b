"""Writing a TFLite flatbuffer: of a graph that was read and checked, and nothing else.

A native runtime trusts what it is given: an offset that leads elsewhere, data that are not
aligned, or a field that no reader here knows can end its process. So no file is handed to one.
It gets a flatbuffer written here, from what `read_graph` understood of the file and
`read_steps` found to be computable. Written against version 3 of the TFLite schema
(`schema.fbs`) and the FlatBuffers binary format.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from firmware_host.network.flatbuffer import (
    IDENTIFIER,
    OPERATORS,
    OPTIONS,
    SCHEMA_VERSION,
    TENSOR_TYPES,
    Graph,
    Operator,
    Quantization,
    Tensor,
)

AnyArray = npt.NDArray[Any]
"""An array of numbers of any type."""

# What the schema demands of constants (`force_align`) [bytes].
CONSTANT_ALIGNMENT = 16
# The largest operator code that the old field of one byte holds; above it stands this one.
OLD_CODES = 127

_TYPE_CODES = {name: code for code, name in TENSOR_TYPES.items()}
_OPERATOR_CODES = {name: code for code, name in OPERATORS.items()}


@dataclass(frozen=True)
class Scalar:
    """A number in a table, and how it is stored, as `struct` says it."""

    format: str
    value: int


# A table is its fields by slot: a number, a vector of numbers, a table, or a list of tables.
Fields = Mapping[int, Any]
"""The fields of a table of a flatbuffer by their slots."""


def write_graph(graph: Graph) -> bytes:
    """The flatbuffer of a graph.

    It has what the operators take and give, and nothing else: no names, metadata, signatures,
    ranges that were measured, or tensors that nobody reads.

    Args:
        graph: A graph that `read_steps` takes.
    """
    graph = _used(graph)
    codes = sorted({(operator.name, operator.version) for operator in graph.operators})
    constants: dict[tuple[int, int], int] = {}
    data: list[AnyArray] = []
    buffers = [_buffer_index(tensor, constants, data) for tensor in graph.tensors]
    subgraph: Fields = {
        0: [_tensor(*pair) for pair in zip(graph.tensors, buffers, strict=True)],
        1: _ints(graph.inputs),
        2: _ints(graph.outputs),
        3: [_operator(operator, codes) for operator in graph.operators],
    }
    model: Fields = {
        0: Scalar("I", SCHEMA_VERSION),
        1: [_code(name, version) for name, version in codes],
        2: [subgraph],
        # The first buffer is that of tensors that are no constants.
        4: [{}, *({0: values} for values in data)],
    }
    return _Writer().file(model)


def _used(graph: Graph) -> Graph:
    """The graph with those of its tensors alone that its operators take or give."""
    named = [*graph.inputs, *graph.outputs]
    for operator in graph.operators:
        named += [*operator.inputs, *operator.outputs]
    kept = sorted({index for index in named if index >= 0})
    place = {old: new for new, old in enumerate(kept)} | {-1: -1}

    def moved(indices: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(place[index] for index in indices)

    return Graph(
        tensors=tuple(graph.tensors[index] for index in kept),
        operators=tuple(
            replace(operator, inputs=moved(operator.inputs), outputs=moved(operator.outputs))
            for operator in graph.operators
        ),
        inputs=moved(graph.inputs),
        outputs=moved(graph.outputs),
    )


def _buffer_index(
    tensor: Tensor, constants: dict[tuple[int, int], int], data: list[AnyArray]
) -> int:
    """The buffer of a tensor; constants that are the same bytes of the file stay so."""
    if tensor.data is None:
        return 0
    where = (int(tensor.data.__array_interface__["data"][0]), tensor.data.nbytes)
    if where not in constants:
        data.append(np.ascontiguousarray(tensor.data).reshape(-1).view(np.uint8))
        constants[where] = len(data)
    return constants[where]


def _code(name: str, version: int) -> Fields:
    code = _OPERATOR_CODES[name]
    return {
        0: Scalar("b", min(code, OLD_CODES)),
        2: Scalar("i", version),
        3: Scalar("i", code),
    }


def _tensor(tensor: Tensor, buffer: int) -> Fields:
    fields = {
        0: _ints(tensor.shape),
        1: Scalar("b", _TYPE_CODES[tensor.dtype.name]),
        2: Scalar("I", buffer),
    }
    if tensor.quantization is None or tensor.dtype == np.float32:
        return fields
    return fields | {4: _affine(tensor.quantization)}


def _affine(quantization: Quantization) -> Fields:
    several = len(quantization.scale) > 1
    return {
        2: np.asarray(quantization.scale, "<f4"),
        3: np.asarray(quantization.zero_point, "<i8"),
        6: Scalar("i", quantization.dimension if several else 0),
    }


def _operator(operator: Operator, codes: list[tuple[str, int]]) -> Fields:
    fields: dict[int, Any] = {
        0: Scalar("I", codes.index((operator.name, operator.version))),
        1: _ints(operator.inputs),
        2: _ints(operator.outputs),
    }
    if operator.name in OPTIONS and operator.options:
        tag, known = OPTIONS[operator.name]
        fields[3] = Scalar("B", tag)
        fields[4] = {slot: Scalar(form, operator.options[key]) for key, slot, form, _ in known}
    return fields


def _ints(values: Sequence[int]) -> AnyArray:
    return np.array(values, "<i4")


class _Writer:
    """Writes front to back: a table, then whatever its fields lead to."""

    def __init__(self) -> None:
        self._out = bytearray(struct.pack("<I4s", 0, IDENTIFIER))
        # Where fields are in a table, said once for all tables of a kind.
        self._heads: dict[bytes, int] = {}

    def file(self, root: Fields) -> bytes:
        """The bytes of a file whose root is this table."""
        struct.pack_into("<I", self._out, 0, self._table(root))
        return bytes(self._out)

    def _align(self, alignment: int, ahead: int = 0) -> None:
        """Fill up until what comes `ahead` bytes later is aligned."""
        self._out.extend(bytes(-(len(self._out) + ahead) % alignment))

    def _table(self, fields: Fields) -> int:
        """Append a table and all that it leads to; where it starts."""
        count = max(fields, default=-1) + 1
        offsets, size = {}, 4
        # The largest first, so that each is aligned.
        for slot in sorted(fields, key=lambda slot: -_width(fields[slot])):
            offsets[slot] = size
            size += _width(fields[slot])
        head = struct.pack(
            f"<{2 + count}H", 4 + 2 * count, size, *(offsets.get(slot, 0) for slot in range(count))
        )
        if head not in self._heads:
            self._align(2)
            self._heads[head] = len(self._out)
            self._out.extend(head)
        self._align(4)
        start = len(self._out)
        self._out.extend(struct.pack("<i", start - self._heads[head]) + bytes(size - 4))
        for slot, value in fields.items():
            place = start + offsets[slot]
            if isinstance(value, Scalar):
                struct.pack_into("<" + value.format, self._out, place, value.value)
            else:
                self._refer(place, self._part(value))
        return start

    def _part(self, value: Any) -> int:
        """Append what a field leads to; where it starts."""
        if isinstance(value, Mapping):
            return self._table(value)
        if isinstance(value, list):
            return self._tables(value)
        constant = value.dtype == np.uint8
        self._align(CONSTANT_ALIGNMENT if constant else max(4, value.dtype.itemsize), 4)
        start = len(self._out)
        self._out.extend(struct.pack("<I", len(value)))
        self._out.extend(value.data)
        return start

    def _tables(self, tables: list[Fields]) -> int:
        self._align(4)
        start = len(self._out)
        self._out.extend(struct.pack("<I", len(tables)) + bytes(4 * len(tables)))
        for index, fields in enumerate(tables):
            self._refer(start + 4 + 4 * index, self._table(fields))
        return start

    def _refer(self, place: int, target: int) -> None:
        struct.pack_into("<I", self._out, place, target - place)


def _width(value: Any) -> int:
    """Bytes that a field takes in its table."""
    return struct.calcsize("<" + value.format) if isinstance(value, Scalar) else 4
