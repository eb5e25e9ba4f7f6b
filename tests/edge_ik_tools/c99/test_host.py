"""The firmware built for this machine answers as every other runtime does."""

import numpy as np
import pytest

from edge_ik_tools.c99 import host
from edge_ik_tools.c99.host import FirmwareSolver, MissingCompilerError
from firmware_host.bench.targets import bench_targets
from firmware_host.errors import ConfigError, TargetError
from firmware_host.model_file import read_model
from firmware_host.network.runtimes import open_interpreter
from firmware_host.plugins import available_solvers
from firmware_host.solver import IkSolver, Status

# Single precision against double, refined alike [rad].
JOINT_TOLERANCE = 2e-5


@pytest.fixture(scope="module")
def model(source_root):
    return source_root / "artifacts" / "arm3" / "arm3-int8.tflite"


@pytest.fixture(scope="module")
def firmware(model, require_tool):
    require_tool("cc", "gcc libc6-dev")
    return IkSolver.load(model, "firmware")


@pytest.fixture(scope="module")
def reference(model):
    return IkSolver.load(model, "reference")


@pytest.fixture(scope="module")
def targets(reference):
    return bench_targets(reference, 500).astype(np.float32).astype(np.float64)


def test_it_is_loaded_by_its_name(firmware):
    assert isinstance(firmware, FirmwareSolver)
    assert firmware.runtime.startswith("firmware (")
    assert "firmware" in available_solvers()


def test_a_batch_is_the_solver_s_within_single_precision(firmware, reference, targets):
    found, expected = firmware.solve_batch(targets), reference.solve_batch(targets)
    assert np.abs(found.q - expected.q).max() < JOINT_TOLERANCE
    np.testing.assert_array_equal(found.status, expected.status)
    np.testing.assert_array_equal(found.in_workspace, expected.in_workspace)
    np.testing.assert_allclose(found.seed_error_m, expected.seed_error_m, atol=1e-6)
    np.testing.assert_allclose(found.position_error_m, expected.position_error_m, atol=1e-6)
    assert found.within_limits.all()


def test_one_target_is_answered_as_in_a_batch(firmware, targets):
    batch = firmware.solve_batch(targets[:20])
    for row, target in enumerate(targets[:20]):
        one = firmware.solve(target)
        np.testing.assert_array_equal(one.q, batch.q[row])
        assert one.position_error_m == batch.position_error_m[row]
        assert one.seed_error_m == batch.seed_error_m[row]
        assert (one.status, one.within_limits) == (Status.SOLVED, True)
        assert one.in_workspace == batch.in_workspace[row]


def test_the_network_alone_is_the_reference_bit_for_bit(model, firmware):
    inputs = np.random.default_rng(3).integers(-128, 128, (2000, 6)).astype(np.int8)
    network = firmware.seeder.predict.__self__
    flatbuffer, _ = read_model(model)
    expected = open_interpreter(flatbuffer, "reference").run_raw(inputs)
    np.testing.assert_array_equal(network.run_raw(inputs), expected)


def test_the_seed_is_the_network_s_guess(firmware, reference, targets):
    # A feature on the edge between two levels may fall to either side in single precision.
    difference = np.abs(firmware.seed(targets) - reference.seed(targets)).max(axis=1)
    assert np.median(difference) < 1e-6
    assert np.mean(difference < 1e-5) > 0.99


def test_steps_are_compiled_in(model, firmware, targets):
    none = IkSolver.load(model, "firmware", refine_steps=0)
    batch = none.solve_batch(targets)
    assert batch.steps == 0
    np.testing.assert_array_equal(batch.position_error_m, batch.seed_error_m)
    assert firmware.solve_batch(targets).position_error_m.max() < batch.position_error_m.max()


def test_bad_rows_are_told_and_the_others_solved(firmware, targets):
    mixed = targets[:4].copy()
    mixed[1, 2], mixed[2, 0] = np.nan, np.inf
    batch = firmware.solve_batch(mixed)
    assert list(batch.status) == [
        Status.SOLVED,
        Status.BAD_TARGET,
        Status.BAD_TARGET,
        Status.SOLVED,
    ]
    assert np.isnan(batch.position_error_m[1:3]).all()
    np.testing.assert_allclose(batch.q[1:3], np.tile(firmware.home, (2, 1)))
    assert not batch.in_workspace[1:3].any()


def test_a_single_bad_target_is_an_error(firmware):
    with pytest.raises(TargetError, match="finite"):
        firmware.solve([0.1, np.nan, 0.2])


def test_the_nearest_turn_is_taken_as_elsewhere(firmware, reference, targets):
    near = np.full(3, 2.0)
    found, expected = (s.solve_batch(targets[:50], near).q for s in (firmware, reference))
    np.testing.assert_allclose(found, expected, atol=JOINT_TOLERANCE)


def test_an_empty_batch_is_answered(firmware):
    assert firmware.solve_batch(np.empty((0, 3))).q.shape == (0, 3)


def test_every_solve_is_timed_by_itself(firmware, targets):
    taken = firmware.solve_times(targets)
    assert taken.shape == (len(targets),)
    assert (taken > 0).all()


def test_the_library_is_compiled_once(model, monkeypatch, tmp_path, require_tool):
    require_tool("cc", "gcc libc6-dev")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    FirmwareSolver.load(model)
    (library,) = (tmp_path / "edge-ik").iterdir()
    made = library.stat().st_mtime_ns
    FirmwareSolver.load(model)
    assert [path.stat().st_mtime_ns for path in (tmp_path / "edge-ik").iterdir()] == [made]


def test_without_a_compiler_the_package_is_named(model, monkeypatch):
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr(host.shutil, "which", lambda name: None)
    with pytest.raises(MissingCompilerError, match="apt-get install gcc"):
        IkSolver.load(model, "firmware")
    assert "firmware" not in available_solvers()


def test_an_unknown_runtime_lists_those_there_are(model):
    with pytest.raises(ConfigError, match=r"litert.*firmware"):
        IkSolver.load(model, "magic")
