"""Follow a circle in a loop of fixed rate, and tell whether every turn was in time."""

from __future__ import annotations

import argparse
import math
import sys
import time
from dataclasses import dataclass

import numpy as np

from firmware_host import EdgeIkError, IkSolver, Status
from firmware_host.plugins import available_solvers


@dataclass(frozen=True)
class Kept:
    """What a run of the loop was like.

    Attributes:
        turns: How often the loop went round.
        in_time: Share of the turns that ended before the next was due.
        slowest: The longest call of the solver [s].
        error: The largest distance from the target [m].
        solved: Share of the turns whose target was reached.
    """

    turns: int
    in_time: float
    slowest: float
    error: float
    solved: float


def circle(solver: IkSolver, count: int) -> np.ndarray:
    """Targets (count, 3) on an upright circle through where the tool is at home [m]."""
    x, y, z = solver.forward(solver.home)[:3, 3]
    radius = 0.1 * float(np.hypot(x, y))
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.column_stack(
        [np.full(count, x), y + radius * np.sin(angle), z + radius * (np.cos(angle) - 1)]
    )


def run(solver: IkSolver, hz: float, seconds: float) -> Kept:
    """Track one circle a second for so long."""
    targets = circle(solver, max(1, round(hz)))
    q, period = solver.home, 1 / hz
    taken, late, errors, solved = [], 0, [], 0
    due = time.perf_counter()
    for turn in range(round(hz * seconds)):
        due += period
        began = time.perf_counter()
        answer = solver.track(targets[turn % len(targets)], q)
        ended = time.perf_counter()
        q = answer.q  # here the joints would be told to go to q
        taken.append(ended - began)
        errors.append(answer.position_error_m)
        solved += answer.status is Status.SOLVED
        late += ended > due
        time.sleep(max(0.0, due - time.perf_counter()))
    turns = len(taken)
    return Kept(turns, 1 - late / turns, max(taken), max(errors), solved / turns)


def positive(text: str) -> float:
    """A number of an option, which must be positive."""
    value = float(text)
    if not 0.0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"expected a positive number, received {text}")
    return value


def main() -> None:
    """Run the loop and print what it was like."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="a .tflite of a robot whose targets are positions")
    parser.add_argument("--hz", type=positive, default=500.0)
    parser.add_argument("--seconds", type=positive, default=2.0)
    given = parser.parse_args()
    fast = "firmware" in available_solvers()
    solver = IkSolver.load(given.model, "firmware" if fast else None)
    kept = run(solver, given.hz, given.seconds)
    print(
        f"{solver.runtime}: {kept.turns} turns at {given.hz:g} Hz, {100 * kept.in_time:.2f}% in "
        f"time; slowest call {1e6 * kept.slowest:.0f} us; solved {100 * kept.solved:.2f}%, at "
        f"most {1e3 * kept.error:.4f} mm off"
    )


if __name__ == "__main__":
    try:
        main()
    except EdgeIkError as error:
        sys.exit(f"Error: {error}")
