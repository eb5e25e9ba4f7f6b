"""The training state on disk: everything that the next step depends on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from edge_ik.arrays import ArrayFile, write_arrays
from edge_ik.model.trainer import IkTrainer
from edge_ik.run import CHECKPOINT_FILE, Run
from firmware_host.errors import RunError
from firmware_host.files import remove_partial_files
from firmware_host.json_text import parse_json

History = list[dict[str, float]]
"""The figures of each epoch by name, the first epoch first."""
State = Mapping[str, Any]
"""What a training must know to go on, by name."""

# The member of the file that has the history, the first one; a row takes some 400 bytes.
HISTORY = "history"
MOST_HISTORY = 16 * 2**20
# What each row has, whatever the task measures.
REQUIRED = {"step", "seconds", "solved", "rmse_m"}


class Checkpoint:
    """Saves and restores weights, optimizer, random state and history as one file.

    Args:
        path: The .npz file.
        trainer: The compiled trainer, its optimizer built.
    """

    def __init__(self, path: Path, trainer: IkTrainer) -> None:
        self.path = path
        self.trainer = trainer

    @property
    def variables(self) -> list[keras.Variable]:
        """The trainer's variables, then the optimizer's; metrics start anew each epoch."""
        metrics = {id(value) for metric in self.trainer.metrics for value in metric.variables}
        own = [value for value in self.trainer.variables if id(value) not in metrics]
        return own + list(self.trainer.optimizer.variables)

    def snapshot(self, history: History) -> State:
        """The present state, after the last epoch of the history; training may go on."""
        arrays = {
            f"variable_{index}": keras.ops.convert_to_numpy(variable)
            for index, variable in enumerate(self.variables)
        }
        return {HISTORY: np.frombuffer(json.dumps(history).encode(), dtype=np.uint8), **arrays}

    def save(self, state: State) -> None:
        """Write what `snapshot` gave, replacing the state before."""
        write_arrays(self.path, state)

    def restore(self, tidy: bool = False) -> History:
        """Load the state if there is one; return the history, empty without one.

        Args:
            tidy: Whether to remove what a run that was killed left half written; only
                for the one process that writes into the folder.

        Raises:
            RunError: If the file is damaged or belongs to another configuration.
        """
        if tidy:
            remove_partial_files(self.path.parent)
        if not self.path.is_file():
            return []
        variables = self.variables
        try:
            with ArrayFile(self.path) as stored:
                history = _history(stored)
                values = [
                    stored.read(f"variable_{index}", variable.dtype, tuple(variable.shape))
                    for index, variable in enumerate(variables)
                ]
                stored.end()
        except (OSError, ValueError) as error:
            raise RunError(
                f"The checkpoint {self.path} is damaged, or belongs to another configuration or "
                f"version: {error}. Expected the one that this run wrote; start a new run."
            ) from error
        for value, variable in zip(values, variables, strict=True):
            variable.assign(value)
        return history


def read_history(run: Run) -> History:
    """The rows of the epochs that a run has done.

    Raises:
        RunError: If there is no checkpoint, or it is damaged.
    """
    path = run.folder / CHECKPOINT_FILE
    try:
        with ArrayFile(path) as stored:
            return _history(stored)
    except (OSError, ValueError) as error:
        raise RunError(f"The checkpoint {path} cannot be read: {error}.") from error


def is_finished(run: Run) -> bool:
    """Whether a run has done all of its epochs."""
    path = run.folder / CHECKPOINT_FILE
    return path.is_file() and len(read_history(run)) >= run.config.training.epochs


def _history(stored: ArrayFile) -> History:
    """The rows that a file begins with; ValueError if there are none."""
    # A training that has gone wrong has figures that are not finite.
    rows = parse_json(stored.read_bytes(HISTORY, MOST_HISTORY), finite=False)
    if not isinstance(rows, list) or not all(map(_is_row, rows)):
        raise ValueError("its history is not one of figures by name")
    return rows


def _is_row(row: Any) -> bool:
    figures = isinstance(row, dict) and all(type(value) in (int, float) for value in row.values())
    return figures and row.keys() >= REQUIRED
