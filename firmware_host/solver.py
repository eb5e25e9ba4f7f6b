"""The solver: a target in, joint angles with a measured error out."""

from __future__ import annotations

import enum
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from firmware_host.chain import Chain, FloatArray
from firmware_host.encoding import (
    Normalization,
    checked_target,
    decode_joints,
    network_features,
)
from firmware_host.refine import refine

Predict = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]

# A target counts as reached below this distance [m].
POSITION_TOLERANCE = 1e-3


class Status(enum.Enum):
    """How a solve ended."""

    SOLVED = "solved"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, eq=False)
class IkSolution:
    """One answer, judged on what is returned.

    Attributes:
        q: (n,) joint angles within the limits [rad].
        position_error_m: Distance between the tool at q and the target [m].
        status: Solved, or unreachable with the nearest configuration found.
        within_limits: Whether every joint limit holds.
        seed_error_m: The same distance for the network alone [m].
        steps: Refinement steps taken.
        microseconds: Time the solve took.
    """

    q: FloatArray
    position_error_m: float
    status: Status
    within_limits: bool
    seed_error_m: float
    steps: int
    microseconds: float


class IkSolver:
    """Solves position targets with a network and a fixed number of refinement steps.

    Args:
        chain: The robot.
        normalization: Statistics of the features.
        predict: The network: features (N, 6) to sines and cosines (N, 2n).
        refine_steps: Damped-least-squares steps, 0 or more.
    """

    def __init__(
        self,
        chain: Chain,
        normalization: Normalization,
        predict: Predict,
        refine_steps: int = 3,
    ) -> None:
        self.chain = chain
        self.normalization = normalization
        self.predict = predict
        self.refine_steps = refine_steps

    def seed(self, targets: FloatArray) -> FloatArray:
        """The network's first guess q (N, n) [rad] for targets (N, 3) [m]."""
        features = network_features(self.chain, self.normalization, targets)
        return decode_joints(self.chain, self.predict(features))

    def solve(self, target: npt.ArrayLike) -> IkSolution:
        """Solve one target.

        Args:
            target: (3,) position x, y, z of the tool in the base frame [m].

        Raises:
            TargetError: If the target has another shape or is not finite.
        """
        began = time.perf_counter()
        position = checked_target(target)
        seed = self.seed(position[None])[0]
        _, seed_error = refine(self.chain, seed, position, 0)
        q, error = refine(self.chain, seed, position, self.refine_steps)
        return IkSolution(
            q=q,
            position_error_m=float(error),
            status=Status.SOLVED if error < POSITION_TOLERANCE else Status.UNREACHABLE,
            within_limits=bool(self.chain.within_limits(q)),
            seed_error_m=float(seed_error),
            steps=self.refine_steps,
            microseconds=(time.perf_counter() - began) * 1e6,
        )
