"""Which branch answers where, how many reach a place, and which is tried first how often."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge_ik.answering import IntArray, answering
from edge_ik_tools.report.measuring.answers import Answered
from firmware_host.chain import FloatArray
from firmware_host.solver import IkSolver
from firmware_host.tolerances import SAME_ANSWER


@dataclass(frozen=True)
class BranchRow:
    """One branch.

    Attributes:
        name: What its postures share.
        first: Share of the targets for which it is tried first.
        answers: Share of the targets that it answers.
        reaches: Share of some targets that it leads to, of whatever branch they are asked in.
    """

    name: str
    first: float
    answers: float
    reaches: float


@dataclass(frozen=True, eq=False)
class Branches:
    """What the heads of a network answer.

    Attributes:
        rows: One for each head.
        place: (M, 3) some targets [m].
        answered: (M,) the branch that answers each.
        leading: (M,) how many heads lead to each.
        different: (M,) how many different configurations they lead to.
        tried: For 1, 2, ... seeds the share of all targets that took so many.
    """

    rows: tuple[BranchRow, ...]
    place: FloatArray
    answered: IntArray
    leading: IntArray
    different: IntArray
    tried: FloatArray


def measure_branches(solver: IkSolver, answered: Answered, points: int) -> Branches | None:
    """The branches of a network; None where it has one alone.

    Args:
        solver: The model.
        answered: Targets with answers.
        points: Of how many targets every head is asked.
    """
    heads, problem = solver.spec.heads, answered.problem
    if heads == 1:
        return None
    last, total = answered.last, len(answered.target)
    some = answered.target[:points]
    asked = answering(solver)
    every, solved = [], []
    for head in range(heads):
        *_, q = asked.in_branch(some, head, problem.default_steps)
        every.append(q)
        solved.append(problem.is_solved(q, some) & problem.chain.within_limits(q))
    reaching = np.stack(solved, axis=1)
    first = np.bincount(answered.steps[0].branch, minlength=heads) / total
    answers = np.bincount(last.branch[last.solved], minlength=heads) / total
    return Branches(
        rows=tuple(
            BranchRow(name, float(first[k]), float(answers[k]), float(reaching[:, k].mean()))
            for k, name in enumerate(solver.branches)
        ),
        place=answered.place[:points],
        answered=last.branch[:points],
        leading=reaching.sum(axis=1),
        different=_different(solver, np.stack(every, axis=1), reaching),
        tried=np.bincount(last.tried)[1:] / total,
    )


def _different(solver: IkSolver, q: FloatArray, reaching: np.ndarray) -> IntArray:
    """How many different configurations (M,) are among the answers (M, K, n) that reach."""
    chain = solver.chain
    new = reaching.copy()
    for head in range(1, q.shape[1]):
        for before in range(head):
            apart = chain.travel(q[:, head], q[:, before])
            new[:, head] &= ~(new[:, before] & (apart < SAME_ANSWER))
    count: IntArray = new.sum(axis=1)
    return count
