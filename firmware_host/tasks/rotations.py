"""Rotations as users give them, made into unit vectors: matrices, quaternions, directions."""

from __future__ import annotations

import numpy as np

from firmware_host.chain import FloatArray
from firmware_host.tolerances import TARGET_ROTATION


def rotation_columns(rotation: FloatArray) -> FloatArray:
    """The columns (..., 3, 3), one a row, of the rotation nearest to each matrix (..., 3, 3).

    NaN where a matrix is no rotation to `TARGET_ROTATION`.
    """
    with np.errstate(invalid="ignore"):
        gram = np.swapaxes(rotation, -1, -2) @ rotation
        rigid = np.abs(gram - np.eye(3)).max(axis=(-1, -2)) < TARGET_ROTATION
    safe = np.where(rigid[..., None, None], rotation, np.eye(3))
    rigid &= np.linalg.det(safe) > 0
    # The nearest rotation, so that rounding in the input is no error of the answer.
    left, _, right = np.linalg.svd(safe)
    columns: FloatArray = np.where(
        rigid[..., None, None], np.swapaxes(left @ right, -1, -2), np.nan
    )
    return columns


def quaternion_columns(quaternions: FloatArray) -> FloatArray:
    """Columns (..., 9) of the rotation matrices of unit quaternions (..., 4), w first."""
    w, x, y, z = np.moveaxis(quaternions, -1, 0)
    columns = [
        *(1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y)),
        *(2 * (x * y - w * z), 1 - 2 * (x * x + z * z), 2 * (y * z + w * x)),
        *(2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)),
    ]
    return np.stack(columns, axis=-1)


def unit_vectors(vectors: FloatArray, any_length: bool) -> FloatArray:
    """Vectors scaled to length 1; NaN where there is no length, or it is not nearly 1."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        good = length > 0 if any_length else np.abs(length - 1) < TARGET_ROTATION
        result: FloatArray = np.where(good & np.isfinite(length), vectors / length, np.nan)
    return result


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
