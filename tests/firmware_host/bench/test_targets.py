"""Targets to measure with: the same every time, and within reach."""

from dataclasses import replace

import numpy as np
import pytest

from firmware_host.bench.cold import COLD_STEPS
from firmware_host.bench.targets import bench_targets
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
