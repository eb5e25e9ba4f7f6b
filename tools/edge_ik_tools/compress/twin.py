"""The network rebuilt in tf_keras, flat, as tensorflow-model-optimization needs it.

That package knows no other Keras and sets TF_USE_LEGACY_KERAS when it is imported, so
only `worker`, a process of its own, imports this module.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras

from edge_ik.model.layers import GatedResidualBlock
from edge_ik.model.network import SiLU
from edge_ik.model.weight_grid import on_grid, straight_through
from edge_ik_tools.compress.weights import DenseWeights, FloatArray, dense_weights

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


def twin_weights(twin: tf_keras.Model) -> DenseWeights:
    """Kernel and bias of every dense layer, also of a pruned or quantized twin, by name."""
    found = {}
    for layer in twin.layers:
        inner = getattr(layer, "layer", layer)
        if isinstance(inner, tf_keras.layers.Dense):
            # By name, since quantizing puts a tensor in the place of the attribute `kernel`.
            arrays = {weight.name.rpartition("/")[2]: weight.numpy() for weight in layer.weights}
            found[inner.name] = (arrays["kernel:0"], arrays["bias:0"])
    return found


def pruned_twin(twin: tf_keras.Model, sparsity: float, end_step: int) -> tf_keras.Model:
    """The twin with kernels that lose their smallest weights, more of them each time.

    The share of zeros rises to `sparsity` at `end_step` by the polynomial of Zhu and
    Gupta ("To prune, or not to prune", 2017). `update_masks` makes them zero.
    """
    schedule = tfmot.sparsity.keras.PolynomialDecay(
        0.0, sparsity, begin_step=0, end_step=end_step, frequency=1
    )
    return tfmot.sparsity.keras.prune_low_magnitude(twin, pruning_schedule=schedule)


def update_masks(pruned: tf_keras.Model, step: int) -> None:
    """Choose the weights that the schedule has zero at a step, and make them so."""
    for layer in pruned.layers:
        if hasattr(layer, "pruning_obj"):
            layer.pruning_step.assign(min(step, layer.pruning_schedule.end_step))
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


class KernelRounding(tfmot.quantization.keras.quantizers.Quantizer):  # type: ignore[misc]
    """Symmetric 8-bit kernels with a scale for each unit.

    The package's own quantizer by unit divides by the range, which is 0 for a unit
    that pruning left without weights.
    """

    def build(self, tensor_shape: Any, name: str, layer: Any) -> dict[str, Any]:
        """No variables: the range is that of the kernel."""
        return {}

    def __call__(
        self, inputs: tf.Tensor, training: bool, weights: Mapping[str, Any], **kwargs: Any
    ) -> tf.Tensor:
        """The kernel (inputs, units) rounded to -127 to 127 steps of each unit."""
        return straight_through(inputs, 1.0)

    def get_config(self) -> dict[str, Any]:
        """No arguments."""
        return {}


class OutputConfig(tfmot.quantization.keras.QuantizeConfig):  # type: ignore[misc]
    """Quantizes a layer's output only, in a trained range: for Multiply and Add."""

    def get_weights_and_quantizers(self, layer: Any) -> list[Any]:
        """No weights."""
        return []

    def get_activations_and_quantizers(self, layer: Any) -> list[Any]:
        """No activation inside the layer."""
        return []

    def set_quantize_weights(self, layer: Any, quantize_weights: list[Any]) -> None:
        """Nothing to set."""
        del layer, quantize_weights

    def set_quantize_activations(self, layer: Any, quantize_activations: list[Any]) -> None:
        """Nothing to set."""
        del layer, quantize_activations

    def get_output_quantizers(self, layer: Any) -> list[Any]:
        """The trained range."""
        return [TrainedRange()]

    def get_config(self) -> dict[str, Any]:
        """No arguments."""
        return {}


class SigmoidConfig(OutputConfig):
    """The fixed output of TFLite's LOGISTIC."""

    def get_output_quantizers(self, layer: Any) -> list[Any]:
        """Steps of 1/256 from 0."""
        return [
            tfmot.quantization.keras.quantizers.FixedQuantizer(
                num_bits=8, init_min=0.0, init_max=SIGMOID_MAX, narrow_range=False
            )
        ]


class DenseConfig(OutputConfig):
    """Symmetric kernels with a scale for each unit, and a trained range of the output."""

    def get_weights_and_quantizers(self, layer: Any) -> list[Any]:
        """The kernel; the bias becomes 32 bits wide in conversion."""
        return [(layer.kernel, KernelRounding())]

    def set_quantize_weights(self, layer: Any, quantize_weights: list[Any]) -> None:
        """Use the quantized kernel."""
        layer.kernel = quantize_weights[0]


CONFIGS = {
    tf_keras.layers.Dense: DenseConfig,
    tf_keras.layers.Activation: SigmoidConfig,
    tf_keras.layers.Multiply: OutputConfig,
    tf_keras.layers.Add: OutputConfig,
}


def quantized_twin(twin: tf_keras.Model, features: FloatArray) -> tf_keras.Model:
    """The twin with every rounding that the int8 network will do.

    Args:
        twin: What `build_twin` made.
        features: (N, k) normalized features; each range begins at the least and the
            largest value that they lead to.

    Returns:
        A model with the same weights, and the ends of the ranges among its weights.
    """
    quantized = _wrapped(twin, CONFIGS)
    outputs = tf_keras.Model(twin.inputs, [layer.output for layer in twin.layers])(features)
    values = dict(zip((layer.name for layer in twin.layers), outputs, strict=True))
    for name, (low, high) in _ranges(quantized).items():
        low.assign(tf.minimum(tf.reduce_min(values[name]), 0.0))
        high.assign(tf.maximum(tf.reduce_max(values[name]), 0.0))
    return quantized


def convert(quantized: tf_keras.Model, twin: tf_keras.Model) -> bytes:
    """The int8 flatbuffer with the ranges of a quantized twin.

    The converter cannot transpose kernels that are quantized by unit, but quantizes
    plain ones so. It gets the rounded kernels, and finds the same 8 bits again.

    Args:
        quantized: What `quantized_twin` made, fine-tuned.
        twin: What it was made from; its weights are replaced.

    Returns:
        The flatbuffer, with int8 input and output.
    """
    for name, (kernel, bias) in twin_weights(quantized).items():
        twin.get_layer(name).set_weights([np.asarray(on_grid(kernel)), bias])
    plain = _wrapped(twin, {**CONFIGS, tf_keras.layers.Dense: OutputConfig})
    trained = _ranges(quantized)
    for name, ends in _ranges(plain).items():
        for end, value in zip(ends, trained[name], strict=True):
            end.assign(value)
    signature = tf.TensorSpec((1, plain.input_shape[-1]), tf.float32, INPUT_LAYER)
    function = tf.function(lambda inputs: plain(inputs, training=False), autograph=False)
    concrete = function.get_concrete_function(signature)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], plain)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    return bytes(converter.convert())


def _wrapped(twin: tf_keras.Model, configs: Mapping[Any, Any]) -> tf_keras.Model:
    """The twin with every layer quantized as the configuration of its type says."""

    def annotate(layer: tf_keras.layers.Layer) -> tf_keras.layers.Layer:
        config = configs[type(layer)]()
        return tfmot.quantization.keras.quantize_annotate_layer(layer, config)

    known = {kind.__name__: kind for kind in (*CONFIGS.values(), TrainedRange, KernelRounding)}
    with tfmot.quantization.keras.quantize_scope(known):
        annotated = tf_keras.models.clone_model(twin, clone_function=annotate)
        annotated.set_weights(twin.get_weights())
        return tfmot.quantization.keras.quantize_apply(annotated)


def _ranges(quantized: tf_keras.Model) -> dict[str, tuple[tf.Variable, tf.Variable]]:
    """The ends of each quantized activation's range by the name of the twin's layer."""
    found = {}
    for layer in quantized.layers:
        # What quantizes the input is a layer of its own; the others wrap one.
        name = layer.layer.name if hasattr(layer, "layer") else INPUT_LAYER
        ends = {
            end: weight
            for end in ("min", "max")
            for weight in layer.weights
            if weight.name.endswith(f"_{end}:0")
        }
        if ends:
            found[name] = (ends["min"], ends["max"])
    return found


def _rounded(x: tf.Tensor) -> tf.Tensor:
    """x rounded; the gradient passes as if it were not."""
    return x + tf.stop_gradient(tf.round(x) - x)


def _gated(value: Any, gate: Any, name: str) -> Any:
    """value * sigmoid(gate)."""
    sigmoid = tf_keras.layers.Activation("sigmoid", name=f"{name}_sigmoid")(gate)
    return tf_keras.layers.Multiply(name=f"{name}_product")([value, sigmoid])
