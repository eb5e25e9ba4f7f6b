"""Whether one aspect is enough: it reaches all that the arm does, each target in one way."""

from __future__ import annotations

import numpy as np

from edge_ik.data.region import Region, shortest
from firmware_host.solving.refine import refine

TARGETS = 2000
# Postures of the aspect that each target is solved from, and the steps from each.
TRIES, STEPS = 12, 20
# The least share of joint space that the aspect must hold, and of targets that it must reach:
# what the others add is then less than anybody is told of.
LEAST_SHARE, LEAST_REACHED = 0.95, 0.999
# Two answers that differ by more than this are two [rad, L], and the most targets that may have
# two: an aspect can hold several where the arm is cuspidal.
APART, MOST_AMBIGUOUS = 0.3, 0.01


def answers_alone(region: Region, rng: np.random.Generator) -> bool:
    """Whether a network of one head, trained in the home aspect, answers everything.

    Args:
        region: The home aspect.
        rng: Source of the targets, and of the postures that they are solved from.
    """
    problem, chain = region.problem, region.chain
    q = rng.uniform(chain.lower, chain.upper, (TARGETS, problem.joints))
    inside = region.contains(q)
    if inside.mean() < LEAST_SHARE:
        return False
    targets, seeds = problem.reached_by(q), q[inside]
    reached, ambiguous = inside.copy(), np.zeros(TARGETS, dtype=bool)
    for _ in range(TRIES):
        start = seeds[rng.integers(len(seeds), size=TARGETS)]
        found, _ = refine(problem, start, targets, STEPS)
        number = region.classify(found)
        solved = problem.is_solved(found, targets)
        # Near a singularity, between the aspects, the network's seeds still lead there.
        reached |= solved & (number <= 0)
        apart = np.abs(shortest(chain, found - q) / chain.scales).max(axis=1) > APART
        ambiguous |= solved & inside & (number == 0) & apart
    return bool(reached.mean() >= LEAST_REACHED and ambiguous.mean() <= MOST_AMBIGUOUS)
