"""The network: normalized features in, sine and cosine of every joint out."""

from __future__ import annotations

import keras
from keras import ops

from edge_ik.config import NetworkConfig
from edge_ik.model.layers import GatedResidualBlock


@keras.saving.register_keras_serializable(package="edge_ik")
class SiLU(keras.layers.Layer):  # type: ignore[misc]
    """x * sigmoid(x), written so that it converts to LOGISTIC and MUL.

    Input shape: any. Output shape: the same.
    """

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """Apply the activation elementwise."""
        return inputs * ops.sigmoid(inputs)


def build_network(
    features: int, joints: int, config: NetworkConfig, rng_seed: int = 0
) -> keras.Model:
    """Build the functional model.

    Args:
        features: Number of input features.
        joints: Number of joints n.
        config: Width, blocks, dropout and the ablation switches.
        rng_seed: Seed of the initial weights and of dropout.

    Returns:
        A model from normalized features (batch, features) to (batch, 2n): the n
        sines, then the n cosines.
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
    outputs = keras.layers.Dense(2 * joints, name="sin_cos")(x)
    return keras.Model(inputs, outputs, name="edge_ik")
