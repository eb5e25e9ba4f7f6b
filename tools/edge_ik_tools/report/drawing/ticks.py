"""Round places along an axis of space, where its ticks stand."""

from __future__ import annotations

import math

# The share of an axis at either end that has no ticks, and how often the way from one tick to the
# next fits into the longest axis, at least.
BARE, FEWEST_TICKS = 0.08, 3


def round_places(low: float, high: float, longest: float) -> list[float]:
    """Round places between two ends, two at least, or else the middle.

    Args:
        low: Where the axis begins.
        high: Where it ends.
        longest: How long the longest axis is, beside which this one stands.
    """
    first, last = low + BARE * (high - low), high - BARE * (high - low)
    # The largest round way that the longest axis has several of, or else a smaller one.
    power = math.floor(math.log10(longest / FEWEST_TICKS))
    ways = (round_ * 10.0**k for k in range(power, power - 3, -1) for round_ in (5.0, 2.0, 1.0))
    for way in ways:
        counts = range(math.ceil(first / way), math.floor(last / way) + 1)
        if way <= longest / FEWEST_TICKS and len(counts) > 1:
            return [float(f"{count * way:.6g}") for count in counts]
    return [(low + high) / 2]
