"""What the emulators are told, and how what they say is read."""

from pathlib import Path

import pytest

from edge_ik_tools.emulate.emulators import Qemu, Simavr, qemu_version

GREEN, PLAIN = "\x1b[32m", "\x1b[0m"


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("QEMU emulator version 7.2.22", (7, 2)),
        ("QEMU emulator version 10.1.0", (10, 1)),
        ("", (0, 0)),
    ],
)
def test_the_version_of_the_emulator(text, version):
    assert qemu_version(text) == version


@pytest.mark.parametrize(
    ("version", "option"), [("version 7.2.22", "-singlestep"), ("version 9.2.0", "-accel")]
)
def test_qemu_traces_an_instruction_a_line(version, option):
    qemu = Qemu("qemu-system-none", ("-bios", "none"))
    plain = qemu.arguments("virt", Path("a.elf"), None, version)
    traced = qemu.arguments("virt", Path("a.elf"), Path("a.log"), version)
    assert list(traced[: len(plain)]) == list(plain)
    assert option in traced
    assert option not in plain
    assert traced[-1] == "a.log"


def test_qemu_ends_as_the_program_does(tmp_path):
    assert Qemu("q", ()).ending(3, "why", tmp_path).code == 3


def lines(*sent):
    """What simavr prints of lines that a program sends."""
    return "".join(f"{GREEN}{line}.\n{PLAIN}" for line in ("Loaded", *sent))


def test_files_come_out_of_simavr_in_pieces(tmp_path):
    sent = lines("answers.bin:00ff10", "outputs.bin:01", "answers.bin:80", "=0")
    ending = Simavr().ending(0, sent, tmp_path)
    assert ending.code == 0
    assert (tmp_path / "answers.bin").read_bytes() == bytes([0, 255, 16, 128])
    assert (tmp_path / "outputs.bin").read_bytes() == bytes([1])


def test_a_program_on_simavr_says_why_it_failed(tmp_path):
    ending = Simavr().ending(0, lines("the stack ran over", "=2"), tmp_path)
    assert ending.code == 2
    assert "the stack ran over" in ending.said


def test_simavr_that_ends_before_the_program_is_an_error(tmp_path):
    assert Simavr().ending(0, lines("answers.bin:00"), tmp_path).code != 0
    assert Simavr().is_lost("avr_sadly_crashed\n")
    assert not Simavr().is_lost(lines("answers.bin:00"))
