"""How fast a model solves on the machine that runs this, and in how much memory."""

from __future__ import annotations

import gc
import math
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from firmware_host.chain import Chain, FloatArray
from firmware_host.errors import ConfigError, ModelFileError
from firmware_host.inspect_model import TextRow, TextTable, inspect_model
from firmware_host.solver import IkSolver, Status, available_solvers
from firmware_host.solving.branches import solve_any
from firmware_host.solving.refine import refine, refine_seed, refinements
from firmware_host.solving.solution import is_solved
from firmware_host.tasks.targets import given_targets
from firmware_host.tasks.task import POSITION, Task, reached_targets

BATCH_SIZES = (1, 10, 100, 1_000, 10_000)
DEFAULT_TARGETS = 2_000
TARGET_SEED = 0
# Steps after which damped least squares has found its way or never will.
COLD_STEPS = 50

# Calls before the clock counts: caches fill, and runtimes allocate what they need.
WARM_UP = 100
# A batch size is repeated for at least so long [s] and so often.
BATCH_SECONDS = 0.3
BATCH_REPEATS = 5
# Samples drawn for each target wanted, before giving up on a model that reaches none.
MOST_DRAWN = 100

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Latency:
    """Times of single calls [microseconds].

    Attributes:
        p50: The median.
        p99: The 99th percentile.
        max: The longest.
    """

    p50: float
    p99: float
    max: float


@dataclass(frozen=True)
class RuntimeFigures:
    """What was measured of one runtime.

    Attributes:
        version: Name and version of the runtime that answered.
        solved: Share of the targets solved, to 1 mm and 0.1 degrees.
        network: Quantization, network and dequantization for one target.
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
class ColdFigures:
    """Damped least squares without the network, from the middle of the limits.

    Each target gets as many steps as it needs to come within 1 mm, or `COLD_STEPS`,
    and no time is spent on looking whether it has.

    Attributes:
        solved: Share of the targets solved, to 1 mm.
        steps_mean: Mean number of steps taken.
        steps_max: Largest number of steps taken.
        mean_us: Mean time for a target [microseconds].
        time: Percentiles of that time.
    """

    solved: float
    steps_mean: float
    steps_max: int
    mean_us: float
    time: Latency

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {
            "solved": self.solved,
            "steps_mean": self.steps_mean,
            "steps_max": self.steps_max,
            "mean_us": self.mean_us,
            "us": asdict(self.time),
        }


@dataclass(frozen=True)
class Benchmark:
    """One model on one machine, on one thread.

    Attributes:
        model: Name, robot and size of the model.
        machine: What it ran on.
        targets: Number of single targets.
        steps: Refinement steps for each.
        runtimes: Figures by name of the runtime.
        refused: Why a runtime that is installed cannot run the model, by its name.
        cold: The baseline, measured in the same run.
    """

    model: Mapping[str, Any]
    machine: Mapping[str, Any]
    targets: int
    steps: int
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
    *,
    batch_sizes: Sequence[int] = BATCH_SIZES,
    rng_seed: int = TARGET_SEED,
    tell: Tell = lambda line: None,
) -> Benchmark:
    """Measure a model with each runtime, on the same targets.

    Args:
        path: A `.tflite` that carries its robot.
        runtimes: Names of the runtimes; every one installed if there are none.
        targets: Number of targets to time one at a time, at least 1.
        steps: Refinement steps, 0 or more; by default 3 for positions, else 4.
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
    described = inspect_model(path)
    solvers: dict[str, IkSolver] = {}
    refused: dict[str, str] = {}
    for name in dict.fromkeys(runtimes or available_solvers()):
        try:
            solvers[name] = IkSolver.load(path, name, steps)
        except ModelFileError as error:
            if runtimes:
                raise
            refused[name] = str(error)
    if not solvers:
        raise ModelFileError(f"No runtime can run {path}: {'; '.join(refused.values())}")
    first = next(iter(solvers.values()))
    tell("Drawing targets")
    drawn = bench_targets(first, targets, rng_seed)
    tell(f"Damped least squares without the network, {targets:,} targets")
    cold = bench_cold(first.chain, drawn, first.task)
    figures = {}
    for name, solver in solvers.items():
        tell(f"{solver.runtime}, {targets:,} targets")
        figures[name] = bench_runtime(solver, drawn, batch_sizes)
    return Benchmark(
        model={
            "file": described["file"]["name"],
            "flatbuffer_sha256": described["file"]["flatbuffer_sha256"],
            "flatbuffer_bytes": described["file"]["flatbuffer_bytes"],
            "robot": described["robot"]["name"],
            "joints": len(described["robot"]["joints"]),
            "parameters": described["network"]["parameters"],
            "dtype": described["network"]["inputs"][0]["dtype"],
        },
        machine=describe_machine(),
        targets=targets,
        steps=first.refine_steps,
        runtimes=figures,
        refused=refused,
        cold=cold,
    )


def bench_targets(solver: IkSolver, count: int, rng_seed: int = TARGET_SEED) -> FloatArray:
    """Reachable targets (count, k): what uniformly drawn joint angles reach.

    Kept are those in the workspace the network was trained in that can be reached, to
    1 mm and 0.1 degrees within `COLD_STEPS` steps, from a seed of the network or from the
    middle of the limits: what either way of solving finds is there for both.

    Raises:
        ModelFileError: If hardly any can be reached.
    """
    chain, task = solver.chain, solver.task
    rng = np.random.default_rng(rng_seed)
    found: list[FloatArray] = []
    missing = count
    for _ in range(MOST_DRAWN):
        q = rng.uniform(chain.lower, chain.upper, (count, len(chain)))
        targets: FloatArray = reached_targets(chain, task, np.sin(q), np.cos(q))
        if solver.workspace is not None:
            targets = targets[solver.workspace.contains(chain, targets[:, :3])]
        middle = np.broadcast_to(chain.middle, (len(targets), len(chain)))
        cold, _ = refine(chain, middle, targets, COLD_STEPS, task=task)
        reached = is_solved(chain, task, cold, targets)
        reached |= is_solved(chain, task, solve_any(solver.seeder, targets, COLD_STEPS).q, targets)
        found.append(targets[reached][:missing])
        missing -= len(found[-1])
        if not missing:
            return np.concatenate(found)
    raise ModelFileError(
        f"The model's robot reaches too few of its own positions: "
        f"{count - missing} of {MOST_DRAWN * count}."
    )


def bench_runtime(
    solver: IkSolver, targets: FloatArray, batch_sizes: Sequence[int] = BATCH_SIZES
) -> RuntimeFigures:
    """Measure one loaded model.

    Args:
        solver: The model in its runtime, with its number of steps.
        targets: (N, k) reachable targets, each timed once.
        batch_sizes: Sizes of the batches, filled with the targets again and again.
    """
    chain, task, steps = solver.chain, solver.task, solver.refine_steps
    features = solver.seeder.features(targets)
    seeds = solver.seed(targets)
    given = given_targets(task, targets)
    status = solver.solve_batch(given).status
    solver.solve_times(targets)
    native = solver.solve_times(targets)
    refinement = None
    if native is None:
        pairs = list(zip(seeds, targets, strict=True))
        refinement = latency(
            lambda pair: refine_seed(chain, pair[0], pair[1], steps, task=task), pairs
        )
    return RuntimeFigures(
        version=solver.runtime,
        solved=sum(value is Status.SOLVED for value in status) / len(status),
        network=latency(solver.predict, [row[None] for row in features]),
        refinement=refinement,
        total=latency(solver.solve, list(given)),
        native=None if native is None else _percentiles(native),
        batch={size: throughput(solver, given, size) for size in batch_sizes},
        rss_bytes=current_memory(),
        peak_rss_bytes=peak_memory(),
    )


def bench_cold(chain: Chain, targets: FloatArray, task: Task = POSITION) -> ColdFigures:
    """Measure damped least squares from the middle of the limits.

    Args:
        chain: The robot.
        targets: (N, k) reachable targets.
        task: What they are.
    """
    middle = chain.middle
    seeds = np.broadcast_to(middle, (len(targets), len(chain)))
    needed = np.full(len(targets), COLD_STEPS)
    solved = np.zeros(len(targets), dtype=bool)
    walk = refinements(chain, seeds, targets, COLD_STEPS, task=task)
    for steps, (q, _) in enumerate(walk):
        now = ~solved & is_solved(chain, task, q, targets)
        needed[now] = steps
        solved |= now
    microseconds = timed(
        lambda pair: refine(chain, middle, pair[0], pair[1], task=task),
        list(zip(targets, needed.tolist(), strict=True)),
    )
    return ColdFigures(
        solved=float(solved.mean()),
        steps_mean=float(needed.mean()),
        steps_max=int(needed.max()),
        mean_us=float(microseconds.mean()),
        time=_percentiles(microseconds),
    )


def latency(call: Callable[[Any], object], arguments: Sequence[Any]) -> Latency:
    """The time of one call, over one call for each argument after a warm-up."""
    return _percentiles(timed(call, arguments))


def timed(call: Callable[[Any], object], arguments: Sequence[Any]) -> FloatArray:
    """The time of the call with each argument (N,) [microseconds], after a warm-up."""
    for index in range(WARM_UP):
        call(arguments[index % len(arguments)])
    clock = time.perf_counter_ns
    taken = []
    with _without_garbage_collection():
        for argument in arguments:
            began = clock()
            call(argument)
            taken.append(clock() - began)
    return np.array(taken) / 1e3


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
    with _without_garbage_collection():
        while len(taken) < BATCH_REPEATS or math.fsum(taken) < BATCH_SECONDS:
            began = time.perf_counter_ns()
            solver.solve_batch(batch)
            taken.append((time.perf_counter_ns() - began) / 1e9)
    return size / float(np.median(taken))


def describe_machine() -> dict[str, Any]:
    """What this runs on; "load" is the system's load average over the last minute."""
    return {
        "platform": platform.platform(),
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(),
        "numpy": np.__version__,
    }


def current_memory() -> int | None:
    """Memory that the process holds now [bytes]; None where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError, AttributeError):
        return None


def peak_memory() -> int | None:
    """Most memory that the process ever held [bytes]; None where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def bench_tables(values: Mapping[str, Any]) -> list[TextTable]:
    """What `Benchmark.to_dict` returns as text.

    Args:
        values: The result of `Benchmark.to_dict`.

    Returns:
        Single targets, batches, and the machine.
    """
    machine, cold, steps = values["machine"], values["cold_dls"], values["steps"]
    runtimes: Mapping[str, Mapping[str, Any]] = values["runtimes"]
    parts = {
        "network": "network",
        "refinement": f"{steps} DLS steps",
        "native": "whole solve in C",
        "total": "whole solve",
    }
    single: list[TextRow] = [
        (
            f"{name}: {label}",
            *_microseconds(figures["single_us"][part]),
            _share(figures["solved"]) if part == "total" else "",
        )
        for name, figures in runtimes.items()
        for part, label in parts.items()
        if figures["single_us"][part] is not None
    ]
    label = f"no network: {cold['steps_mean']:.1f} DLS steps, {cold['steps_max']} at most"
    single.append((label, *_microseconds(cold["us"]), _share(cold["solved"])))
    sizes = list(next(iter(runtimes.values()))["batch"])
    batch: list[TextRow] = [
        (
            name,
            *(f"{figures['batch'][size]:,.0f}" for size in sizes),
            _megabytes(figures["rss_bytes"]),
            _megabytes(figures["peak_rss_bytes"]),
        )
        for name, figures in runtimes.items()
    ]
    load = "unknown" if machine["load"] is None else f"{machine['load']:.1f}"
    place: list[TextRow] = [
        ("platform", machine["platform"]),
        ("processor", f"{machine['processor']}, {machine['cores']} cores, one of them used"),
        ("load", load),
        ("software", f"Python {machine['python']}, NumPy {machine['numpy']}"),
        ("runtimes", ", ".join(figures["version"] for figures in runtimes.values())),
    ]
    return [
        TextTable(
            f"One target at a time, microseconds ({values['targets']:,} targets)",
            ("", "p50", "p99", "max", "solved %"),
            single,
        ),
        TextTable(
            f"In batches, targets a second ({steps} DLS steps)",
            ("", *(f"{int(size):,}" for size in sizes), "MB", "peak"),
            batch,
        ),
        TextTable("Machine", ("", ""), place),
    ]


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Keep the garbage collector from running; it is left as it was found."""
    enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _percentiles(microseconds: FloatArray) -> Latency:
    p50, p99 = np.percentile(microseconds, [50, 99]).tolist()
    return Latency(p50, p99, float(microseconds.max()))


def _processor() -> str:
    """The processor's name: Linux tells it in a file alone."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    # "Model" is what a Raspberry Pi says of its board.
    for wanted in ("model name", "Model"):
        for line in lines:
            key, _, value = line.partition(":")
            if key.strip() == wanted:
                return value.strip()
    return platform.processor() or platform.machine()


def _microseconds(figures: Mapping[str, float]) -> list[str]:
    return [f"{figures[name]:.1f}" for name in ("p50", "p99", "max")]


def _share(value: float) -> str:
    # Rounding must not make a share of less than one look like all.
    return "100" if value == 1 else f"{min(100 * value, 99.99):.2f}"


def _megabytes(size: int | None) -> str:
    return "-" if size is None else f"{size / 1e6:.0f}"
