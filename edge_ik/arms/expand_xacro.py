"""Runs xacro on one file, in a process of its own, for so long and with so much memory at most.

It is called as: python -P expand_xacro.py FILE SECONDS MEGABYTES

Where there is no ROS, `$(find PACKAGE)` means the folder of that name, or with that name in its
package.xml, beside the file or beside a folder that the file is in: as in a checkout.
"""

from __future__ import annotations

import importlib.util
import os
import re
import signal
import sys
import types
from contextlib import suppress
from pathlib import Path

_NAME = re.compile(r"<name>\s*([^<\s]+)\s*</name>")
# A checkout is no deeper, and has no more packages side by side.
LEVELS = 8
PACKAGES = 1000
NO_MEMORY = "MemoryError"
_PR_SET_PDEATHSIG = 1  # of prctl(2)


def package_folder(package: str, file: Path) -> Path:
    """The folder of a ROS package that is near a file.

    Raises:
        LookupError: If there is none.
    """
    for folder in list(file.resolve().parents)[:LEVELS]:
        beside = [path for path in sorted(folder.iterdir())[:PACKAGES] if path.is_dir()]
        for candidate in (folder, folder / package, *beside):
            if _package_name(candidate) == package:
                return candidate
        if (folder / package).is_dir():
            return folder / package
    raise LookupError(f"there is no package '{package}' beside the file")


def _package_name(folder: Path) -> str:
    """What a folder's package.xml calls it; empty if it has none."""
    try:
        found = _NAME.search((folder / "package.xml").read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return ""
    return found.group(1) if found else ""


def _without_ros(file: Path) -> None:
    """Put a module where xacro looks for packages, if ROS has none there."""
    packages = types.ModuleType("ament_index_python.packages")
    vars(packages)["get_package_share_directory"] = lambda name: str(package_folder(name, file))
    parent = types.ModuleType("ament_index_python")
    vars(parent)["packages"] = packages
    sys.modules |= {"ament_index_python": parent, "ament_index_python.packages": packages}


def _bound(seconds: float, megabytes: int) -> None:
    """Let the system end this process when its time is over, and refuse it more memory.

    An expression may keep the interpreter busy in one operation, so that no thread of it could
    watch over it. Where the system has no such bounds, the parent's are left.
    """
    if sys.platform == "win32":
        return
    import resource

    signal.setitimer(signal.ITIMER_REAL, seconds)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    most = _address_space() + megabytes * 1_000_000
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard == resource.RLIM_INFINITY or hard > most:
        with suppress(ValueError, OSError):  # macOS refuses it
            resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _address_space() -> int:
    """The bytes of address space that this process has; 0 where that is not told."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _end_with_parent() -> None:
    """Let the system end this process when its parent dies; elsewhere than on Linux, its alarm."""
    if sys.platform != "linux":
        return
    import ctypes

    parent = os.getppid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(1)


def main() -> None:
    """Expand the file that is named by the first argument, within the bounds of the others."""
    file, seconds, megabytes = sys.argv[1:]
    _end_with_parent()
    import xacro

    _bound(float(seconds), int(megabytes))
    if importlib.util.find_spec("ament_index_python") is None:
        _without_ros(Path(file))
    try:
        text = xacro.process_file(file).toprettyxml(indent="  ")
    except Exception as error:  # noqa: BLE001 (whatever an expression raises)
        sys.exit(f"error: {_told(error)}")
    sys.stdout.buffer.write(text.encode("utf-8"))


def _told(error: BaseException) -> str:
    """An error in one line, in xacro's words; of those that come of it, that memory ran out."""
    before: BaseException | None = error
    while before is not None:
        if isinstance(before, MemoryError):
            return NO_MEMORY
        before = before.__context__
    return " ".join(str(error).split()) or type(error).__name__


if __name__ == "__main__":
    main()
