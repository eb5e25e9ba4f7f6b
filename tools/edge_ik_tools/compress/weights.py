"""The weights of a network by the names of its dense layers, whatever nests them."""

from __future__ import annotations

from collections.abc import Mapping

import keras
import numpy as np
import numpy.typing as npt

from edge_ik.model.layers import GatedResidualBlock

FloatArray = npt.NDArray[np.float32]
"""Weights as the network is trained."""
DenseWeights = dict[str, tuple[FloatArray, FloatArray]]
"""Kernel (inputs, units) and bias (units,) of each dense layer by its name."""


def dense_layers(network: keras.Model) -> dict[str, keras.layers.Dense]:
    """The dense layers by name; those of block b are b_value and b_gate."""
    found = {}
    for layer in network.layers:
        if isinstance(layer, keras.layers.Dense):
            found[layer.name] = layer
        elif isinstance(layer, GatedResidualBlock):
            found[f"{layer.name}_value"] = layer.value_layer
            if layer.gate:
                found[f"{layer.name}_gate"] = layer.gate_layer
    return found


def dense_weights(network: keras.Model) -> DenseWeights:
    """Kernel (inputs, units) and bias (units,) of every dense layer by name."""
    return {
        name: (
            np.asarray(keras.ops.convert_to_numpy(layer.kernel)),
            np.asarray(keras.ops.convert_to_numpy(layer.bias)),
        )
        for name, layer in dense_layers(network).items()
    }


def set_dense_weights(
    network: keras.Model, weights: Mapping[str, tuple[FloatArray, FloatArray]]
) -> None:
    """Give every dense layer the kernel and the bias of its name."""
    for name, layer in dense_layers(network).items():
        kernel, bias = weights[name]
        layer.kernel.assign(kernel)
        layer.bias.assign(bias)
