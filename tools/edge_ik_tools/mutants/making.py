"""Mutants: model files with one to three things wrong, each by its number and a seed.

What is wrong is of one kind: in the record (JSON), in the archive (ZIP), or in the network: at a
place that the format of flatbuffers gives a meaning, in the graph that it says, or in any of its
bytes. The checksum of the network is always the right one, so that nothing is found out by that.
"""

from __future__ import annotations

import copy
import hashlib
import json
import random
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from edge_ik_tools.mutants.graphs import GRAPH_CHANGES, SCALES
from firmware_host.errors import ModelFileError
from firmware_host.model_file import ENVELOPE, FORMAT, FORMAT_VERSION, joined
from firmware_host.network.bytes_reader import Reader
from firmware_host.network.flatbuffer import Graph, read_graph
from firmware_host.network.writing import write_graph

Record = dict[str, Any]
"""A model's record, as its JSON is read."""

VALUES: tuple[Any, ...] = (
    *(None, True, 0, -1, 1, 1e-300, 1e6, -1e6, 99.9, 1e4, 10**400, 2**63, -0.0, 0.5, 1e308),
    *("", "x", "[/foo]", "\u202e", "a\nb", "revolute", "prismatic", "continuous", "nan"),
    *("x" * 9999, "\ud800", "\0", "position", "pose", "axis"),
    *([], {}, [[]], [1], [0, 0, 0], {"a": 1}),
)
FACTORS = (-1, 0, 1e3, 1e-6, 1 + 1e-9, 2)
TOKENS = ("NaN", "-Infinity", "1e999", "[" * 5000, '{"a":' * 5000, "\\ud800", "9" * 5000, ",", '"')
INTEGERS = (0, 1, 2, 3, 4, 7, 8, 127, 128, 255, 2**15 - 1, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1)

# The tables of the schema that lead on: slot -> what is there. A string is a format of `struct`
# for a number, a vector of such with "*" before it, a table by its name, or a vector of these.
SCHEMA: Mapping[str, Mapping[int, str]] = {
    "Model": {0: "I", 1: "*Code", 2: "*Graph", 3: "*B", 4: "*Buffer", 5: "*I", 6: "*Metadata"},
    "Code": {0: "b", 1: "*B", 2: "i", 3: "i"},
    "Graph": {0: "*Tensor", 1: "*i", 2: "*i", 3: "*Operator", 4: "*B"},
    "Tensor": {
        0: "*i",
        1: "b",
        2: "I",
        3: "*B",
        4: "Affine",
        5: "B",
        7: "*i",
        8: "B",
    },
    "Affine": {0: "*f", 1: "*f", 2: "*f", 3: "*q", 4: "B", 6: "i"},
    "Operator": {0: "I", 1: "*i", 2: "*i", 3: "B", 4: "Options", 5: "*B", 6: "B", 7: "*B", 8: "*i"},
    "Options": {0: "b", 1: "b", 2: "B", 3: "B", 4: "b"},
    "Buffer": {0: "*B", 1: "Q", 2: "Q"},
    "Metadata": {0: "*B", 1: "I"},
}
# How much is wrong in a network: mostly one thing, so that it is not all found out by another.
SEVERAL = (1, 1, 1, 2, 3)
# Elements of a vector that are places of their own.
MOST_ELEMENTS = 64


@dataclass(frozen=True)
class Place:
    """Somewhere in a flatbuffer that has a meaning: where, and how the number is stored."""

    position: int
    format: str


@dataclass(frozen=True)
class Base:
    """A good model that mutants are made of."""

    name: str
    flatbuffer: bytes
    record: Record

    @cached_property
    def graph(self) -> Graph:
        """What its flatbuffer says."""
        return read_graph(self.flatbuffer)

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """Every place of its flatbuffer that a reader of the format takes a number from."""
        reader = Reader(self.flatbuffer)
        return tuple(dict.fromkeys(_table_places(reader, reader.offset(0), "Model")))


def mutant(bases: list[Base], seed: int, number: int) -> tuple[str, bytes]:
    """The kind of a mutant and its content; the same for the same arguments."""
    rng = random.Random(f"{seed}:{number}")  # noqa: S311 - not for secrets
    base = rng.choice(bases)
    name = rng.choice(list(MAKERS))
    return f"{name} of {base.name}", MAKERS[name](rng, base)


def enveloped(flatbuffer: bytes, record: Record) -> bytes:
    """A model file of any network and any record, with the right checksum."""
    return joined(flatbuffer, _text(flatbuffer, record).encode("utf-8", "surrogatepass"))


def changed_record(rng: random.Random, record: Record) -> Record:
    """A copy of a record with one or two things taken out, put in, scaled, or replaced."""
    record = copy.deepcopy(record)
    for _ in range(rng.randint(1, 2)):
        *way, key = rng.choice([path for path in _paths(record) if path[0] != "provenance"])
        at: Any = record
        for step in way:
            at = at[step]
        match rng.randrange(4):
            case 0:
                del at[key]
            case 1 if isinstance(at, list):
                at.insert(key, copy.deepcopy(rng.choice(VALUES)))
            case 2 if isinstance(at[key], float):
                at[key] *= rng.choice(FACTORS)
            case _:
                at[key] = copy.deepcopy(rng.choice(VALUES))
    return record


def _text(flatbuffer: bytes, record: Record) -> str:
    checksum = hashlib.sha256(flatbuffer).hexdigest()
    envelope = dict(zip(ENVELOPE, (FORMAT, FORMAT_VERSION, checksum, len(flatbuffer)), strict=True))
    return json.dumps({**envelope, **record}, ensure_ascii=False)


def _paths(values: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of everything in a record."""
    if path:
        yield path
    parts = values.items() if isinstance(values, dict) else enumerate(values)
    for key, value in parts:
        if isinstance(value, dict | list):
            yield from _paths(value, (*path, key))
        else:
            yield (*path, key)


def _of_record(rng: random.Random, base: Base) -> bytes:
    return enveloped(base.flatbuffer, changed_record(rng, base.record))


def _of_text(rng: random.Random, base: Base) -> bytes:
    """The text of the record, with something put in, taken out, or another character."""
    text = _text(base.flatbuffer, base.record)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(text))
        put = rng.choice((*TOKENS, chr(rng.randrange(256)), ""))
        text = text[:at] + put + text[at + rng.randrange(4) :]
    return joined(base.flatbuffer, text.encode("utf-8", "surrogatepass"))


def _of_archive(rng: random.Random, base: Base) -> bytes:
    """Bytes of the archive's header, directory or end; or the file cut, doubled or added to."""
    data = bytearray(enveloped(base.flatbuffer, base.record))
    start, size = len(base.flatbuffer), len(data)
    match rng.randrange(4):
        case 0:
            return bytes(data[: rng.randrange(start, size)])
        case 1:
            return bytes(data + data[rng.randrange(start, size) :])
        case 2:
            at = rng.choice((start, size - 22, size - 77, rng.randrange(start, size)))
            return bytes(data[:at] + rng.randbytes(rng.randint(1, 40)) + data[at:])
    for _ in range(rng.randint(1, 3)):
        at = rng.choice((rng.randrange(start, start + 39), rng.randrange(size - 77, size - 3)))
        struct.pack_into("<H", data, at, rng.choice(INTEGERS) & 0xFFFF)
    return bytes(data)


def _of_bytes(rng: random.Random, base: Base) -> bytes:
    """Any bytes of the flatbuffer."""
    data = bytearray(base.flatbuffer)
    for _ in range(rng.randint(1, 3)):
        data[rng.randrange(8, len(data))] = rng.choice((0, 1, 255, 128, rng.randrange(256)))
    if rng.random() < 0.1:
        data = data[: rng.randrange(8, len(data))]
    return enveloped(bytes(data), base.record)


def _of_places(rng: random.Random, base: Base) -> bytes:
    """Numbers of the flatbuffer that have a meaning."""
    data = bytearray(base.flatbuffer)
    for _ in range(rng.choice(SEVERAL)):
        place = rng.choice(base.places)
        if place.format == "f":
            struct.pack_into("<f", data, place.position, rng.choice(SCALES))
            continue
        size = struct.calcsize(place.format)
        (now,) = struct.unpack_from("<" + place.format, data, place.position)
        value = rng.choice((*INTEGERS, now + 1, now - 1, now + 4, -now, now * 2, now ^ 1 << 4))
        part = (value & (1 << 8 * size) - 1).to_bytes(size, "little")
        data[place.position : place.position + size] = part
    return enveloped(bytes(data), base.record)


def _of_graph(rng: random.Random, base: Base) -> bytes:
    """What the flatbuffer says, written as it should be."""
    graph = base.graph
    for _ in range(rng.choice(SEVERAL)):
        graph = rng.choice(GRAPH_CHANGES)(rng, graph)
    try:
        flatbuffer = write_graph(graph)
    except (struct.error, IndexError, KeyError, OverflowError):
        flatbuffer = base.flatbuffer  # it cannot be said
    return enveloped(flatbuffer, base.record)


def _table_places(reader: Reader, position: int, kind: str) -> Iterator[Place]:
    """The places of a table: where its fields are said, its fields, and what these lead to."""
    vtable = position - reader.unpack("i", position)
    size = reader.unpack("H", vtable)
    yield Place(position, "i")
    for entry in range(0, size, 2):
        yield Place(vtable + entry, "H")
    table = reader.table(position)
    for slot, what in SCHEMA[kind].items():
        field = table.at(slot)
        if field is None:
            continue
        if len(what) == 1:
            yield Place(field, what)
            continue
        yield Place(field, "I")
        try:
            yield from _led_to(reader, reader.offset(field), what)
        except ModelFileError:
            continue  # the options of another operator have other fields


def _led_to(reader: Reader, target: int, what: str) -> Iterator[Place]:
    if not what.startswith("*"):
        yield from _table_places(reader, target, what)
        return
    kind = what[1:]
    yield Place(target, "I")
    size = struct.calcsize(kind) if len(kind) == 1 else 4
    for index in range(min(reader.unpack("I", target), MOST_ELEMENTS)):
        at = target + 4 + size * index
        yield Place(at, kind if len(kind) == 1 else "I")
        if len(kind) > 1:
            yield from _table_places(reader, reader.offset(at), kind)


MAKERS: Mapping[str, Callable[[random.Random, Base], bytes]] = {
    "record": _of_record,
    "text": _of_text,
    "archive": _of_archive,
    "bytes": _of_bytes,
    "places": _of_places,
    "graph": _of_graph,
}
