"""How far answers are off, in figures, and where those lie that are not solved."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from firmware_host.chain import Chain, FloatArray
from firmware_host.problem import IkProblem
from firmware_host.tolerances import SOLVED_POSITION, SOLVED_ROTATION

# An orientation that is this near counts where a tool is set down by hand [rad].
COARSE_ANGLE = math.radians(1.0)

# What counts as near a limit [rad, L], near a singularity (smallest singular value of J, as a
# share of the characteristic length), and at the edge of the workspace.
LIMIT_MARGIN = math.radians(3.0)
SINGULAR_SHARE = 0.05
EDGE_SHARE = 0.97

# The robot of the published study, and the figures of its network, in the units of
# `ErrorFigures`.
STUDY_ROBOT = "arm3"
STUDY = {
    "rmse_m": 0.009,
    "focus_rmse_m": 0.003,
    "joint_error_mean_deg": 1.2,
    "p95_m": 0.015,
    "max_m": 0.025,
}


@dataclass(frozen=True)
class ErrorFigures:
    """How far the answers for a set of targets are off.

    Attributes:
        rmse_m: Root mean square of the position error [m].
        mean_m: Its mean [m].
        p95_m: Its 95th percentile [m].
        max_m: Its maximum [m].
        joint_error_mean_deg: Mean absolute difference to the aspect's own solution, over
            targets and joints that turn [degrees]; None without any.
        joint_error_mean_m: The same over joints that slide [m]; None without any.
        focus_rmse_m: Root mean square of the position error on the focus path [m]; None
            without one.
        solved_1mm: Share of targets with an error under 1 mm and every limit held.
        limit_violations: Targets whose answer breaks a joint limit.
        rotation_mean_deg: Mean angle between the orientation reached and the target's, or
            between the axes [degrees]; None without an orientation.
        solved_1mm_1deg: Of `solved_1mm`, those within 1 degree too; None without an
            orientation.
        solved_1mm_01deg: Of `solved_1mm`, those within 0.1 degrees too; None without an
            orientation.
    """

    rmse_m: float
    mean_m: float
    p95_m: float
    max_m: float
    joint_error_mean_deg: float | None
    focus_rmse_m: float | None
    solved_1mm: float
    limit_violations: int
    rotation_mean_deg: float | None = None
    joint_error_mean_m: float | None = None
    solved_1mm_1deg: float | None = None
    solved_1mm_01deg: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """The figures that the task has, by name."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def joint_difference(chain: Chain, q: FloatArray, q_true: FloatArray) -> FloatArray:
    """Absolute difference (..., n) [rad, m] of joint vectors, of circular joints around."""
    apart = q - q_true
    around = (apart + np.pi) % (2 * np.pi) - np.pi
    difference: FloatArray = np.abs(np.where(chain.circular, around, apart))
    return difference


def error_figures(
    problem: IkProblem,
    q: FloatArray,
    errors: tuple[FloatArray, FloatArray],
    focus_error: FloatArray,
    q_true: FloatArray | None,
) -> ErrorFigures:
    """The figures of answers q (N, n), of `IkProblem.errors` and those on the focus path (M,)."""
    error, angle = errors
    within = problem.chain.within_limits(q)
    near = (error < SOLVED_POSITION) & within
    has_orientation = problem.task.has_orientation
    turning, sliding = None, None
    # Of an arm with joints to spare, another posture than the sample's is as good.
    if q_true is not None and not problem.spare_joints:
        prismatic = problem.chain.prismatic
        apart = joint_difference(problem.chain, q, q_true)
        turning = None if prismatic.all() else math.degrees(float(apart[:, ~prismatic].mean()))
        sliding = float(apart[:, prismatic].mean()) if prismatic.any() else None
    return ErrorFigures(
        rmse_m=float(np.sqrt(np.mean(error**2))),
        mean_m=float(error.mean()),
        p95_m=float(np.quantile(error, 0.95)),
        max_m=float(error.max()),
        joint_error_mean_deg=turning,
        joint_error_mean_m=sliding,
        focus_rmse_m=float(np.sqrt(np.mean(focus_error**2))) if len(focus_error) else None,
        solved_1mm=float(np.mean(near)),
        limit_violations=int((~within).sum()),
        rotation_mean_deg=math.degrees(float(angle.mean())) if has_orientation else None,
        solved_1mm_1deg=float(np.mean(near & (angle < COARSE_ANGLE))) if has_orientation else None,
        solved_1mm_01deg=float(np.mean(near & (angle < SOLVED_ROTATION)))
        if has_orientation
        else None,
    )


def describe_rest(problem: IkProblem, q: FloatArray) -> dict[str, float]:
    """Where configurations (N, n) lie whose targets were not solved, in shares of them.

    Returns:
        The shares near a limit, near a singularity, near the edge of the workspace (at over
        `EDGE_SHARE` of the farthest that the arm reaches), and elsewhere; empty for none.
        One configuration may be near several.
    """
    if not len(q):
        return {}
    chain = problem.chain
    # A joint that goes all the way around is nowhere stopped.
    margin = np.minimum(q - chain.lower, chain.upper - q) / chain.scales
    margin = margin[:, ~chain.periodic]
    at_limit = (margin < LIMIT_MARGIN).any(axis=1)
    J = problem.jacobian(*chain.place(q)) * chain.scales
    smallest = np.linalg.svd(J, compute_uv=False)[:, -1]
    singular = smallest < SINGULAR_SHARE * problem.length
    place = list(problem.task.place)
    origin = np.array(chain.link_columns[0][3])[place]
    far = np.linalg.norm(problem.reached_by(q)[:, : len(place)] - origin, axis=1)
    edge = far > EDGE_SHARE * chain.reach
    rest = ~(at_limit | singular | edge)
    return {
        "near_limits": float(at_limit.mean()),
        "near_singularities": float(singular.mean()),
        "edge_of_workspace": float(edge.mean()),
        "elsewhere": float(rest.mean()),
    }
