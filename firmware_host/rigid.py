"""Rigid transforms: what is one, a motion about or along an axis, and frames aligned to axes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from firmware_host.bounds import bounded
from firmware_host.errors import RobotError
from firmware_host.given import FloatArray, real_numbers
from firmware_host.names import brief
from firmware_host.tolerances import CHAIN_ROTATION


def rigid(transform: npt.ArrayLike, what: str) -> FloatArray:
    """The transform as a read-only float64 array, or a RobotError if it is not rigid.

    Nor are offsets beyond `MOST_NUMBER`.
    """
    matrix = np.array(transform, dtype=np.float64)
    is_rigid = matrix.shape == (4, 4) and bounded(matrix)
    if is_rigid:
        rotation = matrix[:3, :3]
        orthonormal = np.allclose(rotation @ rotation.T, np.eye(3), atol=CHAIN_ROTATION)
        is_rigid = orthonormal and float(np.linalg.det(rotation)) > 0
        is_rigid = is_rigid and bool(np.array_equal(matrix[3], [0, 0, 0, 1]))
    if not is_rigid:
        raise RobotError(f"The {what} is not a rigid (4, 4) transform.", what)
    matrix.setflags(write=False)
    return matrix


def motion(axis: FloatArray, value: float, slides: bool) -> FloatArray:
    """(4, 4) motion along a unit axis (3,) by a distance [m], or about it by an angle [rad].

    The rotation is Rodrigues' formula.
    """
    moved = np.eye(4)
    if slides:
        moved[:3, 3] = value * axis
        return moved
    skew = np.cross(np.eye(3), axis)  # (3, 3), skew @ v = axis x v
    moved[:3, :3] += math.sin(value) * skew + (1 - math.cos(value)) * skew @ skew
    return moved


def sized(vector: npt.ArrayLike) -> FloatArray:
    """A vector times a power of two, its largest part between 1/2 and 1; one of zeros as it is.

    It has the same direction in every bit, and no square that overflows or vanishes.
    """
    parts = np.asarray(vector, dtype=np.float64)
    _, exponent = np.frexp(np.abs(parts).max())
    scaled: FloatArray = np.ldexp(parts, -exponent)
    return scaled


def offset_frame(offset: Sequence[float]) -> FloatArray:
    """(4, 4) frame at x, y, z [m], turned by a quaternion w, x, y, z of any length if given.

    Raises:
        RobotError: If it is something else.
    """
    try:
        numbers = real_numbers(offset)
    except (TypeError, ValueError, OverflowError):
        numbers = np.empty(0)
    usable = numbers.shape in {(3,), (7,)} and bool(np.isfinite(numbers).all())
    if not usable or (len(numbers) > 3 and not numbers[3:].any()):
        raise RobotError(
            "Expected a tool's offset of x, y, z in metres, and perhaps a quaternion w, x, y, z, "
            f"not all 0. Received: {brief(repr(offset))}"
        )
    frame = np.eye(4)
    frame[:3, 3] = numbers[:3]
    if len(numbers) > 3:
        quaternion = sized(numbers[3:])
        skew = np.cross(np.eye(3), quaternion[1:])
        turned = quaternion[0] * skew + skew @ skew
        frame[:3, :3] += 2 * turned / float(quaternion @ quaternion)
    return _snapped(frame)


def aligned(moving: Sequence[tuple[FloatArray, FloatArray]], tool: FloatArray) -> list[FloatArray]:
    """Constant transforms (4, 4) between frames whose z axes are the joints' axes.

    Args:
        moving: For each joint its origin (4, 4) in the frame before it, and its unit axis (3,).
        tool: (4, 4) pose of the tool in the last joint's frame.

    Returns:
        One to each joint, from the frame of the joint before it, and one to the tool.
    """
    result = []
    before = np.eye(4)
    for origin, axis in moving:
        after = _z_onto(axis)
        result.append(_snapped(before.T @ origin @ after))
        before = after
    return [*result, _snapped(before.T @ tool)]


def _z_onto(axis: FloatArray) -> FloatArray:
    """(4, 4) rotation that carries z onto a unit axis; exact for coordinate axes."""
    main = int(np.argmax(np.abs(axis)))
    helper = np.roll(np.eye(3)[main], 1)
    first = helper - axis * float(axis @ helper)
    first /= np.linalg.norm(first)
    result = np.eye(4)
    result[:3, :3] = np.column_stack([first, np.cross(axis, first), axis])
    return result


def _snapped(transform: FloatArray) -> FloatArray:
    """The transform with entries within 1e-14 of -1, 0 or 1 made exact, so that they fold."""
    nearest = np.round(transform)
    exact = (np.abs(transform - nearest) < 1e-14) & (np.abs(nearest) <= 1)
    return np.where(exact, nearest, transform)
