"""Aspects: the connected regions of joint space in which an arm has one solution branch.

An arm reaches a target in several ways; a network taught all of them at once learns
their average. Inside one aspect, a region where det J keeps its sign, the labels of
non-cuspidal arms are single-valued (Wenger, "A new general formalism for the kinematic
analysis of all nonredundant manipulators", ICRA 1992).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

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

SAMPLES = 20_000
NEIGHBOURS = 12
SEGMENT_POINTS = 7
# A component with fewer samples than this share is sampling dust, not an aspect.
LEAST_SHARE = 0.002
# A joint moves det J if it changes it by more than this share of the largest det J.
DEPENDENCE = 1e-9


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


@dataclass(frozen=True, eq=False)
class Aspect:
    """The aspect that holds the home posture, less a margin around singularities.

    Attributes:
        chain: The robot, its joints held within one turn around home.
        home: (n,) the posture that chose it [rad].
        sign: Sign of det J inside.
        least_determinant: Smallest |det J| inside; the margin times the largest |det J|.
        joints: Indices of the joints that det J depends on.
        count: How many aspects the joint limits hold.
        labels: (N,) 1 for a reference sample inside the aspect, 0 for one outside.
        tree: Nearest-neighbour index of the reference samples.
    """

    chain: Chain
    home: FloatArray
    sign: float
    least_determinant: float
    joints: tuple[int, ...]
    count: int
    labels: npt.NDArray[np.int8]
    tree: cKDTree

    def contains(self, q: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Whether joint vectors q (N, n) within the limits lie inside the aspect."""
        angles = np.asarray(q, dtype=np.float64)
        inside = self.sign * position_determinant(self.chain, angles) >= self.least_determinant
        if self.count > 1 and inside.any():
            _, nearest = self.tree.query(_embedded(self.chain, angles[inside], self.joints))
            inside[inside] = self.labels[nearest] == 1
        result: npt.NDArray[np.bool_] = inside
        return result


def find_home_aspect(
    chain: Chain, home: npt.ArrayLike, margin: float, rng: np.random.Generator
) -> Aspect:
    """Find the aspect around a posture.

    Uniform samples are joined to their nearest neighbours wherever det J keeps its
    sign and the margin along the whole segment; the connected components of that
    graph are the aspects.

    Args:
        chain: A chain of exactly three joints.
        home: (3,) posture inside the wanted aspect [rad].
        margin: Least |det J| inside, as a share of the largest |det J| sampled.
        rng: Source of the samples.

    Raises:
        RobotError: If the chain has another number of joints, is singular
            everywhere, or the home posture is outside the limits or too near a
            singularity.
    """
    if len(chain) != 3:
        raise RobotError(
            f"Robot '{chain.name}' has {len(chain)} moving joint{'s'[: len(chain) - 1]} "
            f"({', '.join(chain.joint_names)}). "
            "Expected exactly 3 joints for a position target: choose the base and the tip so "
            "that three joints lie between them.",
            chain.name,
        )
    home_q = np.asarray(home, dtype=np.float64)
    chain = within_one_turn(chain, home_q) if home_q.shape == (3,) else chain
    if home_q.shape != (3,) or not chain.within_limits(home_q):
        raise RobotError(
            f"The home posture of '{chain.name}' is not within its joint limits. "
            f"Received: {home_q.tolist()}",
            chain.name,
        )
    q = rng.uniform(chain.lower, chain.upper, (SAMPLES, len(chain)))
    determinant = position_determinant(chain, q)
    largest = float(np.abs(determinant).max())
    if largest < 1e-12 * max(chain.reach, 1e-3) ** 3:
        raise RobotError(
            f"Robot '{chain.name}' cannot move its tool in all three directions: det J is 0 "
            "everywhere. Choose a tip that lies off the last joint's axis.",
            chain.name,
        )
    least = margin * largest
    at_home = float(position_determinant(chain, home_q))
    if abs(at_home) < least:
        raise RobotError(
            f"The home posture of '{chain.name}' is too near a singularity. Expected |det J| >= "
            f"{least:.3g} m^3. Received: {abs(at_home):.3g}. Give another one with the key "
            "'arm.home'.",
            chain.name,
        )
    joints = _determining_joints(chain, q, determinant, largest)
    nodes = np.concatenate([home_q[None], q[np.abs(determinant) >= least]])
    components = _components(chain, nodes, joints, least)
    sizes = np.bincount(components)
    labels = (components == components[0]).astype(np.int8)
    return Aspect(
        chain=chain,
        home=home_q,
        sign=float(np.sign(at_home)),
        least_determinant=least,
        joints=joints,
        count=max(1, int((sizes >= LEAST_SHARE * len(nodes)).sum())),
        labels=labels,
        tree=cKDTree(_embedded(chain, nodes, joints)),
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


def nonsingular_posture(chain: Chain, rng: np.random.Generator) -> FloatArray:
    """A posture far from singularities and near the middle of the limits (n,) [rad]."""
    if len(chain) != 3:
        return chain.middle
    chain = within_one_turn(chain, chain.middle)
    spread = (chain.upper - chain.lower) / 2
    q = np.concatenate([[chain.middle], rng.uniform(chain.lower, chain.upper, (SAMPLES, 3))])
    determinant = np.abs(position_determinant(chain, q))
    good = determinant >= 0.5 * determinant.max()
    distance = np.abs((q - chain.middle) / spread).max(axis=1)
    posture: FloatArray = q[int(np.argmin(np.where(good, distance, np.inf)))]
    return posture


@dataclass(frozen=True)
class Coverage:
    """What an aspect keeps of everything that the joint limits allow.

    Attributes:
        joint_space: Share of joint space inside the aspect.
        workspace: Share of the reachable workspace that the aspect reaches,
            counted in cells of a twentieth of the reach.
    """

    joint_space: float
    workspace: float


def measure_coverage(aspect: Aspect, rng: np.random.Generator, samples: int = 400_000) -> Coverage:
    """Measure what the aspect keeps, from uniform joint samples."""
    chain = aspect.chain
    q = rng.uniform(chain.lower, chain.upper, (samples, len(chain)))
    inside = aspect.contains(q)
    cells = np.floor(tool_position(chain, np.sin(q), np.cos(q)) / (chain.reach / 20)).astype(int)
    reachable = set(map(tuple, cells.tolist()))
    kept = set(map(tuple, cells[inside].tolist()))
    return Coverage(float(inside.mean()), len(kept) / len(reachable))


def uniform_in_aspect(aspect: Aspect, rng: np.random.Generator) -> Iterator[FloatArray]:
    """Endless blocks (N, n) of joint vectors, uniform in the aspect [rad]."""
    chain = aspect.chain
    empty = 0
    while empty < 100:
        q = rng.uniform(chain.lower, chain.upper, (50_000, len(chain)))
        inside = q[aspect.contains(q)]
        empty = 0 if len(inside) else empty + 1
        if len(inside):
            yield inside
    raise RobotError(
        f"The aspect of '{chain.name}' around its home posture is too small to sample.", chain.name
    )


def sample_aspect(aspect: Aspect, count: int, rng: np.random.Generator) -> FloatArray:
    """Joint vectors (count, n), uniform in the aspect [rad]."""
    blocks: list[FloatArray] = []
    for block in uniform_in_aspect(aspect, rng):
        blocks.append(block)
        if sum(map(len, blocks)) >= count:
            break
    return np.concatenate(blocks)[:count]


def _determining_joints(
    chain: Chain, q: FloatArray, determinant: FloatArray, largest: float
) -> tuple[int, ...]:
    """Indices of the joints that change det J when they move."""
    found = []
    for index in range(len(chain)):
        moved = q[:500].copy()
        moved[:, index] += 0.1
        change = np.abs(position_determinant(chain, moved) - determinant[:500]).max()
        if change > DEPENDENCE * largest:
            found.append(index)
    return tuple(found)


def _embedded(chain: Chain, q: FloatArray, joints: tuple[int, ...]) -> FloatArray:
    """Coordinates in which straight distance respects that joints of a full turn wrap."""
    columns = [np.zeros(len(q))]
    for index in joints:
        if chain.wraps[index]:
            columns += [np.sin(q[:, index]), np.cos(q[:, index])]
        else:
            columns.append(q[:, index])
    return np.stack(columns, axis=-1)


def _components(
    chain: Chain, nodes: FloatArray, joints: tuple[int, ...], least: float
) -> npt.NDArray[np.int32]:
    """Component of each node (N,) in the graph of segments that meet no singularity."""
    points = _embedded(chain, nodes, joints)
    count = len(nodes)
    _, neighbours = cKDTree(points).query(points, k=min(NEIGHBOURS + 1, count))
    start = np.repeat(np.arange(count), neighbours.shape[1] - 1)
    end = neighbours[:, 1:].ravel()
    difference = nodes[end] - nodes[start]
    turning = chain.wraps
    difference[:, turning] = (difference[:, turning] + np.pi) % (2 * np.pi) - np.pi
    sign = np.sign(position_determinant(chain, nodes))
    kept = np.ones(len(start), dtype=bool)
    for part in np.linspace(0, 1, SEGMENT_POINTS)[1:]:
        along = nodes[start] + part * difference
        kept &= sign[start] * position_determinant(chain, along) >= least
    # Rejected edges are dropped here: explicit zeros would count as edges.
    graph = coo_matrix((np.ones(int(kept.sum())), (start[kept], end[kept])), (count, count))
    _, labels = connected_components(graph, directed=False)
    result: npt.NDArray[np.int32] = labels
    return result
