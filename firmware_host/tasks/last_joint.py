"""The last joint of a chain as its tool sees it."""

from __future__ import annotations

import math

import numpy as np

from firmware_host.chain import Chain
from firmware_host.kinematics import dot, frames
from firmware_host.tasks.plane_angle import BasePlane


def last_origin(chain: Chain) -> list[float]:
    """The last joint's origin in the tool's frame [m]."""
    tool = chain.links[-1]
    origin: list[float] = (-tool[:3, :3].T @ tool[:3, 3]).tolist()
    return origin


def last_axis(chain: Chain) -> tuple[float, float, float]:
    """The last joint's axis in the base frame, where it always points the same way."""
    x, y, z = frames(chain, *chain.placed([0.0] * len(chain), math)).axes[-1]
    return x, y, z


def wrist_offset(chain: Chain, axis: int, plane: BasePlane) -> list[float]:
    """From the tool to the last joint's origin [m], where the last axis is along the normal.

    Along the projection of the tool axis on the plane, across it, and along the normal.
    """
    back = np.array(last_origin(chain))
    sign = np.sign(dot(plane.normal, last_axis(chain)))
    upward = sign * chain.links[-1][2, :3]  # the normal in the tool's frame
    tool_axis = np.eye(3)[axis]
    along = tool_axis - (tool_axis @ upward) * upward
    along /= np.linalg.norm(along)
    parts: list[float] = [
        float(back @ along),
        float(back @ np.cross(upward, along)),
        float(back @ upward),
    ]
    return parts
