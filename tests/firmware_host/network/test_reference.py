"""The reference interpreter: equal to TFLite Micro bit for bit."""

import importlib.util

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_host.errors import ModelFileError, TargetError
from firmware_host.network import reference
from firmware_host.network.reference import ReferenceInterpreter

INTEGER_KINDS = ["int8_per_channel", "int8_per_tensor", "int16x8"]
# Sums of a dozen products of order 1 in float32, in two orders.
FLOAT32_TOLERANCE = 2e-6


@pytest.mark.parametrize("kind", INTEGER_KINDS)
def test_equals_the_recorded_answers_of_tflite_micro(flatbuffer_of, kind, golden):
    outputs = ReferenceInterpreter(flatbuffer_of(kind)).run(golden[f"{kind}_inputs"])
    assert outputs.dtype == golden[f"{kind}_outputs"].dtype
    np.testing.assert_array_equal(outputs, golden[f"{kind}_outputs"])
    # The models are worth comparing: their outputs move.
    assert len(np.unique(outputs)) > 100


@pytest.mark.parametrize("kind", INTEGER_KINDS)
def test_equals_tflite_micro(flatbuffer_of, kind):
    if importlib.util.find_spec("tflite_micro") is None:
        pytest.skip("needs TFLite Micro: pip install tflite-micro")
    from tflite_micro.python.tflite_micro import runtime

    flatbuffer = flatbuffer_of(kind)
    native = runtime.Interpreter.from_bytes(flatbuffer, arena_size=1 << 20)
    interpreter = ReferenceInterpreter(flatbuffer)
    dtype = np.int16 if kind == "int16x8" else np.int8
    limits = np.iinfo(dtype)
    inputs = np.random.default_rng(3).integers(limits.min, limits.max + 1, (3000, 6)).astype(dtype)
    answers = np.empty((3000, 4), dtype)
    for row, answer in zip(inputs, answers, strict=True):
        native.set_input(row[None], 0)
        native.invoke()
        answer[:] = native.get_output(0)[0]
    np.testing.assert_array_equal(interpreter.run(inputs), answers)


def test_float32_is_close_to_tflite_micro(flatbuffer_of, golden):
    outputs = ReferenceInterpreter(flatbuffer_of("float32")).run(golden["float32_inputs"])
    assert outputs.dtype == np.float32
    np.testing.assert_allclose(outputs, golden["float32_outputs"], atol=FLOAT32_TOLERANCE)


@pytest.mark.parametrize("kind", [*INTEGER_KINDS, "float32"])
def test_a_batch_is_its_rows(flatbuffer_of, kind, golden, monkeypatch):
    interpreter = ReferenceInterpreter(flatbuffer_of(kind))
    inputs = golden[f"{kind}_inputs"][:25]
    whole = interpreter.run(inputs)
    monkeypatch.setattr(reference, "BATCH_ROWS", 7)
    np.testing.assert_allclose(interpreter.run(inputs), whole, rtol=0, atol=FLOAT32_TOLERANCE)
    assert interpreter.run(inputs[:0]).shape == (0, 4)


def test_the_quantized_network_is_near_the_float_one(flatbuffer_of, golden):
    floats = ReferenceInterpreter(flatbuffer_of("float32"))
    x = golden["float32_inputs"]
    exact = floats.run(x)
    for kind, tolerance in (("int8_per_channel", 0.2), ("int8_per_tensor", 0.2), ("int16x8", 0.03)):
        interpreter = ReferenceInterpreter(flatbuffer_of(kind))
        source, result = (
            interpreter.graph.tensors[index].quantization
            for index in (interpreter.graph.inputs[0], interpreter.graph.outputs[0])
        )
        limits = np.iinfo(np.int16 if kind == "int16x8" else np.int8)
        q = np.rint(x / source.scale[0]) + source.zero_point[0]
        inside = np.all((q >= limits.min) & (q <= limits.max), axis=1)
        y = interpreter.run(q[inside].astype(limits.dtype))
        values = (y.astype(float) - result.zero_point[0]) * result.scale[0]
        # Outputs beyond the calibrated range saturate: compare the typical ones.
        assert np.median(np.abs(values - exact[inside])) < tolerance / 4
        assert np.quantile(np.abs(values - exact[inside]), 0.9) < tolerance


@pytest.mark.parametrize(
    "x",
    [
        np.zeros((2, 6), np.int16),
        np.zeros((2, 6)),
        np.zeros((2, 5), np.int8),
        np.zeros(6, np.int8),
        np.zeros((1, 2, 6), np.int8),
    ],
)
def test_inputs_of_another_shape_or_type_are_refused(flatbuffer_of, x):
    with pytest.raises(TargetError, match=r"Expected inputs \(batch, 6\) of type int8"):
        ReferenceInterpreter(flatbuffer_of("int8_per_channel")).run(x)


@given(st.lists(st.tuples(st.integers(0, 4559), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_changed_model_runs_or_is_refused(flatbuffer_of, changes):
    data = bytearray(flatbuffer_of("int8_per_channel"))
    for position, value in changes:
        data[position] = value
    try:
        interpreter = ReferenceInterpreter(bytes(data))
    except ModelFileError:
        return
    try:
        outputs = interpreter.run(np.full((2, 6), 100, np.int8))
    except TargetError:  # The change made it a network of another input.
        return
    assert outputs.dtype == np.int8
