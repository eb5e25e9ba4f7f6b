"""The solver: a target in, joint angles with a measured error out."""

from __future__ import annotations

import enum
import importlib.metadata
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from firmware_host.chain import Chain, FloatArray
from firmware_host.encoding import (
    FEATURE_NAMES,
    Normalization,
    checked_target,
    decode_joints,
    encode_target,
    network_features,
)
from firmware_host.errors import ConfigError, ModelFileError, TargetError
from firmware_host.interpreter import RUNTIMES, available_runtimes, open_interpreter
from firmware_host.model_file import read_model
from firmware_host.refine import refine_seed
from firmware_host.spec import ModelSpec
from firmware_host.workspace import Workspace

Predict = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]

# A target counts as reached below this distance [m].
POSITION_TOLERANCE = 1e-3


class Status(enum.Enum):
    """How a solve ended.

    Unreachable means not reached in the steps taken: the answer is the best configuration
    that was met. A target outside the workspace never can be.
    """

    SOLVED = "solved"
    UNREACHABLE = "unreachable"
    BAD_TARGET = "bad target"


# The entry points by which other packages offer solvers; each is a subclass of `IkSolver`.
PLUGINS = "edge_ik.runtimes"

# Indexed by whether the target was reached.
_REACHED = np.array([Status.UNREACHABLE, Status.SOLVED], dtype=object)


@dataclass(frozen=True, eq=False)
class IkSolution:
    """One answer, judged on what is returned.

    Attributes:
        q: (n,) joint angles within the limits [rad].
        position_error_m: Distance between the tool at q and the target [m].
        status: Solved, or unreachable with the best configuration met.
        within_limits: Whether every joint limit holds.
        in_workspace: Whether the target lies where the network was trained, to a
            twentieth of the reach; None if that is not known.
        seed_error_m: The distance to the target for the network alone [m].
        steps: Refinement steps taken.
        microseconds: Time the solve took.
    """

    q: FloatArray
    position_error_m: float
    status: Status
    within_limits: bool
    in_workspace: bool | None
    seed_error_m: float
    steps: int
    microseconds: float


@dataclass(frozen=True, eq=False)
class IkBatch:
    """Answers to N targets; the fields of `IkSolution`, one row a target.

    Attributes:
        q: (N, n) joint angles within the limits [rad]; the home posture, or that of
            `q_near`, for a bad target.
        position_error_m: (N,) [m]; NaN for a bad target.
        status: (N,) of `Status`.
        within_limits: (N,) whether every joint limit holds.
        in_workspace: (N,) or None if that is not known.
        seed_error_m: (N,) [m]; NaN for a bad target.
        steps: Refinement steps taken for each.
        microseconds: Time that all of them took.
    """

    q: FloatArray
    position_error_m: FloatArray
    status: npt.NDArray[np.object_]
    within_limits: npt.NDArray[np.bool_]
    in_workspace: npt.NDArray[np.bool_] | None
    seed_error_m: FloatArray
    steps: int
    microseconds: float


class IkSolver:
    """Solves position targets with a network and a fixed number of refinement steps.

    Args:
        chain: The robot.
        normalization: Statistics of the features.
        predict: The network: features (N, 6) to sines and cosines (N, 2n).
        refine_steps: Damped-least-squares steps, 0 or more.
        workspace: Where the network was trained, to flag targets outside.
        home: (n,) the answer's place for a bad target; the middle of the limits
            without it.
        runtime: Name and version of what runs the network.
    """

    def __init__(
        self,
        chain: Chain,
        normalization: Normalization,
        predict: Predict,
        refine_steps: int = 3,
        *,
        workspace: Workspace | None = None,
        home: npt.ArrayLike | None = None,
        runtime: str = "",
    ) -> None:
        if refine_steps < 0:
            raise ValueError(f"Expected refine_steps >= 0. Received: refine_steps={refine_steps}")
        self.chain = chain
        self.normalization = normalization
        self.predict = predict
        self.refine_steps = refine_steps
        self.workspace = workspace
        self.home = chain.clamp(chain.middle if home is None else home)
        self.runtime = runtime

    @classmethod
    def load(cls, path: str | Path, runtime: str | None = None, refine_steps: int = 3) -> IkSolver:
        """Load an exported model.

        Args:
            path: A `.tflite` that carries its robot.
            runtime: "litert" (the default), "tflite-runtime", "tflite-micro",
                "reference", or "firmware": the generated C, built for this machine.
            refine_steps: Damped-least-squares steps, 0 or more.

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
        expected = (len(FEATURE_NAMES), 2 * len(spec.chain))
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
        )

    @classmethod
    def obstacle(cls) -> str | None:
        """Why this kind of solver cannot be used on this machine, or None."""
        return None

    def solve_times(self, targets: npt.ArrayLike) -> FloatArray | None:
        """The time of each solve without Python around it (N,) [microseconds].

        Args:
            targets: (N, 3) positions [m].

        Returns:
            None where nothing but Python can be timed.
        """
        del targets
        return None

    def seed(self, targets: npt.ArrayLike) -> FloatArray:
        """The network's first guess q (N, n) [rad] for targets (N, 3) [m]."""
        features = network_features(self.chain, self.normalization, targets)
        return decode_joints(self.chain, self.predict(features))

    def solve(self, target: npt.ArrayLike, q_near: npt.ArrayLike | None = None) -> IkSolution:
        """Solve one target.

        Args:
            target: (3,) position x, y, z of the tool in the base frame [m].
            q_near: (n,) present joints [rad]; joints that may turn further than once
                are given the turn nearest to it.

        Raises:
            TargetError: If the target or `q_near` has another shape or is not finite.
        """
        began = time.perf_counter()
        position = checked_target(target)
        plain = position.tolist()
        seed = self._seed_one(plain)
        q, errors, seed_errors = refine_seed(self.chain, seed, position, self.refine_steps)
        if q_near is not None:
            q = self._nearest_turn(q, q_near)
        error = float(errors)
        return IkSolution(
            q=q,
            position_error_m=error,
            status=Status.SOLVED if error < POSITION_TOLERANCE else Status.UNREACHABLE,
            within_limits=bool(self.chain.within_limits(q)),
            in_workspace=None
            if self.workspace is None
            else self.workspace.contains_one(self.chain, plain),
            seed_error_m=float(seed_errors),
            steps=self.refine_steps,
            microseconds=(time.perf_counter() - began) * 1e6,
        )

    def solve_batch(self, targets: npt.ArrayLike, q_near: npt.ArrayLike | None = None) -> IkBatch:
        """Solve N targets at once.

        Args:
            targets: (N, 3) positions [m]; a row that is not finite is a bad target.
            q_near: (n,) or (N, n) present joints [rad], as for `solve`.

        Raises:
            TargetError: If the targets or `q_near` have another shape.
        """
        began = time.perf_counter()
        positions = checked_target(targets, batch=True, finite=False)
        good: npt.NDArray[np.bool_] = np.logical_and.reduce(np.isfinite(positions), axis=-1)
        # A bad row is solved for a harmless target and overwritten below.
        positions = positions if good.all() else np.where(good[:, None], positions, 0.0)
        q, errors, seed_errors = refine_seed(
            self.chain, self.seed(positions), positions, self.refine_steps
        )
        if q_near is not None:
            q = self._nearest_turn(q, q_near)
        status = _REACHED.take(errors < POSITION_TOLERANCE)
        inside = None
        if self.workspace is not None:
            inside = self.workspace.contains(self.chain, positions) & good
        if not good.all():
            place = self.home if q_near is None else self.chain.clamp(q_near)
            q = np.where(good[:, None], q, place)
            errors, seed_errors = (np.where(good, e, np.nan) for e in (errors, seed_errors))
            status[~good] = Status.BAD_TARGET
        return IkBatch(
            q=np.ascontiguousarray(q),
            position_error_m=errors,
            status=status,
            within_limits=self.chain.within_limits(q),
            in_workspace=inside,
            seed_error_m=seed_errors,
            steps=self.refine_steps,
            microseconds=(time.perf_counter() - began) * 1e6,
        )

    def _seed_one(self, position: list[float]) -> list[float]:
        """`seed` for one target, in plain floats: arrays of one number cost more."""
        features = self.normalization.apply(encode_target(self.chain, position, math))
        outputs = self.predict(np.array([features], dtype=np.float32))[0].tolist()
        n = len(self.chain)
        return [math.atan2(s, c) for s, c in zip(outputs[:n], outputs[n:], strict=True)]

    def _nearest_turn(self, q: FloatArray, q_near: npt.ArrayLike) -> FloatArray:
        """Whole turns added where a joint may take them, to come nearest to `q_near`."""
        near = np.asarray(q_near, dtype=np.float64)
        if near.shape not in {(len(self.chain),), q.shape} or not np.isfinite(near).all():
            raise TargetError(
                f"Expected q_near of {len(self.chain)} finite angles. Received: shape {near.shape}"
            )
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
