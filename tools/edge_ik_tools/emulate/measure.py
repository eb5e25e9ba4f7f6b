"""Running the benchmark's program: targets and inputs in, answers and counts out."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_ik_tools.emulate.build import Sources, bench_objects, link_program
from edge_ik_tools.emulate.cores import Core
from edge_ik_tools.emulate.toolchain import Toolchain
from edge_ik_tools.errors import EmulationError
from firmware_host.bench.cold import COLD_STEPS
from firmware_host.chain import Chain
from firmware_host.files import OTHER_TEMPORARY, working_folder, write_bytes
from firmware_host.progress import Done, Tell, untold

# Of files that are put into a program's flash, in one run: what is left beside two solvers
# where pointers have 16 bits [bytes].
EMBEDDED_BYTES = 8 * 1024
# How often it is looked how far a program is [s].
LOOKED_EVERY = 0.5

AnyArray = npt.NDArray[Any]
"""An array of numbers of any type."""
CountArray = npt.NDArray[np.int64]
"""Counts of instructions or cycles."""

SUMMARY = np.dtype(
    [(name, "<i4") for name in ("joints", "target", "steps", "features", "outputs", "width")]
    + [("stack", "<u4")]
)


@dataclass(frozen=True, eq=False)
class Measurement:
    """What the emulated firmware answered and what that took; N targets, n joints.

    Attributes:
        q: (N, n) joint angles as returned [rad], float32.
        residual: (N,) distance to the target that the firmware says [m].
        seed_residual: (N,) the same for the network alone [m].
        status: (N,) 0 solved, 1 unreachable, 2 bad target.
        steps: (N,) refinement steps that the firmware says it took from each seed.
        tried: (N,) seeds that it refined.
        total: (N,) instructions of the whole solve.
        encode: (N,) instructions from the target to the network's input.
        network: (N,) instructions of the network.
        decode: (N,) instructions from its output to joints, of all branches tried.
        refine: (N,) instructions of the refinement of all seeds tried.
        cold: (N,) instructions of damped least squares without the network.
        cold_steps: (N,) its steps.
        cold_squared: (N,) its last squared distance to the target [m^2].
        closed: (N,) instructions of the closed form; 0 where there is none.
        closed_q: (N, n) its answers [rad].
        outputs: (M, n_out) of the network for the inputs given, in its own type.
        most_steps: Steps that the firmware takes at most.
        stack_bytes: Most stack that a solve has written [bytes].
    """

    q: npt.NDArray[np.float32]
    residual: npt.NDArray[np.float32]
    seed_residual: npt.NDArray[np.float32]
    status: CountArray
    steps: CountArray
    tried: CountArray
    total: CountArray
    encode: CountArray
    network: CountArray
    decode: CountArray
    refine: CountArray
    cold: CountArray
    cold_steps: CountArray
    cold_squared: npt.NDArray[np.float32]
    closed: CountArray
    closed_q: npt.NDArray[np.float32]
    outputs: AnyArray
    most_steps: int
    stack_bytes: int


def measure(
    tools: Toolchain,
    core: Core,
    sources: Sources,
    chain: Chain,
    targets: npt.ArrayLike,
    inputs: AnyArray,
    n_out: int,
    cold_steps: int = COLD_STEPS,
    tell: Tell = untold,
) -> Measurement:
    """Build the firmware, run it on an emulated core and read what it wrote.

    Args:
        tools: The compiler and the emulator.
        core: The core.
        sources: The solver.
        chain: Its robot.
        targets: (N, 3) positions [m]; rounded to single precision.
        inputs: (M, n_in) inputs for the network alone, of its own type.
        n_out: Outputs of the network.
        cold_steps: Most steps of the solve without the network.
        tell: Called with how many are solved, from a thread.

    Raises:
        FirmwareBuildError: If the compiler refuses the sources.
        EmulationError: If the firmware fails, or is of another robot or network.
    """
    single = np.ascontiguousarray(targets, dtype="<f4")
    sizes = {
        "joints": len(chain),
        "target": single.shape[1],
        "features": inputs.shape[1],
        "outputs": n_out,
        "width": inputs.dtype.itemsize,
    }
    with working_folder() as folder:
        objects = bench_objects(tools, core, sources, chain, cold_steps, folder)
        runs: list[_Run] = []
        for portion in portions(core, single, np.ascontiguousarray(inputs)):
            for name, values in zip(("targets", "inputs"), portion, strict=True):
                write_bytes(folder / f"{name}.bin", values.tobytes(), OTHER_TEMPORARY)
            with _followed(folder, _answer(len(chain)), runs, len(single), tell):
                tools.run(core, link_program(tools, core, objects, folder / "bench.elf"), folder)
            runs.append(_Run.read(folder, _answer(len(chain)), inputs.dtype))
            _check_sizes(sources, sizes, {name: int(runs[-1].summary[name]) for name in sizes})
    answers = np.concatenate([run.answers for run in runs])
    outputs = np.concatenate([run.outputs for run in runs]).reshape(-1, n_out)
    _check_counts((len(single), len(inputs)), (len(answers), len(outputs)))
    fields: dict[str, Any] = {
        name: answers[name].astype(np.int64 if answers[name].dtype.kind in "iu" else np.float32)
        for name in answers.dtype.names or ()
    }
    return Measurement(
        **fields,
        outputs=outputs,
        most_steps=int(runs[0].summary["steps"]),
        stack_bytes=max(int(run.summary["stack"]) for run in runs),
    )


@contextmanager
def _followed(
    folder: Path, answer: np.dtype[Any], runs: Sequence[_Run], total: int, tell: Tell
) -> Iterator[None]:
    """Tell how many answers a program has written while it runs, those of runs before included."""
    over, what = threading.Event(), "Solving, emulated"
    before = sum(len(run.answers) for run in runs)
    tell(Done(what, before, total))

    def look() -> None:
        while not over.wait(LOOKED_EVERY):
            try:
                written = (folder / "answers.bin").stat().st_size // answer.itemsize
            except OSError:
                written = 0
            tell(Done(what, before + written, total))

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def portions(core: Core, *files: AnyArray) -> Iterator[tuple[AnyArray, ...]]:
    """Rows of what a program reads, as many as its core takes at a time.

    Args:
        core: The core.
        files: Arrays (N, ...), each with an N of its own.

    Yields:
        The rows of each array that come next; together all of them, in order.
    """
    parts = 1
    if core.family.embeds:
        parts = max(1, -(-sum(rows.nbytes for rows in files) // EMBEDDED_BYTES))
    yield from zip(*(np.array_split(rows, parts) for rows in files), strict=True)


@dataclass(frozen=True, eq=False)
class _Run:
    """What the program wrote in one run.

    Attributes:
        summary: A `SUMMARY`.
        answers: Records of `_answer`.
        outputs: Of the network, one after another.
    """

    summary: AnyArray
    answers: AnyArray
    outputs: AnyArray

    @classmethod
    def read(cls, folder: Path, answer: np.dtype[Any], element: np.dtype[Any]) -> _Run:
        """Read the files of a folder and take them away."""
        found = []
        for name, kind in (("summary", SUMMARY), ("answers", answer), ("outputs", element)):
            path = folder / f"{name}.bin"
            found.append(np.fromfile(path, kind) if path.is_file() else np.empty(0, kind))
            path.unlink(missing_ok=True)
        summary, answers, outputs = found
        return cls(summary[0], answers, outputs)


def _check_counts(expected: tuple[int, int], received: tuple[int, int]) -> None:
    if received != expected:
        raise EmulationError(
            f"Expected {expected[0]} answers and {expected[1]} outputs from the firmware. "
            f"Received: {received[0]} and {received[1]}"
        )


def _check_sizes(sources: Sources, expected: dict[str, int], received: dict[str, int]) -> None:
    """Refuse firmware of another robot or network."""
    if received != expected:
        raise EmulationError(
            f"The firmware '{sources.name}' does not belong to the model. "
            f"Expected {expected}. Received: {received}"
        )


def _answer(joints: int) -> np.dtype[Any]:
    """The record that `bench.c` writes for each target."""
    return np.dtype(
        [
            ("q", "<f4", (joints,)),
            *((name, "<f4") for name in ("residual", "seed_residual")),
            *((name, "<i4") for name in ("status", "steps", "tried")),
            *((name, "<u4") for name in ("total", "encode", "network", "decode", "refine")),
            *((name, "<u4") for name in ("cold", "closed")),
            ("cold_steps", "<i4"),
            ("cold_squared", "<f4"),
            ("closed_q", "<f4", (joints,)),
        ]
    )
