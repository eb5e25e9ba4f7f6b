"""The pool: the joint vectors of one aspect that training samples are drawn around."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge_ik.data.region import Region
from edge_ik.data.sampling import sample_aspect
from firmware_host.chain import FloatArray


@dataclass(frozen=True, eq=False)
class JointPool:
    """Joint vectors that samples are drawn around, nearest to the home posture first.

    Attributes:
        q: (N, n) joint vectors, uniform in a region [rad].
        distance: (N,) largest joint distance from home, as a share of its range, ascending.
        jitter: (n,) half width [rad] of the box that is drawn from around a vector.
    """

    q: FloatArray
    distance: FloatArray
    jitter: FloatArray


def build_pool(region: Region, count: int, rng: np.random.Generator) -> JointPool:
    """Draw the pool; its jitter makes neighbouring boxes overlap, so nothing is left out."""
    extent = region.chain.upper - region.chain.lower
    q = sample_aspect(region, count, rng)
    if region.task.has_orientation:
        # Joints that do not move det J lead to no other aspect. The boxes just touch: wide
        # ones would reach over the corner between two aspects of the same sign.
        jitter = extent * count ** (-1 / max(1, len(region.joints))) / 2
    else:
        jitter = extent * count ** (-1 / region.problem.joints)
    distance = np.abs((q - region.home) / extent).max(axis=1)
    order = np.argsort(distance, kind="stable")
    return JointPool(q[order], distance[order], jitter)
