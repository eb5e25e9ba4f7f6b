"""Servos on cores: the host's commands to the last one, in a bounded number of instructions."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from edge_ik_tools.c99.folder import write_sources
from edge_ik_tools.c99.literals import float_literal
from edge_ik_tools.emulate.build import FIRMWARE, link_program, own_objects
from edge_ik_tools.emulate.cores import CORES

ROWS = 300
# For each joint, the longest; a core without long products calls the library for them.
MOST = {"cortex-m0": (200, 130), "cortex-m4": (72, 50)}


@pytest.mark.parametrize("name", MOST)
def test_commands_are_those_of_the_host(
    name, tools_for, other_arms, fitted_firmware, random_servos, tmp_path
):
    rng, core = np.random.default_rng(4), CORES[name]
    tools = tools_for(core)
    firmware, _ = fitted_firmware(other_arms["cylindrical"], rng)
    servos = random_servos(firmware.spec.chain, rng)
    firmware = dataclasses.replace(firmware, spec=dataclasses.replace(firmware.spec, servos=servos))
    chain, count = servos.chain, len(servos)
    wide = [chain.lower - 0.5, chain.upper + 0.5]
    q = rng.uniform(*wide, (ROWS, count)).astype(np.float32)
    halves = np.array([rng.integers(s.least, s.most, 100) + 0.5 for s in servos.each]).T
    q[:100] = servos.joints(halves)
    micro = rng.integers(-(10**7), 10**7, (ROWS, count))
    micro[:2] = np.array([[-(2**31)], [2**31 - 1]])
    rows = {
        "float q": [map(float_literal, row) for row in q.tolist()],
        # The least number has no literal of its own.
        "int32_t q_urad": [(f"({x + 1}) - 1" for x in row) for row in micro.tolist()],
    }
    lines = [f"#include <stdint.h>\n#define ROWS {ROWS}"]
    for words, values in rows.items():
        text = ",\n".join("{" + ", ".join(row) + "}" for row in values)
        lines.append(f"static const {words}[ROWS][{count}] = {{\n{text}\n}};")
    (tmp_path / "rows.h").write_text("\n".join([*lines, ""]))
    write_sources(firmware, tmp_path)
    objects = own_objects(tools, core, (core.family.port, "counter.c"), tmp_path, [])
    for source in (tmp_path / "robot.c", Path(__file__).with_name("servos.c")):
        out = tmp_path / f"{source.stem}.o"
        include = [FIRMWARE, tmp_path]
        objects.append(tools.compile(core, source, out, include=include, options=[]))
    tools.run(core, link_program(tools, core, objects, tmp_path / "servos.elf"), tmp_path)
    data = (tmp_path / "servos.bin").read_bytes()
    pulses = np.frombuffer(data, "<u2", 2 * ROWS * count).reshape(2, ROWS, count)
    held, taken = np.frombuffer(data, "<i4", offset=pulses.nbytes).reshape(2, 2, ROWS)
    np.testing.assert_array_equal(pulses[0], servos.commands(q))
    np.testing.assert_array_equal(pulses[1], servos.commands_micro(micro))
    np.testing.assert_array_equal(held[0], (~servos.follows(q)).sum(axis=1))

    for longest, most in zip(taken.max(axis=1), MOST[name], strict=True):
        assert longest <= most * count
