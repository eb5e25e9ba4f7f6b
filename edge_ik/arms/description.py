"""A robot as its file describes it: links and joints, whatever the format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from firmware_host.chain import FloatArray
from firmware_host.servo import Servo

REVOLUTE, CONTINUOUS, PRISMATIC, FIXED = "revolute", "continuous", "prismatic", "fixed"
# Kinds of joint that move and that a chain can have.
MOVING = (REVOLUTE, CONTINUOUS, PRISMATIC)


@dataclass(frozen=True, eq=False)
class Geometry:
    """The numbers of a joint.

    Attributes:
        origin: (4, 4) pose of the joint's frame in its parent link's frame at q = 0 [m].
        axis: (3,) axis in the joint's frame, of any length.
        lower: Lower limit [rad, or m for a prismatic joint]; None if there is none.
        upper: Upper limit, likewise.
        multiplier: Of a joint that follows another, q = multiplier * q_leader + offset.
        offset: Likewise [rad or m].
        notes: Sentences for the user: what was put right.
    """

    origin: FloatArray
    axis: FloatArray
    lower: float | None = None
    upper: float | None = None
    multiplier: float = 1.0
    offset: float = 0.0
    notes: tuple[str, ...] = ()


def known(geometry: Geometry) -> Callable[[], Geometry]:
    """What `LinkJoint.read` is where the numbers have been read already."""
    return lambda: geometry


@dataclass(frozen=True, eq=False)
class LinkJoint:
    """One joint between two links.

    Attributes:
        name: Its name.
        kind: Revolute, continuous, prismatic, fixed, or what the file says else.
        parent: Link that carries it.
        child: Link that it carries.
        read: Gives its numbers, or raises a RobotError that names it. They are read for the
            joints of a chain alone, so that a large robot costs no more than its chain.
        leader: Name of the joint that it follows; None if it is free.
        objection: Why it cannot be on a chain, as the end of a sentence ("is coupled ..."),
            for what only the format knows; empty if nothing is.
    """

    name: str
    kind: str
    parent: str
    child: str
    read: Callable[[], Geometry]
    leader: str | None = None
    objection: str = ""

    @cached_property
    def geometry(self) -> Geometry:
        """The joint's numbers.

        Raises:
            RobotError: If one is missing or is not a number.
        """
        return self.read()

    @property
    def moves(self) -> bool:
        """Whether it is of a kind that moves and that a chain can have."""
        return self.kind in MOVING


@dataclass(frozen=True)
class Loop:
    """Joints that the file ties together by more than a tree of links.

    Attributes:
        words: What ties them ("equality 'e' (connect)"), for a sentence.
        joints: Their names.
        free: Whether joints, given by name, can move independently all the same.
    """

    words: str
    joints: frozenset[str]
    free: Callable[[frozenset[str]], bool]


@dataclass(frozen=True)
class Description:
    """A robot's links and joints.

    Attributes:
        name: Name of the robot.
        format: What the file was: "URDF", "MJCF", "TOML", ...
        links: Names of the links, in the order of the file.
        joints: The joints, in the order of the file.
        notes: Sentences for the user: what was put right or left out.
        loops: What ties joints together beyond the tree.
        servos: What moves the joints, of one that says so.
    """

    name: str
    format: str
    links: tuple[str, ...]
    joints: tuple[LinkJoint, ...]
    notes: tuple[str, ...] = ()
    loops: tuple[Loop, ...] = field(default=())
    servos: tuple[Servo, ...] = ()
