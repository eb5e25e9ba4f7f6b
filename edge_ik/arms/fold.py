"""The chain between two links: fixed joints folded, and joints that follow others led by them.

A joint that follows another through any number of others has q = m q_leader + b, where (m, b)
is the product of all their multipliers and offsets. Every joint that a leader moves, on the
chain or off it, is within its own limits.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from edge_ik.arms.description import CONTINUOUS, FIXED, PRISMATIC, REVOLUTE, LinkJoint
from edge_ik.arms.tree import LinkTree, listed
from edge_ik.arms.units import check_limits, has_no_stops
from firmware_host.bounds import check_count
from firmware_host.chain import Chain, FloatArray, Joint, Mimic
from firmware_host.errors import RobotError
from firmware_host.joints import unit_axis
from firmware_host.rigid import motion


@dataclass(frozen=True)
class FoldedChain:
    """A chain, and sentences for the user: what was put right in its joints."""

    chain: Chain
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Led:
    """A joint and what moves it: it is at multiplier * q_leader + offset."""

    joint: LinkJoint
    leader: LinkJoint
    multiplier: float
    offset: float

    @property
    def moves(self) -> bool:
        """Whether it moves at all."""
        return self.leader.kind != FIXED and self.multiplier != 0


def chain_between(tree: LinkTree, base: str, tip: str) -> FoldedChain:
    """The chain of joints from one link to another.

    Raises:
        RobotError: If a link is unknown, the tip is not below the base, no joint
            between them moves, one of them cannot be used, or its numbers cannot be meant.
    """
    tree.require(base, "base")
    tree.require(tip, "tip")
    path = _path(tree, base, tip)
    if all(joint.kind == FIXED for joint in path):
        raise RobotError(
            f"No joint between base '{base}' and tip '{tip}' of robot '{tree.name}' moves. "
            "Expected at least one revolute, continuous or prismatic joint.",
            tip,
        )
    for joint in path:
        _check_usable(tree, joint, base, tip)
    led = {joint.name: _led(tree, joint) for joint in path if joint.kind != FIXED}
    moving = [part for part in led.values() if part.moves]
    leaders = {part.leader.name: part.leader for part in moving}
    _check_loops(tree, frozenset(leaders), base, tip)
    check_count(tree.name, len(moving), base, tip)
    for part in moving:
        check_limits(part.joint, tree.description.format)
    beside = [leader for leader in leaders.values() if leader.name not in led]
    followers = _followers(tree, set(leaders))
    bounds = {name: _limits(leader, followers[name]) for name, leader in leaders.items()}
    joints, tool = _joints(path, led, bounds)
    chain = Chain(
        tree.name,
        tuple(joints),
        tool,
        base=base,
        tip=tip,
        beside=tuple(_joint(_led(tree, leader), np.eye(4), bounds) for leader in beside),
    )
    notes = [note for joint in path for note in joint.geometry.notes]
    for part in moving:
        notes += [*_told_stops(part), *_told_leader(part, part.leader in beside)]
    return FoldedChain(chain, tuple(notes))


def _path(tree: LinkTree, base: str, tip: str) -> list[LinkJoint]:
    """The joints from base to tip."""
    upward = []
    link = tip
    while link != base:
        joint = tree.joint_above.get(link)
        if joint is None:
            raise RobotError(
                f"Tip '{tip}' does not descend from base '{base}'. Expected a tip among: "
                f"{listed(list(tree.downward(base))[1:])}.",
                tip,
            )
        upward.append(joint)
        link = joint.parent
    return upward[::-1]


def _check_usable(tree: LinkTree, joint: LinkJoint, base: str, tip: str) -> None:
    """Raise a RobotError if a joint cannot be on a chain."""
    objection = tree.objection(joint)
    if objection:
        raise RobotError(
            f"Joint '{joint.name}', between base '{base}' and tip '{tip}', {objection}. "
            "Expected revolute, continuous, prismatic or fixed. Choose a base beyond it (such as "
            f"'{joint.child}') or a tip before it (such as '{joint.parent}').",
            joint.name,
        )


def _check_loops(tree: LinkTree, leaders: frozenset[str], base: str, tip: str) -> None:
    """Raise a RobotError if joints of the chain hold each other through a closed loop."""
    for loop in tree.description.loops:
        tied = loop.joints & leaders
        if tied and not loop.free(leaders):
            raise RobotError(
                f"Between base '{base}' and tip '{tip}', {loop.words} ties joints "
                f"{listed(sorted(tied))}, so that they do not move independently. Closed loops "
                "cannot be used: choose a chain beside it, or say in the file which joint follows "
                "which (an equality of two joints).",
                min(tied),
            )


def _led(tree: LinkTree, joint: LinkJoint) -> _Led:
    """A joint with the free joint that moves it, through all that it follows."""
    leader = tree.leader(joint) or joint
    multiplier, offset, at = 1.0, 0.0, joint
    while at is not leader:
        geometry = at.geometry
        offset += multiplier * geometry.offset
        multiplier *= geometry.multiplier
        at = tree.joints[str(at.leader)]
    return _Led(joint, leader, multiplier, offset)


def _followers(tree: LinkTree, leaders: set[str]) -> dict[str, list[_Led]]:
    """All joints of the robot that each of some joints moves, itself the first."""
    found = {name: [_led(tree, tree.joints[name])] for name in leaders}
    for name, leader in tree.leaders.items():
        if isinstance(leader, LinkJoint) and leader.name in leaders:
            found[leader.name].append(_led(tree, tree.joints[name]))
    return found


def _joints(
    path: Iterable[LinkJoint],
    led: dict[str, _Led],
    bounds: dict[str, tuple[float, float] | None],
) -> tuple[list[Joint], FloatArray]:
    """The moving joints of a path and what is behind the last; what never moves is folded."""
    joints = []
    before = np.eye(4)
    for joint in path:
        before = before @ joint.geometry.origin
        part = led.get(joint.name)
        if part is None:
            continue
        if part.moves:
            joints.append(_joint(part, before, bounds))
            before = np.eye(4)
        elif part.offset:
            axis = unit_axis(joint.name, joint.geometry.axis)
            before = before @ motion(axis, part.offset, joint.kind == PRISMATIC)
    return joints, before


def _joint(part: _Led, origin: FloatArray, bounds: dict[str, tuple[float, float] | None]) -> Joint:
    """A moving joint with its limits; those of one that follows are what its leader allows."""
    name, kind, axis = part.joint.name, part.joint.kind, part.joint.geometry.axis
    kind = kind if kind == PRISMATIC else REVOLUTE
    found = bounds[part.leader.name]
    if found is None and kind == PRISMATIC:
        raise RobotError(
            f"Prismatic joint '{name}' follows '{part.leader.name}', which has no limits. "
            "Expected limits in metres of one of them.",
            name,
        )
    if found is None:
        found, kind = (-math.pi, math.pi), CONTINUOUS
    if part.leader is part.joint:
        return Joint(name, origin, axis, *found, kind)
    mimic = Mimic(part.leader.name, part.multiplier, part.offset)
    if kind == CONTINUOUS:
        return Joint(name, origin, axis, *found, kind, mimic)
    lower, upper = sorted(part.multiplier * end + part.offset for end in found)
    return Joint(name, origin, axis, lower, upper, kind, mimic)


def _limits(leader: LinkJoint, followers: list[_Led]) -> tuple[float, float] | None:
    """The limits [rad or m] that all joints moved by one allow; None if there are none.

    Raises:
        RobotError: If it slides and has none, or none are left.
    """
    bounds: list[tuple[float, float, str]] = []
    endless = leader.kind == CONTINUOUS or has_no_stops(leader)
    for part in followers:
        geometry = part.joint.geometry
        stops = geometry.lower is not None and geometry.upper is not None
        if not stops or not part.moves or has_no_stops(part.joint):
            continue
        low, high = sorted(
            (float(end or 0.0) - part.offset) / part.multiplier
            for end in (geometry.lower, geometry.upper)
        )
        bounds.append((low, high, part.joint.name))
    if not bounds and leader.kind == PRISMATIC:
        raise RobotError(
            f"Prismatic joint '{leader.name}' has no limits. Expected a lower and an upper limit "
            "in metres.",
            leader.name,
        )
    if not bounds:
        return None if endless else (-math.pi, math.pi)
    lower = max(bounds, key=lambda bound: bound[0])
    upper = min(bounds, key=lambda bound: bound[1])
    if lower[0] >= upper[1] and len(bounds) > 1:
        raise RobotError(
            f"Joint '{leader.name}' has no room to move: '{lower[2]}' needs it above "
            f"{lower[0]:g}, and '{upper[2]}' below {upper[1]:g}. Correct the limits of one of "
            "them.",
            leader.name,
        )
    return lower[0], upper[1]


def _told_stops(part: _Led) -> list[str]:
    """A sentence on a joint whose limits are no limits."""
    joint, geometry = part.joint, part.joint.geometry
    if joint.kind == REVOLUTE and part.leader is joint and geometry.lower is None:
        return [f"Revolute joint '{joint.name}' has no limits; it was given a full turn."]
    if not has_no_stops(joint):
        return []
    given = f"{geometry.lower:g} and {geometry.upper:g}"
    return [f"Joint '{joint.name}' has limits of {given}, which are none: it is continuous."]


def _told_leader(part: _Led, beside: bool) -> list[str]:
    """A sentence on a joint that follows another."""
    if part.leader is part.joint:
        return []
    leader = part.leader.name
    equation = f"q = {part.multiplier:g} q_{leader} {part.offset:+g}"
    where = f"; '{leader}' lies beside the chain and is one of q" if beside else ""
    return [f"Joint '{part.joint.name}' follows '{leader}': {equation}{where}."]
