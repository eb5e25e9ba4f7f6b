"""The cross-compiler and the emulator: found, run, and their complaints told."""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_ik_tools.emulate.cores import Core
from edge_ik_tools.emulate.families import Family
from edge_ik_tools.errors import EmulationError, FirmwareBuildError, MissingToolError
from firmware_host.files import temporary_files_in

# Contraction lets a product and a sum become one instruction, which -std=c99 turns off.
LANGUAGE = ("-ffp-contract=fast",)
WARNINGS = ("-Wall", "-Wextra", "-Werror")
SECTIONS = ("-ffunction-sections", "-fdata-sections")

# A compiler that takes longer hangs [s].
BUILD_SECONDS = 120.0
# The slowest core takes a minute for 10,000 targets on an idle machine [s].
RUN_SECONDS = 1800.0
# How much of a tool's complaint is told.
TOLD_LINES = 15


@dataclass(frozen=True)
class SectionSizes:
    """What a program takes.

    Attributes:
        text: Code and constants [bytes].
        data: Variables with a first value, which is in flash too [bytes].
        bss: Variables that begin as 0, the stack among them [bytes].
    """

    text: int
    data: int
    bss: int

    @property
    def flash(self) -> int:
        """Bytes in flash."""
        return self.text + self.data

    @property
    def ram(self) -> int:
        """Bytes in RAM."""
        return self.data + self.bss


@dataclass(frozen=True)
class Toolchain:
    """The commands for a family of cores, by their paths.

    Attributes:
        family: The family.
        gcc: `PREFIX-gcc`.
        size: `PREFIX-size`.
        objdump: `PREFIX-objdump`.
        emulator: The emulator's command.
    """

    family: Family
    gcc: Path
    size: Path
    objdump: Path
    emulator: Path

    @classmethod
    def find(cls, family: Family) -> Toolchain:
        """The commands on the search path.

        Raises:
            MissingToolError: If one is not installed.
        """
        return cls(family, *(find_tool(name, family.packages) for name in family.packages))

    @property
    def versions(self) -> dict[str, str]:
        """The versions of the compiler and of the emulator."""
        known = self.family.emulator
        asked = known.asked_version
        return {
            "compiler": _first_line([self.gcc, "--version"]),
            "emulator": _first_line([self.emulator, asked]) if asked else known.command,
        }

    def compile(
        self,
        core: Core,
        source: Path,
        out: Path,
        *,
        include: Sequence[Path] = (),
        options: Sequence[str] = (),
    ) -> Path:
        """Compile one file to an object file.

        Raises:
            FirmwareBuildError: If the compiler refuses it, or warns.
        """
        folders = [f"-I{folder}" for folder in include]
        flags = [
            *self._flags(core),
            core.family.standard,
            *LANGUAGE,
            *WARNINGS,
            *SECTIONS,
            *options,
            *folders,
        ]
        files: list[str | Path] = ["-c", source, "-o", out]
        _build([self.gcc, *flags, *files], f"{source.name} for {core.name}", out.parent)
        return out

    def _flags(self, core: Core) -> list[str]:
        return [*self.family.flags, *core.flags, self.family.optimization]

    def link(
        self,
        core: Core,
        objects: Sequence[Path],
        script: Path | None,
        out: Path,
        options: Sequence[str] = (),
    ) -> Path:
        """Link object files to an image, leaving out what nothing uses.

        Args:
            core: What to link for.
            objects: The object files.
            script: The linker's script; without it the compiler's own.
            out: The image.
            options: What else the linker is told.

        Returns:
            The image.

        Raises:
            FirmwareBuildError: If the linker refuses them, or the image is too large.
        """
        flags = [*self._flags(core), *self.family.link, "-Wl,--gc-sections", *options]
        if script is not None:
            flags.append(f"-T{script}")
        files: list[str | Path] = [*objects, *self.family.libraries, "-o", out]
        _build([self.gcc, *flags, *files], f"{out.name} for {core.name}", out.parent)
        return out

    def sizes(self, image: Path) -> SectionSizes:
        """The sizes of an image's sections.

        Raises:
            FirmwareBuildError: If it cannot be read.
        """
        output = _build([self.size, image], image.name)
        text, data, bss = (int(field) for field in output.splitlines()[1].split()[:3])
        return SectionSizes(text, data, bss)

    def listing(self, image: Path) -> str:
        """The disassembly of an image's code, without the bytes."""
        options = ["-d", *self.family.disassembly, "--no-show-raw-insn"]
        return _build([self.objdump, *options, image], image.name)

    def symbols(self, image: Path) -> dict[str, int]:
        """The addresses of an image's functions and variables, by their names."""
        lines = _build([self.objdump, "-t", image], image.name).splitlines()
        fields = [line.split() for line in lines if " .text" in line]
        return {field[-1]: int(field[0], 16) for field in fields}

    def run(
        self,
        core: Core,
        image: Path,
        folder: Path,
        trace: Path | None = None,
    ) -> None:
        """Run an image until it ends itself.

        Args:
            core: The core to emulate.
            image: The program, linked for it.
            folder: Where the files are that the program opens.
            trace: File for a line about each instruction, or None.

        Raises:
            EmulationError: If it fails or does not end.
        """
        emulator = self.family.emulator
        version = self.versions["emulator"]
        arguments = emulator.arguments(core.machine, image, trace, version)
        code, output = self._watched([str(self.emulator), *arguments], folder)
        if code is None:
            raise EmulationError(
                f"The emulated {core.name} did not end within {RUN_SECONDS:g} s. "
                "Expected the firmware to end by itself; try fewer targets."
            )
        ending = emulator.ending(code, output, folder)
        if ending.code != 0:
            raise EmulationError(
                f"The firmware on the emulated {core.name} ended with code {ending.code}: "
                f"{_told(ending.said)}"
            )

    def _watched(self, command: Sequence[str], folder: Path) -> tuple[int | None, str]:
        """The exit status of the emulator, None if it took too long, and its output."""
        late = threading.Event()
        with subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process:

            def end() -> None:
                late.set()
                process.kill()

            watchdog = threading.Timer(RUN_SECONDS, end)
            watchdog.start()
            lines = []
            try:
                for line in process.stdout or ():
                    lines.append(line)
                    if self.family.emulator.is_lost(line):
                        process.kill()
                code = process.wait()
            finally:
                watchdog.cancel()
                process.kill()
        return (None if late.is_set() else code), "".join(lines)


def find_tool(name: str, packages: Mapping[str, str]) -> Path:
    """The path of a command.

    Args:
        name: The command.
        packages: The Debian packages of commands.

    Raises:
        MissingToolError: If it is not installed.
    """
    path = shutil.which(name)
    if path is None:
        raise MissingToolError(name, packages[name])
    return Path(path)


def _build(command: Sequence[str | Path], what: str, folder: Path | None = None) -> str:
    """Output of a command of the compiler's, or a FirmwareBuildError with its complaint.

    Its own temporary files go into a folder, if one is given.
    """
    try:
        result = subprocess.run(
            [str(part) for part in command],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=BUILD_SECONDS,
            env=None if folder is None else temporary_files_in(folder),
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise FirmwareBuildError(
            f"Building {what} did not end within {BUILD_SECONDS:g} s."
        ) from error
    if result.returncode != 0:
        raise FirmwareBuildError(f"Building {what} failed: {_told(result.stderr)}")
    return result.stdout


def _told(complaint: str) -> str:
    lines = [line for line in complaint.splitlines() if line.strip()]
    return "\n".join(lines[:TOLD_LINES]) or "it said nothing"


def _first_line(command: Sequence[str | Path]) -> str:
    line = _build(command, "nothing: asking for the version").splitlines()[0]
    # Distributions repeat the version in parentheses.
    return re.sub(r"\s+\(.*?\)(?=\s|$)", "", line)
