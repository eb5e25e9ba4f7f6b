"""The network as a source of seeds: a target in, every head's joints out."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from firmware_host.chain import FloatArray
from firmware_host.kinematics import components
from firmware_host.normalization import Normalization
from firmware_host.outputs import HeadOutputs
from firmware_host.spec import ModelSpec
from firmware_host.straightline import SYMBOLS, Tape, compile_function
from firmware_host.tasks.turn import Encoding

# A seed that is further beyond a limit than this leads to no answer [rad, L], as a rule, and is
# tried after all others: a promise is at most about 1.
BEYOND, LAST = 0.02, 100.0


Predict = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]
"""The network: normalized features (N, f) to the numbers of its heads, then their promises."""


@dataclass(frozen=True, eq=False)
class Guesses:
    """What one run of the network says of N targets.

    Attributes:
        outputs: What the numbers of a head mean.
        numbers: (N, K, a): the numbers of each head, the targets' turns added.
        order: (N, K) numbers of the heads, the most promising first.
    """

    outputs: HeadOutputs
    numbers: FloatArray
    order: npt.NDArray[np.int_]

    def seeds(self, head: npt.ArrayLike) -> FloatArray:
        """First guesses q (N, n) [rad, m] within the limits, of a head or one for each (N,)."""
        wanted = np.broadcast_to(np.asarray(head), len(self.numbers))
        return decode_joints(self.outputs, self.numbers[np.arange(len(wanted)), wanted])

    def nearest(self, q: FloatArray) -> npt.NDArray[np.int_]:
        """Number of the head (N,) whose answer is nearest to each configuration q (N, n)."""
        wanted = np.stack(self.outputs.of(components(q), np), axis=-1)[:, None]
        nearest: npt.NDArray[np.int_] = ((self.numbers - wanted) ** 2).sum(axis=-1).argmin(axis=1)
        return nearest

    def rows(self, rows: npt.NDArray[np.int_]) -> Guesses:
        """The guesses for some of the targets."""
        return Guesses(self.outputs, self.numbers[rows], self.order[rows])


@dataclass(eq=False)
class PlainGuesses:
    """What one run of the network says of one target, in plain floats.

    Attributes:
        outputs: What the numbers of a head mean.
        numbers: The numbers of all heads, one after the other, as the network gives them.
        encoding: The target's turns and shifts.
        order: Numbers of the heads, the most promising first.
    """

    outputs: HeadOutputs
    numbers: Sequence[float]
    encoding: Encoding
    order: Sequence[int] = (0,)

    def joints(self, head: int) -> list[float]:
        """A head's joints (n,) [rad, m], which may lie outside the limits."""
        start = head * self.outputs.size
        own = self.numbers[start : start + self.outputs.size]
        return self.outputs.read(self.outputs.turned(own, self.encoding), math.atan2)


@dataclass(frozen=True, eq=False)
class Seeder:
    """A network with what its numbers mean.

    Attributes:
        spec: The problem, its features and the branches that the network answers for.
        predict: The network: features (N, f) to outputs as `network_outputs` counts them.
    """

    spec: ModelSpec
    predict: Predict

    def __reduce__(self) -> tuple[Any, ...]:
        # Without what is compiled.
        return Seeder, (self.spec, self.predict)

    def features(self, targets: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """What the network takes (N, f) for targets (N, k)."""
        return self._encoded(targets)[1]

    def guesses(self, targets: npt.ArrayLike) -> Guesses:
        """Every head's first guess for targets (N, k), and their order."""
        encoding, features = self._encoded(targets)
        outputs = self.predict(features)
        heads, layout = self.spec.heads, self.spec.problem.outputs
        own = heads * layout.size
        answers = outputs[:, :own].reshape(len(outputs), heads, layout.size)
        turned = turned_outputs(layout, encoding, answers)
        if heads == 1:
            order = np.zeros((len(outputs), 1), dtype=int)
        else:
            promise = outputs[:, own:].astype(np.float64)
            untold = self.spec.problem.untold_joints
            joints = layout.read(np.moveaxis(turned, -1, 0), np.arctan2) if untold else []
            for joint in untold:
                promise = promise - LAST * self._beyond(joint, joints[joint])
            order = np.argsort(-promise, axis=1, kind="stable")
        return Guesses(layout, turned, order)

    def seeds(self, targets: npt.ArrayLike, head: npt.ArrayLike = 0) -> FloatArray:
        """First guesses q (N, n) [rad, m] for targets (N, k); see `Guesses.seeds`."""
        return self.guesses(targets).seeds(head)

    def plain_guesses(self, target: Sequence[float]) -> PlainGuesses:
        """Every head's first guess for one target (k,) in plain floats, and their order.

        Arrays of one number cost more.
        """
        spec, size = self.spec, self.spec.problem.outputs.size
        encode, symbols, count = self._traced
        told = encode(*target)
        row = np.array([told[:count]], dtype=np.float32)
        outputs: list[float] = self.predict(row)[0].tolist()
        encoding = symbols.with_moves(told[count:]) if len(told) > count else symbols
        guesses = PlainGuesses(spec.problem.outputs, outputs, encoding)
        if spec.heads > 1:
            promise = outputs[spec.heads * size :]
            for joint in spec.problem.untold_joints:
                for head in range(spec.heads):
                    beyond = self._beyond(joint, guesses.joints(head)[joint])
                    promise[head] -= LAST * float(beyond)
            guesses.order = sorted(range(spec.heads), key=lambda head: -promise[head])
        return guesses

    @cached_property
    def _traced(self) -> tuple[Callable[..., tuple[float, ...]], Encoding, int]:
        """From k components to the normalized features, then the moves.

        With it the encoding in symbols, and the number of features.
        """
        tape, spec = Tape(), self.spec
        target = tape.inputs("p", spec.task.size)
        encoding = spec.problem.encode(target, SYMBOLS)
        features = spec.normalization.apply(encoding.features)
        traced = compile_function(tape, target, [*features, *encoding.moves()], plain=True)
        return traced, encoding, len(features)

    def _beyond(self, joint: int, value: Any) -> Any:
        """Whether a joint [rad, m], an angle from -pi to pi, lies clearly beyond its limits."""
        chain = self.spec.chain
        lower, upper = chain.lower[joint], chain.upper[joint]
        if chain.circular[joint]:
            value = value - 2 * np.pi * np.round((value - (lower + upper) / 2) / (2 * np.pi))
        beyond = BEYOND * chain.scales[joint]
        return (value < lower - beyond) | (value > upper + beyond)

    def _encoded(self, targets: npt.ArrayLike) -> tuple[Encoding, npt.NDArray[np.float32]]:
        values = np.asarray(targets, dtype=np.float64)
        encoding = self.spec.problem.encode(components(values))
        return encoding, normalized_features(self.spec.normalization, encoding)


def normalized_features(
    normalization: Normalization, encoding: Encoding
) -> npt.NDArray[np.float32]:
    """What the network takes (N, f) of N encoded targets."""
    return np.stack(normalization.apply(encoding.features), axis=-1).astype(np.float32)


def decode_joints(outputs: HeadOutputs, numbers: npt.ArrayLike) -> FloatArray:
    """Joints within the limits from the numbers of a head.

    Args:
        outputs: What they mean.
        numbers: (..., a).

    Returns:
        q (..., n) [rad, m], clamped to the limits.
    """
    # One joint's numbers side by side in memory: what follows runs along the batch.
    values = np.moveaxis(np.asarray(numbers), -1, 0).astype(np.float64, order="C")
    joints = np.stack(outputs.read(values, np.arctan2))
    return outputs.chain.clamp(np.moveaxis(joints, 0, -1))


def turned_outputs(
    outputs: HeadOutputs, encoding: Encoding, numbers: npt.NDArray[Any]
) -> FloatArray:
    """The numbers (N, K, a) of K heads with the target's turns added.

    Args:
        outputs: What they mean.
        encoding: Of N targets, components of shape (N,).
        numbers: (N, K, a) as the network gives them.
    """
    values = numbers.astype(np.float64)
    # The same turn for every head.
    every = encoding.with_moves([np.asarray(part)[:, None] for part in encoding.moves()])
    for index, turned in enumerate(outputs.turned(components(values), every)):
        values[..., index] = turned
    return values
