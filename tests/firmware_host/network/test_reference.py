"""The reference interpreter: equal to TFLite Micro bit for bit, and what it refuses."""

import dataclasses
import importlib.util
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_host.errors import ModelFileError, TargetError
from firmware_host.network import reference
from firmware_host.network.arithmetic import (
    doubling_high_mul,
    logistic_table,
    quantize_multiplier,
    requantize,
    requantize_wide,
    rounding_shift_right,
)
from firmware_host.network.flatbuffer import read_graph
from firmware_host.network.reference import ReferenceInterpreter
from firmware_host.network.steps import FullyConnected, Logistic8, Logistic16

MODELS = Path(__file__).parents[1] / "models"
INTEGER_KINDS = ["int8_per_channel", "int8_per_tensor", "int16x8"]
# Sums of a dozen products of order 1 in float32, in two orders.
FLOAT32_TOLERANCE = 2e-6


def flatbuffer_of(kind):
    return (MODELS / f"{kind}.tflite").read_bytes()


@pytest.fixture(scope="module")
def golden():
    """Inputs, and what TFLite Micro answered to them."""
    with np.load(MODELS / "golden.npz") as file:
        return dict(file)


@pytest.fixture
def changed(monkeypatch):
    """A reference interpreter of a fixture model whose graph was changed."""

    def change(kind="int8_per_channel", operator=None, tensor=None, **changes):
        graph = read_graph(flatbuffer_of(kind))
        operators, tensors = list(graph.operators), list(graph.tensors)
        if operator is not None:
            operators[operator] = dataclasses.replace(operators[operator], **changes)
        if tensor is not None:
            tensors[tensor] = dataclasses.replace(tensors[tensor], **changes)
        graph = dataclasses.replace(graph, operators=tuple(operators), tensors=tuple(tensors))
        monkeypatch.setattr(reference, "read_graph", lambda _: graph)
        return ReferenceInterpreter(b"")

    return change


def output_tensor(kind, operator):
    return read_graph(flatbuffer_of(kind)).operators[operator].outputs[0]


def quantization(tensor, **changes):
    return dataclasses.replace(tensor.quantization, **changes)


@pytest.mark.parametrize("kind", INTEGER_KINDS)
def test_equals_the_recorded_answers_of_tflite_micro(kind, golden):
    outputs = ReferenceInterpreter(flatbuffer_of(kind)).run(golden[f"{kind}_inputs"])
    assert outputs.dtype == golden[f"{kind}_outputs"].dtype
    np.testing.assert_array_equal(outputs, golden[f"{kind}_outputs"])
    # The models are worth comparing: their outputs move.
    assert len(np.unique(outputs)) > 100


@pytest.mark.parametrize("kind", INTEGER_KINDS)
def test_equals_tflite_micro(kind):
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


def test_float32_is_close_to_tflite_micro(golden):
    outputs = ReferenceInterpreter(flatbuffer_of("float32")).run(golden["float32_inputs"])
    assert outputs.dtype == np.float32
    np.testing.assert_allclose(outputs, golden["float32_outputs"], atol=FLOAT32_TOLERANCE)


@pytest.mark.parametrize("kind", [*INTEGER_KINDS, "float32"])
def test_a_batch_is_its_rows(kind, golden, monkeypatch):
    interpreter = ReferenceInterpreter(flatbuffer_of(kind))
    inputs = golden[f"{kind}_inputs"][:25]
    whole = interpreter.run(inputs)
    monkeypatch.setattr(reference, "BATCH_ROWS", 7)
    np.testing.assert_allclose(interpreter.run(inputs), whole, rtol=0, atol=FLOAT32_TOLERANCE)
    assert interpreter.run(inputs[:0]).shape == (0, 4)


def test_the_quantized_network_is_near_the_float_one(golden):
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


def test_steps_hold_the_constants():
    steps = ReferenceInterpreter(flatbuffer_of("int8_per_channel")).steps
    first, table = steps[0], steps[1]
    assert isinstance(first, FullyConnected)
    assert first.weights.shape == (8, 6)
    assert first.bias.shape == first.multiplier.shape == first.shift.shape == (8,)
    assert np.all((first.multiplier >= 2**30) & (first.multiplier < 2**31))
    assert not first.wide
    assert isinstance(table, Logistic8)
    assert np.all(np.diff(table.table.astype(int)) >= 0)
    wide = ReferenceInterpreter(flatbuffer_of("int16x8")).steps
    assert isinstance(wide[1], Logistic16)
    assert wide[0].wide


@given(st.floats(2**-31, 2**30))
def test_quantize_multiplier_keeps_31_bits(real):
    multiplier, shift = quantize_multiplier(real)
    assert 2**30 <= multiplier < 2**31
    assert abs(Fraction(multiplier) * Fraction(2) ** (shift - 31) - Fraction(real)) <= Fraction(
        2
    ) ** (shift - 32)


@pytest.mark.parametrize(
    ("real", "expected"),
    [
        (0.0, (0, 0)),
        (1.0, (2**30, 1)),
        (0.5, (2**30, 0)),
        (math.nextafter(1.0, 0.0), (2**30, 1)),
        (2.0**-32, (2**30, -31)),
        (2.0**-33, (0, 0)),
    ],
)
def test_quantize_multiplier_at_its_edges(real, expected):
    assert quantize_multiplier(real) == expected


@given(st.integers(-(2**31), 2**31 - 1), st.integers(0, 31))
def test_rounding_shift_right_takes_halves_away_from_zero(value, exponent):
    exact = Fraction(value, 2**exponent)
    nearest = math.floor(abs(exact) + Fraction(1, 2)) * (1 if exact >= 0 else -1)
    assert rounding_shift_right(np.int64(value), np.int64(exponent)) == nearest


@given(st.integers(-(2**31), 2**31 - 1), st.integers(0, 2**31 - 1))
def test_doubling_high_mul_takes_halves_up(a, b):
    assert doubling_high_mul(a, b) == math.floor(Fraction(a * b, 2**31) + Fraction(1, 2))


@given(st.integers(-(2**20), 2**20), st.integers(2**30, 2**31 - 1), st.integers(-20, 8))
def test_requantize_is_within_its_two_roundings(value, multiplier, shift):
    exact = Fraction(value * multiplier) * Fraction(2) ** (shift - 31)
    result = int(requantize(np.int64(value), np.int64(multiplier), np.int64(shift)))
    assert abs(result - exact) <= Fraction(1, 2) + Fraction(1, 2) * Fraction(2) ** min(shift, 0)


@given(st.integers(-(2**40), 2**40), st.integers(2**30, 2**31 - 1), st.integers(-31, -10))
def test_requantize_wide_has_fifteen_bits(value, multiplier, shift):
    exact = Fraction(value * multiplier) * Fraction(2) ** (shift - 31)
    result = int(requantize_wide(np.int64(value), np.int64(multiplier), np.int64(shift)))
    assert abs(result - exact) <= Fraction(1, 2) + abs(exact) / 2**14


@given(st.floats(1e-4, 0.25), st.integers(-128, 127))
def test_logistic_table_is_the_logistic_function(scale, zero_point):
    q = np.arange(-128, 128) - zero_point
    exact = 256 / (1 + np.exp(-float(np.float32(scale)) * q)) - 128
    table = logistic_table(scale, zero_point)
    # Rounded to nearest but for what fixed point adds, and cut at 127.
    assert np.all(np.abs(table - np.minimum(exact, 127)) <= 0.5 + 2e-5)


@pytest.mark.parametrize(
    ("scale", "zero_point", "q", "tflite_micro"),
    [
        (0.0003720185486599803, 22, 1, -1),
        (0.0001573054032633081, 121, -28, -2),
        (0.002955054398626089, -105, -28, 14),
        (0.002366673666983843, 37, -86, -19),
        (0.014291245490312576, 32, -2, -30),
        (0.010773949325084686, -43, 72, 70),
        (0.046936891973018646, 103, 93, -29),
        (0.028218865394592285, 103, -118, -128),
        (5.123660087585449, -1, -2, -128),
    ],
)
def test_logistic_table_where_the_exact_function_rounds_the_other_way(
    scale, zero_point, q, tflite_micro
):
    exact = 256 / (1 + math.exp(-scale * (q - zero_point))) - 128
    assert round(exact) != tflite_micro
    assert logistic_table(scale, zero_point)[q + 128] == tflite_micro


def test_sigmoid_table_of_int16():
    table = reference.SIGMOID_TABLE
    exact = 65536 / (1 + np.exp(-np.arange(256) / 24))
    assert table.shape == (256,)
    assert np.all(np.abs(table - exact) < 2)
    assert (table[0], table[4], table[135], table[255]) == (32768, 35493, 65301, 65535)


def test_relu_is_a_lower_bound(changed, golden):
    inputs = golden["int8_per_channel_inputs"]
    plain = ReferenceInterpreter(flatbuffer_of("int8_per_channel"))
    zero_point = plain.graph.tensors[plain.graph.outputs[0]].quantization.zero_point[0]
    rectified = changed(operator=8, options={"fused_activation_function": 1})
    np.testing.assert_array_equal(rectified.run(inputs), np.maximum(plain.run(inputs), zero_point))


def test_relu_in_float32(changed, golden):
    inputs = golden["float32_inputs"]
    plain = ReferenceInterpreter(flatbuffer_of("float32"))
    rectified = changed("float32", operator=8, options={"fused_activation_function": 1})
    np.testing.assert_array_equal(rectified.run(inputs), np.maximum(plain.run(inputs), 0))


@pytest.mark.parametrize("name", ["QUANTIZE", "DEQUANTIZE", "TANH", "operator number 9999"])
def test_a_foreign_operator_is_named(changed, name):
    with pytest.raises(ModelFileError, match=f"contains the operator {name}"):
        changed(operator=1, name=name)


@pytest.mark.parametrize(("code", "name"), [(2, "RELU_N1_TO_1"), (3, "RELU6"), (9, "number 9")])
@pytest.mark.parametrize("operator", [0, 2, 7])
def test_other_fused_activations_are_refused(changed, code, name, operator):
    with pytest.raises(ModelFileError, match=f"fused activation {name}"):
        changed(operator=operator, options={"fused_activation_function": code})


def test_shuffled_weights_are_refused(changed):
    with pytest.raises(ModelFileError, match="shuffled"):
        changed(operator=0, options={"weights_format": 1})


@pytest.mark.parametrize(
    ("operator", "changes", "message"),
    [
        (0, {"inputs": (0, 1)}, "constant weights"),
        (0, {"inputs": ()}, "has 0 inputs"),
        (1, {"inputs": (-1,)}, "has 0 inputs"),
        (1, {"outputs": ()}, "0 outputs"),
        (2, {"inputs": (9,)}, "has 1 inputs"),
        (2, {"inputs": (9, 17)}, "combines 4 numbers into 8"),
        (2, {"inputs": (9, 15)}, "nothing has computed"),
        (2, {"outputs": (9,)}, "computes one twice"),
        (8, {"outputs": (0,)}, "constant weights"),
    ],
)
def test_a_broken_graph_is_refused(changed, operator, changes, message):
    with pytest.raises(ModelFileError, match=message):
        changed(operator=operator, **changes)


@pytest.mark.parametrize(
    ("operator", "changes", "message"),
    [
        (0, {"scale": np.float32([0.0])}, "not positive"),
        (0, {"scale": np.float32([np.nan])}, "not positive"),
        (0, {"zero_point": np.array([128])}, "zero point 128"),
        (1, {"scale": np.float32([1 / 128])}, "output scale 1/256"),
        (1, {"zero_point": np.array([0])}, "zero point -128"),
        (2, {"scale": np.float32([1e-12])}, "can overflow"),
        (7, {"scale": np.float32([1e-12])}, "too small"),
        (8, {"scale": np.float32([1e-12])}, "can overflow"),
    ],
)
def test_a_quantization_that_cannot_work_is_refused(changed, operator, changes, message):
    index = output_tensor("int8_per_channel", operator)
    tensor = read_graph(flatbuffer_of("int8_per_channel")).tensors[index]
    with pytest.raises(ModelFileError, match=message):
        changed(tensor=index, quantization=quantization(tensor, **changes))


@pytest.mark.parametrize(
    ("operator", "changes", "message"),
    [
        (1, {"scale": np.float32([1 / 256])}, "output scale 1/32768"),
        (0, {"zero_point": np.array([1])}, "zero point 0"),
        (0, {"scale": np.float32([3.0])}, "too large"),
        (2, {"zero_point": np.array([1])}, "zero points of 0"),
    ],
)
def test_an_int16_quantization_that_cannot_work_is_refused(changed, operator, changes, message):
    index = output_tensor("int16x8", operator)
    tensor = read_graph(flatbuffer_of("int16x8")).tensors[index]
    with pytest.raises(ModelFileError, match=message):
        changed("int16x8", tensor=index, quantization=quantization(tensor, **changes))


def test_weights_of_scale_zero_give_zero(changed, golden):
    # Pruning leaves rows of zeros, whose scale the converter may write as 0.
    graph = read_graph(flatbuffer_of("int16x8"))
    index = graph.operators[8].inputs[1]
    scale = graph.tensors[index].quantization.scale.copy()
    scale[1] = 0
    plain = ReferenceInterpreter(flatbuffer_of("int16x8"))
    pruned = changed(
        "int16x8", tensor=index, quantization=quantization(graph.tensors[index], scale=scale)
    )
    inputs = golden["int16x8_inputs"]
    assert not pruned.run(inputs)[:, 1].any()
    others = [0, 2, 3]
    np.testing.assert_array_equal(pruned.run(inputs)[:, others], plain.run(inputs)[:, others])


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
def test_inputs_of_another_shape_or_type_are_refused(x):
    with pytest.raises(TargetError, match=r"Expected inputs \(batch, 6\) of type int8"):
        ReferenceInterpreter(flatbuffer_of("int8_per_channel")).run(x)


@given(st.lists(st.tuples(st.integers(0, 4559), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_changed_model_runs_or_is_refused(changes):
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
