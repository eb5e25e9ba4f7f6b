"""The tree of links: whether it is one, who carries whom, and which joint follows which."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from edge_ik.arms.description import FIXED, MOVING, Description, LinkJoint
from firmware_host.errors import RobotError

LISTED = 20  # names in a message


@dataclass(frozen=True)
class LinkTree:
    """The links of a robot, each with the joint that carries it.

    Attributes:
        description: The robot.
        roots: The links that no joint carries; several where the file is in pieces.
        joints: The joints by name.
        joint_above: The joint that carries a link; roots have none.
        joints_below: The joints that a link carries, in the order of the file.
        spans: For each link its place in a walk down the tree, and that of the last link
            below it: a link is below another if its place is within the other's span.
        leaders: For each joint that follows another the joint at the head of all that it
            follows, or the end of a sentence on why there is none.
    """

    description: Description
    roots: tuple[str, ...]
    joints: dict[str, LinkJoint]
    joint_above: dict[str, LinkJoint]
    joints_below: dict[str, list[LinkJoint]]
    spans: dict[str, tuple[int, int]]
    leaders: dict[str, LinkJoint | str]

    @property
    def name(self) -> str:
        """Name of the robot."""
        return self.description.name

    @property
    def links(self) -> tuple[str, ...]:
        """All links, in the order of the file."""
        return self.description.links

    def is_below(self, link: str, above: str) -> bool:
        """Whether a link is another, or descends from it."""
        first, last = self.spans[above]
        return first <= self.spans[link][0] <= last

    def root_of(self, link: str) -> str:
        """The root of the piece that a link is in."""
        return next(root for root in self.roots if self.is_below(link, root))

    def downward(self, base: str) -> Iterator[str]:
        """The base and every link below it, parents first; no recursion, trees may be deep."""
        waiting = [base]
        while waiting:
            link = waiting.pop()
            yield link
            waiting.extend(joint.child for joint in reversed(self.joints_below[link]))

    def leader(self, joint: LinkJoint) -> LinkJoint | None:
        """The joint that moves this one; None for one that is free, fixed, or led by none."""
        found = self.leaders.get(joint.name)
        return found if isinstance(found, LinkJoint) else None

    def objection(self, joint: LinkJoint) -> str:
        """Why a joint cannot be on any chain, as the end of a sentence; empty if it can."""
        if joint.kind == FIXED:
            return ""
        if joint.objection:
            return joint.objection
        if joint.kind not in MOVING:
            return f"is {joint.kind}" if joint.kind else "has no type"
        led = self.leaders.get(joint.name)
        return led if isinstance(led, str) else ""

    def require(self, link: str, role: str) -> None:
        """Raise a RobotError with the valid names if a link does not exist."""
        if link not in self.joints_below:
            raise RobotError(
                f"Robot '{self.name}' has no link '{link}'. Expected {role} to be one of: "
                f"{listed(self.links)}.",
                link,
            )


def build_tree(robot: Description) -> LinkTree:
    """Check that a robot is a tree, or several, and index it.

    Raises:
        RobotError: If there is no link, a joint names an unknown link, or joints form a loop.
    """
    if not robot.links:
        raise RobotError(f"Robot '{robot.name}' has no links.", robot.name)
    joint_above: dict[str, LinkJoint] = {}
    joints_below: dict[str, list[LinkJoint]] = {link: [] for link in robot.links}
    for joint in robot.joints:
        for role, link in (("parent", joint.parent), ("child", joint.child)):
            if link not in joints_below:
                raise RobotError(
                    f"Joint '{joint.name}' has the {role} link '{link}', which is not in "
                    f"the robot. Expected one of: {listed(robot.links)}.",
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
    roots = tuple(link for link in robot.links if link not in joint_above)
    spans = _spans(roots, joints_below)
    for link in robot.links:
        if link not in spans:
            raise RobotError(
                f"Link '{link}' is on a loop of joints or beyond one. Expected a tree: "
                "closed loops cannot be used.",
                link,
            )
    joints = {joint.name: joint for joint in robot.joints}
    return LinkTree(
        robot, roots, joints, joint_above, joints_below, spans, _leaders(robot.joints, joints)
    )


def _spans(
    roots: tuple[str, ...], joints_below: dict[str, list[LinkJoint]]
) -> dict[str, tuple[int, int]]:
    """Place of each link in a walk down the trees, and of the last link below it."""
    first: dict[str, int] = {}
    spans: dict[str, tuple[int, int]] = {}
    waiting = [(root, False) for root in reversed(roots)]
    while waiting:
        link, done = waiting.pop()
        if done:
            spans[link] = first[link], len(first) - 1
            continue
        first[link] = len(first)
        waiting.append((link, True))
        waiting.extend((joint.child, False) for joint in reversed(joints_below[link]))
    return spans


def _leaders(
    order: tuple[LinkJoint, ...], joints: dict[str, LinkJoint]
) -> dict[str, LinkJoint | str]:
    """What moves each joint that follows another, through any number of others."""
    found: dict[str, LinkJoint | str] = {}
    for joint in order:
        row: dict[str, LinkJoint] = {}
        at = joint
        head: LinkJoint | str
        while True:
            if at.name in found:
                head = found[at.name]
                break
            if at.leader is None:
                head = at
                break
            if at.name in row:
                head = f"mimics joint '{at.leader}', which mimics it in turn"
                break
            row[at.name] = at
            if at.leader not in joints:
                head = f"mimics joint '{at.leader}', which is not in the robot"
                break
            at = joints[at.leader]
        if isinstance(head, LinkJoint) and head.kind not in (*MOVING, FIXED):
            head = f"mimics joint '{head.name}', which is {head.kind or 'of no type'}"
        found.update(dict.fromkeys(row, head))
    return found


def listed(names: Iterable[str]) -> str:
    """Names for a message, not too many of them."""
    names = list(names)
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return (", ".join(names[:LISTED]) or "(none)") + more
