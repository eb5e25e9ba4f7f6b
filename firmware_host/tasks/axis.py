"""The task "axis": the tool at a point, one of its axes in a direction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from firmware_host.chain import Chain, FloatArray
from firmware_host.errors import ConfigError
from firmware_host.kinematics import (
    Frames,
    Scalar,
    Vector,
    add,
    dot,
    jacobian_columns,
    mul,
)
from firmware_host.tasks.rotations import unit_vectors
from firmware_host.tasks.task import TOOL_AXES, Task, position_error
from firmware_host.tasks.turn import AboutFirstAxis, Encoding

# In cylindrical coordinates turned to the target's azimuth.
FEATURES = ("radial", "axial", "direction_r", "direction_t", "direction_z", "moment")
FIRST_TURN_FEATURES = ("sin_azimuth", "cos_azimuth")


@dataclass(frozen=True)
class Axis(Task):
    """A position x, y, z [m], then the unit direction of one tool axis.

    Attributes:
        tool_axis: Index of the tool axis that is directed; 2 is z.
    """

    name: ClassVar[str] = "axis"
    rows: ClassVar[int] = 5
    flat_size: ClassVar[int] = 6
    flat_words: ClassVar[str] = "a pose of the tool, or x, y, z in metres and a direction"

    tool_axis: int = 2

    def __post_init__(self) -> None:
        if self.tool_axis not in range(3):
            raise ConfigError(f"Expected a tool axis of 0, 1 or 2. Received: {self.tool_axis}")

    @classmethod
    def with_options(cls, tool_axis: str) -> Task:
        """The task for a tool axis x, y or z."""
        return cls(TOOL_AXES.index(tool_axis))

    def options(self) -> dict[str, str]:
        """The tool axis."""
        return {"tool_axis": TOOL_AXES[self.tool_axis]}

    @property
    def directions(self) -> tuple[int, ...]:
        """The one axis that is directed."""
        return (self.tool_axis,)

    def describe(self) -> str:
        """What a target is, in words."""
        return f"position of the tool and direction of its {TOOL_AXES[self.tool_axis]} axis"

    @property
    def component_words(self) -> str:
        """What a target's components are, in words."""
        axis = TOOL_AXES[self.tool_axis]
        return f"{super().component_words}, then the unit direction of the tool's {axis} axis"

    def error(self, length: float, walked: Frames, target: Sequence[Scalar]) -> list[Scalar]:
        """The position's three rows, and L z cross z* told along the two other tool axes."""
        e = position_error(walked, target)
        wanted = target[3:6]
        first, second = self._across(walked)
        # (z cross z*) . u with u cross v = z.
        return [*e, mul(-length, dot(second, wanted)), mul(length, dot(first, wanted))]

    def columns(self, length: float, walked: Frames) -> list[tuple[Scalar, ...]]:
        """The linear rows, and the angular ones about the two other tool axes, times L."""
        across = self._across(walked)
        return [
            (*c[:3], *(mul(length, dot(side, c[3:])) for side in across))
            for c in jacobian_columns(walked)
        ]

    def turning_joints(self, chain: Chain) -> tuple[int, ...]:
        """The first joint: turning a target about its axis turns that joint alone."""
        del chain
        return (0,)

    def feature_names(self, chain: Chain) -> tuple[str, ...]:
        """Six features; with joints to spare, how far the target is turned too.

        Such an arm chooses its posture by the limits of the first joint as well.
        """
        return FEATURES + (FIRST_TURN_FEATURES if len(chain) > self.rows else ())

    def encode(self, chain: Chain, target: Sequence[Scalar], xp: Any = np) -> Encoding:
        """The target turned to azimuth 0: cylindrical coordinates and a direction.

        The azimuth is that of the point on the line along the directed axis that is as
        far back as the last joint's origin.
        """
        tool = chain.links[-1]
        # How far back along the directed axis the last joint's origin lies [m].
        back: float = (-tool[:3, :3].T @ tool[:3, 3]).tolist()[self.tool_axis]
        direction = target[3:6]
        point = (add(target[k], mul(back, direction[k])) for k in range(3))
        place = AboutFirstAxis(chain, point, xp)
        turned = place.turned(direction)
        # How far the line along the direction passes the first axis: joints that move the tool
        # a little aside are told by it, and by nothing else as clearly.
        moment = mul(place.radial, turned[1])
        features = [place.radial, place.axial, *turned, moment]
        if len(chain) > self.rows:
            features += [place.turn.sin, place.turn.cos]
        return Encoding(features, {0: place.turn})

    def flat_directions(self, values: FloatArray) -> FloatArray:
        """A direction (..., 3) of any length, scaled to 1."""
        return unit_vectors(values, any_length=True)

    def _across(self, walked: Frames) -> tuple[Vector, Vector]:
        """The two other tool axes u, v with u cross v along the directed one."""
        x, y, z = walked.rotation
        return ((y, z), (z, x), (x, y))[self.tool_axis]
