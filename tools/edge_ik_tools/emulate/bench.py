"""A model's firmware on an emulated core: instructions, memory, answers, and baselines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from edge_ik_tools.emulate.build import SolverSize, Sources, measure_size
from edge_ik_tools.emulate.closed_form import LIMIT_SLACK
from edge_ik_tools.emulate.cores import Core, described_core, find_core, part_name
from edge_ik_tools.emulate.cycles import Executed
from edge_ik_tools.emulate.measure import AnyArray, Measurement, measure
from edge_ik_tools.emulate.paths import POINTS, path_cost
from edge_ik_tools.emulate.results import (
    Baseline,
    EmulatedBenchmark,
    PathCost,
    Spread,
    Timing,
    check_clock,
)
from edge_ik_tools.emulate.toolchain import LANGUAGE, Toolchain
from edge_ik_tools.emulate.trace import trace_solve
from edge_ik_tools.errors import EmulationError
from edge_ik_tools.random_inputs import random_inputs
from firmware_host.bench.cold import COLD_STEPS
from firmware_host.bench.targets import bench_path, bench_targets
from firmware_host.chain import Chain, FloatArray
from firmware_host.errors import ConfigError
from firmware_host.files import working_folder
from firmware_host.model_file import read_model
from firmware_host.network.interpreter import Interpreter
from firmware_host.network.runtimes import open_interpreter
from firmware_host.problem import IkProblem
from firmware_host.progress import Done, Tell, untold
from firmware_host.solver import IkSolver
from firmware_host.solving.solution import Status
from firmware_host.tasks import POSITION
from firmware_host.tolerances import Tolerance

DEFAULT_TARGETS = 10_000
# Where cycles are counted the emulator takes minutes for so many.
DEFAULT_TARGETS_IN_CYCLES = 2_000
# Inputs for the network alone are drawn with this seed.
INPUT_SEED = 1
# Answers further apart than this are those of different branches [rad].
OTHER_ANSWER = 0.1
# Outputs of a float network are sines and cosines, summed in another order than NumPy's.
FLOAT_ROUNDING = 1e-5


def emulated_bench(
    sources: Path,
    name: str,
    model: Path,
    target: str = "cortex-m4",
    targets: int | None = None,
    *,
    clock_hz: float | None = None,
    tolerance: Tolerance | None = None,
    tell: Tell = untold,
) -> EmulatedBenchmark:
    """Measure generated firmware on an emulated core, and compare its answers.

    Args:
        sources: Folder with `NAME.h` and `NAME.c`.
        name: NAME.
        model: The `.tflite` that they were generated from.
        target: The core, one of `CORES` or `PARTS`.
        targets: Number of targets and of network inputs; 10,000 by default, in cycles 2,000.
        clock_hz: Clock that the time is told for [Hz]; one usual for the core without it.
        tolerance: What the firmware counts as solved; 1 mm and 0.1 degrees without it.
        tell: Called with a line of progress.

    Raises:
        ConfigError: If the core is unknown or cannot run the network, or a number is out of range.
        MissingToolError: If the compiler or the emulator is not installed.
        FirmwareBuildError, ModelFileError: If the sources, or the model, cannot be used.
        EmulationError: If the firmware fails, or belongs to another model.
    """
    core = find_core(target)
    count = _target_count(core, targets)
    check_clock(core, clock_hz)
    tools, generated = Toolchain.find(core.family), Sources(Path(sources), name)
    interpreter = _network(core, model)
    solver = IkSolver.load(model, "reference", tolerance=tolerance)
    tell("Drawing targets")
    drawn = _single(bench_targets(solver, count))
    inputs = random_inputs(interpreter, count, np.random.default_rng(INPUT_SEED))
    tell(f"{count:,} targets on an emulated {described_core(target)}")
    n_out = interpreter.output_shape[1]
    found = measure(tools, core, generated, solver.chain, drawn, inputs, n_out, COLD_STEPS, tell)
    total = Spread.of(found.total)
    executed = _longest(tools, core, generated, solver.chain, found, drawn, tell)
    return EmulatedBenchmark(
        target=core.name,
        part=part_name(target),
        machine=_machine(tools, core),
        unit=core.unit,
        **_taken(found, _size(tools, core, generated, solver)),
        total=total,
        room=core.room,
        timing=Timing.of(core, total, executed, clock_hz),
        targets=count,
        **_compared(solver, found, drawn),
        network_inputs=len(inputs),
        network_differences=output_differences(found.outputs, interpreter.run_raw(inputs)),
        cold=_cold(found, solver.problem.tolerance),
        closed_form=_closed_form(solver.problem, found, drawn),
        path=_path(tools, core, generated, solver),
    )


def _size(tools: Toolchain, core: Core, sources: Sources, solver: IkSolver) -> SolverSize:
    """What the firmware takes of memory."""
    with working_folder() as folder:
        return measure_size(tools, core, sources, solver.chain, folder)


def _path(tools: Toolchain, core: Core, sources: Sources, solver: IkSolver) -> PathCost:
    """What following a path takes."""
    q, targets = bench_path(solver, POINTS)
    return path_cost(tools, core, sources, solver.problem, q[0], targets)


def _target_count(core: Core, targets: int | None) -> int:
    if targets is None:
        return DEFAULT_TARGETS if core.unit == "instructions" else DEFAULT_TARGETS_IN_CYCLES
    if targets < 1:
        raise ConfigError(f"Expected at least one target. Received: targets={targets}")
    return targets


def _network(core: Core, model: Path) -> Interpreter:
    """A model's network; one of floats is refused where nothing calculates with them."""
    interpreter = open_interpreter(read_model(model)[0], "reference")
    if interpreter.dtype == np.float32 and not core.family.floats:
        raise ConfigError(
            f"Expected a network of integers for {core.name}: its compiler has no arithmetic of "
            "floats. Received: float32. Export the model with --quantize int8."
        )
    return interpreter


def _machine(tools: Toolchain, core: Core) -> dict[str, str]:
    """What was emulated and how it was compiled; a field of the result."""
    options = " ".join((core.family.optimization, core.family.standard, *LANGUAGE))
    return {"machine": core.machine, **tools.versions, "options": options}


def _single(targets: FloatArray) -> FloatArray:
    """Targets as the firmware gets them, which is also what it is compared on."""
    return targets.astype(np.float32).astype(np.float64)


def output_differences(received: AnyArray, expected: AnyArray) -> int:
    """How many of the network's outputs differ; of float ones, beyond rounding."""
    difference = np.abs(received.astype(np.float64) - expected.astype(np.float64))
    # Not "above": what is no number differs too.
    same = difference <= (FLOAT_ROUNDING if expected.dtype == np.float32 else 0)
    return int((~same).sum())


def _taken(found: Measurement, size: SolverSize) -> dict[str, Any]:
    """What the firmware takes, by stages and in memory; fields of the result."""
    return {
        "encode": Spread.of(found.encode),
        "network": Spread.of(found.network),
        "decode": Spread.of(found.decode),
        "refine": Spread.of(found.refine),
        "flash_bytes": size.flash,
        "ram_bytes": size.ram,
        "stack_bytes": found.stack_bytes,
        "steps": found.most_steps,
        "tried_mean": float(found.tried.mean()),
        "tried_max": int(found.tried.max()),
    }


def _longest(
    tools: Toolchain,
    core: Core,
    sources: Sources,
    chain: Chain,
    found: Measurement,
    targets: FloatArray,
    tell: Tell,
) -> list[Executed]:
    """The instructions of the longest solve, as many as were counted; none without a trace."""
    tell(Done("Tracing and comparing"))
    if not core.family.emulator.traces:
        return []
    longest = int(found.total.argmax())
    executed = trace_solve(tools, core, sources, chain, targets[longest])
    _check_counted(int(found.total[longest]), len(executed))
    return executed


def _check_counted(counted: int, traced: int) -> None:
    if counted != traced:
        raise EmulationError(
            f"Expected the counter to agree with the emulator's trace of one solve. "
            f"Received: {counted} counted, {traced} traced"
        )


def _compared(solver: IkSolver, found: Measurement, targets: FloatArray) -> dict[str, Any]:
    """The firmware's answers beside the host's after as many steps; fields of the result."""
    solver.refine_steps = found.most_steps
    answers = solver.solve_batch(solver.task.given(targets))
    q = found.q.astype(np.float64)
    error, _ = solver.problem.errors(q, targets)
    solved = solver.problem.is_solved(q, targets)
    expected = answers.status == Status.SOLVED
    difference = solver.chain.travel(q, answers.q)
    # Of two branches as promising, rounding decides; what is not solved has no one answer.
    alike = solved & expected & (difference < OTHER_ANSWER)
    return {
        "solved": float(solved.mean()),
        "limit_violations": int((~solver.chain.within_limits(q)).sum()),
        "max_error_m": float(error.max()),
        "max_joint_difference_rad": float(difference[alike].max(initial=0.0)),
        "other_answers": int((solved & expected & ~alike).sum()),
        "status_differences": int(((found.status == 0) != expected).sum()),
    }


def _cold(found: Measurement, tolerance: Tolerance) -> Baseline:
    return Baseline(
        Spread.of(found.cold),
        float((found.cold_squared < tolerance.position**2).mean()),
        float(found.cold_steps.mean()),
        int(found.cold_steps.max()),
    )


def _closed_form(problem: IkProblem, found: Measurement, targets: FloatArray) -> Baseline | None:
    if not found.closed.any():
        return None
    chain = problem.chain
    q = found.closed_q.astype(np.float64)
    held = np.all((q >= chain.lower - LIMIT_SLACK) & (q <= chain.upper + LIMIT_SLACK), axis=1)
    solved = held & IkProblem(chain, POSITION, problem.tolerance).is_solved(q, targets[:, :3])
    return Baseline(Spread.of(found.closed), float(solved.mean()))
