"""Commands and graphics processors: found, or told with the package that has them."""

import shutil
import stat
import sys
import tempfile

import pytest

from edge_ik_tools.doctor import commands
from edge_ik_tools.doctor.commands import COMPILER_ADVICE, find_commands, find_gpus
from edge_ik_tools.emulate.families import ARM

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="scripts of a POSIX shell")


# What is named as the output is made, as compilers do.
COMPILES = 'for word; do test "$last" = -o && : > "$word"; last=$word; done\n'


@pytest.fixture
def only(tmp_path, monkeypatch):
    """Function of commands and what each prints: no others are on the search path."""

    def install(**printed):
        for name, text in printed.items():
            path = tmp_path / name.replace("_", "-")
            path.write_text(f"#!/bin/sh\n{COMPILES}echo '{text}'\n")
            path.chmod(path.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.delenv("CC", raising=False)

    return install


def named(findings):
    return {one.name: one for one in findings}


def test_nothing_is_there(only):
    only()
    found = named(find_commands())
    assert not any(one.works for one in found.values())
    assert all(one.advice for one in found.values())
    assert found["Arm"].advice == (
        "apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi "
        "binutils-arm-none-eabi qemu-system-arm"
    )
    expected = COMPILER_ADVICE.get(sys.platform, "apt-get install gcc libc6-dev")
    assert found["C compiler"].advice == expected


def test_what_is_there_is_told_with_its_version(only, tmp_path):
    only(gcc="gcc 99.1\nmore", pio="PlatformIO Core 6", cmake="")
    found = named(find_commands())
    assert found["C compiler"].found == f"{tmp_path / 'gcc'}: gcc 99.1"
    assert found["PlatformIO"].found == f"{tmp_path / 'pio'}: PlatformIO Core 6"
    assert found["CMake"].found == str(tmp_path / "cmake")
    assert all(found[name].works and not found[name].advice for name in ("C compiler", "CMake"))


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("exit 1", "refuses the generated firmware: it ended with 1"),
        ("exit 0", "ended without complaint and made nothing"),
        ("echo first >&2; echo second >&2; exit 1", "refuses the generated firmware: first"),
    ],
)
def test_a_compiler_that_compiles_nothing_does_not_work(monkeypatch, tmp_path, script, told):
    odd = tmp_path / "odd"
    odd.write_text(f"#!/bin/sh\n{script}\n")
    odd.chmod(0o755)
    monkeypatch.setenv("CC", str(odd))
    found = commands._compiler()
    assert not found.works
    assert found.found.startswith(f"{odd} {told}")


def test_a_compiler_that_has_no_place_to_work_in_is_told(monkeypatch, tmp_path, require_tool):
    require_tool("cc", "gcc libc6-dev")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    found = commands._compiler()
    assert not found.works
    assert "TMPDIR" in found.found


def test_an_emulator_alone_is_missing(only):
    only(**{name.replace("-", "_"): "1" for name in ARM.packages if "qemu" not in name})
    found = named(find_commands())["Arm"]
    assert (found.works, found.advice) == (False, "apt-get install qemu-system-arm")


@pytest.mark.parametrize(
    ("listed", "libraries", "works", "told"),
    [
        ("GPU 0: NVIDIA T4 (UUID: GPU-1)", True, True, "GPU 0: NVIDIA T4"),
        ("GPU 0: NVIDIA T4 (UUID: GPU-1)", False, False, "TensorFlow's libraries are not"),
        ("No devices were found", True, False, "lists none"),
    ],
)
def test_a_gpu_needs_its_libraries(only, monkeypatch, listed, libraries, works, told):
    only(nvidia_smi=listed)
    monkeypatch.setattr(commands, "_has_cuda_libraries", lambda: libraries)
    found = find_gpus()
    assert found.works is works
    assert told in found.found
    assert ("and-cuda" in found.advice) is (not works and "libraries" in found.found)


def test_without_a_gpu_the_processor_trains(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert "training uses the CPU" in find_gpus().found


def test_a_command_that_fails_or_is_none_says_nothing(tmp_path):
    assert commands._output([sys.executable, "-c", "raise SystemExit(3)"]) == ""
    assert commands._output([str(tmp_path / "none")]) == ""
