"""A Keras network as a function from NumPy arrays to NumPy arrays."""

from __future__ import annotations

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from firmware_host.solver import Predict

# Rows at a time: bounds the memory that wide networks take.
PREDICT_ROWS = 10_000


def predictor(network: keras.Model) -> Predict:
    """The network as a function from features (N, k) to outputs (N, 2n) in NumPy."""
    signature = [tf.TensorSpec((None, network.input_shape[-1]), tf.float32)]
    compiled = tf.function(
        lambda features: network(features, training=False), input_signature=signature
    )

    def predict(features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        blocks = np.array_split(features, max(1, len(features) // PREDICT_ROWS))
        outputs: npt.NDArray[np.float32] = np.concatenate([compiled(block) for block in blocks])
        return outputs

    return predict
