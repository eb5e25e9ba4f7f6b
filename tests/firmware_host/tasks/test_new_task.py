"""A new task is an entry in `TASKS`, and perhaps a class: everything else takes it as it is."""

import json
import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_host.bench.cold import bench_cold
from firmware_host.bench.targets import bench_targets
from firmware_host.chain import Chain, Joint
from firmware_host.errors import ConfigError, ModelFileError, TargetError
from firmware_host.kinematics import forward_kinematics, mul, sub
from firmware_host.normalization import Normalization
from firmware_host.problem import IkProblem
from firmware_host.solver import IkSolver, Status
from firmware_host.solving.refine import refine
from firmware_host.spec import ModelSpec
from firmware_host.tasks import SPACE, TASKS, Task, TaskKind, make_task
from firmware_host.tasks.orientation import Direction, Orientation, squared_distance
from firmware_host.tasks.rotations import where
from firmware_host.tasks.targets import checked_target
from firmware_host.tracking import track
from firmware_host.workspace import Workspace


@dataclass(frozen=True)
class Elevation(Orientation):
    """How far the tool's z axis points up: its z-component."""

    rows: ClassVar[int] = 1
    size: ClassVar[int] = 1
    flat_size: ClassVar[int] = 1
    flat_words: ClassVar[str] = "z_z"
    component_names: ClassVar[tuple[str, ...]] = ("z_z",)

    def describe(self, place):
        return f"{place} of the tool and elevation of its z axis"

    def reached(self, walked, place):
        return [walked.rotation[2][2]]

    def error(self, length, walked, place, wanted):
        return [mul(length, sub(wanted[0], walked.rotation[2][2]))]

    def normals(self, walked, place):
        """The z-component of w cross z is that of the velocity of the z axis."""
        z = walked.rotation[2]
        return [(z[1], mul(-1.0, z[0]), 0.0)]

    def squared(self, walked, place, wanted):
        return squared_distance(walked.rotation[2][2:], wanted)

    def from_flat(self, values):
        return [where(abs(values[0]) <= 1, values[0], np.nan)]

    def from_columns(self, place, columns):
        return [columns[2][2]]


KIND = TaskKind("a position and an elevation", lambda axis, plane: Elevation())
TASK = Task("elevation", SPACE, Elevation())
generators = st.integers(0, 2**32 - 1).map(np.random.default_rng)


@pytest.fixture(autouse=True)
def _registered(monkeypatch):
    monkeypatch.setitem(TASKS, "elevation", KIND)


@pytest.fixture(scope="module")
def chain(make_arm3):
    """Yaw, shoulder, elbow and wrist: as many joints as the task has rows."""
    arm3 = make_arm3()
    wrist = Joint("wrist", arm3.tool, np.array([0.0, 1.0, 0.0]), -2.0, 2.0)
    tool = np.eye(4)
    tool[0, 3] = 0.1
    return Chain("arm4", (*arm3.joints, wrist), tool)


@pytest.fixture(scope="module")
def problem(chain):
    return IkProblem(chain, TASK)


@pytest.fixture(scope="module")
def spec(problem):
    chain = problem.chain
    samples = problem.reached_by(
        np.random.default_rng(0).uniform(chain.lower, chain.upper, (9999, 4))
    )
    return ModelSpec(
        problem,
        Normalization.fit(problem.features(samples)),
        tuple(chain.middle.tolist()),
        Workspace.fit(chain, samples[:, :3]),
    )


@pytest.fixture(scope="module")
def solver(spec):
    """What stands for a network remembers where some configurations lead to."""
    problem, chain = spec.problem, spec.chain
    q = np.random.default_rng(1).uniform(chain.lower, chain.upper, (3000, 4))
    known = np.stack(spec.normalization.apply(list(problem.features(problem.reached_by(q)).T)), -1)

    def predict(features):
        distances = np.linalg.norm(features[:, None] - known, axis=-1)
        nearest = q[distances.argmin(axis=1)]
        return np.concatenate([np.sin(nearest), np.cos(nearest)], axis=-1).astype(np.float32)

    return IkSolver(spec, predict, 20)


@pytest.fixture
def inside(chain):
    """Joints (200, 4), some way from the limits."""
    room = 0.2 * (chain.upper - chain.lower)
    return np.random.default_rng(2).uniform(chain.lower + room, chain.upper - room, (200, 4))


def test_a_task_of_known_parts_is_a_line(monkeypatch):
    """Two coordinates, and the direction of an axis in space: nobody has named that yet."""
    line = TaskKind("a shadow", lambda axis, plane: Direction(axis), in_plane=True, directs=True)
    monkeypatch.setitem(TASKS, "shadow", line)
    task = make_task("shadow", "x", "xz")
    assert (task.rows, task.size, task.component_names) == (4, 5, ("x", "z", "x_x", "x_y", "x_z"))
    assert make_task("shadow", **task.options()) == task


def test_it_is_made_by_its_name():
    assert make_task("elevation") == TASK
    with pytest.raises(ConfigError, match="planar_pose, elevation"):
        make_task("azimuth")


@given(data=st.data())
def test_its_jacobian_is_the_derivative_of_its_error(chains, angles, data):
    problem = IkProblem(data.draw(chains), TASK)
    q = data.draw(angles(problem.joints))
    target = problem.reached_by(q)
    J = problem.jacobian(np.sin(q), np.cos(q))
    assert J.shape == (4, problem.joints)

    def error(angles):
        walked = problem.walked(np.sin(angles), np.cos(angles))
        return np.array([np.float64(part) for part in TASK.error(problem.length, walked, target)])

    for index, dq in enumerate(1e-6 * np.eye(problem.joints)):
        change = (error(q + dq) - error(q - dq)) / 2e-6
        np.testing.assert_allclose(change, -J[:, index], atol=1e-6)


@given(data=st.data())
def test_its_errors_are_those_of_the_tool(chains, angles, data):
    problem = IkProblem(data.draw(chains), TASK)
    q, other = data.draw(angles(problem.joints)), data.draw(angles(problem.joints))
    target = problem.reached_by(other)
    own, wanted = (forward_kinematics(problem.chain, joints) for joints in (q, other))
    distance, angle = problem.errors(q, target)
    assert distance == pytest.approx(np.linalg.norm(own[:3, 3] - wanted[:3, 3]), abs=1e-9)
    assert 2 * math.sin(angle / 2) == pytest.approx(abs(own[2, 2] - wanted[2, 2]), abs=1e-9)
    plain = problem.plain_errors(q.tolist(), target.tolist())
    np.testing.assert_allclose(plain, (distance, angle), atol=1e-6)


def test_targets_come_as_poses_or_as_numbers(problem, inside):
    poses = forward_kinematics(problem.chain, inside)
    reached = problem.reached_by(inside)
    np.testing.assert_allclose(checked_target(poses, True, task=TASK), reached, atol=1e-12)
    np.testing.assert_array_equal(checked_target(reached, True, task=TASK), reached)
    with pytest.raises(TargetError, match=r"\(4, 4\) or \(4,\)"):
        checked_target([1, 2, 3], task=TASK)
    with pytest.raises(TargetError, match="Expected an orientation"):
        checked_target([1, 2, 3, 1.5], task=TASK)


def test_it_is_encoded(problem, inside):
    features = problem.features(problem.reached_by(inside))
    assert features.shape == (200, len(problem.feature_names))
    np.testing.assert_allclose(features[:, -1], forward_kinematics(problem.chain, inside)[:, 2, 2])


def test_it_is_refined(problem, inside):
    rng = np.random.default_rng(3)
    targets = problem.reached_by(inside)
    seeds = problem.chain.clamp(inside + rng.uniform(-0.1, 0.1, inside.shape))
    q, error = refine(problem, seeds, targets, 10)
    assert np.mean(problem.is_solved(q, targets)) > 0.97
    assert problem.chain.within_limits(q).all()
    one, alone = refine(problem, seeds[0], targets[0], 10)
    np.testing.assert_allclose(one, q[0], atol=1e-9)
    assert alone == pytest.approx(float(error[0]), abs=1e-9)


def test_it_is_solved_alone_and_in_batches(problem, solver, inside):
    assert solver.task == TASK
    poses = forward_kinematics(problem.chain, inside)
    together = solver.solve_batch(poses)
    assert np.mean(together.status == Status.SOLVED) > 0.9
    found = forward_kinematics(problem.chain, together.q)
    distance = np.linalg.norm(found[:, :3, 3] - poses[:, :3, 3], axis=-1)
    np.testing.assert_allclose(together.position_error_m, distance, atol=1e-9)
    chord = np.abs(found[:, 2, 2] - poses[:, 2, 2])
    np.testing.assert_allclose(2 * np.sin(together.rotation_error_rad / 2), chord, atol=1e-9)
    for row in range(10):
        alone = solver.solve(poses[row])
        assert alone.status is together.status[row]
        assert alone.rotation_error_rad == pytest.approx(together.rotation_error_rad[row], abs=1e-6)


def test_a_path_is_followed(problem, solver):
    share = np.linspace(0, 1, 50)[:, None]
    q = np.array([0.2, 0.9, 1.2, 0.3]) + share * np.array([0.5, 0.2, -0.3, 0.4])
    path = track(solver, problem.reached_by(q), q[0])
    assert path.solved.all()
    assert path.jumps == ()
    np.testing.assert_allclose(path.q, q, atol=1e-3)


def test_it_is_measured(problem, solver):
    targets = bench_targets(solver, 20)
    assert targets.shape == (20, 4)
    assert 0 <= bench_cold(problem, targets).solved <= 1


def test_a_model_s_record_names_it(spec, monkeypatch):
    record = json.loads(json.dumps(spec.to_dict()))
    again = ModelSpec.from_dict(record)
    assert again.task == TASK
    assert again.to_dict() == spec.to_dict()
    assert (again.inputs, again.outputs) == (4, 8)
    monkeypatch.delitem(TASKS, "elevation")
    with pytest.raises(ModelFileError, match=r"task 'elevation'.*newer edge-ik"):
        ModelSpec.from_dict(record)
