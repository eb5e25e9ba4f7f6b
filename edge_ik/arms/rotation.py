"""Poses from the numbers that descriptions give them by."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from firmware_host.chain import FloatArray


def translation(xyz: Sequence[float] | npt.NDArray[np.float64]) -> FloatArray:
    """(4, 4) translation by (3,) [m]."""
    pose = np.eye(4)
    pose[:3, 3] = xyz
    return pose


def rotation(axis: Sequence[float] | npt.NDArray[np.float64], angle: float) -> FloatArray:
    """(4, 4) rotation by an angle [rad] about an axis (3,) of any length (Rodrigues)."""
    x, y, z = np.asarray(axis, dtype=np.float64) / np.linalg.norm(axis)
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    pose = np.eye(4)
    pose[:3, :3] += math.sin(angle) * cross + (1 - math.cos(angle)) * (cross @ cross)
    return pose


def pose_from_rpy(xyz: Sequence[float], rpy: Sequence[float]) -> FloatArray:
    """(4, 4) pose of x, y, z [m] and roll, pitch, yaw [rad]: R = Rz(yaw) Ry(pitch) Rx(roll)."""
    (sr, sp, sy), (cr, cp, cy) = [
        [function(angle) for angle in rpy] for function in (math.sin, math.cos)
    ]
    pose = translation(xyz)
    pose[:3, :3] = [
        [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr],
        [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr],
        [-sp, cp * sr, cp * cr],
    ]
    return pose


def rpy_from(matrix: FloatArray) -> tuple[float, float, float]:
    """Roll, pitch, yaw [rad] of a pose (4, 4); at pitch +-pi/2 the roll is 0."""
    r = matrix[:3, :3]
    level = math.hypot(r[0, 0], r[1, 0])
    pitch = math.atan2(-r[2, 0], level)
    if level < 1e-9:
        # Roll and yaw turn about one axis there: yaw alone says it.
        return 0.0, pitch, math.atan2(-r[0, 1], r[1, 1])
    return math.atan2(r[2, 1], r[2, 2]), pitch, math.atan2(r[1, 0], r[0, 0])


def pose_from_quaternion(
    xyz: Sequence[float] | npt.NDArray[np.float64],
    quaternion: Sequence[float] | npt.NDArray[np.float64],
) -> FloatArray:
    """(4, 4) pose of x, y, z [m] and a quaternion w, x, y, z of any length."""
    w, x, y, z = np.asarray(quaternion, dtype=np.float64) / np.linalg.norm(quaternion)
    pose = translation(xyz)
    pose[:3, :3] = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return pose
