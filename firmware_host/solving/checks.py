"""What is given of joints, checked: where they are, and how far they may move."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from firmware_host.chain import Chain, FloatArray
from firmware_host.errors import TargetError


def numbers_given(values: npt.ArrayLike | None, name: str) -> FloatArray:
    """What is given in an argument as an array of numbers, of any shape.

    Raises:
        TargetError: If it is none, such as text or rows of different lengths.
    """
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        kind = type(values).__name__
        raise TargetError(
            f"Expected numbers for {name}. Received: a {kind} that is none"
        ) from error


def checked_near(
    chain: Chain, q_near: npt.ArrayLike | None, count: int | None = None
) -> FloatArray:
    """The present joints as an array of one posture (n,), or of one for each target (count, n).

    Raises:
        TargetError: If they are of another shape or not finite.
    """
    near = numbers_given(q_near, "q_near")
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
    most = numbers_given(0.0 if max_step is None else max_step, "max_step")
    if most.shape not in {(), (count,)} or not (most >= 0).all():
        raise TargetError(
            f"Expected max_step of 0 or more: one number, or one for each of {count} joints. "
            f"Received: {most.tolist()}"
        )
    return np.broadcast_to(most, (count,))
