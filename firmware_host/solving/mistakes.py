"""What was probably mistaken where a target is not reached: millimetres, or degrees."""

from __future__ import annotations

import math

import numpy as np

from firmware_host.chain import Chain, FloatArray

# A target in millimetres is a thousand times too far; one in metres, meant well, never so far.
FAR = 50.0  # times the reach
# Beyond what a joint without stops is wound up to [rad].
WOUND = 8 * math.pi
# A joint that is further outside its limits than this is in other units [rad] ...
OUTSIDE = 2 * math.pi
# ... and a sliding one if it is so many times further out than its limits.
SLIDE = 50.0


def target_mistake(chain: Chain, position: FloatArray) -> str | None:
    """A sentence on a target that is too far away to be meant in metres.

    Args:
        chain: The robot.
        position: (2,) or (3,) where the target is [m].
    """
    distance = float(np.linalg.norm(position))
    reach = chain.reach + float(np.linalg.norm(chain.segments[0].origin[:3, 3]))
    if distance <= FAR * reach:
        return None
    return (
        f"The target is {distance:.4g} m away, and the robot reaches {reach:.3g} m: it seems to be "
        "in millimetres. Expected metres."
    )


def near_mistake(chain: Chain, near: FloatArray) -> str | None:
    """A sentence on present joints that are too far outside to be meant in radians and metres.

    Args:
        chain: The robot.
        near: (n,) where the joints are [rad, m].
    """
    if not chain.prismatic.any() and float(np.abs(near).max()) <= OUTSIDE:
        return None
    outside = np.maximum(np.maximum(chain.lower - near, near - chain.upper), 0.0)
    limits = np.maximum(np.abs(chain.lower), np.abs(chain.upper))
    turning = np.where(chain.continuous, np.abs(near) > WOUND, outside > OUTSIDE)
    sliding = outside > SLIDE * limits
    for name, value, slides, turns, far in zip(
        chain.joint_names, near.tolist(), chain.prismatic, turning, sliding, strict=True
    ):
        if slides and far:
            return (
                f"The present joints have {value:g} m for '{name}': millimetres? Expected metres."
            )
        if not slides and turns:
            return (
                f"The present joints have {value:g} rad for '{name}', which seems to be degrees. "
                f"Expected radians: {math.radians(value):.4g}."
            )
    return None


def advice(
    chain: Chain, position: FloatArray, near: FloatArray | None, reached: bool
) -> tuple[str, ...]:
    """Sentences on what was probably mistaken in a call.

    Args:
        chain: The robot.
        position: (2,) or (3,) where the target is [m].
        near: (n,) present joints [rad, m], if they were given.
        reached: Whether the target was reached, and is therefore right.
    """
    found = [None if reached else target_mistake(chain, position)]
    if near is not None:
        found.append(near_mistake(chain, near))
    return tuple(sentence for sentence in found if sentence)
