"""The network as a source of seeds: targets and the branch wanted in, joint angles out."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from firmware_host.chain import Chain, FloatArray
from firmware_host.kinematics import components
from firmware_host.normalization import Normalization
from firmware_host.spec import ModelSpec
from firmware_host.tasks.turn import Encoding

Predict = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class Seeder:
    """A network with what its numbers mean.

    Attributes:
        spec: The problem, its features and the branches that the network answers for.
        predict: The network: features (N, f) to sines and cosines (N, 2n). With several
            branches, a 1 in the place of the wanted one and 0 in the others follow the
            features.
    """

    spec: ModelSpec
    predict: Predict

    @property
    def branches(self) -> int:
        """How many branches there are to choose from, 1 or more."""
        return self.spec.branch_count

    def features(
        self, targets: npt.ArrayLike, branch: npt.ArrayLike = 0
    ) -> npt.NDArray[np.float32]:
        """What the network takes (N, f) for targets (N, k) and a branch, or one each (N,)."""
        return self._with_branches(self._encoded(targets)[1], branch)

    def seeds(self, targets: npt.ArrayLike, branch: npt.ArrayLike = 0) -> FloatArray:
        """First guesses q (N, n) [rad] within the limits.

        Args:
            targets: (N, k) components of the targets.
            branch: Number of the branch wanted, or one for each target (N,).
        """
        encoding, features = self._encoded(targets)
        outputs = self.predict(self._with_branches(features, branch))
        return decode_joints(self.spec.chain, turned_outputs(encoding, outputs))

    def every_seed(self, target: Sequence[float]) -> list[list[float]]:
        """A guess (n,) [rad] for each branch, for one target in plain floats.

        Arrays of one number cost more. The angles may lie outside the limits.
        """
        problem = self.spec.problem
        encoding = problem.encode(target, math)
        row = np.array([self.spec.normalization.apply(encoding.features)], dtype=np.float32)
        count = self.branches
        if count > 1:
            row = self._with_branches(np.repeat(row, count, axis=0), np.arange(count))
        n = problem.joints
        guesses = []
        for outputs in self.predict(row).tolist():
            pairs = list(zip(outputs[:n], outputs[n:], strict=True))
            for joint, turn in encoding.turns.items():
                pairs[joint] = turn.applied(*pairs[joint])
            guesses.append([math.atan2(sin, cos) for sin, cos in pairs])
        return guesses

    def _encoded(self, targets: npt.ArrayLike) -> tuple[Encoding, npt.NDArray[np.float32]]:
        values = np.asarray(targets, dtype=np.float64)
        encoding = self.spec.problem.encode(components(values))
        return encoding, normalized_features(self.spec.normalization, encoding)

    def _with_branches(
        self, features: npt.NDArray[np.float32], branch: npt.ArrayLike
    ) -> npt.NDArray[np.float32]:
        """Features (N, f) with the inputs that name the branch, if there are such."""
        count = self.branches
        if count == 1:
            return features
        wanted = np.broadcast_to(np.asarray(branch), len(features))
        one_hot = np.eye(count, dtype=np.float32)[wanted]
        return np.concatenate([features, one_hot], axis=-1)


def normalized_features(
    normalization: Normalization, encoding: Encoding
) -> npt.NDArray[np.float32]:
    """What the network takes (N, f) of N encoded targets, its branch aside."""
    return np.stack(normalization.apply(encoding.features), axis=-1).astype(np.float32)


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
    for joint, turn in encoding.turns.items():
        sin, cos = turn.applied(values[:, joint], values[:, n + joint])
        values[:, joint], values[:, n + joint] = sin, cos
    return values
