"""Poses as other libraries have them: rigid transforms, and quaternions in either order."""

from __future__ import annotations

from typing import Any

import numpy as np

from firmware_host.errors import TargetError
from firmware_host.given import real_numbers
from firmware_host.tasks.task import Task

# The orders of a quaternion's parts: MuJoCo's, and that of SciPy and ROS.
WXYZ, XYZW = "wxyz", "xyzw"
# What gives the matrix of a rigid transform: of pinocchio.SE3, of spatialmath.SE3, and of the
# SE3 of mink and jaxlie and SciPy's RigidTransform.
MATRIX_NAMES = ("homogeneous", "A", "as_matrix")
PLAIN = (np.ndarray, list, tuple, float, int, str)


def matrices_of(given: Any, batch: bool = False) -> Any:
    """The matrix (4, 4) of another library's rigid transform, or those of a batch of them.

    What is none comes back as it is.
    """
    if batch and isinstance(given, (list, tuple)):
        # One kind throughout: rows of numbers are not looked at one by one.
        plain = not given or isinstance(given[0], PLAIN)
        return given if plain else [matrices_of(one) for one in given]
    if isinstance(given, PLAIN):
        return given
    for name in MATRIX_NAMES:
        found = getattr(given, name, None)
        if found is not None:
            matrix = np.asarray(found() if callable(found) else found)
            # A transform alone is a batch of one; those of several hold them all.
            return matrix[None] if batch and matrix.ndim == 2 else matrix
    return given


def real_part_first(given: Any, quaternion: str, task: Task, batch: bool = False) -> Any:
    """What is given as a target, with its quaternion, if it has one, as w, x, y, z.

    Args:
        given: A target, or a batch of them, in any form; not checked here.
        quaternion: The order of a quaternion's parts: `WXYZ`, or `XYZW`.
        task: What a target is.
        batch: Whether it is a batch.

    Raises:
        TargetError: If the order is neither.
    """
    if quaternion == WXYZ:
        return given
    if quaternion != XYZW:
        raise TargetError(
            f"Expected quaternion='{WXYZ}' or '{XYZW}', the order of its parts. "
            f"Received: {quaternion!r}"
        )
    given = matrices_of(given, batch)
    try:
        values = real_numbers(given)
    except (TypeError, ValueError, OverflowError):
        return given
    if not task.is_whole or values.ndim != 1 + batch or values.shape[-1] != task.flat_size:
        return values
    return np.concatenate([values[..., :-4], values[..., -1:], values[..., -4:-1]], axis=-1)
