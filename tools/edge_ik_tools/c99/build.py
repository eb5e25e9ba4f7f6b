"""The firmware as a module of Python, compiled for this machine and kept in a cache."""

from __future__ import annotations

import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.machinery import ExtensionFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

import numpy as np

from edge_ik_tools.c99.literals import table
from edge_ik_tools.c99.source import Firmware
from edge_ik_tools.errors import FirmwareBuildError
from edge_ik_tools.templates import filled
from firmware_host.errors import EdgeIkError, WriteError
from firmware_host.files import (
    OTHER_TEMPORARY,
    temporary_files_in,
    tidy_folder,
    told,
    working_folder,
    write_bytes,
    write_text,
)
from firmware_host.names import shown
from firmware_host.tolerances import FARTHEST_JOINT, FARTHEST_TARGET, FARTHEST_TURN

COMPILERS = ("cc", "gcc", "clang")
# The module keeps to the limited interface of Python 3.11, which later ones have too.
FLAGS = (
    *("-O3", "-std=gnu11", "-shared", "-fPIC", "-ffp-contract=fast"),
    "-DPy_LIMITED_API=0x030b0000",
    # What Python itself has is found when the module is loaded.
    *(("-undefined", "dynamic_lookup") if sys.platform == "darwin" else ()),
)
LINKED = ("-lm",)
MODULE = "edge_ik_firmware"
# The machine's own instructions; compilers that do not know the word go without.
NATIVE = "-march=native"
COMPILE_SECONDS = 300.0
OTHER_CACHE = "name another folder of caches in the environment variable XDG_CACHE_HOME"
OTHER_COMPILER = "name another in the environment variable CC"
# Of a module's file: the digits of a hash, of its sources and of its bytes each.
DIGITS, SUFFIX = 32, ".so"
# How much of the compiler's complaint is told.
TOLD_CHARACTERS = 1500


class MissingCompilerError(EdgeIkError):
    """There is no C compiler on this machine, or not the one that is named.

    Args:
        named: What the environment variable CC says; nothing without it.
    """

    def __init__(self, named: str = "") -> None:
        looked = f"'{shown(named)}', which the environment variable CC names"
        super().__init__(
            "The runtime 'firmware' compiles C for this machine, and no C compiler was found: "
            f"looked for {looked if named else ', '.join(COMPILERS)}. "
            "Install one, on Debian or Ubuntu with: apt-get install gcc libc6-dev"
        )


class MissingHeadersError(EdgeIkError):
    """The headers of Python are not installed."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            "The runtime 'firmware' compiles a module of Python for this machine, and Python's "
            f"headers were not found: looked for Python.h in {folder}. Install them, on Debian or "
            "Ubuntu with: apt-get install python3-dev"
        )


def find_compiler() -> tuple[str, ...]:
    """The command of the C compiler: what CC says, or the first of `COMPILERS` that is installed.

    CC may say more than a name, as for Make: `ccache gcc`, or `gcc -m32`.

    Raises:
        MissingCompilerError: If there is none.
    """
    named = os.environ.get("CC", "").strip()
    try:
        # As it stands first, for the path may hold spaces or backslashes.
        commands = [[named], shlex.split(named)] if named else [[name] for name in COMPILERS]
    except ValueError:  # A quotation that does not end.
        raise MissingCompilerError(named) from None
    for name, *options in commands:
        found = shutil.which(name)
        if found:
            return str(Path(found).absolute()), *options
    raise MissingCompilerError(named)


def load_firmware(firmware: Firmware, compiler: Sequence[str]) -> tuple[Path, Any]:
    """The firmware as a module of Python, and its file: from the cache, or newly compiled.

    What the cache holds is loaded if its bytes are those that were compiled, for a damaged
    library ends the process; otherwise, and where it cannot be loaded, it is compiled anew.

    Args:
        firmware: The model, ready to be printed.
        compiler: The command of the C compiler.

    Raises:
        MissingHeadersError: If Python's headers are not installed.
        FirmwareBuildError, WriteError: If the compiler refuses it, or there is no place for it.
    """
    headers = find_headers()
    texts = {
        f"{firmware.name}.h": firmware.header(),
        f"{firmware.name}.c": firmware.source(),
        "host.c": filled("c99", "host.c.in", _host_values(firmware)),
    }
    key = hashlib.sha256("\0".join([*texts.values(), *_environment(compiler)]).encode())
    name = f"firmware-{key.hexdigest()[:DIGITS]}"
    for library in _kept(name):
        try:
            return library, _loaded(library)
        except ImportError:
            continue
    library = _built(name, texts, headers, compiler)
    try:
        return library, _loaded(library)
    except ImportError as error:
        raise FirmwareBuildError(
            f"The firmware that was compiled for this machine cannot be loaded: {error}. "
            f"Expected a module of Python from {shlex.join(compiler)}; {OTHER_COMPILER}"
        ) from error


def _kept(name: str) -> list[Path]:
    """The files of the cache that hold a module of this name, whole."""
    try:
        found = sorted(cache_folder().glob(f"{name}-*{SUFFIX}"))
        return [path for path in found if path.name == _named(name, path.read_bytes())]
    except OSError:
        return []


def _named(name: str, built: bytes) -> str:
    """What a module's file is called, which tells its bytes too."""
    return f"{name}-{hashlib.sha256(built).hexdigest()[:DIGITS]}{SUFFIX}"


def _built(name: str, texts: Mapping[str, str], headers: Path, compiler: Sequence[str]) -> Path:
    """A module compiled and put into the cache, in place of what is there of its name."""
    cache = cache_folder()
    tidy_folder(cache, OTHER_CACHE)
    with working_folder(cache, OTHER_CACHE) as folder:
        with told(cache, OTHER_CACHE):
            for file, text in texts.items():
                (folder / file).write_text(text, encoding="utf-8")
        out = folder / f"{name}{SUFFIX}"
        _compile(compiler, headers, folder / "host.c", out)
        built = out.read_bytes()
    library = cache / _named(name, built)
    write_bytes(library, built, OTHER_CACHE)
    for other in cache.glob(f"{name}-*{SUFFIX}"):
        if other.name != library.name:
            other.unlink(missing_ok=True)
    return library


def _loaded(library: Path) -> Any:
    """A built module of Python; ImportError if it is none."""
    loader = ExtensionFileLoader(MODULE, str(library))
    spec = spec_from_loader(MODULE, loader)
    assert spec is not None  # noqa: S101 - it has a loader
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


def check_compiler(compiler: Sequence[str]) -> None:
    """Compile a module of nothing, which needs no headers of Python.

    Raises:
        FirmwareBuildError: If the compiler does not.
        WriteError: If there is no place to do it.
    """
    with working_folder() as folder:
        write_text(folder / "nothing.c", "int nothing = 0;\n", OTHER_TEMPORARY)
        _compile(compiler, folder, folder / "nothing.c", folder / f"nothing{SUFFIX}")


def find_headers() -> Path:
    """The folder of the headers of this Python.

    Raises:
        MissingHeadersError: If they are not installed.
    """
    folder = Path(sysconfig.get_path("include"))
    if not (folder / "Python.h").is_file():
        raise MissingHeadersError(folder)
    return folder


def cache_folder() -> Path:
    """Where compiled firmware is kept: `edge-ik` in the user's folder of caches.

    A relative XDG_CACHE_HOME is ignored, as the XDG Base Directory Specification has it: what
    lies in the working folder would be run.

    Raises:
        WriteError: If the user has no home.
    """
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not base.is_absolute():
        try:
            base = Path.home() / ".cache"
        except RuntimeError:
            raise WriteError(
                "There is no place for compiled firmware: the user has no home folder. Set the "
                f"environment variable HOME, or {OTHER_CACHE}."
            ) from None
    return base / "edge-ik"


@lru_cache
def _environment(compiler: Sequence[str]) -> tuple[str, ...]:
    """What a compiled module depends on besides its source."""
    return (
        *(*FLAGS, *LINKED, NATIVE),
        *compiler[1:],
        _run([*compiler, "--version"]).stdout,
        sys.version,
        str(sysconfig.get_config_var("SOABI")),
        _processor(),
    )


def _processor() -> str:
    """The instructions that this machine's processor has, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.lower().startswith(("flags", "features"))), "")


def _host_values(firmware: Firmware) -> dict[str, object]:
    """What the template of the module asks for."""
    chain = firmware.spec.chain
    columns = (chain.lower, chain.upper, chain.circular, chain.continuous)
    rows = np.stack([column.astype(float) for column in columns], axis=-1)
    return {
        "name": firmware.name,
        "NAME": firmware.name.upper(),
        "module": MODULE,
        "places": len(firmware.spec.task.place),
        "farthest_target": float(FARTHEST_TARGET),
        "farthest_joint": float(FARTHEST_JOINT),
        "farthest_turn": float(FARTHEST_TURN),
        "home": ", ".join(map(repr, chain.clamp(firmware.spec.home).tolist())),
        "ends": table(
            [repr(low), repr(up), int(turn), int(on)] for low, up, turn, on in rows.tolist()
        ),
    }


def _compile(compiler: Sequence[str], headers: Path, source: Path, out: Path) -> None:
    command = [*compiler, *FLAGS, f"-I{headers}", source, "-o", out, *LINKED]
    result = _run([*command, NATIVE], out.parent)
    if result.returncode != 0:
        result = _run(command, out.parent)
    if result.returncode != 0:
        complaint = result.stderr[:TOLD_CHARACTERS] or f"it ended with {result.returncode}"
        raise FirmwareBuildError(
            f"{shlex.join(compiler)} refuses the generated firmware: {complaint}"
        )
    if not out.is_file():
        raise FirmwareBuildError(
            f"{shlex.join(compiler)} ended without complaint and made nothing. Expected a C "
            f"compiler; {OTHER_COMPILER}"
        )


def _run(
    command: Sequence[str | Path], folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the compiler, whose own temporary files go into a folder, if one is given."""
    try:
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=COMPILE_SECONDS,
            check=False,
            env=None if folder is None else temporary_files_in(folder),
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise FirmwareBuildError(f"The compiler {command[0]} cannot be run: {error}.") from error
