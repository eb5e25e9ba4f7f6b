"""The wrapper for MicroPython, built by its two build systems against stubs of its headers."""

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from firmware_host.solver import IkSolver
from firmware_host.tracking import track

STUBS = Path(__file__).with_name("stubs") / "micropython"
# What MicroPython's ports compile with.
STRICT = ["-std=gnu99", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Wpointer-arith",
          "-Wdouble-promotion", "-Wfloat-conversion", "-Werror"]  # fmt: skip
CMAKE = """\
cmake_minimum_required(VERSION 3.16)
project(port C)
add_library(usermod INTERFACE)
include({folder}/micropython.cmake)
add_executable(port {stubs}/py/stub.c)
target_include_directories(port PRIVATE {stubs} {qstrs})
target_compile_options(port PRIVATE {strict})
target_link_libraries(port usermod)
"""
MAKE = """\
USERMOD_DIR := {folder}
include {folder}/micropython.mk
port: $(SRC_USERMOD_C) $(SRC_USERMOD_LIB_C) {stubs}/py/stub.c
	cc {strict} $(CFLAGS_USERMOD) -I{stubs} -I{qstrs} $^ -o $@
"""


def write_qstrs(folder, out):
    """The interned strings that the wrapper names, as MicroPython's scan collects them."""
    text = "".join(path.read_text() for path in (folder / "micropython").glob("*.c"))
    words = sorted(set(re.findall(r"\bMP_QSTR_(\w+)", text)))
    out.write_text("".join(f'#define MP_QSTR_{word} "{word}"\n' for word in words))


@pytest.fixture(scope="module")
def port(exported, require_tool, tmp_path_factory):
    """Function of a kind of firmware and a build system: a program that calls the module."""
    made = {}

    def build(kind, system):
        if (kind, system) in made:
            return made[kind, system]
        require_tool("cc", "gcc libc6-dev")
        out, folder = tmp_path_factory.mktemp("port"), exported(kind)
        write_qstrs(folder, out / "qstrs.h")
        words = {"folder": folder, "stubs": STUBS, "qstrs": out, "strict": " ".join(STRICT)}
        if system == "cmake":
            require_tool("cmake", "cmake")
            (out / "CMakeLists.txt").write_text(CMAKE.format(**words))
            commands = [["cmake", "-B", "."], ["cmake", "--build", "."]]
        else:
            (out / "Makefile").write_text(MAKE.format(**words))
            commands = [[require_tool("make", "make"), "port"]]
        for command in commands:
            ended = subprocess.run(command, cwd=out, capture_output=True, text=True, check=False)
            assert ended.returncode == 0, (ended.stdout + ended.stderr)[-3000:]
        made[kind, system] = out / "port"
        return out / "port"

    return build


def call(port, function, *arguments):
    words = [word if isinstance(word, str) else repr(float(word)) for word in arguments]
    ended = subprocess.run([port, function, *words], capture_output=True, text=True, check=False)
    return ended.returncode, ended.stdout.strip()


def numbers(told):
    code, text = told
    assert code == 0, text
    return np.array(text.split(), float)


@pytest.mark.parametrize("system", ["cmake", "make"])
def test_it_solves_as_the_host_does(system, port, arm3_path):
    program, solver = port("arm3", system), IkSolver.load(arm3_path, "reference")
    expected = solver.solve([0.3, 0.1, 0.2])
    *q, solved, distance = numbers(call(program, "solve", 0.3, 0.1, 0.2))
    np.testing.assert_allclose(q, expected.q, atol=1e-5)
    assert (solved, distance < 1e-3) == (1, True)
    near = ["(", *q, ")"]
    *again, solved, _ = numbers(call(program, "solve_near", *near, 0.3, 0.1, 0.21))
    assert solved == 1
    np.testing.assert_allclose(again, solver.solve([0.3, 0.1, 0.21]).q, atol=1e-4)
    pose = numbers(call(program, "forward", *near)).reshape(3, 4)
    np.testing.assert_allclose(pose, solver.forward(np.array(q))[:3], atol=1e-6)


def test_it_follows_a_path_as_the_host_does(port, arm3_path):
    """The module keeps where the joints are from one call to the next."""
    program, solver = port("arm3", "make"), IkSolver.load(arm3_path, "reference")
    q = solver.solve([0.3, 0.1, 0.2]).q
    targets, most = [[0.3, 0.1, 0.205], [0.3, 0.1, 0.21]], [0.01] * 3
    for steps in ([], ["(", *most, ")"]):
        words = ["start", "(", *q, ")", *steps]
        for target in targets:
            words += ["then", "track", *target]
        answers = numbers(call(program, *words)).reshape(2, 5)
        expected = track(solver, targets, q, max_step=most if steps else None)
        np.testing.assert_allclose(answers[:, :3], expected.q, atol=1e-5)
        np.testing.assert_array_equal(answers[:, 3], expected.solved)
        np.testing.assert_allclose(answers[:, 4], expected.position_error_m, atol=1e-6)
    assert not expected.solved.all()
    # Without a start, the first answer is the network's.
    assert numbers(call(program, "track", 0.3, 0.1, 0.2))[3] == 1
    assert call(program, "start", "(", 0.1, ")")[1].startswith("ValueErr")


def test_mistakes_are_raised(port):
    program = port("arm3", "make")
    code, text = call(program, "solve", float("nan"), 0.1, 0.2)
    assert code == 3
    assert "expected finite numbers: x y z" in text
    assert call(program, "solve", 0.3, 0.1)[1] == "TypeError"
    assert call(program, "solve_near", "(", 0.1, 0.2, ")", 0.3, 0.1, 0.2)[1].startswith("ValueErr")
    # Far away is no mistake, but an answer.
    assert numbers(call(program, "solve", 5, 0, 0))[3] == 0


@pytest.mark.parametrize(
    ("kind", "most"),
    [("poses_branches", 7), ("poses", 7), ("axis", 6), ("pitches", 4), ("boom", 7)],
)
def test_orientations_are_taken_and_told(kind, most, port, exported):
    program = port(kind, "make")
    # The example in its README is a target that is reached.
    text = (exported(kind) / "README.md").read_text()
    target = re.search(rf"{kind}_ik\.solve\(([^)]*)\)", text)[1].split(", ")
    assert len(target) == most
    *q, solved, distance, angle = numbers(call(program, "solve", *map(float, target)))
    assert solved == 1
    assert distance < 1e-3
    assert angle < 2e-3
    near = numbers(call(program, "solve_near", "(", *q, ")", *map(float, target)))
    np.testing.assert_allclose(near[: len(q)], q, atol=1e-3)


def test_servos_are_given_their_commands(port, exported):
    program = port("lift", "make")
    header = (exported("lift") / "src" / "lift.h").read_text()
    listed = re.findall(r": (?:PWM|bus), (\d+) to (\d+) \w+; .* at 0, ([+-])", header)
    assert len(listed) == 3
    for far in (100.0, -100.0):
        *pulses, held_back = numbers(call(program, "servo", "(", far, far, far, ")"))
        assert held_back == 3
        ends = [float(most if (sign == "+") == (far > 0) else least)
                for least, most, sign in listed]  # fmt: skip
        assert pulses == ends
    code, text = call(program, "servo", "(", float("nan"), 0, 0, ")")
    assert code == 3
    assert "finite joints" in text
    assert call(port("arm3", "make"), "servo", "(", 0, 0, 0, ")")[1] == "AttributeError"
