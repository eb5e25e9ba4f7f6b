"""A solver written by hand, its robot, and the cross-compiler with the emulator."""

from pathlib import Path

import numpy as np
import pytest

from edge_ik_tools.emulate.build import FIRMWARE, Sources, link_program, own_objects
from edge_ik_tools.emulate.cores import CORES
from firmware_host.chain import Chain, Joint


@pytest.fixture(scope="session")
def tools(tools_for):
    """The compiler and the emulator of the Cortex-M cores."""
    return tools_for(CORES["cortex-m4"])


@pytest.fixture(scope="session")
def build_snippet(tools_for):
    """Function of a core, a function in assembly code and a folder: a program that counts it.

    The function may change what a function may; its return is added.
    """

    def build(core, assembly, folder):
        tools = tools_for(core)
        text = "\\n\\t".join(line.strip() for line in assembly.strip().splitlines())
        objects = own_objects(tools, core, (core.family.port, "counter.c"), folder, [])
        snippet, include = Path(__file__).with_name("snippet.c"), [FIRMWARE]
        define = f'-DSNIPPET="{text}"'
        out = folder / "snippet.o"
        objects.append(tools.compile(core, snippet, out, include=include, options=[define]))
        return link_program(tools, core, objects, folder / "snippet.elf")

    return build


@pytest.fixture
def counts(tools_for, build_snippet, tmp_path):
    """Function of a core and a function in assembly code: what it takes, and its stack."""

    def count(core, assembly):
        tools_for(core).run(core, build_snippet(core, assembly, tmp_path), tmp_path)
        first, stack, second = np.fromfile(tmp_path / "counts.bin", "<u4").tolist()
        # Begun in another phase of the timer's tick.
        assert first == second
        return first, stack

    return count


@pytest.fixture(scope="session")
def tiny():
    """`tiny.c`: the interface of generated code, for the arm `yaw_shoulder_elbow()`."""
    return Sources(Path(__file__).parent, "tiny")


@pytest.fixture(scope="session")
def yaw_shoulder_elbow():
    """Function of the directions of the axes and of the elbow's limits: an arm of that kind."""

    def build(yaw=1, shoulder=-1, elbow=1, limits=(0.15, 2.6), offset=(0.0, 0.0, 0.0)):
        def joint(name, axis, origin, lower, upper):
            transform = np.eye(4)
            transform[:3, 3] = origin
            return Joint(name, transform, np.array(axis, float), lower, upper)

        lift = (-0.2, 1.9) if shoulder < 0 else (-1.9, 0.2)
        tool = np.eye(4)
        tool[:3, 3] = (0.25, 0.0, 0.0)
        joints = (
            joint("yaw", [0, 0, yaw], [0, 0, 0.15], -3.0, 3.0),
            joint("shoulder", [0, shoulder, 0], offset, *lift),
            joint("elbow", [0, elbow, 0], [0.25, 0, 0], *limits),
        )
        return Chain("arm", joints, tool)

    return build
