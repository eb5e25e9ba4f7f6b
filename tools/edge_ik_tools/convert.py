"""Keras 3 network to TFLite flatbuffer, in floats or quantized after training."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from edge_ik.data.dataset import batch_function
from edge_ik.data.source import SampleSource
from edge_ik.quiet import quiet_native_log
from firmware_host.errors import ConfigError

# What every microcontroller runtime has in int8 and int16.
ALLOWED_OPERATORS = frozenset({"FULLY_CONNECTED", "LOGISTIC", "MUL", "ADD"})

# Calibration draws from the run's generator under a seed that training never uses.
CALIBRATION_SEED_OFFSET = 1 << 31
CALIBRATION_SAMPLES = 2000


@dataclass(frozen=True)
class Format:
    """One way to write a network.

    Attributes:
        name: As in `--quantize`.
        activations: Type of the activations: float32, int8 or int16.
        runtimes: Runtimes that can run it.
        max_difference: Largest allowed difference of a sine or cosine to the float network.
        mean_difference: Largest allowed mean of those differences.
    """

    name: str
    activations: str
    runtimes: tuple[str, ...]
    max_difference: float
    mean_difference: float


EVERY_RUNTIME = ("litert", "tflite-runtime", "tflite-micro", "reference")

# The bounds on int8 leave twice the noise of eight bits in the smallest preset; a
# conversion gone wrong is off by far more.
FORMATS = {
    "float32": Format("float32", "float32", EVERY_RUNTIME, 1e-4, 1e-5),
    # Integer weights under float activations: microcontroller runtimes have no such kernels.
    "dynamic": Format("dynamic", "float32", ("litert", "tflite-runtime"), 0.2, 0.02),
    "int8": Format("int8", "int8", EVERY_RUNTIME, 0.4, 0.04),
    "int16x8": Format("int16x8", "int16", EVERY_RUNTIME, 0.3, 0.02),
}
DEFAULT_FORMAT = "int8"


def checked_format(name: str) -> Format:
    """The format of a name.

    Raises:
        ConfigError: If there is none.
    """
    if name not in FORMATS:
        raise ConfigError(f"Unknown format '{name}'. Expected one of: {', '.join(FORMATS)}.")
    return FORMATS[name]


def calibration_features(
    source: SampleSource, rng_seed: int, samples: int = CALIBRATION_SAMPLES
) -> npt.NDArray[np.float32]:
    """Features (samples, k) from the end of training's own distribution.

    Args:
        source: What the run's samples are drawn from.
        rng_seed: The run's seed; calibration uses another stream of it.
        samples: How many.
    """
    draw = batch_function(source, samples, rng_seed + CALIBRATION_SEED_OFFSET, total_steps=1)
    features, _ = draw(tf.constant(1, tf.int64))
    result: npt.NDArray[np.float32] = features.numpy()
    return result


def convert(network: keras.Model, target: Format, calibration: npt.NDArray[np.float32]) -> bytes:
    """Convert a network for one sample at a time.

    Args:
        network: Features (batch, k) to outputs as `network_outputs` counts them.
        target: The format to write.
        calibration: (N, k) features that the ranges of activations are measured on.

    Returns:
        The flatbuffer. Integer formats take and give integers.
    """
    module = tf.Module()
    # The converter folds the variables that it finds on the module into constants.
    module.weights = [weight.value for weight in network.weights]
    signature = tf.TensorSpec((1, network.input_shape[-1]), tf.float32, "features")
    function = tf.function(lambda inputs: network(inputs, training=False))
    concrete = function.get_concrete_function(signature)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], module)
    return run_converter(converter, target, calibration)


def run_converter(converter: Any, target: Format, calibration: npt.NDArray[np.float32]) -> bytes:
    """Set a converter up for a format and run it."""
    if target.name != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if target.activations != "float32":
        ops = tf.lite.OpsSet
        sixteen = ops.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        wide = target.activations == "int16"
        converter.target_spec.supported_ops = [sixteen if wide else ops.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.int16 if wide else tf.int8
        converter.inference_output_type = tf.int16 if wide else tf.int8
        converter.representative_dataset = lambda: ([row[None]] for row in calibration)
    with quiet_native_log(), warnings.catch_warnings():
        # It says so for every model that is quantized after training.
        warnings.filterwarnings("ignore", message="Statistics for quantized inputs")
        return bytes(converter.convert())
