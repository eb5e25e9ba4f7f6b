"""What the solver gives back: joints, and what was measured of them."""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from firmware_host.chain import Chain, FloatArray
from firmware_host.tasks.task import Task, task_errors

# A target counts as reached below this distance [m] ...
POSITION_TOLERANCE = 1e-3
# ... and, where it has an orientation, below this angle [rad]: 0.1 degrees.
ROTATION_TOLERANCE = float(np.radians(0.1))


class Status(enum.Enum):
    """How a solve ended.

    Unreachable means not reached in the steps taken: the answer is the best configuration
    that was met. A target outside the workspace never can be.
    """

    SOLVED = "solved"
    UNREACHABLE = "unreachable"
    BAD_TARGET = "bad target"


@dataclass(frozen=True, eq=False)
class IkSolution:
    """One answer, judged on what is returned.

    Attributes:
        q: (n,) joint angles within the limits [rad].
        position_error_m: Distance between the tool at q and the target [m].
        status: Solved, or unreachable with the best configuration met.
        within_limits: Whether every joint limit holds.
        in_workspace: Whether the target lies where the network was trained, to a
            twentieth of the reach; None if that is not known.
        seed_error_m: The distance to the target for the network alone [m].
        steps: Refinement steps taken from each seed.
        microseconds: Time the solve took.
        rotation_error_rad: Angle between the tool's orientation, or axis, and the
            target's [rad]; None for positions.
        branch: Number of the aspect whose seed led here; -1 if no network's seed did.
        tried: Seeds that were refined.
        restarts: How many of them were drawn at random.
        joint_step: Largest joint difference to `q_near` [rad]; None without it.
    """

    q: FloatArray
    position_error_m: float
    status: Status
    within_limits: bool
    in_workspace: bool | None
    seed_error_m: float
    steps: int
    microseconds: float
    rotation_error_rad: float | None = None
    branch: int = 0
    tried: int = 1
    restarts: int = 0
    joint_step: float | None = None


@dataclass(frozen=True, eq=False)
class IkBatch:
    """Answers to N targets; the fields of `IkSolution`, one row a target.

    Attributes:
        q: (N, n) joint angles within the limits [rad]; the home posture, or that of
            `q_near`, for a bad target.
        position_error_m: (N,) [m]; NaN for a bad target.
        status: (N,) of `Status`.
        within_limits: (N,) whether every joint limit holds.
        in_workspace: (N,) or None if that is not known.
        seed_error_m: (N,) [m]; NaN for a bad target.
        steps: Refinement steps taken for each seed.
        microseconds: Time that all of them took.
        rotation_error_rad: (N,) [rad], NaN for a bad target; None for positions.
        branch: (N,) number of the aspect whose seed led here; -1 if no network's seed did.
        tried: (N,) seeds that were refined.
        restarts: (N,) how many of them were drawn at random.
    """

    q: FloatArray
    position_error_m: FloatArray
    status: npt.NDArray[np.object_]
    within_limits: npt.NDArray[np.bool_]
    in_workspace: npt.NDArray[np.bool_] | None
    seed_error_m: FloatArray
    steps: int
    microseconds: float
    rotation_error_rad: FloatArray | None
    branch: npt.NDArray[np.int_]
    tried: npt.NDArray[np.int_]
    restarts: npt.NDArray[np.int_]


def is_solved(
    chain: Chain, task: Task, q: FloatArray, targets: FloatArray
) -> npt.NDArray[np.bool_]:
    """Whether q (..., n) reaches targets (..., k) to `POSITION_` and `ROTATION_TOLERANCE`."""
    distance, angle = task_errors(chain, task, q, targets)
    solved: npt.NDArray[np.bool_] = (distance < POSITION_TOLERANCE) & (angle < ROTATION_TOLERANCE)
    return solved


def within_tolerance(distance: float, angle: float) -> bool:
    """Whether a distance [m] and an angle [rad] count as reached."""
    return distance < POSITION_TOLERANCE and angle < ROTATION_TOLERANCE
