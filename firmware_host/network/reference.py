"""The exactness contract: a NumPy interpreter that answers as TFLite Micro does, bit for bit.

It runs networks of FULLY_CONNECTED, LOGISTIC, MUL and ADD in int8, in int16 with int8
weights, and in float32 (float32 is close to TFLite Micro, not equal: sums are taken in
another order). Every model is reduced, once, to a tuple of steps that hold nothing but
integer constants; generated firmware uses the same constants.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from firmware_host.errors import TargetError
from firmware_host.network.arithmetic import AnyArray
from firmware_host.network.checking import read_steps
from firmware_host.network.flatbuffer import read_graph
from firmware_host.network.tensors import width_of

# Rows computed at once: large enough for NumPy, small enough for a cache.
BATCH_ROWS = 4096


class ReferenceInterpreter:
    """A network as integer arithmetic in NumPy.

    Args:
        flatbuffer: A TFLite model with one input (1, n_in) and one output (1, n_out).

    Attributes:
        graph: The model as read.
        steps: The operators in order, reduced to their constants.

    Raises:
        ModelFileError: If the model is damaged, has an operator, a type or a fused
            activation other than the supported ones, or could overflow an accumulator.
    """

    def __init__(self, flatbuffer: bytes) -> None:
        self.graph = read_graph(flatbuffer)
        self.steps = read_steps(self.graph)
        (self._input,), (self._output,) = self.graph.inputs, self.graph.outputs
        source = self.graph.tensors[self._input]
        self._dtype = source.dtype
        self._n_in = width_of(source)
        self._constants = {
            index: tensor.data.reshape(1, -1)
            for index, tensor in enumerate(self.graph.tensors)
            if tensor.data is not None
        }

    def run(self, x: npt.ArrayLike) -> AnyArray:
        """Run the network.

        Args:
            x: (batch, n_in) inputs, of the network's own type.

        Returns:
            (batch, n_out) outputs, of the same type.

        Raises:
            TargetError: If x has another shape or type.
        """
        x = np.asarray(x)
        if x.ndim != 2 or x.shape[1] != self._n_in or x.dtype != self._dtype:
            raise TargetError(
                f"Expected inputs (batch, {self._n_in}) of type {self._dtype.name}. "
                f"Received: {x.shape} of type {x.dtype.name}"
            )
        starts = range(0, max(len(x), 1), BATCH_ROWS)
        return np.concatenate([self._run(x[start : start + BATCH_ROWS]) for start in starts])

    def _run(self, x: AnyArray) -> AnyArray:
        values: dict[int, AnyArray] = {**self._constants, self._input: x}
        for step in self.steps:
            values[step.output] = step(*(values[index] for index in step.inputs))
        return values[self._output]
