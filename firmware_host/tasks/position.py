"""The task "position": the tool at a point, however it is turned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from firmware_host.chain import Chain
from firmware_host.kinematics import Frames, Scalar, add, dot, jacobian_columns, sub
from firmware_host.tasks.task import Task, position_error
from firmware_host.tasks.turn import AXIS_RADIUS, Encoding


@dataclass(frozen=True)
class Position(Task):
    """A position x, y, z [m]."""

    name: ClassVar[str] = "position"
    rows: ClassVar[int] = 3
    flat_size: ClassVar[int] = 3
    flat_words: ClassVar[str] = "x, y, z in metres"

    def describe(self) -> str:
        """What a target is, in words."""
        return "position of the tool"

    def error(self, length: float, walked: Frames, target: Sequence[Scalar]) -> list[Scalar]:
        """The difference of the positions (3,) [m]."""
        del length
        return position_error(walked, target)

    def columns(self, length: float, walked: Frames) -> list[tuple[Scalar, ...]]:
        """The linear rows of the geometric Jacobian [m/rad]."""
        del length
        return [column[:3] for column in jacobian_columns(walked)]

    def feature_names(self, chain: Chain) -> tuple[str, ...]:
        """The six features of every position."""
        del chain
        return ("x", "y", "z", "radial", "sin_azimuth", "cos_azimuth")

    def encode(self, chain: Chain, target: Sequence[Scalar], xp: Any = np) -> Encoding:
        """Position, radial distance and azimuth.

        Distance and azimuth are taken about the first joint's axis, in the frame of that
        joint: for an arm that yaws about a vertical axis these are the usual cylindrical
        coordinates.
        """
        x_axis, y_axis, _, origin = chain.link_columns[0]
        offset = [sub(target[k], origin[k]) for k in range(3)]
        u, v = dot(x_axis, offset), dot(y_axis, offset)
        radial = xp.sqrt(add(u * u + v * v, AXIS_RADIUS**2))
        return Encoding([*target, radial, v / radial, u / radial], {})
