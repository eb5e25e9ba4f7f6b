"""One writer at a time in a folder: a lock that ends with the process that holds it."""

from __future__ import annotations

import errno
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from firmware_host.errors import RunError
from firmware_host.files import told

LOCK_FILE = ".lock"

# Taken by another; and what a file system without locks answers.
_TAKEN = {errno.EAGAIN, errno.EACCES, errno.EDEADLK}
_WITHOUT_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL}
# Times that the holder before may remove the file between its opening and its locking.
_ATTEMPTS = 100
# Windows locks bytes, which nobody else can read then: one that is never written.
_LOCKED_BYTE = 1 << 30
# Characters that the holder is told in.
_HOLDER_BYTES = 300

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep a folder for this process while the block runs.

    The lock is the system's, on a file that says who holds it: it ends with the process,
    however that ends, and a file that is left without it bars nobody. Where a file system has
    no locks, there is none.

    Args:
        folder: A folder that is there.

    Raises:
        RunError: If another training works in the folder.
        WriteError: If the folder cannot be written to.
    """
    path = folder / LOCK_FILE
    with told(folder):
        descriptor = _taken(path)
    try:
        yield
    finally:
        # While it is held, so that the file of nobody else is removed; Windows keeps it then.
        with suppress(OSError):
            path.unlink()
        os.close(descriptor)


def check_unlocked(folder: Path) -> None:
    """Refuse a folder that another training works in, before anything is prepared.

    Raises:
        RunError: If another training works in it.
        WriteError: If it cannot be written to.
    """
    with locked(folder):
        pass


def _taken(path: Path) -> int:
    """The descriptor of the lock's file, locked, with this process named in it."""
    for _ in range(_ATTEMPTS):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            if _is_locked(descriptor, path):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
    raise RunError(f"'{path.parent}' is in use by other trainings. Run the command again.")


def _is_locked(descriptor: int, path: Path) -> bool:
    """Whether the file is locked now, and still the one of its name."""
    try:
        _lock(descriptor)
    except OSError as error:
        if error.errno in _TAKEN:
            raise _in_use(descriptor, path.parent) from error
        if error.errno not in _WITHOUT_LOCKS:
            raise
    try:
        if not os.path.samestat(os.fstat(descriptor), path.stat()):
            return False
    except FileNotFoundError:
        return False
    # On a full disk the lock holds, too; only its holder cannot be told.
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, f"{os.getpid()} {socket.gethostname()}\n".encode())
    return True


def _in_use(descriptor: int, folder: Path) -> RunError:
    """Who works in a folder, and what to do about it."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    process, _, host = os.read(descriptor, _HOLDER_BYTES).decode(errors="replace").partition(" ")
    elsewhere = f" on {host.strip()}" * (host.strip() not in ("", socket.gethostname()))
    who = f"process {process}{elsewhere}" if process.isdecimal() else "another process"
    return RunError(
        f"'{folder}' is in use by another training: {who}. Wait for its end, or end it; then run "
        "the command again."
    )
