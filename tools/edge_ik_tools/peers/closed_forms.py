"""Solvers in closed form, of which the answer nearest to the start is chosen: EAIK, ssik."""

from __future__ import annotations

from typing import Any

import numpy as np

from edge_ik_tools.peers.peer import Peer, PeerRefusedError, frame_of, named, urdf_file
from edge_ik_tools.peers.urdf_text import TIP
from firmware_host.chain import FloatArray
from firmware_host.kinematics import forward_kinematics
from firmware_host.problem import IkProblem

NOTE = "a closed form: finds every branch without iteration, the one nearest to the start is taken"


def eaik(problem: IkProblem, start: FloatArray) -> Peer:
    """EAIK: closed forms by subproblem decomposition, for arms that have one."""
    chain, task, n = problem.chain, problem.task, problem.joints
    whole = task.is_whole
    if not ((whole and n == 6) or (not task.has_orientation and n == 3)):
        raise PeerRefusedError(f"has no closed form for {n} joints and the task '{task.name}'")
    if chain.prismatic.any():
        raise PeerRefusedError("has no closed form for joints that slide")
    from eaik.IK_HP import HPRobot

    zero = np.zeros(n)
    walked = problem.walked(*problem.chain.place(zero))
    pose = forward_kinematics(chain, zero)
    H, origins = np.array(walked.axes, dtype=float), np.array(walked.origins, dtype=float)
    points = np.vstack([origins, pose[:3, 3]])
    if not whole:
        # A wrist that turns about the tool's position leaves the three joints what they are.
        H = np.vstack([H, np.eye(3)[[2, 1, 2]]])
        points = np.vstack([origins, *[pose[:3, 3]] * 4])
    P = np.diff(points, axis=0, prepend=np.zeros((1, 3)))
    robot = HPRobot(H, P)
    if not robot.hasKnownDecomposition():
        raise PeerRefusedError("knows no closed form for this arm")
    middle = chain.middle

    def frame(target: FloatArray) -> FloatArray:
        result = frame_of(task, target)
        if whole:
            result[:3, :3] = result[:3, :3] @ pose[:3, :3].T
        return result

    def choose(answer: Any) -> FloatArray | None:
        """The solution nearest to the start of those within the limits."""
        q = np.asarray(answer.Q, dtype=float).reshape(-1, len(H))[:, :n]
        # Least-squares answers are for targets that the branch does not reach.
        exact = ~np.asarray(answer.is_LS, dtype=bool).reshape(-1)[: len(q)]
        q = q[exact & np.isfinite(q).all(axis=1)]
        if not len(q):
            return None
        q = q - 2 * np.pi * np.round((q - middle) / (2 * np.pi))
        held = chain.within_limits(q)
        distance = np.abs(q - start).max(axis=1)
        best = int(np.argmin(np.where(held, distance, np.inf)))
        chosen: FloatArray = q[best]
        return chosen

    return Peer(
        named("eaik", "EAIK"),
        lambda pose: choose(robot.IK(pose)),
        frame,
        lambda poses: [choose(answer) for answer in robot.IK_batched(poses, 1)],
        lambda targets: np.array([frame(row) for row in targets]),
        note=NOTE,
        closed_form=True,
    )


def ssik(problem: IkProblem, start: FloatArray) -> Peer:
    """ssik: closed forms and resultants of six joints, a sweep over the seventh."""
    chain, task, n = problem.chain, problem.task, problem.joints
    if not task.is_whole or n not in (6, 7) or chain.prismatic.any():
        raise PeerRefusedError("solves whole poses of six or seven joints that turn, only")
    from ssik import Manipulator

    with urdf_file(chain) as path:
        robot = Manipulator.from_urdf(path, base="link0", ee=TIP)
    # What is worked out once for an arm is no part of a solve.
    robot.prepare()

    def solve(frame: FloatArray) -> FloatArray | None:
        # One turn of each branch is enough: a UR's joints have two, and 256 answers to a pose.
        answers = robot.solve(frame, max_solutions=1, q_seed=start, enumerate_windings=False)
        return np.asarray(answers[0].q) if answers else None

    kind = f"its solver '{robot.solver_name}'"
    note = f"{NOTE}, {kind}" if n == 6 else f"{kind}: the branches of sampled seventh joints"
    return Peer(
        named("ssik", "ssik"),
        solve,
        lambda target: frame_of(task, target),
        note=note,
        closed_form=n == 6,
    )
