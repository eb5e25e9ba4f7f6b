"""The network: its size, its initial weights, and the operators it converts to."""

import collections
import itertools

import numpy as np
import pytest

pytest.importorskip("keras")

import keras
import tensorflow as tf

from edge_ik.config import NetworkConfig, make_config
from edge_ik.model.network import SiLU, build_network
from firmware_host.network.flatbuffer import read_graph

pytestmark = pytest.mark.tensorflow

FEATURES, JOINTS = 6, 3


def parameters(config):
    """What the layers cost: projection, value and gate of each block, output."""
    width = config.width
    block = (2 if config.gate else 1) * width * (width + 1)
    return (FEATURES + 1) * width + config.blocks * block + (width + 1) * 2 * JOINTS


def outputs(network, rows=20):
    features = np.random.default_rng(0).normal(size=(rows, FEATURES)).astype(np.float32)
    return np.array(network(features, training=False))


@pytest.mark.parametrize(
    ("width", "blocks", "gate"), list(itertools.product([1, 8], [0, 1, 3], [True, False]))
)
def test_the_size_is_the_sum_of_its_layers(width, blocks, gate):
    config = NetworkConfig(width=width, blocks=blocks, gate=gate)
    assert build_network(FEATURES, JOINTS, config).count_params() == parameters(config)


@pytest.mark.parametrize(
    ("preset", "count"), [("nano", 254), ("micro", 1302), ("capstone", 83_953_670)]
)
def test_presets_have_the_size_they_are_named_for(preset, count):
    assert parameters(make_config(preset).network) == count


def test_a_seed_gives_the_same_weights():
    config = NetworkConfig(width=8, blocks=1)
    one, same, other = (build_network(FEATURES, JOINTS, config, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(outputs(one), outputs(same))
    assert not np.array_equal(outputs(one), outputs(other))


@pytest.mark.parametrize("joints", [1, 3, 6])
def test_there_are_two_outputs_a_joint(joints):
    network = build_network(FEATURES, joints, NetworkConfig(width=8, blocks=1))
    assert network.input_shape == (None, FEATURES)
    assert network.output_shape == (None, 2 * joints)


def test_switches_reach_every_block():
    config = NetworkConfig(width=8, blocks=2, dropout=0.2, gate=False, residual=False)
    network = build_network(FEATURES, JOINTS, config)
    for index in range(2):
        block = network.get_layer(f"block_{index}")
        assert (block.dropout, block.gate, block.residual) == (0.2, False, False)


def test_without_the_residual_the_blocks_replace_their_input():
    for residual in (True, False):
        config = NetworkConfig(width=8, blocks=1, residual=residual)
        network = build_network(FEATURES, JOINTS, config)
        block = network.get_layer("block_0")
        block.set_weights([np.zeros_like(weight) for weight in block.get_weights()])
        constant = np.ptp(outputs(network), axis=0).max() == 0
        assert constant == (not residual)


def test_silu_is_x_times_its_sigmoid():
    x = np.linspace(-6, 6, 25, dtype=np.float32)
    np.testing.assert_allclose(SiLU()(x), x / (1 + np.exp(-x)), rtol=1e-5, atol=1e-7)


def test_a_saved_network_computes_the_same(tmp_path):
    network = build_network(FEATURES, JOINTS, NetworkConfig(width=8, blocks=2, dropout=0.1))
    network.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras", compile=False)
    np.testing.assert_array_equal(outputs(loaded), outputs(network))


@pytest.mark.parametrize("gate", [True, False])
def test_it_converts_to_four_operators_only(gate):
    config = NetworkConfig(width=8, blocks=2, dropout=0.1, gate=gate)
    network = build_network(FEATURES, JOINTS, config)
    flatbuffer = tf.lite.TFLiteConverter.from_keras_model(network).convert()
    counted = collections.Counter(operator.name for operator in read_graph(flatbuffer).operators)
    assert counted == {
        "FULLY_CONNECTED": 6 if gate else 4,
        "LOGISTIC": 3,
        "MUL": 3,
        "ADD": 2,
    }
