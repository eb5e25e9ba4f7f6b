"""The joints of a chain: what moves, between which limits, and what follows what."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from firmware_host.bounds import bounded, check_limit
from firmware_host.errors import ModelFileError, RobotError
from firmware_host.given import FloatArray
from firmware_host.names import brief, check_name
from firmware_host.rigid import motion, rigid, sized
from firmware_host.tolerances import UNIT_LENGTH

REVOLUTE, CONTINUOUS, PRISMATIC = KINDS = ("revolute", "continuous", "prismatic")


@dataclass(frozen=True)
class Mimic:
    """How a joint follows another: it is at multiplier * q + offset.

    Attributes:
        joint: Name of the joint that is followed, the leader.
        multiplier: Factor, in the follower's unit over the leader's.
        offset: In the follower's unit, rad or m.
    """

    joint: str
    multiplier: float = 1.0
    offset: float = 0.0


@dataclass(frozen=True)
class Joint:
    """One moving joint.

    Attributes:
        name: Name in the robot description.
        origin: (4, 4) pose of the joint's frame, at q = 0, in the frame of the
            joint before it (the first: in the base frame). Metres.
        axis: (3,) unit axis in the joint's frame that it turns about or slides along.
        lower: Lower limit [rad, or m if prismatic]; -pi for a continuous joint.
        upper: Upper limit [rad, or m if prismatic]; pi for a continuous joint.
        kind: "revolute"; "continuous", which turns without end, so that its angle wraps; or
            "prismatic", which slides.
        mimic: What it follows; None if it moves by itself.
    """

    name: str
    origin: FloatArray
    axis: FloatArray
    lower: float
    upper: float
    kind: str = REVOLUTE
    mimic: Mimic | None = None

    def to_dict(self) -> dict[str, Any]:
        """The joint as JSON-ready values."""
        mimic = self.mimic
        return {
            "name": self.name,
            "kind": self.kind,
            "origin": self.origin.tolist(),
            "axis": self.axis.tolist(),
            "lower": self.lower,
            "upper": self.upper,
            "mimic": mimic and [mimic.joint, mimic.multiplier, mimic.offset],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Joint:
        """The joint from `to_dict`'s values.

        Raises:
            KeyError, TypeError, ValueError, OverflowError: If they are none.
        """
        mimic = data["mimic"]
        if mimic is not None:
            leader, multiplier, offset = mimic
            mimic = Mimic(str(leader), float(multiplier), float(offset))
        return cls(
            name=str(data["name"]),
            origin=np.array(data["origin"], dtype=np.float64),
            axis=np.array(data["axis"], dtype=np.float64),
            lower=float(data["lower"]),
            upper=float(data["upper"]),
            kind=str(data["kind"]),
            mimic=mimic,
        )


@dataclass(frozen=True)
class Segment:
    """One moving joint as the kinematics walk it: at multiplier * q[leader] + offset.

    Attributes:
        name: Name in the robot description.
        kind: "revolute", "continuous" or "prismatic".
        origin: (4, 4) pose of the joint's frame in that of the joint before it [m].
        axis: (3,) unit axis in the joint's frame.
        leader: Index into q of the joint that moves it: itself or the one it follows.
        multiplier: Factor, in the unit of this joint over the leader's.
        offset: [rad, or m if prismatic].
    """

    name: str
    kind: str
    origin: FloatArray
    axis: FloatArray
    leader: int
    multiplier: float = 1.0
    offset: float = 0.0

    @property
    def slides(self) -> bool:
        """Whether it is prismatic."""
        return self.kind == PRISMATIC


@dataclass(frozen=True, eq=False)
class MovingJoints:
    """What moves between base and tool, as `moving_joints` arranges it.

    Attributes:
        joints: The joints from base to tool; each follower follows one that moves by itself,
            whose limits are narrowed to what its followers allow.
        beside: Leaders that do not lie between base and tool.
        still: (4, 4) frame of what stands still behind the last joint [m].
    """

    joints: tuple[Joint, ...]
    beside: tuple[Joint, ...]
    still: FloatArray


def moving_joints(given: Sequence[Joint], beside: Sequence[Joint]) -> MovingJoints:
    """What moves, each follower led by a joint that moves by itself.

    A joint that follows with multiplier 0 stands still: it becomes part of the frame behind
    it, as do all others once their leader is known.

    Args:
        given: The joints from base to tool.
        beside: Joints that do not lie between base and tool, but that some of those follow.

    Raises:
        RobotError: If a name is used twice, a joint cannot be one, a leader is missing, a
            joint follows itself, or a follower leaves its leader no room to move.
    """
    if not given:
        return MovingJoints((), (), np.eye(4))
    for name, count in Counter(joint.name for joint in (*given, *beside)).items():
        if count > 1:
            raise RobotError(f"Joint name '{name}' is used {count} times. Expected once.", name)
    known = {joint.name: _checked(joint) for joint in (*given, *beside)}
    known = {name: replace(joint, mimic=_leader(joint, known)) for name, joint in known.items()}
    followers: dict[str, list[Joint]] = {name: [] for name in known}
    for joint in known.values():
        if joint.mimic is not None and joint.mimic.multiplier != 0:
            followers[joint.mimic.joint].append(joint)
    joints = {
        name: joint if joint.mimic else _within(joint, followers[name])
        for name, joint in known.items()
    }
    on_path, still = _folded([joints[joint.name] for joint in given])
    leading = {joint.mimic.joint for joint in on_path if joint.mimic}
    led = [joints[joint.name] for joint in beside if joint.name in leading]
    return MovingJoints(tuple(on_path), tuple(led), still)


def with_bounds(joints: Sequence[Joint], bounds: Sequence[Sequence[float]]) -> dict[str, Joint]:
    """Joints by name, each with a lower and an upper limit; a continuous one gets stops."""
    changed = {joint.name: joint for joint in joints}
    for joint, (lower, upper) in zip(joints, bounds, strict=True):
        if (lower, upper) != (joint.lower, joint.upper):
            kind = REVOLUTE if joint.kind == CONTINUOUS else joint.kind
            changed[joint.name] = replace(joint, lower=lower, upper=upper, kind=kind)
    return changed


def repeats(joint: Joint | Segment, multiplier: float) -> bool:
    """Whether whole turns of its leader bring a joint back to where it was."""
    return joint.kind != PRISMATIC and multiplier == round(multiplier)


def _leader(joint: Joint, known: Mapping[str, Joint]) -> Mimic | None:
    """What a joint follows in the end, itself following nothing; None if it follows nothing."""
    mimic, seen = joint.mimic, [joint.name]
    while mimic is not None:
        if not bounded((mimic.multiplier, mimic.offset)):
            raise RobotError(
                f"Joint '{joint.name}' follows '{mimic.joint}' by numbers that are not finite, or "
                f"too large. Received: multiplier={mimic.multiplier:g}, offset={mimic.offset:g}",
                joint.name,
            )
        if mimic.joint in seen:
            raise RobotError(
                f"Joint '{joint.name}' follows itself: {' -> '.join([*seen, mimic.joint])}. "
                "Expected a joint that moves by itself at the end.",
                joint.name,
            )
        if mimic.joint not in known:
            raise RobotError(
                f"Joint '{seen[-1]}' follows '{mimic.joint}', which is not a moving joint of "
                f"this chain. Expected one of: {', '.join(known)}.",
                seen[-1],
            )
        above = known[mimic.joint].mimic
        if above is None:
            return Mimic(mimic.joint, float(mimic.multiplier), float(mimic.offset))
        seen.append(mimic.joint)
        mimic = Mimic(
            above.joint,
            mimic.multiplier * above.multiplier,
            mimic.multiplier * above.offset + mimic.offset,
        )
    return None


def _within(leader: Joint, followers: Sequence[Joint]) -> Joint:
    """A leader whose limits are narrowed to what its followers allow.

    One that turned without end no longer does where a follower has stops. Where a follower
    has none either, but a turn of the leader does not bring it back, they get one turn of
    the slowest.
    """
    endless = leader.kind == CONTINUOUS
    lower, upper = (-math.inf, math.inf) if endless else (leader.lower, leader.upper)
    slowest, all_repeat = 1.0, True
    for follower in followers:
        multiplier, offset = _numbers(follower)
        slowest = min(slowest, abs(multiplier))
        all_repeat = all_repeat and repeats(follower, multiplier)
        if follower.kind == CONTINUOUS:
            continue
        ends = sorted((end - offset) / multiplier for end in (follower.lower, follower.upper))
        lower, upper = max(lower, ends[0]), min(upper, ends[1])
        if lower >= upper:
            raise RobotError(
                f"Joint '{follower.name}', which follows '{leader.name}', leaves it no room to "
                f"move. Expected limits that meet: '{leader.name}' between {leader.lower:g} and "
                f"{leader.upper:g}, and for its follower between {ends[0]:g} and {ends[1]:g}.",
                follower.name,
            )
    if math.isinf(lower) and all_repeat:
        return leader
    if math.isinf(lower):
        lower, upper = -math.pi / slowest, math.pi / slowest
    check_limit(leader.name, lower, upper)
    return replace(leader, kind=REVOLUTE if endless else leader.kind, lower=lower, upper=upper)


def _folded(joints: Sequence[Joint]) -> tuple[list[Joint], FloatArray]:
    """The joints without those that stand still, and the frame that these leave at the end."""
    moving, before = [], np.eye(4)
    for joint in joints:
        multiplier, offset = _numbers(joint)
        if multiplier == 0:
            before = before @ joint.origin @ motion(joint.axis, offset, joint.kind == PRISMATIC)
            continue
        if np.array_equal(before, np.eye(4)):
            moving.append(joint)
        else:
            moving.append(_checked(replace(joint, origin=before @ joint.origin)))
        before = np.eye(4)
    return moving, before


def _numbers(joint: Joint) -> tuple[float, float]:
    """Multiplier and offset, 1 and 0 of a joint that moves by itself."""
    return (joint.mimic.multiplier, joint.mimic.offset) if joint.mimic else (1.0, 0.0)


def _checked(joint: Joint) -> Joint:
    """The joint with a unit axis and a rigid origin, or a RobotError naming it."""
    check_name(joint.name, "joint")
    if joint.kind not in KINDS:
        raise RobotError(
            f"Joint '{joint.name}' is of an unknown kind. Expected {', '.join(KINDS)}. "
            f"Received: {brief(joint.kind)}",
            joint.name,
        )
    axis = unit_axis(joint.name, joint.axis)
    check_limit(joint.name, joint.lower, joint.upper)
    endless = joint.kind == CONTINUOUS
    lower, upper = (-math.pi, math.pi) if endless else (float(joint.lower), float(joint.upper))
    origin = rigid(joint.origin, f"origin of joint '{joint.name}'")
    return replace(joint, origin=origin, axis=axis, lower=lower, upper=upper)


def unit_axis(name: str, axis: npt.ArrayLike) -> FloatArray:
    """The axis (3,) of a joint scaled to length 1, read-only.

    Args:
        name: The joint's name, for the error.
        axis: Three numbers.

    Raises:
        RobotError: If they are no direction.
    """
    found = np.array(axis, dtype=np.float64)
    if found.shape != (3,) or not bounded(found) or not found.any():
        raise RobotError(
            f"Joint '{name}' has no usable axis. Expected three numbers, not all "
            f"zero. Received: {found.tolist()}",
            name,
        )
    # Dividing a unit axis once more would change its last digits, and with them the record.
    if abs(float(np.linalg.norm(found)) - 1) > UNIT_LENGTH:
        found = sized(found)
        found = found / np.linalg.norm(found)
    found.setflags(write=False)
    return found


def single_limits(name: str, lower: float, upper: float) -> tuple[float, float]:
    """The limits of a joint [rad, m] in single precision, rounded inward: they hold in double.

    Args:
        name: The joint's name, for the error.
        lower: Its lower limit.
        upper: Its upper limit.

    Raises:
        ModelFileError: If no single-precision number is within the limits.
    """
    low, high = np.float32(lower), np.float32(upper)
    if float(low) < lower:
        low = np.nextafter(low, np.float32(math.inf))
    if float(high) > upper:
        high = np.nextafter(high, np.float32(-math.inf))
    if low > high:
        raise ModelFileError(
            f"Single precision has no number within the limits of joint '{name}'. "
            f"Received: {lower} to {upper}. Give it wider ones, or fix the joint."
        )
    return float(low), float(high)
