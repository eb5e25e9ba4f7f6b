"""Rotations as users give them, made into unit vectors: matrices, quaternions, directions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from firmware_host.chain import FloatArray
from firmware_host.kinematics import Scalar, Vector, root
from firmware_host.tolerances import TARGET_ROTATION

# What a rotation's columns may lack of being orthonormal without being improved on: the nearest
# rotation is half as far away.
ORTHONORMAL = 1e-12
# Each step squares what they lack, from `TARGET_ROTATION` on.
STEPS = 3
# Squared lengths between these are of squares that neither overflow nor lose digits.
LEAST_SQUARED, MOST_SQUARED = 1e-250, 1e250


def nearest_rotation(columns: Sequence[Vector]) -> list[Vector]:
    """The columns of the rotation nearest to a matrix, by columns; NaN where it is no rotation.

    So that rounding in a target is no error of its answer. Of floats or arrays of them, which
    give the same bits.

    Newton's iteration for the polar factor, X (3 I - X^T X) / 2 (Higham, "Computing the polar
    decomposition", SIAM J. Sci. Stat. Comput. 7, 1986; the form without an inverse is Schulz's).
    """
    off = _off(columns)
    x, y, z = columns
    volume = (
        x[0] * (y[1] * z[2] - y[2] * z[1])
        + x[1] * (y[2] * z[0] - y[0] * z[2])
        + x[2] * (y[0] * z[1] - y[1] * z[0])
    )
    rigid = (off < TARGET_ROTATION) & (volume > 0)
    plain = isinstance(off, float)
    if plain and not rigid:
        return [(np.nan, np.nan, np.nan)] * 3
    found: list[Vector] = [*columns]
    for _ in range(STEPS):
        rough = off > ORTHONORMAL
        if not (rough if plain else rough.any()):
            break
        better = _improved(found)
        found = [
            (where(rough, n[0], o[0]), where(rough, n[1], o[1]), where(rough, n[2], o[2]))
            for n, o in zip(better, found, strict=True)
        ]
        off = _off(found)
    if plain:
        return found
    return [
        (where(rigid, x, np.nan), where(rigid, y, np.nan), where(rigid, z, np.nan))
        for x, y, z in found
    ]


def _gram(columns: Sequence[Vector]) -> tuple[Scalar, ...]:
    """The products x.x, y.y, z.z, x.y, x.z, y.z of three columns."""
    x, y, z = columns
    return (
        x[0] * x[0] + x[1] * x[1] + x[2] * x[2],
        y[0] * y[0] + y[1] * y[1] + y[2] * y[2],
        z[0] * z[0] + z[1] * z[1] + z[2] * z[2],
        x[0] * y[0] + x[1] * y[1] + x[2] * y[2],
        x[0] * z[0] + x[1] * z[1] + x[2] * z[2],
        y[0] * z[0] + y[1] * z[1] + y[2] * z[2],
    )


def _off(columns: Sequence[Vector]) -> Scalar:
    """How far columns are from being orthonormal: the largest part of X^T X - I."""
    xx, yy, zz, xy, xz, yz = _gram(columns)
    parts = (abs(xx - 1.0), abs(yy - 1.0), abs(zz - 1.0), abs(xy), abs(xz), abs(yz))
    if isinstance(xx, float):
        # Unlike `max`, a sum keeps a NaN.
        return max(parts) if sum(parts) == sum(parts) else np.nan
    return np.max(parts, axis=0)


def _improved(columns: Sequence[Vector]) -> list[list[Scalar]]:
    """X (3 I - X^T X) / 2."""
    x, y, z = columns
    xx, yy, zz, xy, xz, yz = _gram(columns)
    rows = ((xx, xy, xz), (xy, yy, yz), (xz, yz, zz))
    return [
        [
            1.5 * own - 0.5 * (x[k] * row[0] + y[k] * row[1] + z[k] * row[2])
            for k, own in enumerate(column)
        ]
        for column, row in zip(columns, rows, strict=True)
    ]


def quaternion_columns(quaternion: Sequence[Scalar]) -> list[Scalar]:
    """The nine parts, column by column, of the rotation matrix of a unit quaternion, w first."""
    w, x, y, z = quaternion
    return [
        *(1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y)),
        *(2 * (x * y - w * z), 1 - 2 * (x * x + z * z), 2 * (y * z + w * x)),
        *(2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)),
    ]


def unit_vector(vector: Sequence[Scalar], any_length: bool) -> list[Scalar]:
    """A vector scaled to length 1; NaN where it has no length, or one not nearly 1."""
    squared = _squared(vector)
    if any_length:
        usual = (squared > LEAST_SQUARED) & (squared < MOST_SQUARED)
        if not (usual if isinstance(squared, float) else usual.all()):
            vector = _sized(vector)
            squared = _squared(vector)
    length = root(squared)
    good = length > 0 if any_length else abs(length - 1) < TARGET_ROTATION
    good = good & (length < np.inf)
    safe = where(good, length, 1.0)
    return [where(good, part / safe, np.nan) for part in vector]


def _squared(vector: Sequence[Scalar]) -> Scalar:
    """The squared length of a vector."""
    squared: Scalar = 0.0
    for part in vector:
        squared = squared + part * part
    return squared


def _sized(vector: Sequence[Scalar]) -> list[Scalar]:
    """A vector times a power of two, its largest part between 1/2 and 1, if it has one.

    It has the same direction in every bit, so that rows do not depend on one another.
    """
    _, exponent = np.frexp(np.max(np.abs(vector), axis=0))
    found = [np.ldexp(part, -exponent) for part in vector]
    return [*map(float, found)] if isinstance(vector[0], float) else found


def where(condition: Scalar, yes: Scalar, no: Scalar) -> Scalar:
    """One of two components by a condition, a number or an array."""
    if isinstance(condition, np.ndarray):
        return np.where(condition, yes, no)
    return yes if condition else no


def quaternion(rotation: FloatArray) -> FloatArray:
    """The unit quaternion w, x, y, z (4,) of a rotation matrix (3, 3), w not negative.

    From the largest of the four, which is never small (Shepperd, "Quaternion from rotation
    matrix", Journal of Guidance and Control, 1978).
    """
    m = rotation
    squares = np.array(
        [
            1 + m[0, 0] + m[1, 1] + m[2, 2],
            1 + m[0, 0] - m[1, 1] - m[2, 2],
            1 - m[0, 0] + m[1, 1] - m[2, 2],
            1 - m[0, 0] - m[1, 1] + m[2, 2],
        ]
    )
    w, x, y = m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1]
    largest = int(np.argmax(squares))
    products = np.array(
        [
            [squares[0], w, x, y],
            [w, squares[1], m[0, 1] + m[1, 0], m[0, 2] + m[2, 0]],
            [x, m[0, 1] + m[1, 0], squares[2], m[1, 2] + m[2, 1]],
            [y, m[0, 2] + m[2, 0], m[1, 2] + m[2, 1], squares[3]],
        ]
    )[largest]
    unit: FloatArray = products / np.linalg.norm(products)
    return unit if unit[0] >= 0 else -unit
