"""The solver: seeds from any network, answers judged on what is returned."""

import math

import numpy as np
import pytest

from firmware_host.encoding import Normalization
from firmware_host.errors import TargetError
from firmware_host.kinematics import tool_position
from firmware_host.solver import POSITION_TOLERANCE, IkSolver, Status

IDENTITY = Normalization((0.0,) * 6, (1.0,) * 6)


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


def test_a_perfect_network_needs_no_step(arm3):
    q = np.array([0.4, 0.9, 1.1])
    solution = IkSolver(arm3, IDENTITY, closed_form, refine_steps=0).solve(position(arm3, q))
    np.testing.assert_allclose(solution.q, q, atol=1e-5)
    assert solution.status is Status.SOLVED
    assert solution.within_limits
    assert solution.steps == 0
    assert solution.position_error_m == solution.seed_error_m < 1e-6
    assert 0 < solution.microseconds < 1e6


def test_a_rough_network_is_refined(arm3):
    q = np.array([0.4, 0.9, 1.1])
    target = position(arm3, q)
    solution = IkSolver(arm3, IDENTITY, rough).solve(target)
    assert solution.seed_error_m > 5e-3
    assert solution.position_error_m < 1e-9
    assert solution.status is Status.SOLVED
    np.testing.assert_allclose(solution.q, q, atol=1e-6)
    assert solution.steps == 3


def test_the_error_is_that_of_the_joints_returned(arm3):
    rng = np.random.default_rng(0)
    solver = IkSolver(arm3, IDENTITY, rough, refine_steps=2)
    for target in rng.uniform(-0.8, 0.8, (50, 3)):
        solution = solver.solve(target)
        error = np.linalg.norm(position(arm3, solution.q) - target)
        assert solution.position_error_m == pytest.approx(error, abs=1e-12)
        assert solution.position_error_m <= solution.seed_error_m
        assert solution.within_limits == bool(arm3.within_limits(solution.q))
        assert solution.within_limits
        assert (solution.status is Status.SOLVED) == (error < POSITION_TOLERANCE)


def test_an_unreachable_target_is_told_with_the_nearest_found(arm3):
    solution = IkSolver(arm3, IDENTITY, closed_form).solve([2.0, 0.0, 0.15])
    assert solution.status is Status.UNREACHABLE
    assert solution.position_error_m >= 2.0 - 0.5 * math.cos(0.075) - 1e-9
    assert solution.within_limits


def test_no_steps_and_a_rough_network_is_not_solved(arm3):
    target = position(arm3, np.array([0.4, 0.9, 1.1]))
    solution = IkSolver(arm3, IDENTITY, rough, refine_steps=0).solve(target)
    assert solution.status is Status.UNREACHABLE
    assert solution.position_error_m == solution.seed_error_m


def test_the_network_sees_normalized_features(arm3):
    seen = []

    def spy(features):
        seen.append(features)
        return np.ones((len(features), 6), np.float32)

    normalization = Normalization((0.1,) * 6, (2.0,) * 6)
    IkSolver(arm3, normalization, spy).seed(np.array([[0.3, 0.0, 0.2], [0.0, 0.4, 0.1]]))
    expected = (np.array([[0.3, 0, 0.2, 0.3, 0, 1], [0, 0.4, 0.1, 0.4, 1, 0]]) - 0.1) / 2
    np.testing.assert_allclose(seen[0], expected, atol=1e-6)


def test_a_target_very_far_away_gives_finite_joints(arm3):
    solution = IkSolver(arm3, IDENTITY, closed_form).solve([1e6, -1e6, 1e6])
    assert np.isfinite(solution.q).all()
    assert solution.status is Status.UNREACHABLE


@pytest.mark.parametrize("target", [[1, 2], [[1, 2, 3]], [1, 2, math.nan], "x", None])
def test_what_is_not_a_target_is_refused(arm3, target):
    with pytest.raises(TargetError):
        IkSolver(arm3, IDENTITY, closed_form).solve(target)


class TestBatch:
    def test_a_batch_is_answered_like_its_rows(self, arm3):
        targets = np.random.default_rng(1).uniform(-0.6, 0.6, (30, 3))
        solver = IkSolver(arm3, IDENTITY, rough)
        together = solver.solve_batch(targets)
        for row, target in enumerate(targets):
            alone = solver.solve(target)
            assert together.status[row] is alone.status
            assert together.within_limits[row] == alone.within_limits
            assert together.position_error_m[row] == pytest.approx(alone.position_error_m, abs=1e-6)
            assert together.seed_error_m[row] == pytest.approx(alone.seed_error_m, abs=1e-6)

    @pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
    def test_a_bad_row_stays_at_home_and_harms_no_other(self, arm3, bad):
        home = np.array([0.1, 0.8, 1.2])
        solver = IkSolver(arm3, IDENTITY, rough, home=home)
        target = position(arm3, np.array([0.4, 0.9, 1.1]))
        solution = solver.solve_batch([target, [0.1, bad, 0.2], target])
        assert list(solution.status) == [Status.SOLVED, Status.BAD_TARGET, Status.SOLVED]
        np.testing.assert_array_equal(solution.q[1], home)
        assert np.isnan(solution.position_error_m[1])
        assert np.all(solution.position_error_m[[0, 2]] < 1e-9)

    def test_no_targets_give_no_answers(self, arm3):
        solution = IkSolver(arm3, IDENTITY, rough).solve_batch(np.zeros((0, 3)))
        assert solution.q.shape == (0, 3)
        assert len(solution.status) == 0

    def test_answers_of_several_turns_come_near_the_present_joints(self, make_arm3):
        chain = make_arm3(2 * math.pi)
        solver = IkSolver(chain, IDENTITY, rough)
        target = position(chain, np.array([3.0, 0.9, 1.1]))
        for near, expected in ((3.2, 3.0), (-3.2, 3.0 - 2 * math.pi)):
            q_near = np.array([near, 0.9, 1.1])
            assert solver.solve(target, q_near).q[0] == pytest.approx(expected, abs=1e-6)
            assert solver.solve_batch([target], q_near).q[0, 0] == pytest.approx(expected, abs=1e-6)


def test_a_negative_number_of_steps_is_told(arm3):
    with pytest.raises(ValueError, match="refine_steps=-1"):
        IkSolver(arm3, IDENTITY, rough, refine_steps=-1)
