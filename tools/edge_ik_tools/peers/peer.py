"""What a solver is to the comparison, and what several packages need of a target."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from edge_ik_tools.peers.urdf_text import chain_urdf
from firmware_host.chain import Chain, FloatArray
from firmware_host.errors import EdgeIkError
from firmware_host.files import OTHER_TEMPORARY, working_folder, write_text
from firmware_host.tasks import SPACE, Task


class PeerRefusedError(EdgeIkError):
    """A package is not installed, or cannot solve this robot's task."""


def as_it_is(targets: FloatArray) -> FloatArray:
    """A target's components for a call that takes these."""
    return targets


@dataclass(frozen=True)
class Peer:
    """One solver, ready for one robot and task.

    Attributes:
        name: Name and version of the package.
        solve: From a target in the package's own form to q (n,) [rad, m], or None.
        given: The package's form of a target's components (k,). It is no part of solving.
        solve_batch: From targets in the package's form to that many answers, if the package
            has such a call.
        given_batch: That form of targets (N, k).
        note: What to know about its figures.
        closed_form: Whether it solves in closed form.
        own: Whether it is ours.
    """

    name: str
    solve: Callable[[Any], FloatArray | None]
    given: Callable[[FloatArray], Any] = as_it_is
    solve_batch: Callable[[Any], Sequence[FloatArray | None]] | None = None
    given_batch: Callable[[FloatArray], Any] = as_it_is
    note: str = ""
    closed_form: bool = False
    own: bool = False

    def answer(self, target: FloatArray) -> FloatArray | None:
        """q (n,) [rad, m] for a target's components (k,), or None."""
        return self.solve(self.given(target))


def named(package: str, title: str) -> str:
    """The title with the version that is installed."""
    return f"{title} {version(package)}"


def is_common(task: Task) -> bool:
    """Whether other packages know the task: a position, and the direction of tool axes."""
    return task.place == SPACE and task.orientation.size == 3 * len(task.directions)


def frame_of(task: Task, target: FloatArray) -> FloatArray:
    """A target's components as a pose (4, 4), with the axes that are not directed left alone."""
    frame = np.eye(4)
    frame[:3, 3] = target[:3]
    for axis, direction in zip(task.directions, target[3:].reshape(-1, 3), strict=True):
        frame[:3, axis] = direction
    return frame


@contextmanager
def urdf_file(chain: Chain) -> Iterator[Path]:
    """The chain as a URDF file, which is there as long as the context."""
    with working_folder() as folder:
        path = folder / "robot.urdf"
        write_text(path, chain_urdf(chain), OTHER_TEMPORARY)
        yield path
