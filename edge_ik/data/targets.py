"""Targets to measure a network on, in the region that it answers for."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_ik.data.aspects import find_region
from edge_ik.data.focus import FocusCircle
from edge_ik.data.region import IntArray, Region
from edge_ik.data.sampling import sample_aspect
from edge_ik.data.streams import EVALUATION_STREAM, aspect_stream, stream
from edge_ik.run import Run
from firmware_host.chain import FloatArray
from firmware_host.problem import IkProblem

# Targets along the focus path.
FOCUS_TARGETS = 10_000


@dataclass(frozen=True, eq=False)
class TargetSet:
    """Targets with the region's own solutions.

    Attributes:
        q: (N, n) joint vectors, uniform in the region [rad].
        target: (N, k) what they reach: the components that the task names.
        branch: (N,) number of the branch that each is an answer in.
        focus: (M, k) targets on the focus path; (0, k) without one.
        anywhere: (A, k) what configurations from all of joint space reach, for branch
            "any"; (0, k) for one branch.
    """

    q: FloatArray
    target: FloatArray
    branch: IntArray
    focus: FloatArray
    anywhere: FloatArray


def draw_targets(
    region: Region, focus: FocusCircle | None, count: int, rng: np.random.Generator
) -> TargetSet:
    """Targets uniform in the region's joint space, and along the focus path."""
    problem, chain = region.problem, region.chain
    q = sample_aspect(region, count, rng)
    branch = np.zeros(count, dtype=np.int32)
    size = len(problem.task.component_names)
    anywhere = focused = np.zeros((0, size))
    if focus is not None:
        focused = focus.points(rng.uniform(0, 2 * math.pi, FOCUS_TARGETS))
    if region.every:
        branch = region.classify(q)
        # A handful near singularities belong to none for certain.
        q, branch = q[branch >= 0], branch[branch >= 0]
        drawn = rng.uniform(chain.lower, chain.upper, (count, len(chain)))
        anywhere = problem.reached_by(drawn)
    target = problem.reached_by(q)
    return TargetSet(q, target, branch, focused, anywhere)


def run_region(run: Run) -> Region:
    """The region that a run is trained in, found again."""
    config = run.config
    return find_region(
        run.problem,
        run.home,
        config.arm.singularity_margin,
        aspect_stream(),
        config.task.every_aspect,
    )


def evaluation_targets(run: Run, count: int) -> TargetSet:
    """The targets that a run's final figures are measured on, unseen in training."""
    rng = stream(run.config.training.rng_seed, EVALUATION_STREAM)
    return draw_targets(run_region(run), run.focus, count, rng)


def unseen_targets(
    problem: IkProblem,
    home: npt.ArrayLike,
    singularity_margin: float,
    rng_seed: int,
    focus: FocusCircle | None,
    count: int,
    every: bool = False,
) -> TargetSet:
    """`evaluation_targets` of a run that is known by what its model file says."""
    region = find_region(problem, home, singularity_margin, aspect_stream(), every)
    return draw_targets(region, focus, count, stream(rng_seed, EVALUATION_STREAM))
