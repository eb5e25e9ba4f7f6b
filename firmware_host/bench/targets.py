"""The targets that benchmarks solve."""

from __future__ import annotations

import numpy as np

from firmware_host.bench.cold import COLD_STEPS
from firmware_host.chain import FloatArray
from firmware_host.errors import ModelFileError
from firmware_host.solver import IkSolver
from firmware_host.solving.branches import solve_any
from firmware_host.solving.refine import refine

TARGET_SEED = 0
# Samples drawn for each target wanted, before giving up on a model that reaches none.
MOST_DRAWN = 100
# How far joints go on a path from the home posture [rad, L], at most ...
PATH_AMPLITUDE = 0.5
# ... and which share of the room to their limits.
PATH_ROOM = 0.8


def bench_targets(solver: IkSolver, count: int, rng_seed: int = TARGET_SEED) -> FloatArray:
    """Reachable targets (count, k): what uniformly drawn joint angles reach.

    Kept are those in the workspace the network was trained in that can be reached, to
    within tolerance in `COLD_STEPS` steps, from a seed of the network or from the
    middle of the limits: what either way of solving finds is there for both.

    Raises:
        ModelFileError: If hardly any can be reached.
    """
    problem, chain = solver.problem, solver.chain
    rng = np.random.default_rng(rng_seed)
    found: list[FloatArray] = []
    missing = count
    for _ in range(MOST_DRAWN):
        q = rng.uniform(chain.lower, chain.upper, (count, len(chain)))
        targets = problem.reached_by(q)
        if solver.workspace is not None:
            targets = targets[solver.workspace.contains(chain, problem.task.positions(targets))]
        middle = np.broadcast_to(chain.middle, (len(targets), len(chain)))
        cold, _ = refine(problem, middle, targets, COLD_STEPS)
        reached = problem.is_solved(cold, targets)
        reached |= problem.is_solved(solve_any(solver.seeder, targets, COLD_STEPS).q, targets)
        found.append(targets[reached][:missing])
        missing -= len(found[-1])
        if not missing:
            return np.concatenate(found)
    raise ModelFileError(
        f"The model's robot reaches too few of its own targets: "
        f"{count - missing} of {MOST_DRAWN * count}."
    )


def bench_path(solver: IkSolver, count: int) -> tuple[FloatArray, FloatArray]:
    """A smooth loop about the home posture: joints (count, n), and the targets (count, k).

    Each joint goes to and fro once, by half a radian or most of the room that its limits
    leave, each a little after the one before, so that no two turn back at once.
    """
    chain, home = solver.chain, solver.home
    room = np.where(chain.continuous, np.inf, np.minimum(home - chain.lower, chain.upper - home))
    amplitude = np.minimum(PATH_AMPLITUDE * chain.scales, PATH_ROOM * room)
    phase = 2 * np.pi * np.arange(len(chain)) / len(chain)
    time = 2 * np.pi * np.arange(count)[:, None] / count
    q = home + amplitude * np.sin(time + phase)
    return q, solver.problem.reached_by(q)
