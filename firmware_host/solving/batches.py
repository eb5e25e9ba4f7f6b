"""A batch of answers as it is told: what was found of every target, and what follows from it."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from firmware_host.chain import FloatArray
from firmware_host.solving.branches import solve_targets
from firmware_host.solving.seeding import Seeder
from firmware_host.solving.solution import IkBatch, Status
from firmware_host.spec import ModelSpec

# Indexed by whether the target was reached.
REACHED = np.array([Status.UNREACHABLE, Status.SOLVED], dtype=object)


@dataclass(frozen=True, eq=False)
class FoundRows:
    """What a solve of N targets has led to; rows of bad targets are not looked at.

    Attributes:
        q: (N, n) joints within the limits [rad, m].
        distance: (N,) between the tool and the target [m].
        angle: (N,) between their orientations [rad]; not looked at where there are none.
        seed_distance: (N,) the first of the seeds [m].
        status: (N,) how each ended.
        steps: Refinement steps taken from each seed.
        branch: (N,) number of the branch that the seed was for, or -1.
        tried: (N,) seeds that were refined.
        restarts: (N,) how many of them were drawn at random.
    """

    q: FloatArray
    distance: FloatArray
    angle: FloatArray
    seed_distance: FloatArray
    status: npt.NDArray[np.object_]
    steps: int
    branch: npt.NDArray[np.int_]
    tried: npt.NDArray[np.int_]
    restarts: npt.NDArray[np.int_]


def found_rows(
    seeder: Seeder,
    targets: FloatArray,
    branch: int | str,
    near: FloatArray | None,
    steps: int,
    restarts: int,
) -> FoundRows:
    """What `solve_targets` leads to, judged; arguments as there."""
    answer = solve_targets(seeder, targets, branch, near, steps, restarts)
    problem = seeder.spec.problem
    q = answer.q if near is None else problem.chain.nearest_turn(answer.q, near)
    distance, angle, seed_distance = answer.error, np.zeros(len(q)), answer.seed_error
    # The refinement's own measure is the distance where there is no orientation.
    if problem.task.has_orientation:
        distance, angle = problem.errors(q, targets)
        seed_distance, _ = problem.errors(answer.seed, targets)
    return FoundRows(
        q=q,
        distance=distance,
        angle=angle,
        seed_distance=seed_distance,
        status=REACHED.take(problem.tolerance.holds(distance, angle)),
        steps=steps,
        branch=answer.branch,
        tried=answer.tried,
        restarts=answer.restarts,
    )


def told_batch(
    spec: ModelSpec,
    targets: FloatArray,
    good: npt.NDArray[np.bool_],
    found: FoundRows,
    near: FloatArray | None,
    began: float,
) -> IkBatch:
    """The answers to N targets.

    Args:
        spec: The robot and its task.
        targets: (N, k) components; of a bad target any.
        good: (N,) whether each is a target.
        found: What the solve has led to.
        near: (n,) or (N, n) present joints [rad, m], or None.
        began: When it began, by `time.perf_counter` [s].
    """
    chain, every, q, status = spec.chain, bool(good.all()), found.q, found.status
    near_inside = None
    if near is not None:
        near_inside = np.broadcast_to(chain.within_limits(near), len(q)).copy()
    inside = None
    if spec.workspace is not None:
        harmless = targets if every else np.where(good[:, None], targets, 0.0)
        inside = spec.workspace.contains(chain, spec.task.positions(harmless)) & good
    measured = [found.distance, found.seed_distance, found.angle]
    if not every:
        q = np.where(good[:, None], q, chain.clamp(spec.home if near is None else near))
        measured = [np.where(good, values, np.nan) for values in measured]
        status = status.copy()
        status[~good] = Status.BAD_TARGET
    distance, seed_distance, angle = measured
    return IkBatch(
        q=np.ascontiguousarray(q),
        q_all=np.ascontiguousarray(chain.q_all(q)),
        position_error_m=distance,
        status=status,
        within_limits=chain.within_limits(q),
        in_workspace=inside,
        seed_error_m=seed_distance,
        steps=found.steps,
        microseconds=(time.perf_counter() - began) * 1e6,
        rotation_error_rad=angle if spec.task.has_orientation else None,
        branch=found.branch,
        tried=found.tried,
        restarts=found.restarts,
        near_within_limits=near_inside,
        servo=spec.servo(q),
    )
