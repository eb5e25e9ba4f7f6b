"""Choosing among an arm's branches: one asked for, the nearest, or any that works."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from firmware_host.chain import Chain, FloatArray
from firmware_host.errors import TargetError
from firmware_host.solving.refine import (
    DEFAULT_SETTINGS,
    RefineSettings,
    compiled_step,
    has_spare_joints,
    plain_errors,
    refine_seed,
)
from firmware_host.solving.seeding import Seeder
from firmware_host.solving.solution import is_solved, within_tolerance
from firmware_host.tasks.task import Task

ANY, NEAREST = "any", "nearest"

# Restarts are the same for every solve, so that a target always gets the same answer.
RESTART_SEED = 0

# Two answers whose distances differ by less are the same configuration [rad].
SAME_ANSWER = 1e-2


@dataclass(frozen=True, eq=False)
class Answers:
    """Refined joints for N targets.

    Attributes:
        q: (N, n) [rad].
        error: (N,) the distance that `Task.squared_error` is the square of [m].
        seed: (N, n) the seed that each came from [rad].
        branch: (N,) number of the aspect that the seed was for, or -1.
        tried: (N,) seeds that were refined.
        restarts: (N,) how many of them were drawn at random.
    """

    q: FloatArray
    error: FloatArray
    seed: FloatArray
    branch: npt.NDArray[np.int_]
    tried: npt.NDArray[np.int_]
    restarts: npt.NDArray[np.int_]


def branch_number(aspects: tuple[str, ...], branch: int | str) -> int:
    """The number of an aspect given by its number or name; "home" is 0.

    Raises:
        TargetError: If there is no such aspect.
    """
    count = max(1, len(aspects))
    if branch == "home":
        return 0
    if isinstance(branch, str) and branch.lstrip("-").isdigit():
        branch = int(branch)
    if isinstance(branch, str) and branch in aspects:
        return aspects.index(branch)
    # True and False are integers too, and mean nothing here.
    if isinstance(branch, int) and not isinstance(branch, bool) and 0 <= branch < count:
        return branch
    known = ", ".join(f"{index} ({name})" for index, name in enumerate(aspects)) or "0"
    raise TargetError(
        f"Expected a branch of the model: {known}, or '{ANY}' or '{NEAREST}'. Received: {branch!r}"
    )


def solve_one(
    seeder: Seeder,
    targets: FloatArray,
    branch: int,
    steps: int,
    settings: RefineSettings = DEFAULT_SETTINGS,
) -> Answers:
    """The answers (N, k) in one branch."""
    seeds = seeder.seeds(targets, branch)
    q, error, _ = refine_seed(seeder.chain, seeds, targets, steps, settings, seeder.task)
    count = len(targets)
    return Answers(q, error, seeds, np.full(count, branch), np.ones(count, int), _zeros(count))


def solve_any(
    seeder: Seeder,
    targets: FloatArray,
    steps: int,
    restarts: int = 0,
    settings: RefineSettings = DEFAULT_SETTINGS,
) -> Answers:
    """The first answer within tolerance, trying branches from the most promising on.

    That is the one whose seed has the shortest first step: an estimate of how far the
    solution is in joint space, which grows where a branch does not reach the target, and
    near singularities, where the distance in the workspace alone misleads.

    Args:
        seeder: The network.
        targets: (N, k) components.
        steps: Refinement steps from each seed.
        restarts: Seeds drawn at random, at most, where no branch leads to the target.
        settings: Damping and bounds.
    """
    chain, task, branches = seeder.chain, seeder.task, seeder.branches
    count = len(targets)
    seeds = np.stack([seeder.seeds(targets, number) for number in range(branches)], axis=1)
    if branches > 1:
        lengths = [
            step_length(chain, task, seeds[:, k], targets, settings) for k in range(branches)
        ]
        order = np.argsort(np.stack(lengths, axis=1), axis=1, kind="stable")
    else:
        order = np.zeros((count, 1), dtype=int)
    rows = np.arange(count)
    first = seeds[rows, order[:, 0]]
    q, error, _ = refine_seed(chain, first, targets, steps, settings, task)
    found = Answers(q, error, first.copy(), order[:, 0].copy(), np.ones(count, int), _zeros(count))
    rng = np.random.default_rng(RESTART_SEED)
    for attempt in range(1, branches + restarts):
        left = np.flatnonzero(~is_solved(chain, task, found.q, targets))
        if not len(left):
            break
        if attempt < branches:
            number = order[left, attempt]
            start = seeds[left, number]
        else:
            number = np.full(len(left), -1)
            # One draw a round, whatever is left: a batch is answered like its rows.
            drawn = rng.uniform(chain.lower, chain.upper)
            start = np.broadcast_to(drawn, (len(left), len(chain)))
            found.restarts[left] += 1
        found.tried[left] += 1
        _improve(found, left, start, number, seeder, targets, steps, settings)
    return found


def solve_nearest(
    seeder: Seeder,
    targets: FloatArray,
    near: FloatArray,
    steps: int,
    settings: RefineSettings = DEFAULT_SETTINGS,
) -> Answers:
    """The answer nearest to the present joints, of all that are within tolerance.

    Candidates are the answers of every branch, and that of refinement from the present
    joints, which leads along a path where the network is unsure of its branch.

    Args:
        seeder: The network.
        targets: (N, k) components.
        near: (N, n) present joints [rad].
        steps: Refinement steps from each seed.
        settings: Damping and bounds.
    """
    chain, task, branches = seeder.chain, seeder.task, seeder.branches
    count = len(targets)
    starts = [seeder.seeds(targets, number) for number in range(branches)]
    starts.append(chain.clamp(near))
    found: Answers | None = None
    best = np.full(count, math.inf)
    good = np.zeros(count, dtype=bool)
    for index, start in enumerate(starts):
        number = index if index < branches else -1
        q, error, _ = refine_seed(chain, start, targets, steps, settings, task)
        solved = is_solved(chain, task, q, targets)
        # Answers within tolerance compete by distance, the others by their error.
        rank = np.where(solved, joint_distance(chain, q, near), error)
        if found is None:
            found = Answers(
                q, error, start, np.full(count, number), np.full(count, len(starts)), _zeros(count)
            )
            best, good = rank, solved
            continue
        # The network's own branch keeps its number where both lead to one configuration.
        wins = np.where(solved == good, rank < best - SAME_ANSWER, solved)
        for kept, new in ((found.q, q), (found.error, error), (found.seed, start)):
            kept[wins] = new[wins]
        found.branch[wins] = number
        best, good = np.where(wins, rank, best), good | solved
    assert found is not None  # noqa: S101 - narrows the type
    return found


def solve_target(
    seeder: Seeder,
    target: FloatArray,
    branch: int | str,
    near: FloatArray | None,
    steps: int,
    restarts: int = 0,
    settings: RefineSettings = DEFAULT_SETTINGS,
) -> Answers:
    """The answer to one target (k,), as the functions above give it, in plain floats.

    Arrays of one number cost many times as much.

    Args:
        seeder: The network.
        target: Its components.
        branch: Number of a branch, "any" or "nearest".
        near: (n,) present joints [rad], for "nearest".
        steps: Refinement steps from each seed.
        restarts: Seeds drawn at random, at most, for "any".
        settings: Damping and bounds.
    """
    chain, task = seeder.chain, seeder.task
    plain: list[float] = target.tolist()
    guesses = [chain.clamp(guess) for guess in seeder.every_seed(plain)]
    rng = np.random.default_rng(RESTART_SEED)
    starts: list[tuple[FloatArray | None, int]]
    if branch == NEAREST and near is not None:
        starts = [*zip(guesses, range(len(guesses)), strict=True), (chain.clamp(near), -1)]
    elif branch == ANY:
        order = sorted(
            range(len(guesses)),
            key=lambda k: plain_step_length(chain, task, guesses[k], plain, settings),
        )
        starts = [(guesses[k], k) for k in (order if len(guesses) > 1 else [0])]
        starts += [(None, -1)] * restarts
    else:
        starts = [(guesses[int(branch)], int(branch))]
    best: tuple[bool, float, FloatArray, float, FloatArray, int] | None = None
    tried = 0
    for start, number in starts:
        seed = rng.uniform(chain.lower, chain.upper) if start is None else start
        q, error, _ = refine_seed(chain, seed, target, steps, settings, task)
        tried += 1
        solved = within_tolerance(*plain_errors(chain, task, q.tolist(), plain))
        # Answers within tolerance compete by distance, the others by their error.
        rank = float(error)
        if solved and branch == NEAREST:
            rank = float(joint_distance(chain, q, np.asarray(near, dtype=np.float64)))
        if (
            best is None
            or (solved and not best[0])
            or (solved == best[0] and rank < best[1] - (SAME_ANSWER if branch == NEAREST else 0.0))
        ):
            best = (solved, rank, q, float(error), seed, number)
        if solved and branch != NEAREST:
            break
    assert best is not None  # noqa: S101 - narrows the type
    _, _, q, error_m, seed, number = best
    return Answers(
        q[None],
        np.array([error_m]),
        seed[None],
        np.array([number]),
        np.array([tried]),
        np.array([max(0, tried - len(guesses)) if branch == ANY else 0]),
    )


def plain_step_length(
    chain: Chain,
    task: Task,
    seed: FloatArray,
    target: Sequence[float],
    settings: RefineSettings = DEFAULT_SETTINGS,
) -> float:
    """`step_length` of one seed (n,) in plain floats."""
    angles: list[float] = seed.tolist()
    place = [*map(math.sin, angles), *map(math.cos, angles), *target]
    return math.hypot(*_first_step(chain, task, place, settings))


def joint_distance(chain: Chain, q: FloatArray, near: FloatArray) -> FloatArray:
    """Largest joint difference (...) [rad]; around the circle where a joint wraps."""
    difference = q - near
    turns = np.where(chain.wraps, np.round(difference / (2 * np.pi)), 0.0)
    distance: FloatArray = np.abs(difference - 2 * np.pi * turns).max(axis=-1)
    return distance


def step_length(
    chain: Chain,
    task: Task,
    seeds: FloatArray,
    targets: FloatArray,
    settings: RefineSettings = DEFAULT_SETTINGS,
) -> FloatArray:
    """Length (N,) [rad] of the first step from seeds (N, n) toward targets (N, k), unbounded."""
    place = [*np.sin(seeds).T, *np.cos(seeds).T, *targets.T]
    dq = _first_step(chain, task, place, settings)
    length: FloatArray = np.sqrt(sum(change * change for change in dq))
    return length


def _first_step(
    chain: Chain, task: Task, place: Sequence[Any], settings: RefineSettings
) -> list[Any]:
    """The joint changes from sines, cosines and target components."""
    _, newton = compiled_step(chain, task)
    free = [1.0] * len(chain) if has_spare_joints(chain, task) else []
    changes: list[Any] = list(newton(*place, settings.damping, settings.damping_floor, *free))
    return changes[1:]


def _improve(
    found: Answers,
    rows: npt.NDArray[np.int_],
    start: FloatArray,
    number: npt.NDArray[np.int_],
    seeder: Seeder,
    targets: FloatArray,
    steps: int,
    settings: RefineSettings,
) -> None:
    """Refine other seeds for some rows, and keep what comes nearer."""
    chain, task = seeder.chain, seeder.task
    q, error, _ = refine_seed(chain, start, targets[rows], steps, settings, task)
    better = (error < found.error[rows]) | is_solved(chain, task, q, targets[rows])
    where = rows[better]
    found.q[where], found.error[where] = q[better], error[better]
    found.seed[where], found.branch[where] = start[better], number[better]


def _zeros(count: int) -> npt.NDArray[np.int_]:
    return np.zeros(count, dtype=int)
