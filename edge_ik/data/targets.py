"""Targets to measure a network on: of everything the arm reaches, and of one branch."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from edge_ik.data.aspects import find_region
from edge_ik.data.focus import FocusCircle
from edge_ik.data.region import Region
from edge_ik.data.sampling import sample_aspect
from edge_ik.data.streams import EVALUATION_STREAM, EVERYWHERE_STREAM, aspect_stream, stream
from firmware_host.chain import FloatArray
from firmware_host.problem import IkProblem

# Targets along the focus path.
FOCUS_TARGETS = 10_000


@dataclass(frozen=True, eq=False)
class BranchTargets:
    """Targets of one branch, with its own solutions.

    Attributes:
        q: (N, n) joint vectors, uniform in the aspect [rad].
        target: (N, k) what they reach: the components that the task names.
        focus: (M, k) targets on the focus path; (0, k) without one.
    """

    q: FloatArray
    target: FloatArray
    focus: FloatArray


@dataclass(frozen=True, eq=False)
class TargetSet:
    """What a network is measured on.

    Attributes:
        q: (N, n) joint vectors, uniform within the limits, singular ones too [rad].
        target: (N, k) what they reach: the components that the task names.
        one_branch: Targets of the branch that a network of one head was trained in.
    """

    q: FloatArray
    target: FloatArray
    one_branch: BranchTargets | None = None


def draw_everywhere(problem: IkProblem, count: int, rng: np.random.Generator) -> TargetSet:
    """Targets of everything that the arm reaches: of uniform joints within the limits."""
    chain = problem.chain
    q = rng.uniform(chain.lower, chain.upper, (count, problem.joints))
    return TargetSet(q, problem.reached_by(q))


def draw_branch(
    region: Region, focus: FocusCircle | None, count: int, rng: np.random.Generator
) -> BranchTargets:
    """Targets uniform in the region's joint space, and along the focus path."""
    problem = region.problem
    q = sample_aspect(region, count, rng)
    focused = np.zeros((0, problem.task.size))
    if focus is not None:
        focused = focus.points(rng.uniform(0, 2 * math.pi, FOCUS_TARGETS))
    return BranchTargets(q, problem.reached_by(q), focused)


def unseen_targets(
    problem: IkProblem,
    home: FloatArray,
    one_branch: bool,
    focus: FocusCircle | None,
    count: int,
    rng_seed: int,
) -> TargetSet:
    """The targets that final figures are measured on, from streams that training never uses.

    Args:
        problem: The robot and the task.
        home: (n,) posture whose branch was trained, if it was one alone [rad].
        one_branch: Whether it was.
        focus: The focus circle, if there is one.
        count: Number of targets.
        rng_seed: Seed of the run.
    """
    everywhere = draw_everywhere(problem, count, stream(rng_seed, EVERYWHERE_STREAM))
    if not one_branch:
        return everywhere
    region = find_region(problem, home, aspect_stream())
    branch = draw_branch(region, focus, count, stream(rng_seed, EVALUATION_STREAM))
    return TargetSet(everywhere.q, everywhere.target, branch)
