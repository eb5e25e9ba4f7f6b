"""Training until a share of everything the arm reaches is solved in int8, or time is up."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import keras

from edge_ik import preparation, training
from edge_ik.checkpoint import read_history
from edge_ik.config import Config
from edge_ik.data.source import SampleSource
from edge_ik.kept_branches import numbered_branches
from edge_ik.lock import locked
from edge_ik.run import (
    BEST_FILE,
    BRANCHES_FILE,
    CHECKPOINT_FILE,
    HISTORY_FILE,
    Run,
)
from edge_ik.run_folder import CONFIG_FILE, GOAL_FILE, RUN_FILE
from edge_ik.sizing import Size
from edge_ik_tools.tune.growth import FEWEST_EPOCHS, Attempt, asked_for, changed, choose
from edge_ik_tools.tune.measure import int8_network, measure_int8, target_count
from edge_ik_tools.tune.pace import (
    Clock,
    Measuring,
    Pace,
    Preparing,
    Reporting,
    TimeIsUp,
    TooLong,
)
from edge_ik_tools.tune.record import GoalRecord, Round, leaving_nothing
from edge_ik_tools.tune.words import percent, size_words
from firmware_host.files import make_folder, remove_partial_files, told, write_atomically
from firmware_host.progress import Tell

# What the first measurement is taken to last [s]; later ones last as long as those before.
MEASURING_SECONDS = 10.0
# A training is begun anew with fewer epochs so often at most; then it is stopped in time.
MOST_SHORTENED = 2
# What a run folder needs, the record that makes it one last.
RUN_FILES = (BEST_FILE, CHECKPOINT_FILE, HISTORY_FILE, BRANCHES_FILE, CONFIG_FILE, RUN_FILE)


def start_goal(config: Config, folder: Path, goal: float, seconds: float) -> GoalRecord:
    """Begin the record of a training that has a goal.

    Args:
        config: What is asked for; what it leaves open is chosen, and may change.
        folder: Where everything goes.
        goal: Share to be solved, in int8, in any branch, after the problem's usual steps.
        seconds: Time for everything [s].

    Raises:
        RunError: If the folder already holds something else.
    """
    preparation.check_free(folder)
    record = GoalRecord(folder, goal, seconds, asked_for(config), [Round(config)])
    record.save()
    return record


class GoalTraining:
    """Trains round after round until the goal is met or the time is used up.

    Args:
        record: What was asked for and done so far.
        tell: Called with a line of progress.
        preparing: A context for the time that a preparation takes.
        reporting: A context for the time that a training takes, with what to report it to.
        measuring: A context for the time that a measurement takes, with what to tell it.
        spent: Time that this process used before [s].
    """

    def __init__(
        self,
        record: GoalRecord,
        tell: Tell,
        preparing: Preparing,
        reporting: Reporting,
        measuring: Measuring,
        spent: float = 0.0,
    ) -> None:
        self.record, self.tell = record, tell
        self.preparing, self.reporting, self.measuring = preparing, reporting, measuring
        self.clock = Clock(record.spent + spent)
        self.sources: dict[bool, SampleSource] = {}
        self.runs: dict[bool, Run] = {}

    def train(self) -> GoalRecord:
        """Go on from where the record stands to its end.

        Raises:
            RobotError: If the robot cannot be used.
            ConfigError: If a value does not fit the robot.
            RunError: If a folder of it is damaged, or another training works in it.
            WriteError: If something of it cannot be written.
        """
        with leaving_nothing(self.record.folder, GOAL_FILE), locked(self.record.folder):
            remove_partial_files(self.record.folder)
            return self._to_its_end()

    def _to_its_end(self) -> GoalRecord:
        record = self.record
        while True:
            number, last = len(record.rounds), record.rounds[-1]
            if last.measured is None:
                self._round(number, last)
                continue
            if record.best is not None and record.best == number:
                self._publish(number)
            if record.met or not self._add_round():
                self._save()
                return record

    def _save(self) -> None:
        self.record.spent = self.clock.spent
        self.record.save()

    @property
    def _limit(self) -> float:
        """When training has to end, so that there is time to measure [s]."""
        measuring = [round_.measuring for round_ in self.record.rounds if round_.measuring]
        return self.record.limit - (max(measuring) if measuring else MEASURING_SECONDS)

    # One round

    def _round(self, number: int, round_: Round) -> None:
        """Train a round to its end and measure it, or begin it anew with fewer epochs."""
        run, source = self._prepared(number, round_)
        self.tell(f"Round {number}: {size_words(run.config)}.")
        late = self.clock.spent >= self._limit
        if late and number > 1 and _epochs_done(run) <= self._taken_over(round_):
            del self.record.rounds[-1]
            shutil.rmtree(run.folder)
            return
        if not late or _epochs_done(run) == 0:
            fewest = self._taken_over(round_) + FEWEST_EPOCHS
            may_shorten = (
                "training.epochs" not in self.record.kept
                and round_.shortened < MOST_SHORTENED
                and round_.config.training.epochs > fewest
            )
            try:
                self._train(run, source, may_shorten)
            except TooLong as found:
                self._shorten(number, round_, found)
                return
            except TimeIsUp:
                self.tell("The time is used up; measuring the best network so far.")
        self._measure(number, round_, source)

    def _train(self, run: Run, source: SampleSource, may_shorten: bool) -> None:
        with self.reporting() as report:
            pace = Pace(
                self.clock,
                self._limit,
                run.config.training.steps_per_epoch,
                may_shorten,
                self.tell,
                report,
                self._save,
            )
            with _tidied():
                training.train(run, source, pace)

    def _shorten(self, number: int, round_: Round, found: TooLong) -> None:
        """Let a round have as many epochs as fit into the time."""
        before = self._taken_over(round_)
        left = self._limit - self.clock.spent - found.start_seconds
        epochs = before + max(FEWEST_EPOCHS, int(left / found.seconds_an_epoch))
        shutil.rmtree(self.record.round_folder(number))
        if epochs < round_.config.training.epochs:
            config = round_.config
            round_.config = replace(config, training=replace(config.training, epochs=epochs))
            self.tell(f"That is longer than there is time for: {epochs} epochs instead.")
        round_.shortened += 1
        self._save()

    def _taken_over(self, round_: Round) -> int:
        """Epochs that a round takes over from the one it goes on from."""
        if round_.extends is None:
            return 0
        return self.record.rounds[round_.extends - 1].config.training.epochs

    def _measure(self, number: int, round_: Round, source: SampleSource) -> None:
        began = time.perf_counter()
        folder = self.record.round_folder(number)
        run = Run.load(folder)
        if run.spec.heads > 1:
            training.write_branches(run)
            run = Run.load(folder)
        count = target_count(self.record.goal)
        with _tidied(), self.measuring() as tell:
            measured = measure_int8(run, int8_network(run, source), count, number, tell)
        history = read_history(run)
        before = self._taken_over(round_)
        round_.epochs = len(history) - before
        round_.seconds = history[-1]["seconds"] - (history[before - 1]["seconds"] if before else 0)
        round_.trained = max(row["solved"] for row in history)
        # As resolved, with the epochs that there was time for.
        round_.config = replace(
            run.config, training=replace(run.config.training, epochs=len(history))
        )
        round_.measuring = time.perf_counter() - began
        round_.measured = measured
        self._save()
        self.tell(
            f"Round {number}: {percent(measured.solved)} solved in int8 after {measured.steps} "
            f"DLS steps ({measured.unsolved:,} of {measured.targets:,} fresh targets are not; "
            f"{percent(round_.trained)} in floats). Goal: {percent(self.record.goal)}."
        )

    # What comes before a round

    def _prepared(self, number: int, round_: Round) -> tuple[Run, SampleSource]:
        """The round's run, as it was left or new, and what its samples are drawn from."""
        folder = self.record.round_folder(number)
        if (folder / RUN_FILE).is_file():
            run = Run.load(folder)
        else:
            shutil.rmtree(folder, ignore_errors=True)
            run = self._new_run(folder, round_)
            round_.config = run.config
        if run.one_branch not in self.sources:
            with self.preparing():
                run, self.sources[run.one_branch] = preparation.resume(folder)
        self.runs[run.one_branch] = run
        self._save()
        return run, self.sources[run.one_branch]

    def _new_run(self, folder: Path, round_: Round) -> Run:
        self._find_runs()
        one_branch = round_.config.task.branches == "home"
        known = self.runs.get(one_branch)
        if known is None or round_.config.task.branches == "auto":
            # The description of the robot may lie where only the first process found it.
            like = next(iter(self.runs.values()), None)
            with self.preparing():
                run, source = preparation.start(round_.config, folder, like)
            self.sources[run.one_branch] = source
            return run
        run = replace(
            known,
            folder=folder,
            config=round_.config,
            branches=numbered_branches(round_.config.network.heads),
        )
        if round_.extends is not None:
            make_folder(folder)
            for name in (CHECKPOINT_FILE, BEST_FILE):
                extended = self.record.round_folder(round_.extends) / name
                write_atomically(folder / name, partial(_copy, extended))
        run.save()
        return run

    # What comes after a round

    def _publish(self, number: int) -> None:
        """Make the folder itself the run folder of a round."""
        source = self.record.round_folder(number)
        for name in RUN_FILES:
            target = self.record.folder / name
            if (source / name).is_file():
                write_atomically(target, partial(_copy, source / name))
            else:
                with told(target):
                    target.unlink(missing_ok=True)

    def _add_round(self) -> bool:
        """Begin another round if one fits into the time."""
        record = self.record
        last = record.rounds[-1]
        attempts = [_attempt(round_, record.goal) for round_ in record.rounds]
        self._find_runs()
        run = next(iter(self.runs.values()))
        left = self._limit - self.clock.spent
        choice = choose(run.problem, attempts, record.kept, left) if left > 0 else None
        if choice is None:
            return False
        extends = None if choice.extends is None else choice.extends + 1
        base = last.config if extends is None else record.rounds[extends - 1].config
        record.rounds.append(Round(changed(base, choice, record.kept), extends))
        self._save()
        return True

    def _find_runs(self) -> None:
        """Read what rounds before, of another process too, have begun: one run of each kind."""
        for number in range(1, len(self.record.rounds) + 1) if not self.runs else ():
            folder = self.record.round_folder(number)
            if (folder / RUN_FILE).is_file():
                run = Run.load(folder)
                self.runs[run.one_branch] = run


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)


@contextmanager
def _tidied() -> Iterator[None]:
    """Free what Keras keeps of a network that is done with."""
    try:
        yield
    finally:
        keras.backend.clear_session()


def _epochs_done(run: Run) -> int:
    return len(read_history(run)) if (run.folder / CHECKPOINT_FILE).is_file() else 0


def _attempt(round_: Round, goal: float) -> Attempt:
    assert round_.measured is not None  # noqa: S101 - narrows the type
    network, train = round_.config.network, round_.config.training
    return Attempt(
        Size(network.width, network.blocks, network.heads, train.epochs, train.learning_rate),
        round_.config.task.branches == "home",
        (1 - round_.measured.solved) / max(1 - goal, 1e-9),
        max(1, round_.epochs),
        max(round_.seconds, 1e-3),
        round_.extends is not None,
    )
