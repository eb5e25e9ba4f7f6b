"""Choosing among an arm's branches: one asked for, the nearest, or any that works."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from firmware_host.chain import FloatArray
from firmware_host.errors import TargetError
from firmware_host.problem import IkProblem
from firmware_host.solving.refine import DEFAULT_SETTINGS, RefineSettings, refine_seed
from firmware_host.solving.seeding import Seeder
from firmware_host.tolerances import SAME_ANSWER, within_tolerance

ANY, NEAREST = "any", "nearest"

# Restarts are the same for every solve, so that a target always gets the same answer.
RESTART_SEED = 0


@dataclass(frozen=True, eq=False)
class Answers:
    """Refined joints for N targets.

    Attributes:
        q: (N, n) [rad].
        error: (N,) the distance that `IkProblem.squared_error` is the square of [m].
        seed: (N, n) the seed that each came from [rad].
        branch: (N,) number of the branch that the seed was for, or -1.
        tried: (N,) seeds that were refined.
        restarts: (N,) how many of them were drawn at random.
    """

    q: FloatArray
    error: FloatArray
    seed: FloatArray
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


def branch_number(branches: tuple[str, ...], branch: int | str) -> int:
    """The number of a branch given by its number or name; "home" is 0.

    Raises:
        TargetError: If there is no such branch.
    """
    count = max(1, len(branches))
    if branch == "home":
        return 0
    if isinstance(branch, str) and branch.lstrip("-").isdigit():
        branch = int(branch)
    if isinstance(branch, str) and branch in branches:
        return branches.index(branch)
    # True and False are integers too, and mean nothing here.
    if isinstance(branch, int) and not isinstance(branch, bool) and 0 <= branch < count:
        return branch
    known = ", ".join(f"{index} ({name})" for index, name in enumerate(branches)) or "0"
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
    q, error, _ = refine_seed(seeder.spec.problem, seeds, targets, steps, settings)
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
    problem, branches = seeder.spec.problem, seeder.branches
    chain, count = problem.chain, len(targets)
    seeds = np.stack([seeder.seeds(targets, number) for number in range(branches)], axis=1)
    if branches > 1:
        lengths = [step_length(problem, seeds[:, k], targets, settings) for k in range(branches)]
        order = np.argsort(np.stack(lengths, axis=1), axis=1, kind="stable")
    else:
        order = np.zeros((count, 1), dtype=int)
    first = seeds[np.arange(count), order[:, 0]]
    q, error, _ = refine_seed(problem, first, targets, steps, settings)
    found = Answers(q, error, first.copy(), order[:, 0].copy(), np.ones(count, int), _zeros(count))
    rng = np.random.default_rng(RESTART_SEED)
    for attempt in range(1, branches + restarts):
        left = np.flatnonzero(~problem.is_solved(found.q, targets))
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
        _improve(found, left, start, number, problem, targets, steps, settings)
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
    problem, branches = seeder.spec.problem, seeder.branches
    count = len(targets)
    starts = [seeder.seeds(targets, number) for number in range(branches)]
    starts.append(problem.chain.clamp(near))
    found: Answers | None = None
    best = np.full(count, math.inf)
    good = np.zeros(count, dtype=bool)
    for index, start in enumerate(starts):
        number = index if index < branches else -1
        q, error, _ = refine_seed(problem, start, targets, steps, settings)
        solved = problem.is_solved(q, targets)
        rank = np.where(solved, problem.chain.travel(q, near), error)
        if found is None:
            found = Answers(
                q, error, start, np.full(count, number), np.full(count, len(starts)), _zeros(count)
            )
            best, good = rank, solved
            continue
        # The network's own branch keeps its number where both lead to one configuration.
        wins = preferred(solved, rank, good, best, SAME_ANSWER)
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
    problem = seeder.spec.problem
    chain = problem.chain
    plain: list[float] = target.tolist()
    guesses = [chain.clamp(guess) for guess in seeder.every_seed(plain)]
    rng = np.random.default_rng(RESTART_SEED)
    starts: list[tuple[FloatArray | None, int]]
    margin = 0.0
    if branch == NEAREST and near is not None:
        starts = [*zip(guesses, range(len(guesses)), strict=True), (chain.clamp(near), -1)]
        margin = SAME_ANSWER
    elif branch == ANY:
        order = _most_promising(problem, guesses, plain, settings)
        starts = [*((guesses[k], k) for k in order), *[(None, -1)] * restarts]
    else:
        starts = [(guesses[int(branch)], int(branch))]
    best: tuple[bool, float, FloatArray, float, FloatArray, int] | None = None
    tried = 0
    for start, number in starts:
        seed = rng.uniform(chain.lower, chain.upper) if start is None else start
        q, error, _ = refine_seed(problem, seed, target, steps, settings)
        tried += 1
        solved = within_tolerance(*problem.plain_errors(q.tolist(), plain))
        by_distance = solved and branch == NEAREST and near is not None
        rank = float(chain.travel(q, near)) if by_distance and near is not None else float(error)
        if best is None or preferred(solved, rank, best[0], best[1], margin):
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


def _most_promising(
    problem: IkProblem,
    guesses: Sequence[FloatArray],
    target: Sequence[float],
    settings: RefineSettings,
) -> list[int]:
    """The branches by the length of the first step from each one's guess."""
    if len(guesses) == 1:
        return [0]
    lengths = [plain_step_length(problem, guess, target, settings) for guess in guesses]
    return sorted(range(len(guesses)), key=lengths.__getitem__)


def plain_step_length(
    problem: IkProblem,
    seed: FloatArray,
    target: Sequence[float],
    settings: RefineSettings = DEFAULT_SETTINGS,
) -> float:
    """`step_length` of one seed (n,) in plain floats."""
    angles: list[float] = seed.tolist()
    place = [*map(math.sin, angles), *map(math.cos, angles), *target]
    return math.hypot(*_first_step(problem, place, settings))


def step_length(
    problem: IkProblem,
    seeds: FloatArray,
    targets: FloatArray,
    settings: RefineSettings = DEFAULT_SETTINGS,
) -> FloatArray:
    """Length (N,) [rad] of the first step from seeds (N, n) toward targets (N, k), unbounded."""
    place = [*np.sin(seeds).T, *np.cos(seeds).T, *targets.T]
    dq = _first_step(problem, place, settings)
    length: FloatArray = np.sqrt(sum(change * change for change in dq))
    return length


def _first_step(problem: IkProblem, place: Sequence[Any], settings: RefineSettings) -> list[Any]:
    """The joint changes from sines, cosines and target components."""
    _, newton = problem.compiled_step
    free = [1.0] * problem.joints if problem.spare_joints else []
    changes: list[Any] = list(newton(*place, settings.damping, settings.damping_floor, *free))
    return changes[1:]


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
    q, error, _ = refine_seed(problem, start, targets[rows], steps, settings)
    solved = problem.is_solved(q, targets[rows])
    better = preferred(solved, error, False, found.error[rows])
    where = rows[better]
    found.q[where], found.error[where] = q[better], error[better]
    found.seed[where], found.branch[where] = start[better], number[better]


def _zeros(count: int) -> npt.NDArray[np.int_]:
    return np.zeros(count, dtype=int)
