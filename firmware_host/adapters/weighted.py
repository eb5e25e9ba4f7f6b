"""The posture whose pose is nearest to a wanted one by weights, also where none reaches it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from firmware_host.chain import Chain, FloatArray
from firmware_host.kinematics import frames
from firmware_host.straightline import Tape, compile_function
from firmware_host.tasks.rotations import quaternion

# Steps of least squares, which lead into a valley, and then of Newton's method, which lead to its
# bottom, at most: from nearby the first three suffice.
APPROACH_STEPS, NEWTON_STEPS = 6, 40
# A step that moves no joint further than this [rad, L] is the last one.
SETTLED_STEP = 1e-6
# Largest change of a joint in one step [rad, L], within which the linearization says something.
LARGEST_STEP = 0.5
# Damping: a share of the squared error, so that it fades (Sugihara, "Solvability-unconcerned
# inverse kinematics by the Levenberg-Marquardt method", IEEE Transactions on Robotics, 2011),
# and a floor that keeps equations regular where fewer rows count than there are joints.
DAMPING, DAMPING_FLOOR = 0.1, 1e-9
# A distance counts as at most this share of the reach in it, and in what the step is to cover:
# from far away steps would vanish.
FARTHEST_SHARE = 0.3
# Curvatures are at least this share of the largest one.
CURVATURE_FLOOR = 1e-6


@dataclass(frozen=True, eq=False)
class Settled:
    """A posture and how near its pose is to the wanted one.

    Attributes:
        q: (n,) joints within the limits [rad, m].
        cost: w_p d^2 + w_o a^2, of distance and angle, where the larger weight counts as 1.
        distance: d between the positions [m].
        angle: a between the orientations [rad].
    """

    q: FloatArray
    cost: float
    distance: float
    angle: float


@dataclass(frozen=True, eq=False)
class Linear:
    """A posture's errors, and how they change with its joints.

    Attributes:
        error: (6,) the distance that is left in the base frame [m], and the rotation vector [rad].
        moves: (s, 3) how each moving joint moves the tool [m/rad, m/m].
        turns: (s, 3) the axes about which they turn it.
        shares: (s, n) what each moving joint does for each that moves by itself.
    """

    error: FloatArray
    moves: FloatArray
    turns: FloatArray
    shares: FloatArray

    @cached_property
    def jacobian(self) -> FloatArray:
        """(6, n) the geometric Jacobian [m/rad, rad/rad]."""
        return np.hstack([self.moves, self.turns]).T @ self.shares

    @property
    def bend(self) -> FloatArray:
        """(n, n) the second derivatives of the position along the distance that is left.

        A joint turns the way of each joint behind it: e . (z_i x v_j), and the same for j, i.
        """
        bends = np.triu(np.cross(self.error[:3], self.turns) @ self.moves.T)
        return self.shares.T @ (bends + np.triu(bends, 1).T) @ self.shares

    @property
    def distance(self) -> float:
        """Between the positions [m]."""
        return math.hypot(*self.error[:3].tolist())

    @property
    def angle(self) -> float:
        """Between the orientations [rad]."""
        return math.hypot(*self.error[3:].tolist())


class WeightedPose:
    """Steps of weighted least squares toward whole poses, of any number of joints.

    It can be pickled and copied: the robot goes along, and is compiled again.

    Args:
        chain: The robot, whose geometry is compiled here.
    """

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        tape, count = Tape(), len(chain.segments)
        sines, cosines = tape.inputs("s", count), tape.inputs("c", count)
        walked = frames(chain, sines, cosines)
        parts = (walked.position, *walked.rotation, *walked.axes, *walked.levers)
        flat = [number for part in parts for number in part]
        self._geometry = compile_function(tape, [*sines, *cosines], flat)
        self._slides = chain.sliding[:, None]
        self._shares = np.zeros((count, len(chain)))
        for row, segment in zip(self._shares, chain.segments, strict=True):
            row[segment.leader] = segment.multiplier
        endless = np.where(chain.continuous, np.inf, 0.0)
        self._lower, self._upper = chain.lower - endless, chain.upper + endless

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.chain,)

    def cost(self, q: FloatArray, pose: FloatArray, weights: FloatArray) -> float:
        """What `settle` makes small, of joints (n,) [rad, m] and `weighed` weights (6,)."""
        error = self._linear(q, pose).error
        return float(weights @ (error * error))

    def settle(self, q: FloatArray, pose: FloatArray, weights: FloatArray) -> Settled:
        """Steps from a posture to the bottom of the valley of costs that it lies in.

        The first steps are dq = (J^T W J + lambda^2 I)^-1 J^T W e, with e the distance and the
        rotation vector to the wanted pose and W the weights. Those behind them are of Newton's
        method, with the second derivatives of the position, which count where the pose is out
        of reach: of the Hessian's eigenvalues the absolute values are taken (Dauphin et al.,
        "Identifying and attacking the saddle point problem", NeurIPS 2014), and a step that
        does not lower the cost is taken back and made shorter. Joints that would leave their
        limits go onto them, and the others are solved for again.

        Args:
            q: (n,) where to start [rad, m]; brought into the limits first.
            pose: (4, 4) wanted T_base_tool.
            weights: (6,) what `weighed` gives.
        """
        q = np.clip(q, self._lower, self._upper)
        linear = self._linear(q, pose)
        best, lowest = _settled(q, linear, weights), linear
        for _ in range(APPROACH_STEPS):
            dq, most = self._approaching(q, linear, weights)
            if most < SETTLED_STEP:
                return best
            q = np.clip(q + dq * min(1.0, LARGEST_STEP / most), self._lower, self._upper)
            linear = self._linear(q, pose)
            found = _settled(q, linear, weights)
            if found.cost < best.cost:
                best, lowest = found, linear
        return self._bottom(best, lowest, pose, weights)

    def _bottom(
        self, best: Settled, linear: Linear, pose: FloatArray, weights: FloatArray
    ) -> Settled:
        """Newton's steps from a posture, none of which makes it worse."""
        radius = LARGEST_STEP
        dq, most = self._descending(best.q, linear, weights)
        for _ in range(NEWTON_STEPS):
            step = min(most, radius)
            if step < SETTLED_STEP:
                break
            q = np.clip(best.q + dq * (step / most), self._lower, self._upper)
            linear = self._linear(q, pose)
            found = _settled(q, linear, weights)
            if found.cost < best.cost:
                best, radius = found, min(LARGEST_STEP, 2 * radius)
                dq, most = self._descending(q, linear, weights)
            else:
                radius = step / 4
        return best

    def _approaching(
        self, q: FloatArray, linear: Linear, weights: FloatArray
    ) -> tuple[FloatArray, float]:
        """A damped step of least squares dq (n,), and the most that it moves a joint."""
        error, farthest = linear.error.copy(), FARTHEST_SHARE * self.chain.reach
        if linear.distance > farthest:
            error[:3] *= farthest / linear.distance
        weighed = linear.jacobian.T * weights
        damping = DAMPING_FLOOR + DAMPING * float(weights @ (error * error))
        return self._moved(q, weighed @ linear.jacobian, damping, weighed @ error)

    def _descending(
        self, q: FloatArray, linear: Linear, weights: FloatArray
    ) -> tuple[FloatArray, float]:
        """A step of Newton's method dq (n,), and the most that it moves a joint."""
        weighed, scales = linear.jacobian.T * weights, self.chain.scales
        hessian = weighed @ linear.jacobian - weights[0] * linear.bend
        values, vectors = np.linalg.eigh(hessian * np.outer(scales, scales))
        values = np.abs(values)
        values = np.maximum(values, CURVATURE_FLOOR * values.max())
        gram = (vectors * values) @ vectors.T / np.outer(scales, scales)
        return self._moved(q, gram, DAMPING_FLOOR, weighed @ linear.error)

    def _moved(
        self, q: FloatArray, gram: FloatArray, damping: float, right: FloatArray
    ) -> tuple[FloatArray, float]:
        """What solves the damped equations within the limits, and the most that it moves."""
        scales = self.chain.scales
        gram = gram + np.diag(damping / scales**2)
        dq = _within(gram, right, self._lower - q, self._upper - q)
        return dq, float(np.abs(dq / scales).max())

    def _linear(self, q: FloatArray, pose: FloatArray) -> Linear:
        """Where joints q (n,) are from a pose, and how each of them leads there."""
        sines, cosines = self.chain.placed(q.tolist(), math)
        found, count = np.array(self._geometry(*sines, *cosines)), len(self._shares)
        away = pose[:3, 3] - found[:3]
        # The columns of the tool's rotation stand in rows: it is transposed.
        w, *vector = quaternion(pose[:3, :3] @ found[3:12].reshape(3, 3)).tolist()
        sine = math.hypot(*vector)
        # Near 0 an angle is twice the sine of its half.
        scale = 2 * math.atan2(sine, w) / sine if sine > 0 else 2.0
        axes, levers = found[12:].reshape(2, count, 3)
        return Linear(
            error=np.array([*away, *(scale * part for part in vector)]),
            moves=np.where(self._slides, axes, np.cross(axes, levers)),
            turns=np.where(self._slides, 0.0, axes),
            shares=self._shares,
        )


def weighed(position_weight: float, orientation_weight: float) -> FloatArray:
    """The weights of a pose's six errors (6,), of which the largest counts as 1.

    Args:
        position_weight: Weight of the squared distance [1/m^2], 0 or more.
        orientation_weight: Weight of the squared angle, 0 or more; one of the two is not 0.
    """
    weights = np.repeat([float(position_weight), float(orientation_weight)], 3)
    return np.asarray(weights / weights.max())


def _settled(q: FloatArray, linear: Linear, weights: FloatArray) -> Settled:
    """A posture, with what it costs."""
    error = linear.error
    return Settled(q, float(weights @ (error * error)), linear.distance, linear.angle)


def _within(
    gram: FloatArray, right: FloatArray, lower: FloatArray, upper: FloatArray
) -> FloatArray:
    """The solution x (n,) of gram x = right, whose parts beyond their bounds are held there."""
    x = np.asarray(np.linalg.solve(gram, right), dtype=np.float64)
    free = np.ones(len(right), dtype=bool)
    while True:
        out = free & ((x < lower) | (x > upper))
        free = free & ~out
        if not out.any():
            return x
        x[out] = np.clip(x[out], lower[out], upper[out])
        rest = right[free] - gram[np.ix_(free, ~free)] @ x[~free]
        x[free] = np.linalg.solve(gram[np.ix_(free, free)], rest)
