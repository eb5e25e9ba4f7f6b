"""The benchmark: what it measures and reports; never how fast a machine is."""

import gc
import json
import sys

import numpy as np
import pytest

from firmware_host import bench as module
from firmware_host.bench.clock import latency, timed
from firmware_host.bench.cold import COLD_STEPS, bench_cold
from firmware_host.bench.machine import current_memory, describe_machine, peak_memory
from firmware_host.bench.measure import bench, bench_runtime, throughput
from firmware_host.bench.report import bench_tables
from firmware_host.bench.targets import bench_targets
from firmware_host.errors import ConfigError, ModelFileError, RuntimeUnavailableError
from firmware_host.kinematics import tool_position
from firmware_host.network.runtimes import RUNTIMES, available_runtimes
from firmware_host.solver import IkSolver, available_solvers
from firmware_host.solving.refine import refine
from firmware_host.workspace import Workspace

SIZES = (1, 7)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(module, "WARM_UP", 3)
    monkeypatch.setattr(module, "BATCH_SECONDS", 0.0)


@pytest.fixture(scope="module")
def solver(planar_model):
    return IkSolver.load(planar_model, "reference", 20)


def position(chain, q):
    return tool_position(chain, np.sin(q), np.cos(q))


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
    assert len(told) == 2 + len(available_solvers())
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
    def load(path, runtime, steps):
        if runtime == "other":
            raise ModelFileError("other refuses the model.")
        return solver_of(path, runtime, steps)

    solver_of = IkSolver.load
    monkeypatch.setattr(module.IkSolver, "load", load)
    monkeypatch.setattr(module, "available_solvers", lambda: ("other", "reference"))
    found = bench(planar_model, targets=2, batch_sizes=(1,))
    assert list(found.runtimes) == ["reference"]
    assert found.refused == {"other": "other refuses the model."}
    with pytest.raises(ModelFileError, match="other refuses"):
        bench(planar_model, ("other",), targets=2)
    monkeypatch.setattr(module, "available_solvers", lambda: ("other",))
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


def test_targets_are_the_same_every_time_and_can_be_reached(solver):
    targets = bench_targets(solver, 50, 1)
    assert targets.shape == (50, 3)
    np.testing.assert_array_equal(targets, bench_targets(solver, 50, 1))
    assert not np.array_equal(targets, bench_targets(solver, 50, 2))
    assert solver.workspace.contains(solver.chain, targets).all()
    middle = np.broadcast_to(solver.chain.middle, (50, 2))
    errors = [
        refine(solver.chain, seed, targets, COLD_STEPS)[1]
        for seed in (solver.seed(targets), middle)
    ]
    assert (np.minimum(*errors) < 1e-3).all()


def test_a_model_that_was_trained_nowhere_gives_no_targets(solver, monkeypatch):
    region = solver.workspace
    nowhere = Workspace(
        region.cell, region.axial_start, np.zeros_like(region.cells), region.sectors
    )
    monkeypatch.setattr(solver, "workspace", nowhere)
    with pytest.raises(ModelFileError, match="reaches too few"):
        bench_targets(solver, 2)


def test_the_cold_start_counts_the_steps_it_needs(solver):
    chain = solver.chain
    there, far = position(chain, chain.middle), np.array([2.0, 0.0, 0.0])
    figures = bench_cold(chain, np.stack([there, far, there, there]))
    assert figures.solved == 0.75
    assert figures.steps_mean == COLD_STEPS / 4
    assert figures.steps_max == COLD_STEPS


def test_the_share_solved_is_that_of_the_solver_s_steps(solver):
    chain = solver.chain
    targets = np.stack([position(chain, chain.middle), np.array([2.0, 0.0, 0.0])])
    assert bench_runtime(solver, targets, (1,)).solved == 0.5


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
    assert len(batches) == 1 + module.BATCH_REPEATS


def test_memory_is_told_where_the_system_tells_it(monkeypatch):
    current, peak = current_memory(), peak_memory()
    if current is not None and peak is not None:
        assert 1e6 < current < 1.1 * peak
    monkeypatch.setitem(sys.modules, "resource", None)
    assert peak_memory() is None
    monkeypatch.setattr(module, "Path", lambda _: (_ for _ in ()).throw(OSError("no /proc")))
    assert current_memory() is None
    assert describe_machine()["processor"]


def test_the_tables_show_all_of_it(planar_model):
    values = bench(planar_model, ("reference",), 5, 2, batch_sizes=SIZES).to_dict()
    single, batch, machine = bench_tables(json.loads(json.dumps(values)))
    for table in (single, batch, machine):
        assert all(len(row) == len(table.columns) for row in table.rows)
    assert [row[0] for row in single.rows[:3]] == [
        "reference: network",
        "reference: 2 DLS steps",
        "reference: whole solve",
    ]
    assert batch.columns == ("", "1", "7", "MB", "peak")
    values["runtimes"]["reference"] |= {"rss_bytes": None, "peak_rss_bytes": None}
    values["machine"]["load"] = None
    _, batch, machine = bench_tables(values)
    assert batch.rows[0][-2:] == ("-", "-")
    assert ("load", "unknown") in machine.rows
