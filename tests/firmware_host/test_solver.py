"""The solver: seeds from any network, answers judged on what is returned."""

import json
import math
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest

from firmware_host.adapters.lerobot import RobotKinematics
from firmware_host.errors import ConfigError, ModelFileError, TargetError
from firmware_host.inspect_model import inspect_model
from firmware_host.kinematics import forward_kinematics, tool_position
from firmware_host.model_file import MEMBER, joined, read_model, write_model
from firmware_host.network.runtimes import (
    RUNTIMES,
    available_runtimes,
    default_runtime,
    open_interpreter,
)
from firmware_host.normalization import Normalization
from firmware_host.solver import IkSolver, Status
from firmware_host.tolerances import SOLVED_POSITION, Tolerance
from firmware_host.workspace import Workspace

MODELS = Path(__file__).parent / "models"


def position(chain, q):
    return tool_position(chain, np.sin(q), np.cos(q))


def closed_form(features, offset=0.0):
    """The arm's own solution, elbow up, as a network would give it; angles off by an offset."""
    x, y, z = features[:, 0], features[:, 1], features[:, 2] - 0.15
    radial = np.hypot(x, y)
    elbow = np.arccos(np.clip((radial**2 + z**2) / 0.125 - 1, -1, 1))
    shoulder = np.arctan2(z, radial) + elbow / 2
    q = np.stack([np.arctan2(y, x), shoulder, elbow], axis=-1) + offset
    return np.concatenate([np.sin(q), np.cos(q)], axis=-1).astype(np.float32)


def rough(features):
    return closed_form(features, 0.03)


def test_a_perfect_network_needs_no_step(arm3, make_solver):
    q = np.array([0.4, 0.9, 1.1])
    solution = make_solver(arm3, closed_form, refine_steps=0).solve(position(arm3, q))
    np.testing.assert_allclose(solution.q, q, atol=1e-5)
    assert solution.status is Status.SOLVED
    assert solution.within_limits
    assert solution.steps == 0
    assert solution.position_error_m == solution.seed_error_m < 1e-6
    assert 0 < solution.microseconds < 1e6


def test_a_rough_network_is_refined(arm3, make_solver):
    q = np.array([0.4, 0.9, 1.1])
    target = position(arm3, q)
    solution = make_solver(arm3, rough).solve(target)
    assert solution.seed_error_m > 5e-3
    assert solution.position_error_m < 1e-9
    assert solution.status is Status.SOLVED
    np.testing.assert_allclose(solution.q, q, atol=1e-6)
    assert solution.steps == 3


def test_the_error_is_that_of_the_joints_returned(arm3, make_solver):
    rng = np.random.default_rng(0)
    solver = make_solver(arm3, rough, refine_steps=2)
    for target in rng.uniform(-0.8, 0.8, (50, 3)):
        solution = solver.solve(target)
        error = np.linalg.norm(position(arm3, solution.q) - target)
        assert solution.position_error_m == pytest.approx(error, abs=1e-12)
        assert solution.position_error_m <= solution.seed_error_m
        assert solution.within_limits == bool(arm3.within_limits(solution.q))
        assert solution.within_limits
        assert (solution.status is Status.SOLVED) == (error < SOLVED_POSITION)


def test_an_unreachable_target_is_told_with_the_nearest_found(arm3, make_solver):
    solution = make_solver(arm3, closed_form).solve([2.0, 0.0, 0.15])
    assert solution.status is Status.UNREACHABLE
    assert solution.position_error_m >= 2.0 - 0.5 * math.cos(0.075) - 1e-9
    assert solution.within_limits


def test_no_steps_and_a_rough_network_is_not_solved(arm3, make_solver):
    target = position(arm3, np.array([0.4, 0.9, 1.1]))
    solution = make_solver(arm3, rough, refine_steps=0).solve(target)
    assert solution.status is Status.UNREACHABLE
    assert solution.position_error_m == solution.seed_error_m


def test_the_network_sees_normalized_features(arm3, make_solver):
    seen = []

    def spy(features):
        seen.append(features)
        return np.ones((len(features), 6), np.float32)

    normalization = Normalization((0.1,) * 6, (2.0,) * 6)
    solver = make_solver(arm3, spy, normalization=normalization)
    solver.seed(np.array([[0.3, 0.0, 0.2], [0.0, 0.4, 0.1]]))
    expected = (np.array([[0.3, 0, 0.2, 0.3, 0, 1], [0, 0.4, 0.1, 0.4, 1, 0]]) - 0.1) / 2
    np.testing.assert_allclose(seen[0], expected, atol=1e-6)


def test_a_target_very_far_away_gives_finite_joints(arm3, make_solver):
    solution = make_solver(arm3, closed_form).solve([5e5, -5e5, 5e5])
    assert np.isfinite(solution.q).all()
    assert solution.status is Status.UNREACHABLE


@pytest.mark.parametrize("target", [[1, 2], [[1, 2, 3]], [1, 2, math.nan], "x", None])
def test_what_is_not_a_target_is_refused(arm3, make_solver, target):
    with pytest.raises(TargetError):
        make_solver(arm3, closed_form).solve(target)


class TestBatch:
    def test_a_batch_is_answered_like_its_rows(self, arm3, make_solver):
        targets = np.random.default_rng(1).uniform(-0.6, 0.6, (30, 3))
        solver = make_solver(arm3, rough)
        together = solver.solve_batch(targets)
        for row, target in enumerate(targets):
            alone = solver.solve(target)
            assert together.status[row] is alone.status
            assert together.within_limits[row] == alone.within_limits
            assert together.position_error_m[row] == pytest.approx(alone.position_error_m, abs=1e-6)
            assert together.seed_error_m[row] == pytest.approx(alone.seed_error_m, abs=1e-6)

    @pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
    def test_a_bad_row_stays_at_home_and_harms_no_other(self, arm3, make_solver, bad):
        home = np.array([0.1, 0.8, 1.2])
        solver = make_solver(arm3, rough, home=home)
        target = position(arm3, np.array([0.4, 0.9, 1.1]))
        solution = solver.solve_batch([target, [0.1, bad, 0.2], target])
        assert list(solution.status) == [Status.SOLVED, Status.BAD_TARGET, Status.SOLVED]
        np.testing.assert_array_equal(solution.q[1], home)
        assert np.isnan(solution.position_error_m[1])
        assert np.all(solution.position_error_m[[0, 2]] < 1e-9)

    def test_no_targets_give_no_answers(self, arm3, make_solver):
        solution = make_solver(arm3, rough).solve_batch(np.zeros((0, 3)))
        assert solution.q.shape == (0, 3)
        assert len(solution.status) == 0

    def test_answers_of_several_turns_come_near_the_present_joints(self, make_arm3, make_solver):
        chain = make_arm3(2 * math.pi)
        solver = make_solver(chain, rough)
        target = position(chain, np.array([3.0, 0.9, 1.1]))
        for near, expected in ((3.2, 3.0), (-3.2, 3.0 - 2 * math.pi)):
            q_near = np.array([near, 0.9, 1.1])
            assert solver.solve(target, q_near).q[0] == pytest.approx(expected, abs=1e-6)
            assert solver.solve_batch([target], q_near).q[0, 0] == pytest.approx(expected, abs=1e-6)

    def test_each_row_has_its_own_present_joints(self, make_arm3, make_solver):
        chain = make_arm3(2 * math.pi)
        target = position(chain, np.array([3.0, 0.9, 1.1]))
        q_near = np.array([[3.2, 0.9, 1.1], [-3.2, 0.9, 1.1]])
        found = make_solver(chain, rough).solve_batch([target, target], q_near)
        np.testing.assert_allclose(found.q[:, 0], [3.0, 3.0 - 2 * math.pi], atol=1e-6)
        assert found.within_limits.all()
        assert np.all(found.position_error_m < 1e-9)

    def test_a_joint_without_room_for_another_turn_stays(self, arm3, make_solver):
        target = position(arm3, np.array([3.0, 0.9, 1.1]))
        found = make_solver(arm3, rough).solve_batch([target], [-3.2, 0.9, 1.1])
        assert found.q[0, 0] == pytest.approx(3.0, abs=1e-6)
        assert found.within_limits.all()

    def test_a_joint_without_end_follows_any_number_of_turns(self, make_arm3, make_solver):
        chain = make_arm3(continuous=True)
        q = np.array([3.0, 0.9, 1.1])
        solver = make_solver(chain, rough)
        target = position(chain, q)
        for turns in (-3, -1, 0, 2):
            whole = q + np.array([2 * math.pi * turns, 0, 0])
            near = whole + np.array([0, 0.4, -0.4])
            for solution in (solver.solve(target, near), solver.solve_batch([target], near)):
                found = np.atleast_2d(solution.q)[0]
                np.testing.assert_allclose(found, whole, atol=1e-6)
                assert np.all(solution.within_limits)

    @pytest.mark.parametrize("near", [[0.0, 9.0, -9.0], [[0.0, 9.0, -9.0]] * 2])
    def test_a_bad_row_stays_near_the_present_joints_in_the_limits(self, arm3, make_solver, near):
        target = position(arm3, np.array([0.4, 0.9, 1.1]))
        found = make_solver(arm3, rough).solve_batch([[math.nan, 0, 0], target], near)
        assert list(found.status) == [Status.BAD_TARGET, Status.SOLVED]
        np.testing.assert_array_equal(found.q[0], arm3.clamp([0.0, 9.0, -9.0]))
        assert found.within_limits.all()
        assert arm3.within_limits(found.q).all()

    def test_a_home_beyond_the_limits_is_brought_into_them(self, arm3, make_solver):
        solver = make_solver(arm3, rough, home=[0.0, 9.0, 9.0])
        found = solver.solve_batch([[math.inf, 0, 0]])
        assert found.within_limits.all()
        assert arm3.within_limits(found.q).all()

    @pytest.mark.parametrize(
        "near", [[0.0, 0.0], [[0.0, 0.0, 0.0]], [math.nan, 0.0, 0.0], 0.0, [[[0.0] * 3] * 2] * 2]
    )
    def test_present_joints_of_another_shape_are_refused(self, arm3, make_solver, near):
        target = position(arm3, np.array([0.4, 0.9, 1.1]))
        solver = make_solver(arm3, rough)
        with pytest.raises(TargetError, match="q_near of 3 finite numbers"):
            solver.solve(target, near)
        with pytest.raises(TargetError, match="q_near of 3 finite numbers"):
            solver.solve_batch([target, target], near)

    @pytest.mark.parametrize("targets", [[1, 2, 3], [[1, 2]], [[[1, 2, 3]]], "x", None])
    def test_what_is_no_batch_is_refused(self, arm3, make_solver, targets):
        with pytest.raises(TargetError):
            make_solver(arm3, rough).solve_batch(targets)


class TestPresentJoints:
    """They may be anywhere, and the answer tells where they are."""

    NEAR = np.array([0.4, 0.9, 3.1])  # half a radian beyond the elbow's limit

    @pytest.fixture
    def target(self, arm3):
        return position(arm3, np.array([0.4, 0.9, 1.1]))

    def test_beyond_the_limits_is_said(self, arm3, make_solver, target):
        solver = make_solver(arm3, rough)
        solution = solver.solve(target, self.NEAR)
        assert solution.near_within_limits is False
        assert solution.status is Status.SOLVED
        assert solution.within_limits
        assert solution.joint_step == pytest.approx(np.abs(solution.q - self.NEAR).max())
        assert solution.joint_step == pytest.approx(2.0, abs=1e-6)
        inside = solver.solve(target, arm3.clamp(self.NEAR))
        assert inside.near_within_limits is True
        assert inside.joint_step == pytest.approx(1.5, abs=1e-6)

    def test_the_nearest_answer_says_it_too(self, arm3, make_solver, target):
        solution = make_solver(arm3, rough).solve(target, self.NEAR, "nearest")
        assert solution.near_within_limits is False
        assert solution.joint_step == pytest.approx(np.abs(solution.q - self.NEAR).max())

    def test_a_joint_without_end_is_never_beyond(self, make_arm3, make_solver, target):
        solver = make_solver(make_arm3(continuous=True), rough)
        for turns in (-3, 0, 1):
            near = np.array([0.4 + 2 * math.pi * turns, 0.9, 1.1])
            solution = solver.solve(target, near)
            assert solution.near_within_limits is True
            assert solution.joint_step == pytest.approx(0.0, abs=1e-6)

    def test_in_a_batch_it_is_said_for_each_row(self, arm3, make_solver, target):
        solver = make_solver(arm3, rough)
        near = [self.NEAR, arm3.clamp(self.NEAR)]
        found = solver.solve_batch([target, target], near)
        assert found.near_within_limits.tolist() == [False, True]
        found = solver.solve_batch([target, target, [math.nan, 0, 0]], self.NEAR)
        assert found.near_within_limits.tolist() == [False, False, False]

    def test_without_them_nothing_is_said(self, arm3, make_solver, target):
        solver = make_solver(arm3, rough)
        solution = solver.solve(target)
        assert solution.near_within_limits is solution.joint_step is None
        assert solver.solve_batch([target]).near_within_limits is None


class TestForward:
    @pytest.mark.parametrize("shape", [(3,), (1, 3), (5, 3), (2, 4, 3), (0, 3)])
    def test_it_is_the_pose_of_the_tool(self, arm3, make_solver, shape):
        q = np.random.default_rng(0).uniform(-3, 3, shape)
        poses = make_solver(arm3, rough).forward(q)
        assert poses.shape == (*shape[:-1], 4, 4)
        np.testing.assert_array_equal(poses, forward_kinematics(arm3, q))

    def test_a_solution_leads_to_its_target(self, arm3, make_solver):
        solver = make_solver(arm3, rough)
        target = solver.forward([0.4, 0.9, 1.1])[:3, 3]
        np.testing.assert_allclose(solver.forward(solver.solve(target).q)[:3, 3], target, atol=1e-9)

    @pytest.mark.parametrize(
        "given",
        [
            *({}, "abc", [[0.0], [0.0, 1.0]], [1j], [10**400, 0, 0], ["0.3", "0.1", "0.2"]),
            np.array([0.3, 0.1, 0.2 + 1j]),
            np.array([0.3, 0.1, 0.2], np.complex64),
            [0.3, 0.1, np.complex128(0.2)],
            np.array([0.3, 0.1, np.complex64(0.2)], object),
            np.array(["0.3", "0.1", "0.2"]),
            np.array([0, 1, 2], "datetime64[s]"),
            np.array([0, 1, 2], "timedelta64[s]"),
        ],
        ids=repr,
    )
    def test_what_are_no_numbers_is_told_by_the_argument(self, arm3, make_solver, given):
        solver = make_solver(arm3, rough)
        target = position(arm3, np.array([0.4, 0.9, 1.1]))
        for name, call in (
            ("q_near", lambda: solver.solve(target, given)),
            ("q_near", lambda: solver.solve_batch([target], given)),
            ("q_now", lambda: solver.track(target, given)),
            ("max_step", lambda: solver.track(target, [0.0] * 3, given)),
            ("q", lambda: solver.forward(given)),
        ):
            with pytest.raises(TargetError, match=f"Expected real numbers for {name}"):
                call()
        for call in (solver.solve, lambda t: solver.solve_batch([t, t]), solver.track):
            with pytest.raises(TargetError, match=r"A target is .* real numbers"):
                call(given)

    @pytest.mark.parametrize("dtype", [np.float16, np.longdouble, np.int8, object, ">f8"])
    def test_real_numbers_are_taken_in_any_form(self, arm3, make_solver, dtype):
        solver = make_solver(arm3, rough)
        found = solver.forward(np.array([0, 1, 1]).astype(dtype))
        np.testing.assert_array_equal(found, solver.forward([0.0, 1.0, 1.0]))

    @pytest.mark.parametrize("q", [0.0, [0.0, 0.0], np.zeros((3, 2)), np.zeros((3, 4)), []])
    def test_another_number_of_angles_is_told(self, arm3, make_solver, q):
        shape = re.escape(str(np.shape(q)))
        with pytest.raises(TargetError, match=f"q of 3 joints.*Received: shape {shape}"):
            make_solver(arm3, rough).forward(q)


class TestWorkspace:
    @pytest.fixture
    def solver(self, arm3, make_solver):
        q = np.random.default_rng(0).uniform(arm3.lower, arm3.upper, (20_000, 3))
        return make_solver(arm3, rough, workspace=Workspace.fit(arm3, position(arm3, q)))

    def test_targets_outside_are_answered_and_flagged(self, arm3, solver):
        inside = position(arm3, np.array([0.4, 0.9, 1.1]))
        targets = [inside, [0.0, 0.0, 3.0], [1e6, 0, 0], [math.nan, 0, 0]]
        together = solver.solve_batch(targets)
        assert together.in_workspace.tolist() == [True, False, False, False]
        assert together.status[1] is together.status[2] is Status.UNREACHABLE
        assert np.isfinite(together.q).all()
        for target, flag in zip(targets[:3], together.in_workspace, strict=False):
            alone = solver.solve(target)
            assert alone.in_workspace is bool(flag)
            assert alone.within_limits

    def test_without_a_map_it_is_not_known(self, arm3, make_solver):
        solver = make_solver(arm3, rough)
        assert solver.solve([0.3, 0.0, 0.2]).in_workspace is None
        assert solver.solve_batch([[0.3, 0.0, 0.2]]).in_workspace is None


class TestLoad:
    def test_the_file_has_all_that_is_needed(self, planar_model):
        solver = IkSolver.load(planar_model, "reference", refine_steps=5)
        assert solver.chain.joint_names == ("inner", "outer")
        np.testing.assert_array_equal(solver.home, read_model(planar_model)[1]["home"])
        assert solver.refine_steps == 5
        assert solver.runtime.startswith("reference")
        assert IkSolver.load(str(planar_model), "reference").refine_steps == 3

    def test_its_workspace_flags_targets(self, planar_model):
        solver = IkSolver.load(planar_model, "reference")
        inside = position(solver.chain, np.array([0.5, 1.2]))
        found = solver.solve_batch([inside, [0.0, 0.0, 0.4], [2.0, 0.0, 0.0]])
        assert found.in_workspace.tolist() == [True, False, False]

    @pytest.mark.parametrize("runtime", RUNTIMES)
    def test_every_runtime_gives_an_answer_that_is_judged(self, planar_model, runtime):
        if runtime not in available_runtimes():
            pytest.skip(f"{runtime} is not installed, or does not fit this NumPy")
        solver = IkSolver.load(planar_model, runtime)
        assert solver.runtime.startswith(runtime)
        rng = np.random.default_rng(0)
        targets = position(solver.chain, rng.uniform([-2.0, 0.3], [2.0, 2.5], (50, 2)))
        found = solver.solve_batch(targets)
        error = np.linalg.norm(position(solver.chain, found.q) - targets, axis=1)
        np.testing.assert_allclose(found.position_error_m, error, atol=1e-12)
        assert found.within_limits.all()
        assert np.all(found.position_error_m <= found.seed_error_m)
        alone = solver.solve(targets[0])
        np.testing.assert_allclose(alone.q, found.q[0], atol=1e-5)

    def test_the_default_runtime_is_the_one_that_is_told(self, planar_model):
        assert IkSolver.load(planar_model).runtime.startswith(f"{default_runtime()} ")

    @pytest.mark.parametrize("path", [None, 7, b"model.tflite", ["a"]], ids=repr)
    def test_what_is_no_path_is_told(self, planar_model, path):
        for read in (IkSolver.load, read_model, inspect_model, RobotKinematics):
            with pytest.raises(ModelFileError, match="Expected the path of a model file"):
                read(path)
        with pytest.raises(ModelFileError, match="Expected the path of a model file"):
            write_model(path, *read_model(planar_model))

    def test_a_path_that_no_file_can_have_is_told(self):
        with pytest.raises(ModelFileError, match=r"Cannot read .*null byte"):
            IkSolver.load("nul\0byte")

    @pytest.mark.parametrize(
        "runtime", [["litert"], 7, b"litert", {}, np.array(["litert"])], ids=repr
    )
    def test_what_is_no_name_of_a_runtime_is_told(self, planar_model, runtime):
        with pytest.raises(ConfigError, match=r"Unknown runtime\. Expected one of litert"):
            IkSolver.load(planar_model, runtime)
        with pytest.raises(ConfigError, match=r"Unknown runtime\. Expected one of litert"):
            open_interpreter(b"", runtime)

    def test_an_unknown_runtime_is_told_with_the_known_ones(self, planar_model):
        with pytest.raises(ConfigError, match=r"litert.*reference.*Received: runtime='magic'"):
            IkSolver.load(planar_model, "magic")

    def test_a_network_that_does_not_fit_its_robot_is_refused(
        self, tmp_path, planar_model, make_arm3
    ):
        flatbuffer, record = read_model(planar_model)
        changed = {**record, "robot": make_arm3().to_dict(), "home": [0.0, 0.5, 0.5]}
        write_model(tmp_path / "arm3.tflite", flatbuffer, changed)
        message = "6 inputs and 6 outputs for 3 joints in 1 head. Received: 6 and 4"
        with pytest.raises(ModelFileError, match=message):
            IkSolver.load(tmp_path / "arm3.tflite", "reference")

    def test_a_network_of_fewer_heads_than_branches_is_refused(self, tmp_path, planar_model):
        flatbuffer, record = read_model(planar_model)
        two = [{"name": name, "wins": 0.5, "reaches": 0.5} for name in ("up", "down")]
        write_model(tmp_path / "two.tflite", flatbuffer, {**record, "branches": two})
        with pytest.raises(ModelFileError, match=r"10 outputs for 2 joints in 2 heads.*6 and 4"):
            IkSolver.load(tmp_path / "two.tflite", "reference")

    def test_a_model_of_the_kind_before_is_refused_with_how_to_make_a_new_one(
        self, tmp_path, planar_model
    ):
        path = tmp_path / "old.tflite"
        flatbuffer, _ = read_model(planar_model)
        with zipfile.ZipFile(planar_model) as archive:
            values = json.loads(archive.read(MEMBER))
        # Before networks had heads, nothing was said of branches.
        del values["branches"]
        path.write_bytes(joined(flatbuffer, json.dumps({**values, "format_version": 1}).encode()))
        with pytest.raises(ModelFileError, match=r"version 1.*Train it anew with `edge-ik train`"):
            IkSolver.load(path, "reference")

    def test_a_model_without_a_robot_is_refused(self, tmp_path):
        path = tmp_path / "bare.tflite"
        path.write_bytes((MODELS / "int8_per_channel.tflite").read_bytes())
        with pytest.raises(ModelFileError, match="carries no robot"):
            IkSolver.load(path, "reference")

    def test_a_robot_without_a_field_is_refused(self, tmp_path, planar_model):
        flatbuffer, record = read_model(planar_model)
        del record["home"]
        write_model(tmp_path / "homeless.tflite", flatbuffer, record)
        with pytest.raises(ModelFileError, match="'home'"):
            IkSolver.load(tmp_path / "homeless.tflite", "reference")

    def test_a_missing_file_is_told(self, tmp_path):
        with pytest.raises(ModelFileError, match="no model file"):
            IkSolver.load(tmp_path / "none.tflite")


@pytest.mark.parametrize("count", [-1, 1.5, "3", True, 2**31])
def test_a_number_of_steps_or_restarts_that_is_none_is_told(arm3, make_solver, count):
    for name in ("refine_steps", "restarts"):
        with pytest.raises(ConfigError, match=f"whole numbers, from 0 to 100 .*{name}={count!r}"):
            make_solver(arm3, rough, **{name: count})
    assert make_solver(arm3, rough, refine_steps=np.int64(2)).refine_steps == 2


def test_a_solver_says_what_it_is(arm3, make_solver):
    assert repr(make_solver(arm3, rough, refine_steps=2)) == (
        "<IkSolver of 'arm3': task position, branches 1, runtime '', refine_steps=2, restarts=0>"
    )


def test_servos_are_told_of_what_is_returned(servo_model, planar_model):
    solver, bare = (IkSolver.load(path, "reference") for path in (servo_model, planar_model))
    solution = solver.solve([0.3, 0.1, 0.0])
    assert solution.servo.dtype == np.int64
    inner, outer = solution.q / (2 * np.pi)
    assert solution.servo.tolist() == [round(1500 + 4000 * inner), round(2048 + 4096 * outer)]
    assert solution.to_dict()["servo"] == solution.servo.tolist()
    targets = [[0.3, 0.1, 0.0], [np.nan, 0.0, 0.0], [0.2, -0.2, 0.0]]
    batch = solver.solve_batch(targets)
    np.testing.assert_array_equal(batch.servo, solver.spec.servos.commands(batch.q))
    assert batch.servo.shape == (3, 2)
    np.testing.assert_array_equal(batch.servo[0], solution.servo)
    assert bare.solve([0.3, 0.1, 0.0]).servo is None
    assert bare.solve_batch(targets).servo is None


@pytest.mark.parametrize("millimetres", [0.02, 1.0, 30.0])
def test_solved_is_what_the_tolerance_says_in_every_way_of_solving(arm3, make_solver, millimetres):
    usual = make_solver(arm3, rough, refine_steps=1)
    spec = usual.spec.with_tolerance(Tolerance(1e-3 * millimetres))
    solver = IkSolver(spec, usual.seeder.predict, 1)
    rng = np.random.default_rng(3)
    q = rng.uniform(arm3.lower, arm3.upper, (100, 3))
    targets = position(arm3, q)
    batch = solver.solve_batch(targets)
    near = solver.solve_batch(targets, q_near=q + rng.normal(0, 0.05, q.shape))
    for found in (batch, near):
        solved = found.position_error_m < 1e-3 * millimetres
        np.testing.assert_array_equal(found.status == Status.SOLVED, solved)
    for row, target in enumerate(targets[:20]):
        assert solver.solve(target).status is batch.status[row]
        tracked = solver.track(target, q[row] + 0.02, max_step=0.01)
        solved = tracked.position_error_m < 1e-3 * millimetres
        assert (tracked.status is Status.SOLVED) == solved
    assert 0 < (batch.status == Status.SOLVED).mean() <= 1
    assert usual.problem.tolerance == Tolerance()


def test_a_model_is_loaded_with_a_tolerance(planar_model):
    solver = IkSolver.load(planar_model, "reference", tolerance=Tolerance(0.02, 0.1))
    assert solver.problem.tolerance == Tolerance(0.02, 0.1)
    assert IkSolver.load(planar_model, "reference").problem.tolerance == Tolerance()
    with pytest.raises(ConfigError, match=r"such as Tolerance\(position=0.0005\). Received: 0.02"):
        IkSolver.load(planar_model, "reference", tolerance=0.02)
