"""How fast a model solves on the machine that runs this, and in how much memory."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from firmware_host.bench.clock import Latency, latency, percentiles, without_garbage_collection
from firmware_host.bench.cold import ColdFigures, bench_cold
from firmware_host.bench.machine import current_memory, describe_machine, peak_memory
from firmware_host.bench.targets import TARGET_SEED, bench_targets
from firmware_host.chain import FloatArray
from firmware_host.errors import ConfigError, ModelFileError
from firmware_host.inspect_model import inspect_model
from firmware_host.plugins import available_solvers
from firmware_host.progress import Done, Tell, untold
from firmware_host.solver import IkSolver, Status
from firmware_host.solving.refine import refine_seed
from firmware_host.tolerances import Tolerance

BATCH_SIZES = (1, 10, 100, 1_000, 10_000)
DEFAULT_TARGETS = 2_000
# A batch size is repeated for at least so long [s] and so often.
BATCH_SECONDS = 0.3
BATCH_REPEATS = 5


@dataclass(frozen=True)
class RuntimeFigures:
    """What was measured of one runtime.

    Attributes:
        version: Name and version of the runtime that answered.
        solved: Share of the targets solved.
        network: Quantization, network and dequantization for one target; where there is a
            native solve also what makes features of the target and joints of the answer, as
            they are one there.
        refinement: The refinement steps from its seed; None if only its own C takes them.
        total: The whole call of `IkSolver.solve`.
        native: The whole solve without Python around it; None if there is no such thing.
        batch: Targets a second of `IkSolver.solve_batch`, by batch size.
        rss_bytes: Memory of the process after all of this; None if not known.
        peak_rss_bytes: Largest memory of the process so far; None if not known.
    """

    version: str
    solved: float
    network: Latency
    refinement: Latency | None
    total: Latency
    native: Latency | None
    batch: Mapping[int, float]
    rss_bytes: int | None
    peak_rss_bytes: int | None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {
            "version": self.version,
            "solved": self.solved,
            "single_us": {
                "network": asdict(self.network),
                "refinement": None if self.refinement is None else asdict(self.refinement),
                "total": asdict(self.total),
                "native": None if self.native is None else asdict(self.native),
            },
            "batch": {str(size): rate for size, rate in self.batch.items()},
            "rss_bytes": self.rss_bytes,
            "peak_rss_bytes": self.peak_rss_bytes,
        }


@dataclass(frozen=True)
class Benchmark:
    """One model on one machine, on one thread.

    Attributes:
        model: Name, robot and size of the model.
        machine: What it ran on.
        targets: Number of single targets.
        steps: Refinement steps for each.
        tolerance: What counts as solved, as `Tolerance.to_dict` has it.
        runtimes: Figures by name of the runtime.
        refused: Why a runtime that is installed cannot run the model, by its name.
        cold: The baseline, measured in the same run.
    """

    model: Mapping[str, Any]
    machine: Mapping[str, Any]
    targets: int
    steps: int
    tolerance: Mapping[str, float]
    runtimes: Mapping[str, RuntimeFigures]
    refused: Mapping[str, str]
    cold: ColdFigures

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {
            "model": dict(self.model),
            "machine": dict(self.machine),
            "targets": self.targets,
            "steps": self.steps,
            "tolerance": dict(self.tolerance),
            "threads": 1,
            "runtimes": {name: figures.to_dict() for name, figures in self.runtimes.items()},
            "refused": dict(self.refused),
            "cold_dls": self.cold.to_dict(),
        }


def bench(
    path: str | Path,
    runtimes: Sequence[str] = (),
    targets: int = DEFAULT_TARGETS,
    steps: int | None = None,
    tolerance: Tolerance | None = None,
    *,
    batch_sizes: Sequence[int] = BATCH_SIZES,
    rng_seed: int = TARGET_SEED,
    tell: Tell = untold,
) -> Benchmark:
    """Measure a model with each runtime, on the same targets.

    Args:
        path: A `.tflite` that carries its robot.
        runtimes: Names of the runtimes; every one installed if there are none.
        targets: Number of targets to time one at a time, at least 1.
        steps: Refinement steps, 0 to 100; `IkProblem.default_steps` without it.
        tolerance: How near to a target counts as solved; 1 mm and 0.1 degrees without it.
        batch_sizes: Sizes of the batches.
        rng_seed: Seed of the targets; see `bench_targets`.
        tell: Called with a line of progress.

    Raises:
        ConfigError: If a runtime is unknown or a number is out of range.
        ModelFileError: If the file is damaged, or no runtime can run it.
        RuntimeUnavailableError: If a runtime asked for is not installed.
    """
    if targets < 1 or any(size < 1 for size in batch_sizes):
        raise ConfigError(
            f"Expected at least one target and batches of at least one. "
            f"Received: targets={targets}, batch_sizes={tuple(batch_sizes)}"
        )
    described = _described(path)
    solvers, refused = _loaded(path, runtimes, steps, tolerance)
    first = next(iter(solvers.values()))
    tell("Drawing targets")
    drawn = bench_targets(first, targets, rng_seed)
    tell(f"Damped least squares without the network, {targets:,} targets")
    cold = bench_cold(first.problem, drawn, tell)
    figures = {}
    for name, solver in solvers.items():
        tell(f"{solver.runtime}, {targets:,} targets")
        figures[name] = bench_runtime(solver, drawn, batch_sizes, tell)
    return Benchmark(
        model=described,
        machine=describe_machine(),
        targets=targets,
        steps=first.refine_steps,
        tolerance=first.problem.told_tolerance,
        runtimes=figures,
        refused=refused,
        cold=cold,
    )


def _described(path: str | Path) -> dict[str, Any]:
    """Name, robot and size of a model."""
    described = inspect_model(path)
    return {
        "file": described["file"]["name"],
        "flatbuffer_sha256": described["file"]["flatbuffer_sha256"],
        "flatbuffer_bytes": described["file"]["flatbuffer_bytes"],
        "robot": described["robot"]["name"],
        "joints": len(described["robot"]["joints"]),
        "parameters": described["network"]["parameters"],
        "dtype": described["network"]["inputs"][0]["dtype"],
    }


def _loaded(
    path: str | Path, runtimes: Sequence[str], steps: int | None, tolerance: Tolerance | None
) -> tuple[dict[str, IkSolver], dict[str, str]]:
    """The model in each runtime by its name, and why the others refuse it."""
    solvers: dict[str, IkSolver] = {}
    refused: dict[str, str] = {}
    for name in dict.fromkeys(runtimes or available_solvers()):
        try:
            solvers[name] = IkSolver.load(path, name, steps, tolerance=tolerance)
        except (ConfigError, ModelFileError) as error:
            # One that cannot tell so fine a tolerance refuses it, too.
            if runtimes:
                raise
            refused[name] = str(error)
    if not solvers:
        raise ModelFileError(f"No runtime can run {path}: {'; '.join(refused.values())}")
    return solvers, refused


def bench_runtime(
    solver: IkSolver,
    targets: FloatArray,
    batch_sizes: Sequence[int] = BATCH_SIZES,
    tell: Tell = untold,
) -> RuntimeFigures:
    """Measure one loaded model.

    Args:
        solver: The model in its runtime, with its number of steps.
        targets: (N, k) reachable targets, each timed once.
        batch_sizes: Sizes of the batches, filled with the targets again and again.
        tell: Called with how far it is, between calls that are timed.
    """

    def between(what: str) -> Callable[[int], None]:
        return lambda number: tell(Done(f"{solver.runtime}, {what}", number, len(targets)))

    problem, steps = solver.problem, solver.refine_steps
    features = solver.seeder.features(targets)
    seeds = solver.seed(targets)
    given = solver.task.given(targets)
    status = solver.solve_batch(given).status
    solver.solve_times(targets)
    native, native_seed = solver.solve_times(targets), solver.solve_times(targets, seeds=True)
    refinement = None
    if native is None or native_seed is None:
        # Around the C of a native network Python would take longer than the whole native solve.
        network = latency(
            solver.seeder.predict, [row[None] for row in features], between("network")
        )
        pairs = list(zip(seeds, targets, strict=True))
        refinement = latency(
            lambda pair: refine_seed(problem, pair[0], pair[1], steps), pairs, between("refinement")
        )
    else:
        network = percentiles(native_seed)
    return RuntimeFigures(
        version=solver.runtime,
        solved=sum(value is Status.SOLVED for value in status) / len(status),
        network=network,
        refinement=refinement,
        total=latency(solver.solve, list(given), between("solve")),
        native=None if native is None else percentiles(native),
        batch={size: throughput(solver, given, size) for size in batch_sizes},
        rss_bytes=current_memory(),
        peak_rss_bytes=peak_memory(),
    )


def throughput(solver: IkSolver, targets: FloatArray, size: int) -> float:
    """Targets a second in batches of one size: the median of repeated calls.

    Args:
        solver: The model in its runtime.
        targets: N targets as the solver takes them; cut or repeated to fill a batch.
        size: Targets in a batch.
    """
    batch = targets[np.arange(size) % len(targets)]
    solver.solve_batch(batch)
    taken: list[float] = []
    with without_garbage_collection():
        while len(taken) < BATCH_REPEATS or math.fsum(taken) < BATCH_SECONDS:
            began = time.perf_counter_ns()
            solver.solve_batch(batch)
            taken.append((time.perf_counter_ns() - began) / 1e9)
    return size / float(np.median(taken))
