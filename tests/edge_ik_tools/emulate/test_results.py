"""What is reported: spreads, the estimate, JSON and tables."""

import json

import numpy as np
import pytest

from edge_ik_tools.emulate.cores import CORES
from edge_ik_tools.emulate.cycles import Executed
from edge_ik_tools.emulate.results import (
    Baseline,
    EmulatedBenchmark,
    PathCost,
    Spread,
    Timing,
)
from edge_ik_tools.emulate.tables import emulation_tables
from firmware_host.errors import ConfigError

PARTS = ("encode", "network", "decode", "refine", "total")
# One instruction of two cycles and one of one: 1.5 in the mean.
EXECUTED = [Executed("ldr", "r0, [r1]", False), Executed("nop", "", False)]
COUNTS = Spread.of(np.array([100, 300, 200, 1000]))


def benchmark(closed_form=None, tried=(1.0, 1), name="cortex-m4", ram_bytes=0):
    core = CORES[name]
    machine = {"machine": "board", "compiler": "gcc 1", "emulator": "QEMU 2", "options": "-O2"}
    return EmulatedBenchmark(
        target=name,
        part=None,
        machine=machine,
        unit=core.unit,
        encode=COUNTS,
        network=COUNTS,
        decode=COUNTS,
        refine=COUNTS,
        total=COUNTS,
        flash_bytes=4321,
        ram_bytes=ram_bytes,
        stack_bytes=210,
        room=core.room,
        timing=Timing.of(core, COUNTS, EXECUTED),
        targets=4,
        steps=3,
        tried_mean=tried[0],
        tried_max=tried[1],
        solved=0.999999,
        limit_violations=0,
        max_error_m=2e-4,
        max_joint_difference_rad=1e-6,
        other_answers=0,
        status_differences=0,
        network_inputs=4,
        network_differences=0,
        cold=Baseline(COUNTS, 0.93, 8.5, 50),
        closed_form=closed_form,
        path=PathCost(1000, COUNTS, 1.0, 3, COUNTS, 0.998, 0, 240),
    )


def test_a_spread():
    assert Spread(min=100, median=250.0, mean=400.0, max=1000) == COUNTS


def test_where_instructions_are_counted_the_time_is_an_estimate():
    core = CORES["cortex-m4"]
    timing = Timing.of(core, COUNTS, EXECUTED, 100e6)
    assert timing.cycles_per_instruction == 1.5
    assert timing.max_cycles == 1500
    assert timing.max_us == pytest.approx(15)
    assert timing.median_us == pytest.approx(15 / 4)
    assert "an estimate, 1.50 cycles" in timing.assumptions
    assert core.cycles.source in timing.assumptions
    assert Timing.of(core, COUNTS, EXECUTED).clock_hz == core.clock_hz


def test_where_cycles_are_counted_the_time_is_theirs():
    timing = Timing.of(CORES["atmega328p"], COUNTS, [])
    assert timing.cycles_per_instruction is None
    assert (timing.clock_hz, timing.max_cycles) == (16e6, 1000)
    assert timing.max_us == pytest.approx(62.5)
    assert "counted" in timing.assumptions


def test_without_published_cycles_there_is_no_time():
    core = CORES["rv32imc"]
    assert Timing.of(core, COUNTS, EXECUTED) is None
    with pytest.raises(ConfigError, match=r"no clock for rv32imc.*not published"):
        Timing.of(core, COUNTS, EXECUTED, 160e6)


@pytest.mark.parametrize("clock", [0.0, -1.0, float("nan"), float("inf")])
def test_a_clock_that_is_none_is_refused(clock):
    with pytest.raises(ConfigError, match="clock above 0"):
        Timing.of(CORES["cortex-m4"], COUNTS, EXECUTED, clock)


def test_the_json():
    values = benchmark().to_dict()
    assert json.loads(json.dumps(values, allow_nan=False)) == values
    assert values["unit"] == "instructions"
    spread = {"min": 100, "median": 250.0, "mean": 400.0, "max": 1000}
    assert values["instructions"] == dict.fromkeys(PARTS, spread)
    assert values["baselines"]["closed_form"] is None
    cold = values["baselines"]["cold_dls"]
    assert cold == {**spread, "solved": 0.93, "steps_mean": 8.5, "steps_max": 50}
    assert (values["flash_bytes"], values["stack_bytes"], values["steps"]) == (4321, 210, 3)
    assert not {*PARTS, "cold", "closed_form"} & set(values)
    path = values["path"]
    assert path["track"] == {**spread, "solved": 1.0}
    assert path["solve_near"] == {**spread, "solved": 0.998}
    assert (path["points"], path["asked"], path["stack_bytes"]) == (1000, 3, 240)


def test_the_json_names_cycles_where_they_are_counted():
    values = benchmark(name="atmega328p").to_dict()
    assert values["unit"] == "cycles"
    assert set(values["cycles"]) == set(PARTS)
    assert "instructions" not in values
    assert values["room"] == {"flash_bytes": 32768, "ram_bytes": 2048}
    assert values["timing"]["cycles_per_instruction"] is None
    assert benchmark(name="rv32imc").to_dict()["timing"] is None


def text_of(tables):
    lines = [table.title for table in tables]
    lines += [" ".join(row) for table in tables for row in table.rows]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("name", "told", "untold"),
    [
        ("cortex-m4", ["Instructions on an emulated", "about 2.2"], ["the part has"]),
        ("rv32imc", ["Instructions on an emulated", "cycles of its instr"], ["MHz", "about"]),
        ("atmega328p", ["Cycles on an emulated", "16 MHz 15.6", "2,048"], ["about", "not fit"]),
    ],
)
def test_the_tables_name_what_is_counted(name, told, untold):
    text = text_of(emulation_tables(benchmark(name=name).to_dict()))
    assert all(words in text for words in told), text
    assert not any(words in text for words in untold), text


def test_what_does_not_fit_a_part_is_told():
    fits, larger = (
        text_of(emulation_tables(benchmark(name="atmega328p", ram_bytes=size).to_dict()))
        for size in (2048 - 240, 2048 - 239)
    )
    assert "does not fit" not in fits
    assert "does not fit" in larger


@pytest.mark.parametrize("closed_form", [None, Baseline(COUNTS, 1.0)])
def test_the_tables(closed_form):
    tables = emulation_tables(benchmark(closed_form).to_dict())
    for table in tables:
        assert all(len(row) == len(table.columns) for row in table.rows)
    first = tables[0].rows
    assert len(first) == (8 if closed_form is None else 9)
    assert first[4] == ("whole solve", "100", "250", "400", "1,000", "99.99")
    assert first[5][0] == "no network: 8.5 DLS steps, 50 at most"
    counts = ("100", "250", "400", "1,000")
    assert first[-2] == ("tracking a path, network asked 3 times", *counts, "100")
    assert first[-1] == ("the same path, network each time", *counts, "99.80")
    text = "\n".join(" ".join(row) for table in tables for row in table.rows)
    assert "an estimate" in text
    assert "4,321 bytes" in text
    assert ("stack of a solve", "210 bytes, without interrupts") in tables[1].rows
    assert ("stack of tracking", "240 bytes, without interrupts") in tables[1].rows


def test_the_tables_tell_of_tries_where_there_are_several():
    (once, *_), (often, *_) = (
        emulation_tables(benchmark(tried=tried).to_dict()) for tried in ((1.0, 1), (1.25, 7))
    )
    assert once.rows[3][0] == "3 DLS steps"
    assert often.rows[3][0] == "3 DLS steps from each of 1.25 seeds, 7 at most"
