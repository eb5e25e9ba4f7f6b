"""Golden solves: what a firmware's self-test asks of whole solves, and how nearly.

A firmware works in single precision. It promises a status, an error that is true and joints
within the limits; each joint only as nearly as the target determines it. With the Jacobian J
of the task error, two solves that both end within rho of the target, where rho is the rounding
of the forward kinematics, differ in joint k by at most

    |dq_k| <= alpha + 2 rho |row k of J^+|,

where alpha is the rounding of an angle itself. The largest row of the pseudoinverse is about
1 / sigma_min: without bound at singularities. A joint is compared where that bound is small,
the steps have converged to rho, and the answer follows the target: solved once more a little
aside, it must be no further off than J^+ says. A status is compared where it is the same there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_ik_tools.c99.kinematics import settings32
from edge_ik_tools.c99.rounding import Rounding
from edge_ik_tools.c99.source import Firmware
from firmware_host.bench.targets import bench_targets
from firmware_host.chain import FloatArray
from firmware_host.errors import ModelFileError
from firmware_host.problem import IkProblem
from firmware_host.solver import IkSolver, Predict
from firmware_host.solving.branches import Answers, solve_any

VECTORS = 32
# Of so many drawn, enough are clear.
DRAWN = 4 * VECTORS
RNG_SEED = 2

# The last step, too, is rounded, by more the worse its equations are conditioned.
ROUNDING_MARGIN = 4.0
# A joint that is less certain tells little of a firmware [rad].
LARGEST_TOLERANCE = 1e-3
# Least share of the largest singular value that is told from 0 in double precision.
SINGULAR = 1e-9

# An error this near to the tolerance could be judged otherwise after rounding.
BORDERLINE = (0.5, 2.0)
# How far aside a target is solved once more, in multiples of rho.
ASIDE = 10.0
# The linear estimate of how joints follow a target leaves out its curvature.
CURVATURE = 2.0


@dataclass(frozen=True, eq=False)
class GoldenSolves:
    """Targets of a solver, and what it must answer.

    Attributes:
        targets: (N, k) components.
        solved: (N,) whether it is within tolerance.
        branch: (N,) number of the branch that answers.
        q: (N, n) the answer in double precision [rad].
        joint_tolerance: (N, n) how nearly each joint is the same [rad]; 0 where not known.
        distance_tolerance: How nearly a distance told is that of the joints returned [m].
        angle_tolerance: The same of an angle between orientations [rad].
    """

    targets: npt.NDArray[np.float32]
    solved: npt.NDArray[np.bool_]
    branch: npt.NDArray[np.int_]
    q: FloatArray
    joint_tolerance: FloatArray
    distance_tolerance: float
    angle_tolerance: float


def golden_solves(firmware: Firmware, predict: Predict) -> GoldenSolves:
    """Golden solves of a firmware, from the same steps in double precision.

    Args:
        firmware: The model, ready to be printed.
        predict: Its network, as `IkSolver` takes it.

    Raises:
        ModelFileError: If the model solves nothing that firmware could be tested with.
    """
    solver = IkSolver(firmware.spec, predict)
    problem = solver.problem
    rounding = Rounding.of(problem, firmware.steps)
    drawn = bench_targets(solver, DRAWN, RNG_SEED).astype(np.float32)
    targets = drawn.astype(np.float64)
    aside, moved = _moved_aside(problem, targets, rounding.error)
    answers, *around = (
        solve_any(solver.seeder, t, firmware.steps, firmware.restarts, settings32(problem.chain))
        for t in (targets, targets + aside, targets - aside)
    )
    solved, clear = _judged(problem, answers, targets)
    for other, sign in zip(around, (1.0, -1.0), strict=True):
        same, surely = _judged(problem, other, targets + sign * aside)
        clear &= surely & (solved == same)
    kept = np.flatnonzero(clear)[:VECTORS]
    if not len(kept):
        raise ModelFileError(
            f"The model solves none of {len(drawn)} reachable targets at its first try, or all "
            "but exactly to the tolerance: nothing that firmware could be tested with."
        )
    tolerance = _joint_tolerance(problem, answers, around, moved, rounding)
    return GoldenSolves(
        targets=drawn[kept],
        solved=solved[kept],
        branch=answers.branch[kept],
        q=answers.q[kept],
        joint_tolerance=np.where(solved[:, None], tolerance, 0.0)[kept],
        distance_tolerance=rounding.distance,
        angle_tolerance=rounding.angle,
    )


def _moved_aside(problem: IkProblem, targets: FloatArray, rho: float) -> tuple[FloatArray, float]:
    """What to add to targets (N, k) to move each in some direction, and how far that is [m].

    Places move, and unit vectors v turn: by w cross v, in space or in their plane.
    """
    rng = np.random.default_rng(RNG_SEED)
    size = ASIDE * rho
    step, turn = (_directions(rng, len(targets)) * size for _ in range(2))
    task = problem.task
    wanted = targets[:, len(task.place) :]
    turned = task.orientation.turned(wanted, turn / problem.length)
    aside = np.concatenate([step[:, list(task.place)], turned], axis=1)
    return aside, size * (np.sqrt(2.0) if task.has_orientation else 1.0)


def _directions(rng: np.random.Generator, count: int) -> FloatArray:
    """Unit vectors (N, 3)."""
    vectors = rng.normal(size=(count, 3))
    unit: FloatArray = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def _judged(
    problem: IkProblem, answers: Answers, targets: FloatArray
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Whether each target is solved (N,), and whether that is the same whatever the rounding."""
    distance, angle = problem.errors(answers.q, targets)
    # Another branch may be as promising, to rounding: what the first found, the second may not.
    clear: npt.NDArray[np.bool_] = answers.tried == 1
    tolerance = problem.tolerance
    for error in (distance / tolerance.position, angle / tolerance.rotation):
        clear &= (error < BORDERLINE[0]) | (error > BORDERLINE[1])
    return problem.is_solved(answers.q, targets), clear


def _joint_tolerance(
    problem: IkProblem, answers: Answers, around: list[Answers], moved: float, rounding: Rounding
) -> FloatArray:
    """How nearly a firmware's joints are those of each answer (N, n) [rad]; 0 where not known."""
    q, rho, alpha = answers.q, rounding.error, rounding.joint
    J = problem.jacobian(*problem.chain.place(q))
    _, sigma, Vt = np.linalg.svd(J, full_matrices=False)
    sigma = np.maximum(sigma, SINGULAR * sigma[:, :1])
    rows = np.linalg.norm(Vt / sigma[..., None], axis=1)  # (N, n) of J^+ [rad/m]
    tolerance = alpha + ROUNDING_MARGIN * rho * rows
    known = (tolerance <= LARGEST_TOLERANCE) & (answers.error <= rho)[:, None]
    for other in around:
        # An answer a whole turn away is another one, but of a joint that turns without end.
        apart = other.q - q
        turns = np.where(problem.chain.continuous, np.round(apart / (2 * np.pi)), 0.0)
        furthest = alpha + CURVATURE * moved * rows
        known &= np.abs(apart - 2 * np.pi * turns) <= furthest
    result: FloatArray = np.where(known, tolerance, 0.0)
    return result
