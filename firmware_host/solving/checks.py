"""What is given to a solve beside its target, checked: joints, branches, counts."""

from __future__ import annotations

import operator
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from firmware_host.chain import Chain, FloatArray
from firmware_host.errors import ConfigError, TargetError
from firmware_host.given import numbers_given
from firmware_host.tolerances import FARTHEST_JOINT, FARTHEST_TURN

# Far more than a target ever needs; a slip of the keyboard must not hold a robot up.
MOST_STEPS = 100
MOST_RESTARTS = 1000


def checked_joints(chain: Chain, q: npt.ArrayLike) -> FloatArray:
    """Joints (..., n) as they are given, as an array.

    Raises:
        TargetError: If they are of another number, or no numbers.
    """
    joints = numbers_given(q, "q")
    if joints.ndim == 0 or joints.shape[-1] != len(chain):
        raise TargetError(
            f"Expected q of {len(chain)} joints, or rows of them. Received: shape {joints.shape}"
        )
    return joints


def checked_near(
    chain: Chain, q_near: npt.ArrayLike | None, count: int | None = None, name: str = "q_near"
) -> FloatArray:
    """The present joints as an array of one posture (n,), or of one for each target (count, n).

    Args:
        chain: The robot.
        q_near: What is given.
        count: How many targets there are; None where there is one, and one posture with it.
        name: The argument that it is given in.

    Raises:
        TargetError: If they are of another shape, not finite, beyond `FARTHEST_JOINT`, or
            of a joint that turns without end beyond `FARTHEST_TURN`.
    """
    near = numbers_given(q_near, name)
    allowed = {(len(chain),)} if count is None else {(len(chain),), (count, len(chain))}
    finite = bool(np.isfinite(near).all())
    if near.shape not in allowed or not finite:
        rows = "" if count is None else f", or of such a row for each of {count} targets"
        received = f": shape {near.shape}" if near.shape not in allowed else " a NaN or infinity"
        raise TargetError(
            f"Expected {name} of {len(chain)} finite numbers{rows}. Received{received}."
        )
    far = np.abs(near) > np.where(chain.continuous, FARTHEST_TURN, FARTHEST_JOINT)
    if far.any():
        joint = int(np.argmax(far.reshape(-1, len(chain)).any(axis=0)))
        told = float(np.abs(near[..., joint]).max())
        raise TargetError(
            f"Expected {name} within {FARTHEST_TURN:g} rad of 0 for '{chain.joint_names[joint]}', "
            f"which turns without end: take whole turns off, which change nothing. Received: "
            f"{told:g}"
            if chain.continuous[joint]
            else f"Expected {name} within {FARTHEST_JOINT:g} rad or m of 0. Received: {told:g} for "
            f"'{chain.joint_names[joint]}'"
        )
    return near


def plain_near(chain: Chain, q_near: npt.ArrayLike | None, name: str = "q_near") -> list[float]:
    """`checked_near` of one posture, as plain floats."""
    values: Any = q_near.tolist() if type(q_near) is np.ndarray else q_near
    if (
        isinstance(values, list | tuple)
        and len(values) == len(chain)
        and all(type(value) is float and abs(value) <= FARTHEST_TURN for value in values)
    ):
        return [*values]
    plain: list[float] = checked_near(chain, q_near, name=name).tolist()
    return plain


def plain_steps(chain: Chain, max_step: npt.ArrayLike | None) -> list[float]:
    """How far each joint may move in one call (n,) [rad, m]; 0 or infinity for any way.

    Raises:
        TargetError: If that is of another shape, no number, or less than 0.
    """
    count = len(chain)
    if max_step is None:
        return [0.0] * count
    most = numbers_given(max_step, "max_step")
    if most.shape not in {(), (count,)} or not (most >= 0).all():
        raise TargetError(
            f"Expected max_step of 0 or more: one number, or one for each of {count} joints. "
            f"Received: {most.tolist()}"
        )
    plain: list[float] = np.broadcast_to(most, (count,)).tolist()
    return plain


def checked_threads(threads: int | None) -> int:
    """How many threads to use: one for each core that this process may use, at most.

    Raises:
        TargetError: If that is no whole number above 0.
    """
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # Not every system tells which cores a process may use.
        cores = os.cpu_count() or 1
    if threads is None:
        return cores
    number = whole_number(threads)
    if number is None or number < 1:
        raise TargetError(f"Expected threads of 1 or more, or None. Received: {threads!r}")
    return min(number, cores)


def checked_counts(refine_steps: int, restarts: int) -> tuple[int, int]:
    """Refinement steps of at most `MOST_STEPS`, and restarts of at most `MOST_RESTARTS`.

    Raises:
        ConfigError: If one is no whole number, less than 0, or more.
    """
    steps, seeds = whole_number(refine_steps), whole_number(restarts)
    if (
        steps is None
        or seeds is None
        or not (0 <= steps <= MOST_STEPS and 0 <= seeds <= MOST_RESTARTS)
    ):
        raise ConfigError(
            f"Expected whole numbers, from 0 to {MOST_STEPS} for refine_steps and to "
            f"{MOST_RESTARTS} for restarts. Received: refine_steps={refine_steps!r}, "
            f"restarts={restarts!r}"
        )
    return steps, seeds


def branch_number(names: tuple[str, ...], branch: int | str, others: Sequence[str]) -> int:
    """The number of a branch given by its number or name.

    Args:
        names: Those of the model's branches.
        branch: What is given.
        others: What else could have been.

    Raises:
        TargetError: If there is no such branch.
    """
    if isinstance(branch, str) and branch.lstrip("-").isdigit():
        branch = int(branch)
    if isinstance(branch, str) and branch in names:
        return names.index(branch)
    number = whole_number(branch)
    if number is not None and 0 <= number < len(names):
        return number
    known = ", ".join(f"{index} ({name})" for index, name in enumerate(names))
    quoted = [f"'{other}'" for other in others]
    last = " or ".join(", ".join(part) for part in (quoted[:-1], quoted[-1:]) if part)
    raise TargetError(f"Expected a branch of the model: {known}, or {last}. Received: {branch!r}")


def whole_number(value: Any) -> int | None:
    """A whole number, Python's or NumPy's, as an int; None for all else, True and False too."""
    if isinstance(value, bool | np.bool_):  # An index too, for older versions of NumPy.
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None
