"""The size of the arena: recorded, measured or bounded, and never too small."""

from pathlib import Path

import pytest

from edge_ik_tools.tflm import arena
from edge_ik_tools.tflm.arena import arena_bound, arena_for, measure_arena
from firmware_host.errors import ModelFileError
from firmware_host.installed import install_command
from firmware_host.model_file import read_model
from firmware_host.network.flatbuffer import read_graph

NETWORKS = sorted((Path(__file__).parents[2] / "firmware_host" / "models").glob("*.tflite"))


@pytest.fixture
def flatbuffer(planar_model):
    return read_model(planar_model)[0]


@pytest.fixture
def not_installed(monkeypatch):
    monkeypatch.setattr(arena, "find_spec", lambda name: None)


@pytest.mark.parametrize("provenance", [{"arena_bytes": 4096}, {"metrics": {"arena_bytes": 4096}}])
def test_what_the_model_records_comes_first(flatbuffer, provenance):
    found = arena_for(flatbuffer, provenance)
    assert found.measured == 4096
    # A sum for each of 28 rows of weights, and a record for each of 4 dense layers.
    assert found.margin == 28 * 4 + 4 * 64
    assert found.size == 4096 + found.margin
    assert "8-byte pointers" in found.how
    assert "when the model was exported" in found.how


@pytest.mark.parametrize("value", [None, True, 0, -16, "4096", 4096.0])
def test_a_record_that_is_no_size_is_not_used(flatbuffer, not_installed, value):
    assert arena_for(flatbuffer, {"arena_bytes": value, "metrics": []}).measured is None


def test_without_the_library_the_arena_is_a_bound(flatbuffer, not_installed):
    found = arena_for(flatbuffer, {})
    assert found.measured is None
    assert found.size == arena_bound(read_graph(flatbuffer)) + found.margin
    assert "Nothing was measured" in found.how


@pytest.mark.parametrize("path", NETWORKS, ids=lambda path: path.stem)
def test_the_bound_is_more_than_is_needed_and_not_much_more(path):
    pytest.importorskip("tflite_micro", reason=f"needs tflite-micro: {install_command('tflm')}")
    content = path.read_bytes()
    measured = measure_arena(content)
    assert measured <= arena_bound(read_graph(content)) <= 2 * measured


def test_a_measured_arena_is_the_smallest_that_serves(flatbuffer):
    runtime = pytest.importorskip("tflite_micro.python.tflite_micro.runtime")
    found = arena_for(flatbuffer, {})
    runtime.Interpreter.from_bytes(flatbuffer, arena_size=found.measured)
    with pytest.raises(RuntimeError):
        runtime.Interpreter.from_bytes(flatbuffer, arena_size=found.measured - 16)
    assert "when this folder was written" in found.how


def test_a_size_at_which_the_library_ends_the_process_is_too_small(flatbuffer, monkeypatch):
    asked = []

    def probed(_, too_small, enough):
        asked.append((too_small, enough))
        lines, size = [], arena.next_size(too_small, enough)
        while size is not None:
            if 1500 < size < 2100:
                return [*lines, f"{size} "]
            lines.append(f"{size} {int(size >= 3000)}")
            too_small, enough = (too_small, size) if size >= 3000 else (size, enough)
            size = arena.next_size(too_small, enough)
        return lines

    monkeypatch.setattr(arena, "_probed", probed)
    assert measure_arena(flatbuffer) == 3008
    assert asked == [(0, 0), (2048, 0)]


def test_a_network_that_no_arena_serves_is_refused(flatbuffer, monkeypatch):
    monkeypatch.setattr(arena, "_probed", lambda _, small, enough: [f"{2 * small or 1024} "])
    with pytest.raises(ModelFileError, match="does not load the network"):
        measure_arena(flatbuffer)
