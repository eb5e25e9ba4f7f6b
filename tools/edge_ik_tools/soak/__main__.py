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
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click
import numpy as np

from edge_ik.terminal.bars import telling
from edge_ik.terminal.screen import Screen
from edge_ik_tools.c99.host import FirmwareSolver
from edge_ik_tools.c99.source import Firmware
from edge_ik_tools.soak.judging import Room, Tally, judged
from edge_ik_tools.soak.targets import drawn_targets
from firmware_host.errors import ConfigError, EdgeIkError
from firmware_host.files import check_file_writable, write_json
from firmware_host.model_file import read_model
from firmware_host.progress import Done
from firmware_host.solver import IkSolver
from firmware_host.tolerances import SOLVED_POSITION, SOLVED_ROTATION, Tolerance

CHUNK = 100_000


class WrongAnswersError(EdgeIkError):
    """An answer broke what every answer promises."""


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


def loaded(
    model: Path, runtime: str, arithmetic: str, tolerance: Tolerance
) -> tuple[IkSolver, Room]:
    """A model in its runtime; firmware computes in floats or in integers."""
    if runtime != "firmware":
        return IkSolver.load(model, runtime, tolerance=tolerance), Room()
    firmware = Firmware.load(model, "robot", arithmetic=arithmetic, tolerance=tolerance)
    flatbuffer, _ = read_model(model)
    return FirmwareSolver(replace(firmware, vectors=True), flatbuffer), Room.of(firmware)


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


def _come(tally: Tally, targets: int) -> Done:
    """How far it is, of so many targets."""
    wrong = f": {tally.wrong} wrong"
    line = f"{tally.targets:,} of {targets:,}{wrong}"
    words = f"Solving and judging{wrong if tally.wrong else ''}"
    return Done(words, tally.targets, targets, line=line)


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
        if record is not None:
            check_file_writable(record)
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
        with telling(Screen(stderr=True)) as tell:
            tell(Done("Solving and judging", tally.targets, targets))
            for found in soak(solver, room, targets, rng_seed, chunk, done):
                done, tally = done + 1, tally.plus(found)
                if record is not None:
                    write_json(record, {"asked": asked, "chunks": done, "tally": asdict(tally)})
                tell(_come(tally, targets))
        click.echo(json.dumps(asdict(tally), indent=2) if as_json else summary(asked, tally))
        if tally.wrong:
            raise WrongAnswersError(f"{tally.wrong} wrong: {json.dumps(tally.examples)}")
    except EdgeIkError as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
