"""The chain between two links: fixed joints folded, and joints that follow others led by them.

A joint that follows another through any number of others has q = m q_leader + b, where (m, b)
is the product of all their multipliers and offsets. Its limits are limits of the leader,
who moves within all of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from edge_ik.arms.description import CONTINUOUS, FIXED, PRISMATIC, REVOLUTE, LinkJoint
from edge_ik.arms.rotation import rotation, translation
from edge_ik.arms.tree import LinkTree, listed
from edge_ik.arms.units import check_limits, check_reach, has_no_stops
from firmware_host.chain import Chain, FloatArray, Joint
from firmware_host.errors import RobotError


@dataclass(frozen=True)
class Segment:
    """A moving joint of the chain, and what moves it.

    Attributes:
        joint: The joint.
        origin: (4, 4) pose of its frame at q = 0 in the moved frame before it [m].
        leader: The free joint that moves it; itself if it is free.
        multiplier: q = multiplier * q_leader + offset.
        offset: Likewise [rad or m].
    """

    joint: LinkJoint
    origin: FloatArray
    leader: LinkJoint
    multiplier: float = 1.0
    offset: float = 0.0


@dataclass(frozen=True)
class FoldedChain:
    """A chain, and what it was made of.

    Attributes:
        chain: The chain.
        segments: Its moving joints, those that follow others among them.
        notes: Sentences for the user: what was put right in its joints.
    """

    chain: Chain
    segments: tuple[Segment, ...]
    notes: tuple[str, ...]


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
    segments, tool = _segments(tree, path)
    _check_leaders(segments, path, base, tip)
    _check_loops(tree, segments, base, tip)
    for segment in segments:
        check_limits(segment.joint, tree.description.format)
    limits = {
        segment.joint.name: _limits(segment.joint, segments)
        for segment in segments
        if segment.leader is segment.joint
    }
    chain = _chain(tree, segments, limits, tool, (base, tip))
    check_reach(chain)
    notes = [note for joint in path for note in joint.geometry.notes]
    notes += [
        note for segment in segments for note in (*_told_stops(segment), *_told_mimic(segment))
    ]
    return FoldedChain(chain, tuple(segments), tuple(notes))


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


def _segments(tree: LinkTree, path: Iterable[LinkJoint]) -> tuple[list[Segment], FloatArray]:
    """The moving joints of a path and what is behind the last; what never moves is folded."""
    segments = []
    before = np.eye(4)
    for joint in path:
        before = before @ joint.geometry.origin
        if joint.kind == FIXED:
            continue
        leader = tree.leader(joint) or joint
        multiplier, offset = _ratio(tree, joint, leader)
        if leader.kind == FIXED or multiplier == 0:
            before = before @ moved_by(joint, offset)
            continue
        segments.append(Segment(joint, before, leader, multiplier, offset))
        before = np.eye(4)
    return segments, before


def _ratio(tree: LinkTree, joint: LinkJoint, leader: LinkJoint) -> tuple[float, float]:
    """Multiplier and offset of a joint, seen from the joint at the head of what it follows."""
    multiplier, offset = 1.0, 0.0
    while joint is not leader:
        geometry = joint.geometry
        multiplier, offset = (
            multiplier * geometry.multiplier,
            multiplier * geometry.offset + offset,
        )
        joint = tree.joints[str(joint.leader)]
    return multiplier, offset


def moved_by(joint: LinkJoint, q: float) -> FloatArray:
    """(4, 4) motion of a joint at q [rad or m]."""
    axis = joint.geometry.axis
    if joint.kind == PRISMATIC:
        return translation(axis / np.linalg.norm(axis) * q)
    return rotation(axis, q)


def _check_leaders(segments: list[Segment], path: list[LinkJoint], base: str, tip: str) -> None:
    """Raise a RobotError if a joint follows one that is not on the chain."""
    names = {joint.name for joint in path}
    for segment in segments:
        if segment.leader.name not in names:
            raise RobotError(
                f"Joint '{segment.joint.name}', between base '{base}' and tip '{tip}', mimics "
                f"joint '{segment.leader.name}', which is not between them. Choose base and tip "
                "so that both are on the chain or neither is.",
                segment.joint.name,
            )


def _check_loops(tree: LinkTree, segments: list[Segment], base: str, tip: str) -> None:
    """Raise a RobotError if joints of the chain hold each other through a closed loop."""
    names = frozenset(segment.joint.name for segment in segments if segment.leader is segment.joint)
    for loop in tree.description.loops:
        tied = loop.joints & names
        if tied and not loop.free(names):
            raise RobotError(
                f"Between base '{base}' and tip '{tip}', {loop.words} ties joints "
                f"{listed(sorted(tied))}, so that they do not move independently. Closed loops "
                "cannot be used: choose a chain beside it, or say in the file which joint follows "
                "which (an equality of two joints).",
                min(tied),
            )


def _limits(leader: LinkJoint, segments: list[Segment]) -> tuple[float, float] | None:
    """The limits [rad or m] that a joint and all that follow it allow; None if there are none.

    Raises:
        RobotError: If it slides and has none, or none are left.
    """
    bounds: list[tuple[float, float, str]] = []
    endless = leader.kind == CONTINUOUS
    for segment in segments:
        geometry = segment.joint.geometry
        if segment.leader is not leader or geometry.lower is None or geometry.upper is None:
            continue
        if has_no_stops(segment.joint):
            endless = True
            continue
        ends = sorted(
            (limit - segment.offset) / segment.multiplier
            for limit in (geometry.lower, geometry.upper)
        )
        bounds.append((ends[0], ends[1], segment.joint.name))
    if not bounds and leader.kind == PRISMATIC:
        raise RobotError(
            f"Prismatic joint '{leader.name}' has no limits. Expected <limit lower=... upper=...> "
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


def _told_stops(segment: Segment) -> list[str]:
    """A sentence on a joint whose limits are no limits."""
    joint = segment.joint
    geometry = joint.geometry
    if joint.kind == REVOLUTE and segment.leader is joint and geometry.lower is None:
        return [f"Revolute joint '{joint.name}' has no limits; it was given a full turn."]
    if not has_no_stops(joint):
        return []
    given = f"{geometry.lower:g} and {geometry.upper:g}"
    return [f"Joint '{joint.name}' has limits of {given}, which are none: it is continuous."]


def _told_mimic(segment: Segment) -> list[str]:
    """A sentence on a joint that follows another."""
    if segment.leader is segment.joint:
        return []
    leader = segment.leader.name
    equation = f"q = {segment.multiplier:g} q_{leader} {segment.offset:+g}"
    return [f"Joint '{segment.joint.name}' follows '{leader}': {equation}."]


def _chain(
    tree: LinkTree,
    segments: list[Segment],
    limits: dict[str, tuple[float, float] | None],
    tool: FloatArray,
    ends: tuple[str, str],
) -> Chain:
    """The chain of checked segments."""
    joints = []
    for segment in segments:
        geometry = segment.joint.geometry
        if segment.leader is not segment.joint or segment.joint.kind == PRISMATIC:
            raise RobotError(f"Joint '{segment.joint.name}' TODO", segment.joint.name)
        found = limits[segment.joint.name]
        lower, upper = found or (-math.pi, math.pi)
        joints.append(
            Joint(segment.joint.name, segment.origin, geometry.axis, lower, upper, found is None)
        )
    return Chain(tree.name, tuple(joints), tool=tool, base=ends[0], tip=ends[1])
