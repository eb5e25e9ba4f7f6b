"""One trial of a search: a network of a size, trained and measured in a run folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import keras

from edge_ik import preparation, training
from edge_ik.checkpoint import read_history
from edge_ik.config import Config
from edge_ik.data.source import SampleSource
from edge_ik.kept_branches import numbered_branches
from edge_ik.run import CHECKPOINT_FILE, Run
from edge_ik.run_folder import RUN_FILE
from edge_ik.watcher import Progress, Report
from edge_ik_tools.tune.cost import NetworkSize
from edge_ik_tools.tune.kept import read_kept
from edge_ik_tools.tune.measure import Measured, int8_network, measure_int8, target_count
from edge_ik_tools.tune.pace import Clock, Measuring
from firmware_host.files import write_bytes, write_json
from firmware_host.progress import Tell

RESULT_FILE = "trial.json"
FLATBUFFER_FILE = "int8.bin"


class OutOfTimeError(Exception):
    """The search's time is used up in the middle of a training, which can be gone on with."""


class HopelessError(Exception):
    """A training can no longer reach the goal."""


@dataclass(frozen=True)
class Trial:
    """What came of a size.

    Attributes:
        number: Number of the trial.
        size: The size.
        learning_rate: Peak learning rate.
        curve: Share that the network in floats leaves unsolved, after each epoch.
        measured: What was measured in int8.
        stopped: Whether the training was ended early, as it could not reach the goal.
    """

    number: int
    size: NetworkSize
    learning_rate: float
    curve: tuple[float, ...]
    measured: Measured
    stopped: bool

    @property
    def unsolved(self) -> float:
        """Share that is not solved, in int8."""
        return 1 - self.measured.solved

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return asdict(self)

    @classmethod
    def read(cls, folder: Path) -> Trial | None:
        """The trial of a folder, if it has come to its end."""
        path = folder / RESULT_FILE
        if not path.is_file():
            return None
        return read_kept(path, cls._from_dict)

    @classmethod
    def _from_dict(cls, values: Mapping[str, Any]) -> Trial:
        parts = {
            "size": NetworkSize(**values["size"]),
            "curve": tuple(values["curve"]),
            "measured": Measured(**values["measured"]),
        }
        return cls(**{**values, **parts})


@dataclass(frozen=True, eq=False)
class Base:
    """What all trials of one branch, or all of all branches, share.

    Attributes:
        run: A run that is never trained.
        source: What samples are drawn from.
    """

    run: Run
    source: SampleSource

    @classmethod
    def prepared(cls, config: Config, folder: Path) -> Base:
        """Prepare it in a folder, or read it back from there."""
        if (folder / RUN_FILE).is_file():
            return cls(*preparation.resume(folder))
        shutil.rmtree(folder, ignore_errors=True)
        return cls(*preparation.start(config, folder))

    def config(self, size: NetworkSize, learning_rate: float) -> Config:
        """The configuration of a trial."""
        config = self.run.config
        network = replace(config.network, width=size.width, blocks=size.blocks, heads=size.heads)
        return replace(
            config,
            network=network,
            training=replace(config.training, learning_rate=learning_rate),
        )


@dataclass(frozen=True, eq=False)
class Follower:
    """What follows a trial's training, and may end it.

    Attributes:
        clock: The time used.
        limit: When training has to stop, as `clock` counts [s].
        is_hopeless: From the unsolved shares so far and the epochs of the whole training.
        report: Called with all progress.
        saved: Called after each epoch.
        measuring: A context for the time that a measurement takes, with what to tell it.
    """

    clock: Clock
    limit: float
    is_hopeless: Callable[[Sequence[float], int], bool]
    report: Report
    saved: Callable[[], None]
    measuring: Measuring

    def check(self, curve: Sequence[float], epochs: int) -> None:
        """End a training in its middle if there is no use or no time in going on.

        Raises:
            HopelessError: If it can no longer reach the goal.
            OutOfTimeError: If the time is used up.
        """
        if not 0 < len(curve) < epochs:
            return
        if self.is_hopeless(curve, epochs):
            raise HopelessError
        if self.clock.spent >= self.limit:
            raise OutOfTimeError


def run_trial(
    base: Base,
    number: int,
    size: NetworkSize,
    learning_rate: float,
    folder: Path,
    goal: float,
    follower: Follower,
) -> Trial:
    """Train and measure a size, from where its folder stands.

    Args:
        base: What trials share.
        number: Number of the trial.
        size: The size.
        learning_rate: Peak learning rate.
        folder: Its run folder.
        goal: Share to be solved.
        follower: What follows the training.

    Raises:
        OutOfTimeError: If the time is used up; the training can be gone on with.
    """
    done = Trial.read(folder)
    if done is not None:
        return done
    run = _run(base, size, learning_rate, folder)
    curve, stopped = _curve(run), False
    epochs, epoch_steps = run.config.training.epochs, run.config.training.steps_per_epoch

    def follow(progress: Progress) -> None:
        follower.report(progress)
        if progress.row is not None and progress.row["step"] > len(curve) * epoch_steps:
            curve.append(1 - progress.row["solved"])
            follower.saved()
            follower.check(curve, epochs)

    try:
        try:
            follower.check(curve, epochs)
            training.train(run, base.source, follow)
        except HopelessError:
            stopped = True
            training.write_branches(run)
        with follower.measuring() as tell:
            measured = _measured(run, base, goal, tell)
    finally:
        keras.backend.clear_session()
    trial = Trial(number, size, learning_rate, tuple(curve), measured, stopped)
    write_json(folder / RESULT_FILE, trial.to_dict())
    return trial


def _measured(run: Run, base: Base, goal: float, tell: Tell) -> Measured:
    """What the trained network solves in int8; its flatbuffer is kept."""
    run = Run.load(run.folder)
    flatbuffer = int8_network(run, base.source)
    write_bytes(run.folder / FLATBUFFER_FILE, flatbuffer)
    targets = target_count(goal)
    measured = measure_int8(run, flatbuffer, targets, 0, tell)
    if measured.solved < goal:
        return measured
    # Of many trials one may be lucky with its targets: the worse of two draws counts.
    again = measure_int8(run, flatbuffer, targets, 1, tell)
    return min(measured, again, key=lambda found: found.solved)


def _run(base: Base, size: NetworkSize, learning_rate: float, folder: Path) -> Run:
    """The trial's run, as it was left or new."""
    if (folder / RUN_FILE).is_file():
        return Run.load(folder)
    shutil.rmtree(folder, ignore_errors=True)
    run = replace(
        base.run,
        folder=folder,
        config=base.config(size, learning_rate),
        branches=numbered_branches(size.heads),
    )
    run.save()
    return run


def _curve(run: Run) -> list[float]:
    """Unsolved shares after the epochs that are done."""
    if not (run.folder / CHECKPOINT_FILE).is_file():
        return []
    return [1 - row["solved"] for row in read_history(run)]
