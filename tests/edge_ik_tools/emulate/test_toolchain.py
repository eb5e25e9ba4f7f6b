"""The commands: a missing one is named with its package, and complaints are told."""

import re

import pytest

from edge_ik_tools.emulate import toolchain
from edge_ik_tools.emulate.build import Sources, link_program
from edge_ik_tools.emulate.cores import CORES
from edge_ik_tools.emulate.families import ARM, AVR, RISCV, XTENSA
from edge_ik_tools.emulate.toolchain import Toolchain, find_tool
from edge_ik_tools.errors import EmulationError, FirmwareBuildError, MissingToolError
from firmware_host.errors import EdgeIkError

M4 = CORES["cortex-m4"]


@pytest.mark.parametrize("family", [ARM, RISCV, XTENSA, AVR], ids=lambda family: family.name)
def test_a_missing_tool_is_named_with_its_package(family, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert len(family.packages) == 4
    for name, packages in family.packages.items():
        with pytest.raises(MissingToolError, match=f"'{name}'.*apt-get install") as caught:
            find_tool(name, family.packages)
        assert isinstance(caught.value, EdgeIkError)
        assert caught.value.tool == name
        assert caught.value.package == packages
    with pytest.raises(MissingToolError, match=f"'{family.prefix}-gcc'"):
        Toolchain.find(family)


@pytest.mark.parametrize(
    ("core", "compiler", "emulator"),
    [
        ("cortex-m4", "arm-none-eabi-gcc ", "QEMU emulator version "),
        ("rv32imc", "riscv64-unknown-elf-gcc ", "QEMU emulator version "),
        ("lx106", "xtensa-lx106-elf-gcc ", "QEMU emulator version "),
        ("atmega328p", "avr-gcc ", "simavr"),
    ],
)
def test_versions_are_told(tools_for, core, compiler, emulator):
    versions = tools_for(CORES[core]).versions
    assert versions["compiler"].startswith(compiler)
    assert versions["emulator"].startswith(emulator)


def test_a_warning_is_an_error(tools, tmp_path):
    source = tmp_path / "unused.c"
    source.write_text("static int unused;\n")
    with pytest.raises(FirmwareBuildError, match=r"unused.c for cortex-m4[\s\S]*unused"):
        tools.compile(M4, source, tmp_path / "unused.o")


def test_the_files_of_a_compiler_are_beside_what_it_makes(tmp_path):
    gcc = tmp_path / "gcc"
    gcc.write_text('#!/bin/sh\necho "in $TMPDIR" >&2; exit 1\n')
    gcc.chmod(0o755)
    place = tmp_path / "place"
    tools = Toolchain(ARM, gcc, gcc, gcc, gcc)
    with pytest.raises(FirmwareBuildError, match=f"in {place}$"):
        tools.compile(M4, tmp_path / "some.c", place / "some.o")
    with pytest.raises(FirmwareBuildError, match=f"in {place}$"):
        tools.link(M4, [place / "some.o"], None, place / "some.elf")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cortex-m0", "RAM"),
        ("rv32imc", "RAM"),
        ("lx106", "RAM"),
        ("atmega2560", "region `data'"),
    ],
)
def test_an_image_that_does_not_fit_is_refused(tools_for, tmp_path, name, words):
    large = [f"large{number}" for number in range(20)]
    (tmp_path / "large.c").write_text(
        "int main(void);\n"
        f"static volatile char {', '.join(f'{name}[30000]' for name in large)};\n"
        f"int main(void) {{ return {' + '.join(f'{name}[9]' for name in large)}; }}\n"
    )
    core = CORES[name]
    tools = tools_for(core)
    large = tools.compile(core, tmp_path / "large.c", tmp_path / "large.o")
    with pytest.raises(FirmwareBuildError, match=rf"large.elf for {name}[\s\S]*{words}"):
        link_program(tools, core, [large], tmp_path / "large.elf")


def test_constants_that_a_pointer_of_16_bits_cannot_reach_are_refused(tools_for, tmp_path):
    core, rows = CORES["atmega2560"], 34
    tools = tools_for(core)
    tables = "".join(f"const char t{row}[2000] PROGMEM = {{1}};\n" for row in range(rows))
    used = " + ".join(f"pgm_read_byte(t{row} + i)" for row in range(rows))
    (tmp_path / "large.c").write_text(
        "#include <avr/pgmspace.h>\nint main(void);\nvolatile int i;\n"
        f"{tables}int main(void) {{ return {used}; }}\n"
    )
    large = tools.compile(core, tmp_path / "large.c", tmp_path / "large.o")
    with pytest.raises(FirmwareBuildError, match="end before 65,536"):
        link_program(tools, core, [large], tmp_path / "large.elf")


def test_the_listing_knows_vectors_and_long_shifts(tools, build_snippet, tmp_path):
    assembly = "vldrw.u32 q3, [r0]\nlsll r0, r1, #3"
    image = build_snippet(CORES["cortex-m55"], assembly, tmp_path)
    listing = tools.listing(image)
    assert "vldrw.u32\tq3, [r0, #0]" in listing
    assert "lsll\tr0, r1, #3" in listing
    assert tools.symbols(image)["snippet"] > 0


def test_the_listing_knows_what_fills_gaps_on_xtensa(tools_for, build_snippet, tmp_path):
    tools = tools_for(CORES["lx106"])
    assembly = "j 1f\n.byte 6\n.align 4\n1:\nmovi a2, 99\nmull a3, a2, a2"
    listing = tools.listing(build_snippet(CORES["lx106"], assembly, tmp_path))
    assert re.search(r"movi\ta2, 99\n.*mull\ta3, a2, a2\n.*ret", listing)


@pytest.mark.parametrize(
    ("name", "loop"),
    [("cortex-m4", "b 1b"), ("rv32imc", "j 1b"), ("lx106", "j 1b"), ("atmega328p", "rjmp 1b")],
)
def test_firmware_that_hangs_is_ended(tools_for, build_snippet, tmp_path, monkeypatch, name, loop):
    monkeypatch.setattr(toolchain, "RUN_SECONDS", 1.0)
    core = CORES[name]
    image = build_snippet(core, f"1:\n{loop}", tmp_path)
    with pytest.raises(EmulationError, match="did not end within 1 s"):
        tools_for(core).run(core, image, tmp_path)


@pytest.mark.parametrize("name", ["no-name", "9arm", ""])
def test_a_name_that_c_cannot_use_is_refused(name, tmp_path):
    with pytest.raises(FirmwareBuildError, match="a name that C can use"):
        Sources(tmp_path, name)


def test_missing_sources_are_named(tmp_path):
    (tmp_path / "arm.c").touch()
    with pytest.raises(FirmwareBuildError, match=r"arm\.h.*export"):
        Sources(tmp_path, "arm")
