"""The gated residual block that the networks are made of."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


class GatedResidualBlock(keras.layers.Layer):  # type: ignore[misc]
    """x + dropout(value(x) * sigmoid(gate(x))), with dense value and gate.

    The gate is that of gated linear units (Dauphin et al., "Language modeling with
    gated convolutional networks", ICML 2017). Without it the block's nonlinearity
    is SiLU.

    Args:
        dropout: Share of the product's units dropped in training, in [0, 1).
        gate: False replaces the product by silu(value(x)).
        residual: False leaves x out of the sum.
        **kwargs: Arguments of every Keras layer, such as `name`.

    Input shape: (batch, width). Output shape: the same.
    """

    def __init__(
        self, dropout: float = 0.0, gate: bool = True, residual: bool = True, **kwargs: Any
    ) -> None:
        if not 0 <= dropout < 1:
            raise ValueError(f"Expected dropout in [0, 1). Received: dropout={dropout}")
        super().__init__(**kwargs)
        self.dropout = dropout
        self.gate = gate
        self.residual = residual
        self.dropout_layer = keras.layers.Dropout(dropout) if dropout > 0 else None

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the dense layers; the width is the input's."""
        width = input_shape[-1]
        if width is None:
            raise ValueError(f"Expected a known width. Received: input_shape={input_shape}")
        self.value_layer = keras.layers.Dense(width, name="value")
        self.value_layer.build(input_shape)
        if self.gate:
            self.gate_layer = keras.layers.Dense(width, name="gate")
            self.gate_layer.build(input_shape)
        self.built = True

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Apply the block to inputs (batch, width)."""
        value = self.value_layer(inputs)
        if self.gate:
            value = value * ops.sigmoid(self.gate_layer(inputs))
        else:
            value = value * ops.sigmoid(value)
        if self.dropout_layer is not None:
            value = self.dropout_layer(value, training=training)
        return inputs + value if self.residual else value

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The arguments that rebuild the layer."""
        return {
            **super().get_config(),
            "dropout": self.dropout,
            "gate": self.gate,
            "residual": self.residual,
        }
