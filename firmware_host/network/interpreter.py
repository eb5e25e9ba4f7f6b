"""One face over the TFLite runtimes: float features in, float network outputs out."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt

from firmware_host.errors import ModelFileError, TargetError
from firmware_host.network.flatbuffer import Graph, Tensor

FloatArray = npt.NDArray[np.float32]
"""What goes into a network and comes out of it."""
AnyArray = npt.NDArray[Any]
"""An array of numbers of any type."""

# Rows up to which looking levels up in a table is faster than computing them.
TABLE_ROWS = 16


class Interpreter(ABC):
    """A network loaded into a runtime.

    Attributes:
        runtime: Name and version of the runtime that answers, as "litert 2.1.0".
        input_shape: (1, n_in).
        output_shape: (1, n_out).
        dtype: Type of the network's own input and output.
    """

    def __init__(self, runtime: str, graph: Graph) -> None:
        if len(graph.inputs) != 1 or len(graph.outputs) != 1:
            raise ModelFileError(
                "Expected a model of one input and one output. Received: "
                f"{len(graph.inputs)} inputs, {len(graph.outputs)} outputs"
            )
        source, result = graph.tensors[graph.inputs[0]], graph.tensors[graph.outputs[0]]
        self.runtime = runtime
        self.input_shape = _checked_shape(source)
        self.output_shape = _checked_shape(result)
        self.dtype = source.dtype
        self._n_in = self.input_shape[1]
        self._float = source.dtype == np.float32
        if result.dtype != source.dtype:
            raise ModelFileError(
                "Expected input and output of one type. Received: "
                f"{source.dtype.name}, {result.dtype.name}"
            )
        if not self._float:
            self._input_scale, self._output_scale = _scale(source), _scale(result)
            # For few rows: one call of NumPy each way, where the arithmetic takes six.
            self._steps = _quantization_steps(source)
            self._levels = _levels(source.dtype)
            self._reals = _dequantization_table(result)

    def run(self, features: npt.ArrayLike) -> FloatArray:
        """Run the network on real numbers.

        An integer network takes clip(round(x / scale) + zero_point), in float32, where
        halves go to the even integer; its outputs are (q - zero_point) * scale.

        Args:
            features: (batch, n_in) float32, finite.

        Returns:
            (batch, n_out) float32.

        Raises:
            TargetError: If the features have another shape or are not finite.
            ModelFileError: If the runtime fails.
        """
        x = np.asarray(features, dtype=np.float32, order="C")
        if x.ndim != 2 or x.shape[1] != self._n_in:
            raise TargetError(
                f"Expected features of shape (batch, {self._n_in}). Received: {x.shape}"
            )
        # The sum of squares finds what is not finite in one call; large ones fall through.
        if not math.isfinite(np.vdot(x, x)) and not np.all(np.isfinite(x)):
            raise TargetError("The features are not finite.")
        if self._float:
            outputs: FloatArray = self._network(x)
            if not math.isfinite(np.vdot(outputs, outputs)) and not np.all(np.isfinite(outputs)):
                raise ModelFileError("The network's answers are not finite: its weights are none.")
            return outputs
        return self.dequantize(self._network(self.quantize(x)))

    def run_raw(self, q: npt.ArrayLike) -> AnyArray:
        """Run the network on its own numbers.

        Args:
            q: (batch, n_in) of the network's type, `dtype`.

        Returns:
            (batch, n_out) of the same type.

        Raises:
            TargetError: If q has another shape or type.
            ModelFileError: If the runtime fails.
        """
        q = np.asarray(q, order="C")
        if q.ndim != 2 or q.shape[1] != self._n_in or q.dtype != self.dtype:
            raise TargetError(
                f"Expected inputs (batch, {self._n_in}) of type {self.dtype.name}. "
                f"Received: {q.shape} of type {q.dtype.name}"
            )
        return self._network(q)

    def quantize(self, features: FloatArray) -> AnyArray:
        """The integer network's inputs for float32 features, as `run` makes them."""
        if len(features) <= TABLE_ROWS:
            levels: AnyArray = self._levels.take(self._steps.searchsorted(features))
            return levels
        scale, zero_point = self._input_scale
        limits = np.iinfo(self.dtype)
        with np.errstate(over="ignore"):
            q = np.rint(features / scale) + np.float32(zero_point)
        clipped: AnyArray = np.minimum(np.maximum(q, limits.min), limits.max)
        return clipped.astype(self.dtype)

    def dequantize(self, outputs: AnyArray) -> FloatArray:
        """The real numbers that the integer network's outputs stand for."""
        if len(outputs) <= TABLE_ROWS:
            reals: FloatArray = self._reals.take(outputs)
            return reals
        scale, zero_point = self._output_scale
        return (outputs.astype(np.float32) - np.float32(zero_point)) * scale

    @abstractmethod
    def _network(self, q: AnyArray) -> AnyArray:
        """The runtime's answer to checked inputs."""


def _checked_shape(tensor: Tensor) -> tuple[int, int]:
    """(1, n), or a ModelFileError."""
    if len(tensor.shape) != 2 or tensor.shape[0] != 1 or tensor.shape[1] < 1:
        raise ModelFileError(
            f"Expected an input and an output of shape (1, n). Received: {tensor.shape}"
        )
    if tensor.dtype not in (np.int8, np.int16, np.float32):
        raise ModelFileError(
            "Expected an input and an output of type int8, int16 or float32. "
            f"Received: {tensor.dtype.name}"
        )
    return 1, tensor.shape[1]


def _scale(tensor: Tensor) -> tuple[np.float32, int]:
    quantization = tensor.quantization
    if (
        quantization is None
        or quantization.scale.size != 1
        or not np.isfinite(quantization.scale[0])
        or quantization.scale[0] <= 0
    ):
        raise ModelFileError(f"Tensor '{tensor.name}' needs one positive scale.")
    zero_point = int(quantization.zero_point[0])
    limits = np.iinfo(tensor.dtype)
    if not limits.min <= zero_point <= limits.max:
        raise ModelFileError(f"Tensor '{tensor.name}' has the zero point {zero_point}.")
    return quantization.scale[0], zero_point


def _levels(dtype: np.dtype[Any]) -> AnyArray:
    """Every value of an integer type, in order."""
    limits = np.iinfo(dtype)
    return np.arange(limits.min, limits.max + 1).astype(dtype)


def _quantization_steps(tensor: Tensor) -> FloatArray:
    """The largest float32 below each step of round(x / scale), one less than the levels."""
    scale, zero_point = _scale(tensor)
    below = _levels(tensor.dtype)[:-1].astype(np.float32) - np.float32(zero_point)
    with np.errstate(over="ignore"):
        steps = (below + np.float32(0.5)) * scale
        # The step is within a few floats of the half-way point: find it exactly.
        for _ in range(4):
            steps = np.nextafter(steps, np.float32(-np.inf))
        for _ in range(8):
            above = np.nextafter(steps, np.float32(np.inf))
            steps = np.where(np.rint(above / scale) <= below, above, steps)
    if not np.all(np.isfinite(steps)) or np.any(np.rint(steps / scale) > below):
        raise ModelFileError(f"Tensor '{tensor.name}' has a scale out of range: {scale:g}.")
    return steps


def _dequantization_table(tensor: Tensor) -> FloatArray:
    """The real number of each level, at the level's own index: negative ones from the end."""
    scale, zero_point = _scale(tensor)
    levels = _levels(tensor.dtype).astype(np.float32)
    table: FloatArray = (levels - np.float32(zero_point)) * scale
    return np.roll(table, len(table) // 2)
