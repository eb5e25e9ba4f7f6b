"""Small linear algebra on components, for code that is traced or runs on arrays alike."""

from __future__ import annotations

from collections.abc import Sequence

from firmware_host.kinematics import Scalar, add, dot, mul, sub


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
