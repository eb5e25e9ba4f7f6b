"""The integer arithmetic of TFLite Micro's kernels, bit for bit.

It is that of the reference kernels of TensorFlow Lite Micro
(`tensorflow/lite/kernels/internal/reference/integer_ops`), built to round twice, and of
gemmlowp's fixed-point logistic function (`gemmlowp/fixedpoint/fixedpoint.h`).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
"""Whole numbers, wide enough for products of 32 bits."""
AnyArray = npt.NDArray[Any]
"""An array of numbers of any type."""

# sigmoid(i / 24) * 2^16, the table of TFLite's int16 logistic kernel. It is rounded to
# nearest but for these entries, which are one higher.
SIGMOID_TABLE = np.rint(65536 / (1 + np.exp(-np.arange(256) / 24))).astype(np.int64)
# fmt: off
SIGMOID_TABLE[[
    4, 8, 12, 14, 15, 16, 17, 19, 20, 21, 22, 25, 27, 28, 29, 30, 31, 33, 34, 35, 37, 39,
    40, 41, 43, 44, 45, 46, 49, 50, 54, 62, 63, 64, 66, 82, 86, 93, 100, 103, 112, 116,
    135, 255,
]] += 1
# fmt: on
SIGMOID_TABLE.setflags(write=False)


def quantize_multiplier(real: float) -> tuple[int, int]:
    """A real factor as a 31-bit fraction and a power of two.

    Args:
        real: The factor, not negative, computed in double precision.

    Returns:
        (multiplier, shift) with real = multiplier * 2^(shift - 31); (0, 0) when real
        is below 2^-32.
    """
    fraction, shift = math.frexp(real)
    multiplier = math.floor(fraction * 2**31 + 0.5)
    if multiplier == 2**31:
        multiplier //= 2
        shift += 1
    return (0, 0) if shift < -31 else (multiplier, shift)


def doubling_high_mul(a: Any, b: Any) -> Any:
    """round(a * b / 2^31) of 32-bit integers held in 64 bits; halves go up."""
    return (a * b + (1 << 30)) >> 31


def rounding_shift_right(value: Any, exponent: Any) -> Any:
    """round(value / 2^exponent) of integers, exponent >= 0; halves go away from zero."""
    shifted = exponent > 0
    half = np.where(shifted, (1 << exponent) >> 1, 0)
    return (value + half - ((value < 0) & shifted)) >> exponent


def requantize(value: Any, multiplier: Any, shift: Any) -> Any:
    """Give value * multiplier * 2^(shift - 31), rounded twice, as 32-bit TFLite kernels do."""
    scaled = doubling_high_mul(value << np.maximum(shift, 0), multiplier)
    return rounding_shift_right(scaled, np.maximum(-shift, 0))


def requantize_wide(value: Any, multiplier: Any, shift: Any) -> Any:
    """The same for a 64-bit accumulator: a 15-bit multiplier and one rounding, halves up."""
    reduced = np.where(multiplier < 0x7FFF0000, (multiplier + (1 << 15)) >> 16, 0x7FFF)
    total = 15 - shift
    return (value * reduced + (1 << (total - 1))) >> total


def logistic_table(scale: float, zero_point: int) -> npt.NDArray[np.int8]:
    """The int8 logistic function of one input quantization.

    Args:
        scale: Scale of the input.
        zero_point: Zero point of the input.

    Returns:
        (256,) outputs for the inputs -128 to 127, with scale 1/256 and zero point -128.
    """
    multiplier, shift = quantize_multiplier(float(np.float32(scale)) * 2**27)
    q = np.arange(-128, 128) - zero_point
    # From this magnitude on, the input does not fit the fixed-point format: it saturates.
    radius = math.floor(15 * 2**27 / 2.0**shift)
    inside = np.clip(q, -max(radius - 1, 0), max(radius - 1, 0))
    value = requantize(inside, np.int64(multiplier), np.int64(min(shift, 31)))
    table = rounding_shift_right(_fixed_point_logistic(value), np.int64(23)) - 128
    table = np.where(q <= -radius, -128, np.where(q >= radius, 127, table))
    return np.clip(table, -128, 127).astype(np.int8)


def _fixed_point_logistic(value: IntArray) -> IntArray:
    """The logistic function of gemmlowp; 1 is 2^27 in the input and 2^31 in the output."""
    one = 2**31 - 1
    # exp(-|x|): a Taylor polynomial about -1/8 on (-1/4, 0], then one factor a bit.
    a = -np.abs(value)
    quarter = 1 << 25
    fine = (a & (quarter - 1)) - quarter
    x = (fine << 4) + (1 << 28)
    x2 = doubling_high_mul(x, x)
    x3 = doubling_high_mul(x2, x)
    x4_over_4 = rounding_shift_right(doubling_high_mul(x2, x2), np.int64(2))
    cubic = doubling_high_mul(x4_over_4 + x3, 715827883) + x2  # 1/3
    series = x + rounding_shift_right(cubic, np.int64(1))
    exp = 1895147668 + doubling_high_mul(series, 1895147668)  # exp(-1/8)
    remainder = fine - a
    factors = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401)
    for bit, factor in enumerate(factors, start=25):  # exp(-1/4), exp(-1/2), ... exp(-8)
        exp = np.where(remainder & (1 << bit), doubling_high_mul(exp, factor), exp)
    exp = np.where(a == 0, one, exp)
    # 1 / (1 + exp(-|x|)) by Newton's method on half the denominator; 2^29 is 1.
    half_denominator = (exp + one + 1) >> 1
    y = 1515870810 + doubling_high_mul(half_denominator, -1010580540)  # 48/17, -32/17
    for _ in range(3):
        y = y + (doubling_high_mul(y, (1 << 29) - doubling_high_mul(half_denominator, y)) << 2)
    positive = np.minimum(y << 1, one)
    result: IntArray = np.where(value > 0, positive, one - positive)
    return np.where(value == 0, 1 << 30, result)
