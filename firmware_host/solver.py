"""The solver: a target in, joints with a measured error out."""

from __future__ import annotations

import copy
import time
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from firmware_host.chain import Chain, FloatArray
from firmware_host.errors import TargetError
from firmware_host.kinematics import forward_kinematics
from firmware_host.model_file import read_model
from firmware_host.names import shown
from firmware_host.network.runtimes import is_runtime
from firmware_host.plugins import open_network, solver_plugin
from firmware_host.problem import IkProblem
from firmware_host.solving.batches import found_rows, told_batch
from firmware_host.solving.branches import ANY, HOME, NEAREST, solve_target
from firmware_host.solving.checks import (
    branch_number,
    checked_counts,
    checked_joints,
    checked_near,
    checked_threads,
    plain_near,
    plain_steps,
)
from firmware_host.solving.following import followed, unstarted
from firmware_host.solving.seeding import Predict, Seeder
from firmware_host.solving.solution import Found, IkBatch, IkSolution, Status
from firmware_host.spec import ModelSpec
from firmware_host.tasks import Task
from firmware_host.tasks.neighbours import WXYZ, real_part_first
from firmware_host.tasks.targets import checked_components, checked_target, plain_target
from firmware_host.tolerances import Tolerance
from firmware_host.workspace import Workspace

__all__ = ["IkBatch", "IkSolution", "IkSolver", "Predict", "Status"]

Branch = int | str
"""A branch by its number or its name, or "home", "any" or "nearest"."""


class IkSolver:
    """Solves targets with a network and a fixed number of refinement steps.

    Args:
        spec: The problem, its features, and the branches that the network answers for.
        predict: The network: features (N, f) to outputs as `network_outputs` counts them.
        refine_steps: Refinement steps, 0 to 100; `IkProblem.default_steps` without it.
        runtime: Name and version of what runs the network.
        restarts: Seeds drawn at random, 1000 at most, where "any" finds no branch that
            reaches a target.

    Raises:
        ConfigError: If `refine_steps` or `restarts` is no whole number, less than 0, or more.
    """

    def __init__(
        self,
        spec: ModelSpec,
        predict: Predict,
        refine_steps: int | None = None,
        *,
        runtime: str = "",
        restarts: int = 0,
    ) -> None:
        steps = spec.problem.default_steps if refine_steps is None else refine_steps
        self.refine_steps, self.restarts = checked_counts(steps, restarts)
        self.seeder = Seeder(spec, predict)
        """The network, which gives first guesses."""
        self.runtime = runtime

    @classmethod
    def load(
        cls,
        path: str | Path,
        runtime: str | None = None,
        refine_steps: int | None = None,
        restarts: int = 0,
        tolerance: Tolerance | None = None,
    ) -> IkSolver:
        """Load an exported model.

        Args:
            path: A `.tflite` that carries its robot.
            runtime: "litert", "tflite-runtime", "tflite-micro", "reference", or "firmware", the C
                built for this machine; by default the first of `DEFAULT_RUNTIMES` that is here.
            refine_steps: Refinement steps, 0 to 100; `IkProblem.default_steps` without it.
            restarts: Seeds drawn at random, 1000 at most, for branch "any".
            tolerance: How near to a target counts as solved; 1 mm and 0.1 degrees without it.

        Raises:
            ConfigError: If the runtime is unknown, or another argument is not what it must be.
            ModelFileError: If the file is damaged, of another version, or no edge-ik model.
            RuntimeUnavailableError: If the runtime is not installed.
            EdgeIkError: If a solver of another package cannot be used here, with the reason.
        """
        if runtime is not None and not is_runtime(runtime):
            plugin: type[IkSolver] = solver_plugin(runtime)
            return plugin.load(path, runtime, refine_steps, restarts, tolerance)
        flatbuffer, record = read_model(path)
        spec = ModelSpec.from_dict(record).with_tolerance(tolerance)
        interpreter = open_network(flatbuffer, runtime)
        spec.check_network(interpreter.input_shape[1], interpreter.output_shape[1])
        return cls(
            spec, interpreter.run, refine_steps, runtime=interpreter.runtime, restarts=restarts
        )

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} of {shown(self.chain.name)!r}: task {self.task.name}, "
            f"branches {len(self.branches)}, runtime {self.runtime!r}, "
            f"refine_steps={self.refine_steps}, restarts={self.restarts}>"
        )

    def with_steps(self, refine_steps: int) -> IkSolver:
        """The same solver with another number of refinement steps, 0 to 100.

        A subclass into which they are built overrides it.

        Raises:
            ConfigError: If it is no such number.
        """
        other = copy.copy(self)
        other.refine_steps, _ = checked_counts(refine_steps, self.restarts)
        return other

    @classmethod
    def obstacle(cls) -> str | None:
        """Why this kind of solver cannot be used on this machine, or None."""
        return None

    def solve_times(self, targets: npt.ArrayLike, seeds: bool = False) -> FloatArray | None:
        """The time of each solve without Python around it (N,) [microseconds].

        Args:
            targets: (N, k) components of targets.
            seeds: Whether to time the seeds alone, from a target over the network to joints.

        Returns:
            None where nothing but Python can be timed.

        Raises:
            TargetError: If the components are not what `seed` takes.
        """
        del targets, seeds
        return None

    @property
    def spec(self) -> ModelSpec:
        """What the model is of."""
        return self.seeder.spec

    @property
    def problem(self) -> IkProblem:
        """The robot and what is asked of its tool."""
        return self.spec.problem

    @property
    def chain(self) -> Chain:
        """The robot."""
        return self.spec.chain

    @property
    def task(self) -> Task:
        """What a target is."""
        return self.spec.task

    @property
    def branches(self) -> tuple[str, ...]:
        """Names of the branches that the network answers for."""
        return self.spec.branch_names

    @property
    def workspace(self) -> Workspace | None:
        """Where the network was trained; None if that is not known."""
        return self.spec.workspace

    @property
    def home(self) -> FloatArray:
        """(n,) the answer's place for a bad target [rad, m]."""
        return self.chain.clamp(self.spec.home)

    @cached_property
    def home_branch(self) -> int:
        """Number of the branch called "home": of the head whose answer is nearest to home."""
        if self.spec.heads == 1:
            return 0
        home = np.array([self.spec.home])
        return int(self.seeder.guesses(self.problem.reached_by(home)).nearest(home)[0])

    def forward(self, q: npt.ArrayLike) -> FloatArray:
        """Pose of the tool T_base_tool (..., 4, 4) [m] at joints q (..., n) [rad, m]."""
        return forward_kinematics(self.chain, checked_joints(self.chain, q))

    def seed(self, targets: npt.ArrayLike, branch: Branch = 0) -> FloatArray:
        """The network's first guess q (N, n) [rad, m] for the components of targets (N, k).

        Args:
            targets: (N, k) metres and unit vectors, as `IkProblem.reached_by` gives them.
            branch: Number or name of a branch, or "home" for that of the home posture.

        Raises:
            TargetError: If they are none, too far away, or there is no such branch.
        """
        return self.seeder.seeds(checked_components(targets, self.task), self._head(branch, ()))

    def solve(
        self,
        target: Any,
        q_near: npt.ArrayLike | None = None,
        branch: Branch | None = None,
        *,
        quaternion: str = WXYZ,
    ) -> IkSolution:
        """Solve one target.

        Args:
            target: In the base frame: (3,) a position x, y, z [m]; for a pose (4, 4), or
                (7,) with a unit quaternion w, x, y, z after the position; for an axis
                (4, 4), or (6,) with its direction after the position. Rigid transforms of
                Pinocchio, spatialmath, mink, jaxlie and SciPy are taken as (4, 4).
            q_near: (n,) present joints [rad, m]; joints that may turn further than once
                are given the turn nearest to it.
            branch: Number or name of a branch; "home" for that of the home posture; "any"
                for the first that reaches the target; "nearest" for the one nearest to
                `q_near`, which is the default with it where there are several. Otherwise
                "any" is.
            quaternion: The order of its parts: "wxyz" (MuJoCo), or "xyzw" (SciPy, ROS).

        Raises:
            TargetError: If the target or `q_near` has another shape or is not finite, or
                there is no such branch.
        """
        began = time.perf_counter()
        components = plain_target(real_part_first(target, quaternion, self.task), self.task)
        near = None if q_near is None else plain_near(self.chain, q_near)
        found = self._found(components, near, self._number(branch, q_near))
        return IkSolution(self.spec, found, time.perf_counter() - began)

    def _found(self, target: list[float], near: list[float] | None, number: int | str) -> Found:
        """The answer to checked components (k,) in a branch; near (n,) [rad, m], or None."""
        steps = self.refine_steps
        return solve_target(self.seeder, target, number, near, steps, self.restarts)

    def track(
        self,
        target: Any,
        q_now: npt.ArrayLike | None = None,
        max_step: npt.ArrayLike | None = None,
        *,
        quaternion: str = WXYZ,
    ) -> IkSolution:
        """Solve the next target of a path from the present joints, as `NAME_track` does in C.

        `TRACK_STEPS` steps from the present joints are tried first, without the network. Where
        they do not reach the target, or a joint would travel further than `TRACK_JUMP` at
        once, `solve` answers in the branch "nearest".

        Args:
            target: As for `solve`.
            q_now: (n,) present joints [rad, m]; without them, the answer nearest to zeros.
            max_step: (n,) how far each joint may move, or one number for all [rad, m]; 0 or
                infinity for any way. Where the answer is further, all joints go the same
                share of their way toward it: `Status.LIMITED`, unless it is reached already.
            quaternion: As for `solve`.

        Raises:
            TargetError: If an argument has another shape or is no finite number, or a step is
                less than 0.
        """
        began = time.perf_counter()
        most = plain_steps(self.chain, max_step)
        components = plain_target(real_part_first(target, quaternion, self.task), self.task)
        if q_now is None:
            found = unstarted(self.task, self._found(components, [0.0] * len(most), NEAREST))
        else:
            found = self._followed(components, plain_near(self.chain, q_now, "q_now"), most)
        return IkSolution(self.spec, found, time.perf_counter() - began)

    def _followed(self, target: list[float], near: list[float], most: list[float]) -> Found:
        """`_found` of the next target of a path; most (n,) each joint may move [rad, m]."""
        nearest = partial(self._found, target, near, NEAREST)
        return followed(self.problem, target, near, most, nearest)

    def solve_batch(
        self,
        targets: Any,
        q_near: npt.ArrayLike | None = None,
        branch: Branch | None = None,
        threads: int | None = 1,
        *,
        quaternion: str = WXYZ,
    ) -> IkBatch:
        """Solve N targets at once.

        Args:
            targets: N targets as for `solve`; a row that is not finite is a bad target.
            q_near: (n,) or (N, n) present joints [rad, m], as for `solve`.
            branch: As for `solve`.
            threads: How many cores firmware may use at most, None for all; the other runtimes
                use one. The answers are the same.
            quaternion: As for `solve`.

        Raises:
            TargetError: If the targets or `q_near` have another shape.
        """
        checked_threads(threads)
        began = time.perf_counter()
        targets = real_part_first(targets, quaternion, self.task, batch=True)
        rows = checked_target(targets, batch=True, finite=False, task=self.task)
        good: npt.NDArray[np.bool_] = np.logical_and.reduce(np.isfinite(rows), axis=-1)
        # A bad row is solved for a harmless target, and told of below.
        rows = rows if good.all() else np.where(good[:, None], rows, 0.0)
        near = None if q_near is None else checked_near(self.chain, q_near, len(rows))
        number, steps = self._number(branch, q_near), self.refine_steps
        found = found_rows(self.seeder, rows, number, near, steps, self.restarts)
        return told_batch(self.spec, rows, good, found, near, began)

    def _number(self, branch: Branch | None, q_near: npt.ArrayLike | None) -> int | str:
        """The branch's number, or "any" or "nearest"."""
        if branch is None:
            if self.spec.heads == 1 and not self.restarts:
                return 0
            return ANY if q_near is None else NEAREST
        if not isinstance(branch, str) or branch not in (ANY, NEAREST):
            return self._head(branch)
        if branch == NEAREST and q_near is None:
            raise TargetError(f"The branch '{NEAREST}' needs q_near, the present joints.")
        return branch

    def _head(self, branch: Branch, others: tuple[str, ...] = (ANY, NEAREST)) -> int:
        """The number of a branch given by its number or name, or of that of home."""
        if isinstance(branch, str) and branch == HOME:
            return self.home_branch
        return branch_number(self.branches, branch, (*others, HOME))
