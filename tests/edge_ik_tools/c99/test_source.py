"""The generated files: silent under every compiler, alone in the world, the same each time."""

import dataclasses
import re
import subprocess

import numpy as np
import pytest

from edge_ik_tools.c99.source import Firmware
from edge_ik_tools.emulate.bench import emulated_bench
from edge_ik_tools.emulate.build import link_program
from edge_ik_tools.emulate.cores import CORES
from edge_ik_tools.emulate.families import ARM
from firmware_host.chain import Chain
from firmware_host.errors import ConfigError, ModelFileError
from firmware_host.model_file import read_model, write_model

DTYPES = ["int8", "int16", "float32"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory, random_chain, robot_firmware, write_firmware, limit_kinds):
    """Folders by the network's type: firmware of a robot with limits of every kind."""
    made = {}
    for seed, dtype in enumerate(DTYPES):
        rng = np.random.default_rng(seed)
        chain = random_chain(rng, len(limit_kinds), list(limit_kinds))
        firmware = robot_firmware(chain, rng, np.dtype(dtype).type)
        made[dtype] = write_firmware(firmware, tmp_path_factory.mktemp(dtype))
    return made


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("level", ["-O0", "-Os", "-O2", "-O3"])
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_compilers_are_silent(compiler, level, dtype, folders, require_tool, warnings_as_errors):
    path = require_tool(compiler, compiler)
    command = [path, *warnings_as_errors, "-Wshadow", level, "-c", "robot.c", "-o", "robot.o"]
    built = subprocess.run(command, cwd=folders[dtype], capture_output=True, text=True, check=False)
    assert (built.returncode, built.stderr) == (0, "")


@pytest.mark.parametrize("level", ["-O0", "-O2", "-Os"])
@pytest.mark.parametrize("macro", ["EDGE_IK_SMALL=1", "EDGE_IK_SHORT_PRODUCTS=1"])
@pytest.mark.parametrize("compiler", ["gcc", "clang", "arm-none-eabi-gcc"])
def test_compilers_are_silent_about_every_choice(
    compiler, macro, level, folders, require_tool, warnings_as_errors
):
    path = require_tool(compiler, ARM.packages.get(compiler, compiler))
    cores = (
        [CORES[name].flags for name in ("cortex-m0", "cortex-m4")] if "arm" in compiler else [()]
    )
    for flags in cores:
        command = [path, *flags, *warnings_as_errors, "-Wshadow", level, f"-D{macro}", "-c"]
        built = subprocess.run(
            [*command, "robot.c", "-o", "robot.o"],
            cwd=folders["int8"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (built.returncode, built.stderr) == (0, "")


@pytest.mark.parametrize("dtype", DTYPES)
def test_constants_stay_in_the_flash_of_an_avr(dtype, folders, require_tool):
    gcc = require_tool("avr-gcc", "gcc-avr avr-libc")
    nm = require_tool("avr-nm", "binutils-avr")
    # Firmware of int16 networks has products of 64 bits, of which GCC 5 makes much code.
    command = [gcc, "-std=gnu99", "-mmcu=atmega1284p", "-Os", "-Wall", "-Wextra", "-Werror", "-c"]
    subprocess.run([*command, "robot.c", "-o", "avr.o"], cwd=folders[dtype], check=True)
    listed = subprocess.run(
        [nm, "-f", "sysv", "avr.o"], cwd=folders[dtype], capture_output=True, text=True, check=True
    ).stdout
    rows = [[cell.strip() for cell in line.split("|")] for line in listed.splitlines()]
    sections = {row[0]: row[-1] for row in rows if len(row) == 7}
    weights = [name for name in sections if "weights" in name or name == "joints"]
    assert len(weights) > 1
    assert {sections[name] for name in weights} == {".progmem.data"}
    # What stays is none of the network's or the joints': what a first step knows of limits.
    in_ram = {
        name for name, section in sections.items() if section.startswith((".rodata", ".data"))
    }
    assert not {name for name in in_ram if not re.match(r"unheld$|none|\.L|C\.", name)}


@pytest.mark.parametrize("dtype", DTYPES)
def test_nothing_is_called_but_memcpy(dtype, folders, require_tool):
    gcc, nm = require_tool("gcc", "gcc"), require_tool("nm", "binutils")
    for level in ("-O0", "-O2"):
        out = f"alone{level}.o"
        subprocess.run(
            [gcc, "-std=c99", level, "-c", "robot.c", "-o", out], cwd=folders[dtype], check=True
        )
        listed = subprocess.run(
            [nm, "-g", out], cwd=folders[dtype], capture_output=True, text=True, check=True
        ).stdout
        symbols = [line.split()[-2:] for line in listed.splitlines()]
        # Compilers may write a loop of zeros as a call of memset, and a copy as memcpy.
        assert {name for kind, name in symbols if kind == "U"} <= {"memcpy", "memset"}
        defined = {name for kind, name in symbols if kind == "T"}
        public = ("solve", "solve_near", "track", "track_start", "seed", "forward", "within_limits")
        public += tuple(f"{word}_um" for word in public[:4])
        assert defined == {f"robot_{word}" for word in public}
        # No variable, initialized or not.
        assert not {kind for kind, _ in symbols} & set("DBC")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [name for name, core in CORES.items() if core.family is ARM])
def test_on_arm_only_the_compilers_helpers_are_called(name, dtype, folders, require_tool):
    gcc = require_tool("arm-none-eabi-gcc", ARM.packages["arm-none-eabi-gcc"])
    nm = require_tool("arm-none-eabi-nm", "binutils-arm-none-eabi")
    flags = [*CORES[name].flags, "-std=c99", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Werror"]
    out = f"{name}.o"
    built = subprocess.run(
        [gcc, *flags, "-Wdouble-promotion", "-c", "robot.c", "-o", out],
        cwd=folders[dtype],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (built.returncode, built.stderr) == (0, "")
    listed = subprocess.run(
        [nm, out], cwd=folders[dtype], capture_output=True, text=True, check=True
    ).stdout
    symbols = [line.split()[-2:] for line in listed.splitlines()]
    called = {symbol for kind, symbol in symbols if kind == "U"}
    assert all(re.fullmatch(r"memcpy|memset|__aeabi_\w+|__gnu_\w+", word) for word in called)
    assert not {word for word in called if word.startswith("__aeabi_d") and word != "__aeabi_d2f"}
    assert not {kind for kind, _ in symbols} & set("DdBbC")


def test_the_header_serves_cpp_too(folders, require_tool):
    clang, gcc = require_tool("clang", "clang"), require_tool("gcc", "gcc")
    folder = folders["int8"]
    (folder / "main.cc").write_text(
        '#include "robot.h"\n#include "robot.h"\n'
        "int main() {\n"
        "    const float target[ROBOT_TARGET] = {0.1f, 0.2f, 0.3f};\n"
        "    float q[ROBOT_JOINTS], T[12];\n    robot_info info;\n"
        "    robot_status status = robot_solve(target, q, &info);\n"
        "    robot_forward(q, T);\n"
        "    return status == ROBOT_BAD_TARGET || info.steps != ROBOT_STEPS;\n}\n"
    )
    subprocess.run([gcc, "-std=c99", "-c", "robot.c", "-o", "c.o"], cwd=folder, check=True)
    flags = ["-x", "c++", "-std=c++11", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
    subprocess.run([clang, *flags, "-c", "main.cc", "-o", "cc.o"], cwd=folder, check=True)
    subprocess.run([gcc, "cc.o", "c.o", "-o", "both"], cwd=folder, check=True)
    assert subprocess.run([folder / "both"], check=False).returncode == 0


def test_the_same_model_gives_the_same_bytes(arm3_path):
    first, second = Firmware.load(arm3_path), Firmware.load(arm3_path)
    assert first.source().encode() == second.source().encode()
    assert first.header().encode() == second.header().encode()
    assert first.source() == first.source()
    assert max(map(len, first.header().splitlines())) < 120


def test_the_header_says_what_it_was_made_from(arm3_path):
    firmware = Firmware.load(arm3_path, steps=5)
    header = firmware.header("Counted: nothing.")
    assert f'#define ARM3_MODEL_HASH "{firmware.model_hash}"' in header
    assert "#define ARM3_STEPS 5" in header
    assert "edge-ik export arm3-int8.tflite --firmware c99 --steps 5" in header
    assert "Counted: nothing." in header


HOSTILE = ["arm */ int main; /*", "ends with \\", "??/", "//", "Grüße 机器人"]


@pytest.mark.parametrize("words", HOSTILE)
def test_names_of_robots_cannot_leave_their_comment(
    words, arm3_path, tmp_path, write_firmware, require_tool, warnings_as_errors
):
    firmware = Firmware.load(arm3_path, "arm")
    chain = firmware.spec.chain
    joints = tuple(
        dataclasses.replace(joint, name=f"{words}{index}")
        for index, joint in enumerate(chain.joints)
    )
    renamed = Chain(words, joints, chain.tool)
    problem = dataclasses.replace(firmware.spec.problem, chain=renamed)
    spec = dataclasses.replace(firmware.spec, problem=problem)
    hostile = dataclasses.replace(firmware, spec=spec, command=words)
    write_firmware(hostile, tmp_path)
    gcc = require_tool("gcc", "gcc")
    subprocess.run(
        [gcc, *warnings_as_errors, "-trigraphs", "-c", "arm.c"], cwd=tmp_path, check=True
    )


def test_a_network_of_another_robot_is_refused(arm3_path, planar_model, tmp_path):
    flatbuffer, _ = read_model(arm3_path)
    write_model(tmp_path / "mixed.tflite", flatbuffer, read_model(planar_model)[1])
    with pytest.raises(ModelFileError, match="does not fit its robot"):
        Firmware.load(tmp_path / "mixed.tflite")


def test_what_cannot_be_is_refused(arm3_path):
    with pytest.raises(ConfigError, match="from 0 to 100 for refine_steps"):
        Firmware.load(arm3_path, steps=-1)
    with pytest.raises(ConfigError, match="no letters"):
        Firmware.load(arm3_path, "---")


@pytest.mark.parametrize("dtype", ["int8", "int16"])
def test_firmware_of_integers_needs_no_floats_of_an_esp8266(dtype, folders, tools_for, tmp_path):
    # Its compiler's library has none, and what there is of comparisons is all that is called.
    tools, core = tools_for(CORES["lx106"]), CORES["lx106"]
    public = ("solve", "solve_near", "seed", "forward", "within_limits", "track", "track_start")
    listed = ", ".join(f"(function)robot_{word}" for word in public)
    (tmp_path / "main.c").write_text(
        '#include "robot.h"\ntypedef void (*function)(void);\nint main(void);\n'
        f"static const volatile function kept[] = {{{listed}}};\n"
        "int main(void) { return kept[0] == (function)0; }\n"
    )
    objects = [
        tools.compile(core, source, tmp_path / f"{source.stem}.o", include=[folders[dtype]])
        for source in (tmp_path / "main.c", folders[dtype] / "robot.c")
    ]
    image = link_program(tools, core, objects, tmp_path / "robot.elf")
    assert {f"robot_{word}" for word in public} <= set(tools.symbols(image))
    tools.run(core, image, tmp_path)


def test_no_steps_are_the_networks_guess(arm3_path, stages_of):
    stages = stages_of(Firmware.load(arm3_path, steps=0))
    targets = np.random.default_rng(0).normal(0, 0.3, (500, 3))
    found, (seed, status) = stages.solve(targets), stages.seed(targets)
    np.testing.assert_array_equal(found.q, seed)
    np.testing.assert_array_equal(found.status, status)
    np.testing.assert_array_equal(found.residual, found.seed_residual)


@pytest.mark.slow
@pytest.mark.parametrize("name", CORES)
def test_emulated_cores_answer_as_the_host(name, arm3_path, tmp_path, write_firmware, tools_for):
    tools_for(CORES[name])
    firmware = Firmware.load(arm3_path)
    found = emulated_bench(
        write_firmware(firmware, tmp_path), firmware.name, arm3_path, name, targets=300
    )
    assert found.network_differences == 0
    assert found.limit_violations == 0
    assert found.max_joint_difference_rad < 2e-5
    assert found.solved == 1.0
