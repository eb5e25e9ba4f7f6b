"""The targets that are answered worst, each with what may be the reason."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge_ik_tools.report.measuring.answers import Answered
from edge_ik_tools.report.measuring.geometry import skeletons
from firmware_host.chain import FloatArray
from firmware_host.limits import nearest_limit
from firmware_host.problem import IkProblem
from firmware_host.solver import IkSolver
from firmware_host.tasks import Task
from firmware_host.tasks.rotations import quaternion
from firmware_host.tolerances import SOLVED_POSITION, SOLVED_ROTATION

WORST = 50
# What option of `edge-ik solve` gives an orientation, by how many numbers it takes.
ORIENTATION_OPTIONS = {0: "", 1: "--angle", 3: "--direction", 4: "--quaternion"}


@dataclass(frozen=True, eq=False)
class WorstTarget:
    """One target.

    Attributes:
        target: (k,) its components.
        place: (3,) where it is in the base frame [m].
        q: (n,) the joints that are answered [rad, m].
        error_m: Distance of the tool from the target [m].
        seed_error_m: The same of the network alone [m].
        angle_rad: Angle between the orientations [rad]; None where a target has none.
        solved: Whether it is within tolerance.
        branch: Name of the branch that answers.
        limit_joint: Name of the joint that is nearest to one of its limits, where a
            characteristic length counts as a radian; nothing where none has stops.
        limit_margin: How near that is [rad, m]; infinite where none has stops.
        limit_unit: rad or m.
        singular_value: The smallest singular value of the task's J, of joints that slide in
            characteristic lengths, as a share of the characteristic length.
        points: (s + 2, 3) the robot in this posture: base, moving joints, tool [m].
        command: What solves it again.
    """

    target: FloatArray
    place: FloatArray
    q: FloatArray
    error_m: float
    seed_error_m: float
    angle_rad: float | None
    solved: bool
    branch: str
    limit_joint: str
    limit_margin: float
    limit_unit: str
    singular_value: float
    points: FloatArray
    command: str


def worst_targets(
    solver: IkSolver,
    answered: Answered,
    path: Path,
    runtime: str | None,
    count: int = WORST,
) -> tuple[WorstTarget, ...]:
    """The worst answers, those most out of tolerance first, in distance or in angle.

    Args:
        solver: The model.
        answered: Targets with answers.
        path: The model as a command names it.
        runtime: The runtime that was asked for, if one was.
        count: How many.
    """
    problem, last = answered.problem, answered.last
    excess = np.maximum(last.error / SOLVED_POSITION, last.angle / SOLVED_ROTATION)
    order = np.lexsort((-excess, last.solved))[:count]
    q = last.q[order]
    chain = problem.chain
    nearest, margins = nearest_limit(chain, q)
    singular = singular_values(problem, q)
    points = skeletons(chain, q)
    turned = problem.task.has_orientation
    alone = answered.steps[0].error
    return tuple(
        WorstTarget(
            target=answered.target[index],
            place=answered.place[index],
            q=q[row],
            error_m=float(last.error[index]),
            seed_error_m=float(alone[index]),
            angle_rad=float(last.angle[index]) if turned else None,
            solved=bool(last.solved[index]),
            branch=solver.branches[last.branch[index]] if last.branch[index] >= 0 else "",
            limit_joint=chain.joint_names[nearest[row]] if np.isfinite(margins[row]) else "",
            limit_margin=float(margins[row]),
            limit_unit=chain.units[nearest[row]],
            singular_value=float(singular[row]),
            points=points[row],
            command=solve_command(path, problem.task, answered.target[index], runtime),
        )
        for row, index in enumerate(order.tolist())
    )


def singular_values(problem: IkProblem, q: FloatArray) -> FloatArray:
    """The smallest singular values (N,) of J in postures (N, n), in characteristic lengths."""
    J = problem.jacobian(*problem.chain.place(q)) * problem.chain.scales
    smallest: FloatArray = np.linalg.svd(J, compute_uv=False)[:, -1] / problem.length
    return smallest


def solve_command(path: Path, task: Task, target: FloatArray, runtime: str | None) -> str:
    """The command that solves one target (k,) again."""
    places = len(task.place)
    words = ["edge-ik", "solve", str(path), "--target", *map(repr, target[:places].tolist())]
    option = ORIENTATION_OPTIONS[task.orientation.flat_size]
    if option:
        given = task.given(target[None])[0]
        flat = quaternion(given[:3, :3]) if task.is_whole else given[places:]
        words += [option, *map(repr, flat.tolist())]
    words += ["--runtime", runtime] if runtime else []
    return shlex.join(words)
