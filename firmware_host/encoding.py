"""Target to network features, network outputs to joint angles, and normalization."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from firmware_host.chain import Chain, FloatArray
from firmware_host.kinematics import Scalar, add, components, dot, mul, sub
from firmware_host.tasks.task import POSITION, Task

FEATURE_NAMES = ("x", "y", "z", "radial", "sin_azimuth", "cos_azimuth")

# Of targets with an orientation, in cylindrical coordinates turned to the target's azimuth.
AXIS_FEATURES = ("radial", "axial", "direction_r", "direction_t", "direction_z", "moment")
FIRST_TURN_FEATURES = ("sin_azimuth", "cos_azimuth")
LAST_TURN_FEATURES = ("sin_roll", "cos_roll")

# Keeps the azimuth finite on the first joint's axis; far below any robot's accuracy [m].
AXIS_RADIUS = 1e-9

# Far beyond any robot, and far below what single precision can square [m].
FARTHEST_TARGET = 1e6


def encode_target(chain: Chain, position: Sequence[Scalar], xp: Any = np) -> list[Scalar]:
    """The six features of a position target.

    Radial distance and azimuth are taken about the first joint's axis, in the frame
    of that joint: for an arm that yaws about a vertical axis these are the usual
    cylindrical coordinates.

    Args:
        chain: The robot.
        position: The components x, y, z of the target in the base frame [m].
        xp: Namespace with `sqrt`: `numpy`, `keras.ops` or `math`.

    Returns:
        The components named by `FEATURE_NAMES`; metres, then sine and cosine.
    """
    x_axis, y_axis, _, origin = chain.link_columns[0]
    offset = [sub(position[k], origin[k]) for k in range(3)]
    u, v = dot(x_axis, offset), dot(y_axis, offset)
    radial = xp.sqrt(add(u * u + v * v, AXIS_RADIUS**2))
    return [*position, radial, v / radial, u / radial]


@dataclass(frozen=True)
class Turn:
    """An angle by its sine and cosine, as components."""

    sin: Scalar
    cos: Scalar

    def applied(self, sin: Scalar, cos: Scalar) -> tuple[Scalar, Scalar]:
        """Sine and cosine of another angle, of any common length, with this one added."""
        return (
            add(mul(sin, self.cos), mul(cos, self.sin)),
            sub(mul(cos, self.cos), mul(sin, self.sin)),
        )

    def removed(self, sin: Scalar, cos: Scalar) -> tuple[Scalar, Scalar]:
        """Sine and cosine of another angle, of any common length, less this one."""
        return (
            sub(mul(sin, self.cos), mul(cos, self.sin)),
            add(mul(cos, self.cos), mul(sin, self.sin)),
        )


@dataclass(frozen=True)
class Encoding:
    """A target as the network sees it, and what is to be added to its answer.

    Attributes:
        features: The components named by `feature_names`, not normalized.
        first: Angle to add to the first joint of the network's answer, or None.
        last: Angle to add to the last joint of the network's answer, or None.
    """

    features: list[Scalar]
    first: Turn | None = None
    last: Turn | None = None


def feature_names(chain: Chain, task: Task) -> tuple[str, ...]:
    """Names of a task's features.

    An arm with joints to spare chooses its posture by the limits of the first and the
    last joint too, so the network is told how far the target has turned them.
    """
    if not task.turns:
        return FEATURE_NAMES
    names: tuple[str, ...] = AXIS_FEATURES
    if len(chain) > task.rows:
        names += FIRST_TURN_FEATURES
        names += LAST_TURN_FEATURES if task.name == "pose" else ()
    return names


def encode(chain: Chain, task: Task, target: Sequence[Scalar], xp: Any = np) -> Encoding:
    """A target's features; see `encode_target` for positions.

    Turning a target about the first joint's axis turns that joint and nothing else, and
    turning a pose about the last joint's axis turns that one. So the network sees the
    target turned to azimuth 0 (and to roll 0), and the angles are added to its answer:
    of the six dimensions of a pose four are left to learn.

    The azimuth is that of the *wrist point*: the last joint's origin, carried back from
    the tool, which does not move when the last joint turns. With the direction of one
    tool axis alone it is the point as far back along that axis. The roll is the angle
    about the last axis of the tangent of the circle that the wrist point is on; where the
    two are parallel, it is undefined and any will do.

    Args:
        chain: The robot.
        task: What a target is.
        target: Its components in the base frame [m], and unit vectors.
        xp: Namespace with `sqrt`: `numpy`, `keras.ops` or `math`.
    """
    if not task.turns:
        return Encoding(encode_target(chain, target, xp))
    x_axis, y_axis, z_axis, origin = chain.link_columns[0]
    tool = chain.links[-1]
    # The last joint's origin, and its three axes, in the tool's frame.
    back: list[float] = (-tool[:3, :3].T @ tool[:3, 3]).tolist()
    last_axes: list[list[float]] = tool[:3, :3].tolist()
    directions = [target[k : k + 3] for k in range(3, len(target), 3)]
    if task.name == "axis":
        # Along the one direction that is known, and that direction itself.
        back, last_axes = [back[task.tool_axis]], [[1.0]]
    offset = [
        sub(add(target[k], dot(back, [direction[k] for direction in directions])), origin[k])
        for k in range(3)
    ]
    u, v, axial = (dot(axis, offset) for axis in (x_axis, y_axis, z_axis))
    first, radial = _turn(v, u, xp)

    def turned(weights: Sequence[float]) -> tuple[Scalar, Scalar, Scalar]:
        """A direction fixed to the tool: radial, tangential, axial."""
        direction = [dot(weights, [d[k] for d in directions]) for k in range(3)]
        du, dv, dz = (dot(axis, direction) for axis in (x_axis, y_axis, z_axis))
        return (
            add(mul(du, first.cos), mul(dv, first.sin)),
            sub(mul(dv, first.cos), mul(du, first.sin)),
            dz,
        )

    direction = turned(last_axes[-1])
    # How far the line along the direction passes the first axis: joints that move the tool
    # a little aside are told by it, and by nothing else as clearly.
    moment = mul(radial, direction[1])
    features = [radial, axial, *direction, moment]
    last = None
    if task.name == "pose":
        (_, b, _), (_, c, _) = turned(last_axes[0]), turned(last_axes[1])
        last, _ = _turn(-c, b, xp)
    if len(chain) > task.rows:
        features += [first.sin, first.cos]
        features += [] if last is None else [last.sin, last.cos]
    return Encoding(features, first, last)


def _turn(sin: Scalar, cos: Scalar, xp: Any) -> tuple[Turn, Scalar]:
    """The angle of a point in the plane, and its distance from the origin.

    Moved aside by next to nothing, a point on the origin has an angle too.
    """
    aside = cos + AXIS_RADIUS
    length = xp.sqrt(add(sin * sin + aside * aside, AXIS_RADIUS**4))
    return Turn(sin / length, aside / length), length


def decode_joints(chain: Chain, outputs: npt.ArrayLike) -> FloatArray:
    """Joint angles within the limits from the network's outputs.

    Args:
        chain: The robot.
        outputs: (..., 2n): the n sines, then the n cosines, of any common length.

    Returns:
        q (..., n) [rad], clamped to the limits.
    """
    # One joint's angles side by side in memory: what follows runs along the batch.
    values = np.moveaxis(np.asarray(outputs), -1, 0).astype(np.float64, order="C")
    n = len(chain)
    return chain.clamp(np.moveaxis(np.arctan2(values[:n], values[n:]), 0, -1))


def turned_outputs(encoding: Encoding, outputs: npt.NDArray[Any]) -> FloatArray:
    """The network's outputs (N, 2n) with the target's turns added; as `decode_joints` takes.

    Args:
        encoding: Of N targets, components of shape (N,).
        outputs: (N, 2n): the n sines, then the n cosines.
    """
    values = outputs.astype(np.float64)
    n = values.shape[-1] // 2
    for joint, turn in ((0, encoding.first), (n - 1, encoding.last)):
        if turn is not None:
            sin, cos = turn.applied(values[:, joint], values[:, n + joint])
            values[:, joint], values[:, n + joint] = sin, cos
    return values


@dataclass(frozen=True)
class Normalization:
    """Mean and standard deviation of each feature over the training data.

    Attributes:
        mean: One value a feature.
        std: One positive value a feature.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]

    @classmethod
    def fit(cls, features: npt.ArrayLike) -> Normalization:
        """The statistics of features (N, k); constant features get a deviation of 1."""
        values = np.asarray(features, dtype=np.float64)
        std = values.std(axis=0)
        std = np.where(std > 1e-9, std, 1.0)
        return cls(tuple(values.mean(axis=0).tolist()), tuple(std.tolist()))

    def apply(self, features: Sequence[Scalar]) -> list[Scalar]:
        """Normalized components of the components given."""
        return [
            (value - mean) * (1.0 / std)
            for value, mean, std in zip(features, self.mean, self.std, strict=True)
        ]

    def to_dict(self) -> dict[str, list[float]]:
        """The statistics as JSON-ready values."""
        return {"mean": list(self.mean), "std": list(self.std)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Sequence[float]]) -> Normalization:
        """The statistics from `to_dict`'s values."""
        return cls(tuple(map(float, data["mean"])), tuple(map(float, data["std"])))


def network_features(
    chain: Chain, normalization: Normalization, targets: npt.ArrayLike, task: Task = POSITION
) -> npt.NDArray[np.float32]:
    """Normalized features (N, f) of targets (N, k)."""
    encoding = encode(chain, task, components(np.asarray(targets, dtype=np.float64)))
    return normalized_features(normalization, encoding)


def normalized_features(
    normalization: Normalization, encoding: Encoding
) -> npt.NDArray[np.float32]:
    """What the network takes (N, f) of N encoded targets, its aspect aside."""
    return np.stack(normalization.apply(encoding.features), axis=-1).astype(np.float32)
