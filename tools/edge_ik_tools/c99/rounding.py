"""How far single precision leads from the true numbers, at most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from firmware_host.problem import IkProblem

# Half a unit of the last place of 1 in single precision.
EPSILON = 2.0**-24
# Each joint adds the rounding of a few products of the arm's length.
PRODUCTS = 2
# The arc tangent that an angle begins with is this near, with the root before it [rad].
ARC_TANGENT = 5e-7


@dataclass(frozen=True)
class Rounding:
    """The rounding of a robot's firmware in floats.

    Attributes:
        error: rho, of the task error [m].
        joint: alpha, of a joint's angle, to which each step adds [rad].
        distance: How nearly a distance told is that of the joints returned [m].
        angle: The same of an angle between orientations [rad].
    """

    error: float
    joint: float
    distance: float
    angle: float

    @classmethod
    def of(cls, problem: IkProblem, steps: int) -> Rounding:
        """The rounding of a solve in so many steps."""
        chain = problem.chain
        longest = farthest(problem)
        error = PRODUCTS * EPSILON * (problem.joints + 1) * longest
        largest = float(np.maximum(np.abs(chain.lower), np.abs(chain.upper)).max())
        joint = ARC_TANGENT + (steps + 1) * EPSILON * largest
        return cls(
            error=error,
            joint=joint,
            distance=error + problem.joints * longest * joint,
            angle=error / longest + problem.joints * joint,
        )


def farthest(problem: IkProblem) -> float:
    """How far from the base the tool can be [m]."""
    chain = problem.chain
    return chain.reach + float(np.linalg.norm(chain.links[0][:3, 3]))
