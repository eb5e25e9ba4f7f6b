"""Whether a graph can be computed at all, by whatever runtime: looked at before any gets it."""

from __future__ import annotations

import math

import numpy as np

from firmware_host.errors import ModelFileError
from firmware_host.network.flatbuffer import Graph
from firmware_host.network.reading import read_step
from firmware_host.network.steps import Step
from firmware_host.network.tensors import width_of

DTYPES = (np.dtype(np.int8), np.dtype(np.int16), np.dtype(np.float32))
# Numbers that operators take and give, for each that the file holds: weights are taken once, and
# values between layers are few beside them. Small networks may do as they like.
SHARED_WORK = 4
LEAST_WORK = 1_000_000


def read_steps(graph: Graph, *, litert: bool = False) -> tuple[Step, ...]:
    """Every operator reduced to its constants, in order.

    A graph that passes here is one that any runtime can compute: its shapes and types fit, every
    value is computed before it is read, and once; no accumulator overflows, and the work is in
    proportion to what the file holds.

    Args:
        graph: A model of one input (1, n_in) and one output (1, n_out).
        litert: Whether it is for LiteRT, which also takes integer weights under float
            activations, and ends the process over factors out of all proportion. Steps of the
            former stand for what only its kernels compute.

    Raises:
        ModelFileError: If the model has an operator, a type or a fused activation other than
            the supported ones, could overflow an accumulator, or is damaged.
    """
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise ModelFileError(
            "Expected a model of one input and one output. Received: "
            f"{len(graph.inputs)} inputs, {len(graph.outputs)} outputs"
        )
    (source,), (result,) = graph.inputs, graph.outputs
    dtype = graph.tensors[source].dtype
    if dtype not in DTYPES:
        raise ModelFileError(
            f"The input's type is not supported. Expected int8, int16 or float32. "
            f"Received: {dtype.name}"
        )
    _check_work(graph)
    width_of(graph.tensors[source])
    steps = tuple(read_step(graph, operator, litert) for operator in graph.operators)
    constants = {index for index, tensor in enumerate(graph.tensors) if tensor.data is not None}
    known = {source, *constants}
    for step, operator in zip(steps, graph.operators, strict=True):
        if not known.issuperset(step.inputs) or step.output in known:
            raise ModelFileError(
                f"The TFLite model is damaged: {operator.name} reads a tensor that "
                "nothing has computed, or computes one twice."
            )
        known.add(step.output)
    if source in constants or result not in known - constants - {source}:
        raise ModelFileError("The TFLite model is damaged: nothing computes its output.")
    return steps


def _check_work(graph: Graph) -> None:
    """Refuse a graph whose operators share so much that it computes, or is, more than it holds."""
    held = sum(tensor.data.size for tensor in graph.tensors if tensor.data is not None)
    work = 0
    for operator in graph.operators:
        for index in (*operator.inputs, *operator.outputs):
            work += math.prod(graph.tensors[index].shape) if index >= 0 else 0
    if work > SHARED_WORK * held + LEAST_WORK:
        raise ModelFileError(
            f"The TFLite model is damaged: it holds {held:,} numbers, and its operators take "
            f"{work:,}."
        )
