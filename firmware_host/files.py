"""Writing files and folders: whole or not at all, and told in a sentence where that fails.

What is being written has a name of its own beside its place, in which its writer is named, and
is renamed into its place at the end. What a writer that was killed has left there is removed by
the next that writes to the same place.
"""

from __future__ import annotations

import ctypes
import errno
import hashlib
import itertools
import json
import os
import platform
import re
import secrets
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from firmware_host.errors import WriteError

# What can be done about a refusal of the system, by its number.
FULL = "Make room there"
READ_ONLY = "Make that place writable"
IN_THE_WAY = "Move away what is in its place"
GONE = "Make its folder"
TOO_LARGE = "Raise the limit of a file's size (ulimit -f)"
ADVICE = {
    errno.ENOSPC: FULL,
    errno.EDQUOT: FULL,
    errno.EACCES: READ_ONLY,
    errno.EPERM: READ_ONLY,
    errno.EROFS: READ_ONLY,
    errno.EISDIR: IN_THE_WAY,
    errno.ENOTDIR: IN_THE_WAY,
    errno.EEXIST: IN_THE_WAY,
    errno.ENOTEMPTY: IN_THE_WAY,
    errno.ENOENT: GONE,
    errno.EFBIG: TOO_LARGE,
}
OTHERWISE = "Put that right"
ELSEWHERE = "name another place"
OTHER_TEMPORARY = "name another folder in the environment variable TMPDIR"

PARTIAL, WORK = "partial", "work"
# What a file system answers that has nothing to wait for.
_WITHOUT_FLUSH = {errno.EINVAL, errno.ENOTSUP}
# What working folders are called.
NAMED = "edge-ik"
# Tells this process from another of the same number, as there is one in every container.
_OWN = secrets.token_hex(4)
_COUNT = itertools.count()
_WINDOWS_SYNCHRONIZE = 0x100000


@contextmanager
def told(path: Path, elsewhere: str = ELSEWHERE) -> Iterator[None]:
    """Turn what the system refuses of a write into what to do about it.

    Args:
        path: What is written, a file or a folder.
        elsewhere: What else can be done than to make the write possible.

    Raises:
        WriteError: In place of any OSError of the block.
    """
    try:
        yield
    except OSError as error:
        why = error.strerror or str(error)
        advice = ADVICE.get(error.errno or 0, OTHERWISE)
        raise WriteError(f"Cannot write '{path}': {why}. {advice}, or {elsewhere}.") from error


def write_atomically(
    path: Path,
    write: Callable[[Path], object],
    elsewhere: str = ELSEWHERE,
    *,
    flushed: bool = False,
) -> None:
    """Let `write` fill a temporary file beside `path`, then rename it into place.

    Args:
        path: The file to replace; a link stays one. A device or a pipe is written to as it is.
        write: Called with the temporary path, which keeps the suffix of `path`.
        elsewhere: As for `told`.
        flushed: Whether to wait until the file is on the disk before it is renamed, so that a
            power cut leaves the old one or the new; milliseconds, or longer on a busy disk.

    Raises:
        WriteError: If the system refuses it.
    """
    with told(path, elsewhere):
        if path.exists() and not (path.is_file() or path.is_dir()):
            write(path)
            return
        place = Path(os.path.realpath(path)) if path.is_symlink() else path
        _remove(place.parent, place)
        temporary = temporary_name(place)
        try:
            write(temporary)
            if flushed:
                _flush(temporary)
            temporary.replace(place)
        finally:
            temporary.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    """Wait until a file is on the disk."""
    with path.open("r+b" if os.name == "nt" else "rb") as file:
        try:
            os.fsync(file.fileno())
        except OSError as error:
            if error.errno not in _WITHOUT_FLUSH:
                raise


def write_text(path: Path, text: str, elsewhere: str = ELSEWHERE) -> None:
    """Write a text file in one piece; see `write_atomically`."""
    write_bytes(path, text.encode("utf-8"), elsewhere)


def write_bytes(path: Path, data: bytes, elsewhere: str = ELSEWHERE) -> None:
    """Write a file in one piece; see `write_atomically`."""
    write_atomically(path, lambda temporary: temporary.write_bytes(data), elsewhere)


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write a JSON file in one piece; see `write_atomically`."""
    write_text(path, json.dumps(values, indent=2) + "\n")


def make_folder(folder: Path, elsewhere: str = ELSEWHERE) -> None:
    """Make a folder and those that it is in, where they are not there yet.

    Raises:
        WriteError: If the system refuses it.
    """
    with told(folder, elsewhere):
        folder.mkdir(parents=True, exist_ok=True)


def tidy_folder(folder: Path, elsewhere: str = ELSEWHERE) -> None:
    """Make a folder ready for what comes: there, writable, and without half written files.

    Args:
        folder: The folder.
        elsewhere: As for `told`.

    Raises:
        WriteError: If the system refuses it.
    """
    make_folder(folder, elsewhere)
    check_writable(folder, elsewhere)
    remove_partial_files(folder)


def check_writable(folder: Path, elsewhere: str = ELSEWHERE) -> None:
    """Refuse a place that nothing can be written to, before the work whose result goes there.

    Args:
        folder: The folder, which need not be there yet.
        elsewhere: As for `told`.

    Raises:
        WriteError: If no file can be made in it, or in the first above it that is there.
    """
    with told(folder, elsewhere):
        _try(folder.absolute(), "trial")


def check_file_writable(path: Path, elsewhere: str = ELSEWHERE) -> None:
    """Refuse a file that cannot be written, before the work whose result it is.

    Args:
        path: The file, whose folder need not be there yet.
        elsewhere: As for `told`.

    Raises:
        WriteError: If no file of its name can be made there, or it is a folder.
    """
    with told(path, elsewhere):
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if path.exists() and not path.is_file():
            # A device or a pipe, which is written to as it is.
            if not os.access(path, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            return
        place = Path(os.path.realpath(path))
        _try(place.parent, place.name)


def _try(folder: Path, name: str) -> None:
    """Make a file in a folder, or in the first above it that is there, and remove it again."""
    while not folder.exists():
        folder = folder.parent
    trial = temporary_name(folder / name)
    try:
        trial.touch()
    finally:
        trial.unlink(missing_ok=True)


def temporary_name(path: Path, kind: str = PARTIAL) -> Path:
    """A name beside a file or a folder that is used once, and tells who uses it.

    Args:
        path: The file or folder.
        kind: What is kept under it; a word.
    """
    writer = f"{os.getpid()}-{_OWN}-{next(_COUNT)}"
    return path.with_name(f".{path.stem}.{writer}.{kind}{path.suffix}")


def left_over(path: Path, kind: str = PARTIAL) -> list[Path]:
    """What writers of a file or a folder that are no more have left of one kind beside it."""
    return [found for found in _left_in(path.parent, kind) if _is_of(found, path, kind)]


@contextmanager
def working_folder(parent: Path | None = None, elsewhere: str = OTHER_TEMPORARY) -> Iterator[Path]:
    """A folder to work in, which is gone at the end of the block.

    What processes that were killed have left of such folders is removed first, if they were of
    this user and this machine.

    Args:
        parent: Where it is made; without it the system's folder of temporary files.
        elsewhere: As for `told`.

    Raises:
        WriteError: If the system refuses it.
    """
    if parent is None:
        with told(Path("/tmp"), elsewhere):  # noqa: S108 - the last that Python tries
            parent = Path(tempfile.gettempdir())
    with told(parent, elsewhere):
        kind = f"{WORK}-{_machine()}"
        for found in left_over(parent / NAMED, kind):
            if not hasattr(os, "getuid") or found.lstat().st_uid == os.getuid():
                shutil.rmtree(found, ignore_errors=True)
        folder = temporary_name(parent / NAMED, kind)
        folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def temporary_files_in(folder: Path) -> dict[str, str]:
    """This process's environment for another whose temporary files are to go into a folder."""
    return {**os.environ, **dict.fromkeys(("TMPDIR", "TMP", "TEMP"), str(folder))}


@lru_cache
def _machine() -> str:
    """Where this process has its number: the machine, and in it the container."""
    try:
        numbers = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        numbers = ""
    return hashlib.sha256(f"{platform.node()} {numbers}".encode()).hexdigest()[:8]


def remove_partial_files(folder: Path) -> None:
    """Remove the files that writers which are no more have left half written in a folder."""
    with told(folder):
        _remove(folder)


def _remove(folder: Path, of: Path | None = None) -> None:
    """Remove what is left over, of one file or of all."""
    for found in _left_in(folder, PARTIAL):
        if (of is None or _is_of(found, of, PARTIAL)) and not found.is_dir():
            found.unlink(missing_ok=True)


def _left_in(folder: Path, kind: str) -> list[Path]:
    """What is left over in a folder; nothing where there is none, or it cannot be looked into."""
    pattern = re.compile(rf"\..+\.(\d+)-([0-9a-f]+)-\d+\.{kind}(\..*)?", re.DOTALL)
    try:
        paths = sorted(path for path in folder.iterdir() if path.name.startswith("."))
    except OSError:
        return []
    matches = ((path, pattern.fullmatch(path.name)) for path in paths)
    return [
        path for path, match in matches if match is not None and _is_over(int(match[1]), match[2])
    ]


def _is_of(found: Path, path: Path, kind: str) -> bool:
    """Whether a temporary name is one of a certain file or folder."""
    writer = r"\d+-[0-9a-f]+-\d+"
    name = rf"\.{re.escape(path.stem)}\.{writer}\.{kind}{re.escape(path.suffix)}"
    return re.fullmatch(name, found.name) is not None


def _is_over(process: int, own: str) -> bool:
    """Whether a process of this machine has ended; one that nobody can tell of has not."""
    if process == os.getpid():
        return own != _OWN
    if sys.platform == "win32":
        # There, signal 0 would end the process.
        handle = ctypes.windll.kernel32.OpenProcess(_WINDOWS_SYNCHRONIZE, False, process)
        if handle:
            ctypes.windll.kernel32.CloseHandle(handle)
        return not handle
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return True
    except OSError:
        return False
    return False
