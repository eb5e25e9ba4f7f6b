"""Branches of arms with joints to spare: aspects of the arm with the spare joints locked.

With as many joints locked as there are to spare, what is left is an arm with aspects, and a
target has one answer in each. A few values of the locked joints, and the aspects that go
with them, reach nearly everything the whole arm reaches: those joints are locked that let
them reach most. Refinement then moves the locked joints with the others.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from edge_ik.data.aspects import find_region, nonsingular_posture
from edge_ik.data.reach import reaches
from edge_ik.data.region import IntArray, Region
from edge_ik.data.sampling import sample_aspect, spread_postures
from firmware_host.chain import Chain, FloatArray
from firmware_host.errors import RobotError
from firmware_host.kinematics import forward_kinematics
from firmware_host.problem import IkProblem

# Values of the locked joints, home's first, and targets that the choice of the joints to
# lock is made on: a glance at each set of joints.
CHOICE_VALUES, CHOICE_TARGETS = 3, 300
# Values and targets that branches are then chosen on, and the most branches kept.
LOCKED_VALUES, COVER_TARGETS = 13, 2000
MOST_BRANCHES = 32
# A branch that adds less than this share of the targets is not worth an input.
LEAST_GAIN = 0.0005


@dataclass(frozen=True, eq=False)
class LockedBranch:
    """One branch: an aspect of the chain with its spare joints locked.

    Attributes:
        name: The locked angles and the aspect.
        region: That aspect, of the shorter chain.
        free: Indices of the joints that are not locked.
        q_locked: (n,) the locked angles in their places [rad]; 0 elsewhere.
    """

    name: str
    region: Region
    free: tuple[int, ...]
    q_locked: FloatArray

    def whole(self, q: FloatArray) -> FloatArray:
        """Joint vectors of the whole chain (N, n) from the shorter chain's."""
        result = np.tile(self.q_locked, (len(q), 1))
        result[:, list(self.free)] = q
        return result


def find_branches(
    problem: IkProblem, home: FloatArray, margin: float, rng: np.random.Generator
) -> tuple[list[LockedBranch], float]:
    """Choose the joints to lock, and the branches that together reach the most.

    The branch of the home posture comes first, then always the one that reaches most of
    what those before it do not (the greedy set cover).

    Args:
        problem: A chain with more joints than the task has rows.
        home: (n,) home posture [rad].
        margin: As for `find_region`.
        rng: Source of samples.

    Returns:
        The branches, and the share of reachable targets that at least one of them reaches.

    Raises:
        RobotError: If the chain is singular whatever joints are locked.
    """
    chain = problem.chain
    turning = problem.task.turning_joints(chain)
    # The joints that turn along with a target, and the one that turns the whole arm, stay.
    spare = [index for index in range(1, len(chain)) if index not in turning]
    sets = list(itertools.combinations(spare, problem.spare_joints))
    q = rng.uniform(chain.lower, chain.upper, (COVER_TARGETS, len(chain)))
    targets = problem.reached_by(q)

    def cover(
        locked: tuple[int, ...], values: int, rows: FloatArray
    ) -> tuple[list[LockedBranch], float]:
        candidates = list(_candidates(problem, home, locked, values, margin, rng))
        return _greedy_cover(candidates, rows)

    tried = {locked: cover(locked, CHOICE_VALUES, targets[:CHOICE_TARGETS])[1] for locked in sets}
    branches, covered = cover(max(tried, key=lambda locked: tried[locked]), LOCKED_VALUES, targets)
    if not branches:
        raise RobotError(
            f"Robot '{chain.name}' is singular wherever its spare joints are locked. Train it for "
            "the home posture alone: --aspects home.",
            chain.name,
        )
    return branches, covered


def _greedy_cover(
    candidates: list[LockedBranch], targets: FloatArray
) -> tuple[list[LockedBranch], float]:
    """The first branch, then those that add most, and the share of targets they reach."""
    if not candidates:
        return [], 0.0
    reached = np.stack(
        [reaches(branch.region, branch.region.trained[0], targets) for branch in candidates]
    )
    chosen, covered = [0], reached[0].copy()
    while len(chosen) < MOST_BRANCHES:
        gains = (reached & ~covered).mean(axis=1)
        best = int(np.argmax(gains))
        if gains[best] < LEAST_GAIN:
            break
        chosen.append(best)
        covered |= reached[best]
    return [candidates[index] for index in chosen], float(covered.mean())


def locked_chain(chain: Chain, locked: tuple[int, ...], q_locked: FloatArray) -> Chain:
    """The chain without the locked joints, their angles folded into the joint after each."""
    joints = []
    before = np.eye(4)
    for index, joint in enumerate(chain.joints):
        if index in locked:
            single = Chain("locked", (replace(joint),), np.eye(4))
            angle = q_locked[index : index + 1]
            before = before @ forward_kinematics(single, angle)
            continue
        joints.append(replace(joint, origin=_rigid(before @ joint.origin)))
        before = np.eye(4)
    return replace(chain, joints=tuple(joints), tool=_rigid(before @ chain.tool))


def sample_branches(
    branches: list[LockedBranch], count: int, rng: np.random.Generator
) -> tuple[FloatArray, IntArray]:
    """Joint vectors of the whole chain (M, n), as many in each branch, and its number (M,)."""
    parts, numbers = [], []
    for number, branch in enumerate(branches):
        q = sample_aspect(branch.region, count // len(branches), rng)
        parts.append(branch.whole(q))
        numbers.append(np.full(len(q), number, dtype=np.int32))
    return np.concatenate(parts), np.concatenate(numbers)


def _candidates(
    problem: IkProblem,
    home: FloatArray,
    locked: tuple[int, ...],
    values: int,
    margin: float,
    rng: np.random.Generator,
) -> Iterator[LockedBranch]:
    """Every aspect for every value of the locked joints, home's own first."""
    chain = problem.chain
    free = tuple(index for index in range(len(chain)) if index not in locked)
    postures = spread_postures(chain, home, values, rng, free)
    for posture in postures:
        q_locked = np.zeros(len(chain))
        q_locked[list(locked)] = posture[list(locked)]
        shorter = replace(problem, chain=locked_chain(chain, locked, q_locked))
        region = _region(shorter, home[list(free)], margin, rng)
        if region is None:
            continue
        angles = ",".join(f"{chain.joint_names[k]}={q_locked[k]:.2f}" for k in locked)
        for number, name in enumerate(region.names):
            aspect = replace(region, trained=(number,))
            yield LockedBranch(f"{angles},{name}", aspect, free, q_locked)


def _region(
    problem: IkProblem, home: FloatArray, margin: float, rng: np.random.Generator
) -> Region | None:
    """The aspects of the shorter chain, around home or a better posture; None without any."""
    for posture in (home, nonsingular_posture(problem, rng)):
        try:
            return find_region(problem, posture, margin, rng, every=True)
        except RobotError:
            continue
    return None


def _rigid(transform: FloatArray) -> FloatArray:
    """A product of rigid transforms, its last row exact again."""
    transform[3] = [0.0, 0.0, 0.0, 1.0]
    return transform
