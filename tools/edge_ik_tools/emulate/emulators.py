"""The emulators: how each is told to run a program, and how it says how that ended."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

Unit = Literal["instructions", "cycles"]


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

    def ending(self, code: int, out: str, err: str, folder: Path) -> Ending:
        """How it ended, from its exit status and output; writes the program's files."""


@dataclass(frozen=True)
class Qemu:
    """QEMU's system emulation, whose clock an instruction advances by a nanosecond.

    Attributes:
        command: The command.
        options: What it is told for every core.
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

    def ending(self, code: int, out: str, err: str, folder: Path) -> Ending:
        """How it ended; the program has written its files itself."""
        return Ending(code, out + err)


def qemu_version(text: str) -> tuple[int, int]:
    """Major and minor version out of what the emulator says of itself; (0, 0) if it is not."""
    found = re.search(r"(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else (0, 0)
