"""What the heads of a trained network answer: their names, and what each is worth."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import numpy.typing as npt

from edge_ik.data.region import task_determinant
from edge_ik.data.streams import BRANCH_STREAM, stream
from firmware_host.chain import FloatArray
from firmware_host.kinematics import components
from firmware_host.problem import IkProblem
from firmware_host.solving.refine import refine
from firmware_host.solving.seeding import Seeder
from firmware_host.spec import Branch

# Configurations that heads are told apart by, and targets that are solved by each head.
CONFIGURATIONS = 20_000
TARGETS = 2_000
# Share of a head's postures that must be on one side of a joint's 0 for the side to name it.
ONE_SIDED = 0.95
# A side tells nothing if so large a share of all postures is on it.
COMMON = 0.9


def describe_branches(seeder: Seeder, rng_seed: int) -> tuple[Branch, ...]:
    """Name each head by what its postures share, and measure its shares.

    A head wins a configuration if its seed for the target that the configuration reaches
    is nearest to it, of all heads; it reaches a target if refinement from its seed does.

    Args:
        seeder: The trained network.
        rng_seed: Seed of the configurations.
    """
    problem, heads = seeder.spec.problem, seeder.spec.heads
    chain = problem.chain
    rng = stream(rng_seed, BRANCH_STREAM)
    q = rng.uniform(chain.lower, chain.upper, (CONFIGURATIONS, problem.joints))
    targets = problem.reached_by(q)
    guesses = seeder.guesses(targets)
    winner = guesses.nearest(q)
    wins = np.bincount(winner, minlength=heads) / len(q)
    few = targets[:TARGETS]
    reaches = []
    for head in range(heads):
        found, _ = refine(problem, guesses.seeds(head)[:TARGETS], few, problem.default_steps)
        reaches.append(float(problem.is_solved(found, few).mean()))
    names = branch_names(problem, q, winner, heads)
    return tuple(
        Branch(name, float(share), reach)
        for name, share, reach in zip(names, wins, reaches, strict=True)
    )


def branch_names(
    problem: IkProblem, q: FloatArray, winner: npt.NDArray[np.int_], heads: int
) -> tuple[str, ...]:
    """A name for each head: the sides that its joints are on, and the sign of det J.

    Heads that share the same sides, or have none, get a number behind them.
    """
    if heads == 1:
        return ("all",)
    # The sine of an angle, or which half of the way a joint has slid.
    side = problem.outputs.of(components(q), np)
    sides = {
        f"{name}{sign}": (side[joint] > 0) == (sign == "+")
        for joint, name in enumerate(problem.chain.joint_names)
        for sign in "+-"
    }
    if not problem.spare_joints and problem.joints == problem.task.rows:
        positive = task_determinant(problem, q) > 0
        sides |= {"det+": positive, "det-": ~positive}
    telling = {word: side for word, side in sides.items() if side.mean() < COMMON}
    names = []
    for head in range(heads):
        own = winner == head
        shared = [
            word for word, side in telling.items() if own.any() and side[own].mean() >= ONE_SIDED
        ]
        names.append(",".join(shared))
    counts = Counter(names)
    numbers = {name: itertools.count(1) for name in counts}
    return tuple(
        name if name and counts[name] == 1 else f"{name or 'branch'}#{next(numbers[name])}"
        for name in names
    )
