"""What a network answers to targets alone, and after each number of steps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from firmware_host.chain import FloatArray
from firmware_host.progress import Done, Tell, untold
from firmware_host.solving.branches import Answers, solve_any
from firmware_host.solving.refine import refine
from firmware_host.solving.seeding import Seeder


def asked_once(seeder: Seeder) -> Seeder:
    """The network, which is not run again on the targets that it was run on last.

    That of a wide network takes longer than everything else of an evaluation.
    """
    last: tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]] | None = None

    def predict(features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        nonlocal last
        if last is None or not np.array_equal(last[0], features):
            last = features, seeder.predict(features)
        return last[1]

    return replace(seeder, predict=predict)


def answers_by_steps(
    seeder: Seeder, targets: FloatArray, most: int, tell: Tell = untold
) -> Iterator[Answers]:
    """The answers to targets (N, k) in any branch after 0, 1, ..., `most` steps.

    They are those of a solver of so many steps, which takes `NEAREST_STEPS` more where it does not
    reach a target. Those after no step are the network's own, by the head that it trusts most.
    Before each it is told how far it is.
    """
    count = len(targets)

    def begin(steps: int) -> None:
        tell(Done(f"Solving, {steps} DLS steps", steps * count, (most + 1) * count, "solves"))

    begin(0)
    guesses = seeder.guesses(targets)
    first = guesses.order[:, 0]
    q, error = refine(seeder.spec.problem, guesses.seeds(first), targets, 0)
    yield Answers(q, error, q, error, first, np.ones(count, int), np.zeros(count, int))
    for steps in range(1, most + 1):
        begin(steps)
        yield solve_any(seeder, targets, steps)
