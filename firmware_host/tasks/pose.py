"""The task "pose": the tool at a point, turned as asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from firmware_host.chain import Chain, FloatArray
from firmware_host.kinematics import Frames, Scalar, add, cross, dot, jacobian_columns, mul
from firmware_host.tasks import axis
from firmware_host.tasks.rotations import quaternion_columns, unit_vectors
from firmware_host.tasks.task import Task, directions_of, position_error
from firmware_host.tasks.turn import AboutFirstAxis, Encoding, turn_of

LAST_TURN_FEATURES = ("sin_roll", "cos_roll")


@dataclass(frozen=True)
class Pose(Task):
    """A position x, y, z [m], then the three columns of the rotation matrix."""

    name: ClassVar[str] = "pose"
    rows: ClassVar[int] = 6
    flat_size: ClassVar[int] = 7
    flat_words: ClassVar[str] = (
        "a pose of the tool, or x, y, z in metres and a unit quaternion w, x, y, z"
    )
    chord_weight: ClassVar[float] = 0.5

    @property
    def directions(self) -> tuple[int, ...]:
        """All three axes."""
        return (0, 1, 2)

    def describe(self) -> str:
        """What a target is, in words."""
        return "position and orientation of the tool"

    @property
    def component_words(self) -> str:
        """What a target's components are, in words."""
        return f"{super().component_words}, then the rotation's three columns"

    def error(self, length: float, walked: Frames, target: Sequence[Scalar]) -> list[Scalar]:
        """The position's three rows, and those of the rotation.

        The last three are L (1/2) sum_i x_i cross x_i*, with the columns x_i of the tool's
        rotation and x_i* of the target's: L sin(angle) along the axis of the rotation
        between them (Luh, Walker and Paul, "Resolved-acceleration control of mechanical
        manipulators", IEEE Transactions on Automatic Control, 1980). With the geometric
        Jacobian it makes a Gauss-Newton step on the squared chordal distance.
        """
        e = position_error(walked, target)
        spin: list[Scalar] = [0.0, 0.0, 0.0]
        for own, wanted in zip(walked.rotation, directions_of(target), strict=True):
            spin = [add(s, part) for s, part in zip(spin, cross(own, wanted), strict=True)]
        return [*e, *(mul(0.5 * length, part) for part in spin)]

    def columns(self, length: float, walked: Frames) -> list[tuple[Scalar, ...]]:
        """The columns of the geometric Jacobian, angular rows times L."""
        columns = jacobian_columns(walked)
        return [(*c[:3], *(mul(length, part) for part in c[3:])) for c in columns]

    def turning_joints(self, chain: Chain) -> tuple[int, ...]:
        """The first and the last joint: turning a pose about their axes turns them alone."""
        return (0, len(chain) - 1)

    def feature_names(self, chain: Chain) -> tuple[str, ...]:
        """Those of one axis; with joints to spare, how far the target is turned too."""
        return axis.FEATURES + (
            axis.FIRST_TURN_FEATURES + LAST_TURN_FEATURES if len(chain) > self.rows else ()
        )

    def encode(self, chain: Chain, target: Sequence[Scalar], xp: Any = np) -> Encoding:
        """The target turned to azimuth 0 and roll 0: of six dimensions four are left.

        Turning a pose about the first joint's axis turns that joint and nothing else, and
        turning it about the last joint's axis turns that one.

        The azimuth is that of the *wrist point*: the last joint's origin, carried back from
        the tool, which does not move when the last joint turns. The roll is the angle
        about the last axis of the tangent of the circle that the wrist point is on; where
        the two are parallel, it is undefined and any will do.
        """
        tool = chain.links[-1]
        # The last joint's origin, and its three axes, in the tool's frame.
        back: list[float] = (-tool[:3, :3].T @ tool[:3, 3]).tolist()
        last_axes: list[list[float]] = tool[:3, :3].tolist()
        columns = directions_of(target)

        def carried(weights: Sequence[float]) -> Iterator[Scalar]:
            """A vector fixed to the tool, in the base frame, part by part."""
            return (dot(weights, [column[k] for column in columns]) for k in range(3))

        point = (add(target[k], part) for k, part in enumerate(carried(back)))
        place = AboutFirstAxis(chain, point, xp)
        direction = place.turned([*carried(last_axes[-1])])
        moment = mul(place.radial, direction[1])
        features = [place.radial, place.axial, *direction, moment]
        _, b, _ = place.turned([*carried(last_axes[0])])
        _, c, _ = place.turned([*carried(last_axes[1])])
        roll, _ = turn_of(-c, b, xp)
        if len(chain) > self.rows:
            features += [place.turn.sin, place.turn.cos, roll.sin, roll.cos]
        return Encoding(features, {0: place.turn, len(chain) - 1: roll})

    def flat_directions(self, values: FloatArray) -> FloatArray:
        """The columns (..., 9) of the rotation of a unit quaternion w, x, y, z."""
        return quaternion_columns(unit_vectors(values, any_length=False))

    def given(self, components: FloatArray) -> FloatArray:
        """Components (N, 12) as (N, 4, 4) matrices."""
        poses = np.zeros((len(components), 4, 4))
        poses[:, 3, 3] = 1.0
        poses[:, :3, 3] = components[:, :3]
        poses[:, :3, :3] = np.swapaxes(components[:, 3:].reshape(-1, 3, 3), -1, -2)
        return poses
