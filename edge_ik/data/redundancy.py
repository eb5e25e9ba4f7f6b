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
from firmware_host.encoding import AXIS_FEATURES, encode
from scipy.spatial import cKDTree

from edge_ik.data.aspects import Region, turning_joints
from firmware_host.chain import Chain, FloatArray, Joint
from firmware_host.kinematics import components, frames, stacked
from firmware_host.tasks import Task
from firmware_host.tasks.task import reached_targets, task_errors, task_jacobian

SLIDE_STEPS = 40
# Largest change of a joint in one step of the descent [rad].
SLIDE_STEP = 0.25
# Keeps J J^T invertible at singularities [m^2].
SLIDE_DAMPING = 1e-6
# Steps that bring a slid posture back onto its target.
RETURN_STEPS = 8
# Share of each joint's range that labels keep free of its limits where they can.
CLEARANCE = 0.04
# Times in a step that joints which would leave their limits are held.
HOLDS = 3
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
    chain, task, home = region.chain, region.task, region.home
    targets = reached_targets(chain, task, np.sin(q), np.cos(q))
    slid, good = slide(chain, task, q, targets, home)
    slid, targets = slid[good], targets[good]
    cost = posture_cost(chain, task, slid, home)
    points, turns = task_points(chain, task, targets)
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
        candidate, reached = slide(chain, task, candidate, targets[worth], home)
        lower = posture_cost(chain, task, candidate, home)
        better = reached & (lower < (1 - GAIN) * cost[worth])
        slid[worth[better]], cost[worth[better]] = candidate[better], lower[better]
    return slid


def slide(
    chain: Chain, task: Task, q: FloatArray, targets: FloatArray, home: FloatArray
) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Descend to the posture nearest to home that reaches the target.

    Args:
        chain: The robot.
        task: What a target is.
        q: (N, n) joint vectors near the targets [rad].
        targets: (N, k) what they shall reach.
        home: (n,) the posture to come near to [rad].

    Returns:
        q (N, n) within the limits, and (N,) whether each reaches its target.
    """
    slid, reached = _slide_within(_clear_of_limits(chain), task, q, targets, home)
    left = np.flatnonzero(~reached)
    if len(left):
        slid[left], reached[left] = _slide_within(chain, task, q[left], targets[left], home)
    return slid, reached


def _slide_within(
    chain: Chain, task: Task, q: FloatArray, targets: FloatArray, home: FloatArray
) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """`slide` within the chain's own limits."""
    blocks = [
        _slide_block(chain, task, q[start : start + ROWS], targets[start : start + ROWS], home)
        for start in range(0, max(1, len(q)), ROWS)
    ]
    slid = np.concatenate(blocks)
    distance, angle = task_errors(chain, task, slid, targets)
    reached = (distance < LABEL_TOLERANCE) & (angle * task.length(chain) < LABEL_TOLERANCE)
    return slid, reached


def _clear_of_limits(chain: Chain) -> Chain:
    """The chain with narrower limits: a guess on a limit leaves refinement no way but back."""

    def narrowed(joint: Joint, wraps: bool) -> Joint:
        margin = 0.0 if wraps else CLEARANCE * (joint.upper - joint.lower)
        return replace(joint, lower=joint.lower + margin, upper=joint.upper - margin)

    joints = tuple(map(narrowed, chain.joints, chain.wraps.tolist()))
    return replace(chain, joints=joints)


def posture_cost(chain: Chain, task: Task, q: FloatArray, home: FloatArray) -> FloatArray:
    """Half the squared distance (N,) of postures (N, n) from home, in shares of the ranges."""
    share = (q - home) * np.sqrt(_weights(chain, task))
    cost: FloatArray = 0.5 * np.sum(share * share, axis=-1)
    return cost


def _weights(chain: Chain, task: Task) -> FloatArray:
    """Weight (n,) of each joint's distance from home [1/rad^2].

    The joints that turn along with a target count for nothing: otherwise a target turned
    to another azimuth would have another posture.
    """
    weights: FloatArray = 1.0 / (chain.upper - chain.lower) ** 2
    weights[list(turning_joints(chain, task))] = 0.0
    return weights


def _slide_block(
    chain: Chain, task: Task, q: FloatArray, targets: FloatArray, home: FloatArray
) -> FloatArray:
    """`slide` for as many rows as fit into memory; the last steps only return to the target."""
    weights = _weights(chain, task)
    # In coordinates scaled by the ranges the cost is round, and descent takes whole steps.
    scale = chain.upper - chain.lower
    q = chain.clamp(q)
    for step in range(SLIDE_STEPS + RETURN_STEPS):
        sin_q, cos_q = np.sin(q), np.cos(q)
        J = task_jacobian(chain, task, sin_q, cos_q) * scale  # (N, m, n)
        e = _task_error(chain, task, sin_q, cos_q, targets)  # (N, m)
        gradient = (step < SLIDE_STEPS) * weights * (q - home) * scale  # (N, n)
        held = np.zeros(q.shape, dtype=bool)
        for _ in range(HOLDS):
            # dx = J^+ e - (I - J^+ J) gradient, with one solution of the system.
            free = np.where(held[:, None, :], 0.0, J)
            down = np.where(held, 0.0, gradient)
            across = np.swapaxes(free, -1, -2)
            gram = free @ across + SLIDE_DAMPING * np.eye(task.rows)
            right = e + (free @ down[..., None])[..., 0]
            dx = (across @ np.linalg.solve(gram, right[..., None]))[..., 0] - down
            # A joint that would leave its limits is held, and the others do its part.
            leaves = ((q <= chain.lower) & (dx < 0)) | ((q >= chain.upper) & (dx > 0))
            leaves &= ~(chain.wraps | held)
            if not leaves.any():
                break
            held |= leaves
        dq = np.clip(np.where(held, 0.0, dx) * scale, -SLIDE_STEP, SLIDE_STEP)
        q = chain.clamp(q + dq)
    return q


def _task_error(
    chain: Chain, task: Task, sin_q: FloatArray, cos_q: FloatArray, targets: FloatArray
) -> FloatArray:
    """Task error e (N, m) [m]."""
    walked = frames(chain, components(sin_q), components(cos_q))
    e: FloatArray = stacked(task.error(chain, walked, components(targets)), sin_q[..., 0], np)
    return e


def task_points(chain: Chain, task: Task, targets: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Points (N, d) whose distance tells how alike targets are, and their turns (N, n) [rad]."""
    encoding = encode(chain, task, components(targets))
    count = len(AXIS_FEATURES) if task.turns else len(encoding.features)
    features = np.stack(encoding.features[:count], axis=-1)
    spread = features.std(axis=0)
    turns = np.zeros((len(targets), len(chain)))
    for joint, turn in ((0, encoding.first), (-1, encoding.last)):
        if turn is not None:
            turns[:, joint] = np.arctan2(turn.sin, turn.cos)
    return features / np.where(spread > 1e-9, spread, 1.0), turns
