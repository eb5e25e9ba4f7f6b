"""Arms with joints to spare: one posture for each target, by sliding along the self-motion.

A target leaves such an arm a whole curve of postures, so samples as they come contradict
each other. Each is slid along its curve to the posture nearest to home before it becomes
a label: descent in the null space of J (Liegeois, "Automatic supervisory control of the
configuration and behavior of multibody mechanisms", IEEE Transactions on Systems, Man,
and Cybernetics, 1977).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from edge_ik.data.region import Region
from firmware_host.chain import FloatArray, Joint
from firmware_host.kinematics import components, stacked
from firmware_host.problem import IkProblem

SLIDE_STEPS = 40
# Largest change of a joint in one step of the descent [rad].
SLIDE_STEP = 0.25
# Keeps J J^T invertible at singularities [m^2].
SLIDE_DAMPING = 1e-6
# Steps that bring a slid posture back onto its target.
RETURN_STEPS = 8
# Share of each joint's range that labels keep free of its limits where they can.
CLEARANCE = 0.04
# Times in a step that joints which would leave their limits are locked.
LOCKS = 3
# A label is that exact, far below what refinement is asked for [m].
LABEL_TOLERANCE = 1e-6
# Rounds in which postures are compared with their neighbours', and with how many.
ROUNDS = 3
COMPARED = 6
# A neighbour's posture is taken if it costs less by more than this share.
GAIN = 0.02
# Rows at a time: bounds the memory of the batched matrices.
ROWS = 65_536


def settled(region: Region, q: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Joint vectors slid along their self-motion to the best posture found (M, n), M <= N.

    Descent alone may end in one of several valleys. So postures are then compared with
    those of neighbouring targets, and the better valley is taken over where it leads to
    the own target as well: neighbours come to agree. What cannot be brought back onto its
    target is left out.

    Args:
        region: Of an arm with joints to spare.
        q: (N, n) joint vectors [rad].
        rng: Chooses the neighbours that are compared.
    """
    problem, chain, home = region.problem, region.chain, region.home
    targets = problem.reached_by(q)
    slid, good = slide(problem, q, targets, home)
    slid, targets = slid[good], targets[good]
    cost = posture_cost(problem, slid, home)
    points, turns = task_points(problem, targets)
    tree = cKDTree(points)
    for _ in range(ROUNDS):
        _, near = tree.query(points, k=4 * COMPARED + 1, workers=-1)
        # Other neighbours in every round: what one has learned spreads.
        near = near[:, 1:][:, rng.permutation(4 * COMPARED)[:COMPARED]]
        best = near[np.arange(len(near)), np.argmin(cost[near], axis=1)]
        worth = np.flatnonzero(cost[best] < (1 - 2 * GAIN) * cost)
        if not len(worth):
            break
        # The neighbour's posture, turned to the own target.
        candidate = chain.clamp(slid[best[worth]] + turns[worth] - turns[best[worth]])
        candidate, reached = slide(problem, candidate, targets[worth], home)
        lower = posture_cost(problem, candidate, home)
        better = reached & (lower < (1 - GAIN) * cost[worth])
        slid[worth[better]], cost[worth[better]] = candidate[better], lower[better]
    return slid


def slide(
    problem: IkProblem, q: FloatArray, targets: FloatArray, home: FloatArray
) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Descend to the posture nearest to home that reaches the target.

    Args:
        problem: The robot and the task.
        q: (N, n) joint vectors near the targets [rad].
        targets: (N, k) what they shall reach.
        home: (n,) the posture to come near to [rad].

    Returns:
        q (N, n) within the limits, and (N,) whether each reaches its target.
    """
    slid, reached = _slide_within(_clear_of_limits(problem), q, targets, home)
    left = np.flatnonzero(~reached)
    if len(left):
        slid[left], reached[left] = _slide_within(problem, q[left], targets[left], home)
    return slid, reached


def _slide_within(
    problem: IkProblem, q: FloatArray, targets: FloatArray, home: FloatArray
) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """`slide` within the chain's own limits."""
    blocks = [
        _slide_block(problem, q[start : start + ROWS], targets[start : start + ROWS], home)
        for start in range(0, max(1, len(q)), ROWS)
    ]
    slid = np.concatenate(blocks)
    distance, angle = problem.errors(slid, targets)
    reached = (distance < LABEL_TOLERANCE) & (angle * problem.length < LABEL_TOLERANCE)
    return slid, reached


def _clear_of_limits(problem: IkProblem) -> IkProblem:
    """The problem with narrower limits: a guess on a limit leaves refinement no way but back."""
    chain = problem.chain

    def narrowed(joint: Joint, periodic: bool) -> Joint:
        margin = 0.0 if periodic else CLEARANCE * (joint.upper - joint.lower)
        return replace(joint, lower=joint.lower + margin, upper=joint.upper - margin)

    joints = tuple(map(narrowed, chain.joints, chain.periodic.tolist()))
    return replace(problem, chain=replace(chain, joints=joints))


def posture_cost(problem: IkProblem, q: FloatArray, home: FloatArray) -> FloatArray:
    """Half the squared distance (N,) of postures (N, n) from home, in shares of the ranges."""
    share = (q - home) * np.sqrt(_weights(problem))
    cost: FloatArray = 0.5 * np.sum(share * share, axis=-1)
    return cost


def _weights(problem: IkProblem) -> FloatArray:
    """Weight (n,) of each joint's distance from home [1/rad^2].

    The joints that turn along with a target count for nothing: otherwise a target turned
    to another azimuth would have another posture.
    """
    chain = problem.chain
    weights: FloatArray = 1.0 / (chain.upper - chain.lower) ** 2
    weights[list(problem.task.turning_joints(chain))] = 0.0
    return weights


def _slide_block(
    problem: IkProblem, q: FloatArray, targets: FloatArray, home: FloatArray
) -> FloatArray:
    """`slide` for as many rows as fit into memory; the last steps only return to the target."""
    chain = problem.chain
    weights = _weights(problem)
    # In coordinates scaled by the ranges the cost is round, and descent takes whole steps.
    scale = chain.upper - chain.lower
    q = chain.clamp(q)
    for step in range(SLIDE_STEPS + RETURN_STEPS):
        sin_q, cos_q = np.sin(q), np.cos(q)
        J = problem.jacobian(sin_q, cos_q) * scale  # (N, m, n)
        e = _task_error(problem, sin_q, cos_q, targets)  # (N, m)
        gradient = (step < SLIDE_STEPS) * weights * (q - home) * scale  # (N, n)
        locked = np.zeros(q.shape, dtype=bool)
        for _ in range(LOCKS):
            # dx = J^+ e - (I - J^+ J) gradient, with one solution of the system.
            free = np.where(locked[:, None, :], 0.0, J)
            down = np.where(locked, 0.0, gradient)
            across = np.swapaxes(free, -1, -2)
            gram = free @ across + SLIDE_DAMPING * np.eye(problem.task.rows)
            right = e + (free @ down[..., None])[..., 0]
            dx = (across @ np.linalg.solve(gram, right[..., None]))[..., 0] - down
            # A joint that would leave its limits is locked, and the others do its part.
            leaves = ((q <= chain.lower) & (dx < 0)) | ((q >= chain.upper) & (dx > 0))
            leaves &= ~(chain.periodic | locked)
            if not leaves.any():
                break
            locked |= leaves
        dq = np.clip(np.where(locked, 0.0, dx) * scale, -SLIDE_STEP, SLIDE_STEP)
        q = chain.clamp(q + dq)
    return q


def _task_error(
    problem: IkProblem, sin_q: FloatArray, cos_q: FloatArray, targets: FloatArray
) -> FloatArray:
    """Task error e (N, m) [m]."""
    walked = problem.walked(sin_q, cos_q)
    parts = problem.task.error(problem.length, walked, components(targets))
    e: FloatArray = stacked(parts, sin_q[..., 0], np)
    return e


def task_points(problem: IkProblem, targets: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Points (N, d) whose distance tells how alike targets are, and their turns (N, n) [rad]."""
    encoding = problem.encode(components(targets))
    # With joints to spare each turn's sine and cosine follow, which do not count here.
    told = 2 * len(encoding.turns) if problem.spare_joints else 0
    features = np.stack(encoding.features[: len(encoding.features) - told], axis=-1)
    spread = features.std(axis=0)
    turns = np.zeros((len(targets), problem.joints))
    for joint, turn in encoding.turns.items():
        turns[:, joint] = np.arctan2(turn.sin, turn.cos)
    return features / np.where(spread > 1e-9, spread, 1.0), turns
