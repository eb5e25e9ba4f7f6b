"""Targets to measure with: the same every time, and within reach."""

from dataclasses import replace

import numpy as np
import pytest

from firmware_host.bench.cold import COLD_STEPS
from firmware_host.bench.targets import PATH_AMPLITUDE, bench_path, bench_targets
from firmware_host.errors import ModelFileError
from firmware_host.solver import IkSolver
from firmware_host.solving.refine import refine
from firmware_host.workspace import Workspace


def test_targets_are_the_same_every_time_and_can_be_reached(solver):
    targets = bench_targets(solver, 50, 1)
    assert targets.shape == (50, 3)
    np.testing.assert_array_equal(targets, bench_targets(solver, 50, 1))
    assert not np.array_equal(targets, bench_targets(solver, 50, 2))
    assert solver.workspace.contains(solver.chain, targets).all()
    middle = np.broadcast_to(solver.chain.middle, (50, 2))
    errors = [
        refine(solver.problem, seed, targets, COLD_STEPS)[1]
        for seed in (solver.seed(targets), middle)
    ]
    assert (np.minimum(*errors) < 1e-3).all()


def test_a_model_that_was_trained_nowhere_gives_no_targets(solver):
    region = solver.workspace
    nowhere = Workspace(
        region.cell, region.axial_start, np.zeros_like(region.cells), region.sectors
    )
    lost = IkSolver(replace(solver.spec, workspace=nowhere), solver.seeder.predict)
    with pytest.raises(ModelFileError, match="reaches too few"):
        bench_targets(lost, 2)


def test_the_path_is_a_smooth_loop_within_the_limits(solver):
    q, targets = bench_path(solver, 500)
    assert solver.chain.within_limits(q).all()
    np.testing.assert_allclose(targets, solver.problem.reached_by(q))
    steps = np.abs(np.diff(np.vstack([q, q[:1]]), axis=0)).max(axis=0)
    assert (steps < 1.001 * 2 * np.pi * PATH_AMPLITUDE / 500).all()
    assert (np.ptp(q, axis=0) > 0.1).all()
    np.testing.assert_array_equal(q, bench_path(solver, 500)[0])
