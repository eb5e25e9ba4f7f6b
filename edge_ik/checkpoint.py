"""The training state on disk: everything that the next step depends on."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from edge_ik.model.trainer import IkTrainer
from edge_ik.run import CHECKPOINT_FILE, Run
from firmware_host.errors import RunError
from firmware_host.files import remove_partial_files, write_atomically

History = list[dict[str, float]]
State = Mapping[str, Any]


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
        return {"history": np.frombuffer(json.dumps(history).encode(), dtype=np.uint8), **arrays}

    def save(self, state: State) -> None:
        """Write what `snapshot` gave, replacing the state before."""

        def write(temporary: Path) -> None:
            with temporary.open("wb") as stream:
                np.savez(stream, **state)

        write_atomically(self.path, write)

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
            # NumPy leaves a damaged file open if it opens it itself.
            with self.path.open("rb") as stream, np.load(stream) as stored:
                history = _history(stored)
                values = [stored[f"variable_{index}"] for index in range(len(variables))]
                fits = len(stored.files) == len(variables) + 1
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise RunError(f"The checkpoint {self.path} is damaged: {error}.") from error
        fits = fits and all(
            value.shape == tuple(variable.shape)
            for value, variable in zip(values, variables, strict=True)
        )
        if not fits:
            raise RunError(
                f"The checkpoint {self.path} belongs to another configuration or version. "
                "Expected the one that this run wrote; start a new run."
            )
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
        with path.open("rb") as stream, np.load(stream) as stored:
            return _history(stored)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise RunError(f"The checkpoint {path} cannot be read: {error}.") from error


def is_finished(run: Run) -> bool:
    """Whether a run has done all of its epochs."""
    path = run.folder / CHECKPOINT_FILE
    return path.is_file() and len(read_history(run)) >= run.config.training.epochs


def _history(stored: Any) -> History:
    history: History = json.loads(stored["history"].tobytes())
    return history
