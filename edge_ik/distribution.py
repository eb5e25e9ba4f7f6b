"""Who trains: this process alone, several GPUs, or the workers that TF_CONFIG names."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow as tf

from firmware_host.errors import ConfigError, RunError

JOBS = ("chief", "worker")


@dataclass(frozen=True)
class Worker:
    """This process among those that train one network together.

    Attributes:
        index: Its place, from 0; a job `chief` comes before the job `worker`.
        count: How many there are.
    """

    index: int = 0
    count: int = 1

    @property
    def is_chief(self) -> bool:
        """Whether this one validates, writes the run folder and reports."""
        return self.index == 0


def read_worker() -> Worker:
    """This process's place by the environment variable TF_CONFIG; alone without it.

    Raises:
        ConfigError: If TF_CONFIG is not what TensorFlow documents.
    """
    text = os.environ.get("TF_CONFIG", "").strip()
    if not text:
        return Worker()
    try:
        return _worker(json.loads(text))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        reason = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise ConfigError(
            'Expected TF_CONFIG to be like {"cluster": {"worker": ["HOST:PORT", "HOST:PORT"]}, '
            '"task": {"type": "worker", "index": 0}}, with another index on every worker. '
            f"Received: {text} ({reason})"
        ) from error


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


def _worker(config: Mapping[str, Any]) -> Worker:
    """The worker that a parsed TF_CONFIG describes."""
    cluster, task = config["cluster"], config["task"]
    if not set(cluster) <= set(JOBS):
        raise ValueError(f"jobs other than {' and '.join(JOBS)}")
    addresses = [address for job in JOBS for address in cluster.get(job, [])]
    for address in addresses:
        host, _, port = address.rpartition(":")
        if not host or not port.isdecimal():
            raise ValueError(f"{address!r} is not HOST:PORT")
    if len(set(addresses)) < len(addresses):
        raise ValueError("an address stands twice")
    job, index = task["type"], int(task["index"])
    if not 0 <= index < len(cluster[job]):
        raise ValueError(f"no {job} has the index {index}")
    before = len(cluster.get("chief", [])) if job == "worker" else 0
    return Worker(before + index, len(addresses))


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
            f"worker: edge-ik train --resume {folder}"
        ) from error
