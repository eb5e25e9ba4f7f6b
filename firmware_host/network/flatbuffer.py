"""A bounds-checked reader of the TFLite flatbuffer: tensors, operators, constants.

Written against version 3 of the TFLite schema (`schema.fbs`) and the FlatBuffers
binary format. Every offset is checked, and the total work is bounded by the size of
the file, so damaged bytes end in a `ModelFileError` and nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from firmware_host.errors import ModelFileError
from firmware_host.names import brief
from firmware_host.network.bytes_reader import Reader, Table, malformed

IDENTIFIER = b"TFL3"
SCHEMA_VERSION = 3

# The most dimensions an operator of TFLite takes.
MAX_RANK = 8

TENSOR_TYPES: Mapping[int, str] = {
    0: "float32",
    1: "float16",
    2: "int32",
    3: "uint8",
    4: "int64",
    6: "bool",
    7: "int16",
    9: "int8",
    10: "float64",
    12: "uint64",
    15: "uint32",
    16: "uint16",
}

# The operators that a small dense network may contain; others are named by number.
OPERATORS: Mapping[int, str] = {
    0: "ADD",
    2: "CONCATENATION",
    3: "CONV_2D",
    6: "DEQUANTIZE",
    9: "FULLY_CONNECTED",
    14: "LOGISTIC",
    18: "MUL",
    19: "RELU",
    20: "RELU_N1_TO_1",
    21: "RELU6",
    22: "RESHAPE",
    25: "SOFTMAX",
    28: "TANH",
    32: "CUSTOM",
    36: "GATHER",
    39: "TRANSPOSE",
    40: "MEAN",
    41: "SUB",
    42: "DIV",
    43: "SQUEEZE",
    45: "STRIDED_SLICE",
    47: "EXP",
    49: "SPLIT",
    53: "CAST",
    54: "PRELU",
    55: "MAXIMUM",
    57: "MINIMUM",
    59: "NEG",
    65: "SLICE",
    66: "SIN",
    74: "SUM",
    75: "SQRT",
    76: "RSQRT",
    77: "SHAPE",
    78: "POW",
    83: "PACK",
    88: "UNPACK",
    92: "SQUARE",
    98: "LEAKY_RELU",
    101: "ABS",
    102: "SPLIT_V",
    108: "COS",
    111: "ELU",
    114: "QUANTIZE",
    117: "HARD_SWISH",
    124: "DENSIFY",
    126: "BATCH_MATMUL",
    150: "GELU",
    156: "ATAN2",
}

# Operator -> union tag of its builtin options, and the scalar fields read from them:
# name, slot, format, and the value of one that is absent.
OPTIONS: Mapping[str, tuple[int, tuple[tuple[str, int, str, int], ...]]] = {
    "FULLY_CONNECTED": (
        8,
        (
            ("fused_activation_function", 0, "b", 0),
            ("weights_format", 1, "b", 0),
            ("keep_num_dims", 2, "B", 0),
            ("asymmetric_quantize_inputs", 3, "B", 0),
            ("quantized_bias_type", 4, "b", 0),
        ),
    ),
    "ADD": (11, (("fused_activation_function", 0, "b", 0), ("pot_scale_int16", 1, "B", 1))),
    "MUL": (21, (("fused_activation_function", 0, "b", 0),)),
}
# The largest version of an operator that is read; those of today end at 14.
MOST_VERSION = 100
# Tensors, operators or buffers of a graph: a network of 64 blocks has some 1,500.
MAX_PARTS = 10_000


@dataclass(frozen=True, eq=False)
class Quantization:
    """Affine quantization: real = scale * (q - zero_point).

    Attributes:
        scale: (k,) float32; k = 1, or one for each slice along `dimension`.
        zero_point: (k,) int64.
        dimension: The axis that the k scales run along.
    """

    scale: npt.NDArray[np.float32]
    zero_point: npt.NDArray[np.int64]
    dimension: int


@dataclass(frozen=True, eq=False)
class Tensor:
    """One tensor of the graph.

    Attributes:
        name: Name given by the converter, as a sentence may repeat it.
        shape: Its dimensions as stored; the batch is 1.
        dtype: Type of its elements.
        quantization: Scale and zero point, or None.
        data: The values, of the stored shape and read-only, if it is a constant.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    quantization: Quantization | None
    data: npt.NDArray[Any] | None


@dataclass(frozen=True)
class Operator:
    """One operator of the graph.

    Attributes:
        name: Name in the TFLite schema, as FULLY_CONNECTED.
        inputs: Indices of its input tensors; -1 for an optional one left out.
        outputs: Indices of its output tensors.
        options: Scalar fields of its builtin options, by their schema names; an absent field
            has its default.
        version: Which version of the operator the converter asks for.
    """

    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Mapping[str, int] = field(default_factory=dict)
    version: int = 1


@dataclass(frozen=True, eq=False)
class Graph:
    """The one subgraph of a model.

    Attributes:
        tensors: Every tensor; operators refer to them by index.
        operators: The operators in order of execution.
        inputs: Indices of the input tensors.
        outputs: Indices of the output tensors.
    """

    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def read_graph(flatbuffer: bytes) -> Graph:
    """Read a TFLite model. Bytes after the flatbuffer, such as a ZIP, are not looked at.

    Args:
        flatbuffer: The content of a `.tflite` file.

    Returns:
        Its graph. Constants are views into `flatbuffer`.

    Raises:
        ModelFileError: If the bytes are not a TFLite model of schema version 3, an
            offset leads outside of them, or the model uses something this reader
            does not know (several subgraphs, sparse or
            variable tensors, 4-bit types).
    """
    if len(flatbuffer) < 8 or flatbuffer[4:8] != IDENTIFIER:
        raise ModelFileError(
            f"Not a TFLite model. Expected the identifier {IDENTIFIER.decode()} at byte 4. "
            f"Received: {bytes(flatbuffer[4:8])!r}"
        )
    reader = Reader(flatbuffer)
    model = reader.root()
    version = model.scalar(0, "I")
    if version != SCHEMA_VERSION:
        raise ModelFileError(
            f"The TFLite schema version is not supported. Expected {SCHEMA_VERSION}. "
            f"Received: {version}"
        )
    subgraphs = model.tables(2, MAX_PARTS)
    if len(subgraphs) != 1:
        raise ModelFileError(f"Expected a model of one subgraph. Received: {len(subgraphs)}")
    codes = [_operator_code(code) for code in model.tables(1, MAX_PARTS)]
    buffers = [reader.buffer(buffer) for buffer in model.tables(4, MAX_PARTS)]
    (subgraph,) = subgraphs
    tensors = tuple(_tensor(tensor, buffers) for tensor in subgraph.tables(0, MAX_PARTS))
    count = len(tensors)
    return Graph(
        tensors=tensors,
        operators=tuple(_operator(table, codes, count) for table in subgraph.tables(3, MAX_PARTS)),
        inputs=_indices(subgraph.vector(1, "<i4"), 0, count, "a graph input"),
        outputs=_indices(subgraph.vector(2, "<i4"), 0, count, "a graph output"),
    )


def _operator_code(code: Table) -> tuple[str, int]:
    """Name and version of an operator code; the old 8-bit field holds those below 127."""
    builtin = max(code.scalar(0, "b"), code.scalar(3, "i"))
    version = code.scalar(2, "i", 1)
    if not 1 <= version <= MOST_VERSION:
        raise malformed(f"an operator has the version {version}")
    return OPERATORS.get(builtin, f"operator number {builtin}"), version


def _indices(values: npt.NDArray[Any], lowest: int, count: int, what: str) -> tuple[int, ...]:
    indices = tuple(values.tolist())
    for index in indices:
        if not lowest <= index < count:
            raise malformed(f"{what} is tensor {index} of {count}")
    return indices


def _operator(table: Table, codes: list[tuple[str, int]], tensor_count: int) -> Operator:
    code = table.scalar(0, "I")
    if code >= len(codes):
        raise malformed(f"an operator has code {code} of {len(codes)}")
    name, version = codes[code]
    options = {}
    if name in OPTIONS:
        expected, fields = OPTIONS[name]
        tag, given = table.scalar(3, "B"), table.table(4)
        if tag != (0 if given is None else expected):
            raise malformed(f"{name} has options of type {tag}")
        if given is not None:
            options = {key: given.scalar(slot, fmt, absent) for key, slot, fmt, absent in fields}
    return Operator(
        name=name,
        inputs=_indices(table.vector(1, "<i4"), -1, tensor_count, f"an input of {name}"),
        outputs=_indices(table.vector(2, "<i4"), 0, tensor_count, f"an output of {name}"),
        options=options,
        version=version,
    )


def _tensor(table: Table, buffers: list[npt.NDArray[np.uint8] | None]) -> Tensor:
    name = brief(table.vector(3, "u1").tobytes().decode("utf-8", "replace"))
    code = table.scalar(1, "b")
    if code not in TENSOR_TYPES:
        raise ModelFileError(f"Tensor '{name}' has a type that is not supported, number {code}.")
    if table.at(6) is not None:
        raise ModelFileError(f"Tensor '{name}' is sparse, which is not supported.")
    if table.scalar(5, "B"):
        raise ModelFileError(f"Tensor '{name}' is a variable, which is not supported.")
    dtype = np.dtype(TENSOR_TYPES[code]).newbyteorder("<")
    shape = tuple(table.vector(0, "<i4").tolist())
    if len(shape) > MAX_RANK or any(size < 0 for size in shape):
        raise malformed(f"tensor '{name}' has the shape {shape[: MAX_RANK + 1]}")
    index = table.scalar(2, "I")
    if index >= len(buffers):
        raise malformed(f"tensor '{name}' has buffer {index} of {len(buffers)}")
    raw = buffers[index]
    data = None
    if raw is not None:
        if math.prod(shape) * dtype.itemsize != raw.size:
            raise malformed(
                f"tensor '{name}' of shape {shape} and type {dtype.name} has {raw.size} bytes"
            )
        data = raw.view(dtype).reshape(shape)
    return Tensor(name, shape, dtype, _quantization(table.table(4), name, shape), data)


def _quantization(table: Table | None, name: str, shape: tuple[int, ...]) -> Quantization | None:
    if table is None:
        return None
    if table.scalar(4, "B"):
        raise ModelFileError(f"Tensor '{name}' has a quantization that is not affine.")
    scale = table.vector(2, "<f4")
    zero_point = table.vector(3, "<i8")
    dimension = table.scalar(6, "i")
    if not scale.size:
        return None
    along = shape[dimension] if 0 <= dimension < len(shape) else -1
    if scale.size != zero_point.size or (scale.size > 1 and scale.size != along):
        raise malformed(
            f"tensor '{name}' of shape {shape} has {scale.size} scales and "
            f"{zero_point.size} zero points along axis {dimension}"
        )
    return Quantization(scale, zero_point, dimension)
