"""A module of the doctor's in a process of its own, and how that ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import NamedTuple


class Ended(NamedTuple):
    """How a process ended.

    Attributes:
        output: What it printed.
        reason: Why it did not end well, in a line; "" if it did.
    """

    output: str
    reason: str


def run_module(module: str, arguments: Sequence[str], seconds: float) -> Ended:
    """Run `python -m MODULE ARGUMENTS`, which finds the modules that this process finds.

    Args:
        module: Its name.
        arguments: What it is given.
        seconds: How long it may take [s].
    """
    # The working folder, which `-m` would look into first, is no place of modules.
    command = [sys.executable, "-P", "-m", module, *arguments]
    path = os.pathsep.join(place for place in sys.path if place)
    try:
        ended = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
            env={**os.environ, "PYTHONPATH": path},
        )
    except subprocess.TimeoutExpired as error:
        output = error.stdout or ""
        text = output.decode(errors="replace") if isinstance(output, bytes) else output
        return Ended(text, f"did not answer within {seconds:g} s")
    return Ended(ended.stdout, _reason(ended))


def _reason(ended: subprocess.CompletedProcess[str]) -> str:
    if ended.returncode == 0:
        return ""
    if ended.returncode < 0:
        try:
            name = signal.Signals(-ended.returncode).name
        except ValueError:
            name = str(-ended.returncode)
        hint = ": the package was built for another processor" if name == "SIGILL" else ""
        return f"ended by signal {name}{hint}"
    lines = ended.stderr.strip().splitlines()
    return lines[-1] if lines else f"ended with status {ended.returncode}"
