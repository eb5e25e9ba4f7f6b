"""Paths: the branch is kept, and where it ends that is told."""

import math

import numpy as np
import pytest

from firmware_host.errors import TargetError
from firmware_host.kinematics import tool_position
from firmware_host.solver import IkSolver, Status
from firmware_host.tracking import track


def closed_form(features):
    """arm3's own solution, elbow up, its angles a little off."""
    x, y, z = features[:, 0], features[:, 1], features[:, 2] - 0.15
    radial = np.hypot(x, y)
    elbow = np.arccos(np.clip((radial**2 + z**2) / 0.125 - 1, -1, 1))
    shoulder = np.arctan2(z, radial) + elbow / 2
    q = np.stack([np.arctan2(y, x), shoulder, elbow], axis=-1) + 0.02
    return np.concatenate([np.sin(q), np.cos(q)], axis=-1).astype(np.float32)


def positions(chain, q):
    return tool_position(chain, np.sin(q), np.cos(q))


def joint_path(first, last, count=100):
    share = (0.5 - 0.5 * np.cos(np.linspace(0, math.pi, count)))[:, None]
    return np.asarray(first) + share * (np.asarray(last) - np.asarray(first))


@pytest.fixture(scope="module")
def solver(arm3, make_solver):
    return make_solver(arm3, closed_form)


@pytest.mark.parametrize("seed", range(5))
def test_a_path_inside_is_followed_without_a_jump(arm3, solver, seed):
    rng = np.random.default_rng(seed)
    room = 0.2 * (arm3.upper - arm3.lower)
    first, last = rng.uniform(arm3.lower + room, arm3.upper - room, (2, 3))
    q = joint_path(first, last)
    path = track(solver, positions(arm3, q), first)
    assert path.solved.all()
    assert path.jumps == ()
    np.testing.assert_allclose(path.q, q, atol=1e-4)
    expected = np.abs(np.diff(q, axis=0)).max()
    assert path.largest_step == pytest.approx(expected, abs=1e-3)


def test_a_joint_that_turns_without_end_is_followed_around(make_arm3, make_solver):
    chain = make_arm3(continuous=True)
    solver = make_solver(chain, closed_form)
    angles = np.linspace(0, 4 * math.pi, 400)
    q = np.stack([angles, np.full(400, 0.9), np.full(400, 1.2)], axis=-1)
    path = track(solver, positions(chain, q), q[0])
    assert path.solved.all()
    assert path.jumps == ()
    np.testing.assert_allclose(path.q, q, atol=1e-4)
    assert path.largest_step == pytest.approx(angles[1], abs=1e-3)


def test_where_the_branch_ends_the_jump_is_told(make_arm3, make_solver):
    """A yaw that cannot turn fully has to come back the other way."""
    chain = make_arm3(3.0)
    solver = make_solver(chain, closed_form)
    angles = np.linspace(2.5, 2 * math.pi - 2.5, 200)
    q = np.stack([angles, np.full(200, 0.9), np.full(200, 1.2)], axis=-1)
    path = track(solver, positions(chain, q), q[0])
    assert len(path.jumps) >= 1
    assert path.largest_step > 2
    assert chain.within_limits(path.q).all()
    assert path.solved[[0, -1]].all()
    assert not path.solved.all()


def through_half_a_turn(first=2.5, count=200):
    """Joints (count, 3) whose yaw goes from one side of pi to the other."""
    yaw = np.linspace(first, 2 * math.pi - first, count)
    return np.stack([yaw, np.full(count, 0.9), np.full(count, 1.2)], axis=-1)


def travelled(path, start):
    """(N,) largest change of a joint before each answer, of the answers themselves [rad]."""
    return np.abs(np.diff(np.vstack([start, path.q]), axis=0)).max(axis=1)


def test_a_joint_with_room_for_two_turns_goes_on_through_half_a_turn(make_arm3, make_solver):
    """The joints returned move as far as they are said to."""
    chain = make_arm3(2 * math.pi)
    q = through_half_a_turn()
    path = track(make_solver(chain, closed_form), positions(chain, q), q[0])
    assert path.solved.all()
    np.testing.assert_allclose(path.q, q, atol=1e-4)
    np.testing.assert_allclose(path.joint_step, travelled(path, q[0]), atol=1e-12)
    assert path.largest_step == pytest.approx(q[1, 0] - q[0, 0], abs=1e-3)
    assert path.jumps == ()


def test_a_joint_with_stops_at_half_a_turn_goes_back_and_that_is_told(arm3, solver):
    q = through_half_a_turn()
    path = track(solver, positions(arm3, q), q[0])
    assert path.solved.all()
    assert arm3.within_limits(path.q).all()
    np.testing.assert_allclose(path.joint_step, travelled(path, q[0]), atol=1e-12)
    (jump,) = path.jumps
    assert q[jump - 1, 0] < math.pi < q[jump, 0]
    assert path.joint_step[jump] == pytest.approx(2 * math.pi, abs=0.01)
    assert path.largest_step == path.joint_step[jump]


@pytest.mark.parametrize("largest_step", [0.001, 0.1, 7.0])
def test_a_jump_is_what_is_larger_than_the_largest_step(arm3, solver, largest_step):
    q = through_half_a_turn()
    path = track(solver, positions(arm3, q), q[0], largest_step)
    expected = np.flatnonzero(travelled(path, q[0]) > largest_step)
    assert list(path.jumps) == [index for index in expected if index > 0]


def test_the_first_step_is_from_where_the_joints_are(arm3, solver):
    q = through_half_a_turn()[:1]
    start = q[0] + np.array([0.0, 0.0, 2.0])
    assert not arm3.within_limits(start)
    path = track(solver, positions(arm3, q), start)
    assert path.joint_step[0] == pytest.approx(2.0, abs=1e-3)
    assert path.largest_step == 0.0
    assert path.jumps == ()


def test_no_targets_are_a_path_without_a_step(arm3, solver):
    path = track(solver, np.zeros((0, 3)), arm3.middle)
    assert path.q.shape == (0, 3)
    assert path.largest_step == 0.0


def test_a_solver_s_own_track_answers(arm3, solver):
    """What runs elsewhere, as firmware does, must not be followed by Python's refinement."""
    asked = []

    class Elsewhere(IkSolver):
        def _followed(self, target, near, most):
            asked.append((near, most))
            own = super()._followed(target, near, most)
            return own._replace(q=(np.frombuffer(own.q) + 0.01).tobytes(), branch=7)

    q = joint_path(arm3.middle, arm3.middle + 0.2, 20)
    path = track(Elsewhere(solver.spec, closed_form), positions(arm3, q), q[0], max_step=0.5)
    np.testing.assert_allclose(path.q, q + 0.01, atol=1e-4)
    assert (path.branch == 7).all()
    assert [most for _, most in asked] == [[0.5] * 3] * 20
    np.testing.assert_array_equal([now for now, _ in asked], np.vstack([q[:1], path.q[:-1]]))


def test_what_is_no_path_or_start_is_told(arm3, solver):
    with pytest.raises(TargetError, match="q_start of 3 finite numbers"):
        track(solver, [[0.3, 0.1, 0.2]], [0.0, 1.0])
    with pytest.raises(TargetError, match="NaN"):
        track(solver, [[0.3, math.nan, 0.2]], arm3.middle)


def test_joints_held_to_steps_lag_behind_and_catch_up(arm3, solver):
    """A path that is faster than the joints for a while, and slow at its ends."""
    first, last = arm3.middle - 0.4, arm3.middle + 0.4
    q = joint_path(first, last, 60)
    most = 0.6 * np.abs(np.diff(q, axis=0)).max()
    targets = np.vstack([positions(arm3, q), np.repeat(positions(arm3, last[None]), 20, axis=0)])
    path = track(solver, targets, first, max_step=most)
    free = track(solver, targets, first)
    assert (travelled(path, first) <= most + 1e-12).all()
    limited = path.status == Status.LIMITED
    assert 5 < limited.sum() < 70
    assert not (limited & path.solved).any()
    np.testing.assert_array_equal(path.solved, path.position_error_m < 1e-3)
    assert path.solved[-1]
    assert free.solved.all()
    np.testing.assert_allclose(path.q[-1], free.q[-1], atol=1e-4)
    distance = np.linalg.norm(positions(arm3, path.q) - targets, axis=1)
    np.testing.assert_allclose(path.position_error_m, distance, atol=1e-9)
    assert path.rotation_error_rad is None


def test_the_network_is_asked_where_the_path_jumps_alone(arm3, solver):
    q = joint_path(arm3.middle, arm3.middle + 0.2, 30)
    q[15:, 0] += 1.0
    path = track(solver, positions(arm3, q), q[0])
    assert path.solved.all()
    np.testing.assert_array_equal(np.flatnonzero(path.asked), [15])
    assert path.jumps == (15,)
