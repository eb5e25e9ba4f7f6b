"""How a network came to be: its training, what its parts are worth, and the sizes searched."""

from __future__ import annotations

import csv
from dataclasses import dataclass

import numpy as np

from edge_ik.run import HISTORY_FILE, Run
from firmware_host.chain import FloatArray
from firmware_host.errors import RunError

STEP = "step"


@dataclass(frozen=True, eq=False)
class Training:
    """The curves of a training.

    Attributes:
        step: (E,) steps done at the end of each epoch.
        columns: For each column of the history its numbers (E,); NaN where there is none.
    """

    step: FloatArray
    columns: dict[str, FloatArray]


def read_training(run: Run) -> Training | str:
    """The curves of a run, or that it has none: before its first epoch.

    Raises:
        RunError: If the history is damaged.
    """
    path = run.folder / HISTORY_FILE
    none = f"No epoch of it stands in '{path}'."
    if not path.is_file():
        return none
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        names = [name for name in (rows[0] if rows else {}) if name]
        columns = {name: np.array([_number(row[name]) for row in rows]) for name in names}
    except (OSError, ValueError, TypeError, KeyError, csv.Error) as error:
        raise RunError(f"{path} is damaged: {type(error).__name__}: {error}.") from error
    if STEP not in columns:
        return none
    return Training(columns.pop(STEP), columns)


def _number(text: str | None) -> float:
    return float(text) if text else float("nan")
