"""The network as a source of seeds: a target in, every head's joint angles out."""

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
from firmware_host.tasks.turn import Encoding, Turn

# A seed that is further beyond a limit than this leads to no answer [rad], as a rule, and is
# tried after all others: a promise is at most about 1.
BEYOND, LAST = 0.02, 100.0

Predict = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class Guesses:
    """What one run of the network says of N targets.

    Attributes:
        chain: The robot.
        sin_cos: (N, K, 2n): of each head the n sines, then the n cosines, of any common
            length, the targets' turns added.
        order: (N, K) numbers of the heads, the most promising first.
    """

    chain: Chain
    sin_cos: FloatArray
    order: npt.NDArray[np.int_]

    def seeds(self, head: npt.ArrayLike) -> FloatArray:
        """First guesses q (N, n) [rad] within the limits, of a head or one for each (N,)."""
        wanted = np.broadcast_to(np.asarray(head), len(self.sin_cos))
        return decode_joints(self.chain, self.sin_cos[np.arange(len(wanted)), wanted])

    def nearest(self, q: FloatArray) -> npt.NDArray[np.int_]:
        """Number of the head (N,) whose answer is nearest to each configuration q (N, n)."""
        wanted = np.concatenate([np.sin(q), np.cos(q)], axis=-1)[:, None]
        nearest: npt.NDArray[np.int_] = ((self.sin_cos - wanted) ** 2).sum(axis=-1).argmin(axis=1)
        return nearest

    def rows(self, rows: npt.NDArray[np.int_]) -> Guesses:
        """The guesses for some of the targets."""
        return Guesses(self.chain, self.sin_cos[rows], self.order[rows])


@dataclass(frozen=True, eq=False)
class Seeder:
    """A network with what its numbers mean.

    Attributes:
        spec: The problem, its features and the branches that the network answers for.
        predict: The network: features (N, f) to outputs as `network_outputs` counts them.
    """

    spec: ModelSpec
    predict: Predict

    def features(self, targets: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """What the network takes (N, f) for targets (N, k)."""
        return self._encoded(targets)[1]

    def guesses(self, targets: npt.ArrayLike) -> Guesses:
        """Every head's first guess for targets (N, k), and their order."""
        encoding, features = self._encoded(targets)
        outputs = self.predict(features)
        heads, joints = self.spec.heads, self.spec.problem.joints
        answers = outputs[:, : heads * 2 * joints].reshape(len(outputs), heads, 2 * joints)
        turned = turned_outputs(encoding, answers)
        if heads == 1:
            order = np.zeros((len(outputs), 1), dtype=int)
        else:
            promise = outputs[:, heads * 2 * joints :].astype(np.float64)
            for joint in self.spec.problem.untold_joints:
                angle = np.arctan2(turned[..., joint], turned[..., joints + joint])
                promise = promise - LAST * self._beyond(joint, angle)
            order = np.argsort(-promise, axis=1, kind="stable")
        return Guesses(self.spec.chain, turned, order)

    def seeds(self, targets: npt.ArrayLike, head: npt.ArrayLike = 0) -> FloatArray:
        """First guesses q (N, n) [rad] for targets (N, k); see `Guesses.seeds`."""
        return self.guesses(targets).seeds(head)

    def plain_guesses(self, target: Sequence[float]) -> tuple[list[list[float]], list[int]]:
        """Every head's angles (n,) [rad] for one target in plain floats, and their order.

        Arrays of one number cost more. The angles may lie outside the limits.
        """
        problem, heads = self.spec.problem, self.spec.heads
        encoding = problem.encode(target, math)
        row = np.array([self.spec.normalization.apply(encoding.features)], dtype=np.float32)
        outputs: list[float] = self.predict(row)[0].tolist()
        n = problem.joints
        guesses = []
        for start in range(0, heads * 2 * n, 2 * n):
            pairs = list(
                zip(outputs[start : start + n], outputs[start + n : start + 2 * n], strict=True)
            )
            for joint, turn in encoding.turns.items():
                pairs[joint] = turn.applied(*pairs[joint])
            guesses.append([math.atan2(sin, cos) for sin, cos in pairs])
        if heads == 1:
            return guesses, [0]
        promise = outputs[heads * 2 * n :]
        for joint in self.spec.problem.untold_joints:
            for head, guess in enumerate(guesses):
                promise[head] -= LAST * float(self._beyond(joint, guess[joint]))
        return guesses, sorted(range(heads), key=lambda head: -promise[head])

    def _beyond(self, joint: int, angle: Any) -> Any:
        """Whether angles of a joint, from -pi to pi, lie clearly beyond its limits."""
        lower, upper = self.spec.chain.lower[joint], self.spec.chain.upper[joint]
        middle = (lower + upper) / 2
        near = angle - 2 * np.pi * np.round((angle - middle) / (2 * np.pi))
        return (near < lower - BEYOND) | (near > upper + BEYOND)

    def _encoded(self, targets: npt.ArrayLike) -> tuple[Encoding, npt.NDArray[np.float32]]:
        values = np.asarray(targets, dtype=np.float64)
        encoding = self.spec.problem.encode(components(values))
        return encoding, normalized_features(self.spec.normalization, encoding)


def normalized_features(
    normalization: Normalization, encoding: Encoding
) -> npt.NDArray[np.float32]:
    """What the network takes (N, f) of N encoded targets."""
    return np.stack(normalization.apply(encoding.features), axis=-1).astype(np.float32)


def decode_joints(chain: Chain, outputs: npt.ArrayLike) -> FloatArray:
    """Joint angles within the limits from the sines and cosines of a head.

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
    """Sines and cosines (N, K, 2n) of K heads with the target's turns added.

    Args:
        encoding: Of N targets, components of shape (N,).
        outputs: (N, K, 2n): of each head the n sines, then the n cosines.
    """
    values = outputs.astype(np.float64)
    n = values.shape[-1] // 2
    for joint, turn in encoding.turns.items():
        # The same turn for every head.
        every = Turn(np.asarray(turn.sin)[:, None], np.asarray(turn.cos)[:, None])
        sin, cos = every.applied(values[..., joint], values[..., n + joint])
        values[..., joint], values[..., n + joint] = sin, cos
    return values
