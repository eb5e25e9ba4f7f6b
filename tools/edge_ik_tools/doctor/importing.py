"""Packages, really imported: `python -m edge_ik_tools.doctor.importing MODULE ...`.

A process of its own, for a native library that does not fit the processor ends its process.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Mapping, Sequence

from edge_ik_tools.doctor.process import run_module

# Of all of them together; TensorFlow takes some seconds.
IMPORT_SECONDS = 300.0
# What Python calls a package, where it is not as pip does.
MODULES: Mapping[str, str] = {
    "mkdocs-material": "material",
    "pin": "pinocchio",
    "pyserial": "serial",
    "roboticstoolbox-python": "roboticstoolbox",
}


def import_errors(packages: Sequence[str]) -> dict[str, str]:
    """Why packages that are installed cannot be imported, by name; nothing of those that can."""
    names = {MODULES.get(package, package.replace("-", "_")): package for package in packages}
    left, errors = list(names), {}
    while left:
        ended = run_module(__name__, left, IMPORT_SECONDS)
        told = [json.loads(line) for line in ended.output.splitlines() if line.startswith("{")]
        errors.update({names[one["module"]]: one["error"] for one in told if one["error"]})
        left = left[len(told) :]
        if left:
            # It ended while it imported this one.
            errors[names[left.pop(0)]] = ended.reason or "it ended the process"
    return errors


def _import_all(modules: Sequence[str]) -> None:
    """Import modules, and print a line of JSON on each; what they print is dropped."""
    with os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8") as screen:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        for module in modules:
            error = None
            try:
                importlib.import_module(module)
            except BaseException as raised:  # noqa: BLE001 - whatever a package raises
                error = f"{type(raised).__name__}: {raised}".partition("\n")[0]
            screen.write(json.dumps({"module": module, "error": error}) + "\n")
            screen.flush()
        # What packages do at the end is not looked at.
        os._exit(0)


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    _import_all(sys.argv[1:])
