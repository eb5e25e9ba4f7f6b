"""What is counted of answers: joints beyond limits, numbers that are none, wrong statuses."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_ik_tools.c99.rounding import EPSILON, Rounding
from edge_ik_tools.c99.source import Firmware
from edge_ik_tools.soak.kinematics import true_errors
from firmware_host.chain import FloatArray
from firmware_host.problem import IkProblem
from firmware_host.solving.refine import NEAREST_STEPS
from firmware_host.solving.solution import IkBatch, Status
from firmware_host.tolerances import Tolerance

# What double precision may round, of metres and radians.
DOUBLE_ROUNDING = 1e-9
EXAMPLES = 10


@dataclass(frozen=True)
class Tally:
    """What was counted.

    Attributes:
        targets: Targets solved.
        solved: Of them, answered as solved.
        unreachable: ... as not reached.
        bad: ... as bad targets.
        beyond_limits: Joints that are beyond a limit, compared exactly.
        not_finite: Answers with a number that is none.
        wrong_statuses: Answers whose status is not what their joints say.
        borderline: Answers that only rounding tells from the other status.
        told_off_m: Largest difference between an error told, of a target within the arm's
            length, and that of the joints [m].
        seconds: Time of the solves alone.
        examples: The first answers that were wrong.
    """

    targets: int = 0
    solved: int = 0
    unreachable: int = 0
    bad: int = 0
    beyond_limits: int = 0
    not_finite: int = 0
    wrong_statuses: int = 0
    borderline: int = 0
    told_off_m: float = 0.0
    seconds: float = 0.0
    examples: list[dict[str, Any]] = field(default_factory=list)

    def plus(self, other: Tally) -> Tally:
        """Both together."""
        added = {key: value + getattr(other, key) for key, value in asdict(self).items()}
        added["told_off_m"] = max(self.told_off_m, other.told_off_m)
        return Tally(**{**added, "examples": added["examples"][:EXAMPLES]})

    @property
    def wrong(self) -> int:
        """How many answers or joints were wrong."""
        return self.beyond_limits + self.not_finite + self.wrong_statuses


@dataclass(frozen=True)
class Room:
    """How nearly what solves knows the errors of its answers.

    Attributes:
        distance: Of a target nearby [m].
        angle: The same of orientations [rad].
        share: ... and of any target, in shares of how far it is.
    """

    distance: float = DOUBLE_ROUNDING
    angle: float = DOUBLE_ROUNDING
    share: float = 0.0

    @classmethod
    def of(cls, firmware: Firmware) -> Room:
        """That of firmware, which rounds targets and joints to single precision."""
        own = Rounding.of(firmware.spec.problem, firmware.steps + NEAREST_STEPS)
        if firmware.arithmetic != "fixed":
            return cls(own.distance, own.angle, 2 * EPSILON)
        more = firmware.robot.told_error, firmware.robot.told_angle_error
        return cls(own.distance + more[0], own.angle + more[1], 2 * EPSILON)


def judged(problem: IkProblem, targets: FloatArray, answers: IkBatch, room: Room) -> Tally:
    """What is counted of answers to targets (N, k), errors judged to within some room."""
    chain, tolerance, q = problem.chain, problem.tolerance, answers.q
    good = np.asarray(np.isfinite(targets).all(axis=1), dtype=bool)
    harmless = np.where(good[:, None], targets, 0.0)
    distance, angle = true_errors(problem, np.nan_to_num(q), harmless)
    size = np.abs(problem.task.placed(harmless)).max(axis=1)
    rounding = room.distance + room.share * size
    kinds = (Status.SOLVED, Status.UNREACHABLE, Status.BAD_TARGET)
    solved, unreachable, bad = (np.asarray(answers.status == kind, dtype=bool) for kind in kinds)
    surely = _within(tolerance, distance + rounding, angle + room.angle)
    perhaps = _within(tolerance, distance - rounding, angle - room.angle)
    right = np.where(good, (solved & perhaps) | (unreachable & ~surely), bad)
    finite = np.isfinite(q).all(axis=1) & np.isfinite(answers.q_all).all(axis=1)
    for told in (answers.position_error_m, answers.seed_error_m, answers.rotation_error_rad):
        # Of a bad target no error is told.
        finite &= True if told is None else np.isfinite(told) | ~good
    beyond = ~((q >= chain.lower) & (q <= chain.upper))
    near = good & (size <= chain.reach + np.linalg.norm(chain.segments[0].origin[:3, 3]))
    off = np.abs(answers.position_error_m - distance)[near & finite]
    wrong = np.flatnonzero(~right | ~finite | beyond.any(axis=1))[:EXAMPLES]
    return Tally(
        targets=len(targets),
        solved=int(solved.sum()),
        unreachable=int(unreachable.sum()),
        bad=int(bad.sum()),
        beyond_limits=int(beyond.sum()),
        not_finite=int((~finite).sum()),
        wrong_statuses=int((~right).sum()),
        borderline=int((good & right & (solved != _within(tolerance, distance, angle))).sum()),
        told_off_m=float(off.max(initial=0.0)),
        examples=[_example(targets[row], q[row], answers.status[row]) for row in wrong],
    )


def _example(target: FloatArray, q: FloatArray, status: Status) -> dict[str, Any]:
    """An answer, with every digit that repeats it."""
    told = {"target": target.tolist(), "q": q.tolist()}
    return {name: list(map(repr, values)) for name, values in told.items()} | {
        "status": str(status)
    }


def _within(tolerance: Tolerance, distance: FloatArray, angle: FloatArray) -> npt.NDArray[np.bool_]:
    return np.asarray((distance < tolerance.position) & (angle < tolerance.rotation))
