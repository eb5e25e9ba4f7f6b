"""The baseline: damped least squares without the network."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from firmware_host.bench.clock import Latency, percentiles, timed
from firmware_host.chain import FloatArray
from firmware_host.problem import IkProblem
from firmware_host.progress import Done, Tell, untold
from firmware_host.solving.refine import refine, refinements

# Steps after which damped least squares has found its way or never will.
COLD_STEPS = 50


@dataclass(frozen=True)
class ColdFigures:
    """Damped least squares without the network, from the middle of the limits.

    Each target gets as many steps as it needs to come within tolerance, or `COLD_STEPS`,
    and no time is spent on looking whether it has.

    Attributes:
        solved: Share of the targets solved.
        steps_mean: Mean number of steps taken.
        steps_max: Largest number of steps taken.
        mean_us: Mean time for a target [microseconds].
        time: Percentiles of that time.
    """

    solved: float
    steps_mean: float
    steps_max: int
    mean_us: float
    time: Latency

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {
            "solved": self.solved,
            "steps_mean": self.steps_mean,
            "steps_max": self.steps_max,
            "mean_us": self.mean_us,
            "us": asdict(self.time),
        }


def bench_cold(problem: IkProblem, targets: FloatArray, tell: Tell = untold) -> ColdFigures:
    """Measure damped least squares from the middle of the limits.

    Args:
        problem: The robot and its task.
        targets: (N, k) reachable targets.
        tell: Called with how far it is, between calls that are timed.
    """
    middle = problem.chain.middle
    seeds = np.broadcast_to(middle, (len(targets), problem.joints))
    needed = np.full(len(targets), COLD_STEPS)
    solved = np.zeros(len(targets), dtype=bool)
    walk = refinements(problem, seeds, targets, COLD_STEPS)
    for steps, (q, _) in enumerate(walk):
        now = ~solved & problem.is_solved(q, targets)
        needed[now] = steps
        solved |= now
    microseconds = timed(
        lambda pair: refine(problem, middle, pair[0], pair[1]),
        list(zip(targets, needed.tolist(), strict=True)),
        between=lambda number: tell(Done("Without the network", number, len(targets))),
    )
    return ColdFigures(
        solved=float(solved.mean()),
        steps_mean=float(needed.mean()),
        steps_max=int(needed.max()),
        mean_us=float(microseconds.mean()),
        time=percentiles(microseconds),
    )
