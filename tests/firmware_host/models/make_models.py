"""Write the small fixture models and TFLite Micro's answers to fixed inputs.

Needs tensorflow and tflite-micro; the tests themselves need neither:

    python tests/firmware_host/models/make_models.py
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tflite_micro.python.tflite_micro import runtime as tflm

FOLDER = Path(__file__).parent
FEATURES, OUTPUTS = 6, 4
GOLDEN_INPUTS = 128
KINDS = ("int8_per_channel", "int8_per_tensor", "int16x8", "float32")


def gated_network(width: int, blocks: int, rng_seed: int) -> Any:
    """Dense, SiLU, gated residual blocks x + value * sigmoid(gate), Dense; random weights."""
    rng = np.random.default_rng(rng_seed)
    layers = tf.keras.layers
    sigmoid = tf.keras.activations.sigmoid

    features = tf.keras.Input((FEATURES,))
    x = layers.Dense(width)(features)
    x = layers.Multiply()([x, layers.Activation(sigmoid)(x)])
    for _ in range(blocks):
        gate = layers.Activation(sigmoid)(layers.Dense(width)(x))
        x = layers.Add()([x, layers.Multiply()([layers.Dense(width)(x), gate])])
    model = tf.keras.Model(features, layers.Dense(OUTPUTS)(x))
    for weight in model.weights:
        spread = 0.3 if len(weight.shape) == 1 else 1.2 / np.sqrt(weight.shape[0])
        weight.assign(rng.normal(0.0, spread, weight.shape))
    return model


def convert(model: Any, kind: str, rng_seed: int) -> bytes:
    """The model as a TFLite flatbuffer of one of `KINDS`."""
    rng = np.random.default_rng(rng_seed)
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if kind != "float32":
        samples = rng.normal(0.0, 1.0, (256, 1, FEATURES)).astype(np.float32)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([sample] for sample in samples)
        wide = kind.startswith("int16x8")
        converter.target_spec.supported_ops = [
            tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
            if wide
            else tf.lite.OpsSet.TFLITE_BUILTINS_INT8
        ]
        converter.inference_input_type = tf.int16 if wide else tf.int8
        converter.inference_output_type = tf.int16 if wide else tf.int8
        if kind.endswith("per_tensor"):
            converter._experimental_disable_per_channel = True
    flatbuffer: bytes = converter.convert()
    return flatbuffer


def random_inputs(kind: str, rows: int, rng_seed: int) -> np.ndarray:
    """(rows, FEATURES) inputs that cover the whole range of the kind's input type."""
    rng = np.random.default_rng(rng_seed)
    if kind == "float32":
        return rng.normal(0.0, 1.0, (rows, FEATURES)).astype(np.float32)
    limits = np.iinfo(np.int16 if kind.startswith("int16x8") else np.int8)
    return rng.integers(limits.min, limits.max + 1, (rows, FEATURES)).astype(limits.dtype)


def tflite_micro_outputs(flatbuffer: bytes, inputs: np.ndarray) -> np.ndarray:
    """(rows, OUTPUTS) what TFLite Micro answers."""
    interpreter = tflm.Interpreter.from_bytes(flatbuffer, arena_size=1 << 20)
    outputs = []
    for row in inputs:
        interpreter.set_input(row[None], 0)
        interpreter.invoke()
        outputs.append(np.array(interpreter.get_output(0)[0]))
    return np.stack(outputs)


def main() -> None:
    model = gated_network(width=8, blocks=1, rng_seed=7)
    golden = {}
    for kind in KINDS:
        flatbuffer = convert(model, kind, rng_seed=11)
        (FOLDER / f"{kind}.tflite").write_bytes(flatbuffer)
        inputs = random_inputs(kind, GOLDEN_INPUTS, rng_seed=13)
        golden[f"{kind}_inputs"] = inputs
        golden[f"{kind}_outputs"] = tflite_micro_outputs(flatbuffer, inputs)
    np.savez_compressed(FOLDER / "golden.npz", **golden)


if __name__ == "__main__":
    main()
