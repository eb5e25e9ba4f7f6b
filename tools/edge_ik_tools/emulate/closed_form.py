"""The closed form of arms of yaw, shoulder and elbow: the baseline that needs no network."""

from __future__ import annotations

import numpy as np

from firmware_host.chain import Chain, FloatArray

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
    if len(chain) != 3:
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
    if not aligned or not one_sided or elbow.continuous:
        return None
    # A positive turn about +y lowers what points along +x.
    shoulder_sign, elbow_sign = -signs[1], -signs[2]
    bend = elbow_sign if elbow.lower >= 0 else -elbow_sign
    return {
        "CLOSED_FORM": "1",
        "CLOSED_FORM_HEIGHT": c_float(first[2] + second[2]),
        "CLOSED_FORM_UPPER_ARM": c_float(third[0]),
        "CLOSED_FORM_FOREARM": c_float(tool[0]),
        "CLOSED_FORM_YAW": c_float(signs[0]),
        "CLOSED_FORM_SHOULDER": c_float(shoulder_sign),
        "CLOSED_FORM_ELBOW": c_float(elbow_sign),
        "CLOSED_FORM_BEND": c_float(bend),
        "CLOSED_FORM_LOWER": c_floats(chain.lower - LIMIT_SLACK),
        "CLOSED_FORM_UPPER": c_floats(chain.upper + LIMIT_SLACK),
    }


def c_float(value: float) -> str:
    """A single-precision literal of C, nine significant digits."""
    return f"{float(value):.9g}f" if "." in f"{float(value):.9g}" else f"{float(value):.8e}f"


def c_floats(values: FloatArray) -> str:
    """An initializer of single-precision numbers."""
    return "{" + ", ".join(c_float(value) for value in values) + "}"


def _sign(axis: FloatArray, index: int) -> float:
    """1 or -1 where the axis is the coordinate axis of that index or its opposite, or 0."""
    for sign in (1.0, -1.0):
        if np.allclose(axis, sign * np.eye(3)[index], atol=ALIGNED):
            return sign
    return 0.0


def _along(offset: FloatArray, index: int) -> bool:
    """Whether an offset has no component but the one of that index."""
    return bool(np.all(np.abs(np.delete(offset, index)) <= ALIGNED))
