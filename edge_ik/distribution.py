"""How a training is divided: one device, several GPUs, or several workers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shlex import quote

import tensorflow as tf

from edge_ik.worker import Worker, read_worker
from firmware_host.errors import RunError


def choose_strategy() -> tf.distribute.Strategy:
    """Several workers if TF_CONFIG names them, several GPUs if there are, else one device.

    With several workers TensorFlow must not have run anything yet, and the call returns
    when all of them have joined.

    Raises:
        ConfigError: If TF_CONFIG is not what TensorFlow documents.
        RunError: If the workers do not find each other.
    """
    worker = read_worker()
    if worker.count > 1:
        try:
            return tf.distribute.MultiWorkerMirroredStrategy()
        except tf.errors.OpError as error:
            raise RunError(
                f"Worker {worker.index} cannot join the {worker.count} workers of TF_CONFIG: "
                f"{error.message}"
            ) from error
    if len(tf.config.list_logical_devices("GPU")) > 1:
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


def mean_over_replicas(strategy: tf.distribute.Strategy, value: float) -> float:
    """The mean of a number that every worker gives; returns when all have given theirs."""
    values = strategy.run(lambda: tf.constant(value, tf.float32))
    return float(strategy.reduce(tf.distribute.ReduceOp.MEAN, values, axis=None))


@contextmanager
def lost_worker_reported(worker: Worker, folder: Path) -> Iterator[None]:
    """Turn TensorFlow's complaint about a worker that has gone into what to do about it.

    Raises:
        RunError: Instead of TensorFlow's error, if there are several workers.
    """
    try:
        yield
    except tf.errors.OpError as error:
        if worker.count == 1:
            raise
        raise RunError(
            f"Worker {worker.index} of {worker.count} had to stop, most likely because another "
            f"was lost ({type(error).__name__}). Continue from the last epoch by giving every "
            f"worker: edge-ik train --resume {quote(str(folder))}"
        ) from error
