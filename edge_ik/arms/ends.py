"""Which chain to take if nobody says: the longest one, up to the tool."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from edge_ik.arms.description import FIXED, MOVING, PRISMATIC, LinkJoint
from edge_ik.arms.end_effectors import (
    BETWEEN_FINGERS,
    finger_joints,
    is_sensor,
    is_tool,
    tool_rank,
)
from edge_ik.arms.tree import LinkTree, listed
from firmware_host.errors import RobotError

# What people write where they mean another type.
_MEANT = {
    "hinge": "revolute",
    "rotary": "revolute",
    "rotational": "revolute",
    "revolut": "revolute",
    "slide": "prismatic",
    "linear": "prismatic",
    "sliding": "prismatic",
    "rigid": "fixed",
    "static": "fixed",
}


@dataclass(frozen=True)
class Run:
    """The joints that can be on one chain and end at a link.

    Attributes:
        start: Link where the run starts.
        moving: Number of free joints in it.
        links: Number of links after the start.
        body: Link that the last moving joint carries: links with the same body are
            rigidly connected.
        beside: Names of the joints that others in the run follow and that are not, or not
            yet, in the run; each is a free joint, too.
    """

    start: str
    moving: int
    links: int
    body: str
    beside: frozenset[str] = field(default=frozenset())


@dataclass(frozen=True)
class Runs:
    """All runs from one link, or from all roots.

    Attributes:
        at: The run that ends at each link.
        fingers: Joints that fingers begin with, with the link that carries them.
    """

    at: dict[str, Run]
    fingers: Mapping[str, str]


def default_ends(tree: LinkTree, base: str | None) -> tuple[str, str, tuple[str, ...]]:
    """Choose the longest chain.

    Most free joints wins, then what is no sensor, then most links, then the first in the
    file. A chain does not cross joints that cannot be used, and stops where fingers branch
    off. Of the links that are rigidly connected at its end, one with the name of an end
    effector is the tip.

    Args:
        tree: The robot.
        base: Where the chain must start; None lets it start at a root or after any joint
            that cannot be used.

    Returns:
        Base, tip, and notes for the user.

    Raises:
        RobotError: If the base is unknown or no moving joint can be reached.
    """
    if base is not None:
        tree.require(base, "base")
    runs = runs_from(tree, base)
    ends = [link for link in tree.links if link in runs.at]
    tip = max(ends, key=partial(worth, runs))
    best = runs.at[tip]
    if best.moving == 0:
        _refuse_motionless(tree, base)
    plain, tip = tip, tool_of(tree, runs, tip)
    notes = []
    if base is None and best.start not in tree.roots:
        joint = tree.joint_above[best.start]
        notes.append(f"It starts after joint '{joint.name}', which {_obstacle(tree, joint)}.")
    notes.extend(_stops(tree, runs, best.body))
    if tip != plain and is_tool(tip):
        notes.append(f"Its tip is '{tip}', an end effector by its name.")
    rivals: dict[str, str] = {}
    for link in ends:
        body = runs.at[link].body
        # What the chain passes on its way, before a joint that follows, is no other chain.
        passed = body == best.body or tree.is_below(tip, link)
        if runs.at[link].moving == best.moving and not passed:
            rivals[body] = max(rivals.get(body, link), link, key=partial(worth, runs))
    if rivals:
        names = listed(tool_of(tree, runs, link) for link in rivals.values())
        notes.append(f"Chains as long end at: {names}. Choose with base and tip.")
    return best.start, tip, tuple(notes)


def runs_from(tree: LinkTree, base: str | None) -> Runs:
    """The runs that end at each link, fingers left out where there is an arm before them."""
    plain = _walk(tree, base, {})
    above = {link: run.moving for link, run in plain.at.items()}
    return _walk(tree, base, finger_joints(tree, above))


def worth(runs: Runs, link: str) -> tuple[int, bool, int]:
    """What makes a link the end of a chain: free joints, no sensor, links."""
    return runs.at[link].moving, not is_sensor(link), runs.at[link].links


def tool_of(tree: LinkTree, runs: Runs, tip: str) -> str:
    """The tip among the links that are rigidly connected to a link at the end of a run.

    An end effector by its name, then the link that fingers branch off, then that link itself.
    """
    body = [link for link in tree.downward(runs.at[tip].body) if _same(runs, link, tip)]
    named = min(body, key=lambda link: (tool_rank(link), -runs.at[link].links))
    carriers = [
        link for link in body for joint in tree.joints_below[link] if joint.name in runs.fingers
    ]
    if tool_rank(named) < BETWEEN_FINGERS or (is_tool(named) and not carriers):
        return named
    # The palm: the last link that all fingers branch off from, parents come first in the body.
    palms = [link for link in body if all(tree.is_below(carrier, link) for carrier in carriers)]
    return palms[-1] if carriers and palms else tip


def _same(runs: Runs, link: str, other: str) -> bool:
    return link in runs.at and runs.at[link].body == runs.at[other].body


def _walk(tree: LinkTree, base: str | None, fingers: Mapping[str, str]) -> Runs:
    """The runs below the base, or below all roots, with or beyond unusable joints."""
    starts = tree.roots if base is None else (base,)
    runs = Runs({start: Run(start, 0, 0, start) for start in starts}, fingers)
    in_fingers: set[str] = set()
    for start in starts:
        for link in tree.downward(start):
            run = runs.at.get(link)
            for joint in tree.joints_below[link]:
                if link in in_fingers or joint.name in fingers:
                    in_fingers.add(joint.child)
                    continue
                after = None if run is None else _further(tree, run, joint)
                if after is None and base is None:
                    after = Run(joint.child, 0, 0, joint.child)
                if after is not None:
                    runs.at[joint.child] = after
    return runs


def _further(tree: LinkTree, run: Run, joint: LinkJoint) -> Run | None:
    """The run with one joint more; None if it cannot be on it."""
    if _obstacle(tree, joint):
        return None
    moving, beside, body = run.moving, run.beside, joint.child
    leader = tree.leader(joint)
    if joint.kind == FIXED:
        body = run.body
    elif leader is None:
        moving, beside = moving + (joint.name not in beside), beside - {joint.name}
    elif leader.kind != FIXED and leader.name not in beside:
        inside = tree.is_below(joint.parent, leader.child) and tree.is_below(
            leader.parent, run.start
        )
        if not inside:
            moving, beside = moving + 1, beside | {leader.name}
    return Run(run.start, moving, run.links + 1, body, beside)


def _obstacle(tree: LinkTree, joint: LinkJoint) -> str:
    """Why no chain goes over a joint if nobody asks for it; empty if one does.

    Models that float in a plane have sliding joints without limits at their root.
    """
    objection = tree.objection(joint)
    if objection or joint.kind != PRISMATIC or joint.leader is not None:
        return objection
    try:
        return "" if joint.geometry.lower is not None else "is prismatic and has no limits"
    except RobotError:
        return ""  # told where it is on the chain


def _stops(tree: LinkTree, runs: Runs, body: str) -> list[str]:
    """Sentences on the joints that the chain stops before."""
    links = [link for link in tree.downward(body) if link in runs.at and runs.at[link].body == body]
    joints = [joint for link in links for joint in tree.joints_below[link]]
    notes = [
        f"It stops before joint '{joint.name}', which {_obstacle(tree, joint)}."
        for joint in joints
        if joint.name not in runs.fingers and _obstacle(tree, joint)
    ]
    fingers = [joint for joint in joints if joint.name in runs.fingers]
    if fingers:
        names = listed(f"'{joint.name}'" for joint in fingers)
        what = "the fingers, which begin with joints" if len(fingers) > 1 else "a finger, joint"
        notes.append(
            f"It stops before {what} {names}; give tip (such as '{fingers[0].child}') to go on."
        )
    return notes


def _refuse_motionless(tree: LinkTree, base: str | None) -> None:
    """Say that nothing moves, and name a type that is none where there are such."""
    where = f"Robot '{tree.name}'" if base is None else f"The robot beyond link '{base}'"
    joints = [joint for joint in tree.description.joints if joint.kind != FIXED]
    if base is not None:
        joints = [joint for joint in joints if tree.is_below(joint.parent, base)]
    reasons = [
        f"joint '{joint.name}' {_obstacle(tree, joint)}"
        for joint in joints
        if _obstacle(tree, joint)
    ]
    said = f": {reasons[0]}" if reasons else ""
    unknown = next((joint.kind for joint in joints if tree.objection(joint)), "")
    meant = _MEANT.get(unknown.lower(), unknown.lower())
    if reasons and meant != unknown and meant in (*MOVING, FIXED):
        said += f", and '{meant}' may be meant"
    raise RobotError(
        f"{where} has no revolute, continuous or prismatic joint that can be used{said}.",
        base or tree.name,
    )
