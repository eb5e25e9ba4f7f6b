"""The folder as an Arduino library, and in a sketch's own folder: compiled, linked, and run."""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

STUBS = Path(__file__).with_name("stubs") / "arduino"
STRICT = ("-Wall", "-Wextra", "-Wpedantic", "-Wold-style-cast", "-Wdouble-promotion", "-Werror")
RISCV = ("gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf",)
AVR = "gcc-avr avr-libc"
ARM = "gcc-arm-none-eabi libnewlib-arm-none-eabi"
# A compiler of C++, its Debian packages, and the options of a board that people own.
BOARDS = {
    "rp2040": ("arm-none-eabi", ARM, ("-mcpu=cortex-m0plus", "-mthumb")),
    "rp2350": ("arm-none-eabi", ARM, ("-mcpu=cortex-m33", "-mthumb", "-mfloat-abi=hard")),
    "nano 33 ble": ("arm-none-eabi", ARM, ("-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard",
                                           "-mfpu=fpv4-sp-d16")),
    "esp32c3": ("riscv64-unknown-elf", *RISCV, ("-march=rv32imc", "-mabi=ilp32",
                                                "--specs=picolibc.specs")),
    "uno": ("avr", AVR, ("-mmcu=atmega328p",)),
    "mega2560": ("avr", AVR, ("-mmcu=atmega2560",)),
}  # fmt: skip
SKETCHES = ("SolveIk", "SolveIkIntegers")
STANDARDS = ("c++11", "c++14", "c++17", "c++20", "c++2b")
LEVELS = ("-O0", "-Os", "-O2", "-O3")


def level_of(kinds, kind, compilers, compiler):
    """Every kind meets every level so, and every compiler too, but not all three each other."""
    return LEVELS[(kinds.index(kind) + [*compilers].index(compiler)) % len(LEVELS)]


def run(command, folder=None):
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, ""), ended.stderr[:3000]
    return ended.stdout


def sketch_text(folder, sketch):
    """An example as Arduino's builder gives it to the compiler."""
    ino = (folder / "examples" / sketch / f"{sketch}.ino").read_text()
    return f"#include <Arduino.h>\n{ino}"


@pytest.mark.parametrize("board", BOARDS)
def test_the_sketch_and_the_library_compile_for_boards(
    kind, board, exported, require_tool, tmp_path
):
    folder = exported(kind)
    prefix, packages, options = BOARDS[board]
    gcc, gpp = (require_tool(f"{prefix}-{word}", packages) for word in ("gcc", "g++"))
    common = [*options, "-Os", f"-I{STUBS}", f"-I{folder / 'src'}", "-c"]
    # As Arduino's cores call them.
    own = ["-std=gnu++11", "-fno-exceptions", "-fno-rtti", "-fpermissive", *STRICT]
    for sketch in SKETCHES:
        (tmp_path / "sketch.cpp").write_text(sketch_text(folder, sketch))
        run([gpp, *common, *own, tmp_path / "sketch.cpp", "-o", tmp_path / "sketch.o"])
    flags = ["-std=gnu11", "-Wall", "-Wextra", "-Wdouble-promotion", "-Wpedantic", "-Werror"]
    run([gcc, *common, *flags, folder / "src" / f"{kind}.c", "-o", tmp_path / "library.o"])


@pytest.mark.parametrize("board", BOARDS)
def test_every_compiler_is_silent_at_every_level(
    kind, kinds, board, exported, require_tool, tmp_path, warnings_as_errors
):
    prefix, packages, options = BOARDS[board]
    gcc = require_tool(f"{prefix}-gcc", packages)
    source = exported(kind) / "src" / f"{kind}.c"
    flags = [*warnings_as_errors, "-Wunsuffixed-float-constants"]
    level = level_of(kinds, kind, BOARDS, board)
    run([gcc, *options, *flags, level, "-c", source, "-o", tmp_path / "a.o"])


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_compilers_of_this_machine_are_silent_too(
    kind, kinds, compiler, exported, require_tool, tmp_path, warnings_as_errors
):
    source = exported(kind) / "src" / f"{kind}.c"
    level = level_of(kinds, kind, ["gcc", "clang"], compiler)
    path = require_tool(compiler, compiler)
    run([path, *warnings_as_errors, "-Wshadow", level, "-c", source, "-o", tmp_path / "a.o"])


@pytest.mark.parametrize("sketch", SKETCHES)
def test_a_board_of_8_kb_links_it(sketch, exported, require_tool, tmp_path):
    folder = exported("arm3")
    gcc, gpp = (require_tool(f"avr-{word}", AVR) for word in ("gcc", "g++"))
    (tmp_path / "sketch.cpp").write_text(sketch_text(folder, sketch))
    common = ["-mmcu=atmega2560", "-Os", f"-I{STUBS}", f"-I{folder / 'src'}"]
    run([gcc, *common, "-c", folder / "src" / "arm3.c", "-o", tmp_path / "library.o"])
    sources = [tmp_path / "sketch.cpp", STUBS / "arduino_bare.cc", tmp_path / "library.o"]
    run([gpp, *common, "-std=gnu++11", *sources, "-o", tmp_path / "sketch.elf"])
    listed = run([require_tool("avr-nm", "binutils-avr"), tmp_path / "sketch.elf"])
    assert (" T arm3_track_um\n" if "Integers" in sketch else " T arm3_track\n") in listed


@pytest.mark.parametrize("arithmetic", [(), ("-DEDGE_IK_FIXED=1",)], ids=["floats", "integers"])
@pytest.mark.parametrize("name", SKETCHES)
def test_the_whole_folder_in_a_sketch_links_and_runs(
    kind, name, arithmetic, exported, require_tool, tmp_path
):
    """Arduino compiles all of a sketch's `src`; so do others with folders of theirs."""
    gcc, gpp = require_tool("gcc", "gcc"), require_tool("g++", "g++")
    sketch = tmp_path / "sketch"
    shutil.copytree(exported(kind), sketch / "src" / kind)
    # A sketch names files by their paths.
    text = sketch_text(exported(kind), name).replace(f"<{kind}.h>", f'"src/{kind}/src/{kind}.h"')
    (sketch / "sketch.cpp").write_text(text)
    objects = []
    for source in [*sketch.rglob("*.c"), sketch / "sketch.cpp", STUBS / "arduino_host.cc"]:
        objects.append(tmp_path / f"{len(objects)}.o")
        compiler = (
            [gcc, "-std=gnu11", *arithmetic] if source.suffix == ".c" else [gpp, "-std=gnu++11"]
        )
        run([*compiler, "-Wall", "-Werror", f"-I{STUBS}", "-c", source, "-o", objects[-1]])
    assert len(objects) >= 6
    run([gpp, *objects, "-o", tmp_path / "program"])
    lines = run([tmp_path / "program"]).splitlines()
    assert len(lines) == 300
    assert not any("not reached" in line for line in lines)
    # From home it takes a while; then the path is kept to.
    assert sum("on the way" in line for line in lines[:200]) > 3
    assert all("solved in" in line for line in lines[200:])
    # No joint moves further in a call than the sketch lets it.
    told = [re.split("solved|on the way", line)[0].split() for line in lines]
    joints = np.array(told).astype(float) * (1e-6 if "Integers" in name else 1.0)
    assert np.abs(np.diff(joints, axis=0)).max() < 0.0502


@pytest.mark.parametrize("standard", STANDARDS)
@pytest.mark.parametrize("compiler", ["g++", "clang++"])
def test_headers_are_those_of_cpp_too(compiler, standard, kinds, exported, require_tool, tmp_path):
    """After headers whose macros have short names, twice each, and all of them in one file."""
    package = {"g++": "g++", "clang++": "clang"}[compiler]
    path = require_tool(compiler, package)
    text = "#include <Arduino.h>\n"
    for kind in kinds:
        text += (
            f'#include "{kind}.h"\n#include "{kind}.h"\n'
            f"int {kind}_solved(const float target[{kind.upper()}_TARGET]);\n"
            f"int {kind}_solved(const float target[{kind.upper()}_TARGET]) {{\n"
            f"    float q[{kind.upper()}_JOINTS] = {{0.0F}};\n    {kind}_info info;\n"
            f"    {kind}_state state;\n    {kind}_track_start(&state, q, nullptr);\n"
            f"    return {kind}_track(&state, target, q, &info) == {kind.upper()}_SOLVED;\n}}\n"
        )
    source = tmp_path / "all.cc"
    source.write_text(text)
    include = [f"-I{STUBS}", *(f"-I{exported(kind) / 'src'}" for kind in kinds)]
    run([path, f"-std={standard}", *STRICT, *include, "-c", source, "-o", tmp_path / "a.o"])


def test_no_name_in_the_source_is_one_of_boards(kind, exported, require_tool, tmp_path):
    """Who builds in one unit, or forces headers in, gives these names to the source too."""
    source = exported(kind) / "src" / f"{kind}.c"
    forced = ["-include", STUBS / "Arduino.h"]
    gcc, avr = require_tool("gcc", "gcc"), require_tool("avr-gcc", AVR)
    strict = ["-std=gnu99", "-Wall", "-Wextra", "-Werror", "-Os", "-c", source]
    run([gcc, *forced, *strict, "-o", tmp_path / "a.o"])
    for chip in ("atmega328p", "atmega2560", "attiny85"):
        headers = [f"avr/{name}.h" for name in ("io", "interrupt", "pgmspace", "wdt", "sleep")]
        forced = [word for header in headers for word in ("-include", header)]
        run([avr, f"-mmcu={chip}", *forced, *strict, "-o", tmp_path / "a.o"])


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("option", ["-ffast-math", "-Ofast", "-ffinite-math-only"])
def test_mathematics_that_forgets_nan_is_refused(
    option, compiler, exported, require_tool, tmp_path
):
    source = exported("arm3") / "src" / "arm3.c"
    path = require_tool(compiler, compiler)
    built = subprocess.run(
        [path, "-std=c99", option, "-c", source, "-o", tmp_path / "a.o"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode != 0
    assert "compile without -ffast-math" in built.stderr
