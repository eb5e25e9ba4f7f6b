"""Aspects: the connected regions of joint space in which an arm has one solution branch.

An arm reaches a target in several ways; a network taught all of them at once learns
their average. Inside one aspect, a region where det J keeps its sign, the labels of
non-cuspidal arms are single-valued (Wenger, "A new general formalism for the kinematic
analysis of all nonredundant manipulators", ICRA 1992). J is that of the task, so an arm
has them for a position, an axis or a pose alike, where it has as many joints as the task
has rows.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from edge_ik.data.rank import check_rank, possible_tasks
from edge_ik.data.region import (
    SEGMENT_POINTS,
    IntArray,
    Region,
    embedded,
    shortest,
    task_determinant,
)
from firmware_host.chain import Chain, FloatArray
from firmware_host.errors import RobotError
from firmware_host.problem import IkProblem
from firmware_host.tasks import TASKS

SAMPLES = 20_000
NEIGHBOURS = 12
# A component with fewer samples than this share is sampling dust, not an aspect.
LEAST_SHARE = 0.002
# A joint moves det J if it changes it by more than this share of the largest det J.
DEPENDENCE = 1e-9
# Least |det J| inside an aspect, as a share of the largest: nearer to a singularity one
# network cannot tell two aspects apart.
MARGIN = 0.003


def find_region(
    problem: IkProblem,
    home: npt.ArrayLike,
    rng: np.random.Generator,
) -> Region:
    """Find the aspects of an arm, and the one that a posture lies in.

    Uniform samples are joined to their nearest neighbours wherever det J keeps its
    sign and `MARGIN` along the whole segment; the connected components of that graph
    are the aspects.

    Args:
        problem: A chain of as many joints as the task has rows.
        home: (n,) posture inside the wanted aspect [rad].
        rng: Source of the samples.

    Raises:
        RobotError: If the chain has too few joints or some to spare, is singular everywhere,
            or the home posture is outside the limits or too near a singularity.
    """
    check_problem(problem)
    problem, home_q = _around_home(problem, home)
    chain, n = problem.chain, problem.joints
    if problem.spare_joints:
        raise RobotError(
            f"Robot '{chain.name}' has {n} joints for a task of {problem.task.rows} rows: its "
            "postures flow into one another, and none has a branch of its own. Train it with "
            "--branches all.",
            chain.name,
        )
    q = rng.uniform(chain.lower, chain.upper, (SAMPLES, n))
    determinant = task_determinant(problem, q)
    least = _least_determinant(problem, home_q, determinant)
    joints = _determining_joints(problem, q, determinant)
    nodes = np.concatenate([home_q[None], q[np.abs(determinant) >= least]])
    labels = _numbered(_components(problem, nodes, joints, least))
    count = int(labels.max()) + 1
    signs = np.sign(task_determinant(problem, nodes))
    first = [int(np.argmax(labels == number)) for number in range(count)]
    return Region(
        problem=problem,
        home=home_q,
        least_determinant=least,
        joints=joints,
        signs=signs[first],
        nodes=nodes,
        labels=labels,
        tree=cKDTree(embedded(chain, nodes, joints)),
    )


def _around_home(problem: IkProblem, home: npt.ArrayLike) -> tuple[IkProblem, FloatArray]:
    """The problem with its joints kept within one turn around home, and home (n,) [rad].

    Raises:
        RobotError: If home is not within the joint limits.
    """
    home_q = np.asarray(home, dtype=np.float64)
    check_home(problem.chain, home_q)
    return replace(problem, chain=within_one_turn(problem.chain, home_q)), home_q


def _least_determinant(problem: IkProblem, home: FloatArray, determinant: FloatArray) -> float:
    """The least |det J| inside a region, from samples of det J (N,).

    Raises:
        RobotError: If home is too near a singularity.
    """
    chain, task = problem.chain, problem.task
    largest = float(np.abs(determinant).max())
    least = MARGIN * largest
    at_home = float(task_determinant(problem, home))
    if abs(at_home) < least:
        raise RobotError(
            f"The home posture of '{chain.name}' is too near a singularity. Expected |det J| >= "
            f"{least:.3g} m^{task.rows}. Received: {abs(at_home):.3g}. Give another one with the "
            "key 'arm.home'.",
            chain.name,
        )
    return least


def check_problem(problem: IkProblem) -> None:
    """Refuse a chain with fewer joints than the task has rows, or singular everywhere.

    Raises:
        RobotError: Then.
    """
    chain, task, n = problem.chain, problem.task, problem.joints
    if n >= task.rows:
        check_rank(problem)
        return
    possible = sorted(possible_tasks(chain), key=lambda name: -TASKS[name].rows)
    advice = (
        f"Train it for another task: {' or '.join(f'--task {name}' for name in possible)}."
        if possible
        else "Choose the base and the tip so that more joints lie between them."
    )
    raise RobotError(
        f"Robot '{chain.name}' has {n} moving joint{'s'[: n - 1]} "
        f"({', '.join(chain.joint_names)}). Expected at least {task.rows} joints for the task "
        f"'{task.name}'. {advice}",
        chain.name,
    )


def check_home(chain: Chain, home: npt.ArrayLike) -> None:
    """Refuse a home posture (n,) [rad] that is not within the joint limits.

    Raises:
        RobotError: Then.
    """
    posture = np.asarray(home, dtype=np.float64)
    if posture.shape != (len(chain),) or not chain.within_limits(posture):
        raise RobotError(
            f"The home posture of '{chain.name}' is not within its joint limits. "
            f"Received: {posture.tolist()}",
            chain.name,
        )


def within_one_turn(chain: Chain, home: FloatArray) -> Chain:
    """The chain with wider limits than a turn narrowed to the turn around a posture.

    The turns beyond reach nothing new, and would count every aspect several times.
    """
    wide = chain.circular & (chain.upper - chain.lower > 2 * np.pi)
    lower = np.minimum(np.maximum(home - np.pi, chain.lower), chain.upper - 2 * np.pi)
    return chain.with_limits(
        np.where(wide, lower, chain.lower), np.where(wide, lower + 2 * np.pi, chain.upper)
    )


def nonsingular_posture(problem: IkProblem, rng: np.random.Generator) -> FloatArray:
    """A posture far from singularities and near the middle of the limits (n,) [rad]."""
    chain, n = problem.chain, problem.joints
    if n != problem.task.rows:
        return chain.middle
    chain = within_one_turn(chain, chain.middle)
    spread = (chain.upper - chain.lower) / 2
    q = np.concatenate([[chain.middle], rng.uniform(chain.lower, chain.upper, (SAMPLES, n))])
    determinant = np.abs(task_determinant(replace(problem, chain=chain), q))
    good = determinant >= 0.5 * determinant.max()
    distance = np.abs((q - chain.middle) / spread).max(axis=1)
    posture: FloatArray = q[int(np.argmin(np.where(good, distance, np.inf)))]
    return posture


def _determining_joints(
    problem: IkProblem, q: FloatArray, determinant: FloatArray
) -> tuple[int, ...]:
    """Indices of the joints that change det J when they move."""
    largest = float(np.abs(determinant).max())
    found = []
    for index in range(problem.joints):
        moved = q[:500].copy()
        moved[:, index] += 0.1 * problem.chain.scales[index]
        change = np.abs(task_determinant(problem, moved) - determinant[:500]).max()
        if change > DEPENDENCE * largest:
            found.append(index)
    return tuple(found)


def _numbered(found: npt.NDArray[Any]) -> IntArray:
    """Components (N,) numbered by size, that of the first node 0 and dust -1."""
    sizes = np.bincount(found)
    large = np.flatnonzero(sizes >= LEAST_SHARE * len(found))
    others = list(large[np.argsort(-sizes[large], kind="stable")])
    order = [found[0], *(index for index in others if index != found[0])]
    numbers = np.full(len(sizes), -1, dtype=np.int32)
    numbers[order] = np.arange(len(order))
    result: IntArray = numbers[found]
    return result


def _components(
    problem: IkProblem, nodes: FloatArray, joints: tuple[int, ...], least: float
) -> IntArray:
    """Component of each node (N,) in the graph of segments that meet no singularity."""
    chain = problem.chain
    points = embedded(chain, nodes, joints)
    count = len(nodes)
    _, neighbours = cKDTree(points).query(points, k=min(NEIGHBOURS + 1, count))
    start = np.repeat(np.arange(count), neighbours.shape[1] - 1)
    end = neighbours[:, 1:].ravel()
    difference = shortest(chain, nodes[end] - nodes[start])
    # Only the joints that move det J need to be walked from one node to the other.
    still = np.setdiff1d(np.arange(len(chain)), joints)
    difference[:, still] = 0.0
    sign = np.sign(task_determinant(problem, nodes))
    kept = sign[start] == sign[end]
    for part in np.linspace(0, 1, SEGMENT_POINTS)[1:]:
        along = nodes[start[kept]] + part * difference[kept]
        kept[kept] = sign[start[kept]] * task_determinant(problem, along) >= least
    # Rejected edges are dropped here: explicit zeros would count as edges.
    graph = coo_matrix((np.ones(int(kept.sum())), (start[kept], end[kept])), (count, count))
    _, labels = connected_components(graph, directed=False)
    result: IntArray = labels
    return result
