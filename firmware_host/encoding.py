"""Target to network features, network outputs to joint angles, and normalization."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from firmware_host.chain import Chain, FloatArray
from firmware_host.errors import TargetError
from firmware_host.kinematics import Scalar, add, dot, sub

FEATURE_NAMES = ("x", "y", "z", "radial", "sin_azimuth", "cos_azimuth")

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
    chain: Chain, normalization: Normalization, targets: npt.ArrayLike
) -> npt.NDArray[np.float32]:
    """Normalized features (N, 6) of position targets (N, 3) [m]."""
    positions = np.asarray(targets, dtype=np.float64)
    encoded = encode_target(chain, list(np.moveaxis(positions, -1, 0)))
    features: npt.NDArray[np.float32] = np.stack(normalization.apply(encoded), axis=-1).astype(
        np.float32
    )
    return features


def checked_target(target: npt.ArrayLike, batch: bool = False, finite: bool = True) -> FloatArray:
    """A position target (3,), or a batch of them (N, 3), as finite float64.

    Raises:
        TargetError: If the shape is another, or a value is not a finite number or
            is beyond `FARTHEST_TARGET`.
    """
    expected = "(N, 3)" if batch else "(3,)"
    try:
        values = np.asarray(target, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TargetError(
            f"A target is {expected} numbers x, y, z in metres. Received: {target!r}"
        ) from error
    if values.ndim != (2 if batch else 1) or values.shape[-1] != 3:
        raise TargetError(
            f"Expected a target of shape {expected}: x, y, z in metres. "
            f"Received: shape {values.shape}"
        )
    usable = np.isfinite(values)
    if finite and not usable.all():
        where = f" (row {int(np.argmin(usable.all(axis=-1)))})" if batch else ""
        raise TargetError(f"Expected finite numbers x, y, z. Received a NaN or infinity{where}.")
    farthest = float(np.abs(values[usable]).max(initial=0.0))
    if farthest > FARTHEST_TARGET:
        raise TargetError(
            f"Expected x, y, z in metres, none beyond {FARTHEST_TARGET:g} m. "
            f"Received: {farthest:g} m"
        )
    return values
