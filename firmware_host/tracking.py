"""Following a path: each target solved from the joints before it, and jumps told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from firmware_host.chain import FloatArray
from firmware_host.solver import IkSolver, Status
from firmware_host.solving.checks import checked_near
from firmware_host.solving.following import TRACK_JUMP
from firmware_host.tasks.neighbours import WXYZ, real_part_first
from firmware_host.tasks.targets import checked_target


@dataclass(frozen=True, eq=False)
class IkPath:
    """Answers along a path.

    Attributes:
        q: (N, n) joints within the limits [rad, m].
        solved: (N,) whether each target is reached within tolerance.
        status: (N,) of `Status`; limited where `max_step` kept the joints on the way.
        position_error_m: (N,) distance between the tool at q and the target [m].
        rotation_error_rad: (N,) angle between their orientations [rad]; None where a target
            has none.
        branch: (N,) number of the branch whose seed led to each; -1 where refinement from
            the joints before led there and no network's seed did.
        asked: (N,) whether the network was asked.
        joint_step: (N,) largest angle that a joint must travel since the target before
            [rad], where a prismatic joint travels in characteristic lengths; the first since
            the starting joints.
        jumps: Indices of the targets that a joint had to jump to: the branch that the path
            was on ends there.
    """

    q: FloatArray
    solved: npt.NDArray[np.bool_]
    status: npt.NDArray[np.object_]
    position_error_m: FloatArray
    rotation_error_rad: FloatArray | None
    branch: npt.NDArray[np.int_]
    asked: npt.NDArray[np.bool_]
    joint_step: FloatArray
    jumps: tuple[int, ...]

    @property
    def largest_step(self) -> float:
        """Largest change of a joint between two targets [rad, L], that to the first left out."""
        return float(self.joint_step[1:].max(initial=0.0))


def track(
    solver: IkSolver,
    targets: Any,
    q_start: npt.ArrayLike,
    largest_step: float = TRACK_JUMP,
    max_step: npt.ArrayLike | None = None,
    *,
    quaternion: str = WXYZ,
) -> IkPath:
    """Solve a path, each target from the answer before it, as `NAME_track` does in C.

    Every answer is that of `IkSolver.track`: steps from the joints before lead to it, without
    the network where they can. A solver that is firmware answers with its C.

    A target that is not reached within tolerance leaves the joints where the nearest
    configuration found is, and the path goes on from there.

    Args:
        solver: The model.
        targets: N targets, as `IkSolver.solve_batch` takes them, close to one another.
        q_start: (n,) joints to start from [rad, m].
        largest_step: A larger change of a joint between two targets is a jump [rad]; of a
            prismatic joint, in characteristic lengths.
        max_step: (n,) how far each joint may move from one target to the next, or one number
            for all [rad, m]; 0 or infinity, and without it, any way.
        quaternion: The order of a quaternion's parts, as `IkSolver.solve` takes it.

    Raises:
        TargetError: If a target, the starting joints or the steps have another shape or are
            not finite.
    """
    chain = solver.chain
    targets = real_part_first(targets, quaternion, solver.task, batch=True)
    rows = solver.task.given(checked_target(targets, batch=True, task=solver.task))
    q = checked_near(chain, q_start, name="q_start")
    answers, steps = [], np.zeros(len(rows))
    for index, row in enumerate(rows):
        answer = solver.track(row, q, max_step)
        steps[index] = float(chain.travel(answer.q, q))
        q = answer.q
        answers.append(answer)
    status = np.array([answer.status for answer in answers], dtype=object)
    angles = [answer.rotation_error_rad for answer in answers]
    return IkPath(
        q=np.array([answer.q for answer in answers]).reshape(len(rows), len(chain)),
        solved=np.asarray(status == Status.SOLVED, dtype=bool),
        status=status,
        position_error_m=np.array([answer.position_error_m for answer in answers]),
        rotation_error_rad=np.array(angles, float) if solver.task.has_orientation else None,
        branch=np.array([answer.branch for answer in answers], dtype=int),
        asked=np.array([answer.tried > 1 for answer in answers], dtype=bool),
        joint_step=steps,
        jumps=tuple(int(index) for index in np.flatnonzero(steps > largest_step) if index > 0),
    )
