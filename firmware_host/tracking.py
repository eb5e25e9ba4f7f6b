"""Following a path: each target solved from the joints before it, and jumps told."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from firmware_host.chain import FloatArray
from firmware_host.errors import TargetError
from firmware_host.solver import IkSolver
from firmware_host.solving.branches import NEAREST, joint_distance, solve_target
from firmware_host.solving.solution import is_solved
from firmware_host.tasks.targets import checked_target

# A larger change of a joint between two targets of a fine path is a jump [rad].
LARGEST_STEP = 0.35


@dataclass(frozen=True, eq=False)
class IkPath:
    """Answers along a path.

    Attributes:
        q: (N, n) joint angles within the limits [rad].
        solved: (N,) whether each target is reached within tolerance.
        branch: (N,) number of the aspect whose seed led to each; -1 where refinement from
            the joints before led there and no network's seed did.
        joint_step: (N,) largest change of a joint since the target before [rad]; the
            first since the starting joints.
        jumps: Indices of the targets that a joint had to jump to: the branch that the path
            was on ends there.
    """

    q: FloatArray
    solved: npt.NDArray[np.bool_]
    branch: npt.NDArray[np.int_]
    joint_step: FloatArray
    jumps: tuple[int, ...]

    @property
    def largest_step(self) -> float:
        """Largest change of a joint between two targets [rad], that to the first left out."""
        return float(self.joint_step[1:].max(initial=0.0))


def track(
    solver: IkSolver,
    targets: npt.ArrayLike,
    q_start: npt.ArrayLike,
    largest_step: float = LARGEST_STEP,
) -> IkPath:
    """Solve a path with branch "nearest", each target from the answer before it.

    A target that is not reached within tolerance leaves the joints where the nearest
    configuration found is, and the path goes on from there.

    Args:
        solver: The model.
        targets: N targets, as `IkSolver.solve_batch` takes them, close to one another.
        q_start: (n,) joints to start from [rad].
        largest_step: A larger change of a joint between two targets is a jump [rad].

    Raises:
        TargetError: If a target or the starting joints have another shape or are not finite.
    """
    chain, task = solver.chain, solver.task
    rows = checked_target(targets, batch=True, task=task)
    q = np.asarray(q_start, dtype=np.float64)
    if q.shape != (len(chain),) or not np.isfinite(q).all():
        raise TargetError(
            f"Expected q_start of {len(chain)} finite angles. Received: shape {q.shape}"
        )
    count = len(rows)
    joints = np.zeros((count, len(chain)))
    branch, steps = np.zeros(count, dtype=int), np.zeros(count)
    for index, row in enumerate(rows):
        answer = solve_target(solver.seeder, row, NEAREST, q, solver.refine_steps)
        steps[index] = float(joint_distance(chain, answer.q[0], q))
        q = answer.q[0]
        joints[index], branch[index] = q, answer.branch[0]
    jumps = np.flatnonzero(steps > largest_step)
    return IkPath(
        q=joints,
        solved=is_solved(chain, task, joints, rows),
        branch=branch,
        joint_step=steps,
        jumps=tuple(int(index) for index in jumps if index > 0),
    )
