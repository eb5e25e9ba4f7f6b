"""The losses against their definitions in NumPy."""

import numpy as np
import pytest

pytest.importorskip("keras")

import tensorflow as tf

from edge_ik.model.losses import (
    balanced_loss,
    squared_angle_error,
    squared_task_error,
    unit_circle,
)
from firmware_host.kinematics import tool_position

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
    assert np.max(squared_task_error(problem, outputs, truth)) < 1e-11
    assert np.max(squared_angle_error(outputs, truth, 3)) == 0


def test_the_position_loss_is_the_squared_distance_of_the_tools(problem, arm3):
    q, q_true = joint_vectors(arm3), joint_vectors(arm3, seed=1)
    distance = np.linalg.norm(
        tool_position(arm3, np.sin(q), np.cos(q))
        - tool_position(arm3, np.sin(q_true), np.cos(q_true)),
        axis=-1,
    )
    loss = squared_task_error(problem, sin_cos(q), labels(arm3, q_true))
    np.testing.assert_allclose(loss, distance**2, rtol=1e-4, atol=1e-6)


def test_the_length_of_sine_and_cosine_does_not_change_the_position_loss(problem, arm3):
    q, truth = joint_vectors(arm3), labels(arm3, joint_vectors(arm3, seed=1))
    scale = np.random.default_rng(2).uniform(0.5, 2, (len(q), 3)).astype(np.float32)
    scaled = sin_cos(q) * np.concatenate([scale, scale], axis=-1)
    np.testing.assert_allclose(
        squared_task_error(problem, scaled, truth),
        squared_task_error(problem, sin_cos(q), truth),
        atol=1e-5,
    )


def test_the_angle_loss_is_the_squared_chord_a_joint(arm3):
    q, q_true = joint_vectors(arm3), joint_vectors(arm3, seed=1)
    loss = squared_angle_error(sin_cos(q), labels(arm3, q_true), 3)
    expected = np.mean(4 * np.sin((q - q_true) / 2) ** 2, axis=-1)
    np.testing.assert_allclose(loss, expected, rtol=1e-4, atol=1e-6)


def test_the_unit_circle_is_smooth_at_the_origin():
    outputs = tf.Variable(np.zeros((1, 6), np.float32))
    with tf.GradientTape() as tape:
        sin_q, cos_q = unit_circle(outputs, 3)
        total = tf.reduce_sum(sin_q + cos_q)
    assert np.isfinite(tape.gradient(total, outputs)).all()
    assert np.all(sin_q.numpy() == 0)


def test_the_position_loss_pulls_toward_the_truth(problem, arm3):
    """Its gradient is that of finite differences."""
    q, truth = joint_vectors(arm3, 4), labels(arm3, joint_vectors(arm3, 4, seed=1))
    outputs = tf.Variable(sin_cos(q))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(squared_task_error(problem, outputs, truth))
    gradient = tape.gradient(loss, outputs).numpy()

    def at(values):
        scale = np.concatenate([np.hypot(values[:, :3], values[:, 3:])] * 2, axis=-1)
        unit = values / scale
        error = tool_position(arm3, unit[:, :3], unit[:, 3:]) - truth[:, 6:]
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
