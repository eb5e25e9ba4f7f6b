"""Where a chain ends if nobody says: end effectors by their usual names, and no fingers.

A finger is no tool to be placed: a chain ends at the palm. Fingers are told by their names,
or by how they branch off: several short rows of joints at the end of a longer one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from edge_ik.arms.description import LinkJoint
from edge_ik.arms.tree import LinkTree
from firmware_host.errors import RobotError

# An arm has so many joints before what branches off can be its fingers.
LEAST_ABOVE = 3
# Human fingers have four joints; robots' have up to eight, of which many follow others.
MOST_IN_A_FINGER = 8
# A finger is shorter than this share of the arm that carries it; an arm at a torso is not.
MOST_LENGTH = 0.35

_FINGER = re.compile(r"finger|thumb|jaw|knuckle|claw|grip", re.IGNORECASE)
# A joint that turns the whole gripper is none of its fingers.
_WRIST = re.compile(r"wrist|roll|pitch|yaw|rotat|swivel|flange|base|mount|tilt|pan(?!da)", re.I)
# In the order of preference; each is looked for as whole words of a link's name.
_TOOLS = tuple(
    re.compile(rf"(?:^|[^a-z0-9])(?:{words})(?:$|[^a-z0-9])", re.IGNORECASE)
    for words in (
        "tcp|tool_?cent(?:er|re)_?point",
        "tool_?0",
        "pinch(?:_site)?|grasp(?:ing)?|gripper_frame|tool_?tip",
        "eef?|end_?effector|endeffector",
        "tool|attachment_?site",
        "flange",
    )
)
# So many of these name a point at the fingertips, which says more than where fingers begin.
BETWEEN_FINGERS = 4
_SENSOR = re.compile(
    r"imu|camera|sensor|optical|inertial|lidar|laser|marker|rgbd|depth", re.IGNORECASE
)


def tool_rank(link: str) -> int:
    """How surely a link's name is that of an end effector; 0 is surest, `len` of all is not."""
    ranks = (rank for rank, words in enumerate(_TOOLS) if words.search(link))
    return next(ranks, len(_TOOLS))


def is_tool(link: str) -> bool:
    """Whether a link's name is that of an end effector."""
    return tool_rank(link) < len(_TOOLS)


def is_sensor(link: str) -> bool:
    """Whether a link's name is that of a sensor, which nobody means to place."""
    return bool(_SENSOR.search(link))


def finger_joints(tree: LinkTree, above: Mapping[str, int]) -> dict[str, str]:
    """The joints at which fingers begin, each with the link that carries them.

    Args:
        tree: The robot.
        above: For links their number of free joints above; links that are not there
            cannot be on a chain.
    """
    depth = _depths(tree)
    inside: set[str] = set()
    found: dict[str, str] = {}
    for body, joints in _branches(tree).items():
        # What a finger carries is of that finger, whether or not a chain may go on into it.
        if joints[0].parent in inside or above.get(body, 0) < LEAST_ABOVE:
            begun = [j for j in joints if j.parent in inside or _is_named_finger(j)]
            inside.update(link for joint in begun for link in _rigid(tree, joint.child))
            continue
        named = [
            joint
            for joint in joints
            if _is_named_finger(joint) and depth[joint.name] <= MOST_IN_A_FINGER
        ]
        short = len(joints) > 1 and all(
            depth[joint.name] <= min(MOST_IN_A_FINGER, above[body] - 1) for joint in joints
        )
        if short and not _are_small(tree, body, joints):
            short = False
        for joint in joints if short else named:
            found[joint.name] = joint.parent
    return found


def _rigid(tree: LinkTree, first: str) -> list[str]:
    """A link and those that are fixed to it, below."""
    found = [first]
    for link in found:
        found.extend(joint.child for joint in tree.joints_below[link] if joint.kind == "fixed")
    return found


def _is_named_finger(joint: LinkJoint) -> bool:
    """Whether a joint's name, or that of the link it carries, is a finger's."""
    names = f"{joint.name} {joint.child}"
    return bool(_FINGER.search(names)) and not _WRIST.search(joint.name)


def _branches(tree: LinkTree) -> dict[str, list[LinkJoint]]:
    """For each rigid body, by its first link, the joints that are not fixed and carried by it."""
    body: dict[str, str] = {}
    found: dict[str, list[LinkJoint]] = {}
    for root in tree.roots:
        for link in tree.downward(root):
            joint = tree.joint_above.get(link)
            rigid = joint is not None and joint.kind == "fixed"
            body[link] = body[joint.parent] if joint is not None and rigid else link
            if joint is not None and not rigid:
                found.setdefault(body[joint.parent], []).append(joint)
    return found


def _depths(tree: LinkTree) -> dict[str, int]:
    """For each joint the most joints that are not fixed in a row from it on."""
    below: dict[str, int] = {}
    found: dict[str, int] = {}
    for root in tree.roots:
        for link in reversed(list(tree.downward(root))):
            joint = tree.joint_above.get(link)
            if joint is None:
                continue
            found[joint.name] = below.get(link, 0) + (joint.kind != "fixed")
            below[joint.parent] = max(below.get(joint.parent, 0), found[joint.name])
    return found


def _are_small(tree: LinkTree, body: str, joints: list[LinkJoint]) -> bool:
    """Whether all that branches off a body is short beside the arm that carries it."""
    try:
        arm, link = 0.0, body
        while link in tree.joint_above:
            arm += _length(tree.joint_above[link])
            link = tree.joint_above[link].parent
        return all(_longest(tree, joint) < MOST_LENGTH * arm for joint in joints)
    except RobotError:
        # A number that cannot be read is told when it is on the chain.
        return False


def _longest(tree: LinkTree, first: LinkJoint) -> float:
    """Length of the longest row of links that begins with a joint [m]."""
    length = {first.child: _length(first)}
    for link in tree.downward(first.child):
        for joint in tree.joints_below[link]:
            length[joint.child] = length[link] + _length(joint)
    return max(length.values())


def _length(joint: LinkJoint) -> float:
    """How far a joint is from the one before it [m]."""
    return float(np.linalg.norm(joint.geometry.origin[:3, 3]))
