"""Damped least squares: a fixed number of steps from a seed to the target."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt

from firmware_host.chain import Chain, FloatArray
from firmware_host.kinematics import Scalar, add, dot, frames, mul, sub
from firmware_host.straightline import Symbol, Tape, compile_function
from firmware_host.tasks.task import POSITION, Task


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
        max_step: Largest change of a joint in one step [rad].
    """

    damping: float = 1.0
    damping_floor: float = 1e-9
    max_step: float = 0.5


DEFAULT_SETTINGS = RefineSettings()

# Enough rows to amortize a call of NumPy, few enough to stay in the processor's cache.
BLOCK_ROWS = 2048


def refine(
    chain: Chain,
    q: npt.ArrayLike,
    target: npt.ArrayLike,
    steps: int = 3,
    settings: RefineSettings = DEFAULT_SETTINGS,
    task: Task = POSITION,
) -> tuple[FloatArray, FloatArray]:
    """Take damped-least-squares steps from a seed toward a target.

    Each step is dq = J^T (J J^T + lambda^2 I)^-1 e, with joint limits held by
    clamping. The best configuration met is returned, so more steps never harm.

    Args:
        chain: The robot.
        q: (..., n) seed [rad]; brought into the limits first.
        target: (..., k) targets in the base frame, of the same leading shape: the
            components that the task names, metres and unit vectors.
        steps: Number of steps, 0 or more.
        settings: Damping and bounds.
        task: What a target is.

    Returns:
        q (..., n) within the limits, and the distance (...) [m] between what it reaches
        and the target, as `Task.squared_error` weighs positions and directions.
    """
    q, error, _ = refine_seed(chain, q, target, steps, settings, task)
    return q, error


def refine_seed(
    chain: Chain,
    q: npt.ArrayLike,
    target: npt.ArrayLike,
    steps: int = 3,
    settings: RefineSettings = DEFAULT_SETTINGS,
    task: Task = POSITION,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """`refine`'s result, and the distance (...) [m] between the seed and the target."""
    seeds, targets = chain.clamp(q), np.asarray(target, dtype=np.float64)
    firsts, lasts = [], []
    # A block is walked to its end before the next begins, while the cache holds it.
    for block in _blocks(seeds, targets):
        walked = list(_walk(chain, task, *block, steps, settings))
        firsts.append(walked[0])
        lasts.append(walked[-1])
    _, seed_error = _joined(firsts, seeds.shape)
    return *_joined(lasts, seeds.shape), seed_error


def refinements(
    chain: Chain,
    q: npt.ArrayLike,
    target: npt.ArrayLike,
    steps: int = 3,
    settings: RefineSettings = DEFAULT_SETTINGS,
    task: Task = POSITION,
) -> Iterator[tuple[FloatArray, FloatArray]]:
    """`refine`'s result after 0, 1, ..., steps steps."""
    seeds, targets = chain.clamp(q), np.asarray(target, dtype=np.float64)
    walks = [_walk(chain, task, *block, steps, settings) for block in _blocks(seeds, targets)]
    for results in zip(*walks, strict=True):
        yield _joined(results, seeds.shape)


def _blocks(
    seeds: FloatArray, targets: FloatArray
) -> Iterator[tuple[Sequence[Scalar], Sequence[Scalar], Any]]:
    """The components of each block of seeds and targets, and the namespace for them."""
    if seeds.ndim == 1:
        yield seeds.tolist(), targets.tolist(), _FLOATS
        return
    flat_q = seeds.reshape(-1, seeds.shape[-1])
    flat_p = targets.reshape(-1, targets.shape[-1])
    for start in range(0, max(1, len(flat_q)), BLOCK_ROWS):
        block = slice(start, start + BLOCK_ROWS)
        parts_q = [np.ascontiguousarray(part) for part in flat_q[block].T]
        parts_p = [np.ascontiguousarray(part) for part in flat_p[block].T]
        yield parts_q, parts_p, _ARRAYS


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


def _walk(
    chain: Chain,
    task: Task,
    q: Sequence[Scalar],
    target: Sequence[Scalar],
    xp: Any,
    steps: int,
    settings: RefineSettings,
) -> Iterator[tuple[list[Scalar], Scalar]]:
    """Best joint components and distance after each number of steps."""
    limits = list(
        zip(chain.lower.tolist(), chain.upper.tolist(), chain.wraps.tolist(), strict=True)
    )
    distance_squared, newton = compiled_step(chain, task)
    damping, floor, most = settings.damping, settings.damping_floor, settings.max_step
    q = list(q)
    # 0 for a joint that its limit holds back, of an arm with others to do its part.
    free: list[Scalar] = [1.0] * len(q) if has_spare_joints(chain, task) else []
    best_q: list[Scalar] = q
    best: Scalar = math.inf
    for step in range(steps + 1):
        sines, cosines = [xp.sin(angle) for angle in q], [xp.cos(angle) for angle in q]
        if step == steps:
            squared, *dq = distance_squared(*sines, *cosines, *target)
        else:
            squared, *dq = newton(*sines, *cosines, *target, damping, floor, *free)
        better = squared < best
        best_q = [xp.where(better, new, old) for new, old in zip(q, best_q, strict=True)]
        best = xp.where(better, squared, best)
        yield best_q, xp.sqrt(best)
        for index, change in enumerate(dq):
            lower, upper, wraps = limits[index]
            moved = q[index] + xp.clip(change, -most, most)
            if free and not wraps:
                held = (moved < lower) | (moved > upper)
                free[index] = xp.where(held, 0.0, 1.0)
            if wraps:
                outside = (moved < lower) | (moved > upper)
                turns = xp.round((moved - (lower + upper) / 2) / (2 * math.pi))
                moved = xp.where(outside, moved - 2 * math.pi * turns, moved)
            q[index] = xp.clip(moved, lower, upper)


@dataclass(frozen=True, eq=False)
class StepTrace:
    """The arithmetic of one step for a robot and a task, recorded but not yet compiled.

    Attributes:
        tape: The operations.
        sines: n inputs, the sine of each joint angle.
        cosines: n inputs, the cosine of each joint angle.
        target: k inputs, the components that the task names.
        damping: Input, `RefineSettings.damping`.
        floor: Input, `RefineSettings.damping_floor`.
        free: n inputs where there are joints to spare, otherwise none: 1, or 0 for a joint
            that must not move in this step because the last one drove it onto its limit.
        squared: Output, the squared distance [m^2]; needs neither damping nor floor.
        dq: n outputs, the joint changes [rad], not yet bounded.
    """

    tape: Tape
    sines: list[Symbol]
    cosines: list[Symbol]
    target: list[Symbol]
    damping: Symbol
    floor: Symbol
    free: list[Symbol]
    squared: Scalar
    dq: list[Scalar]


def has_spare_joints(chain: Chain, task: Task) -> bool:
    """Whether there are more joints than rows, so that others can do a held joint's part."""
    return len(chain) > task.rows


def trace_step(chain: Chain, task: Task = POSITION) -> StepTrace:
    """Record one step: dq = J^T (J J^T + lambda^2 I)^-1 e, solved in the smaller dimension.

    With fewer joints than rows, the same dq is (J^T J + lambda^2 I)^-1 J^T e.
    """
    tape = Tape()
    n = len(chain)
    sines, cosines = tape.inputs("s", n), tape.inputs("c", n)
    target = tape.inputs("p", len(task.component_names))
    damping, floor = Symbol(tape, "damping"), Symbol(tape, "floor")
    walked = frames(chain, sines, cosines)
    e = task.error(chain, walked, target)  # (m,) [m]
    squared = task.squared_error(chain, walked, target)
    columns = task.columns(chain, walked)  # n of (m,)
    free = tape.inputs("free", n) if has_spare_joints(chain, task) else []
    if free:
        columns = [
            tuple(mul(share, part) for part in column)
            for share, column in zip(free, columns, strict=True)
        ]
    strength = damping * squared + floor
    if n >= task.rows:
        weights = solve_symmetric(gram(columns, strength), e)  # (m,)
        dq = [dot(column, weights) for column in columns]  # (n,) [rad]
    else:
        rows = [[column[k] for column in columns] for k in range(task.rows)]  # m of (n,)
        dq = solve_symmetric(gram(rows, strength), [dot(column, e) for column in columns])
    return StepTrace(tape, sines, cosines, target, damping, floor, free, squared, dq)


@functools.lru_cache(maxsize=64)
def compiled_step(
    chain: Chain, task: Task = POSITION
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The arithmetic of one step for a robot and a task, as straight-line code.

    Returns:
        A function from n sines, n cosines and the target's components to the squared
        distance alone, and one that takes the damping factor and its floor too (and which
        joints are free, if there are some to spare) and returns the squared distance
        followed by the n joint changes dq.
    """
    step = trace_step(chain, task)
    place = [*step.sines, *step.cosines, *step.target]
    return (
        compile_function(step.tape, place, [step.squared]),
        compile_function(
            step.tape, [*place, step.damping, step.floor, *step.free], [step.squared, *step.dq]
        ),
    )


@functools.lru_cache(maxsize=64)
def _compiled_parts(chain: Chain, task: Task) -> Callable[..., Any]:
    """From n sines, n cosines and a target to `Task.squared_parts`, as straight-line code."""
    tape = Tape()
    n = len(chain)
    sines, cosines = tape.inputs("s", n), tape.inputs("c", n)
    target = tape.inputs("p", len(task.component_names))
    parts = task.squared_parts(frames(chain, sines, cosines), target)
    return compile_function(tape, [*sines, *cosines, *target], parts)


def plain_errors(
    chain: Chain, task: Task, q: Sequence[float], target: Sequence[float]
) -> tuple[float, float]:
    """`task_errors` of one configuration in plain floats: arrays of one number cost more."""
    sines, cosines = map(math.sin, q), map(math.cos, q)
    position, directions = _compiled_parts(chain, task)(*sines, *cosines, *target)
    return math.sqrt(position), 2 * math.asin(min(math.sqrt(directions) / 2, 1.0))


def gram(columns: Sequence[Sequence[Scalar]], damping: Scalar) -> list[list[Scalar]]:
    """Lower triangle of A A^T + damping I from A's columns, as components."""
    rows = [[column[k] for column in columns] for k in range(len(columns[0]))]
    matrix = [[dot(rows[i], rows[j]) for j in range(i + 1)] for i in range(len(rows))]
    for i, row in enumerate(matrix):
        row[i] = add(row[i], damping)
    return matrix


def solve_symmetric(lower: list[list[Scalar]], right: Sequence[Scalar]) -> list[Scalar]:
    """Solve A x = b for a positive definite A given by its lower triangle.

    The square-root-free Cholesky factorization A = L D L^T (Golub and Van Loan,
    Matrix Computations, 4th edition, section 4.1).
    """
    size = len(right)
    unit: list[list[Scalar]] = []  # rows of L, without the ones
    inverse: list[Scalar] = []  # 1 / D
    scaled: list[Scalar] = []  # L^-1 b
    for i in range(size):
        row: list[Scalar] = []
        pivot, value = lower[i][i], right[i]
        for j in range(i):
            raw = lower[i][j]
            for k in range(j):
                raw = sub(raw, mul(row[k], unit[j][k]))
            row.append(raw)  # L D, scaled below once used
        for j in range(i):
            factor = mul(row[j], inverse[j])
            pivot = sub(pivot, mul(factor, row[j]))
            row[j] = factor
            value = sub(value, mul(factor, scaled[j]))
        unit.append(row)
        inverse.append(1.0 / pivot)
        scaled.append(value)
    x = [mul(scaled[i], inverse[i]) for i in range(size)]
    for i in reversed(range(size)):
        for j in range(i):
            x[j] = sub(x[j], mul(unit[i][j], x[i]))
    return x


def _float_clip(value: float, lower: float, upper: float) -> float:
    return min(max(value, lower), upper)


def _array_clip(value: Scalar, lower: float, upper: float) -> Scalar:
    # Several times faster than np.clip on a few thousand numbers.
    return np.minimum(np.maximum(value, lower), upper)


def _float_where(condition: bool, yes: float, no: float) -> float:
    return yes if condition else no


# One robot arm's numbers at a time are faster as plain floats than as arrays.
_FLOATS = SimpleNamespace(
    sin=math.sin,
    cos=math.cos,
    sqrt=math.sqrt,
    round=round,
    clip=_float_clip,
    where=_float_where,
)
_ARRAYS = SimpleNamespace(
    sin=np.sin, cos=np.cos, sqrt=np.sqrt, round=np.round, clip=_array_clip, where=np.where
)
