"""Forward kinematics and Jacobian, written once for NumPy, Keras and plain numbers.

Every quantity is handled as its scalar components. A component is a Python float
where it is constant and otherwise whatever the caller put in: a float, an array
over a batch, a Keras tensor, or a symbol. Products with 0 and 1 fold away, so each
robot costs only the arithmetic that it needs.

The equations are the product of exponentials along the chain and the geometric
Jacobian (Lynch and Park, Modern Robotics, 2017, chapters 4 and 5).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from firmware_host.chain import Chain, FloatArray, Segment

Scalar = Any
"""A float, an array over the batch, a tensor, or a symbol."""
Vector = tuple[Scalar, Scalar, Scalar]
"""The coordinates x, y, z."""


def mul(a: Scalar, b: Scalar) -> Scalar:
    """a * b, folded where one is the constant -1, 0 or 1."""
    if isinstance(b, float) and not isinstance(a, float):
        a, b = b, a
    if isinstance(a, float):
        if a == 0.0:
            return 0.0
        if a == 1.0:
            return b
        if a == -1.0:
            return -b
    return a * b


def add(a: Scalar, b: Scalar) -> Scalar:
    """a + b, folded where one is the constant 0."""
    if isinstance(a, float) and a == 0.0:
        return b
    if isinstance(b, float) and b == 0.0:
        return a
    return a + b


def sub(a: Scalar, b: Scalar) -> Scalar:
    """a - b, folded where one is the constant 0."""
    if isinstance(b, float) and b == 0.0:
        return a
    if isinstance(a, float) and a == 0.0:
        return -b
    return a - b


def dot(a: Sequence[Scalar], b: Sequence[Scalar]) -> Scalar:
    """Sum of the products of two equally long sequences of components."""
    total: Scalar = 0.0
    for left, right in zip(a, b, strict=True):
        total = add(total, mul(left, right))
    return total


def root(a: Scalar) -> Scalar:
    """The square root of a component."""
    if isinstance(a, float):
        return math.sqrt(a)
    if isinstance(a, (np.ndarray, np.generic)):
        return np.sqrt(a)
    return a.sqrt() if hasattr(a, "sqrt") else a**0.5


def limited(value: Scalar, bound: float, *, held: bool = False) -> Scalar:
    """The same component; of a symbol it is kept how far from 0 it is at most.

    Args:
        value: The component.
        bound: What it never exceeds.
        held: Whether it can exceed it after all, and integers are then to hold it there.
    """
    if hasattr(value, "limit"):
        value.limit(bound, held=held)
    return value


def cross(a: Vector, b: Vector) -> Vector:
    """Vector product of two vectors of components."""
    return (
        sub(mul(a[1], b[2]), mul(a[2], b[1])),
        sub(mul(a[2], b[0]), mul(a[0], b[2])),
        sub(mul(a[0], b[1]), mul(a[1], b[0])),
    )


@dataclass(frozen=True)
class Frames:
    """The chain's geometry in one configuration, as components in the base frame.

    Attributes:
        segments: The s moving joints.
        axes: s unit joint axes.
        origins: s points on those axes [m].
        levers: s vectors from those points to the tool [m].
        rotation: The columns x, y, z of the tool's rotation matrix.
        position: The tool's position [m].
    """

    segments: tuple[Segment, ...]
    axes: tuple[Vector, ...]
    origins: tuple[Vector, ...]
    levers: tuple[Vector, ...]
    rotation: tuple[Vector, Vector, Vector]
    position: Vector


def frames(chain: Chain, sin_q: Sequence[Scalar], cos_q: Sequence[Scalar]) -> Frames:
    """Walk the chain once.

    Args:
        chain: The robot.
        sin_q: s components, the sine of each joint angle, or the displacement [m] of a joint
            that slides; see `Chain.place`.
        cos_q: s components, the cosine of each joint angle; not used where a joint slides.

    Returns:
        Joint axes, their origins and the tool pose.
    """
    far = chain.reach + math.hypot(*chain.link_columns[0][3])
    x: Vector = (1.0, 0.0, 0.0)
    y: Vector = (0.0, 1.0, 0.0)
    z: Vector = (0.0, 0.0, 1.0)
    p: Vector = (0.0, 0.0, 0.0)
    slide: Vector = (0.0, 0.0, 0.0)
    axes, origins, offsets = [], [], []
    walk = zip(
        chain.link_columns,
        [*chain.segments, chain.segments[-1]],
        [*sin_q, None],
        [*cos_q, None],
        strict=True,
    )
    for link, segment, s, c in walk:
        (x, y, z), offset = _moved(x, y, z, link)
        # What the joint before has slid is part of the way to this one.
        offset = _sum(slide, offset)
        p = _limited(_sum(p, offset), far)
        offsets.append(offset)
        if s is None:
            break
        axes.append(z)
        origins.append(p)
        slide = (0.0, 0.0, 0.0)
        if segment.slides:
            slide = _vector(mul(s, z[k]) for k in range(3))
            continue
        x, y = (
            _limited(_vector(add(mul(c, x[k]), mul(s, y[k])) for k in range(3)), 1.0),
            _limited(_vector(sub(mul(c, y[k]), mul(s, x[k])) for k in range(3)), 1.0),
        )
    # Summed from the tool backwards: no position is taken from another.
    levers = [offsets[-1]]
    for offset in offsets[-2:0:-1]:
        levers.append(_limited(_sum(offset, levers[-1]), chain.reach))
    return Frames(chain.segments, tuple(axes), tuple(origins), tuple(levers[::-1]), (x, y, z), p)


def jacobian_columns(walked: Frames) -> list[tuple[Scalar, ...]]:
    """The n columns of the geometric Jacobian, (vx, vy, vz, wx, wy, wz) each.

    That of a joint with followers is the sum of theirs and its own, each times its multiplier.
    """
    count = 1 + max(segment.leader for segment in walked.segments)
    columns: list[tuple[Scalar, ...]] = [(0.0,) * 6] * count
    parts = zip(walked.segments, walked.axes, walked.levers, strict=True)
    for segment, axis, lever in parts:
        own = (*axis, 0.0, 0.0, 0.0) if segment.slides else (*cross(axis, lever), *axis)
        columns[segment.leader] = tuple(
            add(part, mul(segment.multiplier, more))
            for part, more in zip(columns[segment.leader], own, strict=True)
        )
    return columns


def forward_kinematics(chain: Chain, q: npt.ArrayLike) -> FloatArray:
    """Pose of the tool in the base frame.

    Args:
        chain: The robot.
        q: (..., n) joint vectors [rad, m].

    Returns:
        T_base_tool (..., 4, 4), in metres.
    """
    pose: FloatArray = tool_pose(chain, *chain.place(np.asarray(q, dtype=np.float64)))
    return pose


def tool_pose(chain: Chain, sin_q: Any, cos_q: Any, xp: Any = np) -> Any:
    """Pose of the tool in the base frame, from sines and cosines or displacements.

    Args:
        chain: The robot.
        sin_q: (..., s) first part of `Chain.place`: sines, or displacements [m].
        cos_q: (..., s) second part of it: cosines.
        xp: Array namespace: `numpy` or `keras.ops`.

    Returns:
        T_base_tool (..., 4, 4), in metres.
    """
    walked = frames(chain, components(sin_q), components(cos_q))
    (x, y, z), p = walked.rotation, walked.position
    rows = [[x[k], y[k], z[k], p[k]] for k in range(3)] + [[0.0, 0.0, 0.0, 1.0]]
    like = sin_q[..., 0]
    return xp.stack([stacked(row, like, xp) for row in rows], axis=-2)


def tool_position(chain: Chain, sin_q: Any, cos_q: Any, xp: Any = np) -> Any:
    """Position of the tool p (..., 3) [m]; arguments as in `tool_pose`."""
    walked = frames(chain, components(sin_q), components(cos_q))
    return stacked(walked.position, sin_q[..., 0], xp)


def jacobian(chain: Chain, sin_q: Any, cos_q: Any, xp: Any = np) -> Any:
    """Geometric Jacobian of the tool in the base frame.

    Args:
        chain: The robot.
        sin_q: (..., s) first part of `Chain.place`: sines, or displacements [m].
        cos_q: (..., s) second part of it: cosines.
        xp: Array namespace: `numpy` or `keras.ops`.

    Returns:
        J (..., 6, n): rows 0 to 2 linear [m/rad], rows 3 to 5 angular [rad/rad]; per metre in
        the column of a prismatic joint.
    """
    columns = jacobian_columns(frames(chain, components(sin_q), components(cos_q)))
    like = sin_q[..., 0]
    return xp.stack([stacked(column, like, xp) for column in columns], axis=-1)


def components(values: Any) -> list[Any]:
    """The slices of an array (..., k) along its last axis, k of shape (...)."""
    return [values[..., index] for index in range(values.shape[-1])]


def stacked(parts: Sequence[Scalar], like: Any, xp: Any) -> Any:
    """Components stacked on a new last axis; constants take the shape of `like`."""
    zero = like * 0.0
    return xp.stack([part + zero if isinstance(part, float) else part for part in parts], axis=-1)


def _moved(
    x: Vector, y: Vector, z: Vector, columns: Sequence[Sequence[float]]
) -> tuple[tuple[Vector, Vector, Vector], Vector]:
    """The axes (x, y, z) turned by a constant transform in their frame, and its offset.

    The transform is given by its columns.
    """

    def combined(weights: Sequence[float]) -> Vector:
        # A frame that keeps a direction, as most do, costs nothing.
        if weights == (1.0, 0.0, 0.0):
            return x
        if weights == (0.0, 1.0, 0.0):
            return y
        if weights == (0.0, 0.0, 1.0):
            return z
        parts = _vector(dot(weights, (x[k], y[k], z[k])) for k in range(3))
        return _limited(parts, math.hypot(*weights))

    return (combined(columns[0]), combined(columns[1]), combined(columns[2])), combined(columns[3])


def _sum(a: Vector, b: Vector) -> Vector:
    return (add(a[0], b[0]), add(a[1], b[1]), add(a[2], b[2]))


def _limited(parts: Vector, bound: float) -> Vector:
    """The parts of a vector that is never longer than this."""
    return (limited(parts[0], bound), limited(parts[1], bound), limited(parts[2], bound))


def _vector(parts: Any) -> Vector:
    first, second, third = parts
    return first, second, third
