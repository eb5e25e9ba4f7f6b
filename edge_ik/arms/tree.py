"""The tree of links: whether it is one, which chain to take, and that chain."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from firmware_host.chain import Chain, Joint
from firmware_host.errors import RobotError

UrdfJoint = Any  # yourdfpy.Joint: name, type, parent, child, origin, axis, limit, mimic

MOVING = ("revolute", "continuous")
LISTED = 20  # names in a message


@dataclass(frozen=True)
class LinkTree:
    """The links of a robot, each with the joint that carries it.

    Attributes:
        name: Name of the robot.
        root: The only link that no joint carries.
        links: All links, in the order of the file.
        joint_above: The joint that carries a link; the root has none.
        joints_below: The joints that a link carries, in the order of the file.
    """

    name: str
    root: str
    links: tuple[str, ...]
    joint_above: dict[str, UrdfJoint]
    joints_below: dict[str, list[UrdfJoint]]


@dataclass(frozen=True)
class _Run:
    """The joints of supported kinds that end at a link.

    Attributes:
        start: Link where the run starts.
        moving: Number of moving joints in it.
        links: Number of links after the start.
        body: Link that the last moving joint carries: links with the same body are
            rigidly connected.
    """

    start: str
    moving: int
    links: int
    body: str


def build_tree(robot: Any) -> LinkTree:
    """Check that a `yourdfpy.Robot` is one tree, and index it.

    Raises:
        RobotError: If there is no link, a name is used twice, a joint names an unknown
            link, or the joints form a loop or several trees.
    """
    links = tuple(link.name for link in robot.links)
    if not links:
        raise RobotError(f"Robot '{robot.name}' has no links.", robot.name)
    _refuse_duplicates("Link", links)
    _refuse_duplicates("Joint", (joint.name for joint in robot.joints))
    joint_above: dict[str, UrdfJoint] = {}
    joints_below: dict[str, list[UrdfJoint]] = {link: [] for link in links}
    for joint in robot.joints:
        for role, link in (("parent", joint.parent), ("child", joint.child)):
            if link not in joints_below:
                raise RobotError(
                    f"Joint '{joint.name}' has the {role} link '{link}', which is not in "
                    f"the robot. Expected one of: {_listed(links)}.",
                    joint.name,
                )
        if joint.child in joint_above:
            raise RobotError(
                f"Link '{joint.child}' is carried by two joints, "
                f"'{joint_above[joint.child].name}' and '{joint.name}'. "
                "Expected a tree: closed loops cannot be used.",
                joint.child,
            )
        joint_above[joint.child] = joint
        joints_below[joint.parent].append(joint)
    roots = [link for link in links if link not in joint_above]
    if len(roots) > 1:
        raise RobotError(
            f"Robot '{robot.name}' is in several pieces. Expected one link without a "
            f"parent. Received: {_listed(roots)}. Connect them with fixed joints.",
            roots[1],
        )
    tree = LinkTree(robot.name, roots[0] if roots else links[0], links, joint_above, joints_below)
    reached = set(_downward(tree, tree.root)) if roots else set()
    for link in links:
        if link not in reached:
            raise RobotError(
                f"Link '{link}' is on a loop of joints or beyond one. Expected a tree: "
                "closed loops cannot be used.",
                link,
            )
    return tree


def default_ends(tree: LinkTree, base: str | None) -> tuple[str, str, tuple[str, ...]]:
    """Choose the longest chain.

    Most moving joints wins, then most links, then the first tip in the file. A chain
    does not cross joints that cannot be used.

    Args:
        tree: The robot.
        base: Where the chain must start; None lets it start at the root or after any
            joint that cannot be used.

    Returns:
        Base, tip, and notes for the user.

    Raises:
        RobotError: If the base is unknown or no moving joint can be reached.
    """
    if base is not None:
        _require_link(tree, base, "base")
    runs = _runs(tree, tree.root if base is None else base, restart=base is None)
    in_file_order = [link for link in tree.links if link in runs]
    tip = max(in_file_order, key=lambda link: (runs[link].moving, runs[link].links))
    best = runs[tip]
    if best.moving == 0:
        where = f"Robot '{tree.name}'" if base is None else f"The robot beyond link '{base}'"
        raise RobotError(
            f"{where} has no revolute or continuous joint that can be used.", base or tree.name
        )
    notes = []
    if base is None and best.start != tree.root:
        joint = tree.joint_above[best.start]
        notes.append(f"It starts after joint '{joint.name}', which {_objection(joint)}.")
    for link in in_file_order:
        for joint in tree.joints_below[link] if runs[link].body == best.body else ():
            if _objection(joint):
                notes.append(f"It stops before joint '{joint.name}', which {_objection(joint)}.")
    ends: dict[str, str] = {}
    for link in in_file_order:
        body = runs[link].body
        rival = runs[link].moving == best.moving and body != best.body
        if rival and (body not in ends or runs[link].links > runs[ends[body]].links):
            ends[body] = link
    if ends:
        notes.append(f"Chains as long end at: {_listed(ends.values())}. Choose with base and tip.")
    return best.start, tip, tuple(notes)


def chain_between(tree: LinkTree, base: str, tip: str) -> Chain:
    """The chain of joints from one link to another, fixed joints folded.

    Raises:
        RobotError: If a link is unknown, the tip is not below the base, no joint
            between them moves, or one of them cannot be used.
    """
    _require_link(tree, base, "base")
    _require_link(tree, tip, "tip")
    path = _path(tree, base, tip)
    if all(joint.type == "fixed" for joint in path):
        raise RobotError(
            f"No joint between base '{base}' and tip '{tip}' of robot '{tree.name}' moves. "
            "Expected at least one revolute or continuous joint.",
            tip,
        )
    joints = []
    before = np.eye(4)
    for joint in path:
        objection = _objection(joint)
        if objection:
            raise RobotError(
                f"Joint '{joint.name}', between base '{base}' and tip '{tip}', {objection}. "
                "Expected revolute, continuous or fixed. Choose a base beyond it (such as "
                f"'{joint.child}') or a tip before it (such as '{joint.parent}').",
                joint.name,
            )
        origin = before if joint.origin is None else before @ joint.origin
        if joint.type == "fixed":
            before = origin
            continue
        lower, upper = _limits(joint)
        joints.append(Joint(joint.name, origin, joint.axis, lower, upper, joint.type))
        before = np.eye(4)
    return Chain(tree.name, tuple(joints), tool=before, base=base, tip=tip)


def _path(tree: LinkTree, base: str, tip: str) -> list[UrdfJoint]:
    """The joints from base to tip."""
    upward = []
    link = tip
    while link != base:
        joint = tree.joint_above.get(link)
        if joint is None:
            raise RobotError(
                f"Tip '{tip}' does not descend from base '{base}'. Expected a tip among: "
                f"{_listed(list(_downward(tree, base))[1:])}.",
                tip,
            )
        upward.append(joint)
        link = joint.parent
    return upward[::-1]


def _runs(tree: LinkTree, base: str, restart: bool) -> dict[str, _Run]:
    """The run that ends at each link below the base, with or beyond unusable joints."""
    runs = {base: _Run(base, 0, 0, base)}
    for link in _downward(tree, base):
        run = runs.get(link)
        for joint in tree.joints_below[link]:
            child = joint.child
            if _objection(joint):
                if restart:
                    runs[child] = _Run(child, 0, 0, child)
            elif run is not None:
                moves = joint.type in MOVING
                body = child if moves else run.body
                runs[child] = _Run(run.start, run.moving + moves, run.links + 1, body)
    return runs


def _downward(tree: LinkTree, base: str) -> Iterable[str]:
    """The base and every link below it, parents first; no recursion, trees may be deep."""
    waiting = [base]
    while waiting:
        link = waiting.pop()
        yield link
        waiting.extend(joint.child for joint in reversed(tree.joints_below[link]))


def _objection(joint: UrdfJoint) -> str:
    """Why a joint cannot be on a chain, as the end of a sentence; empty if it can."""
    if joint.type == "fixed":
        return ""
    if joint.mimic is not None:
        return f"mimics joint '{joint.mimic.joint}'"
    if joint.type in MOVING:
        return ""
    return f"is {joint.type}" if joint.type else "has no type"


def _limits(joint: UrdfJoint) -> tuple[float, float]:
    """Lower and upper limit [rad]; one that is left out is 0, as URDF has it."""
    if joint.type == "continuous":
        return -math.pi, math.pi
    given = joint.limit is not None and (joint.limit.lower, joint.limit.upper) != (None, None)
    if not given:
        raise RobotError(
            f"Revolute joint '{joint.name}' has no limits. Expected "
            '<limit lower=... upper=...> in radians, or type="continuous".',
            joint.name,
        )
    return joint.limit.lower or 0.0, joint.limit.upper or 0.0


def _require_link(tree: LinkTree, link: str, role: str) -> None:
    """Raise a RobotError with the valid names if a link does not exist."""
    if link not in tree.joints_below:
        raise RobotError(
            f"Robot '{tree.name}' has no link '{link}'. Expected {role} to be one of: "
            f"{_listed(tree.links)}.",
            link,
        )


def _refuse_duplicates(kind: str, names: Iterable[str]) -> None:
    """Raise a RobotError for the first name that is used more than once."""
    for name, count in Counter(names).items():
        if count > 1:
            raise RobotError(f"{kind} name '{name}' is used {count} times. Expected once.", name)


def _listed(names: Iterable[str]) -> str:
    """Names for a message, not too many of them."""
    names = list(names)
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return (", ".join(names[:LISTED]) or "(none)") + more
