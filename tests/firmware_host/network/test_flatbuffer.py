"""The flatbuffer reader: what it finds, and that damaged bytes end in one kind of error."""

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_host.errors import ModelFileError
from firmware_host.network.flatbuffer import OPERATORS, read_graph

MODELS = Path(__file__).parents[1] / "models"
INT8 = (MODELS / "int8_per_channel.tflite").read_bytes()
FULLY_CONNECTED, TANH, GELU = 9, 28, 150


class Table(dict):
    """Fields by slot: an int with its struct format, a NumPy vector, a table, a list of tables."""


def flatbuffer(model, identifier=b"TFL3"):
    """The bytes of a table, written front to back, each part behind its reference."""
    out = bytearray(struct.pack("<I4s", 0, identifier))

    def append(value):
        if isinstance(value, Table):
            return append_table(value)
        if isinstance(value, list):
            start = len(out)
            out.extend(struct.pack("<I", len(value)) + bytes(4 * len(value)))
            written = {}  # A table given twice is written once.
            for index, table in enumerate(value):
                if id(table) not in written:
                    written[id(table)] = append(table)
                position = start + 4 + 4 * index
                struct.pack_into("<I", out, position, written[id(table)] - position)
            return start
        start = len(out)
        out.extend(struct.pack("<I", value.size) + value.tobytes())
        return start

    def append_table(table):
        offsets, inline = {}, bytearray(4)
        for slot, value in table.items():
            offsets[slot] = len(inline)
            inline.extend(struct.pack("<" + value[1], value[0]) if is_scalar(value) else bytes(4))
        slots = max(table, default=-1) + 1
        entries = [offsets.get(slot, 0) for slot in range(slots)]
        vtable = len(out)
        out.extend(struct.pack(f"<HH{slots}H", 4 + 2 * slots, len(inline), *entries))
        position = len(out)
        struct.pack_into("<i", inline, 0, position - vtable)
        out.extend(inline)
        for slot, value in table.items():
            if not is_scalar(value):
                field = position + offsets[slot]
                struct.pack_into("<I", out, field, append(value) - field)
        return position

    struct.pack_into("<I", out, 0, append_table(model))
    return bytes(out)


def is_scalar(value):
    return isinstance(value, tuple)


def text(value):
    return np.frombuffer(value.encode(), np.uint8)


def ints(*values):
    return np.array(values, np.int32)


def tensor(shape=(1, 2), kind=9, buffer=0, **slots):
    """A tensor table; `kind` 9 is int8."""
    table = Table({0: ints(*shape), 1: (kind, "b"), 2: (buffer, "I"), 3: text("t")})
    table.update({int(slot[1:]): value for slot, value in slots.items()})
    return table


def model(codes, tensors=None, buffers=None, version=3, subgraphs=1, operator=None):
    """A model with one operator that reads tensor 0 and writes tensor 1."""
    tensors = [tensor(), tensor()] if tensors is None else tensors
    operator = operator or Table({0: (0, "I"), 1: ints(0), 2: ints(1)})
    subgraph = Table({0: tensors, 1: ints(0), 2: ints(1), 3: [operator]})
    return Table(
        {
            0: (version, "I"),
            1: [Table(codes)],
            2: [subgraph] * subgraphs,
            4: [Table({})] if buffers is None else buffers,
        }
    )


def test_reads_the_tensors_and_operators_of_a_converted_model():
    graph = read_graph(INT8)
    names = [operator.name for operator in graph.operators]
    assert names == [
        "FULLY_CONNECTED",
        "LOGISTIC",
        "MUL",
        "FULLY_CONNECTED",
        "LOGISTIC",
        "FULLY_CONNECTED",
        "MUL",
        "ADD",
        "FULLY_CONNECTED",
    ]
    source = graph.tensors[graph.inputs[0]]
    assert (source.shape, source.dtype, source.data) == ((1, 6), np.int8, None)
    first = graph.operators[0]
    assert first.options["fused_activation_function"] == 0
    weights, bias = (graph.tensors[index] for index in first.inputs[1:])
    assert (weights.shape, weights.dtype) == ((8, 6), np.int8)
    assert (bias.shape, bias.dtype) == ((8,), np.int32)
    assert weights.quantization.scale.shape == (8,)
    assert weights.quantization.dimension == 0
    # The bias has the scale of the product, which ties the three together.
    np.testing.assert_allclose(
        bias.quantization.scale,
        source.quantization.scale[0] * weights.quantization.scale,
        rtol=1e-6,
    )
    assert np.abs(weights.data.astype(int)).max(axis=1).tolist() == [127] * 8


def test_constants_are_read_only():
    weights = read_graph(INT8).tensors[read_graph(INT8).operators[0].inputs[1]]
    with pytest.raises(ValueError, match="read-only"):
        weights.data[0, 0] = 1


@pytest.mark.parametrize(
    ("codes", "name"),
    [
        ({0: (FULLY_CONNECTED, "b")}, "FULLY_CONNECTED"),
        ({3: (FULLY_CONNECTED, "i")}, "FULLY_CONNECTED"),
        ({0: (TANH, "b"), 3: (TANH, "i")}, "TANH"),
        ({0: (127, "b"), 3: (GELU, "i")}, "GELU"),
        ({3: (9999, "i")}, "operator number 9999"),
        ({}, "ADD"),
    ],
)
def test_the_old_and_the_new_operator_code(codes, name):
    assert read_graph(flatbuffer(model(codes))).operators[0].name == name
    assert name in OPERATORS.values() or "number" in name


def test_a_name_is_one_that_a_sentence_may_repeat():
    named = tensor(s3=text("a\x1b[2J\n" + "n" * 9999))
    (found, _) = read_graph(flatbuffer(model({}, [named, tensor()]))).tensors
    assert found.name.startswith("a\\x1b[2J\\nnnn")
    assert len(found.name) < 600


def test_data_behind_the_flatbuffer():
    values = np.arange(6, dtype=np.int8)

    def with_offset(offset, size):
        buffers = [Table({}), Table({1: (offset, "Q"), 2: (size, "Q")})]
        return flatbuffer(model({}, [tensor(), tensor((2, 3), buffer=1)], buffers))

    start = len(with_offset(2, 6))
    graph = read_graph(with_offset(start, 6) + values.tobytes())
    np.testing.assert_array_equal(graph.tensors[1].data, values.reshape(2, 3))
    for offset, size in ((start, 7), (start + 1, 6), (2**63, 6), (start, 2**64 - 1)):
        with pytest.raises(ModelFileError, match="outside of the file"):
            read_graph(with_offset(offset, size) + values.tobytes())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 2}, "schema version is not supported. Expected 3. Received: 2"),
        ({"subgraphs": 0}, "one subgraph. Received: 0"),
        ({"subgraphs": 2}, "one subgraph. Received: 2"),
        ({"tensors": [tensor(), tensor(kind=17)]}, "type that is not supported, number 17"),
        ({"tensors": [tensor(), tensor(s6=Table({}))]}, "sparse"),
        ({"tensors": [tensor(), tensor(s5=(1, "B"))]}, "is a variable"),
        ({"tensors": [tensor(), tensor((1, -2))]}, "shape"),
        ({"tensors": [tensor(), tensor((1,) * 9)]}, "shape"),
        ({"tensors": [tensor(), tensor(buffer=3)]}, "buffer 3 of 1"),
        ({"tensors": [tensor()]}, "a graph output is tensor 1 of 1|output of ADD is tensor 1 of 1"),
        ({"operator": Table({0: (7, "I")})}, "code 7 of 1"),
        ({"operator": Table({1: ints(-2)})}, "input of ADD is tensor -2 of 2"),
        ({"operator": Table({2: ints(-1)})}, "output of ADD is tensor -1 of 2"),
        ({"operator": Table({3: (8, "B"), 4: Table({})})}, "ADD has options of type 8"),
        (
            {"tensors": [tensor(), tensor(s4=Table({2: np.ones(2, "<f4"), 3: np.ones(1, "<i8")}))]},
            "2 scales and 1 zero points",
        ),
        (
            {"tensors": [tensor(), tensor(s4=Table({2: np.ones(1, "<f4")}))]},
            "1 scales and 0 zero points",
        ),
        ({"tensors": [tensor(), tensor(s4=Table({4: (1, "B")}))]}, "not affine"),
        (
            {
                "tensors": [tensor(), tensor((3, 3), buffer=1)],
                "buffers": [Table({}), Table({0: np.zeros(8, np.uint8)})],
            },
            "has 8 bytes",
        ),
    ],
)
def test_what_is_refused(changes, message):
    with pytest.raises(ModelFileError, match=message):
        read_graph(flatbuffer(model({}, **changes)))


@pytest.mark.parametrize("data", [b"", b"TFL3", bytes(7), bytes(64), b"\x89PNG\r\n\x1a\n" * 4])
def test_bytes_that_are_no_model(data):
    with pytest.raises(ModelFileError, match="Not a TFLite model"):
        read_graph(data)


def test_overlapping_parts_do_not_multiply_the_work():
    # A file of 200 KB that asks for 2 GB: every tensor is the same one, of a long name.
    shared = tensor(s3=text("n" * 100_000))
    with pytest.raises(ModelFileError, match="its parts overlap"):
        read_graph(flatbuffer(model({}, [shared] * 10_000)))
    with pytest.raises(ModelFileError, match="has 10,001 parts of one kind, more than 10,000"):
        read_graph(flatbuffer(model({}, [tensor()] * 10_001)))
    assert len(read_graph(flatbuffer(model({}, [shared] * 2))).tensors) == 2


@given(st.binary(max_size=400))
def test_random_bytes_never_crash(data):
    with pytest.raises(ModelFileError):
        read_graph(data)


@given(st.binary(max_size=400))
def test_random_bytes_behind_the_identifier_never_crash(data):
    with pytest.raises(ModelFileError):
        read_graph(b"\x10\x00\x00\x00TFL3" + data)


@given(
    st.lists(st.tuples(st.integers(0, len(INT8) - 1), st.integers(0, 255)), min_size=1, max_size=6),
    st.integers(8, len(INT8)),
)
def test_a_changed_model_is_read_or_refused(changes, length):
    data = bytearray(INT8)
    for position, value in changes:
        data[position] = value
    try:
        graph = read_graph(bytes(data[:length]))
    except ModelFileError:
        return
    count = len(graph.tensors)
    for operator in graph.operators:
        assert all(-1 <= index < count for index in (*operator.inputs, *operator.outputs))
