"""The baseline without the network counts the steps it needs."""

import numpy as np

from firmware_host.bench.cold import COLD_STEPS, bench_cold


def test_the_cold_start_counts_the_steps_it_needs(solver):
    problem = solver.problem
    there, far = problem.reached_by(solver.chain.middle), np.array([2.0, 0.0, 0.0])
    figures = bench_cold(problem, np.stack([there, far, there, there]))
    assert figures.solved == 0.75
    assert figures.steps_mean == COLD_STEPS / 4
    assert figures.steps_max == COLD_STEPS
