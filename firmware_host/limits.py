"""How near joints are to their limits."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from firmware_host.chain import Chain, FloatArray


def nearest_limit(chain: Chain, q: FloatArray) -> tuple[npt.NDArray[np.int_], FloatArray]:
    """The number (...) of the joint nearest to a limit, and how near it is (...) [rad, m].

    A joint that turns without end has no limits: infinite where all do. One that may turn all the
    way around has some, for it does not turn on there.

    Args:
        chain: The robot.
        q: (..., n) joint vectors [rad, m]; a characteristic length counts as a radian.
    """
    margin = np.where(chain.continuous, math.inf, np.minimum(q - chain.lower, chain.upper - q))
    nearest: npt.NDArray[np.int_] = (margin / chain.scales).argmin(axis=-1)
    return nearest, np.take_along_axis(margin, nearest[..., None], axis=-1)[..., 0]
