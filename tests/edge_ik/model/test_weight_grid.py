"""Kernels on the grid of eight bits: rounded once, trained straight through."""

import numpy as np
import pytest

pytest.importorskip("tensorflow")

import keras
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from edge_ik.config import LossConfig, MiningConfig, NetworkConfig
from edge_ik.data.dataset import batch_function
from edge_ik.model.network import build_network
from edge_ik.model.trainer import IkTrainer
from edge_ik.model.weight_grid import (
    WEIGHT_LIMIT,
    is_kernel,
    on_grid,
    snap_to_grid,
    straight_through,
)
from edge_ik.run import Run

pytestmark = pytest.mark.tensorflow

# Single precision rounds the scale, and each multiple of it once more.
ROUNDING = 1e-6

seeds = st.integers(0, 2**32 - 1)
shapes = st.tuples(st.integers(1, 9), st.integers(1, 5))
magnitudes = st.floats(-3, 3)


def random_kernel(seed, shape, magnitude):
    kernel = np.random.default_rng(seed).normal(size=shape) * 10**magnitude
    return kernel.astype(np.float32)


def values(tensor):
    return keras.ops.convert_to_numpy(tensor)


def levels(kernel):
    """A kernel in units of each column's largest weight over 127."""
    kernel = values(kernel).astype(np.float64)
    largest = np.abs(kernel).max(axis=0)
    return WEIGHT_LIMIT * kernel / np.where(largest > 0, largest, 1.0)


def kernels(network):
    return [values(variable) for variable in network.trainable_variables if is_kernel(variable)]


def assert_on_grid(kernel):
    found = levels(kernel)
    np.testing.assert_allclose(found, np.round(found), atol=WEIGHT_LIMIT * ROUNDING)


@given(seeds, shapes, magnitudes)
def test_weights_are_whole_multiples_of_the_largest_over_127(seed, shape, magnitude):
    kernel = random_kernel(seed, shape, magnitude)
    rounded = values(on_grid(kernel))
    assert_on_grid(rounded)
    assert np.abs(levels(rounded)).max() <= WEIGHT_LIMIT
    half_a_level = np.abs(kernel).max(axis=0) / WEIGHT_LIMIT / 2
    assert np.all(np.abs(rounded - kernel) <= half_a_level * (1 + 1e-4))


@given(seeds, shapes, magnitudes)
def test_rounding_twice_is_rounding_once(seed, shape, magnitude):
    once = values(on_grid(random_kernel(seed, shape, magnitude)))
    np.testing.assert_allclose(values(on_grid(once)), once, rtol=ROUNDING)
    np.testing.assert_array_equal(np.round(levels(on_grid(once))), np.round(levels(once)))


@given(seeds, shapes, magnitudes)
def test_the_largest_weight_of_each_unit_is_kept(seed, shape, magnitude):
    kernel = random_kernel(seed, shape, magnitude)
    rounded = values(on_grid(kernel))
    largest = np.abs(kernel).argmax(axis=0)
    units = np.arange(shape[1])
    np.testing.assert_allclose(rounded[largest, units], kernel[largest, units], rtol=ROUNDING)


def test_each_unit_has_a_scale_of_its_own():
    kernel = np.array([[1.0, 100.0], [0.5, 30.0], [0.003, 0.3]], np.float32)
    expected = np.array([[127, 127], [64, 38], [0, 0]]) * [1 / 127, 100 / 127]
    np.testing.assert_allclose(values(on_grid(kernel)), expected, rtol=ROUNDING)


def test_a_unit_without_weights_stays_so():
    kernel = np.zeros((4, 2), np.float32)
    kernel[:, 1] = [1, 2, 3, 4]
    assert np.all(values(on_grid(kernel))[:, 0] == 0)


@pytest.mark.parametrize("rounded", [0.0, 1.0])
def test_the_gradient_is_that_of_the_identity(rounded):
    kernel = tf.Variable(random_kernel(0, (6, 4), 0))
    weights = random_kernel(1, (6, 4), 0)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(weights * straight_through(kernel, rounded))
    np.testing.assert_array_equal(tape.gradient(loss, kernel), weights)


def test_rounding_is_switched_by_a_number():
    kernel = random_kernel(0, (6, 4), 0)
    np.testing.assert_array_equal(values(straight_through(kernel, 0.0)), kernel)
    np.testing.assert_allclose(
        values(straight_through(kernel, 1.0)), values(on_grid(kernel)), rtol=ROUNDING, atol=1e-7
    )


def test_a_network_is_rounded_but_for_its_biases():
    network = build_network(6, 6, NetworkConfig(width=8, blocks=1, heads=1))
    rng = np.random.default_rng(0)
    for variable in network.trainable_variables:
        variable.assign(rng.normal(size=variable.shape))
    before = [values(variable).copy() for variable in network.trainable_variables]
    snap_to_grid(network)
    changed = 0
    for variable, old in zip(network.trainable_variables, before, strict=True):
        if is_kernel(variable):
            assert_on_grid(variable)
            changed += not np.array_equal(values(variable), old)
        else:
            np.testing.assert_array_equal(values(variable), old)
    assert changed == 4


class TestTraining:
    def trainer(self, problem, grid_start):
        network = build_network(6, 6, NetworkConfig(width=8, blocks=1, heads=1), rng_seed=3)
        mining = MiningConfig(share=0.0)
        trainer = IkTrainer(network, problem, 1, LossConfig(), mining, 32, 0, grid_start)
        trainer.compile(keras.optimizers.Adam(1e-2), run_eagerly=True)
        trainer.optimizer.build(trainer.trainable_variables)
        return trainer

    def test_kernels_are_rounded_from_their_step_on(self, arm3_source):
        trainer = self.trainer(arm3_source.problem, 2)
        batch = batch_function(arm3_source, 32, 0, 100)(tf.constant(0, tf.int64))
        for step in range(4):
            network = keras.models.clone_model(trainer.network)
            network.set_weights(trainer.network.get_weights())
            if step >= 2:
                snap_to_grid(network)
            np.testing.assert_allclose(
                values(trainer._forward(batch[0])), values(network(batch[0])), atol=1e-5
            )
            trainer.train_step(batch)

    def test_what_is_trained_is_not_rounded(self, arm3_source):
        trainer = self.trainer(arm3_source.problem, 0)
        trainer.train_step(batch_function(arm3_source, 32, 0, 100)(tf.constant(0, tf.int64)))
        off = [np.abs(levels(kernel) - np.round(levels(kernel))) for kernel in kernels(trainer)]
        assert min(part.max() for part in off) > 0.1

    def test_the_best_network_of_a_run_is_on_the_grid(self, tiny_folder):
        run = Run.load(tiny_folder)
        assert run.config.training.grid_start < 1
        found = kernels(run.load_network())
        assert len(found) == 4
        for kernel in found:
            assert_on_grid(kernel)
