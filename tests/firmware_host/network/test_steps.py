"""Steps: the constants they hold, and what their activations do."""

import dataclasses

import numpy as np

from firmware_host.network.flatbuffer import read_graph
from firmware_host.network.reference import ReferenceInterpreter
from firmware_host.network.steps import FullyConnected, Logistic8, Logistic16


def test_steps_hold_the_constants(flatbuffer_of):
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


def test_relu_is_a_lower_bound(changed, flatbuffer_of, golden):
    inputs = golden["int8_per_channel_inputs"]
    plain = ReferenceInterpreter(flatbuffer_of("int8_per_channel"))
    zero_point = plain.graph.tensors[plain.graph.outputs[0]].quantization.zero_point[0]
    rectified = changed(operator=8, options={"fused_activation_function": 1})
    np.testing.assert_array_equal(rectified.run(inputs), np.maximum(plain.run(inputs), zero_point))


def test_relu_in_float32(changed, flatbuffer_of, golden):
    inputs = golden["float32_inputs"]
    plain = ReferenceInterpreter(flatbuffer_of("float32"))
    rectified = changed("float32", operator=8, options={"fused_activation_function": 1})
    np.testing.assert_array_equal(rectified.run(inputs), np.maximum(plain.run(inputs), 0))


def test_weights_of_scale_zero_give_zero(changed, flatbuffer_of, golden):
    # Pruning leaves rows of zeros, whose scale the converter may write as 0.
    graph = read_graph(flatbuffer_of("int16x8"))
    index = graph.operators[8].inputs[1]
    plain = graph.tensors[index].quantization
    scale = plain.scale.copy()
    scale[1] = 0
    whole = ReferenceInterpreter(flatbuffer_of("int16x8"))
    pruned = changed("int16x8", tensor=index, quantization=dataclasses.replace(plain, scale=scale))
    inputs = golden["int16x8_inputs"]
    assert not pruned.run(inputs)[:, 1].any()
    others = [0, 2, 3]
    np.testing.assert_array_equal(pruned.run(inputs)[:, others], whole.run(inputs)[:, others])
