"""Commands beside Python: compilers, emulators, build tools, a browser, graphics processors."""

from __future__ import annotations

import importlib.metadata
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence

from edge_ik_tools.c99.build import MissingCompilerError, check_compiler, find_compiler
from edge_ik_tools.doctor.finding import Finding
from edge_ik_tools.emulate.families import ARM, AVR, RISCV, XTENSA, Family
from edge_ik_tools.errors import FirmwareBuildError
from firmware_host.errors import WriteError

ASK_SECONDS = 30.0
# Whose cores these are, as `bench --target` names them.
FAMILIES = (
    (ARM, "cortex-m0 to m55, rp2040, pico2, nrf52840, stm32f103"),
    (RISCV, "rv32imc, esp32c3, esp32c6"),
    (AVR, "uno, mega2560"),
    (XTENSA, "esp8266"),
)
BROWSERS = ("chromium", "google-chrome", "chromium-browser", "firefox", "microsoft-edge")
# What a system without Debian's packages is told of a compiler.
COMPILER_ADVICE = {
    "darwin": "xcode-select --install",
    "win32": "MSYS2's or LLVM's clang, or MinGW's gcc; Microsoft's cl is not supported",
}


def find_commands() -> list[Finding]:
    """A finding for each kind of command that some part of edge-ik runs."""
    return [
        _compiler(),
        _command(("cmake",), "CMake", "build and test an exported folder", "cmake"),
        *(_family(family, f"bench --target {parts}") for family, parts in FAMILIES),
        _command(("pio",), "PlatformIO", "build for boards", "", "pip install platformio"),
        _command(BROWSERS, "browser", "look at pages", "chromium"),
    ]


def find_gpus() -> Finding:
    """The graphics processors, and whether TensorFlow has its libraries for them."""
    purpose = "faster training of wide networks; none is needed"
    if shutil.which("nvidia-smi") is None:
        return Finding("GPU", purpose, False, "none of NVIDIA's was found: training uses the CPU")
    lines = _output(["nvidia-smi", "-L"]).splitlines()
    names = [line.partition(" (UUID")[0] for line in lines if line.startswith("GPU ")]
    if not names:
        return Finding("GPU", purpose, False, "nvidia-smi is there and lists none")
    found = ", ".join(names)
    if not _has_cuda_libraries():
        advice = "pip install 'tensorflow[and-cuda]'"
        return Finding("GPU", purpose, False, f"{found}; TensorFlow's libraries are not", advice)
    return Finding("GPU", purpose, True, found)


def _has_cuda_libraries() -> bool:
    """Whether NVIDIA's libraries came with pip, under the name of whichever CUDA."""
    return any(
        (one.metadata["Name"] or "").startswith("nvidia-cudnn")
        for one in importlib.metadata.distributions()
    )


def _compiler() -> Finding:
    purpose = "runtime firmware, self-tests of exported folders"
    try:
        compiler = find_compiler()
    except MissingCompilerError:
        advice = COMPILER_ADVICE.get(sys.platform, "apt-get install gcc libc6-dev")
        return Finding("C compiler", purpose, False, "not found", advice)
    try:
        check_compiler(compiler)
    except (FirmwareBuildError, WriteError) as error:
        said = error.said if isinstance(error, WriteError) else str(error)
        return Finding("C compiler", purpose, False, said.partition("\n")[0])
    return Finding("C compiler", purpose, True, _version(*compiler))


def _command(
    names: Sequence[str], title: str, purpose: str, package: str, advice: str = ""
) -> Finding:
    for name in names:
        path = shutil.which(name)
        if path is not None:
            return Finding(title, purpose, True, _version(path))
    return Finding(title, purpose, False, "not found", advice or f"apt-get install {package}")


def _family(family: Family, purpose: str) -> Finding:
    """A cross-compiler and its emulator."""
    lacking = [name for name in family.packages if shutil.which(name) is None]
    if lacking:
        packages = dict.fromkeys(family.packages[name] for name in lacking)
        found, advice = f"not found: {', '.join(lacking)}", f"apt-get install {' '.join(packages)}"
        return Finding(family.name, purpose, False, found, advice)
    compiler = shutil.which(f"{family.prefix}-gcc")
    return Finding(family.name, purpose, True, _version(str(compiler)))


def _version(*command: str) -> str:
    """A command, and the first line that it says of its version."""
    lines = _output([*command, "--version"]).strip().splitlines()
    return f"{shlex.join(command)}: {lines[0]}" if lines else shlex.join(command)


def _output(command: Sequence[str]) -> str:
    """What a command prints; nothing where it fails, or does not end."""
    try:
        ended = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=ASK_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return ended.stdout if ended.returncode == 0 else ""
