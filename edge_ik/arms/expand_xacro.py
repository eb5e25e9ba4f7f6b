"""Runs xacro on one file, in a process of its own: python -P expand_xacro.py FILE.

Where there is no ROS, `$(find PACKAGE)` means the folder of that name, or with that name in its
package.xml, beside the file or beside a folder that the file is in: as in a checkout.
"""

from __future__ import annotations

import importlib.util
import re
import sys
import types
from pathlib import Path

_NAME = re.compile(r"<name>\s*([^<\s]+)\s*</name>")
# A checkout is no deeper, and has no more packages side by side.
LEVELS = 8
PACKAGES = 1000


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


def main() -> None:
    """Expand the file that is named by the only argument."""
    import xacro

    if importlib.util.find_spec("ament_index_python") is None:
        _without_ros(Path(sys.argv[1]))
    sys.argv[0] = "xacro"
    xacro.main()


if __name__ == "__main__":
    main()
