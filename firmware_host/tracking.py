"""Following a path: each target solved from the joints before it, and jumps told."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from firmware_host.chain import FloatArray
from firmware_host.errors import TargetError
from firmware_host.solver import IkSolver, Status
from firmware_host.solving.branches import NEAREST
from firmware_host.tasks.targets import checked_target

# A larger change of a joint between two targets of a fine path is a jump [rad, L].
LARGEST_STEP = 0.35


@dataclass(frozen=True, eq=False)
class IkPath:
    """Answers along a path.

    Attributes:
        q: (N, n) joints within the limits [rad, m].
        solved: (N,) whether each target is reached within tolerance.
        branch: (N,) number of the branch whose seed led to each; -1 where refinement from
            the joints before led there and no network's seed did.
        joint_step: (N,) largest angle that a joint must travel since the target before
            [rad], where a prismatic joint travels in characteristic lengths; the first since
            the starting joints.
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
        """Largest change of a joint between two targets [rad, L], that to the first left out."""
        return float(self.joint_step[1:].max(initial=0.0))


def track(
    solver: IkSolver,
    targets: npt.ArrayLike,
    q_start: npt.ArrayLike,
    largest_step: float = LARGEST_STEP,
) -> IkPath:
    """Solve a path with branch "nearest", each target from the answer before it.

    Every answer is the solver's own: a solver that is firmware answers with its C.

    A target that is not reached within tolerance leaves the joints where the nearest
    configuration found is, and the path goes on from there.

    Args:
        solver: The model.
        targets: N targets, as `IkSolver.solve_batch` takes them, close to one another.
        q_start: (n,) joints to start from [rad, m].
        largest_step: A larger change of a joint between two targets is a jump [rad]; of a
            prismatic joint, in characteristic lengths.

    Raises:
        TargetError: If a target or the starting joints have another shape or are not finite.
    """
    chain = solver.chain
    rows = solver.task.given(checked_target(targets, batch=True, task=solver.task))
    q = np.asarray(q_start, dtype=np.float64)
    if q.shape != (len(chain),) or not np.isfinite(q).all():
        raise TargetError(
            f"Expected q_start of {len(chain)} finite numbers. Received: shape {q.shape}"
        )
    count = len(rows)
    joints = np.zeros((count, len(chain)))
    solved = np.zeros(count, dtype=bool)
    branch, steps = np.zeros(count, dtype=int), np.zeros(count)
    for index, row in enumerate(rows):
        answer = solver.solve(row, q, NEAREST)
        steps[index] = float(chain.travel(answer.q, q))
        q = joints[index] = answer.q
        solved[index], branch[index] = answer.status is Status.SOLVED, answer.branch
    jumps = np.flatnonzero(steps > largest_step)
    return IkPath(
        q=joints,
        solved=solved,
        branch=branch,
        joint_step=steps,
        jumps=tuple(int(index) for index in jumps if index > 0),
    )
