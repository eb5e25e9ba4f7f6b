"""What a robot can be at most, checked where a chain is made, whatever it is made of.

Beyond these no chain is a robot that a network could be trained for: single precision would
lose what matters, and compilation, which is of every joint, would take minutes.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from firmware_host.errors import RobotError

# Moving joints of a chain, those that follow others among them.
MOST_MOVING = 32
# Far more than a crane; in millimetres a tenth of a metre [m].
MOST_REACH = 100.0
# Limits of a joint [rad, m], 1,600 times around: single precision tells such an angle to 1 mrad. A
# joint without stops is continuous; how far one slides is part of the reach.
MOST_LIMIT = 1e4
# Any number of a robot's record: what is larger could overflow before its meaning is checked.
MOST_NUMBER = 1e6


def bounded(values: npt.ArrayLike, most: float = MOST_NUMBER) -> bool:
    """Whether all numbers are finite, and none is larger than a bound."""
    return bool(np.all(np.abs(np.asarray(values, dtype=np.float64)) <= most))


def check_count(robot: str, moving: int, base: str, tip: str) -> None:
    """Refuse a chain of more joints than any arm has.

    Args:
        robot: Name of the robot.
        moving: How many joints move, those that follow others among them.
        base: Where the chain starts.
        tip: Where it ends.

    Raises:
        RobotError: If there are too many.
    """
    if moving > MOST_MOVING:
        raise RobotError(
            f"Robot '{robot}' has {moving:,} moving joints between '{base}' and '{tip}'. Expected "
            f"at most {MOST_MOVING}: choose a base and a tip that are nearer to each other.",
            robot,
        )


def check_reach(
    robot: str, base: str, tip: str, first: npt.NDArray[np.float64], reach: float
) -> None:
    """Refuse a chain that was measured in millimetres.

    Args:
        robot: Name of the robot.
        base: Where the chain starts.
        tip: Where it ends.
        first: (4, 4) pose of its first joint in the base [m].
        reach: How far its tool comes from there [m].

    Raises:
        RobotError: If it reaches further than any robot.
    """
    furthest = max(reach, float(np.linalg.norm(first[:3, 3])))
    if not furthest <= MOST_REACH:
        raise RobotError(
            f"Robot '{robot}' reaches {furthest:.4g} m from '{base}' to '{tip}': its lengths seem "
            f"to be millimetres. Expected metres, {MOST_REACH:g} at most: divide them by 1000.",
            robot,
        )


def check_limit(joint: str, lower: float, upper: float) -> None:
    """Refuse limits of a joint that are not finite, in the wrong order, or too far away.

    Args:
        joint: Name of the joint.
        lower: Its lower limit [rad, m].
        upper: Its upper limit [rad, m].

    Raises:
        RobotError: If no joint has such limits.
    """
    if not (math.isfinite(lower) and math.isfinite(upper)):
        raise RobotError(f"Joint '{joint}' has limits that are not finite.", joint)
    if lower >= upper:
        raise RobotError(
            f"Joint '{joint}' has no room to move. Expected lower < upper. "
            f"Received: lower={lower:g}, upper={upper:g}",
            joint,
        )
    if not bounded((lower, upper), MOST_LIMIT):
        raise RobotError(
            f"Joint '{joint}' has limits further away than any joint goes. Expected at most "
            f"{MOST_LIMIT:g} rad or m. Received: lower={lower:g}, upper={upper:g}",
            joint,
        )
