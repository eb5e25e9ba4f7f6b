"""The serial chain: joints, limits and tool, the one definition of a robot."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from firmware_host.bounds import check_count, check_reach
from firmware_host.errors import RobotError
from firmware_host.given import FloatArray
from firmware_host.joints import (
    CONTINUOUS,
    PRISMATIC,
    Joint,
    Mimic,
    Segment,
    moving_joints,
    repeats,
    with_bounds,
)
from firmware_host.names import brief, check_names
from firmware_host.rigid import aligned, offset_frame, rigid
from firmware_host.tolerances import FULL_TURN, LENGTH_SHARE

__all__ = ["Chain", "FloatArray", "Joint", "Mimic", "Segment"]


@dataclass(frozen=True, eq=False)
class Chain:
    """A serial chain of joints that turn or slide, from base to tool.

    A joint vector q (n,) has one number for each of `joints`, those that move by themselves:
    [rad], or [m] for prismatic joints. Joints that follow others are moved with these.

    Attributes:
        name: Name of the robot.
        moving: All moving joints in order from the base, those that follow others among them.
        tool: (4, 4) pose of the tool in the last joint's frame. Metres.
        base: Name of the base link.
        tip: Name of the tip link.
        beside: Joints that do not lie between base and tool, but lead some that do.

    Raises:
        RobotError: If there is no joint, or more than `bounds` has; a name is unusable or used
            twice, a transform not rigid, an axis of no length; limits are not finite and ordered,
            a joint follows none, or leaves it no room to move; or if it reaches too far.
    """

    name: str
    moving: tuple[Joint, ...]
    tool: FloatArray
    base: str = "base"
    tip: str = "tool"
    beside: tuple[Joint, ...] = ()

    def __post_init__(self) -> None:
        check_names({"robot": self.name, "base link": self.base, "tip link": self.tip})
        check_count(self.name, len(self.moving) + len(self.beside), self.base, self.tip)
        found = moving_joints(self.moving, self.beside)
        if not found.joints:
            raise RobotError(
                f"Robot '{self.name}' has no moving joint between '{self.base}' and "
                f"'{self.tip}'. Expected at least one revolute, continuous or prismatic joint.",
                self.name,
            )
        tool = rigid(self.tool, f"tool of '{self.name}'")
        if not np.array_equal(found.still, np.eye(4)):
            tool = rigid(found.still @ tool, f"tool of '{self.name}'")
        object.__setattr__(self, "moving", found.joints)
        object.__setattr__(self, "beside", found.beside)
        object.__setattr__(self, "tool", tool)
        check_reach(self.name, self.base, self.tip, self.segments[0].origin, self.reach)

    def with_tool_offset(self, offset: Sequence[float]) -> Chain:
        """The chain with a frame behind its tip, which its name then says.

        Args:
            offset: x, y, z [m] in the tip's frame, and a quaternion w, x, y, z of any length
                if the frame is turned; nothing for the chain as it is, else a RobotError.
        """
        if isinstance(offset, list | tuple) and not offset:
            return self
        return replace(self, tool=self.tool @ offset_frame(offset), tip=f"{self.tip}+offset")

    def __len__(self) -> int:
        return len(self.joints)

    @cached_property
    def joints(self) -> tuple[Joint, ...]:
        """The n joints that move by themselves, in the order of q.

        From base to tool; one that lies beside stands where the first of its followers does.
        """
        known = {joint.name: joint for joint in (*self.moving, *self.beside)}
        names = (joint.mimic.joint if joint.mimic else joint.name for joint in self.moving)
        return tuple(known[name] for name in dict.fromkeys(names))

    @cached_property
    def segments(self) -> tuple[Segment, ...]:
        """The s moving joints in order from the base, and which of q moves each."""
        order = {joint.name: index for index, joint in enumerate(self.joints)}
        segments = []
        for joint in self.moving:
            mimic = joint.mimic or Mimic(joint.name)
            place = (order[mimic.joint], mimic.multiplier, mimic.offset)
            segments.append(Segment(joint.name, joint.kind, joint.origin, joint.axis, *place))
        return tuple(segments)

    @cached_property
    def has_followers(self) -> bool:
        """Whether there are moving joints that q does not give one by one."""
        return bool(self.beside) or len(self.segments) > len(self)

    @property
    def joint_names(self) -> tuple[str, ...]:
        """Names of the joints in the order of q."""
        return tuple(joint.name for joint in self.joints)

    @property
    def units(self) -> tuple[str, ...]:
        """(n,) "rad" or "m", the unit of each number of q."""
        return tuple("m" if slides else "rad" for slides in self.prismatic)

    @cached_property
    def lower(self) -> FloatArray:
        """(n,) lower limits [rad, m]."""
        return np.array([joint.lower for joint in self.joints])

    @cached_property
    def upper(self) -> FloatArray:
        """(n,) upper limits [rad, m]."""
        return np.array([joint.upper for joint in self.joints])

    @cached_property
    def continuous(self) -> npt.NDArray[np.bool_]:
        """(n,) True where a joint turns without end."""
        return np.array([joint.kind == CONTINUOUS for joint in self.joints])

    @cached_property
    def prismatic(self) -> npt.NDArray[np.bool_]:
        """(n,) True where a joint slides: its number in q is in metres."""
        return np.array([joint.kind == PRISMATIC for joint in self.joints])

    @cached_property
    def circular(self) -> npt.NDArray[np.bool_]:
        """(n,) True where a whole turn of the joint leaves the tool where it is.

        Not so of a prismatic joint, nor of one with followers that slide or are geared by
        anything but whole numbers.
        """
        circular = ~self.prismatic
        for segment in self.segments:
            circular[segment.leader] &= repeats(segment, segment.multiplier)
        return circular

    @cached_property
    def periodic(self) -> npt.NDArray[np.bool_]:
        """(n,) True where every direction is within the limits.

        The tool can then be had from any side, though only a continuous joint turns on for
        ever: one with stops must travel back.
        """
        full = np.asarray(self.upper - self.lower >= 2 * math.pi - FULL_TURN)
        return self.circular & (self.continuous | full)

    @property
    def middle(self) -> FloatArray:
        """(n,) the middle of the limits [rad, m]; 0 for continuous joints."""
        return np.asarray((self.lower + self.upper) / 2)

    @cached_property
    def reach(self) -> float:
        """Upper bound of the distance from the first joint's origin to the tool [m]."""
        offsets = [segment.origin[:3, 3] for segment in self.segments[1:]] + [self.tool[:3, 3]]
        reach = float(sum(np.linalg.norm(offset) for offset in offsets))
        ends = np.abs(self.q_all(np.stack([self.lower, self.upper])))[:, self.sliding]
        return reach + float(ends.max(axis=0).sum())

    @property
    def length(self) -> float:
        """Characteristic length L [m]: 1 rad, of a joint or of the tool, counts as much."""
        return LENGTH_SHARE * self.reach

    @cached_property
    def scales(self) -> FloatArray:
        """(n,) the change of each joint that counts as 1 rad does: 1, or L for a prismatic one."""
        return np.where(self.prismatic, self.length, 1.0)

    @cached_property
    def sliding(self) -> npt.NDArray[np.bool_]:
        """(s,) True for the segments that slide."""
        return np.array([segment.slides for segment in self.segments])

    def q_all(self, q: Any, xp: Any = np) -> Any:
        """Where every moving joint is (..., s) [rad, m], in the order of `segments`.

        Args:
            q: (..., n) joint vectors [rad, m].
            xp: Array namespace: `numpy` or `keras.ops`.
        """
        if not self.has_followers:
            return q
        return xp.stack(self.followed([q[..., k] for k in range(len(self))]), axis=-1)

    def followed(self, q: Sequence[Any]) -> list[Any]:
        """`q_all` by components: from n floats, arrays or tensors to s of them."""
        values = []
        for segment in self.segments:
            value = q[segment.leader]
            value = value if segment.multiplier == 1 else segment.multiplier * value
            values.append(value + segment.offset if segment.offset else value)
        return values

    def place(self, q: Any, xp: Any = np) -> tuple[Any, Any]:
        """What the kinematics take: sines and cosines (..., s) of every moving joint.

        A segment that slides has its displacement [m] in place of the sine, and a cosine of 1.

        Args:
            q: (..., n) joint vectors [rad, m].
            xp: Array namespace: `numpy` or `keras.ops`.
        """
        every = self.q_all(q, xp)
        sines, cosines = xp.sin(every), xp.cos(every)
        if self.sliding.any():
            sines = xp.where(self.sliding, every, sines)
            cosines = xp.where(self.sliding, xp.ones_like(cosines), cosines)
        return sines, cosines

    def placed(self, q: Sequence[Any], xp: Any) -> tuple[list[Any], list[Any]]:
        """`place` by components: from n floats, arrays or tensors to s of them each.

        Args:
            q: n components [rad, m].
            xp: Namespace with `sin` and `cos`.
        """
        every = self.followed(q) if self.has_followers else q
        moving = list(zip(every, self.sliding.tolist(), strict=True))
        return (
            [value if slides else xp.sin(value) for value, slides in moving],
            [1.0 if slides else xp.cos(value) for value, slides in moving],
        )

    @cached_property
    def links(self) -> tuple[FloatArray, ...]:
        """s + 1 constant (4, 4) transforms with every joint moving about or along its z axis.

        ``links[i]`` leads from the moved frame of segment i - 1 to segment i; the last leads
        to the tool. T = links[0] M(q0) links[1] M(q1) ... links[s], where M is Rz, or Tz of a
        segment that slides.
        """
        moving = [(segment.origin, segment.axis) for segment in self.segments]
        return tuple(aligned(moving, self.tool))

    @cached_property
    def link_columns(self) -> tuple[tuple[tuple[float, ...], ...], ...]:
        """`links` as plain floats: for each link its four columns' upper three numbers."""
        return tuple(
            tuple(tuple(link[:3, column].tolist()) for column in range(4)) for link in self.links
        )

    def within_limits(self, q: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Whether each joint vector holds every limit; q (..., n) -> (...)."""
        inside = (np.asarray(q) >= self.lower) & (np.asarray(q) <= self.upper)
        return np.asarray(np.all(inside | self.continuous, axis=-1))

    def clamp(self, q: npt.ArrayLike) -> FloatArray:
        """Joint vectors (..., n) brought into the limits; continuous joints wrap."""
        held = np.array(q, dtype=np.float64)
        outside = (held < self.lower) | (held > self.upper)
        if not outside.any():
            return held
        # Wrapping first lets a joint with limits beyond +-pi keep its own turn.
        turns = 2 * math.pi * np.round((held - self.middle) / (2 * math.pi))
        wrapped = np.where(outside & self.circular, held - turns, held)
        return np.asarray(np.minimum(np.maximum(wrapped, self.lower), self.upper))

    def nearest_turn(self, q: FloatArray, near: FloatArray) -> FloatArray:
        """Joint vectors (..., n) with whole turns added, as the limits allow, to come near others.

        Args:
            q: (..., n) joint vectors [rad, m].
            near: (..., n) where the joints are [rad, m].
        """
        turns = np.round((near - q) / (2 * np.pi))
        fewest = np.ceil((self.lower - q) / (2 * np.pi))
        most = np.floor((self.upper - q) / (2 * np.pi))
        allowed = np.where(self.circular, np.maximum(np.minimum(turns, most), fewest), 0.0)
        turned = q + 2 * np.pi * np.where(self.continuous, turns, allowed)
        within = np.clip(turned, self.lower, self.upper)
        return np.where(self.continuous, turned, within)

    def travel(self, q: FloatArray, near: FloatArray) -> FloatArray:
        """How far a joint must travel at most (...) [rad] from `near` to what q (..., n) means.

        A continuous joint goes the shorter way around, and one that may turn further than
        once to the turn nearest; a joint between stops has one way. The characteristic length
        of a prismatic joint counts as 1 rad.
        """
        away = np.abs(self.nearest_turn(q, near) - near) / self.scales
        return np.asarray(away.max(axis=-1))

    def with_limits(self, lower: npt.ArrayLike, upper: npt.ArrayLike) -> Chain:
        """The chain with other limits (n,) [rad, m]; a continuous joint that gets some has stops.

        Raises:
            RobotError: If they leave a joint no room to move.
        """
        changed = with_bounds(self.joints, np.array([lower, upper], dtype=np.float64).T.tolist())
        moving = tuple(changed.get(joint.name, joint) for joint in self.moving)
        return replace(self, moving=moving, beside=tuple(changed[one.name] for one in self.beside))

    def to_dict(self) -> dict[str, Any]:
        """The chain as JSON-ready values; `from_dict` gives it back exactly."""
        return {
            "name": self.name,
            "base": self.base,
            "tip": self.tip,
            "joints": [joint.to_dict() for joint in self.moving],
            "beside": [joint.to_dict() for joint in self.beside],
            "tool": self.tool.tolist(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Chain:
        """Build a chain from `to_dict`'s values.

        Raises:
            RobotError: If a key is missing or a value is not of its kind.
        """
        try:
            return cls(
                name=str(data["name"]),
                base=str(data["base"]),
                tip=str(data["tip"]),
                moving=tuple(map(Joint.from_dict, data["joints"])),
                beside=tuple(map(Joint.from_dict, data["beside"])),
                tool=np.array(data["tool"], dtype=np.float64),
            )
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise RobotError(
                f"The robot's record is not a chain: {type(error).__name__}: {brief(str(error))}. "
                "Expected the keys name, base, tip, joints, beside and tool."
            ) from error
