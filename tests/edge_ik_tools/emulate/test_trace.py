"""The trace: an independent count of the same instructions."""

import numpy as np
import pytest

from edge_ik_tools.emulate.cores import CORES
from edge_ik_tools.emulate.measure import measure
from edge_ik_tools.emulate.trace import trace_solve

TARGET = np.array([0.3, 0.1, 0.2])


TRACED = {name: core for name, core in CORES.items() if core.family.emulator.traces}


def test_where_there_is_a_trace():
    assert {core.unit for core in TRACED.values()} == {"instructions"}
    assert all(core.unit == "cycles" for name, core in CORES.items() if name not in TRACED)


@pytest.mark.parametrize("core", TRACED.values(), ids=TRACED)
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
