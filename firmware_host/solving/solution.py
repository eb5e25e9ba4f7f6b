"""What the solver gives back: joints, and what was measured of them."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from firmware_host.chain import FloatArray
from firmware_host.servos import IntArray


class Status(enum.Enum):
    """How a solve ended; in the order of the C enumeration.

    Unreachable means not reached in the steps taken: a few more led from the best answer
    toward the nearest posture there is, which is within 5% of the least distance for most
    targets out of reach. A target outside the workspace never can be reached. Limited means
    on the way to an answer, as far as `max_step` lets joints move; only `track` says so.
    """

    SOLVED = "solved"
    UNREACHABLE = "unreachable"
    BAD_TARGET = "bad target"
    LIMITED = "limited"


@dataclass(frozen=True, eq=False)
class IkSolution:
    """One answer, judged on what is returned.

    Attributes:
        q: (n,) joints within the limits [rad, m].
        q_all: (s,) where every moving joint is [rad, m], also those that follow others, in
            the order of `Chain.segments`.
        position_error_m: Distance between the tool at q and the target [m].
        status: Solved, or unreachable with the best configuration met.
        within_limits: Whether every joint limit holds.
        in_workspace: Whether the target lies where the network was trained, to a
            twentieth of the reach; None if that is not known.
        seed_error_m: The distance to the target for the network alone [m].
        steps: Refinement steps taken from each seed.
        microseconds: Time the solve took.
        rotation_error_rad: Angle between the tool's orientation, or axis, and the
            target's [rad]; None where a target has no orientation.
        branch: Number of the branch whose seed led here; -1 if no network's seed did.
        tried: Seeds that were refined.
        restarts: How many of them were drawn at random.
        joint_step: Largest angle that a joint must travel from `q_near` [rad], where a
            prismatic joint travels in characteristic lengths; None without it.
        near_within_limits: Whether `q_near` holds every limit; None without it.
        advice: Sentences on what was probably mistaken in the call, such as millimetres, and on
            servos whose range does not reach their joint; the status is of q all the same.
        servo: (n,) commands of the servos at q, clipped to their ranges [us, ticks]; None of a
            model without servos.
    """

    q: FloatArray
    q_all: FloatArray
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
    near_within_limits: bool | None = None
    advice: tuple[str, ...] = ()
    servo: IntArray | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values; metres and radians."""
        return {
            "q": self.q.tolist(),
            "q_all": self.q_all.tolist(),
            "status": self.status.value,
            "reachable": self.status is Status.SOLVED,
            "position_error_m": self.position_error_m,
            "rotation_error_rad": self.rotation_error_rad,
            "seed_error_m": self.seed_error_m,
            "within_limits": self.within_limits,
            "in_workspace": self.in_workspace,
            "branch": self.branch,
            "tried": self.tried,
            "restarts": self.restarts,
            "joint_step_rad": self.joint_step,
            "near_within_limits": self.near_within_limits,
            "steps": self.steps,
            "microseconds": self.microseconds,
            "advice": list(self.advice),
            "servo": None if self.servo is None else self.servo.tolist(),
        }


@dataclass(frozen=True, eq=False)
class IkBatch:
    """Answers to N targets; the fields of `IkSolution`, one row a target.

    Attributes:
        q: (N, n) joints within the limits [rad, m]; the home posture, or that of
            `q_near`, for a bad target.
        q_all: (N, s) where every moving joint is [rad, m].
        position_error_m: (N,) [m]; NaN for a bad target.
        status: (N,) of `Status`.
        within_limits: (N,) whether every joint limit holds.
        in_workspace: (N,) or None if that is not known.
        seed_error_m: (N,) [m]; NaN for a bad target.
        steps: Refinement steps taken for each seed.
        microseconds: Time that all of them took.
        rotation_error_rad: (N,) [rad], NaN for a bad target; None where a
            target has no orientation.
        branch: (N,) number of the branch whose seed led here; -1 if no network's seed did.
        tried: (N,) seeds that were refined.
        restarts: (N,) how many of them were drawn at random.
        near_within_limits: (N,) whether `q_near` holds every limit; None without it.
        servo: (N, n) commands of the servos at q [us, ticks]; None of a model without servos.
    """

    q: FloatArray
    q_all: FloatArray
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
    near_within_limits: npt.NDArray[np.bool_] | None = None
    servo: IntArray | None = None
