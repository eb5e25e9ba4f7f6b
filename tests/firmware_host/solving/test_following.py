"""The next target of a path: from the present joints, by the network's help, held to steps."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_host.errors import TargetError
from firmware_host.solver import IkSolver, Status
from firmware_host.solving.following import TRACK_JUMP, TRACK_STEPS

# Single precision of the network's own outputs is not in question here.
EXACT = 1e-12


class Counting:
    """A network that answers with the joints it is told, and counts how often it is asked."""

    def __init__(self, q):
        self.q, self.asked = np.asarray(q), 0

    def __call__(self, features):
        self.asked += 1
        q = np.broadcast_to(self.q, (len(features), len(self.q)))
        return np.concatenate([np.sin(q), np.cos(q)], axis=-1).astype(np.float32)


@pytest.fixture
def known(arm3, make_solver):
    """Function of joints: a solver whose network answers near them, and that network."""

    def make(q):
        network = Counting(np.asarray(q) + 0.01)
        return IkSolver(make_solver(arm3, network).spec, network), network

    return make


HOME = np.array([0.3, 0.9, 1.2])


def reached(solver, q):
    return solver.task.given(solver.problem.reached_by(q)[None])[0]


def test_a_target_nearby_is_solved_without_the_network(known):
    solver, network = known(HOME)
    answer = solver.track(reached(solver, HOME + 0.05), HOME)
    assert answer.status is Status.SOLVED
    assert (network.asked, answer.branch, answer.tried, answer.steps) == (0, -1, 1, TRACK_STEPS)
    np.testing.assert_allclose(answer.q, HOME + 0.05, atol=1e-4)
    assert answer.joint_step == pytest.approx(0.05, abs=1e-4)
    # The seed is where the joints are.
    distance, _ = solver.problem.errors(HOME, solver.problem.reached_by(HOME + 0.05))
    assert answer.seed_error_m == pytest.approx(float(distance), abs=EXACT)


def test_a_target_that_jumps_is_solved_by_the_network(known):
    goal = HOME + np.array([1.5, 0.2, 0.3])
    solver, network = known(goal)
    answer = solver.track(reached(solver, goal), HOME)
    nearest = solver.solve(reached(solver, goal), HOME, "nearest")
    assert network.asked == 2
    np.testing.assert_array_equal(answer.q, nearest.q)
    assert (answer.status, answer.branch) == (Status.SOLVED, nearest.branch)
    assert answer.tried == nearest.tried + 1


def test_what_the_steps_reach_by_a_jump_is_asked_of_the_network_too(known):
    goal = HOME + np.array([TRACK_JUMP + 0.05, 0.0, 0.0])
    solver, network = known(goal)
    assert solver.track(reached(solver, goal), HOME).status is Status.SOLVED
    assert network.asked == 1
    short = HOME + np.array([TRACK_JUMP - 0.05, 0.0, 0.0])
    assert solver.track(reached(solver, short), HOME).status is Status.SOLVED
    assert network.asked == 1


def test_without_present_joints_it_is_the_answer_nearest_to_zeros(known):
    solver, _ = known(HOME)
    target = reached(solver, HOME)
    answer, plain = solver.track(target, max_step=0.01), solver.solve(target, [0, 0, 0], "nearest")
    np.testing.assert_array_equal(answer.q, plain.q)
    assert (answer.status, answer.joint_step) == (Status.SOLVED, None)
    assert answer.near_within_limits is None


def test_an_answer_further_off_is_gone_toward(known):
    goal = HOME + np.array([1.0, 0.5, -0.2])
    solver, _ = known(goal)
    target = reached(solver, goal)
    whole = solver.track(target, HOME)
    answer = solver.track(target, HOME, [0.1, 0.1, 0.01])
    assert answer.status is Status.LIMITED
    way = whole.q - HOME
    share = min(0.1 / abs(way[0]), 0.1 / abs(way[1]), 0.01 / abs(way[2]))
    np.testing.assert_allclose(answer.q, HOME + share * way, atol=EXACT)
    distance, _ = solver.problem.errors(answer.q, solver.problem.reached_by(goal))
    assert answer.position_error_m == pytest.approx(float(distance), abs=EXACT)
    assert answer.joint_step == pytest.approx(0.05, abs=1e-3)
    np.testing.assert_array_equal(answer.q_all, answer.q)


def test_a_target_out_of_reach_stays_unreachable_on_the_way(known):
    solver, _ = known(HOME)
    answer = solver.track([2.0, 0.0, 0.0], HOME, 0.01)
    assert answer.status is Status.UNREACHABLE
    assert np.abs(answer.q - HOME).max() == pytest.approx(0.01)


def test_a_step_that_is_within_the_tolerance_already_has_solved(known):
    goal = HOME + np.array([0.011, 0.0, 0.0])
    solver, _ = known(goal)
    answer = solver.track(reached(solver, goal), HOME, 0.01)
    assert answer.status is Status.SOLVED
    assert 1e-5 < answer.position_error_m < 1e-3


def test_no_step_is_any_step(known):
    goal = HOME + np.array([1.0, 0.5, -0.2])
    solver, _ = known(goal)
    target = reached(solver, goal)
    for most in (None, 0.0, math.inf, [0.0, math.inf, 0.0]):
        assert solver.track(target, HOME, most).status is Status.SOLVED


@given(
    share=st.lists(st.floats(0.0, 1.0), min_size=6, max_size=6),
    most=st.lists(st.sampled_from([0.0, 1e-4, 0.03, 0.4, math.inf]), min_size=3, max_size=3),
)
def test_no_joint_moves_further_than_it_may(arm3, make_solver, share, most):
    network = Counting(arm3.middle)
    solver = IkSolver(make_solver(arm3, network).spec, network)
    room = arm3.upper - arm3.lower
    start, goal = (arm3.lower + np.reshape(share, (2, 3)) * room)[:]
    answer = solver.track(reached(solver, goal), start, most)
    bounded = [step if step > 0 else math.inf for step in most]
    assert (np.abs(answer.q - start) <= np.array(bounded) + EXACT).all()
    assert arm3.within_limits(answer.q)
    assert (answer.status is Status.SOLVED) == (answer.position_error_m < 1e-3)


def test_joints_beyond_a_limit_count_as_on_it(arm3, known):
    solver, _ = known(HOME)
    start = HOME.copy()
    start[2] = arm3.upper[2] + 0.2
    answer = solver.track(reached(solver, HOME), start, 0.01)
    assert answer.q[2] == pytest.approx(arm3.upper[2] - 0.01)
    assert answer.near_within_limits is False


def test_mistakes_are_told(known):
    solver, network = known(HOME)
    with pytest.raises(TargetError, match="max_step"):
        solver.track([0.3, 0.1, 0.2], HOME, -1.0)
    with pytest.raises(TargetError, match="q_now"):
        solver.track([0.3, 0.1, 0.2], [0.0, math.nan, 0.0])
    with pytest.raises(TargetError):
        solver.track([0.3, math.nan, 0.2], HOME)
    assert network.asked == 0
