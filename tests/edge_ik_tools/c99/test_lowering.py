"""Networks as layers: the same arithmetic in another order, and memory for little of it."""

import numpy as np
import pytest

from edge_ik_tools.c99.lowering import (
    DenseUnit,
    Elementwise,
    FloatDense,
    Lookup,
    SourceUnit,
    lower,
)
from firmware_host.errors import ModelFileError
from firmware_host.network.reference import ReferenceInterpreter

MODELS = ["int8_per_channel", "int8_per_tensor", "int16x8", "float32"]


@pytest.fixture(scope="module")
def flatbuffer(source_root):
    """Function of a kind: a converted model."""
    return lambda kind: (source_root / f"tests/firmware_host/models/{kind}.tflite").read_bytes()


def evaluated(program, x):
    """What the layers compute, tensor after tensor, by the steps of the reference."""
    held = [x]
    for layer in program.layers:
        sums = []
        for dense, source in zip(layer.dense, layer.sources, strict=True):
            if isinstance(dense, FloatDense):
                y = held[source] @ dense.weights.T + dense.bias
                sums.append(np.maximum(y, 0) if dense.relu else y)
            else:
                sums.append(dense(held[source]))

        def value(node, sums=sums):
            if isinstance(node, DenseUnit):
                return sums[node.index]
            if isinstance(node, SourceUnit):
                return held[node.index]
            if isinstance(node, Lookup):
                return node.table[value(node.operand).astype(int) + 128]
            operands = [value(operand) for operand in node.operands]
            if node.step is not None:
                return node.step(*operands)
            if node.name == "LOGISTIC":
                return 1 / (1 + np.exp(-operands[0]))
            y = operands[0] * operands[1] if node.name == "MUL" else operands[0] + operands[1]
            return np.maximum(y, 0) if node.relu else y

        held.append(value(layer.value))
        assert held[-1].shape[1] == layer.units
    assert tuple(tensor.shape[1] for tensor in held) == program.widths
    return held[-1]


@pytest.mark.parametrize("kind", MODELS)
def test_layers_of_converted_models_compute_the_network(kind, flatbuffer, inputs_for):
    network, program = ReferenceInterpreter(flatbuffer(kind)), lower(flatbuffer(kind))
    x = inputs_for(np.random.default_rng(0), network, 500)
    tolerance = 1e-5 if kind == "float32" else 0
    np.testing.assert_allclose(evaluated(program, x), network.run(x), rtol=0, atol=tolerance)


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.float32])
def test_layers_of_random_networks_compute_them(dtype, random_network, program_of, inputs_for):
    rng = np.random.default_rng(1)
    for _ in range(60):
        network = random_network(rng, dtype)
        program, x = program_of(network), inputs_for(rng, network, 20)
        expected = network.run(x)
        tolerance = 1e-4 if dtype == np.float32 else 0
        np.testing.assert_allclose(evaluated(program, x), expected, rtol=tolerance, atol=tolerance)


def test_functions_of_one_number_become_tables(graph_builder, program_of):
    builder = graph_builder(np.random.default_rng(0), np.int8, 6)
    hidden = builder.silu(builder.dense(builder.input, 8))
    program = program_of(builder.interpreter(builder.dense(hidden, 4)))
    first, last = program.layers
    assert isinstance(first.value, Lookup)
    assert first.value.operand == DenseUnit(0)
    assert last.value == DenseUnit(0)
    assert program.widths == (6, 8, 4)
    assert program.macs == 6 * 8 + 8 * 4


def test_a_gate_is_one_layer_of_two_sums(graph_builder, program_of):
    builder = graph_builder(np.random.default_rng(0), np.int8, 8)
    made = builder.block(builder.input, 8, "gated")
    made = builder.combined("ADD", builder.input, made)
    program = program_of(builder.interpreter(builder.dense(made, 2)))
    block = program.layers[0]
    assert len(program.layers) == 2
    assert (len(block.dense), block.sources) == (2, (0, 0))
    assert isinstance(block.value, Elementwise)
    assert block.value.operands[0] == SourceUnit(0)


def test_scales_are_those_of_the_model(flatbuffer):
    graph = ReferenceInterpreter(flatbuffer("int8_per_channel")).graph
    program = lower(flatbuffer("int8_per_channel"))
    for found, index in (
        (program.input_scale, graph.inputs[0]),
        (program.output_scale, graph.outputs[0]),
    ):
        quantization = graph.tensors[index].quantization
        assert found == (quantization.scale[0], quantization.zero_point[0])
    assert lower(flatbuffer("float32")).input_scale == (1.0, 0)


def test_a_constant_operand_is_refused(graph_builder, program_of):
    builder = graph_builder(np.random.default_rng(0), np.int8, 6)
    hidden = builder.dense(builder.input, 4)
    constant = builder.tensor((1, 4), np.int8, 0.1, data=np.ones((1, 4), np.int8))
    summed = builder.combined("ADD", hidden, constant)
    with pytest.raises(ModelFileError, match="constant in MUL or ADD"):
        program_of(builder.interpreter(builder.dense(summed, 2)))


def test_damaged_models_are_refused():
    with pytest.raises(ModelFileError):
        lower(b"no model")
