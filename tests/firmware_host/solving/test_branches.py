"""Choosing among branches: one asked for, the nearest, any; and restarts for what is left."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_host.chain import Chain, Joint
from firmware_host.errors import TargetError
from firmware_host.kinematics import tool_position
from firmware_host.problem import IkProblem
from firmware_host.solver import Status
from firmware_host.solving.branches import branch_number, plain_step_length, preferred, step_length
from firmware_host.tasks import POSITION
from firmware_host.tolerances import SAME_ANSWER

NAMES = ("elbow+", "elbow-")


@pytest.fixture(scope="module")
def arm():
    """Two branches: the elbow bends either way; link lengths of 0.25 m, 0.15 m up."""

    def joint(name, axis, offset, lower, upper):
        origin = np.eye(4)
        origin[:3, 3] = offset
        return Joint(name, origin, np.array(axis, float), lower, upper)

    tool = np.eye(4)
    tool[0, 3] = 0.25
    joints = (
        joint("yaw", [0, 0, 1], [0, 0, 0.15], -math.pi, math.pi),
        joint("shoulder", [0, -1, 0], [0, 0, 0], -1.5, 1.9),
        joint("elbow", [0, 1, 0], [0.25, 0, 0], -2.6, 2.6),
    )
    return Chain("two ways", joints, tool)


def both_ways(offset=0.02):
    """The arm's own solutions, a little off; the last two inputs choose the elbow's side."""

    def predict(features):
        x, y, z = features[:, 0], features[:, 1], features[:, 2] - 0.15
        side = features[:, 6] - features[:, 7]
        radial = np.hypot(x, y)
        elbow = side * np.arccos(np.clip((radial**2 + z**2) / 0.125 - 1, -1, 1))
        shoulder = np.arctan2(z, radial) + elbow / 2
        q = np.stack([np.arctan2(y, x), shoulder, elbow], axis=-1) + offset
        return np.concatenate([np.sin(q), np.cos(q)], axis=-1).astype(np.float32)

    return predict


@pytest.fixture(scope="module")
def solver(arm, make_solver):
    return make_solver(arm, both_ways(), branches=NAMES)


def position(chain, q):
    return tool_position(chain, np.sin(q), np.cos(q))


UP = np.array([0.4, 0.9, 1.1])


@pytest.mark.parametrize(
    ("branch", "side"), [(0, 1), ("elbow+", 1), ("home", 1), (1, -1), ("1", -1)]
)
def test_the_branch_asked_for_is_answered(arm, solver, branch, side):
    solution = solver.solve(position(arm, UP), branch=branch)
    assert solution.status is Status.SOLVED
    assert np.sign(solution.q[2]) == side
    assert solution.branch == (0 if side > 0 else 1)


@pytest.mark.parametrize("branch", [2, -1, "elbow", True, 1.5])
def test_a_branch_that_is_none_is_told_with_those_that_are(solver, branch):
    with pytest.raises(TargetError, match=r"0 \(elbow\+\), 1 \(elbow-\)"):
        solver.solve([0.3, 0.1, 0.2], branch=branch)


def test_any_takes_a_branch_that_limits_allow(arm, solver):
    rng = np.random.default_rng(0)
    q = rng.uniform(arm.lower, arm.upper, (2000, 3))
    targets = position(arm, q)
    one = np.mean(solver.solve_batch(targets, branch=0).status == Status.SOLVED)
    some = solver.solve_batch(targets, branch="any")
    assert np.mean(some.status == Status.SOLVED) > max(0.98, one + 0.05)
    assert set(some.branch) == {0, 1}
    assert some.tried.max() == 2
    assert not some.restarts.any()


def test_any_is_the_default_and_one_target_is_answered_like_a_batch(arm, solver):
    rng = np.random.default_rng(1)
    targets = position(arm, rng.uniform(arm.lower, arm.upper, (30, 3)))
    together = solver.solve_batch(targets)
    for row, target in enumerate(targets):
        alone = solver.solve(target)
        assert alone.status is together.status[row]
        assert alone.branch == together.branch[row]
        np.testing.assert_allclose(alone.q, together.q[row], atol=1e-9)


@pytest.mark.parametrize("side", [1, -1])
def test_nearest_is_the_branch_of_the_present_joints(arm, solver, side):
    target = position(arm, UP)
    here = solver.solve(target, branch=0 if side > 0 else 1).q
    near = here + np.array([0.05, -0.03, 0.02])
    solution = solver.solve(target, q_near=near)
    np.testing.assert_allclose(solution.q, here, atol=1e-4)
    assert solution.branch == (0 if side > 0 else 1)
    assert solution.joint_step == pytest.approx(0.05, abs=1e-3)


@pytest.mark.parametrize("seed", range(3))
def test_nearest_is_the_least_way_that_joints_really_travel(arm, solver, seed):
    """The yaw has stops at half a turn: the short way around is not open to it."""
    rng = np.random.default_rng(seed)
    targets = position(arm, rng.uniform(arm.lower, arm.upper, (40, 3)))
    near = rng.uniform(arm.lower, arm.upper, (40, 3))
    together = solver.solve_batch(targets, near)
    for row, target in enumerate(targets):
        alone = solver.solve(target, near[row])
        assert alone.branch == together.branch[row]
        np.testing.assert_allclose(alone.q, together.q[row], atol=1e-6)
        assert alone.joint_step == pytest.approx(np.abs(alone.q - near[row]).max())
        others = [solver.solve(target, near[row], branch) for branch in range(2)]
        ways = [other.joint_step for other in others if other.status is Status.SOLVED]
        if ways:
            assert alone.status is Status.SOLVED
            assert alone.joint_step <= min(ways) + SAME_ANSWER


def test_nearest_needs_the_present_joints(solver):
    with pytest.raises(TargetError, match="needs q_near"):
        solver.solve([0.3, 0.1, 0.2], branch="nearest")


class TestRestarts:
    @pytest.fixture
    def blind(self, arm, make_solver):
        """Function of the restarts: a solver whose network knows nothing."""
        aside = np.array([3.0, -1.4, 0.05])

        def predict(features):
            row = np.concatenate([np.sin(aside), np.cos(aside)]).astype(np.float32)
            return np.tile(row, (len(features), 1))

        return lambda restarts: make_solver(arm, predict, restarts=restarts)

    def test_they_solve_more_and_are_counted_up_to_their_bound(self, arm, blind):
        rng = np.random.default_rng(2)
        targets = position(arm, rng.uniform(arm.lower, arm.upper, (200, 3)))
        none, many = (blind(n).solve_batch(targets, branch="any") for n in (0, 10))
        assert not none.restarts.any()
        assert np.mean(many.status == Status.SOLVED) > np.mean(none.status == Status.SOLVED) + 0.2
        assert many.restarts.max() == 10
        assert np.all(many.tried == 1 + many.restarts)

    def test_the_same_target_gets_the_same_answer(self, arm, blind):
        solver = blind(5)
        target = position(arm, UP)
        first, second = solver.solve(target), solver.solve(target)
        np.testing.assert_array_equal(first.q, second.q)
        assert first.restarts == second.restarts

    def test_less_than_none_is_refused(self, blind):
        with pytest.raises(ValueError, match="restarts=-1"):
            blind(-1)


def test_the_first_step_tells_how_far_the_solution_is(arm):
    target = position(arm, UP)
    seeds = UP + np.array([[0.0, 0, 0], [0.01, 0, 0], [0.1, 0.1, 0]])
    problem = IkProblem(arm, POSITION)
    lengths = step_length(problem, seeds, np.tile(target, (3, 1)))
    assert lengths[0] < 1e-12
    assert lengths[1] == pytest.approx(0.01, rel=0.05)
    assert lengths[2] == pytest.approx(math.hypot(0.1, 0.1), rel=0.2)

    alone = [plain_step_length(problem, seed, target.tolist()) for seed in seeds]
    np.testing.assert_allclose(alone, lengths, atol=1e-12)


@given(
    st.lists(st.tuples(st.booleans(), st.floats(0, 9), st.booleans(), st.floats(0, 9)), min_size=1),
    st.sampled_from([0.0, 0.01, 1.0]),
)
def test_numbers_are_preferred_like_arrays_of_them(rows, margin):
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    together = preferred(*columns, margin)
    assert together.dtype == bool
    assert [bool(preferred(*row, margin)) for row in rows] == together.tolist()
    for (solved, rank, best_solved, best_rank), wins in zip(rows, together, strict=True):
        # Solved before not solved; of two alike the lesser rank, if by more than the margin.
        expected = solved if solved != best_solved else rank < best_rank - margin
        assert wins == expected


def test_a_model_of_one_branch_has_number_0_alone():
    assert branch_number((), 0) == branch_number((), "home") == 0
    with pytest.raises(TargetError, match="Received: 1"):
        branch_number((), 1)
