"""Choosing among an arm's branches: one asked for, the nearest, or any that works."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from firmware_host.chain import Chain, FloatArray
from firmware_host.problem import IkProblem
from firmware_host.solving.refine import (
    DEFAULT_SETTINGS,
    NEAREST_SETTINGS,
    NEAREST_STEPS,
    RefineSettings,
    refine,
    refine_plain,
    refine_seed,
)
from firmware_host.solving.seeding import Seeder
from firmware_host.solving.solution import Found
from firmware_host.solving.telling import told
from firmware_host.tolerances import SAME_ANSWER

ANY, NEAREST, HOME = "any", "nearest", "home"

# Restarts are the same for every solve, so that a target always gets the same answer.
RESTART_SEED = 0


@dataclass(frozen=True, eq=False)
class Answers:
    """Refined joints for N targets.

    Attributes:
        q: (N, n) [rad].
        error: (N,) the distance that `IkProblem.squared_error` is the square of [m].
        seed: (N, n) the seed that each came from [rad].
        seed_error: (N,) the seed's own distance [m].
        branch: (N,) number of the branch that the seed was for, or -1.
        tried: (N,) seeds that were refined.
        restarts: (N,) how many of them were drawn at random.
    """

    q: FloatArray
    error: FloatArray
    seed: FloatArray
    seed_error: FloatArray
    branch: npt.NDArray[np.int_]
    tried: npt.NDArray[np.int_]
    restarts: npt.NDArray[np.int_]


def preferred(solved: Any, rank: Any, best_solved: Any, best_rank: Any, margin: float = 0.0) -> Any:
    """Whether an answer is preferred to the best before it; numbers, or arrays of them.

    One within tolerance is preferred to one that is not. Of two alike, the one of lesser
    rank is, if by more than a margin: the joint distance among answers within tolerance,
    otherwise the error.
    """
    return (solved > best_solved) | ((solved == best_solved) & (rank < best_rank - margin))


def solve_one(
    seeder: Seeder,
    targets: FloatArray,
    branch: int,
    steps: int,
    settings: RefineSettings = DEFAULT_SETTINGS,
) -> Answers:
    """The answers (N, k) in one branch."""
    seeds = seeder.seeds(targets, branch)
    problem, count = seeder.spec.problem, len(targets)
    refined = refine_seed(problem, seeds, targets, steps, settings)
    found = _answers(*refined, seeds, np.full(count, branch), np.ones(count, int))
    return _nearer(found, problem, targets, steps)


def solve_any(
    seeder: Seeder,
    targets: FloatArray,
    steps: int,
    restarts: int = 0,
    settings: RefineSettings = DEFAULT_SETTINGS,
) -> Answers:
    """The first answer within tolerance, trying heads from the most promising on.

    Which one that is, the network says itself, in the same run.

    Args:
        seeder: The network.
        targets: (N, k) components.
        steps: Refinement steps from each seed.
        restarts: Seeds drawn at random, at most, where no head leads to the target.
        settings: Damping and bounds.
    """
    problem, heads, count = seeder.spec.problem, seeder.spec.heads, len(targets)
    guesses = seeder.guesses(targets)
    order = guesses.order
    first = guesses.seeds(order[:, 0])
    refined = refine_seed(problem, first, targets, steps, settings)
    found = _answers(*refined, first.copy(), order[:, 0].copy(), np.ones(count, int))
    rng = np.random.default_rng(RESTART_SEED)
    left = np.arange(count)
    for attempt in range(1, heads + restarts):
        left = left[~_solved(problem, found.q[left], found.error[left], targets[left])]
        if not len(left):
            break
        if attempt < heads:
            number = order[left, attempt]
            start = guesses.rows(left).seeds(number)
        else:
            number = np.full(len(left), -1)
            # One draw a round, whatever is left: a batch is answered like its rows.
            drawn = rng.uniform(problem.chain.lower, problem.chain.upper)
            start = np.broadcast_to(drawn, (len(left), problem.joints))
            found.restarts[left] += 1
        found.tried[left] += 1
        _improve(found, left, start, number, problem, targets, steps, settings)
    return _nearer(found, problem, targets, steps)


def solve_nearest(
    seeder: Seeder,
    targets: FloatArray,
    near: FloatArray,
    steps: int,
    settings: RefineSettings = DEFAULT_SETTINGS,
) -> Answers:
    """The answer nearest to the present joints, of all that are within tolerance.

    Candidates are the answers of every head, and that of refinement from the present
    joints, which leads along a path where the network is unsure of its branch.

    Args:
        seeder: The network.
        targets: (N, k) components.
        near: (N, n) present joints [rad].
        steps: Refinement steps from each seed.
        settings: Damping and bounds.
    """
    problem, heads = seeder.spec.problem, seeder.spec.heads
    count = len(targets)
    guesses = seeder.guesses(targets)
    starts = [guesses.seeds(head) for head in range(heads)]
    starts.append(problem.chain.clamp(near))
    found: Answers | None = None
    best = np.full(count, math.inf)
    good = np.zeros(count, dtype=bool)
    for index, start in enumerate(starts):
        number = index if index < heads else -1
        q, error, seed_error = refine_seed(problem, start, targets, steps, settings)
        solved = _solved(problem, q, error, targets)
        rank = np.where(solved, problem.chain.travel(q, near), error)
        if found is None:
            tried = np.full(count, len(starts))
            found = _answers(q, error, seed_error, start, np.full(count, number), tried)
            best, good = rank, solved
            continue
        # The network's own branch keeps its number where both lead to one configuration.
        wins = preferred(solved, rank, good, best, SAME_ANSWER)
        kept = (found.q, found.error, found.seed_error, found.seed)
        for old, new in zip(kept, (q, error, seed_error, start), strict=True):
            old[wins] = new[wins]
        found.branch[wins] = number
        best, good = np.where(wins, rank, best), good | solved
    assert found is not None  # noqa: S101 - narrows the type
    return _nearer(found, problem, targets, steps)


def solve_targets(
    seeder: Seeder,
    targets: FloatArray,
    branch: int | str,
    near: FloatArray | None,
    steps: int,
    restarts: int = 0,
) -> Answers:
    """The answers to targets (N, k) by one of the functions above; see `solve_target`.

    Args:
        seeder: The network.
        targets: Their components.
        branch: Number of a branch, "any" or "nearest".
        near: (n,) or (N, n) present joints [rad, m], for "nearest".
        steps: Refinement steps from each seed.
        restarts: Seeds drawn at random, at most, for "any".
    """
    if branch == ANY:
        return solve_any(seeder, targets, steps, restarts)
    if branch == NEAREST:
        joints = np.broadcast_to(np.asarray(near), (len(targets), seeder.spec.problem.joints))
        return solve_nearest(seeder, targets, joints, steps)
    return solve_one(seeder, targets, int(branch), steps)


def solve_target(
    seeder: Seeder,
    target: Sequence[float],
    branch: int | str,
    near: Sequence[float] | None,
    steps: int,
    restarts: int = 0,
    settings: RefineSettings = DEFAULT_SETTINGS,
) -> Found:
    """The answer to one target, as the functions above give it, in plain floats.

    Arrays of one number cost many times as much.

    Args:
        seeder: The network.
        target: k components.
        branch: Number of a branch, "any" or "nearest".
        near: n present joints [rad, m], for "nearest"; any branch is given the turn nearest
            to them.
        steps: Refinement steps from each seed.
        restarts: Seeds drawn at random, at most, for "any".
        settings: Damping and bounds.
    """
    problem, plain, heads = seeder.spec.problem, seeder.spec.problem.plain, seeder.spec.heads
    guesses = seeder.plain_guesses(target)
    present = near if branch == NEAREST else None
    tries = guesses.order if branch == ANY else range(heads) if present else [int(branch)]
    starts: Iterable[tuple[list[float], int]]
    starts = ((plain.clamp(guesses.joints(head)), head) for head in tries)
    if present is not None:
        starts = chain(starts, [(plain.clamp(present), -1)])
    elif branch == ANY and restarts:
        starts = chain(starts, _drawn(problem.chain, restarts))
    margin = SAME_ANSWER if present else 0.0
    best: tuple[bool, float, tuple[float, float], list[float], float, int] | None = None
    tried = 0
    for seed, number in starts:
        q, error, seed_error = refine_plain(problem, seed, target, steps, settings)
        tried += 1
        off, seed_off = (error, 0.0), seed_error
        # The refinement's own measure is the distance where there is no orientation.
        if problem.task.has_orientation:
            off, (seed_off, _) = problem.plain_errors(q, target), problem.plain_errors(seed, target)
        solved = problem.tolerance.holds(*off)
        rank = error if present is None or not solved else plain.travel(q, present)
        if best is None or preferred(solved, rank, best[0], best[1], margin):
            best = (solved, rank, off, q, seed_off, number)
        if solved and branch != NEAREST:
            break
    assert best is not None  # noqa: S101 - narrows the type
    solved, _, off, q, seed_off, number = best
    if steps and not solved:
        q, _, _ = refine_plain(problem, q, target, NEAREST_STEPS, NEAREST_SETTINGS)
        off = problem.plain_errors(q, target)
    if near is not None:
        q = plain.nearest_turn(q, near)
    at_random = max(0, tried - heads) if branch == ANY else 0
    return told(problem.tolerance, q, target, near, off, seed_off, steps, number, tried, at_random)


def _drawn(robot: Chain, restarts: int) -> Iterator[tuple[list[float], int]]:
    """Seeds drawn at random, the same for every solve."""
    rng = np.random.default_rng(RESTART_SEED)
    return ((rng.uniform(robot.lower, robot.upper).tolist(), -1) for _ in range(restarts))


def _improve(
    found: Answers,
    rows: npt.NDArray[np.int_],
    start: FloatArray,
    number: npt.NDArray[np.int_],
    problem: IkProblem,
    targets: FloatArray,
    steps: int,
    settings: RefineSettings,
) -> None:
    """Refine other seeds for some rows, none solved yet, and keep what is preferred."""
    q, error, seed_error = refine_seed(problem, start, targets[rows], steps, settings)
    solved = _solved(problem, q, error, targets[rows])
    better = preferred(solved, error, False, found.error[rows])
    where = rows[better]
    found.q[where], found.error[where] = q[better], error[better]
    found.seed[where], found.seed_error[where] = start[better], seed_error[better]
    found.branch[where] = number[better]


def _solved(
    problem: IkProblem, q: FloatArray, error: FloatArray, targets: FloatArray
) -> npt.NDArray[np.bool_]:
    """Whether joints (N, n) reach targets (N, k) to within tolerance; error (N,) is theirs."""
    if problem.task.has_orientation:
        return problem.is_solved(q, targets)
    # The refinement's own measure is the distance then.
    solved: npt.NDArray[np.bool_] = problem.tolerance.holds(error, 0.0)
    return solved


def _answers(
    q: FloatArray,
    error: FloatArray,
    seed_error: FloatArray,
    seed: FloatArray,
    branch: npt.NDArray[np.int_],
    tried: npt.NDArray[np.int_],
) -> Answers:
    """Answers without restarts."""
    return Answers(q, error, seed, seed_error, branch, tried, _zeros(len(q)))


def _nearer(found: Answers, problem: IkProblem, targets: FloatArray, steps: int) -> Answers:
    """The answers, of which those that nothing led to have come nearer to their targets.

    Not without refinement: there the network's own answers are asked for.
    """
    solved = _solved(problem, found.q, found.error, targets)
    left = np.flatnonzero(~solved) if steps else _zeros(0)
    if len(left):
        q, error = refine(problem, found.q[left], targets[left], NEAREST_STEPS, NEAREST_SETTINGS)
        found.q[left], found.error[left] = q, error
    return found


def _zeros(count: int) -> npt.NDArray[np.int_]:
    return np.zeros(count, dtype=int)
