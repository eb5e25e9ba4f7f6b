"""What users give as targets: positions, directions, poses; checked and made components."""

from __future__ import annotations

from typing import Any

import numpy as np

from firmware_host.chain import FloatArray
from firmware_host.errors import TargetError
from firmware_host.tasks import POSITION, Task
from firmware_host.tasks.neighbours import matrices_of
from firmware_host.tasks.rotations import rotation_columns
from firmware_host.tolerances import FARTHEST_TARGET, TARGET_ROTATION


def checked_target(
    target: Any, batch: bool = False, finite: bool = True, task: Task = POSITION
) -> FloatArray:
    """A target (k,) or a batch of them (N, k) as the components that the task names.

    Args:
        target: For positions (3,): x, y, z [m]. For poses a (4, 4) matrix, or (7,):
            x, y, z [m] and a unit quaternion w, x, y, z. For an axis a (4, 4) matrix, or
            (6,): x, y, z [m] and a direction of any length. For pitch and yaw a (4, 4)
            matrix, or (4,): x, y, z [m] and an angle [rad]. In a plane (2,): two
            coordinates [m], or with an angle [rad] a (4, 4) matrix or (3,). All in the
            base frame; a batch has N of them. For a matrix also what `matrices_of` takes.
        batch: Whether it is a batch.
        finite: Whether every row must be a target; rows that are none otherwise come
            back with a NaN.
        task: What a target is.

    Raises:
        TargetError: If the shape is another, a value is not a finite number or is beyond
            `FARTHEST_TARGET`, or a rotation is none.
    """
    rows, what = task.flat_size, task.flat_words
    lead = "N, " if batch else ""
    flat = f"({lead}{rows})" if batch else f"({rows},)"
    shapes = f"({lead}4, 4) or {flat}" if task.has_orientation else flat
    try:
        values = np.asarray(matrices_of(target, batch), dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise TargetError(f"A target is {shapes} numbers: {what}. Received: {target!r}") from error
    shape = values.shape[1:] if batch else values.shape
    matrix = task.has_orientation and shape == (4, 4) and values.ndim == 2 + batch
    if not matrix and (values.ndim != 1 + batch or shape != (rows,)):
        raise TargetError(
            f"Expected a target of shape {shapes}: {what}. Received: shape {values.shape}"
        )
    usable = np.isfinite(values)
    if finite and not usable.all():
        good = usable.reshape(len(values), -1).all(axis=-1) if batch else usable
        where = f" (row {int(np.argmin(good))})" if batch else ""
        raise TargetError(f"Expected finite numbers: {what}. Received a NaN or infinity{where}.")
    place = values[..., :3, 3] if matrix else values[..., : len(task.place)]
    farthest = float(np.abs(place[np.isfinite(place)]).max(initial=0.0))
    if farthest > FARTHEST_TARGET:
        raise TargetError(
            f"Expected {task.coordinates} in metres, none beyond {FARTHEST_TARGET:g} m. "
            f"Received: {farthest:g} m"
        )
    if not task.has_orientation:
        return values
    found = _from_poses(task, values) if matrix else task.from_flat(values)
    broken = ~np.isfinite(found[..., len(task.place) :]).all(axis=-1)
    if finite and broken.any():
        where = f" (row {int(np.argmax(broken))})" if batch else ""
        raise TargetError(
            f"Expected an orientation: {what}. Received one that is no rotation or has no "
            f"length{where}."
        )
    return found


def _from_poses(task: Task, poses: FloatArray) -> FloatArray:
    """The components (..., k) of poses (..., 4, 4), with NaN where one is none."""
    with np.errstate(invalid="ignore"):
        good = np.abs(poses[..., 3, :] - [0, 0, 0, 1]).max(axis=-1) < TARGET_ROTATION
    columns = np.where(good[..., None, None], rotation_columns(poses[..., :3, :3]), np.nan)
    return task.from_poses(poses[..., :3, 3], columns)
