"""What the reference cannot compute is refused, with the reason."""

import dataclasses

import numpy as np
import pytest

from firmware_host.errors import ModelFileError
from firmware_host.network.flatbuffer import read_graph


def output_tensor(flatbuffer, operator):
    return read_graph(flatbuffer).operators[operator].outputs[0]


def quantization(tensor, **changes):
    return dataclasses.replace(tensor.quantization, **changes)


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
def test_a_quantization_that_cannot_work_is_refused(
    changed, flatbuffer_of, operator, changes, message
):
    index = output_tensor(flatbuffer_of("int8_per_channel"), operator)
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
def test_an_int16_quantization_that_cannot_work_is_refused(
    changed, flatbuffer_of, operator, changes, message
):
    index = output_tensor(flatbuffer_of("int16x8"), operator)
    tensor = read_graph(flatbuffer_of("int16x8")).tensors[index]
    with pytest.raises(ModelFileError, match=message):
        changed("int16x8", tensor=index, quantization=quantization(tensor, **changes))
