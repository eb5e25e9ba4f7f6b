"""The record of a training that has a goal: what was asked, tried, measured and found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from edge_ik.config import Config, config_from_dict
from edge_ik.run import ELSEWHERE
from edge_ik.run_folder import GOAL_FILE
from edge_ik_tools.tune.kept import read_kept
from edge_ik_tools.tune.measure import Measured
from firmware_host.errors import EdgeIkError, RunError
from firmware_host.files import make_folder, write_json


@contextmanager
def leaving_nothing(folder: Path, name: str) -> Iterator[None]:
    """Remove a record that stands alone in its folder, and both, if what it is of is refused."""
    try:
        yield
    except EdgeIkError:
        if [path.name for path in folder.iterdir()] == [name]:
            (folder / name).unlink()
            folder.rmdir()
        raise


@dataclass
class Round:
    """One training on the way to the goal, in a run folder of its own.

    Attributes:
        config: What it is trained with.
        extends: Number of the round whose weights it goes on from, or None.
        shortened: How often it was begun anew with fewer epochs, to fit into the time.
        epochs: Epochs that were trained in it.
        seconds: What these took [s].
        trained: Share solved by the network in floats, in the best validation.
        measured: What was measured of it in int8; None before.
        measuring: What that took [s].
    """

    config: Config
    extends: int | None = None
    shortened: int = 0
    epochs: int = 0
    seconds: float = 0.0
    trained: float = 0.0
    measured: Measured | None = None
    measuring: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Round:
        """The round from `to_dict`'s values."""
        measured = values["measured"]
        return cls(
            **{
                **values,
                "config": config_from_dict(values["config"]),
                "measured": None if measured is None else Measured(**measured),
            }
        )


@dataclass
class GoalRecord:
    """Everything that the next step depends on, beside the rounds' own folders.

    Attributes:
        folder: Where it is kept.
        goal: Share to be solved.
        limit: Time for everything [s].
        kept: Configuration keys that were asked for, and stay as they are.
        rounds: What was trained, in order; the last may be going on.
        spent: Time used so far [s].
    """

    folder: Path
    goal: float
    limit: float
    kept: frozenset[str]
    rounds: list[Round] = field(default_factory=list)
    spent: float = 0.0

    def round_folder(self, number: int) -> Path:
        """The run folder of the round of a number from 1."""
        return self.folder / "rounds" / str(number)

    @property
    def best(self) -> int | None:
        """Number of the round that solves most, or None."""
        measured = [
            (round_.measured.solved, -number)
            for number, round_ in enumerate(self.rounds, start=1)
            if round_.measured is not None
        ]
        return -max(measured)[1] if measured else None

    @property
    def best_measured(self) -> Measured:
        """What was measured of the best round; there must be one."""
        best = self.best
        measured = None if best is None else self.rounds[best - 1].measured
        if measured is None:
            raise RunError(f"'{self.folder}' has no trained network yet.")
        return measured

    @property
    def met(self) -> bool:
        """Whether a round solves as much as was asked for."""
        best = self.best
        return best is not None and self.best_measured.solved >= self.goal

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        best = self.best
        return {
            "goal": self.goal,
            "limit": self.limit,
            "kept": sorted(self.kept),
            "spent": self.spent,
            "met": self.met,
            "best": best,
            "measured": None if best is None else self.best_measured.to_dict(),
            "rounds": [round_.to_dict() for round_ in self.rounds],
        }

    def save(self) -> None:
        """Write the record in one piece."""
        make_folder(self.folder, ELSEWHERE)
        write_json(self.folder / GOAL_FILE, self.to_dict())

    @classmethod
    def load(cls, folder: Path) -> GoalRecord:
        """Read the record of a folder.

        Raises:
            RunError: If there is none, or it is damaged.
        """
        path = folder / GOAL_FILE
        return read_kept(
            path,
            lambda values: cls(
                folder=folder,
                goal=float(values["goal"]),
                limit=float(values["limit"]),
                kept=frozenset(values["kept"]),
                rounds=[Round.from_dict(row) for row in values["rounds"]],
                spent=float(values["spent"]),
            ),
        )
