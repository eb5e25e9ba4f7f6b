"""The pool: the joint vectors that training samples are drawn around."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from edge_ik.data.locked import find_branches, sample_branches
from edge_ik.data.redundancy import settled
from edge_ik.data.region import IntArray, Region
from edge_ik.data.sampling import sample_aspect
from firmware_host.chain import FloatArray
from firmware_host.errors import RunError
from firmware_host.files import write_atomically


@dataclass(frozen=True, eq=False)
class JointPool:
    """Joint vectors that samples are drawn around, nearest to the home posture first.

    Uniform in a region; of an arm with joints to spare, each slid along its self-motion to
    the posture nearest to home, or with the spare joints locked.

    Attributes:
        q: (N, n) joint vectors [rad].
        distance: (N,) largest joint distance from home, as a share of its range, ascending.
        jitter: (n,) half width [rad] of the box that is drawn from around a vector.
        branch: (N,) number of the branch that each is an answer in.
        names: Names of the branches, home's first.
    """

    q: FloatArray
    distance: FloatArray
    jitter: FloatArray
    branch: IntArray
    names: tuple[str, ...] = ("home",)

    def one_hot(self, rows: slice) -> FloatArray:
        """The inputs (M, K) that name the branches of some rows; (M, 0) for one branch."""
        count = len(self.names)
        return np.eye(count)[self.branch[rows]][:, : count if count > 1 else 0]

    def save(self, path: Path) -> None:
        """Write the pool as an .npz file: settling and choosing branches takes minutes."""

        def write(temporary: Path) -> None:
            with temporary.open("wb") as stream:
                np.savez(stream, **{**vars(self), "names": np.array(self.names)})

        write_atomically(path, write)

    @classmethod
    def load(cls, path: Path) -> JointPool:
        """Read what `save` wrote.

        Raises:
            RunError: If the file is damaged.
        """
        try:
            with path.open("rb") as stream, np.load(stream) as stored:
                values = {name: stored[name] for name in stored.files}
            names = tuple(str(name) for name in values.pop("names"))
            return cls(**values, names=names)
        except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile) as error:
            raise RunError(f"The samples {path} are damaged: {error}.") from error


def build_pool(aspect: Region, count: int, rng: np.random.Generator) -> JointPool:
    """Draw the pool; its jitter makes neighbouring boxes overlap, so nothing is left out."""
    chain = aspect.chain
    extent = chain.upper - chain.lower
    names = tuple(aspect.names[number] for number in aspect.trained)
    if aspect.redundant:
        # Between two such postures lie none that are labels: nothing is drawn around them.
        jitter = np.zeros(len(chain))
        if aspect.every:
            branches, _ = find_branches(aspect.problem, aspect.home, aspect.margin, rng)
            q, numbers = sample_branches(branches, count, rng)
            names = tuple(branch.name for branch in branches)
        else:
            q = settled(aspect, sample_aspect(aspect, count, rng), rng)
            numbers = np.zeros(len(q), dtype=np.int32)
    elif aspect.task.has_orientation:
        q = sample_aspect(aspect, count, rng)
        # Joints that do not move det J lead to no other aspect. The boxes just touch: wide
        # ones would reach over the corner between two aspects of the same sign.
        jitter = extent * count ** (-1 / max(1, len(aspect.joints))) / 2
        numbers = aspect.classify(q)
    else:
        q = sample_aspect(aspect, count, rng)
        jitter = extent * count ** (-1 / len(chain))
        numbers = aspect.classify(q) if len(names) > 1 else np.zeros(count, dtype=np.int32)
    q, numbers = q[numbers >= 0], numbers[numbers >= 0]
    distance = np.abs((q - aspect.home) / extent).max(axis=1)
    order = np.argsort(distance, kind="stable")
    return JointPool(q[order], distance[order], jitter, numbers[order], names)
