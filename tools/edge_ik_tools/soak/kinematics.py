"""Kinematics that share nothing with the solver's: homogeneous transforms, one after the other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from firmware_host.chain import Chain, FloatArray
from firmware_host.joints import PRISMATIC
from firmware_host.problem import IkProblem


def tool_poses(chain: Chain, q: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Rotations (N, 3, 3) and positions (N, 3) [m] of the tool at joints q (N, n) [rad, m].

    Each joint's frame, then its motion about or along its axis (Rodrigues' formula), one after
    the other from the base.
    """
    column = {name: q[:, k] for k, name in enumerate(chain.joint_names)}
    rotation = np.broadcast_to(np.eye(3), (len(q), 3, 3))
    position = np.zeros((len(q), 3))
    for joint in chain.moving:
        position = position + rotation @ joint.origin[:3, 3]
        rotation = rotation @ joint.origin[:3, :3]
        mimic = joint.mimic
        value = (
            column[joint.name]
            if mimic is None
            else mimic.multiplier * column[mimic.joint] + mimic.offset
        )
        if joint.kind == PRISMATIC:
            position = position + (rotation @ joint.axis) * value[:, None]
            continue
        x, y, z = joint.axis
        cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
        turn = np.sin(value)[:, None, None] * cross
        turn = turn + (1 - np.cos(value))[:, None, None] * (cross @ cross)
        rotation = rotation + rotation @ turn
    return rotation @ chain.tool[:3, :3], position + rotation @ chain.tool[:3, 3]


def task_components(problem: IkProblem, rotation: FloatArray, position: FloatArray) -> FloatArray:
    """Components (N, k) of poses: rotations (N, 3, 3) and positions (N, 3) [m]."""
    return _stacked(problem.task.from_pose(list(position.T), _columns(rotation)))


def _columns(rotation: FloatArray) -> list[tuple[FloatArray, FloatArray, FloatArray]]:
    """The columns of rotations (N, 3, 3) by their components (N,)."""
    return [(r[:, 0], r[:, 1], r[:, 2]) for r in np.moveaxis(rotation, 2, 0)]


def _stacked(parts: Sequence[FloatArray]) -> FloatArray:
    found: FloatArray = np.stack(np.broadcast_arrays(*parts), axis=-1)
    return found


def true_errors(
    problem: IkProblem, q: FloatArray, targets: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Distances [m] and angles [rad] (N,) between tools at q (N, n) and targets (N, k)."""
    rotation, position = tool_poses(problem.chain, q)
    task = problem.task
    place, wanted = np.split(targets, [len(task.place)], axis=1)
    distance = np.linalg.norm(position[:, list(task.place)] - place, axis=1)
    if not task.has_orientation:
        return distance, np.zeros(len(q))
    # Angles in a plane count in that of the target.
    own = _stacked(task.orientation.from_columns(list(place.T), _columns(rotation)))
    if task.is_whole:
        # Of the rotation between: |skew part| = sin, (trace - 1) / 2 = cos.
        between = rotation @ wanted.reshape(-1, 3, 3)
        skew = between - np.swapaxes(between, 1, 2)
        sine = np.sqrt((skew**2).sum(axis=(1, 2)) / 8)
        cosine = (np.trace(between, axis1=1, axis2=2) - 1) / 2
    else:
        cosine = (own * wanted).sum(axis=1)
        sine = np.linalg.norm(np.atleast_2d(wanted - cosine[:, None] * own), axis=1)
    return distance, np.arctan2(sine, cosine)
