"""The closed form of arms of yaw, shoulder and elbow: the baseline that needs no network."""

from __future__ import annotations

import numpy as np

from edge_ik_tools.c99.literals import float_literal, initializer
from firmware_host.chain import Chain, FloatArray
from firmware_host.joints import CONTINUOUS

# Offsets and axes off by no more than this count as aligned [m] or [1].
ALIGNED = 1e-9
# A joint may be this far outside its limit through rounding alone [rad].
LIMIT_SLACK = 1e-4


def closed_form_constants(chain: Chain) -> dict[str, str] | None:
    """The C constants of the closed form.

    It holds for a yaw about the vertical, then a shoulder and an elbow about the
    horizontal axis across the arm, with the links along the arm and no offset across
    it; the elbow bends to one side only.

    Args:
        chain: The robot.

    Returns:
        Macro name to C text, or None if the arm is of another kind.
    """
    if len(chain) != 3 or chain.has_followers or chain.prismatic.any():
        return None
    yaw, shoulder, elbow = chain.joints
    signs = [_sign(joint.axis, index) for joint, index in ((yaw, 2), (shoulder, 1), (elbow, 1))]
    rotations = [joint.origin[:3, :3] for joint in chain.joints]
    straight = all(np.allclose(rotation, np.eye(3), atol=ALIGNED) for rotation in rotations)
    first, second, third = (joint.origin[:3, 3] for joint in chain.joints)
    tool = chain.tool[:3, 3]
    aligned = (
        straight
        and 0.0 not in signs
        and _along(first, 2)
        and _along(second, 2)
        and _along(third, 0)
        and _along(tool, 0)
        and min(third[0], tool[0]) > ALIGNED
    )
    one_sided = elbow.lower >= 0 or elbow.upper <= 0
    if not aligned or not one_sided or elbow.kind == CONTINUOUS:
        return None
    # A positive turn about +y lowers what points along +x.
    shoulder_sign, elbow_sign = -signs[1], -signs[2]
    bend = elbow_sign if elbow.lower >= 0 else -elbow_sign
    return {
        "CLOSED_FORM": "1",
        "CLOSED_FORM_HEIGHT": float_literal(first[2] + second[2]),
        "CLOSED_FORM_UPPER_ARM": float_literal(third[0]),
        "CLOSED_FORM_FOREARM": float_literal(tool[0]),
        "CLOSED_FORM_YAW": float_literal(signs[0]),
        "CLOSED_FORM_SHOULDER": float_literal(shoulder_sign),
        "CLOSED_FORM_ELBOW": float_literal(elbow_sign),
        "CLOSED_FORM_BEND": float_literal(bend),
        "CLOSED_FORM_LOWER": initializer(chain.lower - LIMIT_SLACK),
        "CLOSED_FORM_UPPER": initializer(chain.upper + LIMIT_SLACK),
    }


def _sign(axis: FloatArray, index: int) -> float:
    """1 or -1 where the axis is the coordinate axis of that index or its opposite, or 0."""
    for sign in (1.0, -1.0):
        if np.allclose(axis, sign * np.eye(3)[index], atol=ALIGNED):
            return sign
    return 0.0


def _along(offset: FloatArray, index: int) -> bool:
    """Whether an offset has no component but the one of that index."""
    return bool(np.all(np.abs(np.delete(offset, index)) <= ALIGNED))
