"""What native runtimes get: a flatbuffer that says the same, and is laid out as it must be."""

import dataclasses

import numpy as np
import pytest

from firmware_host.errors import ModelFileError
from firmware_host.network import checking
from firmware_host.network.checking import read_steps
from firmware_host.network.flatbuffer import read_graph
from firmware_host.network.reference import ReferenceInterpreter
from firmware_host.network.runtimes import RUNTIMES, available_runtimes, open_interpreter
from firmware_host.network.writing import write_graph

KINDS = ("int8_per_channel", "int8_per_tensor", "int16x8", "float32")


def said(graph):
    """What a graph says, without the names."""
    tensors = []
    for tensor in graph.tensors:
        affine = None if tensor.dtype == np.float32 else tensor.quantization
        numbers = None if tensor.data is None else tensor.data.tobytes()
        scales = affine and (affine.scale.tolist(), affine.zero_point.tolist(), affine.dimension)
        tensors.append((tensor.shape, tensor.dtype.name, numbers, scales))
    return tensors, graph.operators, graph.inputs, graph.outputs


@pytest.mark.parametrize("kind", KINDS)
def test_it_says_what_was_read(kind, flatbuffer_of):
    graph = read_graph(flatbuffer_of(kind))
    written = write_graph(graph)
    assert said(read_graph(written)) == said(graph)
    assert write_graph(read_graph(written)) == written
    assert len(written) < len(flatbuffer_of(kind)) + 500


@pytest.mark.parametrize("kind", KINDS)
def test_what_nobody_reads_is_left_out(kind, flatbuffer_of):
    graph = read_graph(flatbuffer_of(kind))
    strange = dataclasses.replace(graph.tensors[0], shape=(2**31 - 1,) * 4)

    def moved(indices):
        return tuple(index + 1 for index in indices)

    padded = dataclasses.replace(
        graph,
        tensors=(strange, *graph.tensors, strange),
        operators=tuple(
            dataclasses.replace(one, inputs=moved(one.inputs), outputs=moved(one.outputs))
            for one in graph.operators
        ),
        inputs=moved(graph.inputs),
        outputs=moved(graph.outputs),
    )
    assert write_graph(padded) == write_graph(graph)


@pytest.mark.parametrize("kind", KINDS)
def test_constants_are_aligned(kind, flatbuffer_of):
    written = write_graph(read_graph(flatbuffer_of(kind)))
    start = np.frombuffer(written, np.uint8).__array_interface__["data"][0]
    for tensor in read_graph(written).tensors:
        if tensor.data is not None:
            assert (tensor.data.__array_interface__["data"][0] - start) % 16 == 0
        if tensor.quantization is not None:
            place = tensor.quantization.zero_point.__array_interface__["data"][0]
            assert (place - start) % 8 == 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", [name for name in RUNTIMES if name != "reference"])
def test_a_runtime_computes_the_same_with_it(name, kind, flatbuffer_of, golden):
    """Against the file itself, loaded past what the house does with it."""
    if name not in available_runtimes():
        pytest.skip(f"{name} is not installed, or does not fit this NumPy")
    import importlib

    module = importlib.import_module(RUNTIMES[name].module)
    flatbuffer = flatbuffer_of(kind)
    ours = open_interpreter(flatbuffer, name)
    rng = np.random.default_rng(0)
    rows = rng.normal(0, 1, (20, 6)).astype(np.float32)
    inputs = rows if ours.dtype == np.float32 else ours.quantize(rows)
    found = []
    if name == "tflite-micro":
        native = module.Interpreter.from_bytes(flatbuffer, arena_size=1 << 20)
        for row in inputs:
            native.set_input(row[None], 0)
            native.invoke()
            found.append(native.get_output(0)[0])
    else:
        native = module.Interpreter(model_content=flatbuffer, num_threads=1)
        native.allocate_tensors()
        for row in inputs:
            native.set_tensor(native.get_input_details()[0]["index"], row[None])
            native.invoke()
            found.append(native.get_tensor(native.get_output_details()[0]["index"])[0])
    one_by_one = [ours.run_raw(row[None])[0] for row in inputs]
    np.testing.assert_array_equal(one_by_one, found)


def test_constants_that_are_one_stay_one(flatbuffer_of):
    """So that a file whose tensors share their bytes does not grow."""
    graph = read_graph(flatbuffer_of("float32"))
    first = graph.operators[0]
    bias = dataclasses.replace(graph.tensors[first.inputs[2]], data=np.zeros((1, 9000), "<f4"))
    added = tuple(range(len(graph.tensors), len(graph.tensors) + 50))
    other = dataclasses.replace(first, inputs=(first.inputs[0], *added))
    shared = dataclasses.replace(
        graph, tensors=(*graph.tensors, *[bias] * 50), operators=(*graph.operators, other)
    )
    assert 36_000 < len(write_graph(shared)) - len(write_graph(graph)) < 36_000 + 50 * 100


def test_an_operator_that_shares_too_much_is_refused(flatbuffer_of, monkeypatch):
    graph = read_graph(flatbuffer_of("int8_per_channel"))
    read_steps(graph)
    monkeypatch.setattr(checking, "LEAST_WORK", 0)
    read_steps(graph)
    many = dataclasses.replace(graph, operators=graph.operators * 10)
    with pytest.raises(ModelFileError, match="its operators take"):
        read_steps(many)
    assert ReferenceInterpreter(flatbuffer_of("int8_per_channel")).steps


@pytest.mark.parametrize("scale", [1e-12, 200.0, 1000.0])
def test_a_scale_of_one_row_that_ends_litert_is_refused_for_it_alone(scale, flatbuffer_of):
    """LiteRT 2 ends the process over a row whose factor is 256 or more."""
    graph = read_graph(flatbuffer_of("int8_per_channel"))
    index = graph.operators[-1].inputs[1]
    affine = graph.tensors[index].quantization
    scales = np.array(affine.scale)
    scales[1] = scale
    affine = dataclasses.replace(affine, scale=scales)
    tensors = list(graph.tensors)
    tensors[index] = dataclasses.replace(tensors[index], quantization=affine)
    flatbuffer = write_graph(dataclasses.replace(graph, tensors=tuple(tensors)))
    assert open_interpreter(flatbuffer, "reference").run(np.zeros((1, 6))).shape == (1, 4)
    if "litert" not in available_runtimes():
        pytest.skip("litert is not installed")
    with pytest.raises(ModelFileError, match="out of all proportion"):
        open_interpreter(flatbuffer, "litert")
