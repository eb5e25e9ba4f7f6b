"""Numbers that cannot be meant: degrees for radians, millimetres for metres.

A network that is trained for them would be of another robot. Each is told in one sentence
with its likely cause, and refused.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from edge_ik.arms.description import PRISMATIC, REVOLUTE, LinkJoint
from firmware_host.bounds import MOST_REACH
from firmware_host.errors import RobotError

# No joint with stops turns further to one side; 25 as degrees is a limit that some joints have.
MOST_TURNS = 8 * math.pi  # [rad]
# Beyond it no limit was meant at all, not even one in degrees: 1e16, 9999 [rad].
NO_STOPS = 720.0
# Twice around, which nobody writes who writes radians [rad].
MOST_RPY = 4 * math.pi


def has_no_stops(joint: LinkJoint) -> bool:
    """Whether a revolute joint's limits say that it has none."""
    geometry = joint.geometry
    if joint.kind != REVOLUTE or geometry.lower is None or geometry.upper is None:
        return False
    return geometry.lower <= -NO_STOPS and geometry.upper >= NO_STOPS


def check_angles(where: str, key: str, angles: Sequence[float]) -> None:
    """Refuse angles of a frame, such as roll, pitch and yaw, that were given in degrees.

    Args:
        where: What has them, for the sentence.
        key: What they are called there.
        angles: The angles [rad].

    Raises:
        RobotError: If one is more than two turns.
    """
    if max(map(abs, angles)) > MOST_RPY:
        given = " ".join(f"{angle:g}" for angle in angles)
        meant = " ".join(f"{math.radians(angle):.6g}" for angle in angles)
        raise RobotError(
            f"{where} has {key}='{given}', which seems to be degrees. Expected radians: "
            f"{key}='{meant}'.",
            where,
        )


def in_order(joint: str, lower: float, upper: float) -> tuple[float, float, tuple[str, ...]]:
    """Lower and upper limit, swapped with a sentence if they were reversed."""
    if lower <= upper:
        return lower, upper, ()
    words = f"Joint '{joint}' has its limits reversed ({lower:g}, {upper:g}); they were swapped."
    return upper, lower, (words,)


def check_limits(joint: LinkJoint, form: str) -> None:
    """Refuse limits in degrees or millimetres.

    Args:
        joint: A moving joint.
        form: The format that it was read from.

    Raises:
        RobotError: With what was probably meant.
    """
    lower, upper = joint.geometry.lower, joint.geometry.upper
    if lower is None or upper is None or has_no_stops(joint):
        return
    given = f"limits of {lower:g} and {upper:g}"
    largest = float(np.max(np.abs([lower, upper])))
    if joint.kind == PRISMATIC and largest > MOST_REACH:
        raise RobotError(
            f"Prismatic joint '{joint.name}' has {given}, which seem to be millimetres. Expected "
            f"metres: lower={lower / 1000:g} upper={upper / 1000:g}.",
            joint.name,
        )
    if joint.kind == REVOLUTE and largest >= NO_STOPS:
        raise RobotError(
            f"Revolute joint '{joint.name}' has {given}: a stop on one side alone. Expected two "
            'limits in radians, or type="continuous" for a joint without stops.',
            joint.name,
        )
    if joint.kind == REVOLUTE and largest > MOST_TURNS:
        meant = f"lower={math.radians(lower):.6g} upper={math.radians(upper):.6g}"
        if form == "MJCF":
            meant = 'for a compiler with angle="radian" ' + meant
        elif form == "TOML":
            meant = 'angles = "degrees" at the top, or ' + meant
        raise RobotError(
            f"Revolute joint '{joint.name}' has {given}, which seem to be degrees. Expected "
            f"radians: {meant}; or a continuous joint if there are no stops.",
            joint.name,
        )
