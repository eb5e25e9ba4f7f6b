"""Damped least squares: a fixed number of steps from a seed to the target."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from firmware_host.chain import FloatArray
from firmware_host.kinematics import Scalar
from firmware_host.problem import IkProblem


@dataclass(frozen=True)
class RefineSettings:
    """How the steps are damped and bounded.

    Attributes:
        damping: Factor of the squared task error in lambda^2; the damping then
            vanishes at the solution, where steps become Gauss-Newton's
            (Sugihara, "Solvability-unconcerned inverse kinematics by the
            Levenberg-Marquardt method", IEEE Transactions on Robotics, 2011).
        damping_floor: Least lambda^2 [m^2/rad^2]; keeps the matrix invertible at
            singularities and is far below J J^T elsewhere.
        max_step: Largest change of a joint in one step [rad]; of a prismatic one in
            characteristic lengths.
        curvature: Factor in lambda^2 of the seed's error times the characteristic length:
            the size of the second derivatives that Gauss-Newton leaves out, which rule
            where the error does not vanish.
    """

    damping: float = 0.1
    damping_floor: float = 1e-9
    max_step: float = 0.5
    curvature: float = 0.0


DEFAULT_SETTINGS = RefineSettings()
# From the best answer to a target that no branch led to, toward the nearest posture there is.
NEAREST_SETTINGS, NEAREST_STEPS = RefineSettings(curvature=0.3), 4

# Enough rows to amortize a call of NumPy, few enough to stay in the processor's cache.
BLOCK_ROWS = 2048


def refine(
    problem: IkProblem,
    q: npt.ArrayLike,
    target: npt.ArrayLike,
    steps: int = 3,
    settings: RefineSettings = DEFAULT_SETTINGS,
) -> tuple[FloatArray, FloatArray]:
    """Take damped-least-squares steps from a seed toward a target.

    Each step is dq = (J^T J + lambda^2 I)^-1 J^T e. Where it would take joints beyond
    their limits, they go onto them, and the others are solved for once more. The best
    configuration met is returned, so more steps never harm.

    Args:
        problem: The robot and its task.
        q: (..., n) seed [rad, m]; brought into the limits first.
        target: (..., k) targets in the base frame, of the same leading shape: the
            components that the task names, metres and unit vectors.
        steps: Number of steps, 0 or more.
        settings: Damping and bounds.

    Returns:
        q (..., n) within the limits, and the distance (...) [m] between what it reaches
        and the target, as `IkProblem.squared_error` weighs positions and directions.
    """
    q, error, _ = refine_seed(problem, q, target, steps, settings)
    return q, error


def refine_seed(
    problem: IkProblem,
    q: npt.ArrayLike,
    target: npt.ArrayLike,
    steps: int = 3,
    settings: RefineSettings = DEFAULT_SETTINGS,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """`refine`'s result, and the distance (...) [m] between the seed and the target."""
    seeds, targets = problem.chain.clamp(q), np.asarray(target, dtype=np.float64)
    firsts, lasts = [], []
    # A block is walked to its end before the next begins, while the cache holds it.
    for walk in _walks(problem, seeds, targets, steps, settings):
        walked = list(walk)
        firsts.append(walked[0])
        lasts.append(walked[-1])
    _, seed_error = _joined(firsts, seeds.shape)
    return *_joined(lasts, seeds.shape), seed_error


def refine_plain(
    problem: IkProblem,
    q: Sequence[float],
    target: Sequence[float],
    steps: int = 3,
    settings: RefineSettings = DEFAULT_SETTINGS,
) -> tuple[list[float], float, float]:
    """`refine_seed` of one seed within the limits, in plain floats."""
    walked = [*_plain_walk(problem, q, target, steps, settings)]
    return *walked[-1], walked[0][1]


def refinements(
    problem: IkProblem,
    q: npt.ArrayLike,
    target: npt.ArrayLike,
    steps: int = 3,
    settings: RefineSettings = DEFAULT_SETTINGS,
) -> Iterator[tuple[FloatArray, FloatArray]]:
    """`refine`'s result after 0, 1, ..., steps steps."""
    seeds, targets = problem.chain.clamp(q), np.asarray(target, dtype=np.float64)
    walks = _walks(problem, seeds, targets, steps, settings)
    for results in zip(*walks, strict=True):
        yield _joined(results, seeds.shape)


def _walks(
    problem: IkProblem,
    seeds: FloatArray,
    targets: FloatArray,
    steps: int,
    settings: RefineSettings,
) -> Iterator[Iterator[tuple[Sequence[Scalar], Scalar]]]:
    """For each block of seeds and targets, the best components after each number of steps."""
    if seeds.ndim == 1:
        yield _plain_walk(problem, seeds.tolist(), targets.tolist(), steps, settings)
        return
    flat_q = seeds.reshape(-1, seeds.shape[-1])
    flat_p = targets.reshape(-1, targets.shape[-1])
    for start in range(0, max(1, len(flat_q)), BLOCK_ROWS):
        block = slice(start, start + BLOCK_ROWS)
        parts_q = [np.ascontiguousarray(part) for part in flat_q[block].T]
        parts_p = [np.ascontiguousarray(part) for part in flat_p[block].T]
        yield _walk(problem, parts_q, parts_p, steps, settings)


def _joined(
    results: Sequence[tuple[Sequence[Scalar], Scalar]], shape: tuple[int, ...]
) -> tuple[FloatArray, FloatArray]:
    """The blocks' results as arrays: joints of the seeds' shape, and distances."""
    if len(shape) == 1:
        ((parts, error),) = results
        return np.array(parts), np.asarray(error)
    # Stacked joint by joint and seen from the side: each joint's angles stay together.
    q = np.concatenate([np.stack(parts) for parts, _ in results], axis=-1).T
    return q.reshape(shape), np.concatenate([error for _, error in results]).reshape(shape[:-1])


def _plain_walk(
    problem: IkProblem,
    q: Sequence[float],
    target: Sequence[float],
    steps: int,
    settings: RefineSettings,
) -> Iterator[tuple[list[float], float]]:
    """`_walk` of one seed in plain floats, to the same bits."""
    plain, (distance_squared, newton) = problem.plain, problem.plain_step
    unheld = problem.unheld
    damping, floor, largest = settings.damping, settings.damping_floor, settings.max_step
    q = best_q = [*q]
    best = math.inf
    if settings.curvature:
        (squared,) = distance_squared(*q, *target)
        floor += settings.curvature * problem.length * math.sqrt(squared)
    for step in range(steps + 1):
        if step < steps:
            squared, *dq = newton(*q, *target, damping, floor, *unheld)
        else:
            (squared,) = distance_squared(*q, *target)
        if squared < best:
            best, best_q = squared, q
        yield best_q, math.sqrt(best)
        if step == steps:
            return
        moved, leaving = plain.moved(q, dq, largest)
        if leaving:
            share = [float(joint in leaving) for joint in problem.stops]
            change = [leaving.get(joint, 0.0) for joint in problem.stops]
            _, *dq = newton(*q, *target, damping, floor, *problem.held(share, change))
            moved, _ = plain.moved(q, dq, largest)
        q = moved


def _walk(
    problem: IkProblem,
    q: Sequence[FloatArray],
    target: Sequence[FloatArray],
    steps: int,
    settings: RefineSettings,
) -> Iterator[tuple[list[FloatArray], FloatArray]]:
    """Best joint components and distance after each number of steps."""
    chain = problem.chain
    limits = list(
        zip(chain.lower.tolist(), chain.upper.tolist(), chain.periodic.tolist(), strict=True)
    )
    distance_squared, newton = problem.compiled_step
    damping, most = settings.damping, (settings.max_step * chain.scales).tolist()
    floor: Scalar = settings.damping_floor
    q = list(q)
    best_q: list[Scalar] = q
    best: Scalar = math.inf
    for step in range(steps + 1):
        sines, cosines = chain.placed(q, np)
        place = [*sines, *cosines, *target]
        if step == 0 and settings.curvature:
            (squared,) = distance_squared(*place)
            floor = floor + settings.curvature * problem.length * np.sqrt(squared)
        if step < steps:
            squared, *dq = newton(*place, damping, floor, *problem.unheld)
        else:
            (squared,) = distance_squared(*place)
        better = squared < best
        best_q = [np.where(better, new, old) for new, old in zip(q, best_q, strict=True)]
        best = np.where(better, squared, best)
        yield best_q, np.sqrt(best)
        if step == steps:
            return
        if problem.stops:
            dq = _held_back(problem, q, dq, [*place, damping, floor], limits, most)
        for index, change in enumerate(dq):
            lower, upper, periodic = limits[index]
            moved = q[index] + _clip(change, -most[index], most[index])
            if periodic:
                outside = (moved < lower) | (moved > upper)
                turns = np.round((moved - (lower + upper) / 2) / (2 * math.pi))
                moved = np.where(outside, moved - 2 * math.pi * turns, moved)
            q[index] = _clip(moved, lower, upper)


def _held_back(
    problem: IkProblem,
    q: Sequence[FloatArray],
    dq: list[Scalar],
    given: Sequence[Scalar],
    limits: Sequence[tuple[float, float, bool]],
    most: Sequence[float],
) -> list[Scalar]:
    """The changes of a step, solved for once more where joints would leave their limits.

    Those go onto their limits, and the others do what is left of the error.
    """
    share: list[Scalar] = []
    change: list[Scalar] = []
    leaving: Any = False
    for joint in problem.stops:
        lower, upper, _ = limits[joint]
        wanted = q[joint] + _clip(dq[joint], -most[joint], most[joint])
        out = (wanted < lower) | (wanted > upper)
        onto = _clip(wanted, lower, upper) - q[joint]
        leaving = leaving | out
        share.append(np.where(out, 1.0, 0.0))
        change.append(np.where(out, onto, 0.0))
    if not np.any(leaving):
        return dq
    rows = np.flatnonzero(leaving)
    _, newton = problem.compiled_step
    every = [*given, *problem.held(share, change)]
    _, *new = newton(*(part[rows] if isinstance(part, np.ndarray) else part for part in every))
    replaced = []
    for old, part in zip(dq, new, strict=True):
        whole = np.array(np.broadcast_to(old, len(leaving)))
        whole[rows] = part
        replaced.append(whole)
    return replaced


def _clip(value: Scalar, lower: float, upper: float) -> Scalar:
    # Several times faster than np.clip on a few thousand numbers.
    return np.minimum(np.maximum(value, lower), upper)
