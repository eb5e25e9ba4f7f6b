"""One inverse-kinematics problem: a robot and what is asked of its tool."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from firmware_host.chain import Chain, FloatArray
from firmware_host.kinematics import (
    Frames,
    Scalar,
    add,
    components,
    frames,
    mul,
    stacked,
)
from firmware_host.outputs import HeadOutputs
from firmware_host.plain import PlainChain
from firmware_host.step import StepTrace, spare_step, whole_step
from firmware_host.straightline import SYMBOLS, Symbol, Tape, compile_function
from firmware_host.tasks import Task
from firmware_host.tasks.turn import Encoding
from firmware_host.tolerances import DEFAULT_TOLERANCE, Tolerance

# What holds a joint in a step's equations, in squared reaches: J^T J has entries of at most
# one, and single precision still tells what a million times as much leaves of the change.
HOLD_SHARE = 1e6

# Steps that leave nothing to see of a network's error: 4 where more is to be settled.
PLAIN_STEPS, FURTHER_STEPS = 3, 4


@dataclass(frozen=True)
class IkProblem:
    """What is to be solved: everything that follows from a robot and a task alone.

    Attributes:
        chain: The robot.
        task: What a target is.
        tolerance: How near to a target counts as solved.
    """

    chain: Chain
    task: Task
    tolerance: Tolerance = DEFAULT_TOLERANCE

    def __post_init__(self) -> None:
        object.__setattr__(self, "task", self.task.on(self.chain))

    def __reduce__(self) -> tuple[Any, ...]:
        # Compiled functions cannot be pickled, and are compiled anew where they are needed.
        return IkProblem, (self.chain, self.task)

    @property
    def joints(self) -> int:
        """Number of joints n."""
        return len(self.chain)

    @property
    def length(self) -> float:
        """Characteristic length L [m]: an orientation error of 1 rad counts as much."""
        return self.chain.length

    @cached_property
    def plain(self) -> PlainChain:
        """The chain's functions for one posture in plain floats."""
        return PlainChain(self.chain)

    @cached_property
    def outputs(self) -> HeadOutputs:
        """What the numbers of one head of a network mean."""
        return HeadOutputs(self.chain)

    @property
    def spare_joints(self) -> int:
        """Joints beyond the task's rows, which can do the part of one locked at its limit."""
        return max(0, self.joints - self.task.rows)

    @cached_property
    def untold_joints(self) -> tuple[int, ...]:
        """Joints with stops that a target turns, and the features do not say how far.

        Whether such a joint ends within its limits, no promise of a network can tell.
        """
        if self.spare_joints:
            return ()
        turning = self.task.turning_joints(self.chain)
        return tuple(joint for joint in turning if not self.chain.periodic[joint])

    @property
    def told_tolerance(self) -> dict[str, float]:
        """The tolerance in JSON-ready values: what of it the task has."""
        return self.tolerance.to_dict(self.task.has_orientation)

    @property
    def default_steps(self) -> int:
        """Refinement steps if none are asked for."""
        more = self.task.has_orientation or self.spare_joints
        return FURTHER_STEPS if more else PLAIN_STEPS

    @cached_property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the network's features."""
        return self.task.feature_names(self.chain)

    def encode(self, target: Sequence[Scalar], xp: Any = np) -> Encoding:
        """A target's features, not normalized, and the turns to add to the network's answer.

        Args:
            target: Its components.
            xp: Namespace with `sqrt`: `numpy`, `keras.ops` or `math`.
        """
        return self.task.encode(self.chain, target, xp)

    def features(self, targets: npt.ArrayLike) -> FloatArray:
        """Features (N, f), not normalized, of targets (N, k)."""
        encoding = self.encode(components(np.asarray(targets, dtype=np.float64)))
        return np.stack(encoding.features, axis=-1)

    def walked(self, sin_q: Any, cos_q: Any) -> Frames:
        """The chain's geometry at a place: the two parts (..., s) of `Chain.place`."""
        return frames(self.chain, components(sin_q), components(cos_q))

    def reached(self, sin_q: Any, cos_q: Any, xp: Any = np) -> Any:
        """The targets (..., k) that configurations reach.

        Args:
            sin_q: (..., s) sines, or displacements [m]: the first part of `Chain.place`.
            cos_q: (..., s) cosines: the second part of it.
            xp: Array namespace: `numpy` or `keras.ops`.
        """
        return stacked(self.task.reached(self.walked(sin_q, cos_q)), sin_q[..., 0], xp)

    def reached_by(self, q: npt.ArrayLike) -> FloatArray:
        """The targets (..., k) that joint vectors q (..., n) [rad, m] reach."""
        reached: FloatArray = self.reached(*self.chain.place(np.asarray(q, dtype=np.float64)))
        return reached

    def jacobian(self, sin_q: Any, cos_q: Any, xp: Any = np) -> Any:
        """J (..., m, n) [m/rad, m/m] of the task; arguments as in `reached`."""
        walked = self.walked(sin_q, cos_q)
        columns = self.task.columns(self.length, walked, self.task.reached(walked))
        like = sin_q[..., 0]
        return xp.stack([stacked(column, like, xp) for column in columns], axis=-1)

    def squared_error(self, walked: Frames, target: Sequence[Scalar]) -> Scalar:
        """Squared distance [m^2]: of the positions, plus L^2 times that of the directions."""
        position, directions = self.task.squared_parts(walked, target)
        return add(position, mul(self.length**2, directions))

    def errors(self, q: FloatArray, targets: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Distance [m] and angle [rad] between what q (..., n) reaches and targets (..., k).

        The angle is the geodesic distance of the orientations, or the angle between the two
        directions; 0 where a target has no orientation.
        """
        walked = self.walked(*self.chain.place(q))
        position, directions = self.task.squared_parts(walked, components(targets))
        distance: FloatArray = np.sqrt(position)
        chord = np.sqrt(directions + np.zeros_like(distance))
        angle: FloatArray = 2 * np.arcsin(np.minimum(chord / 2, 1.0))
        return distance, angle

    def plain_errors(self, q: Sequence[float], target: Sequence[float]) -> tuple[float, float]:
        """`errors` of one configuration in plain floats: arrays of one number cost more."""
        position, directions = self._plain_parts(*q, *target)
        angle = 2 * math.asin(min(math.sqrt(directions) / 2, 1.0)) if directions else 0.0
        return math.sqrt(position), angle

    def is_solved(self, q: FloatArray, targets: FloatArray) -> npt.NDArray[np.bool_]:
        """Whether q (..., n) reaches targets (..., k) to within tolerance."""
        solved: npt.NDArray[np.bool_] = self.tolerance.holds(*self.errors(q, targets))
        return solved

    def trace_place(self, tape: Tape) -> tuple[list[Symbol], list[Symbol]]:
        """Inputs for the s sines, or displacements, and the s cosines of a place."""
        count = len(self.chain.segments)
        return tape.inputs("s", count), tape.inputs("c", count)

    def scaled(self, columns: Sequence[Sequence[Scalar]]) -> list[tuple[Scalar, ...]]:
        """The columns of J times `Chain.scales`: [m] for what counts as 1 rad of each joint."""
        scales = self.chain.scales.tolist()
        return [
            tuple(mul(scale, part) for part in column)
            for scale, column in zip(scales, columns, strict=True)
        ]

    @cached_property
    def stops(self) -> tuple[int, ...]:
        """Joints that meet limits: those that do not turn fully."""
        return tuple(np.flatnonzero(~np.asarray(self.chain.periodic)).tolist())

    @cached_property
    def hold(self) -> float:
        """What holds a joint in a step's equations [m^2]; see `HOLD_SHARE`."""
        return HOLD_SHARE * self.chain.reach**2

    def held(self, share: Sequence[Scalar], change: Sequence[Scalar]) -> list[Scalar]:
        """What a step is to know of the joints with stops; see `StepTrace.held`.

        Args:
            share: For each of `stops` 1 if the joint's change is given, otherwise 0.
            change: That change [rad, m], otherwise 0.
        """
        scales = self.chain.scales[list(self.stops)].tolist()
        turned = [
            part if scale == 1 else part / scale for scale, part in zip(scales, change, strict=True)
        ]
        if self.spare_joints:
            return [*(1.0 - part for part in share), *turned]
        return [self.hold * part for part in (*share, *turned)]

    @cached_property
    def unheld(self) -> list[Scalar]:
        """`held` of a step that moves every joint."""
        return self.held([0.0] * len(self.stops), [0.0] * len(self.stops))

    def trace_joints(self, tape: Tape) -> tuple[list[Symbol], tuple[list[Any], list[Any]]]:
        """Inputs for the n joints, and the place that they have."""
        q = tape.inputs("q", len(self.chain))
        return q, self.chain.placed(q, SYMBOLS)

    def trace_step(
        self, tape: Tape | None = None, place: tuple[list[Any], list[Any]] | None = None
    ) -> StepTrace:
        """Record one step: dq = (J^T J + lambda^2 I)^-1 J^T e.

        A joint whose change b is given is held by a large h: the equations are
        (J^T J + diag(lambda^2 + h)) dq = J^T e + h b. With more joints than rows, where
        these say little in single precision, the step is the same in the other dimension:
        dq = J^T (J J^T + lambda^2 I)^-1 (e - J b), without the columns of the joints held.
        A prismatic joint moves in characteristic lengths, so that metres and radians are
        damped alike.

        Args:
            tape: Where it is recorded.
            place: The place on that tape; inputs without it.
        """
        tape, task = tape or Tape(), self.task
        sines, cosines = place or self.trace_place(tape)
        target = tape.inputs("p", task.size)
        damping, floor = Symbol(tape, "damping"), Symbol(tape, "floor")
        walked = frames(self.chain, sines, cosines)
        e = task.error(self.length, walked, target)  # (m,) [m]
        squared = self.squared_error(walked, target)
        columns = self.scaled(task.columns(self.length, walked, target))  # n of (m,)
        strength = damping * squared + floor
        held = tape.inputs("h", 2 * len(self.stops))
        given = dict(zip(self.stops, zip(held, held[len(self.stops) :], strict=False), strict=True))
        solved = spare_step if self.spare_joints else whole_step
        dq = solved(columns, e, strength, given)
        scales = self.chain.scales.tolist()
        dq = [mul(scale, change) for scale, change in zip(scales, dq, strict=True)]
        return StepTrace(tape, sines, cosines, target, damping, floor, held, squared, dq)

    @cached_property
    def compiled_step(self) -> tuple[Callable[..., Any], Callable[..., Any]]:
        """The arithmetic of one step as straight-line code.

        A function from s sines, s cosines and the target's components to the squared
        distance alone, and one that takes the damping factor, its floor and `held` too and
        returns the squared distance followed by the n joint changes dq.
        """
        step = self.trace_step()
        place = [*step.sines, *step.cosines, *step.target]
        return (
            compile_function(step.tape, place, [step.squared]),
            compile_function(
                step.tape, [*place, step.damping, step.floor, *step.held], [step.squared, *step.dq]
            ),
        )

    @cached_property
    def plain_step(self) -> tuple[Callable[..., Any], Callable[..., Any]]:
        """`compiled_step` for plain floats, from the n joints instead of 2 s sines and cosines."""
        tape = Tape()
        q, place = self.trace_joints(tape)
        step = self.trace_step(tape, place)
        given = [*q, *step.target]
        every = [*given, step.damping, step.floor, *step.held]
        return (
            compile_function(tape, given, [step.squared], plain=True),
            compile_function(tape, every, [step.squared, *step.dq], plain=True),
        )

    @cached_property
    def _plain_parts(self) -> Callable[..., Any]:
        """From n joints and a target to `Task.squared_parts`, for plain floats."""
        tape = Tape()
        q, place = self.trace_joints(tape)
        target = tape.inputs("p", self.task.size)
        parts = self.task.squared_parts(frames(self.chain, *place), target)
        return compile_function(tape, [*q, *target], parts, plain=True)
