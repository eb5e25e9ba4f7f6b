"""One process that looks at mutants by their numbers: loads, inspects, solves and prints each.

It says which it begins with before it does, so that whoever started it knows which one ended it.
"""

from __future__ import annotations

import json
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge_ik_tools.c99.source import Firmware
from edge_ik_tools.mutants.kinds import every_kind
from edge_ik_tools.mutants.making import Base, mutant
from firmware_host.chain import FloatArray
from firmware_host.errors import EdgeIkError, MissingExtraError, RuntimeUnavailableError
from firmware_host.files import working_folder
from firmware_host.inspect_model import inspect_model, inspection_tables
from firmware_host.model_file import read_model
from firmware_host.network.flatbuffer import read_graph
from firmware_host.network.runtimes import available_runtimes
from firmware_host.problem import IkProblem
from firmware_host.solver import IkSolver

# Of one in so many that are taken the C is compiled and run too.
COMPILED = 200
# A target out of reach [m], and by how much of it, or of a metre, an error may be rounded.
FAR_AWAY, TOLD_WRONG = 1e5, 1e-5
# A sentence is printable, and no longer than this.
LONGEST_SENTENCE = 2000
# One that takes longer is ended by a signal [s].
PATIENCE = 60
KILOBYTE = 1024


@dataclass
class Looked:
    """What became of one mutant.

    Attributes:
        number: Its number.
        kind: What is wrong with it.
        taken: How many of the ways of using it took it.
        refused: How many refused it in a sentence.
        broken: What went wrong; empty if nothing did.
        seconds: The longest that one way took, of this process's own time.
        megabytes: The most memory that the process took meanwhile.
    """

    number: int
    kind: str
    taken: int = 0
    refused: int = 0
    broken: str = ""
    seconds: float = 0.0
    megabytes: float = 0.0


def bases_of(models: list[Path]) -> list[Base]:
    """Good models to make mutants of: each file, and its network in every format."""
    bases = []
    for path in models:
        flatbuffer, record = read_model(path)
        bases.append(Base(path.stem, flatbuffer, record))
        graph = read_graph(flatbuffer)
        if graph.tensors[graph.inputs[0]].dtype == np.int8:
            for kind, written in every_kind(graph).items():
                bases.append(Base(f"{path.stem} as {kind}", written, record))
    return bases


def look(bases: list[Base], seed: int, number: int, path: Path) -> Looked:
    """Write a mutant to a path and use it in every way."""
    kind, content = mutant(bases, seed, number)
    path.write_bytes(content)
    looked = Looked(number, kind)
    _forget_peak()
    for way, use in _ways(path, number).items():
        with _told(looked, way):
            use()
    looked.megabytes = _peak()
    return looked


@contextmanager
def _told(looked: Looked, way: str) -> Iterator[None]:
    """Note how a way of using a mutant ends, and how long it takes."""
    began = time.process_time()
    try:
        yield
        looked.taken += 1
    except (RuntimeUnavailableError, MissingExtraError):
        raise
    except EdgeIkError as error:
        looked.refused += 1
        text = str(error)
        if not text.replace("\n", "").isprintable() or len(text) > LONGEST_SENTENCE:
            looked.broken += f"{way}: no sentence: {text[:200]!r}\n"
    except Exception:  # noqa: BLE001 - which ones there are is what is looked for
        looked.broken += f"{way}: {traceback.format_exc()[-1500:]}\n"
    looked.seconds = max(looked.seconds, time.process_time() - began)


def _ways(path: Path, number: int) -> dict[str, Any]:
    """Ways of using a model file, by name."""
    ways: dict[str, Any] = {"inspect": lambda: inspection_tables(inspect_model(path))}
    for runtime in available_runtimes():
        ways[runtime] = lambda runtime=runtime: _solve(path, runtime)
    ways["C"] = lambda: _print(path)
    if number % COMPILED == 0:
        ways["firmware"] = lambda: _solve(path, "firmware")
    return ways


def _solve(path: Path, runtime: str) -> None:
    """Load and solve; whatever is answered is finite, within limits, and as near as it says."""
    solver = IkSolver.load(path, runtime)
    chain, problem = solver.chain, solver.problem
    near = chain.clamp(np.zeros(len(chain)))
    rows = problem.reached_by(np.stack([chain.middle, chain.lower, chain.upper]))
    rows = np.concatenate([rows, rows[:1]])
    rows[-1, : len(solver.task.place)] = FAR_AWAY
    for row, target in zip(rows, solver.task.given(rows), strict=True):
        for found in (solver.solve(target), solver.solve(target, near)):
            _check(problem, row, found.q, found.position_error_m)
    batch = solver.solve_batch(solver.task.given(rows))
    for row, q, error in zip(rows, batch.q, batch.position_error_m, strict=True):
        _check(problem, row, q, error)


def _check(problem: IkProblem, row: FloatArray, q: FloatArray, error: float) -> None:
    """Hold an answer q (n,) to the components of a target against kinematics.

    Raises:
        AssertionError: If it is not finite or beyond a limit, or its error is another one.
    """
    if not np.isfinite(q).all() or not problem.chain.within_limits(q):
        raise AssertionError(f"the answer {q} to {row}")
    off = float(problem.errors(q[None], row[None])[0][0])
    if not abs(error - off) <= TOLD_WRONG * max(1.0, off, problem.chain.reach):
        raise AssertionError(f"the error {error} of {q} to {row}, which is {off}")


def _print(path: Path) -> None:
    firmware = Firmware.load(path, "robot")
    firmware.header()
    firmware.source()


def _forget_peak() -> None:
    """Count the most memory from here on, where the system can."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def _peak() -> float:
    """The most memory since then [MB]."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next(int(line.split()[1]) / KILOBYTE for line in lines if line.startswith("VmHWM"))


def _say(values: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Look at the mutants that a line of JSON names, and print a line for each."""
    asked = json.loads(sys.argv[1])
    bases = bases_of([Path(model) for model in asked["models"]])
    with working_folder() as folder:
        for number in range(asked["first"], asked["last"]):
            _say({"begins": number})
            signal.alarm(PATIENCE)
            looked = look(bases, asked["seed"], number, folder / "mutant.tflite")
            signal.alarm(0)
            _say(asdict(looked))


if __name__ == "__main__":
    main()
