"""What users give as targets: positions, directions, poses; checked and made components."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from firmware_host.chain import FloatArray
from firmware_host.errors import TargetError
from firmware_host.given import real_numbers
from firmware_host.kinematics import components
from firmware_host.tasks import POSITION, Task
from firmware_host.tasks.neighbours import matrices_of
from firmware_host.tasks.rotations import nearest_rotation
from firmware_host.tolerances import FARTHEST_TARGET, TARGET_ROTATION

# The last row of a pose's matrix.
LAST_ROW = (0.0, 0.0, 0.0, 1.0)
FLOATS = {float}


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
        values = real_numbers(matrices_of(target, batch))
    except (TypeError, ValueError, OverflowError) as error:
        raise TargetError(
            f"A target is {shapes} real numbers: {what}. Received: {target!r}"
        ) from error
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
    _check_near(task, values[..., :3, 3] if matrix else values[..., : len(task.place)])
    if not task.has_orientation:
        return values
    found = _from_poses(task, values) if matrix else _from_rows(task, values)
    broken = ~np.isfinite(found[..., len(task.place) :]).all(axis=-1)
    if finite and broken.any():
        where = f" (row {int(np.argmax(broken))})" if batch else ""
        raise TargetError(
            f"Expected an orientation: {what}. Received one that is no rotation or has no length, "
            f"or a matrix whose last row is not 0, 0, 0, 1{where}."
        )
    return found


def checked_components(components: Any, task: Task) -> FloatArray:
    """The components (N, k) of targets, of the form that `checked_target` makes.

    Raises:
        TargetError: If the shape is another, a value is not a finite number or is beyond
            `FARTHEST_TARGET`, or directions are no unit vectors at right angles.
    """
    try:
        values = real_numbers(components)
    except (TypeError, ValueError, OverflowError) as error:
        raise TargetError(
            f"Expected the components (N, {task.size}) of targets. Received: a "
            f"{type(components).__name__} that is no array of numbers"
        ) from error
    if values.ndim != 2 or values.shape[1] != task.size:
        raise TargetError(
            f"Expected the components (N, {task.size}) of targets. Received: shape {values.shape}"
        )
    again = checked_target(task.given(values), batch=True, task=task)
    if not (np.abs(again - values) <= TARGET_ROTATION)[:, len(task.place) :].all():
        raise TargetError(
            "Expected components whose directions are unit vectors, at right angles to one another."
        )
    return values


def _check_near(task: Task, place: FloatArray) -> None:
    """Refuse places (..., d) [m] beyond `FARTHEST_TARGET`; those with a NaN are none."""
    with np.errstate(over="ignore", invalid="ignore"):
        away = np.sqrt((place * place).sum(axis=-1))
    farthest = float(np.where(np.isfinite(place).all(axis=-1), away, 0.0).max(initial=0.0))
    if farthest > FARTHEST_TARGET:
        raise TargetError(
            f"Expected {task.coordinates} in metres, no further than {FARTHEST_TARGET:g} m away. "
            f"Received: {farthest:g} m"
        )


def plain_target(target: Any, task: Task) -> list[float]:
    """`checked_target` of one target, as plain floats: arrays of one number cost many times more.

    What is plainly a target is read here, and the rest left to `checked_target`, which tells
    what is wrong with it.
    """
    values: Any = target.tolist() if type(target) is np.ndarray else target
    found: list[float] | None = None
    if isinstance(values, list | tuple):
        if len(values) == task.flat_size:
            if set(map(type, values)) == FLOATS and _is_near(values[: len(task.place)]):
                found = task.from_flat(values) if task.has_orientation else [*values]
        elif len(values) == len(LAST_ROW) and task.has_orientation:
            found = _plain_pose(task, values)
    # Numbers that are no orientation come back as NaN.
    if found is None or (task.has_orientation and not all(map(math.isfinite, found))):
        plain: list[float] = checked_target(target, task=task).tolist()
        return plain
    return found


def _is_near(place: Sequence[float]) -> bool:
    """Whether a place is no further away than `FARTHEST_TARGET`; not if it has a NaN."""
    squared = 0.0
    for part in place:
        squared += part * part
    return squared <= FARTHEST_TARGET**2


def _plain_pose(task: Task, rows: Sequence[Any]) -> list[float] | None:
    """The components of a pose in plain floats (4, 4), or None if it is no such thing."""
    if not all(isinstance(row, list | tuple) and len(row) == len(LAST_ROW) for row in rows):
        return None
    first, second, third, last = rows
    if set(map(type, (*first, *second, *third, *last))) != FLOATS:
        return None
    *columns, position = zip(first, second, third, strict=True)
    if not all(abs(a - b) < TARGET_ROTATION for a, b in zip(last, LAST_ROW, strict=True)):
        return None
    if not _is_near(position):
        return None
    return task.from_pose(position, nearest_rotation(columns))


def _from_rows(task: Task, rows: FloatArray) -> FloatArray:
    """The components (..., k) of targets in rows, with NaN where one is none."""
    with np.errstate(over="ignore", invalid="ignore"):
        return _stacked(task.from_flat(components(rows)))


def _from_poses(task: Task, poses: FloatArray) -> FloatArray:
    """The components (..., k) of poses (..., 4, 4), with NaN where one is none."""
    with np.errstate(over="ignore", invalid="ignore"):
        good = np.abs(poses[..., 3, :] - LAST_ROW).max(axis=-1) < TARGET_ROTATION
        *columns, position = (components(poses[..., :3, k]) for k in range(4))
        whole = np.where(good, 1.0, np.nan)
        found = nearest_rotation([(x * whole, y * whole, z * whole) for x, y, z in columns])
        return _stacked(task.from_pose(position, found))


def _stacked(parts: Sequence[Any]) -> FloatArray:
    """Components as an array (..., k)."""
    return np.stack(np.broadcast_arrays(*parts), axis=-1)
