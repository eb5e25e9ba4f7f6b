"""The network: normalized features in, mostly the sine and cosine of every joint out."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from edge_ik.config import NetworkConfig
from edge_ik.model.layers import GatedResidualBlock
from firmware_host.spec import network_outputs

LAST_LAYER = "sin_cos"
# Half of a posture's numbers: a head leans toward it and is drawn on by its samples.
HEAD_START = 0.5


class SiLU(keras.layers.Layer):  # type: ignore[misc]
    """x * sigmoid(x), written so that it converts to LOGISTIC and MUL.

    Input shape: any. Output shape: the same.
    """

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """Apply the activation elementwise."""
        return inputs * ops.sigmoid(inputs)


def build_network(
    features: int, numbers: int, config: NetworkConfig, rng_seed: int = 0
) -> keras.Model:
    """Build the functional model.

    Args:
        features: Number of input features.
        numbers: How many numbers a head gives, a.
        config: Width, blocks, heads, dropout and the ablation switches.
        rng_seed: Seed of the initial weights and of dropout.

    Returns:
        A model from normalized features (batch, features) to outputs as
        `firmware_host.spec.network_outputs` counts them.
    """
    keras.utils.set_random_seed(rng_seed)
    inputs = keras.Input((features,), name="features")
    x = keras.layers.Dense(config.width, name="projection")(inputs)
    x = SiLU(name="projection_silu")(x)
    for index in range(config.blocks):
        x = GatedResidualBlock(
            dropout=config.dropout,
            gate=config.gate,
            residual=config.residual,
            name=f"block_{index}",
        )(x)
    outputs = keras.layers.Dense(network_outputs(numbers, config.heads), name=LAST_LAYER)(x)
    return keras.Model(inputs, outputs, name="edge_ik")


def parameter_count(features: int, numbers: int, config: NetworkConfig) -> int:
    """How many numbers the network of `build_network` has, without building it."""
    width, outputs = config.width, network_outputs(numbers, config.heads)
    dense = (1 + config.gate) * config.blocks
    return (features + 1 + dense * (width + 1)) * width + (width + 1) * outputs


def spread_heads(network: keras.Model, answers: npt.NDArray[np.floating[Any]], heads: int) -> None:
    """Let each head begin with a posture of its own, far from the others'.

    No head is then idle from the start, and none needs a share of what others win.

    Args:
        network: What `build_network` returned.
        answers: (N, a) numbers of postures, in random order.
        heads: How many heads the network has, K; with one, nothing is done.
    """
    if heads == 1:
        return
    picked = answers[farthest_points(answers, heads)]
    bias = network.get_layer(LAST_LAYER).bias
    values = np.zeros(bias.shape, np.float32)
    values[: picked.size] = HEAD_START * picked.ravel()
    bias.assign(values)


def farthest_points(points: npt.NDArray[np.floating[Any]], count: int) -> npt.NDArray[np.int_]:
    """Indices of points (N, k) far from one another: each next one farthest from those before.

    Gonzalez, "Clustering to minimize the maximum intercluster distance", Theoretical
    Computer Science, 1985.
    """
    picked = [0]
    distance = np.full(len(points), np.inf)
    for _ in range(count - 1):
        distance = np.minimum(distance, ((points - points[picked[-1]]) ** 2).sum(axis=1))
        picked.append(int(distance.argmax()))
    return np.array(picked)
