"""What each aspect of an arm is worth: its share of joint space and of reachable targets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from edge_ik.data.redundancy import task_points
from edge_ik.data.region import Region
from firmware_host.chain import FloatArray
from firmware_host.solving.refine import refine

REACH_TARGETS = 2000
# Reference samples of an aspect that a target is solved from, and the steps from each:
# enough that what is not reached then hardly ever can be.
SEEDS = 6
STEPS = 25


@dataclass(frozen=True)
class AspectReach:
    """Figures of every aspect that the joint limits hold, home's first.

    Attributes:
        names: (K,) their names.
        joint_space: (K,) share of joint space in each; the rest is near singularities.
        targets: (K,) share of the reachable targets that each reaches, where those are
            what configurations from all of joint space reach.
        mean_aspects: How many aspects reach such a target on average.
    """

    names: tuple[str, ...]
    joint_space: tuple[float, ...]
    targets: tuple[float, ...]
    mean_aspects: float

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {
            "aspects": [
                {"number": number, "name": name, "joint_space": joints, "targets": targets}
                for number, (name, joints, targets) in enumerate(
                    zip(self.names, self.joint_space, self.targets, strict=True)
                )
            ],
            "mean_aspects": self.mean_aspects,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> AspectReach:
        """The figures from `to_dict`'s values."""
        rows = data["aspects"]
        return cls(
            names=tuple(str(row["name"]) for row in rows),
            joint_space=tuple(float(row["joint_space"]) for row in rows),
            targets=tuple(float(row["targets"]) for row in rows),
            mean_aspects=float(data["mean_aspects"]),
        )


def measure_reach(
    region: Region, rng: np.random.Generator, targets: int = REACH_TARGETS
) -> AspectReach:
    """Measure every aspect, trained on or not, on targets from uniform configurations.

    Args:
        region: Of an arm with as many joints as its task has rows.
        rng: Source of the configurations.
        targets: How many targets are solved in every aspect.
    """
    problem, chain = region.problem, region.chain
    q = rng.uniform(chain.lower, chain.upper, (10 * targets, len(chain)))
    number = region.classify(q)
    shares = np.array([(number == k).mean() for k in range(region.count)])
    q = q[:targets]
    wanted = problem.reached_by(q)
    reached = np.stack(
        [reaches(region, k, wanted) | (number[:targets] == k) for k in range(region.count)]
    )
    return AspectReach(
        names=region.names,
        joint_space=tuple(shares.tolist()),
        targets=tuple(reached.mean(axis=1).tolist()),
        mean_aspects=float(reached.sum(axis=0).mean()),
    )


def reaches(region: Region, number: int, targets: FloatArray) -> FloatArray:
    """Whether an aspect reaches each target (N,), looked for from its reference samples."""
    problem = region.problem
    nodes = region.nodes[region.labels == number]
    own = problem.reached_by(nodes)
    points, turns = task_points(problem, np.concatenate([own, targets]))
    count = min(SEEDS, len(nodes))
    _, nearest = cKDTree(points[: len(nodes)]).query(points[len(nodes) :], k=[*range(1, count + 1)])
    found = np.zeros(len(targets), dtype=bool)
    for rank in range(count):
        left = np.flatnonzero(~found)
        near = nearest[left, rank]
        # The sample's posture, turned to the target.
        seeds = nodes[near] + turns[len(nodes) + left] - turns[near]
        q, _ = refine(problem, seeds, targets[left], STEPS)
        found[left] = problem.is_solved(q, targets[left]) & (region.classify(q) == number)
    return found
