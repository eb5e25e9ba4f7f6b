"""What users give as targets: positions, directions, poses; checked and made components."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from firmware_host.chain import FloatArray
from firmware_host.errors import TargetError
from firmware_host.tasks.task import POSITION, TOOL_AXES, Task

# Far beyond any robot, and far below what single precision can square [m].
FARTHEST_TARGET = 1e6

# A rotation matrix or quaternion that was rounded to four digits is still meant as one.
ROTATION_TOLERANCE = 1e-3


def checked_target(
    target: npt.ArrayLike, batch: bool = False, finite: bool = True, task: Task = POSITION
) -> FloatArray:
    """A target (k,) or a batch of them (N, k) as the components that the task names.

    Args:
        target: For positions (3,): x, y, z [m]. For poses a (4, 4) matrix, or (7,):
            x, y, z [m] and a unit quaternion w, x, y, z. For an axis a (4, 4) matrix, or
            (6,): x, y, z [m] and a direction of any length. All in the base frame; a
            batch has N of them.
        batch: Whether it is a batch.
        finite: Whether every row must be a target; rows that are none otherwise come
            back with a NaN.
        task: What a target is.

    Raises:
        TargetError: If the shape is another, a value is not a finite number or is beyond
            `FARTHEST_TARGET`, or a rotation is none.
    """
    rows, what = _FORMS[task.name]
    lead = "N, " if batch else ""
    flat = f"({lead}{rows})" if batch else f"({rows},)"
    shapes = flat if task.name == "position" else f"({lead}4, 4) or {flat}"
    try:
        values = np.asarray(target, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TargetError(f"A target is {shapes} numbers: {what}. Received: {target!r}") from error
    shape = values.shape[1:] if batch else values.shape
    matrix = task.turns and shape == (4, 4) and values.ndim == 2 + batch
    if not matrix and (values.ndim != 1 + batch or shape != (rows,)):
        raise TargetError(
            f"Expected a target of shape {shapes}: {what}. Received: shape {values.shape}"
        )
    usable = np.isfinite(values)
    if finite and not usable.all():
        good = usable.reshape(len(values), -1).all(axis=-1) if batch else usable
        where = f" (row {int(np.argmin(good))})" if batch else ""
        raise TargetError(f"Expected finite numbers: {what}. Received a NaN or infinity{where}.")
    position = values[..., :3, 3] if matrix else values[..., :3]
    farthest = float(np.abs(position[np.isfinite(position)]).max(initial=0.0))
    if farthest > FARTHEST_TARGET:
        raise TargetError(
            f"Expected x, y, z in metres, none beyond {FARTHEST_TARGET:g} m. "
            f"Received: {farthest:g} m"
        )
    if not task.turns:
        return values
    if matrix:
        directions = _matrix_directions(task, values)
    elif task.name == "pose":
        directions = _quaternion_columns(values[..., 3:])
    else:
        directions = _unit(values[..., 3:], any_length=True)
    broken = ~np.isfinite(directions).all(axis=-1)
    if finite and broken.any():
        where = f" (row {int(np.argmax(broken))})" if batch else ""
        raise TargetError(
            f"Expected an orientation: {what}. Received one that is no rotation or has no "
            f"length{where}."
        )
    return np.concatenate([position, directions], axis=-1)


_FORMS = {
    "position": (3, "x, y, z in metres"),
    "axis": (6, "a pose of the tool, or x, y, z in metres and a direction"),
    "pose": (7, "a pose of the tool, or x, y, z in metres and a unit quaternion w, x, y, z"),
}


def _matrix_directions(task: Task, poses: FloatArray) -> FloatArray:
    """The columns (..., 9), or the one (..., 3), of the rotations in (..., 4, 4)."""
    rotation = poses[..., :3, :3]
    with np.errstate(invalid="ignore"):
        gram = np.swapaxes(rotation, -1, -2) @ rotation
        rigid = np.abs(gram - np.eye(3)).max(axis=(-1, -2)) < ROTATION_TOLERANCE
        rigid &= np.abs(poses[..., 3, :] - [0, 0, 0, 1]).max(axis=-1) < ROTATION_TOLERANCE
    safe = np.where(rigid[..., None, None], rotation, np.eye(3))
    rigid &= np.linalg.det(safe) > 0
    # The nearest rotation, so that rounding in the input is no error of the answer.
    left, _, right = np.linalg.svd(safe)
    columns = np.swapaxes(left @ right, -1, -2)
    if task.name == "axis":
        columns = columns[..., task.tool_axis : task.tool_axis + 1, :]
    flat = columns.reshape(*columns.shape[:-2], -1)
    result: FloatArray = np.where(rigid[..., None], flat, np.nan)
    return result


def _quaternion_columns(quaternions: FloatArray) -> FloatArray:
    """Columns (..., 9) of the rotation matrices of unit quaternions (..., 4), w first."""
    w, x, y, z = np.moveaxis(_unit(quaternions, any_length=False), -1, 0)
    columns = [
        *(1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y)),
        *(2 * (x * y - w * z), 1 - 2 * (x * x + z * z), 2 * (y * z + w * x)),
        *(2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)),
    ]
    return np.stack(columns, axis=-1)


def _unit(vectors: FloatArray, any_length: bool) -> FloatArray:
    """Vectors scaled to length 1; NaN where there is no length, or it is not nearly 1."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        good = length > 0 if any_length else np.abs(length - 1) < ROTATION_TOLERANCE
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


def given_targets(task: Task, components: FloatArray) -> FloatArray:
    """Components (N, k) in a form that `checked_target` takes: poses as (N, 4, 4) matrices."""
    if task.name != "pose":
        return components
    poses = np.zeros((len(components), 4, 4))
    poses[:, 3, 3] = 1.0
    poses[:, :3, 3] = components[:, :3]
    poses[:, :3, :3] = np.swapaxes(components[:, 3:].reshape(-1, 3, 3), -1, -2)
    return poses


def describe_target(task: Task) -> str:
    """What a target of a task is, in words."""
    axis = TOOL_AXES[task.tool_axis]
    return {
        "position": "position of the tool",
        "axis": f"position of the tool and direction of its {axis} axis",
        "pose": "position and orientation of the tool",
    }[task.name]
