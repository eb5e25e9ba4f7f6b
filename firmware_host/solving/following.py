"""From one target of a path to the next: steps from the present joints, and joints held to them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from firmware_host.chain import FloatArray
from firmware_host.problem import IkProblem
from firmware_host.solving.refine import refine
from firmware_host.solving.solution import IkSolution, Status
from firmware_host.solving.telling import Found, told
from firmware_host.spec import ModelSpec

# Refinement steps from the present joints: on a fine path the second leaves micrometres.
TRACK_STEPS = 2
# A target that asks more of a joint at once [rad, L] has jumped: other answers may be nearer.
TRACK_JUMP = 0.35


def followed(
    spec: ModelSpec,
    target: FloatArray,
    near: FloatArray,
    max_step: FloatArray,
    solve_nearest: Callable[[], IkSolution],
) -> IkSolution:
    """The answer to the next target of a path.

    Args:
        spec: The robot and its task.
        target: (k,) components.
        near: (n,) present joints [rad, m].
        max_step: (n,) how far each may move [rad, m]; 0 or infinity for any way.
        solve_nearest: Gives the network's answer, where steps from the present joints do not
            reach the target, or only by a jump.
    """
    began, chain = time.perf_counter(), spec.chain
    q, _ = refine(spec.problem, near, target, TRACK_STEPS)
    q = chain.nearest_turn(q, near)
    answer = told(spec, target, Found(q, chain.clamp(near), TRACK_STEPS), near, began)
    if answer.status is not Status.SOLVED or chain.travel(q, near) > TRACK_JUMP:
        other = solve_nearest()
        answer = replace(other, tried=other.tried + 1)
    return held_to_steps(spec.problem, target, near, answer, max_step, began)


def unstarted(answer: IkSolution) -> IkSolution:
    """The answer nearest to zeros, where the joints are not known: nothing is told of a way."""
    return replace(answer, joint_step=None, near_within_limits=None)


def held_to_steps(
    problem: IkProblem,
    target: FloatArray,
    near: FloatArray,
    answer: IkSolution,
    max_step: FloatArray,
    began: float,
) -> IkSolution:
    """The answer, or joints on the way to it, none of which moves further than it may.

    All go the same share of their way, so that they arrive together.

    Args:
        problem: The robot and its task.
        target: (k,) components.
        near: (n,) present joints [rad, m]; one beyond a limit counts as on it.
        answer: Where they are to go.
        max_step: (n,) how far each may move [rad, m]; 0 or infinity for any way.
        began: When the solve began, by `time.perf_counter` [s].
    """
    chain = problem.chain
    endless = np.where(chain.continuous, np.inf, 0.0)
    lower, upper = chain.lower - endless, chain.upper + endless
    start = np.clip(near, lower, upper)
    way = np.abs(answer.q - start)
    over = (max_step > 0) & (way > max_step)
    if not over.any():
        return answer
    share = float((max_step[over] / way[over]).min())
    q = np.clip(start + share * (answer.q - start), lower, upper)
    distance, angle = problem.plain_errors(q.tolist(), target.tolist())
    status = Status.LIMITED if answer.status is Status.SOLVED else answer.status
    return replace(
        answer,
        q=q,
        q_all=np.asarray(chain.q_all(q)),
        position_error_m=distance,
        rotation_error_rad=angle if problem.task.has_orientation else None,
        status=Status.SOLVED if problem.tolerance.holds(distance, angle) else status,
        within_limits=bool(chain.within_limits(q)),
        joint_step=float(chain.travel(q, near)),
        microseconds=(time.perf_counter() - began) * 1e6,
    )
