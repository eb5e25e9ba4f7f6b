"""What answers the targets that figures are measured on: a network refined here, or a solver."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Protocol

import numpy as np
import numpy.typing as npt

from firmware_host.chain import FloatArray
from firmware_host.progress import Done, Tell, untold
from firmware_host.solver import IkSolver
from firmware_host.solving.branches import ANY, solve_any
from firmware_host.solving.refine import refine, refinements
from firmware_host.solving.seeding import Seeder
from firmware_host.spec import ModelSpec

IntArray = npt.NDArray[np.int_]
"""A whole number for each target."""


@dataclass(frozen=True, eq=False)
class StepAnswers:
    """Answers to N targets after one number of steps.

    Attributes:
        q: (N, n) joints [rad, m].
        seed: (N, n) what the network guessed in the branch that answers [rad, m].
        branch: (N,) number of the branch that answers.
        tried: (N,) seeds that were refined.
    """

    q: FloatArray
    seed: FloatArray
    branch: IntArray
    tried: IntArray


class Answering(Protocol):
    """What answers, by number of steps."""

    @property
    def spec(self) -> ModelSpec:
        """What the model is of."""

    def alone(self, targets: FloatArray) -> StepAnswers:
        """The network's own answers to targets (N, k), by the head that it trusts most."""

    def anywhere(self, targets: FloatArray, steps: int) -> StepAnswers:
        """The answers in any branch after one step or more."""

    def in_branch(self, targets: FloatArray, head: int, most: int) -> Iterator[FloatArray]:
        """The joints (N, n) [rad, m] of one head after 0, 1, ..., `most` steps."""


def answering(solver: IkSolver) -> Answering:
    """What a solver's figures are measured on: its own answers, where it refines by itself."""
    return RefinedHere(solver.seeder) if type(solver) is IkSolver else SolverItself(solver)


def answers_by_steps(
    answers: Answering, targets: FloatArray, most: int, tell: Tell = untold
) -> Iterator[StepAnswers]:
    """The answers to targets (N, k) in any branch after 0, 1, ..., `most` steps.

    They are those of a solver of so many steps, which takes `NEAREST_STEPS` more where it does not
    reach a target. Those after no step are the network's own, by the head that it trusts most.
    Before each it is told how far it is.
    """
    count = len(targets)
    for steps in range(most + 1):
        tell(Done(f"Solving, {steps} DLS steps", steps * count, (most + 1) * count, "solves"))
        yield answers.anywhere(targets, steps) if steps else answers.alone(targets)


class RefinedHere:
    """A network whose guesses are refined by `firmware_host.solving`, in double precision.

    It is not run again on the targets that it was run on last: that of a wide network takes longer
    than everything else of an evaluation.

    Args:
        seeder: The network.
    """

    def __init__(self, seeder: Seeder) -> None:
        self._last: tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]] | None = None
        self._network = seeder.predict
        self.seeder = replace(seeder, predict=self._predict)

    @property
    def spec(self) -> ModelSpec:
        """What the model is of."""
        return self.seeder.spec

    def alone(self, targets: FloatArray) -> StepAnswers:
        """See `Answering`."""
        guesses = self.seeder.guesses(targets)
        first = guesses.order[:, 0]
        q, _ = refine(self.spec.problem, guesses.seeds(first), targets, 0)
        return StepAnswers(q, q, first, np.ones(len(targets), int))

    def anywhere(self, targets: FloatArray, steps: int) -> StepAnswers:
        """See `Answering`."""
        found = solve_any(self.seeder, targets, steps)
        return StepAnswers(found.q, found.seed, found.branch, found.tried)

    def in_branch(self, targets: FloatArray, head: int, most: int) -> Iterator[FloatArray]:
        """See `Answering`; without the steps toward the nearest posture where none leads there."""
        seeds = self.seeder.seeds(targets, head)
        for q, _ in refinements(self.spec.problem, seeds, targets, most):
            yield q

    def _predict(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        if self._last is None or not np.array_equal(self._last[0], features):
            self._last = features, self._network(features)
        return self._last[1]


class SolverItself:
    """A solver that does not only run the network, such as firmware: its seeds and its batches.

    Args:
        solver: The solver, whose own number of steps is not asked.
    """

    def __init__(self, solver: IkSolver) -> None:
        self.solver = solver
        self._with_steps = lru_cache(maxsize=None)(solver.with_steps)

    @property
    def spec(self) -> ModelSpec:
        """What the model is of."""
        return self.solver.spec

    def alone(self, targets: FloatArray) -> StepAnswers:
        """See `Answering`."""
        first = self.solver.seeder.guesses(targets).order[:, 0]
        q = self._seeds(targets, first)
        return StepAnswers(q, q, first, np.ones(len(targets), int))

    def anywhere(self, targets: FloatArray, steps: int) -> StepAnswers:
        """See `Answering`."""
        given = self.spec.task.given(targets)
        found = self._with_steps(steps).solve_batch(given, branch=ANY, threads=None)
        return StepAnswers(found.q, self._seeds(targets, found.branch), found.branch, found.tried)

    def in_branch(self, targets: FloatArray, head: int, most: int) -> Iterator[FloatArray]:
        """See `Answering`."""
        given = self.spec.task.given(targets)
        yield self.solver.seed(targets, head)
        for steps in range(1, most + 1):
            yield self._with_steps(steps).solve_batch(given, branch=head, threads=None).q

    def _seeds(self, targets: FloatArray, heads: IntArray) -> FloatArray:
        """The network's guesses (N, n) by a head for each target."""
        q = np.empty((len(targets), self.spec.problem.joints))
        for head in np.unique(heads):
            rows = heads == head
            q[rows] = self.solver.seed(targets[rows], int(head))
        return q
