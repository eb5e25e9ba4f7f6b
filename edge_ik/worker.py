"""This process among those that train one network together, as TF_CONFIG names them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from firmware_host.errors import ConfigError
from firmware_host.json_text import parse_json

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
        return _worker(parse_json(text))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        reason = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise ConfigError(
            'Expected TF_CONFIG to be like {"cluster": {"worker": ["HOST:PORT", "HOST:PORT"]}, '
            '"task": {"type": "worker", "index": 0}}, with another index on every worker. '
            f"Received: {text} ({reason})"
        ) from error


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
