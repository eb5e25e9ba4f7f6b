"""One operator each, reduced to its constants and computed exactly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from firmware_host.network.arithmetic import (
    SIGMOID_TABLE,
    AnyArray,
    IntArray,
    requantize,
    requantize_wide,
)


@dataclass(frozen=True, eq=False)
class FullyConnected:
    """y = clamp(requantize(W x + bias) + output_zero_point).

    Attributes:
        inputs: Index of the input tensor.
        output: Index of the output tensor.
        weights: (n_out, n_in) int8.
        bias: (n_out,) with the input's zero point folded in: bias - zero_point * sum(W).
        multiplier: (n_out,) 31-bit fractions; equal for per-tensor weights.
        shift: (n_out,) their powers of two.
        wide: True if the accumulator has 64 bits (int16 with a 64-bit bias).
        output_zero_point: Added after requantization.
        lower: Smallest output.
        upper: Largest output.
        dtype: Type of the output.
    """

    inputs: tuple[int]
    output: int
    weights: npt.NDArray[np.int8]
    bias: IntArray
    multiplier: IntArray
    shift: IntArray
    wide: bool
    output_zero_point: int
    lower: int
    upper: int
    dtype: np.dtype[Any]

    def __call__(self, x: AnyArray) -> AnyArray:
        """Outputs (batch, n_out) of the inputs x (batch, n_in)."""
        # Sums stay below 2^53, so the product in float64 is exact, and much faster.
        product = x.astype(np.float64) @ self.weights.T.astype(np.float64)
        total = product.astype(np.int64) + self.bias
        scaled = (requantize_wide if self.wide else requantize)(total, self.multiplier, self.shift)
        return _clamped(scaled + self.output_zero_point, self.lower, self.upper, self.dtype)


@dataclass(frozen=True, eq=False)
class Logistic8:
    """y = table[x + 128], the int8 logistic function; `table` is (256,) int8."""

    inputs: tuple[int]
    output: int
    table: npt.NDArray[np.int8]

    def __call__(self, x: AnyArray) -> AnyArray:
        """Outputs (batch, n) of the inputs x (batch, n)."""
        return self.table[x.astype(np.intp) + 128]


@dataclass(frozen=True, eq=False)
class Logistic16:
    """The int16 logistic function: linear interpolation in `SIGMOID_TABLE`.

    Attributes:
        inputs: Index of the input tensor.
        output: Index of the output tensor.
        multiplier: x * multiplier >> shift, rounded, is 3 * 4096 times the real input.
        shift: See `multiplier`.
    """

    inputs: tuple[int]
    output: int
    multiplier: int
    shift: int

    def __call__(self, x: AnyArray) -> AnyArray:
        """Outputs (batch, n) of the inputs x (batch, n)."""
        value = (x.astype(np.int64) * self.multiplier + ((1 << self.shift) >> 1)) >> self.shift
        magnitude = np.abs(value)
        index = np.minimum(magnitude >> 9, 254)
        low = SIGMOID_TABLE[index]
        result = (low << 9) + (magnitude & 511) * (SIGMOID_TABLE[index + 1] - low)
        result = np.where(magnitude >> 9 >= 255, 0x7FFF << 10, result)
        result = np.where(value >= 0, result + 512, (1 << 25) - result + 511)
        return (result >> 10).astype(np.int16)


@dataclass(frozen=True, eq=False)
class Mul:
    """y = clamp(requantize((a - za) * (b - zb)) + output_zero_point)."""

    inputs: tuple[int, int]
    output: int
    zero_points: tuple[int, int]
    multiplier: int
    shift: int
    output_zero_point: int
    lower: int
    upper: int
    dtype: np.dtype[Any]

    def __call__(self, a: AnyArray, b: AnyArray) -> AnyArray:
        """Outputs (batch, n) of the inputs a and b, (batch, n) each."""
        product = (a.astype(np.int64) - self.zero_points[0]) * (
            b.astype(np.int64) - self.zero_points[1]
        )
        scaled = requantize(product, np.int64(self.multiplier), np.int64(self.shift))
        return _clamped(scaled + self.output_zero_point, self.lower, self.upper, self.dtype)


@dataclass(frozen=True, eq=False)
class Add:
    """y = clamp(requantize(a' + b') + output_zero_point), on a common, finer scale.

    a' is requantize((a - za) << left_shift) with the first of `multipliers` and `shifts`,
    b' the same with the second; the sum takes the third.
    """

    inputs: tuple[int, int]
    output: int
    zero_points: tuple[int, int]
    left_shift: int
    multipliers: tuple[int, int, int]
    shifts: tuple[int, int, int]
    output_zero_point: int
    lower: int
    upper: int
    dtype: np.dtype[Any]

    def __call__(self, a: AnyArray, b: AnyArray) -> AnyArray:
        """Outputs (batch, n) of the inputs a and b, (batch, n) each."""
        finer = [
            requantize(
                (value.astype(np.int64) - zero_point) << self.left_shift,
                np.int64(multiplier),
                np.int64(shift),
            )
            for value, zero_point, multiplier, shift in zip(
                (a, b), self.zero_points, self.multipliers[:2], self.shifts[:2], strict=True
            )
        ]
        multiplier, shift = np.int64(self.multipliers[2]), np.int64(self.shifts[2])
        scaled = requantize(finer[0] + finer[1], multiplier, shift)
        return _clamped(scaled + self.output_zero_point, self.lower, self.upper, self.dtype)


@dataclass(frozen=True, eq=False)
class FloatStep:
    """A float32 operator: its function of the input tensors."""

    inputs: tuple[int, ...]
    output: int
    function: Callable[..., AnyArray]

    def __call__(self, *values: AnyArray) -> AnyArray:
        """Outputs (batch, n_out) of the inputs, (batch, n) each."""
        # Weights out of all proportion give infinities, in silence, as in the runtimes.
        with np.errstate(over="ignore", invalid="ignore"):
            return self.function(*values)


Step = FullyConnected | Logistic8 | Logistic16 | Mul | Add | FloatStep
"""A step of a network that is run."""


def _clamped(value: Any, lower: int, upper: int, dtype: np.dtype[Any]) -> AnyArray:
    clamped: AnyArray = np.clip(value, lower, upper).astype(dtype)
    return clamped
