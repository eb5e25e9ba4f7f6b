"""What is given of joints, checked: where they are, and how far they may move."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from firmware_host.chain import Chain, FloatArray
from firmware_host.errors import TargetError


def checked_near(
    chain: Chain, q_near: npt.ArrayLike | None, count: int | None = None
) -> FloatArray:
    """The present joints as an array of one posture (n,), or of one for each target (count, n).

    Raises:
        TargetError: If they are of another shape or not finite.
    """
    near = np.asarray(q_near, dtype=np.float64)
    allowed = {(len(chain),)} if count is None else {(len(chain),), (count, len(chain))}
    if near.shape not in allowed or not np.isfinite(near).all():
        raise TargetError(
            f"Expected q_near of {len(chain)} finite numbers. Received: shape {near.shape}"
        )
    return near


def checked_steps(chain: Chain, max_step: npt.ArrayLike | None) -> FloatArray:
    """How far each joint may move in one call (n,) [rad, m]; 0 or infinity for any way.

    Raises:
        TargetError: If that is of another shape, no number, or less than 0.
    """
    count = len(chain)
    most = np.asarray(0.0 if max_step is None else max_step, dtype=np.float64)
    if most.shape not in {(), (count,)} or not (most >= 0).all():
        raise TargetError(
            f"Expected max_step of 0 or more: one number, or one for each of {count} joints. "
            f"Received: {most.tolist()}"
        )
    return np.broadcast_to(most, (count,))
