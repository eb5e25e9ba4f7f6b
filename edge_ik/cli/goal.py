"""What `edge-ik train --goal` does: train until the goal is met or the time is used up."""

from __future__ import annotations

import sys
import time
from contextlib import AbstractContextManager
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import click

from edge_ik.cli.common import bold, console, print_json
from edge_ik.cli.progress import arm_notes, passing_seconds, progress_report

if TYPE_CHECKING:
    from rich.console import Console

    from edge_ik.config import Config
    from edge_ik.watcher import Report
    from edge_ik_tools.tune.record import GoalRecord

DEFAULT_MINUTES = 10.0
GOAL_MISSED = 3  # the status that a missed goal ends with


def train_to_goal(
    config: Config | None,
    folder: Path,
    goal: float | None,
    minutes: float | None,
    began: float,
    as_json: bool,
) -> None:
    """Train toward a goal, anew or from where a folder's record stands, and tell the verdict.

    Args:
        config: What is asked for; None to go on.
        folder: The folder of it all.
        goal: Share to be solved; None to go on.
        minutes: Time for everything; None for the usual, or to leave it.
        began: When the command began, as `time.perf_counter` counts [s].
        as_json: Whether JSON is wanted.
    """
    from edge_ik.cli.train import going_on_told
    from edge_ik.tables import duration
    from edge_ik.terminal.bars import telling
    from edge_ik.worker import read_worker
    from edge_ik_tools.tune.goal import GoalTraining, start_goal
    from edge_ik_tools.tune.record import GoalRecord
    from edge_ik_tools.tune.words import percent

    if read_worker().count > 1:
        raise click.UsageError("--goal is for one process. Expected no TF_CONFIG of several.")
    screen = console(stderr=as_json)
    if config is None or goal is None:
        screen.print(bold(folder, "Resuming "))
        record = GoalRecord.load(folder)
        record.limit = record.limit if minutes is None else 60 * minutes
    else:
        record = start_goal(config, folder, goal, 60 * (minutes or DEFAULT_MINUTES))
    screen.print(
        f"Goal: {percent(record.goal)} of everything the arm reaches solved in int8, within "
        f"{duration(record.limit)}."
    )

    def reporting() -> AbstractContextManager[Report]:
        return progress_report(screen)

    training = GoalTraining(
        record,
        tell=screen.print,
        preparing=lambda: passing_seconds(screen, "Preparing"),
        reporting=reporting,
        measuring=lambda: telling(screen),
        spent=time.perf_counter() - began,
    )
    with going_on_told(folder), arm_notes(screen):
        training.train()
    _tell(screen, record, as_json)
    if not record.met:
        sys.exit(GOAL_MISSED)


def _tell(screen: Console, record: GoalRecord, as_json: bool) -> None:
    """Print what came of it."""
    from edge_ik_tools.tune.words import verdict

    if as_json:
        print_json({"run": str(record.folder), **record.to_dict()})
        return
    for line in verdict(record):
        screen.print(line)
    screen.print(
        bold(
            record.folder,
            "Best network in ",
            f"; export it with: edge-ik export {quote(str(record.folder))}",
        )
    )
