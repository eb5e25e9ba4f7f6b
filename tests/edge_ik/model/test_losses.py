"""The losses against their definitions in NumPy."""

import math

import numpy as np
import pytest

pytest.importorskip("keras")

import tensorflow as tf

from edge_ik.data.dataset import features_and_labels
from edge_ik.model.losses import (
    FREE_LENGTH_SQUARED,
    MEAN_FLOOR,
    MEAN_POWER,
    balanced_loss,
    excess_length,
    judged,
    label_size,
    promise,
    robust_mean,
    split_outputs,
    squared_error_after_step,
    squared_joint_error,
    squared_task_error,
    unit_circle,
)
from firmware_host.chain import Chain, Joint
from firmware_host.kinematics import tool_position
from firmware_host.normalization import Normalization
from firmware_host.outputs import HeadOutputs
from firmware_host.problem import IkProblem
from firmware_host.solving.refine import DEFAULT_SETTINGS, refinements
from firmware_host.tasks import POSE, POSITION, make_task

pytestmark = pytest.mark.tensorflow


def joint_vectors(chain, count=50, seed=0):
    return np.random.default_rng(seed).uniform(chain.lower, chain.upper, (count, len(chain)))


def sin_cos(q):
    return np.concatenate([np.sin(q), np.cos(q)], axis=-1).astype(np.float32)


def labels(chain, q):
    position = tool_position(chain, np.sin(q), np.cos(q))
    return np.concatenate([sin_cos(q), position], axis=-1).astype(np.float32)


def test_both_losses_vanish_at_the_truth(problem, arm3):
    q = joint_vectors(arm3)
    outputs, truth = sin_cos(q), labels(arm3, q)
    assert np.max(squared_task_error(problem, outputs, truth[:, 6:])) < 1e-11
    assert np.max(squared_joint_error(outputs, truth[:, :6], 3)) == 0


def test_the_position_loss_is_the_squared_distance_of_the_tools(problem, arm3):
    q, q_true = joint_vectors(arm3), joint_vectors(arm3, seed=1)
    distance = np.linalg.norm(
        tool_position(arm3, np.sin(q), np.cos(q))
        - tool_position(arm3, np.sin(q_true), np.cos(q_true)),
        axis=-1,
    )
    loss = squared_task_error(problem, sin_cos(q), labels(arm3, q_true)[:, 6:])
    np.testing.assert_allclose(loss, distance**2, rtol=1e-4, atol=1e-6)


def test_the_length_of_sine_and_cosine_does_not_change_the_position_loss(problem, arm3):
    q, truth = joint_vectors(arm3), labels(arm3, joint_vectors(arm3, seed=1))[:, 6:]
    scale = np.random.default_rng(2).uniform(0.5, 2, (len(q), 3)).astype(np.float32)
    scaled = sin_cos(q) * np.concatenate([scale, scale], axis=-1)
    np.testing.assert_allclose(
        squared_task_error(problem, scaled, truth),
        squared_task_error(problem, sin_cos(q), truth),
        atol=1e-5,
    )


def test_the_angle_loss_is_the_squared_chord_a_joint(arm3):
    q, q_true = joint_vectors(arm3), joint_vectors(arm3, seed=1)
    loss = squared_joint_error(sin_cos(q), sin_cos(q_true), 3)
    expected = np.mean(4 * np.sin((q - q_true) / 2) ** 2, axis=-1)
    np.testing.assert_allclose(loss, expected, rtol=1e-4, atol=1e-6)


def test_the_unit_circle_is_smooth_at_the_origin(arm3):
    outputs = tf.Variable(np.zeros((1, 6), np.float32))
    with tf.GradientTape() as tape:
        parts = unit_circle(HeadOutputs(arm3), outputs)
        total = tf.reduce_sum(tf.stack(parts))
    assert np.isfinite(tape.gradient(total, outputs)).all()
    assert np.all(tf.stack(parts).numpy() == 0)


def test_the_position_loss_pulls_toward_the_truth(problem, arm3):
    """Its gradient is that of finite differences."""
    q, truth = joint_vectors(arm3, 4), labels(arm3, joint_vectors(arm3, 4, seed=1))[:, 6:]
    outputs = tf.Variable(sin_cos(q))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(squared_task_error(problem, outputs, truth))
    gradient = tape.gradient(loss, outputs).numpy()

    def at(values):
        scale = np.concatenate([np.hypot(values[:, :3], values[:, 3:])] * 2, axis=-1)
        unit = values / scale
        error = tool_position(arm3, unit[:, :3], unit[:, 3:]) - truth
        return np.sum(error**2)

    start, step = sin_cos(q).astype(np.float64), 1e-5
    for row, column in np.ndindex(gradient.shape):
        moved = np.zeros_like(start)
        moved[row, column] = step
        slope = (at(start + moved) - at(start - moved)) / (2 * step)
        assert gradient[row, column] == pytest.approx(slope, abs=1e-5)


class TestBalance:
    losses = np.float32([0.04, 3.0])

    def test_zero_log_variances_are_the_plain_sum(self):
        assert float(balanced_loss(self.losses, np.zeros(2, np.float32))) == pytest.approx(3.04)

    def test_its_slope_in_s_is_one_less_the_weighted_loss(self):
        s = tf.Variable([0.3, -0.7])
        with tf.GradientTape() as tape:
            value = balanced_loss(self.losses, s)
        np.testing.assert_allclose(
            tape.gradient(value, s), 1 - np.exp(-s.numpy()) * self.losses, rtol=1e-5
        )

    def test_it_is_least_where_s_is_the_logarithm_of_the_loss(self):
        """There every weighted loss is 1: the losses count alike, whatever their size."""
        best = np.log(self.losses)
        least = float(balanced_loss(self.losses, best))
        for move in np.random.default_rng(0).normal(0, 0.3, (20, 2)).astype(np.float32):
            assert float(balanced_loss(self.losses, best + move)) > least - 1e-6
        np.testing.assert_allclose(np.exp(-best) * self.losses, 1, rtol=1e-6)


def unit(values):
    """Sines and cosines (..., 6) scaled to length one for each joint."""
    length = np.sqrt(values[..., :3] ** 2 + values[..., 3:] ** 2)
    return values / np.concatenate([length, length], axis=-1)


def several(heads, rows=40, seed=3):
    """Outputs (rows, 7 K) of K heads of arm3: answers of any length, then promises."""
    rng = np.random.default_rng(seed)
    answers = rng.normal(size=(rows, heads * 6))
    return np.concatenate([answers, rng.uniform(-1, 1, (rows, heads))], axis=-1).astype(np.float32)


class TestOneHead:
    def test_it_is_the_plain_loss(self, problem, arm3):
        """The mean squared distance over the squared reach, and the mean squared chord."""
        q, q_true = joint_vectors(arm3), joint_vectors(arm3, seed=1)
        found = judged(problem, 1, sin_cos(q), labels(arm3, q_true))
        distance = np.linalg.norm(
            tool_position(arm3, np.sin(q), np.cos(q))
            - tool_position(arm3, np.sin(q_true), np.cos(q_true)),
            axis=-1,
        )
        chord = np.mean(4 * np.sin((q - q_true) / 2) ** 2, axis=-1)
        np.testing.assert_allclose(found.position, distance**2, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(found.angle, chord, rtol=1e-4, atol=1e-6)
        expected = [np.mean(distance**2) / arm3.reach**2, np.mean(chord)]
        np.testing.assert_allclose(found.losses, expected, rtol=1e-4)

    def test_it_has_no_promise(self):
        answers, promises = split_outputs(np.zeros((5, 6), np.float32), 6, 1)
        assert answers.shape == (5, 1, 6)
        assert promises.shape == (5, 0)


class TestWinnerTakesAll:
    heads = 4

    @pytest.fixture
    def truth(self, arm3):
        return labels(arm3, joint_vectors(arm3, 40, seed=1))

    @pytest.fixture
    def winner(self, truth):
        """(N,) the head whose sines and cosines differ least from the label, in NumPy."""
        answers = several(self.heads)[:, : 6 * self.heads].reshape(-1, self.heads, 6)
        return ((answers - truth[:, None, :6]) ** 2).sum(axis=-1).argmin(axis=1)

    def test_the_errors_are_the_winner_s(self, problem, arm3, truth, winner):
        outputs = several(self.heads)
        found = judged(problem, self.heads, outputs, truth)
        answers = outputs[:, : 6 * self.heads].reshape(-1, self.heads, 6)
        own = answers[np.arange(len(answers)), winner]
        chord = ((own - truth[:, :6]) ** 2).sum(axis=-1) / 3
        np.testing.assert_allclose(found.angle, chord, rtol=1e-5)
        reached = tool_position(arm3, unit(own)[:, :3], unit(own)[:, 3:])
        squared = ((reached - truth[:, 6:]) ** 2).sum(axis=-1)
        np.testing.assert_allclose(found.position, squared, rtol=1e-4, atol=1e-6)
        assert len(set(winner)) == self.heads

    @pytest.mark.parametrize("which", [0, 1])
    def test_a_sample_s_gradient_reaches_its_winner_alone(self, problem, truth, winner, which):
        """Of the losses of task and joints; idle heads only keep from growing too long."""
        outputs = tf.Variable(several(self.heads))
        with tf.GradientTape() as tape:
            found = judged(problem, self.heads, outputs, truth)
            loss = tf.reduce_sum((found.position, found.angle)[which])
        gradient = tape.gradient(loss, outputs).numpy()
        answers = gradient[:, : 6 * self.heads].reshape(-1, self.heads, 6)
        moved = np.abs(answers).max(axis=-1) > 0
        np.testing.assert_array_equal(moved, np.eye(self.heads, dtype=bool)[winner])
        assert np.all(gradient[:, 6 * self.heads :] == 0)

    def test_the_losses_pull_idle_heads_by_their_length_alone(self, problem, truth):
        short = several(self.heads)
        short[:, : 6 * self.heads] *= 0.1
        winner = judged_winner(short, truth, self.heads)
        outputs = tf.Variable(short)
        with tf.GradientTape() as tape:
            losses = judged(problem, self.heads, outputs, truth).losses
            loss = losses[0] + losses[1]
        gradient = tape.gradient(loss, outputs).numpy()
        answers = gradient[:, : 6 * self.heads].reshape(-1, self.heads, 6)
        # Shorter than what is free, they are not pulled at all.
        moved = np.abs(answers).max(axis=-1) > 0
        np.testing.assert_array_equal(moved, np.eye(self.heads, dtype=bool)[winner])

    def test_the_promises_loss_reaches_every_promise_and_no_answer(self, problem, truth):
        outputs = tf.Variable(several(self.heads))
        with tf.GradientTape() as tape:
            loss = judged(problem, self.heads, outputs, truth).losses[2]
        gradient = tape.gradient(loss, outputs).numpy()
        assert np.all(gradient[:, : 6 * self.heads] == 0)
        assert np.all(gradient[:, 6 * self.heads :] != 0)

    def test_promises_are_judged_by_the_error_after_one_step(self, problem, arm3, truth):
        """As the solver's own refinement takes it, on the clamped joints."""
        outputs = several(self.heads)
        answers = unit(outputs[:, : 6 * self.heads].reshape(-1, self.heads, 6).astype(np.float64))
        q = arm3.clamp(np.arctan2(answers[..., :3], answers[..., 3:]))
        target = np.broadcast_to(truth[:, None, 6:].astype(np.float64), q.shape)
        # One step as it ends, better or not.
        steps = list(_steps(problem, q, target))
        after = squared_error_after_step(problem, answers.astype(np.float32), truth)
        np.testing.assert_allclose(np.ravel(after), steps, rtol=2e-3, atol=1e-5)
        wanted = np.clip((-np.log10(np.sqrt(after) / arm3.reach) * 2 / 5) - 1, -1, 1)
        expected = np.mean((outputs[:, 6 * self.heads :] - wanted) ** 2)
        found = judged(problem, self.heads, outputs, truth)
        assert float(found.losses[2]) == pytest.approx(expected, rel=1e-3)


def judged_winner(outputs, truth, heads):
    answers = outputs[:, : 6 * heads].reshape(-1, heads, 6)
    return ((answers - truth[:, None, :6]) ** 2).sum(axis=-1).argmin(axis=1)


def test_a_joint_that_does_not_move_the_tool_stays_in_a_step(arm3):
    """A wrist that rolls about the tool, as position targets leave it."""
    roll = Joint("roll", arm3.tool, np.array([1.0, 0, 0]), -2.0, 2.0)
    problem = IkProblem(Chain("rolling", (*arm3.joints, roll), np.eye(4)), POSITION)
    q = joint_vectors(problem.chain, 20)
    answers = sin_cos(q + 0.1).reshape(20, 1, 8)
    after = np.ravel(squared_error_after_step(problem, answers, labels(problem.chain, q)))
    before = np.ravel(squared_task_error(problem, answers, labels(problem.chain, q)[:, None, 8:]))
    assert np.all(np.isfinite(after))
    assert np.median(after / before) < 0.1


def _steps(problem, q, target):
    """Squared distances (...) after one step from each q (..., 3), by the definition."""
    chain = problem.chain
    for row, goal in zip(q.reshape(-1, 3), target.reshape(-1, 3), strict=True):
        error = goal - tool_position(chain, np.sin(row), np.cos(row))
        J = problem.jacobian(np.sin(row), np.cos(row))
        settings = DEFAULT_SETTINGS
        strength = settings.damping * (error @ error) + settings.damping_floor
        dq = J.T @ np.linalg.solve(J @ J.T + strength * np.eye(3), error)
        moved = chain.clamp(row + np.clip(dq, -settings.max_step, settings.max_step))
        yield np.sum((goal - tool_position(chain, np.sin(moved), np.cos(moved))) ** 2)


class TestPromise:
    @pytest.mark.parametrize(
        ("error", "expected"), [(1.0, -1.0), (3.0, -1.0), (10**-2.5, 0.0), (1e-5, 0.96)]
    )
    def test_it_is_linear_in_the_logarithm_of_the_error(self, error, expected):
        reach = 0.5
        squared = np.float32((error * reach) ** 2)
        assert float(promise(squared, reach)) == pytest.approx(expected, abs=0.05)

    def test_it_never_leaves_its_range(self):
        found = promise(np.float32([0.0, 1e-12, 1e-6, 1.0, 1e6]), 1.0)
        assert np.all(np.abs(found) <= 1)
        assert np.all(np.diff(found) <= 0)


class TestRobustMean:
    def test_equal_losses_have_their_plain_mean(self):
        assert float(robust_mean(np.full(9, 0.3, np.float32))) == pytest.approx(0.3, rel=1e-6)

    def test_it_is_the_mean_weighted_by_a_power(self):
        losses = np.random.default_rng(0).uniform(1e-3, 2, 50).astype(np.float32)
        weights = (losses + MEAN_FLOOR) ** (MEAN_POWER - 1)
        expected = np.sum(weights * losses) / np.sum(weights)
        assert float(robust_mean(losses)) == pytest.approx(expected, rel=1e-5)
        assert float(robust_mean(losses)) < losses.mean()

    def test_a_sample_s_pull_is_its_weight(self):
        """Weights are no way to lower the loss: nothing flows back through them."""
        losses = tf.Variable(np.float32([1e-4, 1e-2, 1.0]))
        with tf.GradientTape() as tape:
            value = robust_mean(losses)
        gradient = tape.gradient(value, losses).numpy()
        weights = (losses.numpy() + MEAN_FLOOR) ** (MEAN_POWER - 1)
        np.testing.assert_allclose(gradient, weights / weights.sum(), rtol=1e-4)

    def test_losses_of_0_are_finite(self):
        assert float(robust_mean(np.zeros(4, np.float32))) == 0


class TestExcessLength:
    def test_what_is_not_too_long_costs_nothing(self, arm3):
        q = np.random.default_rng(0).uniform(-3, 3, (10, 4, 3))
        long = math.sqrt(FREE_LENGTH_SQUARED) - 1e-3
        assert float(excess_length(HeadOutputs(arm3), long * sin_cos(q))) == 0

    def test_it_is_the_mean_square_of_what_is_beyond(self, arm3):
        outputs = np.float32([[2.0, 0.0, 0.0, 0.0, 0.5, 3.0]])
        squared = np.array([4.0, 0.25, 9.0])
        expected = np.mean(np.maximum(squared - FREE_LENGTH_SQUARED, 0) ** 2)
        assert float(excess_length(HeadOutputs(arm3), outputs)) == pytest.approx(expected)


CASES = [
    ("cylindrical", POSITION),
    ("palletizer", POSITION),
    ("geared", POSITION),
    ("gantry", POSITION),
    ("on a rail", POSITION),
    ("on a rail", make_task("pitch")),
    ("stanford", POSE),
]


class TestOtherJoints:
    """Joints that slide, or that others follow, are judged as the solver moves them."""

    @pytest.fixture(params=CASES, ids=lambda case: f"{case[0]}, {case[1].name}")
    def drawn(self, request, other_arms):
        """A problem, joints within its limits, and their labels as training makes them."""
        name, task = request.param
        problem = IkProblem(other_arms[name], task)
        q = joint_vectors(problem.chain, 200)
        targets = problem.reached_by(q)
        normalization = Normalization.fit(problem.features(targets))
        rows = tf.constant(q, tf.float32)
        _, found = features_and_labels(problem, normalization, rows)
        assert found.shape == (200, label_size(problem))
        return problem, q, targets, found.numpy()

    def test_the_truth_costs_nothing(self, drawn):
        problem, _, _, found = drawn
        numbers, size = found[:, : problem.outputs.size], problem.outputs.size
        target = found[:, size : size + problem.task.size]
        assert np.max(squared_task_error(problem, numbers, target)) < 1e-9
        assert np.max(squared_joint_error(numbers, numbers, problem.joints)) == 0
        assert float(excess_length(problem.outputs, numbers)) < 1e-3

    def test_labels_with_the_target_s_moves_are_the_joints_drawn(self, drawn):
        problem, q, targets, found = drawn
        encoding = problem.encode(list(targets.T))
        numbers = list(found[:, : problem.outputs.size].T.astype(float))
        read = np.array(problem.outputs.read(problem.outputs.turned(numbers, encoding), np.arctan2))
        apart = read.T - q
        turns = np.where(problem.chain.circular, np.round(apart / (2 * np.pi)), 0)
        np.testing.assert_allclose(apart, 2 * np.pi * turns, atol=2e-4)

    def test_promises_are_of_the_solver_s_own_step(self, drawn):
        problem, q, targets, found = drawn
        size, rng = problem.outputs.size, np.random.default_rng(3)
        numbers = found[:, :size] + rng.normal(0, 0.05, (200, size)).astype(np.float32)
        after = np.sqrt(squared_error_after_step(problem, numbers[:, None], found))[:, 0]
        encoding = problem.encode(list(targets.T))
        moved = problem.outputs.turned(list(numbers.T.astype(float)), encoding)
        seeds = problem.chain.clamp(np.array(problem.outputs.read(moved, np.arctan2)).T)
        *_, (stepped, _) = refinements(problem, seeds, targets, 1)
        reached, angle = problem.errors(stepped, targets)
        expected = np.hypot(reached, 2 * problem.length * np.sin(angle / 2))
        # The solver's step is solved again at limits, and its first posture may be the best.
        lower, upper = problem.chain.lower + 0.1, problem.chain.upper - 0.1
        inside = np.all((q > lower) & (q < upper), axis=1) | problem.chain.periodic.all()
        some = inside & (after < 0.05)
        assert some.sum() >= 10
        np.testing.assert_allclose(after[some], expected[some], rtol=0.02, atol=2e-3)

    def test_gradients_are_finite(self, drawn):
        problem, _, _, found = drawn
        start = np.random.default_rng(0).normal(size=(200, problem.outputs.size))
        outputs = tf.Variable(start.astype(np.float32))
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(judged(problem, 1, outputs, found).losses)
        assert np.isfinite(tape.gradient(loss, outputs)).all()
