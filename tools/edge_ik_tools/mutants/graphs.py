"""Networks with something wrong in what they say, however well it is written."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from firmware_host.network.arithmetic import AnyArray
from firmware_host.network.flatbuffer import OPERATORS, TENSOR_TYPES, Graph, Quantization, Tensor

SCALES = (0.0, -1.0, 1e-45, 1e-38, 1e-20, 1e-6, 1.0, 1e3, 1e20, 3.4e38, np.inf, np.nan, 1 / 256)


def _other_tensor(rng: random.Random, graph: Graph) -> Graph:
    """One tensor of another shape, type, quantization or content."""
    index = rng.randrange(len(graph.tensors))
    tensors = list(graph.tensors)
    tensors[index] = _changed_tensor(rng, tensors[index], rng.choice(tensors))
    return replace(graph, tensors=tuple(tensors))


def _changed_tensor(rng: random.Random, tensor: Tensor, other: Tensor) -> Tensor:
    shape = list(tensor.shape) or [1]
    match rng.randrange(8):
        case 0:
            sizes = (0, 1, 2, 5, 6, 7, 1000, 2**20, 2**31 - 1)
            shape[rng.randrange(len(shape))] = rng.choice(sizes)
            return replace(tensor, shape=tuple(shape))
        case 1:
            return replace(tensor, shape=rng.choice(((), (1, *shape), (*shape, 1), other.shape)))
        case 2:
            return replace(tensor, dtype=np.dtype(rng.choice(list(TENSOR_TYPES.values()))))
        case 3:
            return replace(tensor, data=other.data, shape=other.shape)
        case 4:
            return replace(tensor, quantization=other.quantization)
        case 5 if tensor.data is not None:
            values = rng.choice((-128, 127, 0, 1, np.nan, np.inf, 3e38, 2**31 - 1, -(2**31)))
            return replace(tensor, data=_filled(tensor.data, values))
    return replace(tensor, quantization=_changed_affine(rng, tensor))


def _filled(data: AnyArray, value: float) -> AnyArray:
    """Numbers of the same type, each this one, as near as the type has it."""
    if np.issubdtype(data.dtype, np.integer):
        limits = np.iinfo(data.dtype)
        value = 0 if not np.isfinite(value) else min(max(value, limits.min), limits.max)
    return np.full_like(data, value)


def _changed_affine(rng: random.Random, tensor: Tensor) -> Quantization | None:
    affine = tensor.quantization
    if affine is None:
        return Quantization(np.ones(1, "<f4"), np.zeros(1, "<i8"), 0)
    scale, zero = np.array(affine.scale), np.array(affine.zero_point)
    match rng.randrange(5):
        case 0:
            scale[rng.randrange(len(scale))] = rng.choice(SCALES)
        case 1:
            scale *= np.float32(rng.choice((1e-30, 1e-9, 1e-3, 0.5, 2, 100, 1e9, 1e30)))
        case 2:
            zero[rng.randrange(len(zero))] = rng.choice((-129, -128, -1, 1, 127, 128, 2**40))
        case 3:
            count = rng.choice((1, 2, 4, 6, 8))
            scale, zero = np.resize(scale, count), np.resize(zero, count)
        case 4:
            return rng.choice((None, replace(affine, dimension=rng.choice((-1, 0, 1, 5)))))
    return Quantization(scale, zero, affine.dimension)


def _other_operator(rng: random.Random, graph: Graph) -> Graph:
    """One operator of another name, with other tensors or options, or elsewhere."""
    operators = list(graph.operators)
    index = rng.randrange(len(operators))
    chosen = operators[index]
    match rng.randrange(7):
        case 0:
            operators[index] = replace(chosen, name=rng.choice(list(OPERATORS.values())))
        case 1:
            operators[index] = replace(chosen, inputs=_moved(rng, graph, chosen.inputs))
        case 2:
            operators[index] = replace(chosen, outputs=_moved(rng, graph, chosen.outputs))
        case 3 if chosen.options:
            key = rng.choice(list(chosen.options))
            value = rng.choice((0, 1, 2, 3, 4, 5, 9, 127))
            operators[index] = replace(chosen, options={**chosen.options, key: value})
        case 4:
            operators[index] = replace(chosen, version=rng.choice((0, 1, 2, 3, 5, 12, 14, 99)))
        case 5:
            rng.choice((operators.pop, lambda at: operators.insert(0, operators[at])))(index)
        case _:
            rng.shuffle(operators)
    return replace(graph, operators=tuple(operators))


def _moved(rng: random.Random, graph: Graph, indices: tuple[int, ...]) -> tuple[int, ...]:
    """Tensors of an operator with another among them, one more, or one fewer."""
    moved, index = list(indices), rng.randrange(-1, len(graph.tensors))
    match rng.randrange(3):
        case 0 if moved:
            moved[rng.randrange(len(moved))] = index
        case 1 if moved:
            moved.pop(rng.randrange(len(moved)))
        case _:
            moved.insert(rng.randint(0, len(moved)), index)
    return tuple(moved)


def _other_ends(rng: random.Random, graph: Graph) -> Graph:
    """Other inputs or outputs of the graph."""
    if rng.random() < 0.5:
        return replace(graph, inputs=_moved(rng, graph, graph.inputs))
    return replace(graph, outputs=_moved(rng, graph, graph.outputs))


GRAPH_CHANGES: tuple[Callable[[random.Random, Graph], Graph], ...] = (
    _other_tensor,
    _other_tensor,
    _other_operator,
    _other_ends,
)
