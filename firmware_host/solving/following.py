"""From one target of a path to the next: steps from the present joints, and joints held to them."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence

import numpy as np

from firmware_host.problem import IkProblem
from firmware_host.solving.refine import refine_plain
from firmware_host.solving.solution import Found
from firmware_host.solving.telling import LIMITED, SOLVED, told
from firmware_host.tasks import Task

# Refinement steps from the present joints: on a fine path the second leaves micrometres.
TRACK_STEPS = 2
# A target that asks more of a joint at once [rad, L] has jumped: other answers may be nearer.
TRACK_JUMP = 0.35


def followed(
    problem: IkProblem,
    target: Sequence[float],
    near: Sequence[float],
    max_step: Sequence[float],
    solve_nearest: Callable[[], Found],
) -> Found:
    """The answer to the next target of a path.

    Args:
        problem: The robot and its task.
        target: k components.
        near: n present joints [rad, m].
        max_step: n numbers, how far each may move [rad, m]; 0 or infinity for any way.
        solve_nearest: Gives the network's answer, where steps from the present joints do not
            reach the target, or only by a jump.
    """
    plain = problem.plain
    seed = plain.clamp(near)
    q, _, _ = refine_plain(problem, seed, target, TRACK_STEPS)
    q = plain.nearest_turn(q, near)
    off, (seed_distance, _) = problem.plain_errors(q, target), problem.plain_errors(seed, target)
    answer = told(problem.tolerance, q, target, near, off, seed_distance, TRACK_STEPS)
    if answer.status != SOLVED or plain.travel(q, near) > TRACK_JUMP:
        other = solve_nearest()
        answer = other._replace(tried=other.tried + 1)
    return held_to_steps(problem, target, near, answer, max_step)


def unstarted(task: Task, answer: Found) -> Found:
    """The answer nearest to zeros, where the joints are not known: nothing is told of a way."""
    return answer._replace(given=answer.given[: array("d").itemsize * task.size])


def held_to_steps(
    problem: IkProblem,
    target: Sequence[float],
    near: Sequence[float],
    answer: Found,
    max_step: Sequence[float],
) -> Found:
    """The answer, or joints on the way to it, none of which moves further than it may.

    All go the same share of their way, so that they arrive together.

    Args:
        problem: The robot and its task.
        target: k components.
        near: n present joints [rad, m]; one beyond a limit counts as on it.
        answer: Where they are to go.
        max_step: n numbers, how far each may move [rad, m]; 0 or infinity for any way.
    """
    joints, goal = problem.plain.joints, np.frombuffer(answer.q).tolist()
    start = [
        value if joint.continuous else min(max(value, joint.lower), joint.upper)
        for value, joint in zip(near, joints, strict=True)
    ]
    share = 1.0
    for here, there, most in zip(start, goal, max_step, strict=True):
        way = abs(there - here)
        if 0 < most < way:
            share = min(share, most / way)
    if share == 1.0:
        return answer
    moved = [here + share * (there - here) for here, there in zip(start, goal, strict=True)]
    q = [
        value if joint.continuous else min(max(value, joint.lower), joint.upper)
        for value, joint in zip(moved, joints, strict=True)
    ]
    distance, angle = problem.plain_errors(q, target)
    short = LIMITED if answer.status == SOLVED else answer.status
    return answer._replace(
        q=array("d", q).tobytes(),
        distance=distance,
        angle=angle,
        status=SOLVED if problem.tolerance.holds(distance, angle) else short,
    )
