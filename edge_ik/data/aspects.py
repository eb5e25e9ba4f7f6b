"""Aspects: the connected regions of joint space in which an arm has one solution branch.

An arm reaches a target in several ways; a network taught all of them at once learns
their average. Inside one aspect, a region where det J keeps its sign, the labels of
non-cuspidal arms are single-valued (Wenger, "A new general formalism for the kinematic
analysis of all nonredundant manipulators", ICRA 1992). J is that of the task, so an arm
has them for a position, an axis or a pose alike, where it has as many joints as the task
has rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from firmware_host.chain import Chain, FloatArray, Joint
from firmware_host.errors import RobotError
from firmware_host.kinematics import (
    Scalar,
    components,
    cross,
    dot,
    frames,
    jacobian_columns,
    tool_position,
)
from firmware_host.tasks import POSITION, Task
from firmware_host.tasks.task import task_jacobian

SAMPLES = 20_000
NEIGHBOURS = 12
SEGMENT_POINTS = 7
# A component with fewer samples than this share is sampling dust, not an aspect.
LEAST_SHARE = 0.002
# A joint moves det J if it changes it by more than this share of the largest det J.
DEPENDENCE = 1e-9
# Reference samples that a configuration is led to before it counts as in no aspect.
TRIED_NEIGHBOURS = 6
# Share of an aspect's samples whose joint turns to one side for the side to be its name.
ONE_SIDED = 0.999

# Share of each joint's range that spread postures keep free on either side.
POSTURE_CLEARANCE = 0.1

IntArray = npt.NDArray[np.int32]


def position_determinant(chain: Chain, q: npt.ArrayLike) -> FloatArray:
    """det of the position Jacobian of a three-joint chain; q (..., 3) -> (...) [m^3]."""
    angles = np.asarray(q, dtype=np.float64)
    determinant = linear_determinant(chain, components(np.sin(angles)), components(np.cos(angles)))
    return np.broadcast_to(np.asarray(determinant, dtype=np.float64), angles.shape[:-1])


def linear_determinant(chain: Chain, sin_q: Sequence[Scalar], cos_q: Sequence[Scalar]) -> Scalar:
    """det of the linear rows of the Jacobian [m^3], as a component of three joints' components."""
    columns = jacobian_columns(frames(chain, sin_q, cos_q))
    first, second, third = ((column[0], column[1], column[2]) for column in columns)
    return dot(first, cross(second, third))


def task_determinant(chain: Chain, task: Task, q: npt.ArrayLike) -> FloatArray:
    """det J of a task with as many rows m as there are joints; q (..., n) -> (...) [m^m]."""
    if task == POSITION:
        return position_determinant(chain, q)
    angles = np.asarray(q, dtype=np.float64)
    determinant: FloatArray = np.linalg.det(
        task_jacobian(chain, task, np.sin(angles), np.cos(angles))
    )
    return determinant


@dataclass(frozen=True, eq=False)
class Region:
    """The part of joint space that a network answers for: one aspect, or all of them.

    Attributes:
        chain: The robot, its joints held within one turn around home.
        task: What a target is.
        home: (n,) the posture that chose aspect 0 [rad].
        least_determinant: Smallest |det J| inside; the margin times the largest |det J|.
        joints: Indices of the joints that det J depends on.
        names: A name for each aspect that the joint limits hold, home's first.
        signs: (K,) sign of det J in each.
        trained: Numbers of the aspects that belong to the region.
        nodes: (N, n) reference samples [rad].
        labels: (N,) number of the aspect of each; -1 for sampling dust.
        tree: Nearest-neighbour index of the reference samples.
        margin: Least |det J| inside, as a share of the largest.
        every: Whether the region is meant to be answered in all branches.
    """

    chain: Chain
    task: Task
    home: FloatArray
    least_determinant: float
    joints: tuple[int, ...]
    names: tuple[str, ...]
    signs: npt.NDArray[np.float64]
    trained: tuple[int, ...]
    nodes: FloatArray
    labels: IntArray
    tree: cKDTree
    margin: float
    every: bool

    @property
    def count(self) -> int:
        """How many aspects the joint limits hold."""
        return len(self.names)

    @property
    def sign(self) -> float:
        """Sign of det J in the aspect of the home posture."""
        return float(self.signs[0])

    @property
    def redundant(self) -> bool:
        """Whether there are more joints than the task has rows, so that nothing divides them."""
        return len(self.chain) > self.task.rows

    def classify(self, q: npt.ArrayLike) -> IntArray:
        """Number of the aspect that each q (N, n) lies in (N,); -1 near a singularity.

        A configuration belongs to the aspect of the nearest reference sample that the
        straight way leads to without a change of the sign of det J.
        """
        angles = np.asarray(q, dtype=np.float64)
        if self.redundant:
            return np.zeros(len(angles), dtype=np.int32)
        determinant = task_determinant(self.chain, self.task, angles)
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
        if self.trained == tuple(range(self.count)) and not self.redundant:
            # All aspects together are all that is not near a singularity.
            determinant = task_determinant(self.chain, self.task, q)
            result: npt.NDArray[np.bool_] = np.abs(determinant) >= self.least_determinant
            if self.count == 1:
                result &= determinant * self.sign > 0
            return result
        return np.isin(self.classify(q), self.trained)

    def _is_clear(
        self, start: FloatArray, end: FloatArray, sign: FloatArray
    ) -> npt.NDArray[np.bool_]:
        """Whether det J keeps its sign all along the straight ways (N, n) to (N, n)."""
        clear = np.ones(len(start), dtype=bool)
        difference = shortest(self.chain, end - start)
        for part in np.linspace(0, 1, SEGMENT_POINTS)[1:-1]:
            at = start[clear] + part * difference[clear]
            determinant = task_determinant(self.chain, self.task, at)
            clear[clear] = determinant * sign[clear] > 0
        return clear


def find_home_aspect(
    chain: Chain,
    home: npt.ArrayLike,
    margin: float,
    rng: np.random.Generator,
    task: Task = POSITION,
) -> Region:
    """The region that is the aspect around a posture; see `find_region`."""
    return find_region(chain, task, home, margin, rng)


def find_region(
    chain: Chain,
    task: Task,
    home: npt.ArrayLike,
    margin: float,
    rng: np.random.Generator,
    every: bool = False,
) -> Region:
    """Find the aspects of an arm.

    Uniform samples are joined to their nearest neighbours wherever det J keeps its
    sign and the margin along the whole segment; the connected components of that
    graph are the aspects. An arm with joints to spare has none: its region is all of
    joint space.

    Args:
        chain: A chain of at least as many joints as the task has rows.
        task: What a target is.
        home: (n,) posture inside the wanted aspect [rad].
        margin: Least |det J| inside, as a share of the largest |det J| sampled.
        rng: Source of the samples.
        every: Whether the region is all aspects, and not that of home alone. The branches
            of an arm with joints to spare are chosen when it is sampled.

    Raises:
        RobotError: If the chain has too few joints, is singular everywhere, or the home
            posture is outside the limits or too near a singularity.
    """
    check_joints(chain, task)
    n = len(chain)
    home_q = np.asarray(home, dtype=np.float64)
    chain = within_one_turn(chain, home_q) if home_q.shape == (n,) else chain
    if home_q.shape != (n,) or not chain.within_limits(home_q):
        raise RobotError(
            f"The home posture of '{chain.name}' is not within its joint limits. "
            f"Received: {home_q.tolist()}",
            chain.name,
        )
    if n > task.rows:
        return _undivided(chain, task, home_q, margin, every)
    q = rng.uniform(chain.lower, chain.upper, (SAMPLES, n))
    determinant = task_determinant(chain, task, q)
    largest = float(np.abs(determinant).max())
    if largest < 1e-12 * max(chain.reach, 1e-3) ** task.rows:
        raise RobotError(
            f"Robot '{chain.name}' cannot move its tool in all {_ways(task)}: det J is 0 "
            "everywhere. Choose a tip that lies off the last joint's axis.",
            chain.name,
        )
    least = margin * largest
    at_home = float(task_determinant(chain, task, home_q))
    if abs(at_home) < least:
        raise RobotError(
            f"The home posture of '{chain.name}' is too near a singularity. Expected |det J| >= "
            f"{least:.3g} m^{task.rows}. Received: {abs(at_home):.3g}. Give another one with the "
            "key 'arm.home'.",
            chain.name,
        )
    joints = _determining_joints(chain, task, q, determinant, largest)
    nodes = np.concatenate([home_q[None], q[np.abs(determinant) >= least]])
    labels = _numbered(_components(chain, task, nodes, joints, least))
    count = int(labels.max()) + 1
    signs = np.sign(task_determinant(chain, task, nodes))
    first = [int(np.argmax(labels == number)) for number in range(count)]
    return Region(
        chain=chain,
        task=task,
        home=home_q,
        least_determinant=least,
        joints=joints,
        names=_names(chain, nodes, labels, joints, signs[first]),
        signs=signs[first],
        trained=tuple(range(count)) if every else (0,),
        nodes=nodes,
        labels=labels,
        tree=cKDTree(embedded(chain, nodes, joints)),
        margin=margin,
        every=every,
    )


def check_joints(chain: Chain, task: Task) -> None:
    """Refuse a chain with fewer joints than the task has rows.

    Raises:
        RobotError: Then.
    """
    n = len(chain)
    if n >= task.rows:
        return
    possible = [name for name in ("axis", "position") if Task(name).rows <= n]
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


def within_one_turn(chain: Chain, home: FloatArray) -> Chain:
    """The chain with wider limits than a turn narrowed to the turn around a posture.

    The turns beyond reach nothing new, and would count every aspect several times.
    """

    def narrowed(joint: Joint, middle: float) -> Joint:
        if joint.upper - joint.lower <= 2 * np.pi:
            return joint
        lower = min(max(middle - np.pi, joint.lower), joint.upper - 2 * np.pi)
        return replace(joint, lower=lower, upper=lower + 2 * np.pi)

    return replace(chain, joints=tuple(map(narrowed, chain.joints, home.tolist())))


def nonsingular_posture(
    chain: Chain, rng: np.random.Generator, task: Task = POSITION
) -> FloatArray:
    """A posture far from singularities and near the middle of the limits (n,) [rad]."""
    n = len(chain)
    if n != task.rows:
        return chain.middle
    chain = within_one_turn(chain, chain.middle)
    spread = (chain.upper - chain.lower) / 2
    q = np.concatenate([[chain.middle], rng.uniform(chain.lower, chain.upper, (SAMPLES, n))])
    determinant = np.abs(task_determinant(chain, task, q))
    good = determinant >= 0.5 * determinant.max()
    distance = np.abs((q - chain.middle) / spread).max(axis=1)
    posture: FloatArray = q[int(np.argmin(np.where(good, distance, np.inf)))]
    return posture


@dataclass(frozen=True)
class Coverage:
    """What a region keeps of everything that the joint limits allow.

    Attributes:
        joint_space: Share of joint space inside the region.
        workspace: Share of the reachable workspace that the region reaches,
            counted in cells of a twentieth of the reach.
    """

    joint_space: float
    workspace: float


def measure_coverage(region: Region, rng: np.random.Generator, samples: int = 400_000) -> Coverage:
    """Measure what the region keeps, from uniform joint samples."""
    chain = region.chain
    q = rng.uniform(chain.lower, chain.upper, (samples, len(chain)))
    inside = region.contains(q)
    cells = np.floor(tool_position(chain, np.sin(q), np.cos(q)) / (chain.reach / 20)).astype(int)
    reachable = set(map(tuple, cells.tolist()))
    kept = set(map(tuple, cells[inside].tolist()))
    return Coverage(float(inside.mean()), len(kept) / len(reachable))


def uniform_in_aspect(region: Region, rng: np.random.Generator) -> Iterator[FloatArray]:
    """Endless blocks (N, n) of joint vectors, uniform in the region [rad]."""
    chain = region.chain
    empty = 0
    while empty < 100:
        q = rng.uniform(chain.lower, chain.upper, (50_000, len(chain)))
        inside = q[region.contains(q)]
        empty = 0 if len(inside) else empty + 1
        if len(inside):
            yield inside
    raise RobotError(
        f"The aspect of '{chain.name}' around its home posture is too small to sample.", chain.name
    )


def sample_aspect(region: Region, count: int, rng: np.random.Generator) -> FloatArray:
    """Joint vectors (count, n), uniform in the region [rad]."""
    blocks: list[FloatArray] = []
    for block in uniform_in_aspect(region, rng):
        blocks.append(block)
        if sum(map(len, blocks)) >= count:
            break
    return np.concatenate(blocks)[:count]


def embedded(chain: Chain, q: FloatArray, joints: Sequence[int]) -> FloatArray:
    """Coordinates in which straight distance respects that joints of a full turn wrap."""
    columns = [np.zeros(len(q))]
    for index in joints:
        if chain.wraps[index]:
            columns += [np.sin(q[:, index]), np.cos(q[:, index])]
        else:
            columns.append(q[:, index])
    return np.stack(columns, axis=-1)


def shortest(chain: Chain, difference: FloatArray) -> FloatArray:
    """Joint differences (..., n) with whole turns taken off where the joint wraps."""
    turns = np.where(chain.wraps, np.round(difference / (2 * np.pi)), 0.0)
    result: FloatArray = difference - 2 * np.pi * turns
    return result


def _undivided(chain: Chain, task: Task, home: FloatArray, margin: float, every: bool) -> Region:
    """The region of an arm with joints to spare: everything."""
    nodes = home[None]
    return Region(
        chain=chain,
        task=task,
        home=home,
        least_determinant=0.0,
        joints=(),
        names=("all",),
        signs=np.ones(1),
        trained=(0,),
        nodes=nodes,
        labels=np.zeros(1, dtype=np.int32),
        tree=cKDTree(nodes),
        margin=margin,
        every=every,
    )


def turning_joints(chain: Chain, task: Task) -> tuple[int, ...]:
    """Indices of the joints that a target turns along with; see `firmware_host.encoding`."""
    return {"position": (), "axis": (0,), "pose": (0, len(chain) - 1)}[task.name]


def spread_postures(
    chain: Chain, home: FloatArray, count: int, rng: np.random.Generator, turning: Sequence[int]
) -> FloatArray:
    """Postures (count, n) [rad] far from one another, home first.

    Each is the sample farthest from those before it, in shares of the joint ranges and
    clear of the limits (Gonzalez, "Clustering to minimize the maximum intercluster
    distance", Theoretical Computer Science, 1985).
    """
    extent = chain.upper - chain.lower
    margin = POSTURE_CLEARANCE * extent
    q = rng.uniform(chain.lower + margin, chain.upper - margin, (SAMPLES, len(chain)))
    q[:, list(turning)] = home[list(turning)]
    chosen = [home]
    distance = np.full(len(q), np.inf)
    while len(chosen) < count:
        distance = np.minimum(distance, np.linalg.norm((q - chosen[-1]) / extent, axis=1))
        chosen.append(q[int(np.argmax(distance))])
    return np.array(chosen)


def _ways(task: Task) -> str:
    """What an arm that is not singular everywhere can move its tool in."""
    return {
        "position": "three directions",
        "axis": "three directions and turn the axis",
        "pose": "three directions and turn it about three",
    }[task.name]


def _determining_joints(
    chain: Chain, task: Task, q: FloatArray, determinant: FloatArray, largest: float
) -> tuple[int, ...]:
    """Indices of the joints that change det J when they move."""
    found = []
    for index in range(len(chain)):
        moved = q[:500].copy()
        moved[:, index] += 0.1
        change = np.abs(task_determinant(chain, task, moved) - determinant[:500]).max()
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


def _names(
    chain: Chain,
    nodes: FloatArray,
    labels: IntArray,
    joints: tuple[int, ...],
    signs: npt.NDArray[np.float64],
) -> tuple[str, ...]:
    """A name for each aspect: the sides that its joints are turned to, and the sign of det J.

    A joint tells aspects apart if in each of them it stays on one side of 0, and not the
    same one in all.
    """
    count = len(signs)
    sides = {}
    for joint in joints:
        side = np.sin(nodes[:, joint]) > 0
        shares = np.array([side[labels == number].mean() for number in range(count)])
        clear = (shares > ONE_SIDED) | (shares < 1 - ONE_SIDED)
        if clear.all() and len(set(np.round(shares).tolist())) > 1:
            sides[chain.joint_names[joint]] = shares > 0.5
    parts = [
        [f"{name}{'+' if side[number] else '-'}" for name, side in sides.items()]
        + ([f"det{'+' if signs[number] > 0 else '-'}"] if len(set(signs.tolist())) > 1 else [])
        for number in range(count)
    ]
    names: list[str] = []
    for words in parts:
        name = ",".join(words) or "all"
        twins = sum(other == name or other.startswith(f"{name}#") for other in names)
        names.append(f"{name}#{twins + 1}" if twins else name)
    return tuple(names)


def _components(
    chain: Chain, task: Task, nodes: FloatArray, joints: tuple[int, ...], least: float
) -> IntArray:
    """Component of each node (N,) in the graph of segments that meet no singularity."""
    points = embedded(chain, nodes, joints)
    count = len(nodes)
    _, neighbours = cKDTree(points).query(points, k=min(NEIGHBOURS + 1, count))
    start = np.repeat(np.arange(count), neighbours.shape[1] - 1)
    end = neighbours[:, 1:].ravel()
    difference = shortest(chain, nodes[end] - nodes[start])
    # Only the joints that move det J need to be walked from one node to the other.
    still = np.setdiff1d(np.arange(len(chain)), joints)
    difference[:, still] = 0.0
    sign = np.sign(task_determinant(chain, task, nodes))
    kept = sign[start] == sign[end]
    for part in np.linspace(0, 1, SEGMENT_POINTS)[1:]:
        along = nodes[start[kept]] + part * difference[kept]
        kept[kept] = sign[start[kept]] * task_determinant(chain, task, along) >= least
    # Rejected edges are dropped here: explicit zeros would count as edges.
    graph = coo_matrix((np.ones(int(kept.sum())), (start[kept], end[kept])), (count, count))
    _, labels = connected_components(graph, directed=False)
    result: IntArray = labels
    return result
