"""The equations of a step, solved in integers by Cholesky's factorization.

A = G G^T with square roots (Golub and Van Loan, Matrix Computations, 4th edition, section 4.2):
the rows of G are never longer than the roots of the diagonal of A, where factors without roots
have no bound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from firmware_host.kinematics import Scalar, limited, mul, sub


@dataclass(frozen=True)
class Bounds:
    """How large the numbers of a factorization can be.

    Attributes:
        rows: Roots of what the diagonal of A never exceeds, which rows of G are no longer than.
        y: What G^-1 b never exceeds, or is held at.
        y_held: Whether it is held there.
        x: What the solution is held at.
    """

    rows: list[float]
    y: float
    y_held: bool
    x: float


def cholesky(
    lower: list[list[Scalar]],
    right: Sequence[Scalar],
    strength: Scalar,
    bounds: Bounds,
) -> list[Scalar]:
    """Solve A x = b by A = G G^T, from the lower triangle of A.

    Args:
        lower: The lower triangle.
        right: b.
        strength: Less than it no pivot is, whatever rounding says.
        bounds: How large what comes up can be.
    """
    size, length = len(right), bounds.rows
    factor: list[list[Scalar]] = []
    roots: list[Scalar] = []
    y: list[Scalar] = []
    for i in range(size):
        row: list[Scalar] = []
        pivot, value = limited(lower[i][i], length[i] ** 2), right[i]
        for j in range(i):
            raw = lower[i][j]
            for k in range(j):
                raw = limited(sub(raw, mul(row[k], factor[j][k])), length[i] * length[j])
            # No longer than what is left of its own row: |raw|^2 <= pivot_i pivot_j.
            entry = raw if isinstance(raw, float) else limited(raw / roots[j], length[i])
            row.append(entry)
            pivot = limited(sub(pivot, mul(entry, entry)), length[i] ** 2)
            value = limited(sub(value, mul(entry, y[j])), length[i] * bounds.y)
        factor.append(row)
        pivot = pivot.tape.record("greater", pivot, strength)
        roots.append(limited(pivot, length[i] ** 2).sqrt())
        y.append(limited(value / roots[i], bounds.y, held=bounds.y_held))
    x: list[Scalar] = [0.0] * size
    for i in reversed(range(size)):
        value = y[i]
        for k in range(i + 1, size):
            value = sub(value, mul(factor[k][i], x[k]))
        x[i] = limited(value / roots[i], bounds.x, held=True)
    return x
