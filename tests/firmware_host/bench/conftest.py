"""A model to measure, and a clock that counts no longer than a test needs."""

import pytest

from firmware_host.bench import clock, measure
from firmware_host.solver import IkSolver


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Few warm-up calls, and no batch repeated for the time it takes."""
    monkeypatch.setattr(clock, "WARM_UP", 3)
    monkeypatch.setattr(measure, "BATCH_SECONDS", 0.0)


@pytest.fixture(scope="module")
def solver(planar_model):
    """The reference, with steps enough to solve."""
    return IkSolver.load(planar_model, "reference", 20)
