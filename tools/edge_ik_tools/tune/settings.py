"""What a search looks for, as it is kept beside its results."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edge_ik.config import Config, config_from_dict
from edge_ik.run import ELSEWHERE
from edge_ik_tools.tune.kept import read_kept
from firmware_host.errors import RunError
from firmware_host.files import make_folder, write_json

SEARCH_FILE = "search.json"


@dataclass(frozen=True)
class SearchSettings:
    """What a search looks for.

    Attributes:
        config: The robot, the task, and what else all trainings share.
        goal: Share to be solved, in int8, in any branch, after the problem's usual steps.
        core: Name of the emulated core that costs are counted on.
        most_instructions: Of a solve in the first branch tried; None for no limit.
        most_flash: Code and constants [bytes]; None for no limit.
    """

    config: Config
    goal: float
    core: str
    most_instructions: float | None = None
    most_flash: float | None = None

    @property
    def allowed(self) -> float:
        """Share that may stay unsolved; never 0, so that shares of it can be told."""
        return max(1 - self.goal, 1e-9)

    @property
    def limits(self) -> tuple[float, float]:
        """The most instructions and flash [bytes]; infinite without a limit."""
        return self.most_instructions or math.inf, self.most_flash or math.inf

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return asdict(self)


@dataclass
class SearchState:
    """The record of a search in its folder.

    Attributes:
        folder: The folder.
        settings: What is looked for.
        spent: Time used so far [s].
    """

    folder: Path
    settings: SearchSettings
    spent: float = 0.0

    def save(self) -> None:
        """Write the record in one piece."""
        make_folder(self.folder, ELSEWHERE)
        write_json(
            self.folder / SEARCH_FILE, {"settings": self.settings.to_dict(), "spent": self.spent}
        )

    @classmethod
    def open(cls, folder: Path, settings: SearchSettings) -> SearchState:
        """The record of a folder, or a new one where nothing is yet.

        Raises:
            RunError: If the folder holds something else, or a search for something else.
        """
        path = folder / SEARCH_FILE
        if not path.is_file():
            if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
                raise RunError(
                    f"'{folder}' already exists and holds no search. Choose another folder with "
                    "--out."
                )
            return cls(folder, settings)

        def read(values: Any) -> tuple[SearchSettings, float]:
            config = config_from_dict(values["settings"]["config"])
            found = SearchSettings(**{**values["settings"], "config": config})
            return found, float(values["spent"])

        found, spent = read_kept(path, read)
        if found != settings:
            raise RunError(
                f"'{folder}' holds a search for something else: {_difference(found, settings)}. "
                "Choose another folder with --out, or ask for the same to go on with it."
            )
        return cls(folder, settings, spent)


def _difference(found: SearchSettings, wanted: SearchSettings) -> str:
    """The first value that differs, in words."""
    before, after = _flat(found.to_dict()), _flat(wanted.to_dict())
    key = next(key for key in after if before[key] != after[key])
    return f"{key} is {before[key]} there, and {after[key]} is asked for"


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        flat |= _flat(value, f"{name}.") if isinstance(value, dict) else {name: value}
    return flat
