"""Whether labels are single-valued: how far those of neighbouring targets lie apart."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from edge_ik.data.redundancy import task_points
from edge_ik.data.region import IntArray, Region
from firmware_host.chain import FloatArray

# Neighbours whose joints differ by more than this lie on different branches [rad].
APART = 1.0
# Share of targets with such a neighbour from which a network is likely to be torn.
HIGH_SPREAD = 0.05


def label_spread(region: Region, q: FloatArray, aspect: npt.NDArray[np.int_] | IntArray) -> float:
    """Share of targets whose nearest neighbour's label is on another branch.

    A network can only learn labels that hardly change between neighbours; where they
    jump it answers with their mean.

    Args:
        region: What the labels are of.
        q: (N, n) joint vectors that samples are drawn around [rad].
        aspect: (N,) the aspect of each; only those of one aspect are compared.
    """
    problem = region.problem
    points, turns = task_points(problem, problem.reached_by(q))
    turned = q - turns
    torn = 0
    for number in np.unique(aspect):
        own = np.flatnonzero(aspect == number)
        if len(own) < 2:
            continue
        _, nearest = cKDTree(points[own]).query(points[own], k=2, workers=-1)
        difference = shortest_turn(turned[own] - turned[own[nearest[:, 1]]])
        torn += int((np.abs(difference).max(axis=1) > APART).sum())
    return torn / max(1, len(q))


def shortest_turn(difference: FloatArray) -> FloatArray:
    """Angles brought to within half a turn."""
    result: FloatArray = difference - 2 * np.pi * np.round(difference / (2 * np.pi))
    return result


def spread_warning(spread: float) -> str | None:
    """What to say of a spread that is high, or None."""
    if spread < HIGH_SPREAD:
        return None
    return (
        f"Labels are not single-valued everywhere: {100 * spread:.1f}% of the targets have a "
        "neighbour on another branch, and the network will answer such targets with the mean of "
        "both. Narrow the joint limits, choose another 'arm.home', raise "
        "'arm.singularity_margin', or solve with more branches."
    )
