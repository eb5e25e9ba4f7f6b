"""Times of single calls: each argument once, and nothing of Python's own in between."""

import gc

import pytest

from firmware_host.bench.clock import latency, timed


def test_each_argument_is_timed_once_after_the_warm_up():
    seen = []
    assert timed(seen.append, [1, 2]).shape == (2,)
    assert seen == [1, 2, 1, 1, 2]
    times = latency(lambda wait: sum(range(wait)), [10, 20_000])
    assert 0 < times.p50 <= times.p99 <= times.max


def test_the_garbage_collector_rests_while_the_clock_runs():
    states = []
    assert gc.isenabled()
    timed(lambda _: states.append(gc.isenabled()), [0])
    assert states[-1] is False
    assert gc.isenabled()

    def fails(_):
        if not gc.isenabled():
            raise ValueError("in the timed part")

    with pytest.raises(ValueError, match="timed part"):
        timed(fails, [0])
    assert gc.isenabled()
