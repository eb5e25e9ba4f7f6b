"""The network rebuilt in tf_keras, flat, as tensorflow-model-optimization needs it.

That package knows no other Keras and sets TF_USE_LEGACY_KERAS when it is imported, so
only `compress_worker`, a process of its own, imports this module.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras

from edge_ik.model.layers import GatedResidualBlock
from edge_ik.model.network import SiLU
from edge_ik_tools.weights import dense_weights

FloatArray = npt.NDArray[np.float32]

LEVELS = 255.0  # Steps from the lowest to the highest value of 8 bits.
# TFLite's LOGISTIC has a fixed output scale of 1/256; 255/256 is its highest value.
SIGMOID_MAX = LEVELS / 256.0
INPUT_LAYER = "features"
LEAST_RANGE = 1e-6


def build_twin(network: keras.Model) -> tf_keras.Model:
    """The network as a flat tf_keras model of Dense, Activation, Multiply and Add.

    Dropout is left out: in fine-tuning, rounding and pruning are the disturbance.

    Args:
        network: What `build_network` made.

    Returns:
        A model with equal weights and, run eagerly, equal outputs.
    """
    layers = tf_keras.layers
    inputs = layers.Input((network.input_shape[-1],), name=INPUT_LAYER)
    x = inputs
    for layer in network.layers:
        if isinstance(layer, keras.layers.Dense):
            x = layers.Dense(layer.units, name=layer.name)(x)
        elif isinstance(layer, SiLU):
            x = _gated(x, x, layer.name)
        elif isinstance(layer, GatedResidualBlock):
            width = layer.value_layer.units
            value = layers.Dense(width, name=f"{layer.name}_value")(x)
            gate = layers.Dense(width, name=f"{layer.name}_gate")(x) if layer.gate else value
            product = _gated(value, gate, layer.name)
            x = layers.Add(name=f"{layer.name}_sum")([x, product]) if layer.residual else product
        elif not isinstance(layer, keras.layers.InputLayer):
            raise TypeError(f"Expected a layer of an edge-ik network. Received: {layer}")
    twin = tf_keras.Model(inputs, x, name="edge_ik_twin")
    for name, (kernel, bias) in dense_weights(network).items():
        twin.get_layer(name).set_weights([kernel, bias])
    return twin


def twin_weights(twin: tf_keras.Model) -> dict[str, tuple[FloatArray, FloatArray]]:
    """Kernel and bias of every dense layer, also of a pruned or quantized twin, by name."""
    layers = [getattr(layer, "layer", layer) for layer in twin.layers]
    return {
        layer.name: (layer.kernel.numpy(), layer.bias.numpy())
        for layer in layers
        if isinstance(layer, tf_keras.layers.Dense)
    }


def pruned_twin(twin: tf_keras.Model, sparsity: float, steps: int) -> tf_keras.Model:
    """The twin with kernels that lose their smallest weights, more of them each time.

    The share of zeros rises by the polynomial of Zhu and Gupta ("To prune, or not to
    prune", 2017) over the first half of the steps. Call `update_masks` now and then.
    """
    schedule = tfmot.sparsity.keras.PolynomialDecay(
        0.0, sparsity, begin_step=0, end_step=max(1, steps // 2), frequency=1
    )
    return tfmot.sparsity.keras.prune_low_magnitude(twin, pruning_schedule=schedule)


def update_masks(pruned: tf_keras.Model, step: int) -> None:
    """Choose the weights to be zero as the schedule has it at a step, and make them so."""
    for layer in pruned.layers:
        if hasattr(layer, "pruning_obj"):
            layer.pruning_step.assign(step)
            layer.pruning_obj.conditional_mask_update()
            layer.pruning_obj.weight_mask_op()


class TrainedRange(tfmot.quantization.keras.quantizers.Quantizer):  # type: ignore[misc]
    """8-bit activations whose range is trained along with the weights.

    Rounding passes gradients straight through, so the range receives the gradient of
    the step size (Esser et al., "Learned step size quantization", ICLR 2020), here for
    both ends of an asymmetric range.
    """

    def build(self, tensor_shape: Any, name: str, layer: Any) -> dict[str, Any]:
        """The two ends of the range as weights of the layer."""
        return {
            end: layer.add_weight(
                f"{name}_{end}",
                initializer=tf_keras.initializers.Constant(value),
                trainable=True,
            )
            for end, value in (("min", -1.0), ("max", 1.0))
        }

    def __call__(
        self, inputs: tf.Tensor, training: bool, weights: Mapping[str, Any], **kwargs: Any
    ) -> tf.Tensor:
        """Inputs rounded to the 256 values of the range."""
        low, high = tf.convert_to_tensor(weights["min"]), tf.convert_to_tensor(weights["max"])
        if not training:
            # The operator that the converter reads the range from; the values are the same.
            return tf.quantization.fake_quant_with_min_max_vars(inputs, low, high)
        scale = tf.maximum(high - low, LEAST_RANGE) / LEVELS
        zero = tf.stop_gradient(tf.clip_by_value(tf.round(-low / scale), 0.0, LEVELS))
        return (tf.clip_by_value(_rounded(inputs / scale) + zero, 0.0, LEVELS) - zero) * scale

    def get_config(self) -> dict[str, Any]:
        """No arguments."""
        return {}


class _Config(tfmot.quantization.keras.QuantizeConfig):  # type: ignore[misc]
    """How a layer is quantized: nothing of it, unless a subclass says otherwise."""

    def get_weights_and_quantizers(self, layer: Any) -> list[Any]:
        return []

    def get_activations_and_quantizers(self, layer: Any) -> list[Any]:
        return []

    def set_quantize_weights(self, layer: Any, quantize_weights: list[Any]) -> None:
        pass

    def set_quantize_activations(self, layer: Any, quantize_activations: list[Any]) -> None:
        pass

    def get_output_quantizers(self, layer: Any) -> list[Any]:
        return [TrainedRange()]

    def get_config(self) -> dict[str, Any]:
        return {}


class OutputConfig(_Config):
    """For Multiply and Add, which have no weights: a trained range of the output."""


class SigmoidConfig(_Config):
    """The fixed output of TFLite's LOGISTIC."""

    def get_output_quantizers(self, layer: Any) -> list[Any]:
        """Steps of 1/256 from 0."""
        return [
            tfmot.quantization.keras.quantizers.FixedQuantizer(
                num_bits=8, init_min=0.0, init_max=SIGMOID_MAX, narrow_range=False
            )
        ]


class DenseConfig(_Config):
    """Symmetric kernels with a scale for each unit, and a trained range of the output."""

    def get_weights_and_quantizers(self, layer: Any) -> list[Any]:
        """The kernel in -127 to 127; the bias becomes 32 bits wide in conversion."""
        quantizer = tfmot.quantization.keras.quantizers.LastValueQuantizer(
            num_bits=8, per_axis=True, symmetric=True, narrow_range=True
        )
        return [(layer.kernel, quantizer)]

    def set_quantize_weights(self, layer: Any, quantize_weights: list[Any]) -> None:
        """Use the quantized kernel."""
        layer.kernel = quantize_weights[0]


def quantized_twin(twin: tf_keras.Model, features: FloatArray) -> tf_keras.Model:
    """The twin with every rounding that the int8 network will do.

    Args:
        twin: What `build_twin` made.
        features: (N, k) normalized features; the ranges begin as theirs.

    Returns:
        A model with the same weights, and the ranges' ends among its weights.
    """
    configs = {
        tf_keras.layers.Dense: DenseConfig,
        tf_keras.layers.Activation: SigmoidConfig,
        tf_keras.layers.Multiply: OutputConfig,
        tf_keras.layers.Add: OutputConfig,
    }

    def annotate(layer: tf_keras.layers.Layer) -> tf_keras.layers.Layer:
        config = configs[type(layer)]()
        return tfmot.quantization.keras.quantize_annotate_layer(layer, config)

    with tfmot.quantization.keras.quantize_scope({kind.__name__: kind for kind in QUANTIZERS}):
        annotated = tf_keras.models.clone_model(twin, clone_function=annotate)
        annotated.set_weights(twin.get_weights())
        quantized = tfmot.quantization.keras.quantize_apply(annotated)
    _set_ranges(quantized, twin, features)
    return quantized


def convert(quantized: tf_keras.Model) -> bytes:
    """The int8 flatbuffer, with int8 input and output and the ranges of the model."""
    converter = tf.lite.TFLiteConverter.from_keras_model(quantized)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    return bytes(converter.convert())


def _set_ranges(quantized: tf_keras.Model, twin: tf_keras.Model, features: FloatArray) -> None:
    """Begin every activation's range at the least and the largest value of the float twin."""
    names = [layer.name for layer in twin.layers]
    outputs = tf_keras.Model(twin.inputs, [layer.output for layer in twin.layers])(features)
    values = dict(zip(names, outputs, strict=True))
    for layer in quantized.layers:
        ends = {
            weight.name.rpartition("_")[2].partition(":")[0]: weight
            for weight in layer.weights
            if weight.name.endswith(("min:0", "max:0")) and "kernel" not in weight.name
        }
        if ends:
            # The only layer of its own is the one that quantizes the input.
            name = getattr(layer, "layer", None)
            value = values[name.name if name is not None else INPUT_LAYER]
            ends["min"].assign(tf.minimum(tf.reduce_min(value), 0.0))
            ends["max"].assign(tf.maximum(tf.reduce_max(value), 0.0))


QUANTIZERS = (TrainedRange, OutputConfig, SigmoidConfig, DenseConfig)


def _rounded(x: tf.Tensor) -> tf.Tensor:
    """x rounded; the gradient passes as if it were not."""
    return x + tf.stop_gradient(tf.round(x) - x)


def _gated(value: Any, gate: Any, name: str) -> Any:
    """value * sigmoid(gate)."""
    sigmoid = tf_keras.layers.Activation("sigmoid", name=f"{name}_sigmoid")(gate)
    return tf_keras.layers.Multiply(name=f"{name}_product")([value, sigmoid])
