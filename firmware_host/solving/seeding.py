"""The network as a source of seeds: targets and the aspect wanted in, joint angles out."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from firmware_host.chain import Chain, FloatArray
from firmware_host.encoding import (
    Normalization,
    decode_joints,
    encode,
    feature_names,
    normalized_features,
    turned_outputs,
)
from firmware_host.kinematics import components
from firmware_host.tasks.task import POSITION, Task

Predict = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class Seeder:
    """A network with what its numbers mean.

    Attributes:
        chain: The robot.
        normalization: Statistics of the features.
        predict: The network: features (N, f) to sines and cosines (N, 2n). With several
            aspects, a 1 in the place of the wanted one and 0 in the others follow the
            features.
        task: What a target is.
        aspects: Names of the aspects that it answers for; fewer than two take no inputs.
    """

    chain: Chain
    normalization: Normalization
    predict: Predict
    task: Task = POSITION
    aspects: tuple[str, ...] = ()

    @property
    def branches(self) -> int:
        """How many aspects there are to choose from, 1 or more."""
        return max(1, len(self.aspects))

    @property
    def inputs(self) -> int:
        """Numbers that the network takes for one target."""
        return network_inputs(self.chain, self.task, len(self.aspects))

    def features(
        self, targets: npt.ArrayLike, branch: npt.ArrayLike = 0
    ) -> npt.NDArray[np.float32]:
        """What the network takes (N, f) for targets (N, k) and a branch, or one each (N,)."""
        features = normalized_features(
            self.normalization,
            encode(self.chain, self.task, components(np.asarray(targets, dtype=np.float64))),
        )
        return self._with_aspects(features, branch)

    def seeds(self, targets: npt.ArrayLike, branch: npt.ArrayLike = 0) -> FloatArray:
        """First guesses q (N, n) [rad] within the limits.

        Args:
            targets: (N, k) components of the targets.
            branch: Number of the aspect wanted, or one for each target (N,).
        """
        values = np.asarray(targets, dtype=np.float64)
        encoding = encode(self.chain, self.task, components(values))
        features = self._with_aspects(normalized_features(self.normalization, encoding), branch)
        return decode_joints(self.chain, turned_outputs(encoding, self.predict(features)))

    def every_seed(self, target: Sequence[float]) -> list[list[float]]:
        """A guess (n,) [rad] for each aspect, for one target in plain floats.

        Arrays of one number cost more. The angles may lie outside the limits.
        """
        encoding = encode(self.chain, self.task, target, math)
        row = np.array([self.normalization.apply(encoding.features)], dtype=np.float32)
        count = self.branches
        if count > 1:
            row = self._with_aspects(np.repeat(row, count, axis=0), np.arange(count))
        n = len(self.chain)
        guesses = []
        for outputs in self.predict(row).tolist():
            pairs = list(zip(outputs[:n], outputs[n:], strict=True))
            for joint, turn in ((0, encoding.first), (n - 1, encoding.last)):
                if turn is not None:
                    pairs[joint] = turn.applied(*pairs[joint])
            guesses.append([math.atan2(sin, cos) for sin, cos in pairs])
        return guesses

    def _with_aspects(
        self, features: npt.NDArray[np.float32], branch: npt.ArrayLike
    ) -> npt.NDArray[np.float32]:
        """Features (N, f) with the inputs that name the aspect, if there are such."""
        count = self.branches
        if count == 1:
            return features
        wanted = np.broadcast_to(np.asarray(branch), len(features))
        one_hot = np.eye(count, dtype=np.float32)[wanted]
        return np.concatenate([features, one_hot], axis=-1)


def network_inputs(chain: Chain, task: Task, aspects: int) -> int:
    """How many numbers a network takes: the features, and one for each aspect of several."""
    return len(feature_names(chain, task)) + (aspects if aspects > 1 else 0)
