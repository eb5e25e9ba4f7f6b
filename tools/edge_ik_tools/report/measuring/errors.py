"""How far answers are off: distributions after each step, and joint by joint."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge_ik.figures import STUDY, STUDY_ROBOT, error_figures, joint_difference
from edge_ik_tools.report.measuring.answers import Answered
from firmware_host.chain import FloatArray

# Bins of a distribution in each decade, and the least error that is told apart [m, rad].
BINS_A_DECADE, LEAST = 8, 1e-12
# Shares of the targets at which a joint's error is told.
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
# Points of the curve that tells how many targets are worse.
CURVE_POINTS = 160


@dataclass(frozen=True, eq=False)
class Distribution:
    """How large an error is over all targets.

    Attributes:
        edges: (B + 1,) edges of the bins, evenly spaced in logarithms [m, rad].
        share: (B,) share of the targets in each bin; what is less than the first edge is in
            the first.
        error: (C,) errors in falling order [m, rad].
        worse: (C,) share of the targets that are at least so far off.
    """

    edges: FloatArray
    share: FloatArray
    error: FloatArray
    worse: FloatArray


@dataclass(frozen=True, eq=False)
class JointErrors:
    """How far the network alone is from the answer, of one joint.

    Attributes:
        name: Its name.
        unit: rad or m.
        quantiles: (6,) of the absolute difference at `QUANTILES` of the targets [rad, m].
    """

    name: str
    unit: str
    quantiles: FloatArray


@dataclass(frozen=True, eq=False)
class Errors:
    """How far answers are off.

    Attributes:
        targets: Number of targets.
        figures: For each number of steps the figures that `edge-ik evaluate` prints.
        position: For each number of steps the distribution of the distance [m].
        rotation: The same of the angle [rad]; none where targets have no orientation.
        joints: The network alone against the answer, joint by joint, over targets solved.
        study: The published study's figures of this robot [m], by name; none of others.
    """

    targets: int
    figures: tuple[dict[str, float], ...]
    position: tuple[Distribution, ...]
    rotation: tuple[Distribution, ...]
    joints: tuple[JointErrors, ...]
    study: dict[str, float]


def measure_errors(answered: Answered, one_branch: bool) -> Errors:
    """The errors of answered targets.

    Args:
        answered: Targets with answers.
        one_branch: Whether the network was trained as the study's was, for one branch.
    """
    problem = answered.problem
    chain = problem.chain
    solved = answered.last.solved
    apart = joint_difference(chain, answered.last.seed[solved], answered.last.q[solved])
    spread = np.quantile(apart, QUANTILES, axis=0).T if solved.any() else np.zeros((len(chain), 6))
    study = one_branch and chain.name == STUDY_ROBOT and not problem.task.has_orientation
    return Errors(
        targets=len(answered.target),
        figures=tuple(
            error_figures(problem, step.q, (step.error, step.angle), np.zeros(0), None).to_dict()
            for step in answered.steps
        ),
        position=tuple(distribution(step.error) for step in answered.steps),
        rotation=tuple(distribution(step.angle) for step in answered.steps)
        if problem.task.has_orientation
        else (),
        joints=tuple(
            JointErrors(name, unit, row)
            for name, unit, row in zip(chain.joint_names, chain.units, spread, strict=True)
        ),
        study={name: value for name, value in STUDY.items() if name.endswith("_m")}
        if study
        else {},
    )


def distribution(values: FloatArray) -> Distribution:
    """The distribution of errors (N,) [m, rad], down to `LEAST`."""
    clipped = np.maximum(values, LEAST)
    logs = np.log10(clipped)
    first, last = np.floor(logs.min()), np.ceil(logs.max() + 1e-9)
    edges = np.logspace(first, last, int(last - first) * BINS_A_DECADE + 1)
    counts, _ = np.histogram(logs, np.log10(edges))
    falling = np.sort(clipped)[::-1]
    # Dense where few targets are left, so that the worst are told one by one.
    rank = np.unique(np.geomspace(1, len(falling), CURVE_POINTS).astype(int)) - 1
    return Distribution(edges, counts / len(values), falling[rank], (rank + 1) / len(values))
