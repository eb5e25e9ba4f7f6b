"""The solver: a target in, joint angles with a measured error out."""

from __future__ import annotations

import importlib.metadata
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt

from firmware_host.chain import Chain, FloatArray
from firmware_host.encoding import Normalization
from firmware_host.errors import ConfigError, ModelFileError, TargetError
from firmware_host.model_file import read_model
from firmware_host.network.interpreter import RUNTIMES, available_runtimes, open_interpreter
from firmware_host.solving.branches import (
    ANY,
    NEAREST,
    Answers,
    branch_number,
    joint_distance,
    solve_any,
    solve_nearest,
    solve_one,
    solve_target,
)
from firmware_host.solving.refine import has_spare_joints, plain_errors
from firmware_host.solving.seeding import Predict, Seeder
from firmware_host.solving.solution import (
    POSITION_TOLERANCE,
    ROTATION_TOLERANCE,
    IkBatch,
    IkSolution,
    Status,
    within_tolerance,
)
from firmware_host.spec import ModelSpec
from firmware_host.tasks.targets import checked_target
from firmware_host.tasks.task import POSITION, Task, task_errors
from firmware_host.workspace import Workspace

__all__ = [
    "POSITION_TOLERANCE",
    "ROTATION_TOLERANCE",
    "IkBatch",
    "IkSolution",
    "IkSolver",
    "Predict",
    "Status",
    "default_steps",
]

# The entry points by which other packages offer solvers; each is a subclass of `IkSolver`.
PLUGINS = "edge_ik.runtimes"

# Indexed by whether the target was reached.
_REACHED = np.array([Status.UNREACHABLE, Status.SOLVED], dtype=object)

Branch = int | str


def default_steps(chain: Chain, task: Task) -> int:
    """Refinement steps if none are asked for: 3 for positions, 4 where more is to be settled."""
    return 4 if task.turns or has_spare_joints(chain, task) else 3


class IkSolver:
    """Solves targets with a network and a fixed number of refinement steps.

    Args:
        chain: The robot.
        normalization: Statistics of the features.
        predict: The network: features (N, f) to sines and cosines (N, 2n).
        refine_steps: Damped-least-squares steps, 0 or more; by default 3 for positions
            and 4 for targets with an orientation or arms with joints to spare.
        workspace: Where the network was trained, to flag targets outside.
        home: (n,) the answer's place for a bad target; the middle of the limits
            without it.
        runtime: Name and version of what runs the network.
        task: What a target is.
        aspects: Names of the branches that the network answers for.
        restarts: Seeds drawn at random, at most, where "any" finds no branch that
            reaches a target.
    """

    def __init__(
        self,
        chain: Chain,
        normalization: Normalization,
        predict: Predict,
        refine_steps: int | None = None,
        *,
        workspace: Workspace | None = None,
        home: npt.ArrayLike | None = None,
        runtime: str = "",
        task: Task = POSITION,
        aspects: tuple[str, ...] = (),
        restarts: int = 0,
    ) -> None:
        steps = default_steps(chain, task) if refine_steps is None else refine_steps
        if steps < 0 or restarts < 0:
            raise ValueError(
                f"Expected refine_steps >= 0 and restarts >= 0. Received: refine_steps={steps}, "
                f"restarts={restarts}"
            )
        self.seeder = Seeder(chain, normalization, predict, task, aspects)
        self.refine_steps = steps
        self.workspace = workspace
        self.home = chain.clamp(chain.middle if home is None else home)
        self.runtime = runtime
        self.restarts = restarts

    @classmethod
    def load(
        cls,
        path: str | Path,
        runtime: str | None = None,
        refine_steps: int | None = None,
        restarts: int = 0,
    ) -> IkSolver:
        """Load an exported model.

        Args:
            path: A `.tflite` that carries its robot.
            runtime: "litert" (the default), "tflite-runtime", "tflite-micro",
                "reference", or "firmware": the generated C, built for this machine.
            refine_steps: Damped-least-squares steps, 0 or more; by default 3 for
                positions and 4 for targets with an orientation.
            restarts: Seeds drawn at random, at most, for branch "any".

        Raises:
            ConfigError: If the runtime is unknown.
            ModelFileError: If the file is damaged, of another version, or no edge-ik model.
            RuntimeUnavailableError: If the runtime is not installed.
            EdgeIkError: If a solver of another package cannot be used here, with the reason.
        """
        if runtime is not None and runtime not in RUNTIMES:
            return solver_plugin(runtime).load(path, runtime, refine_steps)
        flatbuffer, record = read_model(path)
        spec = ModelSpec.from_dict(record)
        interpreter = open_interpreter(flatbuffer, runtime)
        expected = (spec.inputs, 2 * len(spec.chain))
        received = (interpreter.input_shape[1], interpreter.output_shape[1])
        if received != expected:
            raise ModelFileError(
                f"The network does not fit its robot. Expected {expected[0]} inputs and "
                f"{expected[1]} outputs for {len(spec.chain)} joints. Received: {received[0]} "
                f"and {received[1]}"
            )
        return cls(
            spec.chain,
            spec.normalization,
            interpreter.run,
            refine_steps,
            workspace=spec.workspace,
            home=spec.home,
            runtime=interpreter.runtime,
            task=spec.target,
            aspects=spec.aspects,
            restarts=restarts,
        )

    @classmethod
    def obstacle(cls) -> str | None:
        """Why this kind of solver cannot be used on this machine, or None."""
        return None

    def solve_times(self, targets: npt.ArrayLike) -> FloatArray | None:
        """The time of each solve without Python around it (N,) [microseconds].

        Args:
            targets: (N, k) components of targets.

        Returns:
            None where nothing but Python can be timed.
        """
        del targets
        return None

    @property
    def chain(self) -> Chain:
        """The robot."""
        return self.seeder.chain

    @property
    def normalization(self) -> Normalization:
        """Statistics of the features."""
        return self.seeder.normalization

    @property
    def predict(self) -> Predict:
        """The network."""
        return self.seeder.predict

    @property
    def task(self) -> Task:
        """What a target is."""
        return self.seeder.task

    @property
    def aspects(self) -> tuple[str, ...]:
        """Names of the branches that the network answers for."""
        return self.seeder.aspects

    def seed(self, targets: npt.ArrayLike, branch: Branch = 0) -> FloatArray:
        """The network's first guess q (N, n) [rad] for the components of targets (N, k)."""
        return self.seeder.seeds(targets, branch_number(self.aspects, branch))

    def solve(
        self,
        target: npt.ArrayLike,
        q_near: npt.ArrayLike | None = None,
        branch: Branch | None = None,
    ) -> IkSolution:
        """Solve one target.

        Args:
            target: In the base frame: (3,) a position x, y, z [m]; for a pose (4, 4), or
                (7,) with a unit quaternion w, x, y, z after the position; for an axis
                (4, 4), or (6,) with its direction after the position.
            q_near: (n,) present joints [rad]; joints that may turn further than once
                are given the turn nearest to it.
            branch: Number or name of an aspect; "any" for the first that reaches the
                target; "nearest" for the one nearest to `q_near`, which is the default
                with it where there are several. Otherwise "any" is.

        Raises:
            TargetError: If the target or `q_near` has another shape or is not finite, or
                there is no such branch.
        """
        began = time.perf_counter()
        components = checked_target(target, task=self.task)
        near = None if q_near is None else self._checked_near(q_near, (len(self.chain),))
        answer = solve_target(
            self.seeder,
            components,
            self._number(branch, q_near),
            near,
            self.refine_steps,
            self.restarts,
        )
        q, seed = answer.q[0], answer.seed[0]
        if q_near is not None:
            q = self._nearest_turn(q, q_near)
        plain = components.tolist()
        seed_error, _ = plain_errors(self.chain, self.task, seed.tolist(), plain)
        if self.task.turns:
            distance, angle = plain_errors(self.chain, self.task, q.tolist(), plain)
        else:
            # The refinement's own measure is the distance, and measured already.
            distance, angle = float(answer.error[0]), 0.0
        reached = within_tolerance(distance, angle)
        return IkSolution(
            q=q,
            position_error_m=distance,
            status=Status.SOLVED if reached else Status.UNREACHABLE,
            within_limits=bool(self.chain.within_limits(q)),
            in_workspace=None
            if self.workspace is None
            else self.workspace.contains_one(self.chain, plain[:3]),
            seed_error_m=seed_error,
            steps=self.refine_steps,
            microseconds=(time.perf_counter() - began) * 1e6,
            rotation_error_rad=angle if self.task.turns else None,
            branch=int(answer.branch[0]),
            tried=int(answer.tried[0]),
            restarts=int(answer.restarts[0]),
            joint_step=None if near is None else float(joint_distance(self.chain, q, near)),
        )

    def solve_batch(
        self,
        targets: npt.ArrayLike,
        q_near: npt.ArrayLike | None = None,
        branch: Branch | None = None,
    ) -> IkBatch:
        """Solve N targets at once.

        Args:
            targets: N targets as for `solve`; a row that is not finite is a bad target.
            q_near: (n,) or (N, n) present joints [rad], as for `solve`.
            branch: As for `solve`.

        Raises:
            TargetError: If the targets or `q_near` have another shape.
        """
        began = time.perf_counter()
        chain, task = self.chain, self.task
        rows = checked_target(targets, batch=True, finite=False, task=task)
        good: npt.NDArray[np.bool_] = np.logical_and.reduce(np.isfinite(rows), axis=-1)
        # A bad row is solved for a harmless target and overwritten below.
        rows = rows if good.all() else np.where(good[:, None], rows, 0.0)
        answer = self._answers(rows, branch, q_near)
        q = answer.q
        if q_near is not None:
            q = self._nearest_turn(q, q_near)
        if task.turns:
            errors, angles = task_errors(chain, task, q, rows)
            seed_errors, _ = task_errors(chain, task, answer.seed, rows)
            reached = (errors < POSITION_TOLERANCE) & (angles < ROTATION_TOLERANCE)
        else:
            errors, angles = answer.error, None
            seed_errors = self._position_error(answer.seed, rows)
            reached = errors < POSITION_TOLERANCE
        status = _REACHED.take(reached)
        inside = None
        if self.workspace is not None:
            inside = self.workspace.contains(chain, rows[:, :3]) & good
        if not good.all():
            place = self.home if q_near is None else chain.clamp(q_near)
            q = np.where(good[:, None], q, place)
            errors, seed_errors = (np.where(good, e, np.nan) for e in (errors, seed_errors))
            angles = None if angles is None else np.where(good, angles, np.nan)
            status[~good] = Status.BAD_TARGET
        return IkBatch(
            q=np.ascontiguousarray(q),
            position_error_m=errors,
            status=status,
            within_limits=chain.within_limits(q),
            in_workspace=inside,
            seed_error_m=seed_errors,
            steps=self.refine_steps,
            microseconds=(time.perf_counter() - began) * 1e6,
            rotation_error_rad=angles,
            branch=answer.branch,
            tried=answer.tried,
            restarts=answer.restarts,
        )

    def _number(self, branch: Branch | None, q_near: npt.ArrayLike | None) -> int | str:
        """The branch's number, or "any" or "nearest"."""
        if branch is None:
            if self.seeder.branches == 1 and not self.restarts:
                return 0
            return ANY if q_near is None else NEAREST
        if branch == NEAREST and q_near is None:
            raise TargetError(f"The branch '{NEAREST}' needs q_near, the present joints.")
        if branch in (ANY, NEAREST):
            return branch
        return branch_number(self.aspects, branch)

    def _answers(
        self, targets: FloatArray, branch: Branch | None, q_near: npt.ArrayLike | None
    ) -> Answers:
        """Refined answers to N targets (N, k)."""
        number = self._number(branch, q_near)
        if number == ANY:
            return solve_any(self.seeder, targets, self.refine_steps, self.restarts)
        if number == NEAREST:
            near = self._checked_near(q_near, (len(targets), len(self.chain)))
            near = np.broadcast_to(near, (len(targets), len(self.chain)))
            return solve_nearest(self.seeder, targets, near, self.refine_steps)
        return solve_one(self.seeder, targets, int(number), self.refine_steps)

    def _position_error(self, q: FloatArray, targets: FloatArray) -> FloatArray:
        """Distance (...) [m] between the tool at q (..., n) and positions (..., 3)."""
        return task_errors(self.chain, self.task, q, targets)[0]

    def _checked_near(self, q_near: npt.ArrayLike | None, shape: tuple[int, ...]) -> FloatArray:
        """The present joints as an array of one posture, or of one for each target."""
        near = np.asarray(q_near, dtype=np.float64)
        if near.shape not in {(len(self.chain),), shape} or not np.isfinite(near).all():
            raise TargetError(
                f"Expected q_near of {len(self.chain)} finite angles. Received: shape {near.shape}"
            )
        return near

    def _nearest_turn(self, q: FloatArray, q_near: npt.ArrayLike) -> FloatArray:
        """Whole turns added where a joint may take them, to come nearest to `q_near`."""
        near = self._checked_near(q_near, q.shape)
        turns = np.round((near - q) / (2 * np.pi))
        fewest = np.ceil((self.chain.lower - q) / (2 * np.pi))
        most = np.floor((self.chain.upper - q) / (2 * np.pi))
        held = np.maximum(np.minimum(turns, most), fewest)
        turned = q + 2 * np.pi * np.where(self.chain.continuous, turns, held)
        within = np.clip(turned, self.chain.lower, self.chain.upper)
        return np.where(self.chain.continuous, turned, within)


def available_solvers() -> tuple[str, ...]:
    """Names of the runtimes that `IkSolver.load` can use on this machine."""
    found = [name for name in _plugins() if solver_plugin(name).obstacle() is None]
    return (*available_runtimes(), *found)


def solver_plugin(name: str) -> type[IkSolver]:
    """The solver that another package offers under a name.

    Raises:
        ConfigError: If there is none.
    """
    plugins = _plugins()
    if name not in plugins:
        raise ConfigError(
            f"Unknown runtime. Expected one of {', '.join([*RUNTIMES, *plugins])}. "
            f"Received: runtime={name!r}"
        )
    found: type[IkSolver] = plugins[name].load()
    return found


def _plugins() -> dict[str, importlib.metadata.EntryPoint]:
    return {point.name: point for point in importlib.metadata.entry_points(group=PLUGINS)}
