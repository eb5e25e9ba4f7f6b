"""The cross-compiler and the emulator: found, run, and their complaints told."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_ik_tools.emulate.cores import Core
from edge_ik_tools.errors import EmulationError, FirmwareBuildError, MissingToolError

# The Debian packages of the commands.
PACKAGES: Mapping[str, str] = {
    "arm-none-eabi-gcc": "gcc-arm-none-eabi libnewlib-arm-none-eabi",
    "arm-none-eabi-size": "binutils-arm-none-eabi",
    "arm-none-eabi-objdump": "binutils-arm-none-eabi",
    "qemu-system-arm": "qemu-system-arm",
}

# Contraction lets a product and a sum become one instruction, which -std=c99 turns off.
OPTIMIZATION = ("-O2", "-std=c99", "-ffp-contract=fast")
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
    """The commands, by their paths.

    Attributes:
        gcc: `arm-none-eabi-gcc`.
        size: `arm-none-eabi-size`.
        objdump: `arm-none-eabi-objdump`.
        qemu: `qemu-system-arm`.
    """

    gcc: Path
    size: Path
    objdump: Path
    qemu: Path

    @classmethod
    def find(cls) -> Toolchain:
        """The commands on the search path.

        Raises:
            MissingToolError: If one is not installed.
        """
        return cls(*(find_tool(name) for name in PACKAGES))

    @property
    def versions(self) -> dict[str, str]:
        """The versions of the compiler and of the emulator."""
        return {
            "compiler": _first_line([self.gcc, "--version"]),
            "emulator": _first_line([self.qemu, "--version"]),
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
        flags = [*core.flags, *OPTIMIZATION, *WARNINGS, *SECTIONS, *options, *folders]
        _build([self.gcc, *flags, "-c", source, "-o", out], f"{source.name} for {core.name}")
        return out

    def link(self, core: Core, objects: Sequence[Path], script: Path, out: Path) -> Path:
        """Link object files to an image, leaving out what nothing uses.

        Raises:
            FirmwareBuildError: If the linker refuses them, or the image is too large.
        """
        flags = [*core.flags, "-nostartfiles", "-Wl,--gc-sections", f"-T{script}"]
        _build([self.gcc, *flags, *objects, "-lm", "-o", out], f"{out.name} for {core.name}")
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
        # All the cores' instructions are among these; by itself it does not know the vectors.
        known = "-marmv8.1-m.main"
        return _build([self.objdump, "-d", known, "--no-show-raw-insn", image], image.name)

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
        """Run an image until it ends itself; a nanosecond is an instruction.

        Args:
            core: The core to emulate.
            image: The program, linked for it.
            folder: Where the files are that the program opens.
            trace: File for a line about each instruction, or None.

        Raises:
            EmulationError: If it fails or does not end.
        """
        command = [
            str(self.qemu),
            *("-machine", core.machine),
            *("-icount", "shift=0"),
            *("-semihosting-config", "enable=on,target=native"),
            *("-display", "none", "-monitor", "none", "-serial", "none"),
            *("-kernel", str(image)),
        ]
        if trace is not None:
            # An instruction a block, so that each has its line.
            old = qemu_version(self.versions["emulator"]) < (8, 1)
            command += ["-singlestep"] if old else ["-accel", "tcg,one-insn-per-tb=on"]
            command += ["-d", "exec,nochain", "-D", str(trace)]
        try:
            result = subprocess.run(
                command,
                cwd=folder,
                capture_output=True,
                text=True,
                errors="replace",
                stdin=subprocess.DEVNULL,
                timeout=RUN_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise EmulationError(
                f"The emulated {core.name} did not end within {RUN_SECONDS:g} s. "
                "Expected the firmware to end by itself; try fewer targets."
            ) from error
        if result.returncode != 0:
            raise EmulationError(
                f"The firmware on the emulated {core.name} ended with code {result.returncode}: "
                f"{_told(result.stdout + result.stderr)}"
            )


def find_tool(name: str) -> Path:
    """The path of a command of `PACKAGES`.

    Raises:
        MissingToolError: If it is not installed.
    """
    path = shutil.which(name)
    if path is None:
        raise MissingToolError(name, PACKAGES[name])
    return Path(path)


def qemu_version(text: str) -> tuple[int, int]:
    """Major and minor version out of what the emulator says of itself; (0, 0) if it is not."""
    found = re.search(r"(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _build(command: Sequence[str | Path], what: str) -> str:
    """Output of a command of the compiler's, or a FirmwareBuildError with its complaint."""
    try:
        result = subprocess.run(
            [str(part) for part in command],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=BUILD_SECONDS,
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
