"""Random inputs of a network, for comparing what runtimes make of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from firmware_host.network.interpreter import Interpreter


def random_inputs(
    interpreter: Interpreter, count: int, rng: np.random.Generator
) -> npt.NDArray[Any]:
    """Inputs (count, n_in) of the network's own type, integers over all of its range.

    Args:
        interpreter: The network in any runtime.
        count: How many.
        rng: Where they come from.
    """
    shape = (count, interpreter.input_shape[1])
    if interpreter.dtype == np.float32:
        return rng.normal(size=shape).astype(np.float32)
    limits = np.iinfo(interpreter.dtype)
    return rng.integers(limits.min, limits.max, shape, interpreter.dtype, endpoint=True)
