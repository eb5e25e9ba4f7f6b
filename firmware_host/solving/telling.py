"""An answer as it is told: joints, and everything that is measured of them."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from firmware_host.chain import FloatArray
from firmware_host.solving.mistakes import advice
from firmware_host.solving.solution import IkSolution, Status
from firmware_host.spec import ModelSpec


@dataclass(frozen=True, eq=False)
class Found:
    """What a solve of one target has led to.

    Attributes:
        q: (n,) joints within the limits [rad, m].
        seed: (n,) where the steps began [rad, m].
        steps: Refinement steps taken from each seed.
        branch: Number of the branch that the seed was for, or -1.
        tried: Seeds that were refined.
        restarts: How many of them were drawn at random.
        error: The distance of q from a target without orientation, where it is known [m].
    """

    q: FloatArray
    seed: FloatArray
    steps: int
    branch: int = -1
    tried: int = 1
    restarts: int = 0
    error: float | None = None


@dataclass(frozen=True)
class Measured:
    """What is measured of the joints returned.

    Attributes:
        status: How the solve ended.
        distance: Between the tool and the target [m].
        angle: Between their orientations [rad]; 0 where a target has none.
        seed_distance: The first of the seed [m].
    """

    status: Status
    distance: float
    angle: float
    seed_distance: float


def measured(spec: ModelSpec, target: FloatArray, found: Found) -> Measured:
    """What is measured of an answer to a target (k,)."""
    plain: list[float] = target.tolist()
    seed_distance, _ = spec.problem.plain_errors(found.seed.tolist(), plain)
    if spec.task.has_orientation or found.error is None:
        distance, angle = spec.problem.plain_errors(found.q.tolist(), plain)
    else:
        # The refinement's own measure is the distance, and measured already.
        distance, angle = found.error, 0.0
    reached = spec.problem.tolerance.holds(distance, angle)
    status = Status.SOLVED if reached else Status.UNREACHABLE
    return Measured(status, distance, angle, seed_distance)


def told(
    spec: ModelSpec,
    target: FloatArray,
    found: Found,
    near: FloatArray | None,
    began: float,
    told_of: Measured | None = None,
) -> IkSolution:
    """The solution, judged on the joints that are returned.

    Args:
        spec: The robot and its task.
        target: (k,) components.
        found: What the solve has led to.
        near: (n,) present joints [rad, m], or None.
        began: When it began, by `time.perf_counter` [s].
        told_of: What was measured of it; measured here without it.
    """
    chain, task = spec.chain, spec.task
    own = measured(spec, target, found) if told_of is None else told_of
    return IkSolution(
        q=found.q,
        q_all=np.asarray(chain.q_all(found.q)),
        position_error_m=own.distance,
        status=own.status,
        within_limits=bool(chain.within_limits(found.q)),
        in_workspace=None
        if spec.workspace is None
        else spec.workspace.contains_one(chain, task.position(target.tolist())),
        seed_error_m=own.seed_distance,
        steps=found.steps,
        microseconds=(time.perf_counter() - began) * 1e6,
        rotation_error_rad=own.angle if task.has_orientation else None,
        branch=found.branch,
        tried=found.tried,
        restarts=found.restarts,
        joint_step=None if near is None else float(chain.travel(found.q, near)),
        near_within_limits=None if near is None else bool(chain.within_limits(near)),
        advice=(
            *advice(chain, task.placed(target), near, own.status is not Status.UNREACHABLE),
            *(() if spec.servos is None else spec.servos.held_back(found.q)),
        ),
        servo=spec.servo(found.q),
    )
