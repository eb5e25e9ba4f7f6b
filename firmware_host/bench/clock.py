"""Times of single calls, with nothing else in them."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from firmware_host.chain import FloatArray

# Calls before the clock counts: caches fill, and runtimes allocate what they need.
WARM_UP = 100
# How often it is told how many calls are timed [ns], and calls after that which do not count:
# whatever was told something has had the processor's caches.
TOLD_EVERY, WARM_AGAIN = 500_000_000, 10

Between = Callable[[int], None]
"""Called between two calls every now and then, with how many are timed."""


@dataclass(frozen=True)
class Latency:
    """Times of single calls [microseconds].

    Attributes:
        p50: The median.
        p99: The 99th percentile.
        max: The longest.
    """

    p50: float
    p99: float
    max: float


def latency(
    call: Callable[[Any], object], arguments: Sequence[Any], between: Between | None = None
) -> Latency:
    """The time of one call, over one call for each argument after a warm-up."""
    return percentiles(timed(call, arguments, between=between))


def timed(
    call: Callable[[Any], object],
    arguments: Sequence[Any],
    warm_up: int | None = None,
    between: Between | None = None,
) -> FloatArray:
    """The time of the call with each argument (N,) [microseconds], after a warm-up.

    Args:
        call: What is timed.
        arguments: One for each call.
        warm_up: Calls before; `WARM_UP` without it.
        between: Called between two calls every now and then, with how many are timed.
    """
    if between is not None:
        between(0)
    for index in range(WARM_UP if warm_up is None else warm_up):
        call(arguments[index % len(arguments)])
    clock = time.perf_counter_ns
    taken = []
    with without_garbage_collection():
        due = clock() + TOLD_EVERY
        for number, argument in enumerate(arguments):
            if between is not None and clock() >= due:
                between(number)
                for again in range(WARM_AGAIN):
                    call(arguments[again % len(arguments)])
                due = clock() + TOLD_EVERY
            began = clock()
            call(argument)
            taken.append(clock() - began)
    return np.array(taken) / 1e3


def percentiles(microseconds: FloatArray) -> Latency:
    """Median, 99th percentile and maximum of times (N,) [microseconds]."""
    p50, p99 = np.percentile(microseconds, [50, 99]).tolist()
    return Latency(p50, p99, float(microseconds.max()))


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Keep the garbage collector from running; it is left as it was found."""
    enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
