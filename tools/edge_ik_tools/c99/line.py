"""ADD and MUL of an int8 network as lines of integers, where one equals them everywhere."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np

from firmware_host.network.arithmetic import requantize
from firmware_host.network.steps import Add, Mul

NUMBERS = np.arange(-128, 128)
LARGEST_PRODUCT = 255 * 255  # of two numbers less their zero points
LOWER_BITS = 15  # of a factor, so that their product with the largest one fits 32 bits


@dataclass(frozen=True)
class Line:
    """ADD as clamp((a * first + b * second + constant) >> shift), exactly, in 32 bits."""

    first: int
    second: int
    constant: int
    shift: int


def line_of(step: Add) -> Line | None:
    """A line that equals ADD for each of the 65,536 pairs of numbers, or None.

    ADD rounds four times, all of it far finer than its result, so that as a rule the slopes
    rounded to a fraction of 21 to 24 bits meet every step of it. Every pair is looked at.
    """
    pairs = np.stack(np.meshgrid(NUMBERS, NUMBERS, indexing="ij")).reshape(2, -1)
    result = step(*pairs.astype(np.int8)).astype(np.int64)
    units = [
        multiplier * 2.0**shift
        for multiplier, shift in zip(step.multipliers, step.shifts, strict=True)
    ]
    slopes = [unit * units[2] * 2.0 ** (step.left_shift - 62) for unit in units[:2]]
    middle = step.output_zero_point - np.dot(slopes, step.zero_points)
    largest = 128 * sum(slopes) + abs(middle) + 129
    shift = min(24, math.floor(math.log2(2**31 / largest)))
    if shift < 1:
        return None
    whole = [round(slope * 2**shift) for slope in slopes]
    for change in itertools.product(sorted(range(-3, 4), key=abs), repeat=2):
        factors = [factor + more for factor, more in zip(whole, change, strict=True)]
        sums = np.dot(factors, pairs)
        lowest = ((result << shift) - sums)[result > step.lower].max(initial=-(2**31) - sums.min())
        highest = (((result + 1) << shift) - sums)[result < step.upper].min(
            initial=2**31 - sums.max()
        )
        constant = int(lowest + highest) // 2
        if lowest < highest and np.abs(sums).max() + abs(constant) + (129 << shift) < 2**31:
            return Line(factors[0], factors[1], constant, shift)
    return None


@dataclass(frozen=True)
class ProductLine:
    """MUL of a product p of two numbers less their zero points, exactly, in 32 bits.

    It is clamp((p * upper + (p * lower >> 15) + (p < 0 ? -2^sign : 0) + constant) >> shift).
    """

    upper: int
    lower: int
    sign: int
    constant: int
    shift: int


def product_line_of(step: Mul) -> ProductLine | None:
    """A line that equals MUL for every product, or None.

    Halves go away from zero, which is a step of 2^(shift to the right) below 0; but for it the
    two roundings are those of a line. Every product is looked at.
    """
    products = np.arange(-LARGEST_PRODUCT, LARGEST_PRODUCT + 1)
    right = -step.shift
    scaled = requantize(products, np.int64(step.multiplier), np.int64(step.shift))
    result = np.clip(scaled + step.output_zero_point, step.lower, step.upper)
    slope = step.multiplier * 2.0 ** (step.shift - 31)
    shift = min(24, math.floor(math.log2(2**31 / (LARGEST_PRODUCT * slope + 386))))
    if not 1 <= right < shift:
        return None
    for change in sorted(range(-4, 5), key=abs):
        factor = round(slope * 2 ** (shift + LOWER_BITS)) + change
        upper, lower = factor >> LOWER_BITS, factor & ((1 << LOWER_BITS) - 1)
        sums = products * upper + (products * lower >> LOWER_BITS)
        sums -= (products < 0) * 2 ** (shift - right)
        lowest = ((result << shift) - sums)[result > step.lower].max(initial=-(2**30))
        highest = (((result + 1) << shift) - sums)[result < step.upper].min(initial=2**30)
        constant = int(lowest + highest) // 2
        fits = np.abs(sums).max() + abs(constant) + (129 << shift) < 2**31
        if lowest < highest and fits and upper < 2**15:
            return ProductLine(upper, lower, shift - right, constant, shift)
    return None
