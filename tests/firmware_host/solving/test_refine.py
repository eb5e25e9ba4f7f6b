"""Damped least squares: what holds for any robot, and how fast it is on a common one."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_host.chain import Chain, Joint
from firmware_host.kinematics import jacobian, tool_position
from firmware_host.problem import IkProblem
from firmware_host.solving.refine import (
    BLOCK_ROWS,
    DEFAULT_SETTINGS,
    RefineSettings,
    refine,
    refinements,
)
from firmware_host.tasks import POSE, POSITION, Axis


def reaching(chain):
    """The problem of a position."""
    return IkProblem(chain, POSITION)


def position(chain, q):
    return tool_position(chain, np.sin(q), np.cos(q))


def residual(chain, q, target):
    return np.linalg.norm(position(chain, q) - target, axis=-1)


def random_joints(chain, count, rng, margin=0.0):
    """Joint vectors (count, n), this share of each range away from the limits."""
    room = margin * (chain.upper - chain.lower)
    return rng.uniform(chain.lower + room, chain.upper - room, (count, len(chain)))


generators = st.integers(0, 2**32 - 1).map(np.random.default_rng)


@given(data=st.data())
def test_every_answer_holds_the_limits_and_tells_its_own_error(chains, data):
    chain, rng = data.draw(chains), data.draw(generators)
    seeds, targets = random_joints(chain, 8, rng), rng.uniform(-3, 3, (8, 3))
    for q, error in refinements(reaching(chain), seeds, targets, 5):
        assert chain.within_limits(q).all()
        np.testing.assert_allclose(error, residual(chain, q, targets), rtol=0, atol=1e-9)


@given(data=st.data())
def test_more_steps_never_harm(chains, data):
    chain, rng = data.draw(chains), data.draw(generators)
    seeds, targets = random_joints(chain, 8, rng), rng.uniform(-3, 3, (8, 3))
    errors = [error for _, error in refinements(reaching(chain), seeds, targets, 6)]
    np.testing.assert_allclose(errors[0], residual(chain, seeds, targets), rtol=0, atol=1e-9)
    assert np.all(np.diff(errors, axis=0) <= 0)


@settings(max_examples=30)
@given(data=st.data())
def test_one_configuration_is_solved_like_a_batch_of_them(chains, data):
    chain, rng = data.draw(chains), data.draw(generators)
    true = random_joints(chain, 4, rng)
    targets = position(chain, true)
    seeds = chain.clamp(true + rng.uniform(-0.1, 0.1, true.shape))
    together, errors = refine(reaching(chain), seeds, targets, 2)
    for row in range(len(seeds)):
        q, error = refine(reaching(chain), seeds[row], targets[row], 2)
        assert q.shape == (len(chain),)
        assert error.shape == ()
        # Near a singularity a rounding moves the joints further than the tool.
        np.testing.assert_allclose(error, errors[row], atol=1e-7)
        np.testing.assert_allclose(position(chain, q), position(chain, together[row]), atol=1e-6)


def test_refine_gives_what_refinements_end_with(arm3):
    rng = np.random.default_rng(0)
    seeds, targets = random_joints(arm3, 20, rng), position(arm3, random_joints(arm3, 20, rng))
    for steps, (q, error) in enumerate(refinements(reaching(arm3), seeds, targets, 3)):
        alone_q, alone_error = refine(reaching(arm3), seeds, targets, steps)
        np.testing.assert_array_equal(alone_q, q)
        np.testing.assert_array_equal(alone_error, error)


@pytest.mark.parametrize("shape", [(1,), (0,), (2, 3), (2, 0)])
def test_the_leading_shape_is_kept(arm3, shape):
    seeds = np.broadcast_to(arm3.middle, (*shape, 3))
    targets = np.broadcast_to([0.3, 0.0, 0.2], (*shape, 3))
    q, error = refine(reaching(arm3), seeds, targets)
    assert q.shape == (*shape, 3)
    assert error.shape == shape


def test_a_batch_of_more_than_one_block_is_its_parts(arm3):
    rng = np.random.default_rng(1)
    seeds = random_joints(arm3, BLOCK_ROWS + 3, rng)
    targets = position(arm3, random_joints(arm3, BLOCK_ROWS + 3, rng))
    q, error = refine(reaching(arm3), seeds, targets, 2)
    tail_q, tail_error = refine(reaching(arm3), seeds[-10:], targets[-10:], 2)
    np.testing.assert_allclose(q[-10:], tail_q, atol=1e-12)
    np.testing.assert_allclose(error[-10:], tail_error, atol=1e-12)


def test_the_inputs_are_not_changed(arm3):
    for seed, target in (
        (arm3.middle, np.array([0.3, 0.1, 0.2])),
        (np.tile(arm3.middle, (2, 1)), np.full((2, 3), 0.2)),
    ):
        before = seed.copy(), target.copy()
        refine(reaching(arm3), seed, target)
        np.testing.assert_array_equal(seed, before[0])
        np.testing.assert_array_equal(target, before[1])


def test_a_seed_outside_the_limits_is_judged_where_it_is_brought_to(arm3):
    seed = np.array([0.3, 3.0, -1.0])
    q, error = refine(reaching(arm3), seed, [0.2, 0.1, 0.3], 0)
    assert arm3.within_limits(q)
    assert error == pytest.approx(float(residual(arm3, q, [0.2, 0.1, 0.3])), abs=1e-12)


def test_convergence_is_quadratic_away_from_singularities(arm3):
    """No step is further off than Taylor's theorem and the damping allow.

    What a step leaves is lambda^2 (J J^T + lambda^2 I)^-1 e and the remainder, at most
    |dq|^2 / 2 times the second derivatives, n times the reach at most; |dq| <= |e| / sigma.
    """
    rng = np.random.default_rng(2)
    true = random_joints(arm3, 2000, rng, margin=0.1)
    radius = np.hypot(*position(arm3, true)[:, :2].T)
    true = true[(radius > 0.1) & (np.sin(true[:, 2]) > 0.4)]
    targets = position(arm3, true)
    seeds = true + rng.uniform(-0.05, 0.05, true.shape)
    steps = list(refinements(reaching(arm3), seeds, targets, 3))
    assert steps[0][1].max() > 0.01
    second = len(arm3) * arm3.reach
    for (q, before), (_, after) in itertools.pairwise(steps):
        sigma = np.linalg.svd(jacobian(arm3, np.sin(q), np.cos(q))[:, :3], compute_uv=False)[:, -1]
        damping = DEFAULT_SETTINGS.damping * before**2 + DEFAULT_SETTINGS.damping_floor
        left = damping / (sigma**2 + damping) * before
        assert np.all(after <= left + second * (before / sigma) ** 2 / 2 + 1e-14)
    assert steps[3][1].max() < 1e-7


def test_a_reachable_target_is_found_from_a_seed_far_away(arm3):
    rng = np.random.default_rng(3)
    true = random_joints(arm3, 500, rng, margin=0.15)
    seeds = arm3.clamp(true + rng.uniform(-0.4, 0.4, true.shape))
    _, error = refine(reaching(arm3), seeds, position(arm3, true), 30)
    assert np.mean(error < 1e-6) > 0.97


def test_an_unreachable_target_gives_the_nearest_found(arm3):
    shoulder = np.array([0, 0, 0.15])
    stretched = 2 * 0.25 * math.cos(0.15 / 2)  # the elbow's limit keeps it from 0.5 m
    for target in ([0.9, 0.1, 0.5], [-0.4, 0.6, 0.4], [0.0, -0.8, 0.2]):
        yaw = math.atan2(target[1], target[0])
        q, error = refine(reaching(arm3), np.array([yaw, 0.8, 0.6]), target, 100)
        nearest = float(np.linalg.norm(target - shoulder)) - stretched
        assert arm3.within_limits(q)
        assert error == pytest.approx(float(residual(arm3, q, np.array(target))), abs=1e-12)
        assert nearest - 1e-12 <= error <= 1.05 * nearest


class TestFullTurns:
    """A target on the other side of +-pi is a short way away for a joint that turns fully."""

    near_pi, seed = math.pi - 0.05, np.array([-math.pi + 0.05, 0.8, 1.2])

    def target(self, chain):
        return position(chain, np.array([self.near_pi, 0.8, 1.2]))

    @pytest.mark.parametrize(
        ("limit", "continuous"), [(math.pi, False), (1.0, True), (2 * math.pi, False)]
    )
    def test_it_is_reached_across_the_limit(self, make_arm3, limit, continuous):
        chain = make_arm3(limit, continuous)
        for seed in (self.seed, self.seed[None]):
            q, error = refine(
                reaching(chain), seed, np.broadcast_to(self.target(chain), seed.shape), 3
            )
            assert np.all(error < 1e-9)
            assert np.all(chain.within_limits(q))
            difference = (q[..., 0] - self.near_pi) / (2 * math.pi)
            np.testing.assert_allclose(difference, np.round(difference), atol=1e-6)

    def test_a_joint_that_turns_less_stays_on_its_side(self, make_arm3):
        chain = make_arm3(3.0)
        seed = np.array([-3.0, 0.8, 1.2])
        q, error = refine(reaching(chain), seed, self.target(chain), 20)
        assert q[0] < 0
        assert error > 0.01

    def test_limits_a_little_short_of_a_turn_are_held_and_judged(self, make_arm3):
        """Limits of +-3.14155 leave a gap that no step may rest in."""
        chain = make_arm3(3.14155)
        assert chain.periodic[0]
        target = position(chain, np.array([math.pi, 0.8, 1.2]))
        for seed in (self.seed, self.seed[None]):
            q, error = refine(reaching(chain), seed, np.broadcast_to(target, seed.shape), 5)
            assert np.all(chain.within_limits(q))
            assert np.all(error > 1e-6)
            np.testing.assert_allclose(error, residual(chain, q, target), rtol=1e-6)


class TestSettings:
    def test_no_step_is_larger_than_the_largest_allowed(self, arm3):
        seed = np.array([0.0, 0.8, 1.2])
        bounds = RefineSettings(max_step=0.01)
        q, _ = refine(reaching(arm3), seed, [0.0, 0.3, 0.3], 1, bounds)
        assert 0 < np.abs(q - seed).max() <= 0.01 + 1e-12

    def test_more_damping_is_slower(self, arm3):
        rng = np.random.default_rng(4)
        true = random_joints(arm3, 200, rng, margin=0.2)
        seeds = true + rng.uniform(-0.1, 0.1, true.shape)
        targets = position(arm3, true)
        damped = RefineSettings(damping=100.0)
        assert refine(reaching(arm3), seeds, targets, 1)[1].mean() < (
            0.5 * refine(reaching(arm3), seeds, targets, 1, damped)[1].mean()
        )

    def test_a_singular_seed_gives_finite_numbers(self):
        tool = np.eye(4)
        tool[0, 3] = 0.3
        axis = np.array([0.0, 0.0, 1.0])
        joints = tuple(Joint(name, tool, axis, -1.0, 1.0) for name in ("a", "b", "c"))
        chain = Chain("flat and straight", joints, tool)
        for seed in (np.zeros(3), np.zeros((1, 3))):
            target = np.broadcast_to([2.0, 0.0, 1.0], seed.shape)
            q, error = refine(reaching(chain), seed, target, 3)
            assert np.isfinite(q).all()
            assert np.isfinite(error).all()

    def test_at_the_solution_nothing_moves(self, arm3):
        q = np.array([0.3, 0.7, 1.1])
        found, error = refine(reaching(arm3), q, position(arm3, q), 3)
        np.testing.assert_allclose(found, q, atol=1e-12)
        assert error < 1e-12


def test_the_default_settings_are_the_documented_ones():
    assert RefineSettings() == DEFAULT_SETTINGS


class TestStops:
    """A step that would leave the limits, against the damped equations without those joints."""

    @staticmethod
    def expected(problem, q, target):
        """The joints after one step, by dense linear algebra; and how many met their stops."""
        chain, n, settings = problem.chain, problem.joints, DEFAULT_SETTINGS
        walked = problem.walked(np.sin(q), np.cos(q))
        e = np.array([float(part) for part in problem.task.error(problem.length, walked, target)])
        J = problem.jacobian(np.sin(q), np.cos(q))
        squared = float(problem.squared_error(walked, list(target)))
        strength = settings.damping * squared + settings.damping_floor

        def moved(free, change):
            part = J[:, free]
            dq = change.copy()
            A = part.T @ part + strength * np.eye(part.shape[1])
            dq[free] = np.linalg.solve(A, part.T @ (e - J @ change))
            return q + np.clip(dq, -settings.max_step, settings.max_step)

        wanted = moved(np.ones(n, bool), np.zeros(n))
        out = ~chain.periodic & ((wanted < chain.lower) | (wanted > chain.upper))
        if out.any():
            onto = np.where(out, np.clip(wanted, chain.lower, chain.upper) - q, 0.0)
            wanted = moved(~out, onto)
        ends = np.where(chain.periodic, wanted, np.clip(wanted, chain.lower, chain.upper))
        return ends, int(out.sum())

    @pytest.mark.parametrize("task", [POSITION, Axis(2), POSE])
    @pytest.mark.parametrize("spare", [0, 1, 4])
    def test_those_joints_go_onto_them_and_the_others_do_the_rest(self, make_arm3, task, spare):
        arm3, rng = make_arm3(2.0), np.random.default_rng(spare)
        turned = [np.eye(3)[(k + 1) % 3] for k in range(spare)]
        extra = [Joint(f"more{k}", arm3.tool, axis, -1.0, 1.2) for k, axis in enumerate(turned)]
        chain = Chain("more", (*arm3.joints, *extra), arm3.tool)
        problem = IkProblem(chain, task)
        q, true = random_joints(chain, 60, rng), random_joints(chain, 60, rng)
        targets = problem.reached_by(true)
        rows = [self.expected(problem, *row) for row in zip(q, targets, strict=True)]
        stopped = np.array([count for _, count in rows])
        assert np.mean(stopped > 0) > 0.2
        assert np.mean(stopped == 0) > 0.02
        after = np.array(
            [
                problem.squared_error(problem.walked(np.sin(ends), np.cos(ends)), list(target))
                for (ends, _), target in zip(rows, targets, strict=True)
            ]
        )
        before = problem.squared_error(problem.walked(np.sin(q), np.cos(q)), list(targets.T))
        better = after < before
        assert better.mean() > 0.3
        together, _ = refine(problem, q, targets, 1)
        for row in np.flatnonzero(better):
            alone, _ = refine(problem, q[row], targets[row], 1)
            np.testing.assert_allclose(alone, together[row], atol=1e-9)
            # What holds a joint is large, not infinite.
            np.testing.assert_allclose(alone, rows[row][0], atol=3e-5)


class TestOtherTasks:
    TASKS = (Axis(0), Axis(2), POSE)

    @settings(max_examples=40)
    @given(data=st.data(), task=st.sampled_from(TASKS))
    def test_more_steps_never_harm_and_hold_the_limits(self, chains, data, task):
        chain, rng = data.draw(chains), data.draw(generators)
        seeds, true = random_joints(chain, 8, rng), random_joints(chain, 8, rng)
        problem = IkProblem(chain, task)
        targets = problem.reached_by(true)
        before = np.inf
        for q, error in refinements(problem, seeds, targets, 5):
            assert chain.within_limits(q).all()
            assert np.all(error <= before)
            before = error
            distance, angle = problem.errors(q, targets)
            expected = np.hypot(distance, 2 * problem.length * np.sin(angle / 2))
            np.testing.assert_allclose(error, expected, atol=1e-7)

    def test_a_joint_that_is_locked_does_not_move_and_others_do_its_part(self, make_arm3):
        """Of an arm with a joint to spare, one is driven onto its limit."""
        arm3 = make_arm3()
        wrist = np.eye(4)
        wrist[0, 3] = 0.1
        extra = Joint("wrist", arm3.tool, np.array([0.0, 1.0, 0.0]), -1.5, 1.5)
        narrow = replace(arm3.joints[1], upper=0.7)
        chain = Chain("arm4", (arm3.joints[0], narrow, arm3.joints[2], extra), wrist)
        rng = np.random.default_rng(0)
        true = random_joints(chain, 300, rng)
        true[:, 1] = rng.uniform(0.6, 0.7, 300)
        seeds = chain.clamp(true + rng.uniform(-0.3, 0.3, true.shape))
        _, error = refine(reaching(chain), seeds, position(chain, true), 5)
        assert np.mean(error < 1e-4) > 0.97
        _, newton = reaching(chain).compiled_step
        q = seeds[0]
        _, *dq = newton(
            *np.sin(q),
            *np.cos(q),
            *position(chain, true[0]),
            1.0,
            1e-9,
            *reaching(chain).held([1.0, 0.0, 0.0], [0.0] * 3),
        )
        assert dq[1] == 0.0
        assert dq[2] != 0.0
