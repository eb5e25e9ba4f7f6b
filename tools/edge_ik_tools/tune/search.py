"""The search for the smallest network that meets a goal."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import optuna
from optuna.trial import TrialState
from sqlalchemy.exc import SQLAlchemyError

from edge_ik.lock import locked
from edge_ik.run import ELSEWHERE
from edge_ik_tools.emulate.cores import find_core
from edge_ik_tools.tune.cost import CostModel, NetworkSize, fitted_cost, measured_sizes
from edge_ik_tools.tune.measure import target_count
from edge_ik_tools.tune.pace import Clock, Measuring, Preparing, Reporting
from edge_ik_tools.tune.record import leaving_nothing
from edge_ik_tools.tune.settings import SEARCH_FILE, SearchState
from edge_ik_tools.tune.space import WIDTH_STEP, Space, Tried, is_hopeless, objection
from edge_ik_tools.tune.trials import Base, Follower, OutOfTimeError, Trial, run_trial
from edge_ik_tools.tune.words import percent
from firmware_host.errors import WriteError
from firmware_host.files import OTHERWISE, remove_partial_files, write_atomically
from firmware_host.progress import Tell

STUDY_FILE = "study.db"
STUDY_NAME = "search"
# A network of one branch is not looked at where its branch reaches less than the goal by this:
# steps lead over the border to a little more.
BORDER = 0.02
# Learning rates looked at, over the usual one.
RATES = (0.5, 2.0)
# Sizes that were not worth a training, in a row, before the one in the middle of what is
# left is taken.
MOST_IDLE = 20
# The ladder says enough for the sampler to begin with.
STARTUP_TRIALS = 5

PARAMETERS = {"width", "blocks", "heads", "learning_rate"}


class Search:
    """Trains sizes, each cheaper than the cheapest that meets the goal, until none is left.

    What a size costs is known before it is trained, so only its share has to be found out.
    Optuna's sampler proposes, from all that was tried; what is out of the question (see
    `objection`) is told to it as pruned, and a training that can no longer reach the goal
    is stopped. Everything is kept in the folder, so that a search goes on after any end.

    Args:
        state: What is looked for, and the time that was used.
        limit: Time for everything [s].
        tell: Called with a line of progress.
        preparing: A context for the time that a preparation takes.
        reporting: A context for the time that a training takes, with what to report it to.
        measuring: A context for the time that a measurement takes, with what to tell it.
        spent: Time that this process used before [s].
    """

    def __init__(
        self,
        state: SearchState,
        limit: float,
        tell: Tell,
        preparing: Preparing,
        reporting: Reporting,
        measuring: Measuring,
        spent: float = 0.0,
    ) -> None:
        self.state, self.settings = state, state.settings
        self.limit, self.tell = limit, tell
        self.preparing, self.reporting, self.measuring = preparing, reporting, measuring
        self.clock = Clock(state.spent + spent)
        self.core = find_core(self.settings.core)
        self.bases: dict[bool, Base] = {}
        self.trials: list[Trial] = []
        self._costs: dict[NetworkSize, tuple[float, float]] = {}
        self.cost: CostModel
        self.space: Space

    @property
    def folder(self) -> Path:
        """Where everything is kept."""
        return self.state.folder

    def trial_folder(self, number: int) -> Path:
        """The run folder of a trial."""
        return self.folder / "trials" / str(number)

    def base(self, size: NetworkSize) -> Base:
        """What trials of a size share with others."""
        return self.bases[size.heads == 1]

    def search(self) -> list[Trial]:
        """Search until nothing cheaper is left or the time is used up.

        Returns:
            All trials that were trained to their end, or stopped as hopeless.

        Raises:
            RobotError: If the robot cannot be used.
            MissingToolError: If the compiler or the emulator is not installed.
            RunError: If another search works in the folder.
            WriteError: If something of it cannot be written.
        """
        self._save()
        with (
            leaving_nothing(self.folder, SEARCH_FILE),
            locked(self.folder),
            study_told(self.folder / STUDY_FILE),
        ):
            remove_partial_files(self.folder)
            return self._to_its_end()

    def _to_its_end(self) -> list[Trial]:
        self._prepare()
        study = self._study()
        try:
            self._go_on(study)
            while self.clock.spent < self.limit and self._candidates():
                self._train_next(study)
            self.tell(
                "The time is used up; search again to go on."
                if self._candidates()
                else "No other size is worth a training."
            )
        except OutOfTimeError:
            self.tell("The time is used up in the middle of a training; search again to go on.")
        self._save()
        return self.trials

    def predicted(self, size: NetworkSize) -> tuple[float, float]:
        """Instructions of a solve in the first branch tried, and flash [bytes]."""
        if size not in self._costs:
            self._costs[size] = self.cost.predict(size)
        return self._costs[size]

    def _save(self) -> None:
        self.state.spent = self.clock.spent
        self.state.save()

    # Before the first trial

    def _prepare(self) -> None:
        config = self.settings.config
        wanted = config.task.branches
        self._save()
        with self.preparing():
            if wanted != "home":
                many = replace(config, task=replace(config.task, branches="all"))
                self.bases[False] = Base.prepared(many, self.folder / "all-branches")
            # With joints to spare no branch stands alone.
            if wanted == "home" or (
                wanted == "auto" and not self.bases[False].run.problem.spare_joints
            ):
                self._prepare_one_branch(must=wanted == "home")
        self._save()
        problem = next(iter(self.bases.values())).run.problem
        self.space = Space.of(problem, True in self.bases, False in self.bases)
        sizes = measured_sizes(self.space.widest, True in self.bases, False in self.bases)
        with self.measuring() as tell:
            self.cost = fitted_cost(problem, self.core, sizes, self.folder, tell)
        errors = 100 * self.cost.errors
        self.tell(
            f"Instructions of {len(errors)} networks of random weights follow from their sizes to "
            f"{errors.mean():.1f}% in the mean, {errors.max():.1f}% at most."
        )
        self._save()

    def _prepare_one_branch(self, must: bool) -> None:
        """Prepare networks of the home posture's branch, if they may do."""
        config = self.settings.config
        one = replace(config, task=replace(config.task, branches="home"))
        base = Base.prepared(one, self.folder / "one-branch")
        aspect = base.run.aspect
        reached = 1.0 if aspect is None else aspect.workspace
        if must or reached >= self.settings.goal - BORDER:
            self.bases[True] = base
        else:
            self.tell(
                f"One branch alone reaches {percent(reached)} of the workspace: only networks of "
                "several heads are looked at."
            )

    def _study(self) -> optuna.Study:
        """The study in the folder; its sampler goes on with other random numbers."""
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        path = self.folder / STUDY_FILE
        if not path.is_file():
            # A process that ends while Optuna makes its tables leaves none that it can open.
            write_atomically(path, self._make_study)
        study = optuna.load_study(study_name=STUDY_NAME, storage=_storage(path))
        seed = self.settings.config.training.rng_seed + len(study.trials)
        study.sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTUP_TRIALS)
        return study

    def _make_study(self, path: Path) -> None:
        """A new study that begins with the ladder, as a file."""
        storage = _storage(path)
        study = optuna.create_study(
            storage=storage, study_name=STUDY_NAME, directions=["minimize"] * 3
        )
        for size in self.space.ladder:
            study.enqueue_trial(self._usual(size))
        storage.remove_session()
        storage.engine.dispose()

    # Trials

    def _go_on(self, study: optuna.Study) -> None:
        """Read back what was trained, and finish what was cut off."""
        for frozen in study.get_trials(deepcopy=False):
            if frozen.state == TrialState.RUNNING:
                if set(frozen.params) == PARAMETERS:
                    self.tell(f"Trial {frozen.number}: going on")
                    # The only way to a trial that another process began.
                    self._run(study, optuna.trial.Trial(study, frozen._trial_id))
                else:
                    study.tell(frozen.number, state=TrialState.FAIL)
                continue
            trial = Trial.read(self.trial_folder(frozen.number))
            if trial is not None and frozen.state != TrialState.WAITING:
                self.trials.append(trial)

    def _train_next(self, study: optuna.Study) -> None:
        """Train the next size that is worth it."""
        for idle in range(MOST_IDLE + 1):
            if idle == MOST_IDLE:
                # What the sampler proposes is known; so the size whose cost is in the middle.
                left = sorted(self._candidates(), key=self.predicted)
                size = left[len(left) // 2]
                study.enqueue_trial(self._usual(size))
            trial = study.ask()
            size, _ = self._suggested(trial)
            objected = objection(size, self.predicted(size), self.settings.limits, self._tried())
            if objected is None:
                self._run(study, trial)
                return
            trial.set_user_attr("not trained", objected)
            trial.set_constraint("worth it", 1.0)
            study.tell(trial, state=TrialState.PRUNED)

    def _usual(self, size: NetworkSize) -> dict[str, float]:
        """A size at the usual learning rate, as the study knows it."""
        rate = self.base(size).run.config.training.learning_rate
        return {**asdict(size), "learning_rate": rate}

    def _suggested(self, trial: optuna.Trial) -> tuple[NetworkSize, float]:
        """The size and the learning rate that the sampler proposes."""
        space = self.space
        size = NetworkSize(
            trial.suggest_int("width", WIDTH_STEP, space.widest, step=WIDTH_STEP),
            trial.suggest_int("blocks", 0, space.deepest),
            trial.suggest_int("heads", space.fewest_heads, space.most_heads),
        )
        rates = [base.run.config.training.learning_rate for base in self.bases.values()]
        least, most = RATES[0] * min(rates), RATES[1] * max(rates)
        return size, trial.suggest_float("learning_rate", least, most, log=True)

    def _run(self, study: optuna.Study, proposed: optuna.Trial) -> None:
        """Train and measure a proposal, and tell the study what came of it."""
        size, rate = self._suggested(proposed)
        instructions, flash = self.predicted(size)
        self.tell(
            f"Trial {proposed.number}: {size}, learning rate {rate:.2g}; about "
            f"{instructions:,.0f} {self.core.unit} and {flash:,.0f} bytes"
        )
        settings, count = self.settings, target_count(self.settings.goal)
        finished = [trial.curve for trial in self.trials if not trial.stopped]

        def hopeless(curve: Sequence[float], epochs: int) -> bool:
            return is_hopeless(curve, epochs, finished, settings.allowed, 1 / count)

        with self.reporting() as report:
            follower = Follower(
                self.clock, self.limit, hopeless, report, self._save, self.measuring
            )
            folder = self.trial_folder(proposed.number)
            found = run_trial(
                self.base(size), proposed.number, size, rate, folder, settings.goal, follower
            )
        self.trials.append(found)
        gap = found.unsolved / settings.allowed
        proposed.set_constraint("goal", math.log10(max(gap, 1e-9)))
        if found.stopped:
            study.tell(proposed, state=TrialState.PRUNED)
        else:
            study.tell(proposed, [instructions, flash, found.unsolved])
        what = "stopped, out of reach of" if found.stopped else "meets" if gap <= 1 else "misses"
        self.tell(
            f"Trial {found.number}: {percent(found.measured.solved)} solved in int8; {what} the "
            f"goal of {percent(settings.goal)}"
        )
        self._save()

    def _tried(self) -> list[Tried]:
        return [
            Tried(trial.size, trial.unsolved / self.settings.allowed, *self.predicted(trial.size))
            for trial in self.trials
        ]

    def _candidates(self) -> list[NetworkSize]:
        """The sizes that are still worth a training."""
        tried, limits = self._tried(), self.settings.limits
        return [
            size
            for size in self.space.sizes()
            if objection(size, self.predicted(size), limits, tried) is None
        ]


@contextmanager
def study_told(path: Path) -> Iterator[None]:
    """`told` for what Optuna keeps in a database.

    Raises:
        WriteError: In place of the database's error.
    """
    try:
        yield
    except (optuna.exceptions.StorageInternalError, SQLAlchemyError) as error:
        inner = error if isinstance(error, SQLAlchemyError) else error.__cause__
        cause = getattr(inner, "orig", None) or error
        raise WriteError(f"Cannot write '{path}': {cause}. {OTHERWISE}, or {ELSEWHERE}.") from error


def _storage(path: Path) -> optuna.storages.RDBStorage:
    return optuna.storages.RDBStorage(f"sqlite:///{path.resolve()}")
