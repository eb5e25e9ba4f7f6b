"""One runtime, tried on a model: `python -m edge_ik_tools.doctor.attempt RUNTIME MODEL`.

A process of its own, for a native library that does not fit the processor ends its process.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from firmware_host.errors import EdgeIkError, ModelFileError, RuntimeUnavailableError
from firmware_host.kinematics import tool_position
from firmware_host.solver import IkSolver

POSTURES = 20
# LiteRT rounds once where the reference rounds twice: some outputs differ by a unit of int8, and
# the angle of a sine and a cosine that are both small by some units [rad].
SEED_DRIFT = 0.1
# The firmware's floats are of single precision, on a robot of half a metre [m].
ERROR_DRIFT_M = 1e-5


def attempt(runtime: str, path: Path) -> str:
    """Solve with a runtime, and hold its network to the reference and its errors to the robot.

    Args:
        runtime: Its name.
        path: A model file of a position.

    Returns:
        Name and version of what answered.

    Raises:
        EdgeIkError: If it cannot be used, or answers something else.
    """
    solver, reference = IkSolver.load(path, runtime), IkSolver.load(path, "reference")
    chain = solver.chain
    q = np.random.default_rng(0).uniform(chain.lower, chain.upper, (POSTURES, len(chain)))
    targets = tool_position(chain, np.sin(q), np.cos(q))
    drift = float(np.abs(solver.seed(targets) - reference.seed(targets)).max())
    if not drift <= SEED_DRIFT:
        raise ModelFileError(
            f"{solver.runtime} answers {drift:.3g} rad away from the reference, more than "
            f"{SEED_DRIFT} rad."
        )
    found = solver.solve_batch(targets)
    reached = tool_position(chain, np.sin(found.q), np.cos(found.q))
    errors = np.linalg.norm(reached - targets, axis=1)
    off = float(np.abs(errors - found.position_error_m).max())
    if not off <= ERROR_DRIFT_M or not found.within_limits.all():
        raise ModelFileError(f"{solver.runtime} tells errors that are {off:.3g} m wrong.")
    return solver.runtime


if __name__ == "__main__":
    try:
        sys.stdout.write(attempt(sys.argv[1], Path(sys.argv[2])) + "\n")
    except EdgeIkError as error:
        said = error.reason if isinstance(error, RuntimeUnavailableError) else str(error)
        sys.stderr.write(f"{said}\n")
        sys.exit(1)
