"""The serial chain: joints, limits and tool, the one definition of a robot."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from firmware_host.errors import RobotError
from firmware_host.tolerances import CHAIN_ROTATION, FULL_TURN, UNIT_LENGTH

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Joint:
    """One rotating joint.

    Attributes:
        name: Name in the robot description.
        origin: (4, 4) pose of the joint's frame, at q = 0, in the frame of the
            joint before it (the first: in the base frame). Metres.
        axis: (3,) unit rotation axis in the joint's frame.
        lower: Lower limit [rad]; -pi for a continuous joint.
        upper: Upper limit [rad]; pi for a continuous joint.
        continuous: True if the joint turns without end; its angle wraps.
    """

    name: str
    origin: FloatArray
    axis: FloatArray
    lower: float
    upper: float
    continuous: bool = False


@dataclass(frozen=True, eq=False)
class Chain:
    """A serial chain of revolute and continuous joints from base to tool.

    Attributes:
        name: Name of the robot.
        joints: The joints in order from the base.
        tool: (4, 4) pose of the tool in the last joint's frame. Metres.
        base: Name of the base link.
        tip: Name of the tip link.

    Raises:
        RobotError: If there is no joint, a name is used twice, a transform is
            not rigid, an axis has no length, or limits are not finite and ordered.
    """

    name: str
    joints: tuple[Joint, ...]
    tool: FloatArray
    base: str = "base"
    tip: str = "tool"

    def __post_init__(self) -> None:
        if not self.joints:
            raise RobotError(
                f"Robot '{self.name}' has no moving joint between '{self.base}' and "
                f"'{self.tip}'. Expected at least one revolute or continuous joint.",
                self.name,
            )
        for name, count in Counter(joint.name for joint in self.joints).items():
            if count > 1:
                raise RobotError(f"Joint name '{name}' is used {count} times. Expected once.", name)
        joints = tuple(_checked_joint(joint) for joint in self.joints)
        object.__setattr__(self, "joints", joints)
        object.__setattr__(self, "tool", _rigid(self.tool, f"tool of '{self.name}'"))

    def with_tool_offset(self, offset: Sequence[float]) -> Chain:
        """The chain with a frame behind its tip, which its name then says.

        Args:
            offset: x, y, z [m] in the tip's frame, and a quaternion w, x, y, z of any length
                if the frame is turned; nothing for the chain as it is.
        """
        if not offset:
            return self
        w, *v = (float(part) for part in (*offset, 1.0, 0.0, 0.0, 0.0)[3:7])
        x, y, z = v
        frame = np.eye(4)
        frame[:3, :3] += (
            2
            * (w * _skew(x, y, z) + _skew(x, y, z) @ _skew(x, y, z))
            / (w * w + x * x + y * y + z * z)
        )
        frame[:3, 3] = offset[:3]
        return replace(self, tool=_snapped(self.tool @ frame), tip=f"{self.tip}+offset")

    def __len__(self) -> int:
        return len(self.joints)

    @property
    def joint_names(self) -> tuple[str, ...]:
        """Names of the joints in the order of q."""
        return tuple(joint.name for joint in self.joints)

    @cached_property
    def lower(self) -> FloatArray:
        """(n,) lower limits [rad]."""
        return np.array([joint.lower for joint in self.joints])

    @cached_property
    def upper(self) -> FloatArray:
        """(n,) upper limits [rad]."""
        return np.array([joint.upper for joint in self.joints])

    @cached_property
    def continuous(self) -> npt.NDArray[np.bool_]:
        """(n,) True where a joint turns without end."""
        return np.array([joint.continuous for joint in self.joints])

    @cached_property
    def periodic(self) -> npt.NDArray[np.bool_]:
        """(n,) True where every direction is within the limits.

        The tool can then be had from any side, though only a continuous joint turns on for
        ever: one with stops must travel back.
        """
        periodic: npt.NDArray[np.bool_] = self.continuous | (
            self.upper - self.lower >= 2 * math.pi - FULL_TURN
        )
        return periodic

    @property
    def middle(self) -> FloatArray:
        """(n,) the middle of the limits [rad]; 0 for continuous joints."""
        middle: FloatArray = (self.lower + self.upper) / 2
        return middle

    @cached_property
    def reach(self) -> float:
        """Upper bound of the distance from the first joint to the tool [m]."""
        offsets = [joint.origin[:3, 3] for joint in self.joints[1:]] + [self.tool[:3, 3]]
        return float(sum(np.linalg.norm(offset) for offset in offsets))

    @cached_property
    def links(self) -> tuple[FloatArray, ...]:
        """n + 1 constant (4, 4) transforms with every joint turning about its z axis.

        ``links[i]`` leads from the turned frame of joint i - 1 to joint i;
        the last leads to the tool. T = links[0] Rz(q0) links[1] Rz(q1) ... links[n].
        """
        aligned = [_z_onto(joint.axis) for joint in self.joints]
        result = []
        before = np.eye(4)
        for joint, after in zip(self.joints, aligned, strict=True):
            result.append(_snapped(before.T @ joint.origin @ after))
            before = after
        result.append(_snapped(before.T @ self.tool))
        return tuple(result)

    @cached_property
    def link_columns(self) -> tuple[tuple[tuple[float, ...], ...], ...]:
        """`links` as plain floats: for each link its four columns' upper three numbers."""
        return tuple(
            tuple(tuple(link[:3, column].tolist()) for column in range(4)) for link in self.links
        )

    def within_limits(self, q: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Whether each joint vector holds every limit; q (..., n) -> (...)."""
        q = np.asarray(q, dtype=np.float64)
        inside = (q >= self.lower) & (q <= self.upper)
        within: npt.NDArray[np.bool_] = np.all(inside | self.continuous, axis=-1)
        return within

    def clamp(self, q: npt.ArrayLike) -> FloatArray:
        """Joint vectors (..., n) brought into the limits; continuous joints wrap."""
        q = np.asarray(q, dtype=np.float64)
        outside = (q < self.lower) | (q > self.upper)
        if not outside.any():
            return np.array(q)
        # Wrapping first lets a joint with limits beyond +-pi keep its own turn.
        turns = 2 * math.pi * np.round((q - self.middle) / (2 * math.pi))
        wrapped = np.where(outside, q - turns, q)
        clamped: FloatArray = np.minimum(np.maximum(wrapped, self.lower), self.upper)
        return clamped

    def nearest_turn(self, q: FloatArray, near: FloatArray) -> FloatArray:
        """Joint vectors (..., n) with whole turns added, as the limits allow, to come near others.

        Args:
            q: (..., n) joint vectors [rad].
            near: (..., n) where the joints are [rad].
        """
        turns = np.round((near - q) / (2 * np.pi))
        fewest = np.ceil((self.lower - q) / (2 * np.pi))
        most = np.floor((self.upper - q) / (2 * np.pi))
        allowed = np.maximum(np.minimum(turns, most), fewest)
        turned = q + 2 * np.pi * np.where(self.continuous, turns, allowed)
        within = np.clip(turned, self.lower, self.upper)
        return np.where(self.continuous, turned, within)

    def travel(self, q: FloatArray, near: FloatArray) -> FloatArray:
        """Largest angle (...) [rad] that a joint must travel from `near` to what q (..., n) means.

        A continuous joint goes the shorter way around, and one that may turn further than
        once to the turn nearest; a joint between stops has one way.
        """
        travelled: FloatArray = np.abs(self.nearest_turn(q, near) - near).max(axis=-1)
        return travelled

    def to_dict(self) -> dict[str, Any]:
        """The chain as JSON-ready values; `from_dict` gives it back exactly."""
        return {
            "name": self.name,
            "base": self.base,
            "tip": self.tip,
            "joints": [
                {
                    "name": joint.name,
                    "origin": joint.origin.tolist(),
                    "axis": joint.axis.tolist(),
                    "lower": joint.lower,
                    "upper": joint.upper,
                    "continuous": joint.continuous,
                }
                for joint in self.joints
            ],
            "tool": self.tool.tolist(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Chain:
        """Build a chain from `to_dict`'s values.

        Raises:
            RobotError: If a key is missing or a value is not of its kind.
        """
        try:
            joints: Sequence[Mapping[str, Any]] = data["joints"]
            return cls(
                name=str(data["name"]),
                base=str(data["base"]),
                tip=str(data["tip"]),
                joints=tuple(
                    Joint(
                        name=str(joint["name"]),
                        origin=np.array(joint["origin"], dtype=np.float64),
                        axis=np.array(joint["axis"], dtype=np.float64),
                        lower=float(joint["lower"]),
                        upper=float(joint["upper"]),
                        continuous=bool(joint["continuous"]),
                    )
                    for joint in joints
                ),
                tool=np.array(data["tool"], dtype=np.float64),
            )
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise RobotError(
                f"The robot's record is not a chain: {type(error).__name__}: {error}. "
                "Expected the keys name, base, tip, joints and tool."
            ) from error


def _checked_joint(joint: Joint) -> Joint:
    """The joint with a unit axis and a rigid origin, or a RobotError naming it."""
    axis = np.array(joint.axis, dtype=np.float64)
    length = float(np.linalg.norm(axis)) if axis.shape == (3,) else 0.0
    if not (math.isfinite(length) and length > 0):
        raise RobotError(
            f"Joint '{joint.name}' has no usable axis. Expected three numbers, not all "
            f"zero. Received: {axis.tolist()}",
            joint.name,
        )
    if not (math.isfinite(joint.lower) and math.isfinite(joint.upper)):
        raise RobotError(f"Joint '{joint.name}' has limits that are not finite.", joint.name)
    if joint.lower >= joint.upper:
        raise RobotError(
            f"Joint '{joint.name}' has no room to move. Expected lower < upper. "
            f"Received: lower={joint.lower:g}, upper={joint.upper:g}",
            joint.name,
        )
    lower, upper = (
        (-math.pi, math.pi) if joint.continuous else (float(joint.lower), float(joint.upper))
    )
    origin = _rigid(joint.origin, f"origin of joint '{joint.name}'")
    # Dividing a unit axis once more would change its last digits, and with them the record.
    if abs(length - 1) > UNIT_LENGTH:
        axis = axis / length
    axis.setflags(write=False)
    return Joint(joint.name, origin, axis, lower, upper, joint.continuous)


def _rigid(transform: npt.ArrayLike, what: str) -> FloatArray:
    """The transform as a read-only float64 array, or a RobotError if it is not rigid."""
    matrix = np.array(transform, dtype=np.float64)
    rigid = matrix.shape == (4, 4) and bool(np.all(np.isfinite(matrix)))
    if rigid:
        rotation = matrix[:3, :3]
        orthonormal = np.allclose(rotation @ rotation.T, np.eye(3), atol=CHAIN_ROTATION)
        rigid = orthonormal and float(np.linalg.det(rotation)) > 0
        rigid = rigid and bool(np.array_equal(matrix[3], [0, 0, 0, 1]))
    if not rigid:
        raise RobotError(f"The {what} is not a rigid (4, 4) transform.", what)
    matrix.setflags(write=False)
    return matrix


def _skew(x: float, y: float, z: float) -> FloatArray:
    """The matrix of the cross product with a vector."""
    return np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])


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
