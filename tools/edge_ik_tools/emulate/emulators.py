"""The emulators: how each is told to run a program, and how it says how that ended."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from firmware_host.files import OTHER_TEMPORARY, write_bytes

Unit = Literal["instructions", "cycles"]
"""What an emulator's clock counts."""


@dataclass(frozen=True)
class Ending:
    """How a program ended.

    Attributes:
        code: 0 if it ended well.
        said: What it or the emulator said.
    """

    code: int
    said: str


class Emulator(Protocol):
    """What runs a program."""

    @property
    def command(self) -> str:
        """The command."""

    @property
    def asked_version(self) -> str | None:
        """The option that makes it say its version, or None if it has none."""

    @property
    def unit(self) -> Unit:
        """What its clock counts exactly."""

    @property
    def traces(self) -> bool:
        """Whether it can write down every instruction."""

    def arguments(
        self, machine: str, image: Path, trace: Path | None, version: str
    ) -> Sequence[str]:
        """What follows the command.

        Args:
            machine: Its name of the machine.
            image: The program.
            trace: File for a line about each instruction, or None.
            version: What it says of itself.
        """

    def is_lost(self, line: str) -> bool:
        """Whether a line of output says that the program will not end by itself any more."""

    def ending(self, code: int, output: str, folder: Path) -> Ending:
        """How it ended, from its exit status and output; writes the program's files."""


@dataclass(frozen=True)
class Qemu:
    """QEMU's system emulation, whose clock an instruction advances by a nanosecond.

    Attributes:
        command: The command.
        options: What it is told for every core.
        asked_version: The option that makes it say its version.
        unit: What its clock counts exactly.
        traces: Whether it can write down every instruction.
    """

    command: str
    options: tuple[str, ...]
    asked_version: str | None = "--version"
    unit: Unit = "instructions"
    traces: bool = True

    def arguments(
        self, machine: str, image: Path, trace: Path | None, version: str
    ) -> Sequence[str]:
        """What follows the command."""
        told = [
            *("-machine", machine),
            *("-icount", "shift=0"),
            *self.options,
            *("-display", "none", "-monitor", "none", "-serial", "none"),
            *("-kernel", str(image)),
        ]
        if trace is not None:
            # An instruction a block, so that each has its line.
            old = qemu_version(version) < (8, 1)
            told += ["-singlestep"] if old else ["-accel", "tcg,one-insn-per-tb=on"]
            told += ["-d", "exec,nochain", "-D", str(trace)]
        return told

    def is_lost(self, line: str) -> bool:
        """Never: what goes wrong ends it, or is a loop."""
        return False

    def ending(self, code: int, output: str, folder: Path) -> Ending:
        """How it ended; the program has written its files itself."""
        return Ending(code, output)


# "\\x1b[32manswers.bin:00ff.\\x1b[0m": colours, and a point for the end of the line.
_COLOURS = re.compile(r"\x1b\[\d*m")
_WRITTEN = re.compile(r"([a-z]+\.bin):((?:[0-9a-f]{2})+)\.")
_ENDED = re.compile(r"=([0-9a-f])\.")


@dataclass(frozen=True)
class Simavr:
    """simavr, which counts cycles, and prints what a program sends on its first UART."""

    command: str = "simavr"
    asked_version: str | None = None
    unit: Unit = "cycles"
    traces: bool = False

    def arguments(
        self, machine: str, image: Path, trace: Path | None, version: str
    ) -> Sequence[str]:
        """What follows the command; it writes no trace."""
        # Cycles do not depend on the clock, which must be told all the same.
        return ["-v", "-m", machine, "-f", "16000000", str(image)]

    def is_lost(self, line: str) -> bool:
        """Whether it has crashed, after which it waits for a debugger."""
        return "avr_sadly_crashed" in line

    def ending(self, code: int, output: str, folder: Path) -> Ending:
        """How it ended; what the program has sent goes into its files."""
        files: dict[str, list[str]] = {}
        ended, said = None, []
        for line in _COLOURS.sub("", output).splitlines():
            if written := _WRITTEN.fullmatch(line):
                files.setdefault(written[1], []).append(written[2])
            elif end := _ENDED.fullmatch(line):
                ended = int(end[1], 16)
            else:
                said.append(line)
        for name, digits in files.items():
            write_bytes(folder / name, bytes.fromhex("".join(digits)), OTHER_TEMPORARY)
        if ended is None:
            ended = code or 1
        return Ending(ended, "\n".join(said))


def qemu_version(text: str) -> tuple[int, int]:
    """Major and minor version out of what the emulator says of itself; (0, 0) if it is not."""
    found = re.search(r"(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else (0, 0)
