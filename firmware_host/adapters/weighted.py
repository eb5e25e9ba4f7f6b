"""The posture whose pose is nearest to a wanted one by weights, also where none reaches it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from firmware_host.chain import Chain, FloatArray
from firmware_host.kinematics import frames, jacobian_columns
from firmware_host.straightline import Tape, compile_function
from firmware_host.tasks.rotations import quaternion

# Steps at most: from nearby three suffice; where the pose is out of reach they halve what is left.
STEPS = 20
# A step that moves no joint further than this [rad, L] is the last one.
SETTLED_STEP = 1e-6
# Largest change of a joint in one step [rad, L], within which the linearization says something.
LARGEST_STEP = 0.5
# Damping: a share of the squared error, so that it fades (Sugihara, "Solvability-unconcerned
# inverse kinematics by the Levenberg-Marquardt method", IEEE Transactions on Robotics, 2011),
# and a floor that keeps equations regular where fewer rows count than there are joints.
DAMPING, DAMPING_FLOOR = 0.1, 1e-9


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


class WeightedPose:
    """Steps of weighted least squares toward whole poses, of any number of joints.

    Args:
        chain: The robot, whose geometry is compiled here.
    """

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        tape, count = Tape(), len(chain.segments)
        sines, cosines = tape.inputs("s", count), tape.inputs("c", count)
        walked = frames(chain, sines, cosines)
        parts = (walked.position, *walked.rotation, *jacobian_columns(walked))
        flat = [number for part in parts for number in part]
        self._geometry = compile_function(tape, [*sines, *cosines], flat)
        endless = np.where(chain.continuous, np.inf, 0.0)
        self._lower, self._upper = chain.lower - endless, chain.upper + endless

    def settle(
        self, q: FloatArray, pose: FloatArray, position_weight: float, orientation_weight: float
    ) -> Settled:
        """Steps from a posture; the best one met is returned.

        Each is dq = (J^T W J + lambda^2 I)^-1 J^T W e, with e the distance and the rotation
        vector to the wanted pose and W the weights, the larger of which is made 1. Joints that
        would leave their limits go onto them, and the others are solved for again.

        Args:
            q: (n,) where to start [rad, m]; brought into the limits first.
            pose: (4, 4) wanted T_base_tool.
            position_weight: Weight of the squared distance [1/m^2], 0 or more.
            orientation_weight: Weight of the squared angle, 0 or more; one of the two is not 0.
        """
        lower, upper, scales = self._lower, self._upper, self.chain.scales
        weights = np.repeat([position_weight, orientation_weight], 3)
        weights /= weights.max()
        q = np.clip(q, lower, upper)
        best = Settled(q, math.inf, math.inf, math.inf)
        for _ in range(STEPS + 1):
            error, J = self._error(q, pose)
            cost = float(weights @ (error * error))
            if cost < best.cost:
                distance, angle = math.hypot(*error[:3].tolist()), math.hypot(*error[3:].tolist())
                best = Settled(q, cost, distance, angle)
            weighed = J.T * weights
            gram = weighed @ J + np.diag((DAMPING_FLOOR + DAMPING * cost) / scales**2)
            dq = _within(gram, weighed @ error, lower - q, upper - q)
            most = float(np.abs(dq / scales).max())
            if most < SETTLED_STEP:
                break
            q = np.clip(q + dq * min(1.0, LARGEST_STEP / most), lower, upper)
        return best

    def _error(self, q: FloatArray, pose: FloatArray) -> tuple[FloatArray, FloatArray]:
        """What leads joints q (n,) to a pose (6,) [m, rad], and J (6, n) [m/rad, rad/rad].

        First a distance, then the vector of the rotation, in the base frame.
        """
        sines, cosines = self.chain.placed(q.tolist(), math)
        found = np.array(self._geometry(*sines, *cosines))
        away = pose[:3, 3] - found[:3]
        # The columns of the tool's rotation stand in rows: it is transposed.
        w, *vector = quaternion(pose[:3, :3] @ found[3:12].reshape(3, 3)).tolist()
        sine = math.hypot(*vector)
        # Near 0 an angle is twice the sine of its half.
        scale = 2 * math.atan2(sine, w) / sine if sine > 0 else 2.0
        return np.array([*away, *(scale * part for part in vector)]), found[12:].reshape(-1, 6).T


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
