"""Targets by the million, and every answer judged again: limits, numbers, statuses.

    python -m edge_ik_tools.soak MODEL [--runtime firmware] [--targets 1000000] [--record FILE]

Targets are what joints drawn from their limits reach, some of them on their limits; places and
orientations drawn anywhere near; such as are out of reach; and a few that are no numbers. Each
answer is judged by kinematics of its own, homogeneous transforms of the joints as they are
described, in double precision. They come in chunks, each of its own seed: with a record, a run
that was ended goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import numpy.typing as npt

from edge_ik_tools.c99.host import FirmwareSolver, build_library, find_compiler
from edge_ik_tools.c99.rounding import EPSILON, Rounding
from edge_ik_tools.c99.source import Firmware
from firmware_host.chain import Chain, FloatArray
from firmware_host.errors import ConfigError, EdgeIkError
from firmware_host.files import write_json
from firmware_host.joints import PRISMATIC
from firmware_host.model_file import read_model
from firmware_host.problem import IkProblem
from firmware_host.solver import IkSolver
from firmware_host.solving.refine import NEAREST_STEPS
from firmware_host.solving.solution import IkBatch, Status
from firmware_host.tolerances import SOLVED_POSITION, SOLVED_ROTATION, Tolerance

CHUNK = 100_000
# Shares of the targets: what uniform joints reach is the rest.
ON_LIMITS, ANYWHERE, OUT_OF_REACH, NO_NUMBERS = 0.1, 0.1, 0.1, 0.001
# Joints of a posture on limits that are on one, in the mean.
LIMITED_SHARE = 0.4
# How far out of reach targets are, in what the arm reaches, and as a power of ten for some.
FURTHER, FAR_POWER = (1.0, 3.0), 5.0
# What double precision may round, of metres and radians.
DOUBLE_ROUNDING = 1e-9
EXAMPLES = 10


class WrongAnswersError(EdgeIkError):
    """An answer broke what every answer promises."""


@dataclass(frozen=True)
class Tally:
    """What was counted.

    Attributes:
        targets: Targets solved.
        solved: Of them, answered as solved.
        unreachable: ... as not reached.
        bad: ... as bad targets.
        beyond_limits: Joints that are beyond a limit, compared exactly.
        not_finite: Answers with a number that is none.
        wrong_statuses: Answers whose status is not what their joints say.
        borderline: Answers that only rounding tells from the other status.
        told_off_m: Largest difference between an error told, of a target within the arm's
            length, and that of the joints [m].
        seconds: Time of the solves alone.
        examples: The first answers that were wrong.
    """

    targets: int = 0
    solved: int = 0
    unreachable: int = 0
    bad: int = 0
    beyond_limits: int = 0
    not_finite: int = 0
    wrong_statuses: int = 0
    borderline: int = 0
    told_off_m: float = 0.0
    seconds: float = 0.0
    examples: list[dict[str, Any]] = field(default_factory=list)

    def plus(self, other: Tally) -> Tally:
        """Both together."""
        added = {key: value + getattr(other, key) for key, value in asdict(self).items()}
        added["told_off_m"] = max(self.told_off_m, other.told_off_m)
        return Tally(**{**added, "examples": added["examples"][:EXAMPLES]})

    @property
    def wrong(self) -> int:
        """How many answers or joints were wrong."""
        return self.beyond_limits + self.not_finite + self.wrong_statuses


# ---- Kinematics of its own


def tool_poses(chain: Chain, q: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Rotations (N, 3, 3) and positions (N, 3) [m] of the tool at joints q (N, n) [rad, m].

    Each joint's frame, then its motion about or along its axis (Rodrigues' formula), one after
    the other from the base.
    """
    column = {name: q[:, k] for k, name in enumerate(chain.joint_names)}
    rotation = np.broadcast_to(np.eye(3), (len(q), 3, 3))
    position = np.zeros((len(q), 3))
    for joint in chain.moving:
        position = position + rotation @ joint.origin[:3, 3]
        rotation = rotation @ joint.origin[:3, :3]
        mimic = joint.mimic
        value = (
            column[joint.name]
            if mimic is None
            else mimic.multiplier * column[mimic.joint] + mimic.offset
        )
        if joint.kind == PRISMATIC:
            position = position + (rotation @ joint.axis) * value[:, None]
            continue
        x, y, z = joint.axis
        cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
        turn = np.sin(value)[:, None, None] * cross
        turn = turn + (1 - np.cos(value))[:, None, None] * (cross @ cross)
        rotation = rotation + rotation @ turn
    return rotation @ chain.tool[:3, :3], position + rotation @ chain.tool[:3, 3]


def true_errors(
    problem: IkProblem, q: FloatArray, targets: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Distances [m] and angles [rad] (N,) between tools at q (N, n) and targets (N, k)."""
    rotation, position = tool_poses(problem.chain, q)
    task = problem.task
    place, wanted = np.split(targets, [len(task.place)], axis=1)
    distance = np.linalg.norm(position[:, list(task.place)] - place, axis=1)
    if not task.has_orientation:
        return distance, np.zeros(len(q))
    own = task.orientation.from_columns(place, np.swapaxes(rotation, 1, 2))
    if task.is_whole:
        # Of the rotation between: |skew part| = sin, (trace - 1) / 2 = cos.
        between = rotation @ wanted.reshape(-1, 3, 3)
        skew = between - np.swapaxes(between, 1, 2)
        sine = np.sqrt((skew**2).sum(axis=(1, 2)) / 8)
        cosine = (np.trace(between, axis1=1, axis2=2) - 1) / 2
    else:
        cosine = (own * wanted).sum(axis=1)
        sine = np.linalg.norm(np.atleast_2d(wanted - cosine[:, None] * own), axis=1)
    return distance, np.arctan2(sine, cosine)


# ---- Targets


def drawn_targets(problem: IkProblem, count: int, rng: np.random.Generator) -> FloatArray:
    """Components (count, k) of targets of every kind, in a random order."""
    chain, task = problem.chain, problem.task
    q = rng.uniform(chain.lower, chain.upper, (count, len(chain)))
    kind = rng.uniform(size=count)
    limited = (kind < ON_LIMITS)[:, None] & (rng.uniform(size=q.shape) < LIMITED_SHARE)
    ends = np.where(rng.uniform(size=q.shape) < 0.5, chain.lower, chain.upper)
    rotation, position = tool_poses(chain, np.where(limited, ends, q))
    anywhere = (kind >= ON_LIMITS) & (kind < ON_LIMITS + ANYWHERE)
    near = np.linalg.norm(chain.segments[0].origin[:3, 3]) + chain.reach
    position[anywhere] = near * rng.uniform(-1, 1, (int(anywhere.sum()), 3))
    rotation[anywhere] = rotation[rng.permutation(np.flatnonzero(anywhere))]
    far = (kind >= ON_LIMITS + ANYWHERE) & (kind < ON_LIMITS + ANYWHERE + OUT_OF_REACH)
    ways = rng.normal(size=(int(far.sum()), 3))
    away = rng.uniform(*FURTHER, len(ways))
    away = np.where(rng.uniform(size=len(ways)) < 0.5, away, 10 ** (FAR_POWER * away / FURTHER[1]))
    position[far] = ways * (near * away / np.linalg.norm(ways, axis=1))[:, None]
    targets = task.from_poses(position, np.swapaxes(rotation, 1, 2))
    none = rng.uniform(size=count) < NO_NUMBERS
    values = rng.choice([np.nan, np.inf, -np.inf], int(none.sum()))
    targets[none, rng.integers(0, len(task.place), int(none.sum()))] = values
    return targets


# ---- Judging


@dataclass(frozen=True)
class Room:
    """How nearly what solves knows the errors of its answers.

    Attributes:
        distance: Of a target nearby [m].
        angle: The same of orientations [rad].
        share: ... and of any target, in shares of how far it is.
    """

    distance: float = DOUBLE_ROUNDING
    angle: float = DOUBLE_ROUNDING
    share: float = 0.0

    @classmethod
    def of(cls, firmware: Firmware) -> Room:
        """That of firmware, which rounds targets and joints to single precision."""
        own = Rounding.of(firmware.spec.problem, firmware.steps + NEAREST_STEPS)
        if firmware.arithmetic != "fixed":
            return cls(own.distance, own.angle, 2 * EPSILON)
        more = firmware.robot.told_error, firmware.robot.told_angle_error
        return cls(own.distance + more[0], own.angle + more[1], 2 * EPSILON)


def judged(problem: IkProblem, targets: FloatArray, answers: IkBatch, room: Room) -> Tally:
    """What is counted of answers to targets (N, k), errors judged to within some room."""
    chain, tolerance, q = problem.chain, problem.tolerance, answers.q
    good = np.asarray(np.isfinite(targets).all(axis=1), dtype=bool)
    harmless = np.where(good[:, None], targets, 0.0)
    distance, angle = true_errors(problem, np.nan_to_num(q), harmless)
    size = np.abs(problem.task.placed(harmless)).max(axis=1)
    rounding = room.distance + room.share * size
    kinds = (Status.SOLVED, Status.UNREACHABLE, Status.BAD_TARGET)
    solved, unreachable, bad = (np.asarray(answers.status == kind, dtype=bool) for kind in kinds)
    surely = _within(tolerance, distance + rounding, angle + room.angle)
    perhaps = _within(tolerance, distance - rounding, angle - room.angle)
    right = np.where(good, (solved & perhaps) | (unreachable & ~surely), bad)
    finite = np.isfinite(q).all(axis=1) & np.isfinite(answers.q_all).all(axis=1)
    for told in (answers.position_error_m, answers.seed_error_m, answers.rotation_error_rad):
        # Of a bad target no error is told.
        finite &= True if told is None else np.isfinite(told) | ~good
    beyond = ~((q >= chain.lower) & (q <= chain.upper))
    near = good & (size <= chain.reach + np.linalg.norm(chain.segments[0].origin[:3, 3]))
    off = np.abs(answers.position_error_m - distance)[near & finite]
    wrong = np.flatnonzero(~right | ~finite | beyond.any(axis=1))[:EXAMPLES]
    return Tally(
        targets=len(targets),
        solved=int(solved.sum()),
        unreachable=int(unreachable.sum()),
        bad=int(bad.sum()),
        beyond_limits=int(beyond.sum()),
        not_finite=int((~finite).sum()),
        wrong_statuses=int((~right).sum()),
        borderline=int((good & right & (solved != _within(tolerance, distance, angle))).sum()),
        told_off_m=float(off.max(initial=0.0)),
        examples=[_example(targets[row], q[row], answers.status[row]) for row in wrong],
    )


def _example(target: FloatArray, q: FloatArray, status: Status) -> dict[str, Any]:
    """An answer, with every digit that repeats it."""
    told = {"target": target.tolist(), "q": q.tolist()}
    return {name: list(map(repr, values)) for name, values in told.items()} | {
        "status": str(status)
    }


def _within(tolerance: Tolerance, distance: FloatArray, angle: FloatArray) -> npt.NDArray[np.bool_]:
    return np.asarray((distance < tolerance.position) & (angle < tolerance.rotation))


def soak(
    solver: IkSolver, room: Room, count: int, rng_seed: int, chunk: int, first: int = 0
) -> Iterator[Tally]:
    """What is counted of each chunk, from a number on, until so many targets are solved.

    Args:
        solver: The model in its runtime.
        room: How nearly that knows the errors of its answers.
        count: Number of targets.
        rng_seed: Seed of all; a chunk's own is that and its number.
        chunk: Targets in a chunk; the last may have less.
        first: Number of the first chunk.
    """
    for number in range(first, -(-count // chunk)):
        rng = np.random.default_rng([rng_seed, number])
        targets = drawn_targets(solver.problem, min(chunk, count - number * chunk), rng)
        given = solver.task.given(targets)
        began = time.perf_counter()
        answers = solver.solve_batch(given)
        seconds = time.perf_counter() - began
        yield replace(judged(solver.problem, targets, answers, room), seconds=seconds)


# ---- The command


def loaded(
    model: Path, runtime: str, arithmetic: str, tolerance: Tolerance
) -> tuple[IkSolver, Room]:
    """A model in its runtime; firmware computes in floats or in integers."""
    if runtime != "firmware":
        return IkSolver.load(model, runtime, tolerance=tolerance), Room()
    firmware = Firmware.load(model, "robot", arithmetic=arithmetic, tolerance=tolerance)
    compiler = find_compiler()
    library = build_library(firmware, compiler)
    return FirmwareSolver(firmware, library, compiler.name), Room.of(firmware)


def summary(asked: dict[str, Any], tally: Tally) -> str:
    """What was counted, in words."""
    return (
        f"{asked['model']}, {asked['runtime']}, {asked['arithmetic']}: {tally.targets:,} targets, "
        f"{tally.solved:,} solved, {tally.unreachable:,} unreachable, {tally.bad:,} bad; "
        f"{tally.beyond_limits} joints beyond limits, {tally.not_finite} answers not finite, "
        f"{tally.wrong_statuses} wrong statuses ({tally.borderline} told apart by rounding alone); "
        f"errors told to {1e6 * tally.told_off_m:.3g} um; "
        f"{1e6 * tally.seconds / max(1, tally.targets):.2f} us a solve."
    )


def _recorded(record: Path | None, asked: dict[str, Any]) -> tuple[int, Tally]:
    """How many chunks a record has of the same run, and what they counted."""
    if record is None or not record.exists():
        return 0, Tally()
    try:
        values = json.loads(record.read_text(encoding="utf-8"))
        same, chunks, tally = values["asked"] == asked, values["chunks"], Tally(**values["tally"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"'{record}' is no record of a soak: give another file.") from error
    if not same:
        raise ConfigError(f"'{record}' is the record of another soak: give another file.")
    return int(chunks), tally


@click.command()
@click.argument("model", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--runtime", default="firmware", show_default=True, help="What solves.")
@click.option(
    "--arithmetic",
    type=click.Choice(["float", "fixed"]),
    default="float",
    show_default=True,
    help="What firmware computes with.",
)
@click.option("--targets", default=1_000_000, show_default=True, type=click.IntRange(1))
@click.option("--rng-seed", default=0, show_default=True, type=click.IntRange(0))
@click.option("--chunk", default=CHUNK, show_default=True, type=click.IntRange(1))
@click.option("--tolerance", default=1e3 * SOLVED_POSITION, show_default=True, metavar="MM")
@click.option(
    "--rotation-tolerance",
    default=float(np.degrees(SOLVED_ROTATION)),
    show_default=True,
    metavar="DEG",
)
@click.option("--record", type=click.Path(path_type=Path), help="File to go on from, and to keep.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def main(
    model: Path,
    runtime: str,
    arithmetic: str,
    targets: int,
    rng_seed: int,
    chunk: int,
    tolerance: float,
    rotation_tolerance: float,
    record: Path | None,
    as_json: bool,
) -> None:
    """Solve many targets of MODEL and judge every answer again; status 1 if one is wrong."""
    try:
        asked_tolerance = Tolerance(tolerance / 1e3, float(np.radians(rotation_tolerance)))
        solver, room = loaded(model, runtime, arithmetic, asked_tolerance)
        asked: dict[str, Any] = {
            "model": model.name,
            "flatbuffer": hashlib.sha256(read_model(model)[0]).hexdigest(),
            "runtime": solver.runtime,
            "arithmetic": arithmetic if runtime == "firmware" else "double",
            "steps": solver.refine_steps,
            "tolerance": asked_tolerance.to_dict(True),
            "targets": targets,
            "rng_seed": rng_seed,
            "chunk": chunk,
        }
        done, tally = _recorded(record, asked)
        for found in soak(solver, room, targets, rng_seed, chunk, done):
            done, tally = done + 1, tally.plus(found)
            if record is not None:
                write_json(record, {"asked": asked, "chunks": done, "tally": asdict(tally)})
            click.echo(f"{tally.targets:,} of {targets:,}: {tally.wrong} wrong", err=True)
        click.echo(json.dumps(asdict(tally), indent=2) if as_json else summary(asked, tally))
        if tally.wrong:
            raise WrongAnswersError(f"{tally.wrong} wrong: {json.dumps(tally.examples)}")
    except EdgeIkError as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
