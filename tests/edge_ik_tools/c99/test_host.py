"""The firmware built for this machine answers as every other runtime does."""

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from edge_ik_tools.c99 import build, host
from edge_ik_tools.c99.build import MissingCompilerError, MissingHeadersError
from edge_ik_tools.c99.host import FirmwareSolver
from edge_ik_tools.errors import FirmwareBuildError
from firmware_host.bench.targets import bench_targets
from firmware_host.errors import ConfigError, TargetError
from firmware_host.model_file import read_model
from firmware_host.network.runtimes import open_interpreter
from firmware_host.plugins import available_solvers
from firmware_host.solver import IkSolver, Status
from firmware_host.solving import checks
from firmware_host.tolerances import FARTHEST_TARGET

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


def test_complex_numbers_are_none_of_its(firmware):
    wrong, right = np.array([0.3, 0.1, 0.2 + 1j]), [0.3, 0.1, 0.2]
    for call in (firmware.solve, lambda t: firmware.solve_batch([t]), firmware.track):
        with pytest.raises(TargetError, match=r"A target is .* real numbers"):
            call(wrong)
    for call in (firmware.solve, lambda t, q: firmware.solve_batch([t], q), firmware.track):
        with pytest.raises(TargetError, match=r"real numbers for q_.*: array of complex128"):
            call(right, wrong)


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
    taken, seeds = firmware.solve_times(targets), firmware.solve_times(targets, seeds=True)
    assert taken.shape == seeds.shape == (len(targets),)
    assert (taken > 0).all()
    # A seed is a part of a solve.
    assert 0 < np.median(seeds) < np.median(taken)


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
    monkeypatch.setattr(build.shutil, "which", lambda name: None)
    with pytest.raises(MissingCompilerError, match="apt-get install gcc"):
        IkSolver.load(model, "firmware")
    assert "firmware" not in available_solvers()


def test_an_unknown_runtime_lists_those_there_are(model):
    with pytest.raises(ConfigError, match=r"litert.*firmware"):
        IkSolver.load(model, "magic")


def test_a_compiler_may_be_named_with_what_calls_it_and_with_options(
    model, monkeypatch, tmp_path, require_tool
):
    cc = require_tool("cc", "gcc libc6-dev")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("CC", f"env '{cc}' -DANYTHING")
    assert build.find_compiler()[1:] == (str(cc), "-DANYTHING")
    assert IkSolver.load(model, "firmware").solve([0.3, 0.1, 0.2]).status is Status.SOLVED


@pytest.mark.parametrize("named", ["no-such-compiler -O2", "'cc", " '' "])
def test_a_compiler_that_is_named_and_missing_is_told(model, monkeypatch, named):
    monkeypatch.setenv("CC", named)
    with pytest.raises(MissingCompilerError, match=f"looked for '{named.strip()}', which .* CC"):
        IkSolver.load(model, "firmware")


def test_a_compiler_that_refuses_without_a_word_is_told(model, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("CC", "false")
    with pytest.raises(FirmwareBuildError, match=r"false refuses .*: it ended with 1"):
        IkSolver.load(model, "firmware")


def test_without_the_headers_of_python_their_package_is_named(model, monkeypatch, tmp_path):
    monkeypatch.setattr(build.sysconfig, "get_path", lambda name: str(tmp_path))
    with pytest.raises(MissingHeadersError, match="apt-get install python3-dev"):
        IkSolver.load(model, "firmware")
    assert "firmware" not in available_solvers()


def test_another_python_or_compiler_makes_another_library(model, monkeypatch, firmware):
    names = []
    monkeypatch.setattr(build, "_kept", lambda name: names.append(name) or [firmware.library])

    def load_with(environment):
        monkeypatch.setattr(build, "_environment", lambda compiler: environment)
        build.load_firmware(firmware._firmware, build.find_compiler())

    usual = build._environment(build.find_compiler())
    others = [(*usual[:k], "other", *usual[k + 1 :]) for k in range(len(usual))]
    for environment in (usual, *others):
        load_with(environment)
    assert firmware.library.name.startswith(names[0])
    assert len(set(names)) == 1 + len(usual)


@pytest.mark.parametrize(
    "given",
    [
        lambda t: t.tolist(),
        lambda t: tuple(t.tolist()),
        lambda t: [*t],
        lambda t: np.repeat(t, 2)[::2],
        lambda t: t[::-1].copy()[::-1],
        lambda t: t.astype(">f8"),
        lambda t: t.astype(np.float32),
        lambda t: [np.float32(part) for part in t],
        lambda t: t.astype(np.longdouble),
    ],
)
def test_a_target_is_taken_in_every_form_of_numbers(firmware, targets, given):
    near = firmware.chain.middle
    for target in targets[:3]:
        expected = firmware.solve(target)
        np.testing.assert_array_equal(firmware.solve(given(target)).q, expected.q)
        np.testing.assert_array_equal(
            firmware.solve(target, given(near)).q, firmware.solve(target, near).q
        )
    half = np.float16([0.3, 0.1, 0.2])
    np.testing.assert_array_equal(firmware.solve(half).q, firmware.solve(half.tolist()).q)
    np.testing.assert_array_equal(firmware.solve([0, 0, 0.5]).q, firmware.solve([0.0, 0.0, 0.5]).q)


@pytest.mark.parametrize(
    ("target", "near", "told"),
    [
        ([0.1, 0.2], None, "shape"),
        ([[0.1], [0.2], [0.3]], None, "shape"),
        (np.zeros((3, 1)), None, "shape"),
        (b"abc", None, "Received"),
        ([0.1, "0.2", [0.3]], None, "Received"),
        ([0.1, np.nan, 0.2], None, "finite"),
        ([10**400, 0, 0], None, "Received"),
        ([9e5, 9e5, 9e5], None, "no further than 1e[+]06 m"),
        ([0.3, 0.1, 0.2], [0.0, 0.0], "q_near"),
        ([0.3, 0.1, 0.2], [0.0, np.inf, 0.0], "q_near"),
        ([0.3, 0.1, 0.2], [0.0, 2e6, 0.0], "q_near within 1e[+]06"),
    ],
)
def test_what_is_no_target_is_told_as_by_every_runtime(firmware, reference, target, near, told):
    for solver in (firmware, reference):
        with pytest.raises(TargetError, match=told):
            solver.solve(target, near)
        with pytest.raises(TargetError, match=told.replace("q_near", "q_now")):
            solver.track(target, [0.0] * 3 if near is None else near)


def test_a_target_nine_hundred_kilometres_away_is_unreachable_to_all(firmware, reference):
    for solver in (firmware, reference):
        far = [[9e5, 0.0, 0.0], [5e5, -5e5, 5e5]]
        assert solver.solve(far[0]).status is Status.UNREACHABLE
        assert list(solver.solve_batch(far).status) == [Status.UNREACHABLE] * 2


def test_threads_give_the_same_answers(firmware, targets):
    rows, near = np.tile(targets, (4, 1)), firmware.chain.middle
    for given in (None, near, np.tile(near, (len(rows), 1))):
        one = firmware.solve_batch(rows, given)
        for threads in (2, 3, None):
            found = firmware.solve_batch(rows, given, threads=threads)
            for name in ("q", "status", "position_error_m", "tried", "branch"):
                np.testing.assert_array_equal(getattr(found, name), getattr(one, name))
    for threads in (0, -1, 1.5, True):
        with pytest.raises(TargetError, match="threads of 1 or more"):
            firmware.solve_batch(rows, threads=threads)


@pytest.mark.parametrize(
    ("components", "branch", "told"),
    [
        ([[0.1, 0.2]], 0, r"components \(N, 3\) of targets. Received: shape \(1, 2\)"),
        ([0.1, 0.2, 0.3], 0, r"shape \(3,\)"),
        ("abc", 0, "Received: a str that is no array of numbers"),
        ([[0.1, 0.2, 0.3], [0.1]], 0, "Received: a list that is no array"),
        ([[0.1, np.nan, 0.2]], 0, r"Received a NaN or infinity \(row 0\)"),
        ([[2e6, 0.0, 0.0]], 0, "no further than"),
        ([[0.3, 0.1, 0.2]], "any", r"model: 0 \(home\), or 'home'\. Received: 'any'"),
        ([[0.3, 0.1, 0.2]], "nearest", "Received: 'nearest'"),
        ([[0.3, 0.1, 0.2]], 1, "Received: 1"),
        ([[0.3, 0.1, 0.2]], None, "Received: None"),
    ],
)
def test_a_seed_of_what_is_no_target_or_branch_is_refused_alike(
    firmware, reference, components, branch, told
):
    for solver in (firmware, reference):
        with pytest.raises(TargetError, match=told):
            solver.seed(components, branch)
    if branch == 0:
        with pytest.raises(TargetError, match=told):
            firmware.solve_times(components)


def test_what_single_precision_refuses_is_no_seed(firmware):
    """At the very edge of what is a target, where floats round to beyond it."""
    around = np.random.default_rng(0).normal(size=(100, 3))
    edge = around * (FARTHEST_TARGET * (1 - 1e-12) / np.linalg.norm(around, axis=1))[:, None]
    assert firmware.seed(0.99 * edge).shape == (100, 3)
    with pytest.raises(TargetError, match="the firmware refuses, in single precision"):
        firmware.seed(edge)


def test_no_more_threads_than_cores(firmware, targets, monkeypatch):
    started = []

    class Counted(ThreadPoolExecutor):
        def __init__(self, count):
            started.append(count)
            super().__init__(count)

    monkeypatch.setattr(host, "ThreadPoolExecutor", Counted)
    monkeypatch.setattr(checks.os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    firmware.solve_batch(np.tile(targets, (10, 1)), threads=100_000)
    assert started == [2]


def test_an_interrupt_ends_a_batch_soon(model, require_tool):
    """Seconds of work for one thread and for two, interrupted after a tenth of one."""
    require_tool("cc", "gcc libc6-dev")
    patient = IkSolver.load(model, "firmware", restarts=1000)
    rows = np.tile([5.0, 0.0, 0.0], (20_000, 1))
    for threads in (1, 2):
        timer = threading.Timer(0.1, os.kill, [os.getpid(), signal.SIGINT])
        timer.start()
        began = time.perf_counter()
        with pytest.raises(KeyboardInterrupt):
            patient.solve_batch(rows, threads=threads)
        assert time.perf_counter() - began < 1.5
        timer.join()


@hypothesis.settings(max_examples=50)
@hypothesis.given(start=st.integers(0, 5), count=st.integers(0, 1000), slow=st.booleans())
def test_chunks_are_all_of_the_rows_in_order(start, count, slow):
    seen = []

    def work(part):
        seen.extend(range(part.start, part.stop))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(host, "CHUNK_SECONDS", 1e-9 if slow else 0.05)
        host.in_chunks(work, start, start + count)
    assert seen == list(range(start, start + count))


def test_chunks_end_where_no_more_are_wanted():
    stopped, seen = threading.Event(), []

    def work(part):
        seen.append(part)
        stopped.set()

    host.in_chunks(work, 0, 10_000, stopped)
    assert len(seen) == 1
