"""What happens after each epoch of a training: validation, the record, the checkpoint."""

from __future__ import annotations

import csv
import io
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from edge_ik.answering import RefinedHere
from edge_ik.checkpoint import Checkpoint, History, State
from edge_ik.data.source import SampleSource
from edge_ik.data.streams import VALIDATION_STREAM, stream
from edge_ik.data.targets import draw_branch, draw_everywhere
from edge_ik.evaluation import evaluate_branch, validate
from edge_ik.model.trainer import IkTrainer
from edge_ik.model.weight_grid import snap_to_grid
from edge_ik.predictor import predictor
from edge_ik.run import HISTORY_FILE, TENSORBOARD_FOLDER, Run
from firmware_host.files import ADVICE, told, write_text
from firmware_host.solving.seeding import Seeder

# The figures of a validation; `history.csv` has one row an epoch of those that the task has.
HISTORY_FIELDS = (
    "step",
    "seconds",
    "learning_rate",
    "loss",
    "train_rmse_m",
    "position_weight",
    "angle_weight",
    "solved",
    "rmse_m",
    "p95_m",
    "max_m",
    "joint_error_mean_deg",
    "joint_error_mean_m",
    "focus_rmse_m",
    "rotation_mean_deg",
)


@dataclass(frozen=True)
class Progress:
    """What training tells its caller.

    Attributes:
        step: Steps done.
        steps: Steps in all.
        row: The last validation's figures by `HISTORY_FIELDS`, if there was one.
    """

    step: int
    steps: int
    row: dict[str, float] | None


Report = Callable[[Progress], None]
"""Takes how far a training is."""


def silent(progress: Progress) -> None:
    """Report nothing."""


class Watcher(keras.callbacks.Callback):  # type: ignore[misc]
    """After each epoch: validates the averaged weights, logs, and saves.

    Used as a context, it ends when everything is written.

    Args:
        run: The run to write into.
        source: What the validation targets are drawn like.
        checkpoint: Where the state goes.
        history: Rows of the epochs already done; grows by one an epoch.
        report: Called with the progress.
        meanwhile: Whether the next epoch is trained while this one is written. A run that is
            killed then repeats up to two epochs instead of one.
    """

    def __init__(
        self,
        run: Run,
        source: SampleSource,
        checkpoint: Checkpoint,
        history: History,
        report: Report,
        meanwhile: bool = False,
    ) -> None:
        super().__init__()
        self.meanwhile = meanwhile
        # One thread, so that files are written in the order in which they are handed over.
        self.writer = ThreadPoolExecutor(1)
        self.written: Future[None] | None = None
        self.run = run
        self.checkpoint = checkpoint
        self.history = history
        self.report = report
        training = run.config.training
        rng = stream(training.rng_seed, VALIDATION_STREAM)
        one, count = source.one_branch, training.validation_targets
        self.targets = draw_everywhere(run.problem, count, rng)
        self.branch = None if one is None else draw_branch(one.region, run.focus, count, rng)
        trainer = checkpoint.trainer
        self.averaged = keras.models.clone_model(trainer.network)
        self.predict = predictor(self.averaged)
        self.seconds_before = history[-1]["seconds"] if history else 0.0
        self.summary: Any = None

    def __enter__(self) -> Watcher:
        return self

    def __exit__(self, *failure: object) -> None:
        self.writer.shutdown()
        if not any(failure):
            self.wait()

    def wait(self) -> None:
        """Wait until the last epoch is written; raise what prevented it."""
        if self.written is not None:
            self.written.result()

    def tell(self, step: int) -> None:
        """Report that training has come to a step."""
        row = self.history[-1] if self.history else None
        self.report(Progress(step, self.run.config.training.steps, row))

    def on_train_begin(self, logs: Any = None) -> None:
        """Start the clock and the TensorBoard log."""
        self.began = time.perf_counter()
        folder = self.run.folder / TENSORBOARD_FOLDER
        with tensorflow_told(folder):
            self.summary = tf.summary.create_file_writer(str(folder))

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Note which steps the epoch has."""
        self.first_step = epoch * self.run.config.training.steps_per_epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Report progress."""
        self.tell(self.first_step + batch + 1)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Validate and save."""
        self.wait()
        copy_averaged_weights(self.checkpoint.trainer, self.averaged)
        # Also before the rounding starts, so that epochs are judged alike.
        if self.run.config.training.grid_step is not None:
            snap_to_grid(self.averaged)
        row = self._row(epoch, logs or {})
        best = min(((math.inf, math.inf), *(self._merit(past) for past in self.history)))
        self.history.append(row)
        state = self.checkpoint.snapshot(self.history)
        self.written = self.writer.submit(
            self._write, list(self.history), state, self._merit(row) < best
        )
        if not self.meanwhile:
            self.wait()
        self.tell(int(row["step"]))

    def _write(self, history: History, state: State, is_best: bool) -> None:
        """Write an epoch; the best network first, so that no checkpoint is ahead of it."""
        if is_best:
            self.run.save_network(self.averaged)
        self._log(history)
        self.checkpoint.save(state)

    def _row(self, epoch: int, logs: dict[str, Any]) -> dict[str, float]:
        """The epoch's figures by `HISTORY_FIELDS`."""
        trainer, config = self.checkpoint.trainer, self.run.config
        run = self.run
        seeder = Seeder(run.spec, self.predict)
        solved, figures = validate(seeder, self.targets)
        if self.branch is not None:
            figures = evaluate_branch(RefinedHere(seeder), self.branch, steps=0).network
        position_weight, angle_weight = trainer.loss_weights()
        values = {
            "step": (epoch + 1) * config.training.steps_per_epoch,
            "seconds": self.seconds_before + time.perf_counter() - self.began,
            "learning_rate": float(trainer.optimizer.learning_rate),
            "loss": float(logs.get("loss", np.nan)),
            "train_rmse_m": float(np.sqrt(logs.get("position_mse", np.nan))),
            "position_weight": position_weight,
            "angle_weight": angle_weight,
            "solved": solved,
        }
        measured: dict[str, float | None] = asdict(figures)
        # What a task does not measure is left out.
        values |= {name: value for name, value in measured.items() if value is not None}
        return {name: values[name] for name in HISTORY_FIELDS if name in values}

    def _merit(self, row: Mapping[str, float]) -> tuple[float, float]:
        """What the best network has least of.

        In one branch that is the error of position and orientation [m]; of many heads, of
        which some are not meant for a target, the share that is not solved comes first.
        """
        angle = math.radians(row.get("rotation_mean_deg", 0.0))
        error = row["rmse_m"] + angle * self.run.problem.length
        return (0.0 if self.run.one_branch else 1.0 - row["solved"], error)

    def _log(self, history: History) -> None:
        """Write the CSV file and the TensorBoard scalars of the last epoch."""
        row = history[-1]
        text = io.StringIO()
        writer = csv.DictWriter(text, list(row))
        writer.writeheader()
        writer.writerows(history)
        write_text(self.run.folder / HISTORY_FILE, text.getvalue())
        with tensorflow_told(self.run.folder / TENSORBOARD_FOLDER), self.summary.as_default():
            for name, value in row.items():
                if name != "step":
                    tf.summary.scalar(name, value, step=int(row["step"]))
            self.summary.flush()


@contextmanager
def tensorflow_told(folder: Path) -> Iterator[None]:
    """`told` for what TensorFlow writes into a folder; it says in words why it cannot.

    Raises:
        WriteError: In place of TensorFlow's error.
    """
    with told(folder):
        try:
            yield
        except tf.errors.OpError as error:
            code = next((code for code in ADVICE if os.strerror(code) in error.message), 0)
            raise OSError(code, os.strerror(code) if code else error.message) from error


def copy_averaged_weights(trainer: IkTrainer, network: keras.Model) -> None:
    """Give a clone of the trainer's network the moving average of the weights."""
    optimizer = trainer.optimizer
    network.set_weights(trainer.network.get_weights())
    if not optimizer.use_ema:
        return
    # Keras offers no public name for these; its own SwapEMAWeights callback uses this one.
    averages = dict(
        zip(
            (variable.path for variable in trainer.trainable_variables),
            optimizer._model_variables_moving_average,
            strict=True,
        )
    )
    for own, trained in zip(
        network.trainable_variables, trainer.network.trainable_variables, strict=True
    ):
        own.assign(keras.ops.convert_to_numpy(averages[trained.path]))
