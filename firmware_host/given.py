"""Arguments as users give them: real numbers in any form that holds them, and paths."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from firmware_host.errors import EdgeIkError, TargetError
from firmware_host.names import brief

FloatArray = npt.NDArray[np.float64]
"""Numbers in double precision, such as joints, poses and errors."""
# What NumPy would make a number of, in an array of objects, by reading it or taking a part of it.
NO_REAL_NUMBER = (complex, np.complexfloating, str, bytes)


def real_numbers(values: Any) -> FloatArray:
    """What is given as an array of real numbers, of any shape.

    Raises:
        TypeError, ValueError, OverflowError: If it is none: complex, text, a time, rows of
            different lengths.
    """
    found = np.asarray(values)
    if found.dtype == object:
        real = not any(isinstance(one, NO_REAL_NUMBER) for one in found.flat)
    else:
        real = np.can_cast(found.dtype, np.float64, "same_kind")
    if not real:
        raise TypeError("Expected real numbers.")
    return found.astype(np.float64, copy=False)


def numbers_given(values: npt.ArrayLike | None, name: str) -> FloatArray:
    """What is given in an argument as an array of real numbers, of any shape.

    Raises:
        TargetError: If it is none, such as text, complex numbers or rows of different lengths.
    """
    try:
        return real_numbers(values)
    except (TypeError, ValueError, OverflowError) as error:
        kind = (
            f"array of {values.dtype}" if isinstance(values, np.ndarray) else type(values).__name__
        )
        raise TargetError(
            f"Expected real numbers for {name}. Received: {kind}, which is none"
        ) from error


def path_given(path: Any, what: str, error: type[EdgeIkError]) -> Path:
    """A path as text or as a path.

    Args:
        path: What is given.
        what: What it is the path of, in words.
        error: What is raised where it is none.
    """
    text = os.fspath(path) if isinstance(path, os.PathLike) else path
    if not isinstance(text, str):
        raise error(f"Expected the path of {what} as text. Received: {brief(repr(path))}")
    return Path(text)
