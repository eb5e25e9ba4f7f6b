"""Mutants of models: each is taken rightly or refused, and none ends the process."""

import json
import os
import random
import sys
from pathlib import Path

import numpy as np
import pytest

from edge_ik_tools.mutants import ledger as module
from edge_ik_tools.mutants.ledger import Ledger, run
from edge_ik_tools.mutants.looking import bases_of
from edge_ik_tools.mutants.making import MAKERS, enveloped, mutant
from firmware_host.errors import ModelFileError, RunError
from firmware_host.model_file import read_model, unpack
from firmware_host.network.flatbuffer import read_graph
from firmware_host.network.runtimes import available_runtimes, open_interpreter

# The bar is 300,000; so many at each run of the tests.
COUNT = int(os.environ.get("EDGE_IK_MUTANTS", "300"))


@pytest.fixture(scope="module")
def bases(planar_model):
    return bases_of([planar_model])


def test_none_goes_wrong(planar_model, tmp_path):
    folder = Path(os.environ.get("EDGE_IK_MUTANTS_FOLDER", tmp_path / "ledger"))
    found = run([planar_model], COUNT, 0, 1, folder)
    assert found.wrong() == [], found.summary()
    batches = found.batches.values()
    assert sum(batch.count for batch in batches) == COUNT
    assert {kind for batch in batches for kind in batch.kinds} == set(MAKERS)
    assert COUNT / 20 < sum(batch.taken for batch in batches) < COUNT


def test_a_network_is_the_same_in_every_format(bases):
    rng = np.random.default_rng(0)
    features = rng.normal(0, 0.5, (30, 6)).astype(np.float32)
    found = {
        base.name.split()[-1]: open_interpreter(base.flatbuffer, "reference").run(features)
        for base in bases
        if not base.name.endswith("dynamic")
    }
    assert {"int8", "int16x8", "float32"} <= set(found)
    for outputs in found.values():
        assert np.abs(outputs - found["float32"]).max() < 0.2
    if "litert" in available_runtimes():
        (mixed,) = (base for base in bases if base.name.endswith("dynamic"))
        outputs = open_interpreter(mixed.flatbuffer, "litert").run(features)
        assert np.abs(outputs - found["float32"]).max() < 0.2


def test_a_number_and_a_seed_make_one_mutant(bases):
    made = [mutant(bases, 3, number) for number in range(40)]
    assert made == [mutant(bases, 3, number) for number in range(40)]
    assert len({content for _, content in made}) == 40
    assert made != [mutant(bases, 4, number) for number in range(40)]


@pytest.mark.parametrize("name", MAKERS)
def test_each_kind_differs_from_its_base_and_has_the_right_checksum(name, bases):
    rng, differ, whole, told = random.Random(name), 0, 0, []
    for _ in range(40):
        content = MAKERS[name](rng, bases[0])
        differ += content != enveloped(bases[0].flatbuffer, bases[0].record)
        try:
            unpack(content)
            whole += 1
        except ModelFileError as error:
            told.append(str(error))
    assert differ > 30
    if name not in ("text", "archive"):
        # Its network is what the record says, whatever else is wrong.
        assert whole > 20
        assert not any("hash" in sentence for sentence in told)


def test_places_are_numbers_that_mean_something(bases):
    """Each that a reader of the format takes: changed, some of them are found out."""
    base = bases[0]
    assert len(base.places) > 500
    assert all(0 <= place.position < len(base.flatbuffer) for place in base.places)
    positions = {place.position for place in base.places}
    graph = read_graph(base.flatbuffer)
    (scale,) = graph.tensors[graph.inputs[0]].quantization.scale
    at = base.flatbuffer.index(scale.tobytes())
    assert at in positions


PROGRAM = """
import json, os, signal, sys
asked = json.loads(sys.argv[1])
for number in range(asked["first"], asked["last"]):
    print(json.dumps({"begins": number}), flush=True)
    if number == 3:
        os.kill(os.getpid(), signal.SIGABRT)
    if number == 5:
        sys.exit(7)
    slow = 3.0 if number == 6 else 0.1
    print(json.dumps({"number": number, "kind": "text", "taken": 1, "seconds": slow}), flush=True)
"""


def test_what_ends_its_process_is_told_and_the_next_one_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "COMMAND", (sys.executable, "-c", PROGRAM))
    found = run([], 10, 0, 1, tmp_path / "ledger")
    assert [odd["number"] for odd in found.wrong()] == [3, 5, 6]
    aborted, left, slow = found.wrong()
    assert aborted["broken"] == "ended by signal 6 SIGABRT"
    assert left["broken"].startswith("ended by exit code 7")
    assert (slow["broken"], slow["seconds"]) == ("", 3.0)
    assert "10 mutants" in found.summary()
    assert "2 went wrong; 1 took more than 2 s" in found.summary()


def test_a_ledger_is_gone_on_with(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "COMMAND", (sys.executable, "-c", PROGRAM))
    monkeypatch.setattr(module, "BATCH", 4)
    folder, told = tmp_path / "ledger", []
    run([], 7, 0, 1, folder, told.append)
    with (folder / "ledger.jsonl").open("a") as file:
        file.write('{"first": 4, "co')
    found = run([], 12, 0, 2, folder, told.append)
    # Each time where it stands, then what came of each batch; one was not whole, and is again.
    assert [(done.count, done.total) for done in told] == [
        *((0, 7), (4, 7), (7, 7)),
        *((7, 12), (8, 12), (12, 12)),
    ]
    assert [done.line.partition(" wrong")[0] for done in told] == [
        *("", "4 of 7, 1", "7 of 7, 3"),
        *("", "8 of 12, 3", "12 of 12, 3"),
    ]
    assert sorted(found.batches) == [0, 4, 8]
    assert json.loads((folder / "ledger.jsonl").read_text().splitlines()[0])["seed"] == 0
    again = Ledger(folder, {"models": [], "seed": 0, "batch": 4})
    assert again.summary() == found.summary()
    with pytest.raises(RunError, match="is of other mutants"):
        run([], 12, 1, 1, folder)


def test_the_command_tells_what_became_of_them(planar_model, tmp_path, monkeypatch):
    from click.testing import CliRunner

    from edge_ik_tools.mutants.__main__ import main

    monkeypatch.setattr(module, "COMMAND", (sys.executable, "-c", PROGRAM))
    arguments = [str(planar_model), "--count", "3", "--out", str(tmp_path / "ledger")]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0
    assert "3 mutants (3 of text):" in result.output
    result = CliRunner().invoke(main, [*arguments[:2], "8", *arguments[3:], "--seed", "1"])
    assert result.exit_code == 1
    assert "is of other mutants" in result.output
    result = CliRunner().invoke(main, [str(planar_model), "--write", "7"])
    assert result.stdout_bytes == mutant(bases_of([planar_model]), 0, 7)[1]
    assert read_model(planar_model)[0] != result.stdout_bytes
