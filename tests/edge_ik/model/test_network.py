"""The network: its size, its initial weights, and the operators it converts to."""

import collections
import itertools

import numpy as np
import pytest

pytest.importorskip("keras")

import tensorflow as tf

from edge_ik.config import NetworkConfig, make_config
from edge_ik.model.network import (
    HEAD_START,
    LAST_LAYER,
    SiLU,
    build_network,
    farthest_points,
    parameter_count,
    spread_heads,
)
from firmware_host.network.flatbuffer import read_graph

pytestmark = pytest.mark.tensorflow

FEATURES, JOINTS = 6, 3


def parameters(config):
    """What the layers cost: projection, value and gate of each block, output."""
    width, heads = config.width, config.heads
    block = (2 if config.gate else 1) * width * (width + 1)
    outputs = heads * 2 * JOINTS + (heads if heads > 1 else 0)
    return (FEATURES + 1) * width + config.blocks * block + (width + 1) * outputs


def outputs(network, rows=20):
    features = np.random.default_rng(0).normal(size=(rows, FEATURES)).astype(np.float32)
    return np.array(network(features, training=False))


@pytest.mark.parametrize(
    ("width", "blocks", "heads", "gate"),
    list(itertools.product([1, 8], [0, 1, 3], [1, 2, 12], [True, False])),
)
def test_the_size_is_the_sum_of_its_layers(width, blocks, heads, gate):
    config = NetworkConfig(width=width, blocks=blocks, heads=heads, gate=gate)
    assert build_network(FEATURES, 2 * JOINTS, config).count_params() == parameters(config)
    assert parameter_count(FEATURES, 2 * JOINTS, config) == parameters(config)


@pytest.mark.parametrize(
    ("preset", "count"), [("nano", 254), ("micro", 1302), ("capstone", 83_953_670)]
)
def test_presets_have_the_size_they_are_named_for(preset, count):
    one_branch = make_config(preset, overrides={"network.heads": 1}).network
    assert parameters(one_branch) == count


def test_a_seed_gives_the_same_weights():
    config = NetworkConfig(width=8, blocks=1, heads=1)
    one, same, other = (build_network(FEATURES, 2 * JOINTS, config, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(outputs(one), outputs(same))
    assert not np.array_equal(outputs(one), outputs(other))


@pytest.mark.parametrize("joints", [1, 3, 6])
def test_there_are_two_outputs_a_joint(joints):
    network = build_network(FEATURES, 2 * joints, NetworkConfig(width=8, blocks=1, heads=1))
    assert network.input_shape == (None, FEATURES)
    assert network.output_shape == (None, 2 * joints)


@pytest.mark.parametrize(("joints", "heads"), [(3, 2), (6, 12)])
def test_several_heads_have_a_promise_each_behind_them(joints, heads):
    network = build_network(FEATURES, 2 * joints, NetworkConfig(width=8, blocks=1, heads=heads))
    assert network.output_shape == (None, heads * 2 * joints + heads)


def test_switches_reach_every_block():
    config = NetworkConfig(width=8, blocks=2, heads=1, dropout=0.2, gate=False, residual=False)
    network = build_network(FEATURES, 2 * JOINTS, config)
    for index in range(2):
        block = network.get_layer(f"block_{index}")
        assert (block.dropout, block.gate, block.residual) == (0.2, False, False)


def test_without_the_residual_the_blocks_replace_their_input():
    for residual in (True, False):
        config = NetworkConfig(width=8, blocks=1, heads=1, residual=residual)
        network = build_network(FEATURES, 2 * JOINTS, config)
        block = network.get_layer("block_0")
        block.set_weights([np.zeros_like(weight) for weight in block.get_weights()])
        constant = np.ptp(outputs(network), axis=0).max() == 0
        assert constant == (not residual)


def test_silu_is_x_times_its_sigmoid():
    x = np.linspace(-6, 6, 25, dtype=np.float32)
    np.testing.assert_allclose(SiLU()(x), x / (1 + np.exp(-x)), rtol=1e-5, atol=1e-7)


def test_weights_make_another_network_compute_the_same():
    config = NetworkConfig(width=8, blocks=2, heads=1, dropout=0.1)
    network, other = (build_network(FEATURES, 2 * JOINTS, config, seed) for seed in (0, 1))
    assert not np.array_equal(outputs(other), outputs(network))
    other.set_weights(network.get_weights())
    np.testing.assert_array_equal(outputs(other), outputs(network))


@pytest.mark.parametrize("heads", [1, 3])
@pytest.mark.parametrize("gate", [True, False])
def test_it_converts_to_four_operators_only(gate, heads):
    config = NetworkConfig(width=8, blocks=2, heads=heads, dropout=0.1, gate=gate)
    network = build_network(FEATURES, 2 * JOINTS, config)
    flatbuffer = tf.lite.TFLiteConverter.from_keras_model(network).convert()
    counted = collections.Counter(operator.name for operator in read_graph(flatbuffer).operators)
    assert counted == {
        "FULLY_CONNECTED": 6 if gate else 4,
        "LOGISTIC": 3,
        "MUL": 3,
        "ADD": 2,
    }


class TestSpreadHeads:
    @pytest.fixture
    def answers(self):
        q = np.random.default_rng(1).uniform(-3, 3, (500, JOINTS))
        return np.concatenate([np.sin(q), np.cos(q)], axis=-1).astype(np.float32)

    def last_bias(self, network):
        return network.get_layer(LAST_LAYER).get_weights()[1]

    @pytest.mark.parametrize("heads", [2, 5, 12])
    def test_each_head_begins_near_a_posture_of_its_own(self, answers, heads):
        config = NetworkConfig(width=8, blocks=1, heads=heads)
        network = build_network(FEATURES, 2 * JOINTS, config)
        spread_heads(network, answers, heads)
        bias = self.last_bias(network)
        starts = bias[: heads * 2 * JOINTS].reshape(heads, -1) / HEAD_START
        distance = ((starts[:, None] - answers[None]) ** 2).sum(axis=-1)
        assert np.allclose(distance.min(axis=1), 0, atol=1e-10)
        between = ((starts[:, None] - starts[None]) ** 2).sum(axis=-1)
        apart = between[~np.eye(heads, dtype=bool)].min()
        # As far from one another as no other posture is from the nearest of them.
        assert apart >= distance.min(axis=0).max() - 1e-6
        assert np.all(bias[heads * 2 * JOINTS :] == 0)

    def test_the_weights_stay_and_so_does_a_network_of_one_head(self, answers):
        for heads in (1, 3):
            config = NetworkConfig(width=8, blocks=1, heads=heads)
            network = build_network(FEATURES, 2 * JOINTS, config)
            before = [weight.copy() for weight in network.get_weights()]
            spread_heads(network, answers, heads)
            same = [
                np.array_equal(old, new)
                for old, new in zip(before, network.get_weights(), strict=True)
            ]
            assert same.count(False) == (heads > 1)

    def test_points_are_taken_the_farthest_first(self):
        points = np.array([[0.0], [1.0], [10.0], [4.0], [9.0]])
        assert farthest_points(points, 4).tolist() == [0, 2, 3, 1]
        assert farthest_points(points, 1).tolist() == [0]
