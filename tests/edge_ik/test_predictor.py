"""The predictor: the network's own numbers, for any number of rows."""

import numpy as np
import pytest

pytest.importorskip("tensorflow")

import keras

from edge_ik import predictor as module
from edge_ik.config import NetworkConfig
from edge_ik.model.network import build_network
from edge_ik.predictor import predictor

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def network():
    return build_network(6, 6, NetworkConfig(width=8, blocks=1, heads=1, dropout=0.5), rng_seed=1)


def features(rows):
    return np.random.default_rng(0).normal(size=(rows, 6)).astype(np.float32)


@pytest.mark.parametrize("rows", [0, 1, 9, 10, 11, 35])
def test_it_gives_the_network_s_outputs_block_by_block(network, monkeypatch, rows):
    monkeypatch.setattr(module, "PREDICT_ROWS", 10)
    outputs = predictor(network)(features(rows))
    assert isinstance(outputs, np.ndarray)
    assert (outputs.shape, outputs.dtype) == ((rows, 6), np.float32)
    expected = keras.ops.convert_to_numpy(network(features(rows), training=False))
    np.testing.assert_allclose(outputs, expected, atol=1e-6)


def test_dropout_is_off(network):
    predict = predictor(network)
    np.testing.assert_array_equal(predict(features(50)), predict(features(50)))


def test_it_follows_the_network_s_weights(network):
    """Training keeps one predictor and assigns new weights to its network."""
    clone = keras.models.clone_model(network)
    predict = predictor(clone)
    before = predict(features(5))
    clone.set_weights([weight + 0.1 for weight in clone.get_weights()])
    after = predict(features(5))
    assert np.abs(after - before).max() > 0.05
    np.testing.assert_allclose(after, clone(features(5), training=False), atol=1e-6)


def test_features_of_another_width_are_refused(network):
    with pytest.raises((TypeError, ValueError)):
        predictor(network)(np.zeros((4, 5), np.float32))
