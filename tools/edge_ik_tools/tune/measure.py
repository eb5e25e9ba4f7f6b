"""The share that a goal is about: what a network solves in int8 of targets it has not met."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from edge_ik.data.source import SampleSource
from edge_ik.data.streams import goal_stream
from edge_ik.data.targets import draw_everywhere
from edge_ik.figures import describe_rest
from edge_ik.run import Run
from edge_ik_tools.convert import FORMATS, calibration_features, convert
from firmware_host.network.runtimes import available_runtimes, open_interpreter
from firmware_host.progress import Done, Tell, untold
from firmware_host.solving.branches import solve_any
from firmware_host.solving.seeding import Seeder

# A share is known well if about this many targets may be left unsolved.
EXPECTED_UNSOLVED = 50
FEWEST_TARGETS, MOST_TARGETS = 20_000, 200_000
# Targets at a time: bounds the memory that many heads take.
BLOCK = 20_000


@dataclass(frozen=True)
class Measured:
    """What a network solves in int8, in any branch, after the problem's usual steps.

    Attributes:
        solved: Share of everything the arm reaches.
        unsolved: Targets that are not.
        targets: How many there were.
        steps: Refinement steps.
        runtime: What ran the network.
        rest: Where the unsolved lie, as `edge_ik.figures.describe_rest` says.
    """

    solved: float
    unsolved: int
    targets: int
    steps: int
    runtime: str
    rest: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return asdict(self)


def target_count(goal: float) -> int:
    """How many targets tell a goal from what just misses it."""
    wanted = EXPECTED_UNSOLVED / max(1 - goal, 1e-9)
    return min(max(round(wanted), FEWEST_TARGETS), MOST_TARGETS)


def int8_network(run: Run, source: SampleSource) -> bytes:
    """The run's best network quantized to int8 as it is, as a flatbuffer."""
    calibration = calibration_features(source, run.config.training.rng_seed)
    return convert(run.load_network(), FORMATS["int8"], calibration)


def measure_int8(
    run: Run, flatbuffer: bytes, count: int, draw: int, tell: Tell = untold
) -> Measured:
    """Measure a quantized network.

    Args:
        run: The run that it comes from.
        flatbuffer: The network.
        count: Number of targets.
        draw: Which targets: another number gives others, none of them met in training.
        tell: Called with how far it is.
    """
    usable = available_runtimes()
    runtime = next(name for name in FORMATS["int8"].runtimes if name in usable)
    problem = run.problem
    seeder = Seeder(run.spec, open_interpreter(flatbuffer, runtime).run)
    drawn = draw_everywhere(problem, count, goal_stream(run.config.training.rng_seed, draw))
    left = []
    tell(Done("Measuring int8", 0, count))
    for first in range(0, count, BLOCK):
        q_true, target = drawn.q[first : first + BLOCK], drawn.target[first : first + BLOCK]
        q = solve_any(seeder, target, problem.default_steps).q
        solved = problem.is_solved(q, target) & problem.chain.within_limits(q)
        left.append(q_true[~solved])
        tell(Done("Measuring int8", min(first + BLOCK, count), count))
    unsolved = np.concatenate(left)
    return Measured(
        solved=1 - len(unsolved) / count,
        unsolved=len(unsolved),
        targets=count,
        steps=problem.default_steps,
        runtime=runtime,
        rest=describe_rest(problem, unsolved),
    )
