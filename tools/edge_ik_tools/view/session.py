"""What is looked at: a robot, its joints, a target, and the answers to it. Knows no browser."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from edge_ik.answering import answering, answers_by_steps
from firmware_host import EdgeIkError, IkPath, IkSolution, IkSolver, track
from firmware_host.chain import Chain, FloatArray
from firmware_host.kinematics import forward_kinematics
from firmware_host.limits import nearest_limit
from firmware_host.solving.branches import ANY, NEAREST

CLOUD_SEED = 0


@dataclass(frozen=True, eq=False)
class Ghost:
    """What a branch answers to the present target.

    Attributes:
        number: Of the branch.
        name: What its postures share.
        q: (n,) its answer [rad, m].
        error: Distance from the target [m].
        solved: Whether it reaches it.
    """

    number: int
    name: str
    q: FloatArray
    error: float
    solved: bool


@dataclass(frozen=True, eq=False)
class Cloud:
    """Places that the arm reaches, and how far the network is off there.

    Attributes:
        points: (N, 3) [m].
        errors: (steps + 1, N) after so many steps [m].
    """

    points: FloatArray
    errors: FloatArray


class Session:
    """A robot that is looked at.

    Args:
        chain: The robot.
        home: (n,) where it begins [rad, m].
        solver: What answers targets; None to look at joints alone.
    """

    def __init__(self, chain: Chain, home: FloatArray, solver: IkSolver | None = None) -> None:
        self.chain = chain
        self.solver = solver
        self.q = chain.clamp(home)
        self.branch: int | str = NEAREST
        self.answer: IkSolution | None = None
        self.target_pose = self.pose
        self.seconds = 0.0

    @property
    def pose(self) -> FloatArray:
        """(4, 4) where the tool is [m]."""
        return forward_kinematics(self.chain, self.q)

    def use(self, solver: IkSolver) -> None:
        """Answer with another solver of the same model."""
        self.solver = solver
        self.aim(self.target_pose)

    def move(self, q: FloatArray) -> None:
        """Put the joints somewhere (n,) [rad, m]; the target goes along with the tool."""
        self.q = self.chain.clamp(q)
        self.answer = None
        self.target_pose = self.pose

    def aim(self, pose: FloatArray) -> IkSolution | None:
        """Solve for a pose (4, 4), or what of it is the task's, from where the joints are."""
        self.target_pose = np.asarray(pose, dtype=float)
        if self.solver is None:
            return None
        near = None if self.branch == ANY else self.q
        target = self._target(self.target_pose)
        return self._answered(partial(self.solver.solve, target, near, self.branch))

    def choose(self, branch: int | str) -> IkSolution | None:
        """Answer in a branch from now on: a number, "nearest" or "any"."""
        self.branch = branch
        return self.aim(self.target_pose)

    def ghosts(self) -> list[Ghost]:
        """What every branch answers to the present target."""
        if self.solver is None:
            return []
        target = self._target(self.target_pose)
        found = []
        for number, name in enumerate(self.solver.branches):
            answer = self.solver.solve(target, self.q, number)
            solved = answer.status.value == "solved"
            found.append(Ghost(number, name, answer.q, answer.position_error_m, solved))
        return found

    def cloud(self, count: int) -> Cloud:
        """Places of uniformly drawn joints, and errors of the network and after each step.

        They are those of branch "any", as in the report: of the network alone by the head that
        it trusts most.
        """
        chain, solver = self.chain, self.solver
        if solver is None:
            raise EdgeIkError("A cloud of errors needs a model, and this is a robot alone.")
        rng = np.random.default_rng(CLOUD_SEED)
        q = rng.uniform(chain.lower, chain.upper, (count, len(chain)))
        targets = solver.problem.reached_by(q)
        errors = [
            solver.problem.errors(answers.q, targets)[0]
            for answers in answers_by_steps(answering(solver), targets, solver.refine_steps)
        ]
        return Cloud(solver.task.positions(targets), np.array(errors))

    def follow(self, points: FloatArray) -> IkPath:
        """Track places (N, 3) [m] from where the joints are, the tool turned as it is.

        The joints end where the path ends, and the answer is that to its last place.
        """
        if self.solver is None:
            raise EdgeIkError("Following a path needs a model, and this is a robot alone.")
        poses = np.repeat(self.target_pose[None], len(points), axis=0)
        poses[:, :3, 3] = points
        targets = [self._target(pose) for pose in poses]
        path = track(self.solver, targets, self.q)
        before = path.q[-2] if len(path.q) > 1 else self.q
        self.target_pose = poses[-1]
        # A path keeps no whole answers: its last one is asked for again.
        self._answered(partial(self.solver.track, targets[-1], before))
        return path

    def margin(self) -> tuple[str, float]:
        """The joint nearest to a limit, and the share of its range that is left to it."""
        chain = self.chain
        joint, left = nearest_limit(chain, self.q)
        return chain.joint_names[joint], float(left / (chain.upper - chain.lower)[joint])

    def figures(self) -> dict[str, Any]:
        """What is measured of the present answer, in words for people."""
        joint, margin = self.margin()
        near = "no limit" if np.isinf(margin) else f"{100 * margin:.0f}% of {joint}'s range"
        told: dict[str, Any] = {"nearest limit": near}
        answer, solver = self.answer, self.solver
        if answer is None or solver is None:
            return told
        told = {"status": answer.status.value, "error": f"{1e3 * answer.position_error_m:.4f} mm"}
        if answer.rotation_error_rad is not None:
            told["rotation error"] = f"{np.degrees(answer.rotation_error_rad):.4f} deg"
        if solver.branches and answer.branch >= 0:
            told["branch"] = solver.branches[answer.branch]
        told["solved in"] = f"{1e6 * self.seconds:.0f} us, {answer.steps} steps"
        told["nearest limit"] = near
        if answer.servo is not None:
            told["servos"] = ", ".join(map(str, answer.servo))
        return told

    def _answered(self, ask: Callable[[], IkSolution]) -> IkSolution:
        """Put the joints where an answer has them, and keep how long it took."""
        began = time.perf_counter()
        self.answer = ask()
        self.seconds = time.perf_counter() - began
        self.q = self.answer.q
        return self.answer

    def _target(self, pose: FloatArray) -> FloatArray:
        """A pose as the task takes a target."""
        assert self.solver is not None  # noqa: S101 - callers have looked
        task = self.solver.task
        return pose if task.has_orientation else pose[list(task.place), 3]


def spaced(points: FloatArray, step: float) -> FloatArray:
    """Places (N, 3) along a line through corners (M, 3), no further apart than a step [m]."""
    rows = [points[:1]]
    for start, end in pairwise(points):
        count = max(1, int(np.ceil(np.linalg.norm(end - start) / step)))
        shares = np.arange(1, count + 1)[:, None] / count
        rows.append(start + shares * (end - start))
    return np.concatenate(rows)
