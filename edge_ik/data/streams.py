"""Independent streams of random numbers, each with one purpose, drawn from one seed."""

from __future__ import annotations

import numpy as np

(
    ASPECT_STREAM,
    POOL_STREAM,
    VALIDATION_STREAM,
    EVALUATION_STREAM,
    EVERYWHERE_STREAM,
    BRANCH_STREAM,
    GOAL_STREAM,
) = range(7)


def stream(rng_seed: int, index: int) -> np.random.Generator:
    """The generator of one purpose; streams of one seed share no numbers."""
    return np.random.default_rng([rng_seed, index])


def goal_stream(rng_seed: int, draw: int) -> np.random.Generator:
    """The generator of one measurement of a training that has a goal: each draws others."""
    return np.random.default_rng([rng_seed, GOAL_STREAM, draw])


def aspect_stream() -> np.random.Generator:
    """The generator that aspects are found with: they are the robot's, whatever the run's seed."""
    return stream(0, ASPECT_STREAM)
