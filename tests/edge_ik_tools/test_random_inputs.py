"""Random inputs cover what a network can be given."""

from pathlib import Path

import numpy as np
import pytest

from edge_ik_tools.random_inputs import random_inputs
from firmware_host.network.runtimes import open_interpreter

NETWORKS = Path(__file__).parents[1] / "firmware_host" / "models"


@pytest.fixture
def interpreter():
    """Function that opens a network by its name."""
    return lambda name: open_interpreter((NETWORKS / f"{name}.tflite").read_bytes(), "reference")


@pytest.mark.parametrize(("name", "dtype"), [("int8_per_channel", np.int8), ("int16x8", np.int16)])
def test_integers_cover_the_range_of_their_type(interpreter, name, dtype):
    inputs = random_inputs(interpreter(name), 5000, np.random.default_rng(0))
    assert (inputs.shape, inputs.dtype) == ((5000, 6), dtype)
    limits = np.iinfo(dtype)
    assert inputs.min() < 0.999 * limits.min
    assert inputs.max() > 0.999 * limits.max


def test_floats_are_spread_as_normalized_features_are(interpreter):
    inputs = random_inputs(interpreter("float32"), 5000, np.random.default_rng(0))
    assert (inputs.shape, inputs.dtype) == ((5000, 6), np.float32)
    assert abs(inputs.mean()) < 0.05
    assert abs(inputs.std() - 1) < 0.05
