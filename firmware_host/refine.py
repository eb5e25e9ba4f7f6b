"""Damped least squares: a fixed number of steps from a seed to the target."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt

from firmware_host.chain import Chain, FloatArray
from firmware_host.kinematics import Scalar, add, dot, frames, jacobian_columns, mul, sub


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
BLOCK_ROWS = 4096


def refine(
    chain: Chain,
    q: npt.ArrayLike,
    target: npt.ArrayLike,
    steps: int = 3,
    settings: RefineSettings = DEFAULT_SETTINGS,
) -> tuple[FloatArray, FloatArray]:
    """Take damped-least-squares steps from a seed toward a position.

    Each step is dq = J^T (J J^T + lambda^2 I)^-1 e, with joint limits held by
    clamping. The best configuration met is returned, so more steps never harm.

    Args:
        chain: The robot.
        q: (..., n) seed [rad], within the limits.
        target: (..., 3) positions [m] in the base frame, of the same leading shape.
        steps: Number of steps, 0 or more.
        settings: Damping and bounds.

    Returns:
        q (..., n) within the limits, and the distance (...) [m] between its
        forward kinematics and the target.
    """
    for result in refinements(chain, q, target, steps, settings):
        last = result
    return last


def refinements(
    chain: Chain,
    q: npt.ArrayLike,
    target: npt.ArrayLike,
    steps: int = 3,
    settings: RefineSettings = DEFAULT_SETTINGS,
) -> Iterator[tuple[FloatArray, FloatArray]]:
    """`refine`'s result after 0, 1, ..., steps steps."""
    seeds = np.asarray(q, dtype=np.float64)
    targets = np.asarray(target, dtype=np.float64)
    walks = []
    if seeds.ndim == 1:
        walks.append(_walk(chain, seeds.tolist(), targets.tolist(), steps, settings, _FLOATS))
    else:
        flat_q, flat_p = seeds.reshape(-1, len(chain)), targets.reshape(-1, 3)
        for start in range(0, max(1, len(flat_q)), BLOCK_ROWS):
            block = slice(start, start + BLOCK_ROWS)
            parts_q = [np.ascontiguousarray(part) for part in flat_q[block].T]
            parts_p = [np.ascontiguousarray(part) for part in flat_p[block].T]
            walks.append(_walk(chain, parts_q, parts_p, steps, settings, _ARRAYS))
    for results in zip(*walks, strict=True):
        angles = [np.stack(result[0], axis=-1) for result in results]
        errors = [np.atleast_1d(np.asarray(result[1])) for result in results]
        yield (
            chain.clamp(np.concatenate(angles).reshape(seeds.shape)),
            np.concatenate(errors).reshape(seeds.shape[:-1]),
        )


def _walk(
    chain: Chain,
    q: Sequence[Scalar],
    target: Sequence[Scalar],
    steps: int,
    settings: RefineSettings,
    xp: Any,
) -> Iterator[tuple[list[Scalar], Scalar]]:
    """Best joint components and distance after each number of steps."""
    lower, upper = chain.lower.tolist(), chain.upper.tolist()
    free = chain.wraps.tolist()
    q = list(q)
    best_q: list[Scalar] = q
    best: Scalar = math.inf
    for step in range(steps + 1):
        walked = frames(chain, [xp.sin(angle) for angle in q], [xp.cos(angle) for angle in q])
        e = [sub(target[k], walked.position[k]) for k in range(3)]  # (3,) [m]
        squared = dot(e, e)
        distance = xp.sqrt(squared)
        better = distance < best
        best_q = [xp.where(better, new, old) for new, old in zip(q, best_q, strict=True)]
        best = xp.where(better, distance, best)
        yield best_q, best
        if step == steps:
            return
        columns = [column[:3] for column in jacobian_columns(walked)]  # n of (3,)
        damping = settings.damping * squared + settings.damping_floor
        weights = solve_symmetric(gram(columns, damping), e)  # (3,)
        for index, column in enumerate(columns):
            dq = xp.clip(dot(column, weights), -settings.max_step, settings.max_step)
            moved = q[index] + dq
            q[index] = moved if free[index] else xp.clip(moved, lower[index], upper[index])


def gram(columns: Sequence[Sequence[Scalar]], damping: Scalar) -> list[list[Scalar]]:
    """Lower triangle of J J^T + damping I from J's columns, as components."""
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


def _float_where(condition: bool, yes: float, no: float) -> float:
    return yes if condition else no


# One robot arm's numbers at a time are faster as plain floats than as arrays.
_FLOATS = SimpleNamespace(
    sin=math.sin, cos=math.cos, sqrt=math.sqrt, clip=_float_clip, where=_float_where
)
_ARRAYS = SimpleNamespace(sin=np.sin, cos=np.cos, sqrt=np.sqrt, clip=np.clip, where=np.where)
