"""Kernels on the grid of integers that they will be stored as.

A network trained so loses nothing when its weights are quantized: what remains of the
error of an integer format is the rounding of activations.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

# As many bits as every TFLite integer kernel gives a weight; symmetric, one scale a unit.
WEIGHT_LIMIT = 127.0


def on_grid(kernel: Any) -> Any:
    """The nearest kernel whose columns are whole multiples of their largest weight over 127.

    Args:
        kernel: (inputs, units) weights.

    Returns:
        (inputs, units); the largest weight of each unit stays as it is.
    """
    largest = ops.max(ops.abs(kernel), axis=0, keepdims=True)
    scale = ops.maximum(largest, keras.config.epsilon()) / WEIGHT_LIMIT
    return ops.round(kernel / scale) * scale


def straight_through(kernel: Any, rounded: Any) -> Any:
    """`on_grid` with the gradient of the identity (Bengio et al., arXiv:1308.3432, 2013).

    Args:
        kernel: (inputs, units) weights.
        rounded: 1 to round, 0 to leave the kernel as it is.
    """
    return kernel + rounded * ops.stop_gradient(on_grid(kernel) - kernel)


def is_kernel(variable: keras.Variable) -> bool:
    """Whether a variable is a matrix of weights, not a bias."""
    return len(variable.shape) == 2


def snap_to_grid(network: keras.Model) -> None:
    """Round every kernel of a network to its grid, in place."""
    for variable in network.trainable_variables:
        if is_kernel(variable):
            variable.assign(on_grid(variable))
