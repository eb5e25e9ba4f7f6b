"""Each runtime, really tried on a tiny model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from edge_ik_tools.doctor.finding import Finding
from edge_ik_tools.doctor.process import run_module
from edge_ik_tools.doctor.tiny import write_tiny_model
from firmware_host.errors import WriteError
from firmware_host.files import working_folder
from firmware_host.network.runtimes import RUNTIMES, default_runtime
from firmware_host.plugins import known_solvers

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
    try:
        with working_folder() as folder:
            model = folder / "tiny.tflite"
            write_tiny_model(model)
            found = [_tried(name, model) for name in known_solvers()]
    except WriteError as error:
        return [Finding(name, _purpose(name), False, error.said) for name in known_solvers()]
    works = {one.name for one in found if one.works}
    # Nobody needs the predecessor where the successor works.
    needless = {"tflite-runtime"} if "litert" in works else set()
    return [replace(one, advice="") if one.name in needless else one for one in found]


def default_finding(runtimes: Sequence[Finding]) -> str:
    """A sentence on which runtime answers where none is asked for.

    Args:
        runtimes: What `find_runtimes` has found.
    """
    works = [one.name for one in runtimes if one.works]
    name = default_runtime()
    faster = " The fastest is runtime 'firmware'." if "firmware" in works else ""
    if name in works:
        return f"Where no runtime is asked for, '{name}' answers.{faster}"
    instead = f" Ask for one that does: {', '.join(works)}." if works else ""
    return f"Where no runtime is asked for, '{name}' is taken, which does not work here.{instead}"


def _tried(name: str, model: Path) -> Finding:
    ended = run_module("edge_ik_tools.doctor.attempt", [name, str(model)], ATTEMPT_SECONDS)
    if ended.reason:
        return Finding(name, _purpose(name), False, ended.reason, _advice(name))
    return Finding(name, _purpose(name), True, ended.output.strip())


def _purpose(name: str) -> str:
    return PURPOSES.get(name, "solve, from another package")


def _advice(name: str) -> str:
    runtime = RUNTIMES.get(name)
    if runtime is None:
        return ""
    return f"pip install {runtime.package} (wheels: {runtime.wheels})"
