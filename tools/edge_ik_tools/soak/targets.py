"""Targets of every kind: reached, on limits, anywhere near, out of reach, and no numbers."""

from __future__ import annotations

import numpy as np

from edge_ik_tools.soak.kinematics import task_components, tool_poses
from firmware_host.chain import FloatArray
from firmware_host.problem import IkProblem

# Shares of the targets: what uniform joints reach is the rest.
ON_LIMITS, ANYWHERE, OUT_OF_REACH, NO_NUMBERS = 0.1, 0.1, 0.1, 0.001
# Joints of a posture on limits that are on one, in the mean.
LIMITED_SHARE = 0.4
# How far out of reach targets are, in what the arm reaches, and as a power of ten for some.
FURTHER, FAR_POWER = (1.0, 3.0), 5.0


def drawn_targets(problem: IkProblem, count: int, rng: np.random.Generator) -> FloatArray:
    """Components (count, k) of targets of every kind, in a random order."""
    chain, task = problem.chain, problem.task
    q = rng.uniform(chain.lower, chain.upper, (count, len(chain)))
    kind = rng.uniform(size=count)
    limited = (kind < ON_LIMITS)[:, None] & (rng.uniform(size=q.shape) < LIMITED_SHARE)
    ends = np.where(rng.uniform(size=q.shape) < 0.5, chain.lower, chain.upper)
    rotation, position = tool_poses(chain, np.where(limited, ends, q))
    anywhere = (kind >= ON_LIMITS) & (kind < ON_LIMITS + ANYWHERE)
    near = np.linalg.norm(chain.segments[0].origin[:3, 3]) + chain.reach
    position[anywhere] = near * rng.uniform(-1, 1, (int(anywhere.sum()), 3))
    rotation[anywhere] = rotation[rng.permutation(np.flatnonzero(anywhere))]
    far = (kind >= ON_LIMITS + ANYWHERE) & (kind < ON_LIMITS + ANYWHERE + OUT_OF_REACH)
    ways = rng.normal(size=(int(far.sum()), 3))
    away = rng.uniform(*FURTHER, len(ways))
    away = np.where(rng.uniform(size=len(ways)) < 0.5, away, 10 ** (FAR_POWER * away / FURTHER[1]))
    position[far] = ways * (near * away / np.linalg.norm(ways, axis=1))[:, None]
    targets = task_components(problem, rotation, position)
    none = rng.uniform(size=count) < NO_NUMBERS
    values = rng.choice([np.nan, np.inf, -np.inf], int(none.sum()))
    targets[none, rng.integers(0, len(task.place), int(none.sum()))] = values
    return targets
