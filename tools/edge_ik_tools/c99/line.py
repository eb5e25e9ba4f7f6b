"""ADD of an int8 network as one line of integers, where one equals it everywhere."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np

from firmware_host.network.steps import Add

NUMBERS = np.arange(-128, 128)


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
