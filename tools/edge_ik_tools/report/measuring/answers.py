"""Targets of everything the arm reaches, and what is answered to them after each step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_ik.answering import StepAnswers, answering, answers_by_steps
from edge_ik.data.streams import EVERYWHERE_STREAM, stream
from edge_ik.data.targets import draw_everywhere
from firmware_host.chain import FloatArray
from firmware_host.errors import ModelFileError
from firmware_host.problem import IkProblem
from firmware_host.progress import Tell, untold
from firmware_host.solver import IkSolver

BoolArray = npt.NDArray[np.bool_]
"""A truth for each target."""


@dataclass(frozen=True, eq=False)
class MeasuredStep(StepAnswers):
    """What is answered after one number of steps, and how good it is.

    Attributes:
        error: (N,) distance of the tool from the target [m].
        angle: (N,) angle between the orientations [rad]; 0 where a target has none.
        solved: (N,) whether it is within tolerance and the limits.
    """

    error: FloatArray
    angle: FloatArray
    solved: BoolArray


@dataclass(frozen=True, eq=False)
class Answered:
    """Targets that training never saw, with the answers.

    Attributes:
        problem: The robot and the task.
        target: (N, k) the targets' components.
        place: (N, 3) where they are in the base frame [m]: of a task in a plane, where the
            tool is.
        steps: Answers after 0, 1, ... steps, up to the problem's usual number.
    """

    problem: IkProblem
    target: FloatArray
    place: FloatArray
    steps: tuple[MeasuredStep, ...]

    @property
    def last(self) -> MeasuredStep:
        """The answers after the usual number of steps."""
        return self.steps[-1]


def answer(solver: IkSolver, count: int, rng_seed: int, tell: Tell = untold) -> Answered:
    """Solve unseen targets after each number of steps, as the solver does by default.

    Args:
        solver: The model; its own number of steps is not asked.
        count: Number of targets, drawn as `edge-ik evaluate` draws them.
        rng_seed: Seed of the targets.
        tell: Called with how far it is.

    Raises:
        ModelFileError: If the network does not answer with numbers.
    """
    problem, answers = solver.problem, answering(solver)
    drawn = draw_everywhere(problem, count, stream(rng_seed, EVERYWHERE_STREAM))
    steps = []
    for found in answers_by_steps(answers, drawn.target, problem.default_steps, tell):
        if not np.isfinite(found.q).all():
            raise ModelFileError(
                "The network answers with what are no numbers; its weights are damaged, or its "
                "training diverged."
            )
        error, angle = problem.errors(found.q, drawn.target)
        within = problem.chain.within_limits(found.q)
        solved = problem.is_solved(found.q, drawn.target) & within
        steps.append(MeasuredStep(**vars(found), error=error, angle=angle, solved=solved))
    place = np.asarray(solver.forward(drawn.q))[:, :3, 3]
    return Answered(problem, drawn.target, place, tuple(steps))
