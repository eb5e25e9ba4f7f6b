"""The part of joint space that a network answers for, and det J, which divides it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from firmware_host.chain import Chain, FloatArray
from firmware_host.kinematics import (
    Scalar,
    components,
    cross,
    dot,
    frames,
    jacobian_columns,
)
from firmware_host.problem import IkProblem
from firmware_host.tasks import POSITION, Task

# Points of a straight way that det J is looked at.
SEGMENT_POINTS = 7
# Reference samples that a configuration is led to before it counts as in no aspect.
TRIED_NEIGHBOURS = 6

IntArray = npt.NDArray[np.int32]
"""Whole numbers, as cells are counted."""


def position_determinant(chain: Chain, q: npt.ArrayLike) -> FloatArray:
    """det of the position Jacobian of a three-joint chain; q (..., 3) -> (...) [m^3]."""
    angles = np.asarray(q, dtype=np.float64)
    determinant = linear_determinant(chain, *map(components, chain.place(angles)))
    return np.broadcast_to(np.asarray(determinant, dtype=np.float64), angles.shape[:-1])


def linear_determinant(chain: Chain, sin_q: Sequence[Scalar], cos_q: Sequence[Scalar]) -> Scalar:
    """det of the linear rows of the Jacobian [m^3], as a component of three joints' components."""
    columns = jacobian_columns(frames(chain, sin_q, cos_q))
    first, second, third = ((column[0], column[1], column[2]) for column in columns)
    return dot(first, cross(second, third))


def task_determinant(problem: IkProblem, q: npt.ArrayLike) -> FloatArray:
    """det J of a task with as many rows m as there are joints; q (..., n) -> (...) [m^m]."""
    if problem.task == POSITION:
        return position_determinant(problem.chain, q)
    angles = np.asarray(q, dtype=np.float64)
    determinant: FloatArray = np.linalg.det(problem.jacobian(*problem.chain.place(angles)))
    return determinant


@dataclass(frozen=True, eq=False)
class Region:
    """The part of joint space that a network of one head answers for: one aspect.

    Attributes:
        problem: The robot, its joints kept within one turn around home, and the task.
        home: (n,) the posture that chose the aspect [rad].
        least_determinant: Smallest |det J| inside.
        joints: Indices of the joints that det J depends on.
        signs: (K,) sign of det J in each aspect that the joint limits hold, home's first.
        nodes: (N, n) reference samples [rad].
        labels: (N,) number of the aspect of each; -1 for sampling dust.
        tree: Nearest-neighbour index of the reference samples.
    """

    problem: IkProblem
    home: FloatArray
    least_determinant: float
    joints: tuple[int, ...]
    signs: npt.NDArray[np.float64]
    nodes: FloatArray
    labels: IntArray
    tree: cKDTree

    @property
    def chain(self) -> Chain:
        """The robot."""
        return self.problem.chain

    @property
    def task(self) -> Task:
        """What a target is."""
        return self.problem.task

    @property
    def count(self) -> int:
        """How many aspects the joint limits hold."""
        return len(self.signs)

    @property
    def sign(self) -> float:
        """Sign of det J inside."""
        return float(self.signs[0])

    def classify(self, q: npt.ArrayLike) -> IntArray:
        """Number of the aspect that each q (N, n) lies in (N,); -1 near a singularity.

        A configuration belongs to the aspect of the nearest reference sample that the
        straight way leads to without a change of the sign of det J.
        """
        angles = np.asarray(q, dtype=np.float64)
        determinant = task_determinant(self.problem, angles)
        found = np.full(len(angles), -1, dtype=np.int32)
        left = np.flatnonzero(np.abs(determinant) >= self.least_determinant)
        if self.count == 1:
            found[left] = np.where(determinant[left] * self.sign > 0, 0, -1)
            return found
        if not len(left):
            return found
        count = min(TRIED_NEIGHBOURS, len(self.nodes))
        points = embedded(self.chain, angles[left], self.joints)
        _, neighbours = self.tree.query(points, k=[*range(1, count + 1)], workers=-1)
        for rank in range(count):
            candidate = self.labels[neighbours[:, rank]]
            start, end = angles[left], self.nodes[neighbours[:, rank]]
            sign = np.sign(determinant[left])
            led = (candidate >= 0) & (sign == self.signs[candidate])
            led[led] = self._is_clear(start[led], end[led], sign[led])
            found[left[led]] = candidate[led]
            left, neighbours = left[~led], neighbours[~led]
        return found

    def contains(self, q: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Whether joint vectors q (N, n) within the limits lie inside the region."""
        inside: npt.NDArray[np.bool_] = self.classify(q) == 0
        return inside

    def _is_clear(
        self, start: FloatArray, end: FloatArray, sign: FloatArray
    ) -> npt.NDArray[np.bool_]:
        """Whether det J keeps its sign all along the straight ways (N, n) to (N, n)."""
        clear = np.ones(len(start), dtype=bool)
        difference = shortest(self.chain, end - start)
        for part in np.linspace(0, 1, SEGMENT_POINTS)[1:-1]:
            at = start[clear] + part * difference[clear]
            determinant = task_determinant(self.problem, at)
            clear[clear] = determinant * sign[clear] > 0
        return clear


def embedded(chain: Chain, q: FloatArray, joints: Sequence[int]) -> FloatArray:
    """Coordinates in which straight distance respects that joints of a full turn wrap."""
    columns = [np.zeros(len(q))]
    for index in joints:
        if chain.periodic[index]:
            columns += [np.sin(q[:, index]), np.cos(q[:, index])]
        else:
            columns.append(q[:, index] / chain.scales[index])
    return np.stack(columns, axis=-1)


def shortest(chain: Chain, difference: FloatArray) -> FloatArray:
    """Joint differences (..., n) with whole turns taken off where the joint wraps."""
    turns = np.where(chain.periodic, np.round(difference / (2 * np.pi)), 0.0)
    result: FloatArray = difference - 2 * np.pi * turns
    return result
