"""The features' statistics, which travel with a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from firmware_host.kinematics import Scalar


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
