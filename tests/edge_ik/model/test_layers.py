"""The gated residual block: its formula, its switches, and its life on disk."""

import numpy as np
import pytest

pytest.importorskip("keras")


from edge_ik.model.layers import GatedResidualBlock

pytestmark = pytest.mark.tensorflow

WIDTH = 5
SWITCHES = [(gate, residual) for gate in (True, False) for residual in (True, False)]


def inputs(rows=7):
    return np.random.default_rng(0).normal(size=(rows, WIDTH)).astype(np.float32)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def built(**options):
    """A built block with random weights."""
    block = GatedResidualBlock(**options)
    block.build((None, WIDTH))
    rng = np.random.default_rng(1)
    block.set_weights([rng.normal(size=weight.shape) for weight in block.get_weights()])
    return block


@pytest.mark.parametrize(("gate", "residual"), SWITCHES)
def test_the_output_is_the_formula(gate, residual):
    block, x = built(gate=gate, residual=residual), inputs()
    weights = block.get_weights()
    value = x @ weights[0] + weights[1]
    expected = value * sigmoid(x @ weights[2] + weights[3] if gate else value)
    expected = x + expected if residual else expected
    np.testing.assert_allclose(block(x), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("gate", "layers"), [(True, 2), (False, 1)])
def test_the_gate_is_what_its_weights_cost(gate, layers):
    assert built(gate=gate).count_params() == layers * WIDTH * (WIDTH + 1)


def test_the_configuration_gives_every_argument_back():
    block = GatedResidualBlock(dropout=0.3, gate=False, residual=False, name="mine")
    again = GatedResidualBlock.from_config(block.get_config())
    assert (again.dropout, again.gate, again.residual, again.name) == (0.3, False, False, "mine")
    assert again.get_config() == block.get_config()


class TestDropout:
    def test_it_acts_in_training_only(self):
        block, x = built(dropout=0.5), inputs()
        plain = built(dropout=0.0)
        np.testing.assert_array_equal(block(x, training=False), plain(x))
        assert not np.array_equal(block(x, training=True), plain(x))

    def test_it_drops_the_product_and_never_the_input(self):
        block, x = built(dropout=0.9), inputs(200)
        change = np.array(block(x, training=True)) - x
        assert np.mean(change == 0) == pytest.approx(0.9, abs=0.05)

    @pytest.mark.parametrize("dropout", [-0.1, 1.0, 1.5, float("nan")])
    def test_a_share_out_of_range_is_told(self, dropout):
        with pytest.raises(ValueError, match=f"dropout={dropout}"):
            GatedResidualBlock(dropout=dropout)


def test_an_unknown_width_is_told():
    with pytest.raises(ValueError, match=r"input_shape=\(None, None\)"):
        GatedResidualBlock().build((None, None))


def test_the_shape_stays():
    assert GatedResidualBlock().compute_output_shape((None, 9)) == (None, 9)
    assert built()(inputs()).shape == (7, WIDTH)
