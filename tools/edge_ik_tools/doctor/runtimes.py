"""Each runtime, really tried on a tiny model."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from edge_ik_tools.doctor.finding import Finding
from edge_ik_tools.doctor.tiny import write_tiny_model
from firmware_host.files import working_folder
from firmware_host.network.runtimes import DEFAULT_RUNTIMES, RUNTIMES
from firmware_host.plugins import available_solvers, known_solvers

# The firmware is compiled first; a machine may have much else to do.
ATTEMPT_SECONDS = 300.0
PURPOSES = {
    "litert": "solve; the default where it is installed",
    "tflite-runtime": "solve, its predecessor; the default where LiteRT is not installed",
    "tflite-micro": "solve as TensorFlow Lite Micro does; export compares with it",
    "reference": "solve in NumPy; the default where no other is installed",
    "firmware": "solve with the generated C, the fastest",
}


def find_runtimes() -> list[Finding]:
    """One finding for each runtime that `IkSolver.load` knows."""
    with working_folder() as folder:
        model = folder / "tiny.tflite"
        write_tiny_model(model)
        found = [_tried(name, model) for name in known_solvers()]
    works = {one.name for one in found if one.works}
    # Nobody needs the predecessor where the successor works.
    needless = {"tflite-runtime"} if "litert" in works else set()
    return [replace(one, advice="") if one.name in needless else one for one in found]


def default_finding() -> str:
    """A sentence on which runtime answers where none is asked for."""
    usable = available_solvers()
    name = next(name for name in DEFAULT_RUNTIMES if name in usable)
    faster = " The fastest is runtime 'firmware'." if "firmware" in usable else ""
    return f"Where no runtime is asked for, '{name}' answers.{faster}"


def _tried(name: str, model: Path) -> Finding:
    purpose = PURPOSES.get(name, "solve, from another package")
    command = [sys.executable, "-m", "edge_ik_tools.doctor.attempt", name, str(model)]
    try:
        ended = subprocess.run(
            command, capture_output=True, text=True, timeout=ATTEMPT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return Finding(name, purpose, False, f"did not answer within {ATTEMPT_SECONDS:g} s")
    if ended.returncode == 0:
        return Finding(name, purpose, True, ended.stdout.strip())
    return Finding(name, purpose, False, _end(ended), _advice(name))


def _end(ended: subprocess.CompletedProcess[str]) -> str:
    """How a process ended that did not answer."""
    if ended.returncode < 0:
        try:
            name = signal.Signals(-ended.returncode).name
        except ValueError:
            name = str(-ended.returncode)
        hint = ": the package was built for another processor" if name == "SIGILL" else ""
        return f"ended by signal {name}{hint}"
    lines = ended.stderr.strip().splitlines()
    return lines[-1] if lines else f"ended with status {ended.returncode}"


def _advice(name: str) -> str:
    runtime = RUNTIMES.get(name)
    if runtime is None:
        return ""
    return f"pip install {runtime.package} (wheels: {runtime.wheels})"
