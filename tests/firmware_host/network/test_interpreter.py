"""One face over the runtimes: the same numbers through each."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_host.errors import TargetError
from firmware_host.network import interpreter as face
from firmware_host.network.flatbuffer import read_graph
from firmware_host.network.runtimes import open_interpreter

KINDS = ["int8_per_channel", "int8_per_tensor", "int16x8", "float32"]
# These round twice, and agree with TFLite Micro on every bit.
EXACT = ("tflite-micro", "reference")
# The others round once. Steps of the output; float32 differs by the order of its sums.
DRIFT = {"int8_per_channel": 6, "int8_per_tensor": 6, "int16x8": 12, "float32": 2e-6}


@pytest.mark.parametrize("kind", KINDS)
def test_raw_outputs_are_those_of_tflite_micro(flatbuffer_of, runtime, kind, golden):
    interpreter = open_interpreter(flatbuffer_of(kind), runtime)
    outputs = interpreter.run_raw(golden[f"{kind}_inputs"])
    expected = golden[f"{kind}_outputs"]
    assert outputs.dtype == expected.dtype == interpreter.dtype
    difference = np.abs(outputs.astype(float) - expected)
    exact = runtime in EXACT and kind != "float32"
    assert difference.max() <= (0 if exact else DRIFT[kind])
    assert difference.mean() <= (0 if exact else DRIFT[kind] / 6)


@pytest.mark.parametrize("kind", KINDS)
def test_run_is_run_raw_between_quantization_and_dequantization(
    flatbuffer_of, runtime, kind, golden
):
    interpreter = open_interpreter(flatbuffer_of(kind), runtime)
    features = golden["float32_inputs"]
    outputs = interpreter.run(features)
    assert (outputs.shape, outputs.dtype) == ((len(features), 4), np.float32)
    if kind == "float32":
        expected = interpreter.run_raw(features)
    else:
        graph = read_graph(flatbuffer_of(kind))
        source, result = graph.tensors[graph.inputs[0]], graph.tensors[graph.outputs[0]]
        q = interpreter.run_raw(rounded(features, source))
        zero_point = np.float32(result.quantization.zero_point[0])
        expected = (q.astype(np.float32) - zero_point) * result.quantization.scale[0]
    np.testing.assert_array_equal(outputs, expected)


def rounded(features, tensor):
    """The definition of the quantization: float32, halves to even."""
    limits = np.iinfo(tensor.dtype)
    q = np.rint(features / tensor.quantization.scale[0]) + tensor.quantization.zero_point[0]
    return np.clip(q, limits.min, limits.max).astype(tensor.dtype)


@pytest.fixture(scope="module")
def quantizer_of(flatbuffer_of):
    """Function of a kind: an interpreter, and the input tensor that its tables stand for."""

    @cache
    def quantizer(kind):
        graph = read_graph(flatbuffer_of(kind))
        interpreter = open_interpreter(flatbuffer_of(kind), "reference")
        return interpreter, graph.tensors[graph.inputs[0]]

    return quantizer


@pytest.mark.parametrize("kind", ["int8_per_channel", "int16x8"])
@given(data=st.data())
def test_quantize_is_its_definition(quantizer_of, kind, data):
    interpreter, tensor = quantizer_of(kind)
    scale = tensor.quantization.scale[0]
    # Random values, and the neighbours of the half-way points.
    halfway = st.builds(
        lambda k, side: float(np.nextafter(np.float32((k + 0.5) * scale), np.float32(side))),
        st.integers(-300, 300),
        st.sampled_from([-np.inf, 0.0, np.inf]),
    )
    values = st.floats(-(2.0**100), 2.0**100, width=32) | st.floats(-8, 8, width=32) | halfway
    x = np.array([data.draw(st.lists(values, min_size=6, max_size=6))], np.float32)
    np.testing.assert_array_equal(interpreter.quantize(x), rounded(x, tensor))


@pytest.mark.parametrize("table_rows", [0, 1 << 20])
def test_every_level_is_reached_at_its_own_step(quantizer_of, table_rows, monkeypatch):
    monkeypatch.setattr(face, "TABLE_ROWS", table_rows)
    interpreter, tensor = quantizer_of("int16x8")
    centre = np.arange(-32768, 32767, dtype=np.float32) + np.float32(0.5)
    x = (centre * tensor.quantization.scale[0])[:, None]
    for side in (-np.inf, np.inf):
        beside = np.nextafter(x, np.float32(side))
        np.testing.assert_array_equal(interpreter.quantize(beside), rounded(beside, tensor))
    np.testing.assert_array_equal(interpreter.quantize(x), rounded(x, tensor))


@pytest.mark.parametrize("kind", ["int8_per_channel", "int16x8"])
def test_few_rows_and_many_mean_the_same_numbers(quantizer_of, kind, monkeypatch):
    interpreter, tensor = quantizer_of(kind)
    huge = [-3e38, -1e30, -0.0, 1e30, 3e38]
    x = np.array([[*huge, value] for value in np.linspace(-9, 9, 500)], np.float32)
    levels = np.arange(np.iinfo(tensor.dtype).min, np.iinfo(tensor.dtype).max + 1)
    q = levels.astype(tensor.dtype)[:, None]
    results = []
    for table_rows in (0, 1 << 20):
        monkeypatch.setattr(face, "TABLE_ROWS", table_rows)
        results.append((interpreter.quantize(x), interpreter.dequantize(q)))
    for computed, looked_up in zip(*results, strict=True):
        assert computed.dtype == looked_up.dtype
        np.testing.assert_array_equal(computed, looked_up)


def test_an_answer_is_not_overwritten_by_the_next(flatbuffer_of, runtime):
    interpreter = open_interpreter(flatbuffer_of("float32"), runtime)
    first = interpreter.run(np.ones((1, 6)))
    kept = first.copy()
    interpreter.run(np.zeros((1, 6)))
    np.testing.assert_array_equal(first, kept)


def test_any_memory_order_and_list_is_taken(flatbuffer_of, runtime):
    interpreter = open_interpreter(flatbuffer_of("int8_per_channel"), runtime)
    x = np.random.default_rng(0).normal(size=(4, 6))
    expected = interpreter.run(x)
    np.testing.assert_array_equal(interpreter.run(np.asfortranarray(x)), expected)
    np.testing.assert_array_equal(interpreter.run(x.tolist()), expected)
    q = interpreter.quantize(x.astype(np.float32))
    np.testing.assert_array_equal(interpreter.run_raw(np.asfortranarray(q)), interpreter.run_raw(q))


@pytest.mark.parametrize("shape", [(6,), (1, 5), (2, 3, 6), ()])
def test_features_of_another_shape_are_refused(flatbuffer_of, runtime, shape):
    interpreter = open_interpreter(flatbuffer_of("int8_per_channel"), runtime)
    with pytest.raises(TargetError, match=r"Expected features of shape \(batch, 6\)"):
        interpreter.run(np.zeros(shape))
    with pytest.raises(TargetError, match=r"Expected inputs \(batch, 6\) of type int8"):
        interpreter.run_raw(np.zeros(shape, np.int8))
    with pytest.raises(TargetError, match=r"Received: .* of type int16"):
        interpreter.run_raw(np.zeros((1, 6), np.int16))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_features_that_are_not_finite_are_refused(flatbuffer_of, runtime, value):
    interpreter = open_interpreter(flatbuffer_of("int8_per_channel"), runtime)
    features = np.zeros((2, 6), np.float32)
    features[1, 3] = value
    with pytest.raises(TargetError, match="not finite"):
        interpreter.run(features)


def test_large_features_saturate(flatbuffer_of, runtime):
    interpreter = open_interpreter(flatbuffer_of("int8_per_channel"), runtime)
    large = interpreter.run(np.full((1, 6), 3e38, np.float32))
    np.testing.assert_array_equal(large, interpreter.run(np.full((1, 6), 1e3)))
