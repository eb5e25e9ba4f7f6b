"""The benchmark: what it measures and reports; never how fast a machine is."""

import json

import numpy as np
import pytest

from firmware_host.bench import measure
from firmware_host.bench.measure import bench, bench_runtime, throughput
from firmware_host.bench.targets import bench_targets
from firmware_host.errors import ConfigError, ModelFileError, RuntimeUnavailableError
from firmware_host.network.runtimes import RUNTIMES, available_runtimes
from firmware_host.plugins import available_solvers
from firmware_host.progress import Done
from firmware_host.solver import IkSolver

SIZES = (1, 7)


def test_every_installed_runtime_is_measured(planar_model):
    told = []
    found = bench(planar_model, targets=20, steps=20, batch_sizes=SIZES, tell=told.append)
    values = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert tuple(values["runtimes"]) == available_solvers()
    assert values["refused"] == {}
    assert (values["targets"], values["steps"], values["threads"]) == (20, 20, 1)
    assert values["model"]["file"] == "planar.tflite"
    assert values["model"]["robot"] == "planar"
    assert values["model"]["dtype"] == "int8"
    assert len([line for line in told if isinstance(line, str)]) == 2 + len(available_solvers())
    counted = {done.what for done in told if isinstance(done, Done)}
    assert "Without the network" in counted
    assert sum(what.endswith(", solve") for what in counted) == len(available_solvers())
    for name, figures in values["runtimes"].items():
        assert figures["version"].startswith(name)
        assert 0 <= figures["solved"] <= 1
        # Firmware has a time without Python, and Python cannot time its refinement alone.
        parts = ("network", "native" if name == "firmware" else "refinement", "total")
        measured = {part for part, times in figures["single_us"].items() if times is not None}
        assert measured == set(parts)
        for part in parts:
            times = figures["single_us"][part]
            assert 0 < times["p50"] <= times["p99"] <= times["max"]
        assert list(figures["batch"]) == ["1", "7"]
        assert all(rate > 0 for rate in figures["batch"].values())
    cold = values["cold_dls"]
    assert 0 <= cold["solved"] <= 1
    assert 0 < cold["us"]["p50"] <= cold["us"]["p99"] <= cold["us"]["max"]
    assert cold["mean_us"] <= cold["us"]["max"]


def test_only_the_runtimes_asked_for_are_measured(planar_model):
    names = ("reference", "reference")
    found = bench(planar_model, names, targets=2, batch_sizes=(1,))
    assert list(found.runtimes) == ["reference"]


def test_a_runtime_that_refuses_the_model_is_told(planar_model, monkeypatch):
    def load(path, runtime, steps, tolerance=None):
        if runtime == "other":
            raise ModelFileError("other refuses the model.")
        return solver_of(path, runtime, steps, tolerance=tolerance)

    solver_of = IkSolver.load
    monkeypatch.setattr(measure.IkSolver, "load", load)
    monkeypatch.setattr(measure, "available_solvers", lambda: ("other", "reference"))
    found = bench(planar_model, targets=2, batch_sizes=(1,))
    assert list(found.runtimes) == ["reference"]
    assert found.refused == {"other": "other refuses the model."}
    with pytest.raises(ModelFileError, match="other refuses"):
        bench(planar_model, ("other",), targets=2)
    monkeypatch.setattr(measure, "available_solvers", lambda: ("other",))
    with pytest.raises(ModelFileError, match="No runtime can run"):
        bench(planar_model, targets=2)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"runtimes": ("magic",)}, ConfigError),
        ({"targets": 0}, ConfigError),
        ({"batch_sizes": (1, 0)}, ConfigError),
    ],
)
def test_what_cannot_be_measured_is_refused(planar_model, arguments, error):
    with pytest.raises(error, match="Expected"):
        bench(planar_model, **arguments)


def test_a_runtime_that_is_not_installed_is_refused(planar_model):
    missing = [name for name in RUNTIMES if name not in available_runtimes()]
    if not missing:
        pytest.skip("every runtime is installed")
    with pytest.raises(RuntimeUnavailableError, match=missing[0]):
        bench(planar_model, (missing[0],))


def test_the_share_solved_is_that_of_the_solver_s_steps(solver):
    middle = solver.problem.reached_by(solver.chain.middle)
    targets = np.stack([middle, np.array([2.0, 0.0, 0.0])])
    assert bench_runtime(solver, targets, (1,)).solved == 0.5


def test_batches_are_filled_from_the_targets(solver, monkeypatch):
    batches = []

    def spy(batch):
        batches.append(batch)
        return solve_batch(batch)

    solve_batch = solver.solve_batch
    monkeypatch.setattr(solver, "solve_batch", spy)
    targets = bench_targets(solver, 3)
    assert throughput(solver, targets, 7) > 0
    np.testing.assert_array_equal(batches[-1], targets[[0, 1, 2, 0, 1, 2, 0]])
    assert len(batches) == 1 + measure.BATCH_REPEATS
