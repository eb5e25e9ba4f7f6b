"""From a model of integers to the same network in every format, for what no file is at hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from firmware_host.network.arithmetic import AnyArray
from firmware_host.network.flatbuffer import Graph, Operator, Quantization, Tensor
from firmware_host.network.writing import write_graph

# An int16 value has this many levels for each of an int8 value.
FINER = 256
# What LOGISTIC gives in int16, and nothing else.
SHARE_SCALE = 1 / 32768


def every_kind(graph: Graph) -> dict[str, bytes]:
    """The flatbuffers of an int8 graph and of its likes.

    Args:
        graph: A network of int8.

    Returns:
        By name: int8, int16x8, float32, and dynamic (int8 weights under floats).
    """
    return {
        "int8": write_graph(graph),
        "int16x8": write_graph(_changed(graph, _of_int16)),
        "float32": write_graph(_changed(graph, _of_floats)),
        "dynamic": write_graph(_changed(graph, _of_both)),
    }


def _changed(graph: Graph, change: Callable[[Tensor, str], Tensor]) -> Graph:
    """The graph with every tensor changed by what it is for."""
    roles: dict[int, str] = {}
    shares = [one.outputs[0] for one in graph.operators if one.name == "LOGISTIC"]
    for operator in graph.operators:
        dense = operator.name == "FULLY_CONNECTED"
        for place, index in enumerate(operator.inputs):
            constant = index >= 0 and graph.tensors[index].data is not None
            roles[index] = ("weights" if place == 1 else "bias") if dense and constant else "value"
    roles |= dict.fromkeys(shares, "share")
    tensors = tuple(
        change(tensor, roles.get(index, "value")) for index, tensor in enumerate(graph.tensors)
    )
    operators = tuple(_versioned(operator) for operator in graph.operators)
    return replace(graph, tensors=tensors, operators=operators)


def _versioned(operator: Operator) -> Operator:
    """An operator of the version that has every type."""
    versions = {"FULLY_CONNECTED": 9, "LOGISTIC": 3, "MUL": 4, "ADD": 3}
    return replace(operator, version=versions[operator.name])


def _numbers(tensor: Tensor) -> AnyArray | None:
    """What the integers of a constant stand for."""
    affine = tensor.quantization
    if tensor.data is None or affine is None:
        return tensor.data
    scale, zero = affine.scale, affine.zero_point
    if tensor.data.ndim > 1:
        scale, zero = scale.reshape(-1, 1), zero.reshape(-1, 1)
    return ((tensor.data.astype(np.float64) - zero) * scale).astype("<f4")


def _of_floats(tensor: Tensor, role: str) -> Tensor:
    del role
    return replace(tensor, dtype=np.dtype("<f4"), quantization=None, data=_numbers(tensor))


def _of_both(tensor: Tensor, role: str) -> Tensor:
    return tensor if role == "weights" else _of_floats(tensor, role)


def _of_int16(tensor: Tensor, role: str) -> Tensor:
    affine = tensor.quantization
    if role == "weights" or affine is None:
        return tensor
    finer = Quantization(
        (affine.scale / FINER).astype("<f4"), np.zeros_like(affine.zero_point), affine.dimension
    )
    if role == "share":
        finer = replace(finer, scale=np.full(1, SHARE_SCALE, "<f4"))
    kind = np.dtype("<i8" if role == "bias" else "<i2")
    data = None if tensor.data is None else (tensor.data.astype("<i8") * FINER).astype(kind)
    return replace(tensor, dtype=kind, quantization=finer, data=data)
