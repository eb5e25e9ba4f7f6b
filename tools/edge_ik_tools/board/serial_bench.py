"""The benchmark of a model on a real board: each answer compared with the host's."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edge_ik_tools.board.client import BAUD_RATE, RETRIES, TIMEOUT, BoardClient
from edge_ik_tools.board.errors import AnswerError, WrongFirmwareError
from edge_ik_tools.board.figures import (
    JOINT_TOLERANCE,
    Comparison,
    Cycles,
    LineFigures,
    SerialBenchmark,
)
from edge_ik_tools.board.protocol import HASH_SIZE, BoardSolution, Counters, Hello
from firmware_host.bench.clock import percentiles
from firmware_host.bench.targets import bench_targets
from firmware_host.chain import FloatArray
from firmware_host.errors import ConfigError
from firmware_host.model_file import read_model
from firmware_host.progress import Done, Tell, untold
from firmware_host.solver import IkSolver
from firmware_host.solving.solution import IkBatch, Status
from firmware_host.tolerances import SOLVED_ROTATION, Tolerance

DEFAULT_TARGETS = 1_000
# The host's own arithmetic: bit for bit that of the firmware's network.
HOST_RUNTIME = "reference"


def serial_bench(
    path: str | Path,
    port: str,
    targets: int = DEFAULT_TARGETS,
    *,
    baud_rate: int = BAUD_RATE,
    timeout: float = TIMEOUT,
    retries: int = RETRIES,
    rotation_tolerance: float = SOLVED_ROTATION,
    tell: Tell = untold,
) -> SerialBenchmark:
    """Let a board solve, compare every answer with the host's, and measure.

    Args:
        path: The `.tflite` that the board's firmware was generated from.
        port: Serial device or pyserial URL of the board.
        targets: Number of targets, at least 1.
        baud_rate: Bits a second.
        timeout: How long to wait for each answer [s].
        retries: How often to ask again.
        rotation_tolerance: Below which angle the firmware counts a target as solved [rad]; the
            distance it says itself.
        tell: Called with a line of progress.

    Raises:
        ConfigError: If a number is out of range.
        ModelFileError: If the file cannot be used.
        MissingExtraError: If pyserial is not installed.
        WrongFirmwareError: If the board runs another model or protocol.
        BoardError: If the port or the board fails.
    """
    if targets < 1:
        raise ConfigError(f"Expected at least one target. Received: targets={targets}")
    flatbuffer, _ = read_model(path)
    model_hash = hashlib.sha256(flatbuffer).hexdigest()[:HASH_SIZE]
    with BoardClient(port, baud_rate=baud_rate, timeout=timeout, retries=retries) as client:
        hello = client.hello()
        _check_model(hello, model_hash, port, Path(path))
        tolerance = _tolerance(hello, rotation_tolerance)
        solver = IkSolver.load(path, HOST_RUNTIME, hello.steps, tolerance=tolerance)
        tell(f"{hello.name} on {port}: {hello.joints} joints, {hello.steps} steps")
        tell("Drawing targets")
        # The board gets float32, so the host solves those very numbers.
        drawn = bench_targets(solver, targets).astype(np.float32).astype(np.float64)
        _check_hello(hello, solver, drawn)
        tell(f"Solving {targets:,} targets on the board")
        answers, line = _asked(client, hello.joints, drawn, tell)
    tell("Comparing with the host")
    host = solver.solve_batch(solver.task.given(drawn))
    return SerialBenchmark(
        model={"file": Path(path).name, "robot": solver.chain.name, "hash": model_hash},
        port=port,
        baud_rate=baud_rate,
        board=hello,
        targets=targets,
        comparison=compare(solver, drawn, answers, host),
        solve=Cycles.of(answer.cycles for answer in answers),
        seed=Cycles.of(answer.seed_cycles for answer in answers),
        line=line,
    )


def compare(
    solver: IkSolver, targets: FloatArray, answers: Sequence[BoardSolution], host: IkBatch
) -> Comparison:
    """A board's answers beside the host's.

    Args:
        solver: The host's solver, for its robot and task.
        targets: (N, k) components of the targets, as both received them.
        answers: The board's, one a target.
        host: The host's.
    """
    problem, chain = solver.problem, solver.chain
    q = np.stack([answer.q for answer in answers]).astype(np.float64)  # (N, n)
    difference = q - host.q
    # Whole turns of a continuous joint are one posture.
    turns = 2 * np.pi * np.round(difference / (2 * np.pi))
    apart = np.abs(np.where(chain.continuous, difference - turns, difference))
    apart = (apart / chain.scales).max(axis=1)
    worst = int(np.argmax(apart))
    distance, _ = problem.errors(q, targets)
    told = np.array([answer.residual_m for answer in answers])
    status = np.array([answer.status for answer in answers], dtype=object)
    one_answer = not solver.task.has_orientation and solver.spec.heads == 1
    wrong = apart > JOINT_TOLERANCE
    if not one_answer:
        wrong = (status == Status.SOLVED) & ~problem.is_solved(q, targets)
    return Comparison(
        max_joint_difference_rad=float(apart[worst]),
        differing=int(wrong.sum()),
        worst_target=tuple(targets[worst].tolist()),
        status_differing=int((status != host.status).sum()),
        max_residual_error_m=float(np.abs(told - distance).max()),
        solved=float((status == Status.SOLVED).mean()),
        limit_violations=int((~chain.within_limits(q)).sum()),
        one_answer=one_answer,
    )


def _asked(
    client: BoardClient, joints: int, targets: FloatArray, tell: Tell
) -> tuple[list[BoardSolution], LineFigures]:
    """The board's answers to all targets (N, k), and how the line did meanwhile."""
    before = client.counters()
    asked_again = client.asked_again
    answers, round_trips = [], []
    for number, target in enumerate(targets):
        tell(Done("Solving on the board", number, len(targets)))
        answers.append(_checked(client.solve(target), joints, target))
        round_trips.append(client.round_trip_us)
    after = client.counters()
    return answers, LineFigures(
        round_trip=percentiles(np.array(round_trips)),
        retries=client.asked_again - asked_again,
        bad_crc=client.parser.bad_crc,
        malformed=client.parser.malformed,
        board=Counters(
            after.whole - before.whole,
            after.bad_crc - before.bad_crc,
            after.malformed - before.malformed,
        ),
    )


def _check_model(hello: Hello, model_hash: str, port: str, path: Path) -> None:
    """Refuse a board that solves with another model."""
    if hello.model_hash != model_hash:
        raise WrongFirmwareError(
            f"The board at {port} solves with another model. Expected: {model_hash} "
            f"({path.name}). Received: {hello.model_hash} ({hello.name}). Give the "
            "file that its firmware was generated from, or flash the firmware of this one.",
            model_hash,
            hello.model_hash,
        )


def _tolerance(hello: Hello, rotation: float) -> Tolerance:
    """What the board counts as solved: its distance [m], and an angle [rad] it does not say."""
    try:
        return Tolerance(hello.tolerance_m, rotation)
    except ConfigError as error:
        raise AnswerError(
            f"The board's tolerance cannot be one. {error} Generate its firmware again."
        ) from error


def _check_hello(hello: Hello, solver: IkSolver, targets: FloatArray) -> None:
    """Refuse a board whose own figures do not fit the model that it names."""
    expected = (len(solver.chain), targets.shape[1])
    received = (hello.joints, hello.target)
    if received != expected:
        raise AnswerError(
            f"The board's figures do not fit its model. Expected: {expected[0]} joints and "
            f"{expected[1]} numbers in a target. Received: {received[0]} and {received[1]}. "
            "Generate its firmware again."
        )
    if hello.counter_hz == 0:
        raise AnswerError(
            "The board's counter has no frequency. Expected edge_ik_board_cycles_hz to return "
            "the counts a second. Received: 0. Adapt its board file."
        )


def _checked(answer: BoardSolution, joints: int, target: FloatArray) -> BoardSolution:
    """The answer, if it has finite numbers for every joint."""
    finite = bool(np.isfinite(answer.q).all() and np.isfinite(answer.residual_m))
    if len(answer.q) != joints or not finite:
        raise AnswerError(
            f"The board's answer to the target {target.tolist()} cannot be used. Expected: "
            f"{joints} finite joints and a residual. Received: {answer.q.tolist()} and "
            f"{answer.residual_m}. Check that its compiler may use the floating-point unit."
        )
    return answer
