"""The trace: an independent count of the same instructions."""

import numpy as np
import pytest

from edge_ik_tools.c99.folder import write_sources
from edge_ik_tools.c99.source import Firmware
from edge_ik_tools.emulate.build import Sources
from edge_ik_tools.emulate.cores import CORES
from edge_ik_tools.emulate.measure import measure
from edge_ik_tools.emulate.trace import trace_solve
from edge_ik_tools.random_inputs import random_inputs
from firmware_host.model_file import read_model
from firmware_host.network.runtimes import open_interpreter

TARGET = np.array([0.3, 0.1, 0.2])


TRACED = {name: core for name, core in CORES.items() if core.family.emulator.traces}
# The solver written by hand calculates with floats.
ABLE = {name: core for name, core in TRACED.items() if core.family.floats}


def test_where_there_is_a_trace():
    assert {core.unit for core in TRACED.values()} == {"instructions"}
    assert all(core.unit == "cycles" for name, core in CORES.items() if name not in TRACED)


@pytest.mark.parametrize("core", ABLE.values(), ids=ABLE)
def test_the_counter_agrees_with_the_emulators_trace(tools_for, tiny, yaw_shoulder_elbow, core):
    tools = tools_for(core)
    chain = yaw_shoulder_elbow()
    executed = trace_solve(tools, core, tiny, chain, TARGET)
    found = measure(tools, core, tiny, chain, TARGET[None], np.zeros((1, 6), np.int8), 6)
    assert len(executed) == found.total[0]
    assert executed[-1].jumped
    # The square roots of the residuals, or calls to a function that takes them.
    names = [instruction.mnemonic for instruction in executed]
    assert names.count("vsqrt.f32") == (2 if "-mfloat-abi=hard" in core.flags else 0)


@pytest.mark.parametrize("name", ["cortex-m0", "lx106"])
def test_the_counter_agrees_where_the_solver_calculates_in_integers(
    tools_for, source_root, tmp_path, name
):
    core, model = CORES[name], source_root / "artifacts" / "arm3" / "arm3-int8.tflite"
    tools, firmware = tools_for(core), Firmware.load(model)
    write_sources(firmware, tmp_path)
    sources = Sources(tmp_path, firmware.name)
    interpreter, chain = open_interpreter(read_model(model)[0], "reference"), firmware.spec.chain
    inputs = random_inputs(interpreter, 1, np.random.default_rng(0))
    executed = trace_solve(tools, core, sources, chain, TARGET)
    found = measure(tools, core, sources, chain, TARGET[None], inputs, interpreter.output_shape[1])
    assert len(executed) == found.total[0]
    assert executed[-1].jumped
    assert all(instruction.mnemonic for instruction in executed)
