"""What quantizing cost: the network in floats beside the one in integers, target by target."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge_ik.data.streams import EVERYWHERE_STREAM, stream
from edge_ik.data.targets import draw_everywhere
from edge_ik.figures import joint_difference
from edge_ik_tools.report.measuring.subject import Twin
from firmware_host.chain import FloatArray
from firmware_host.solving.branches import solve_any


@dataclass(frozen=True, eq=False)
class Rounding:
    """The same targets answered by the network in floats and by the one in integers.

    Attributes:
        names: What both are called, the one in floats first.
        targets: Number of targets.
        seed_error: (M, 2) distance of both networks' own answers from some targets [m].
        rmse: (2,) root mean square of that over all targets [m].
        solved: (2,) share of all targets solved after the usual steps.
        only: (2,) targets that one solves and the other does not, of each.
        same_head: Share of the targets for which both try the same head first.
        joints: Names of the joints.
        units: rad or m, of each.
        moved: (n,) mean difference of the heads' guesses, of the head that the network in
            floats tries first [rad, m].
    """

    names: tuple[str, str]
    targets: int
    seed_error: FloatArray
    rmse: FloatArray
    solved: FloatArray
    only: tuple[int, int]
    same_head: float
    joints: tuple[str, ...]
    units: tuple[str, ...]
    moved: FloatArray


def measure_rounding(twin: Twin, count: int, points: int, rng_seed: int) -> Rounding:
    """Answer the same targets with both.

    Args:
        twin: Both networks.
        count: Number of targets, drawn as `edge-ik evaluate` draws them.
        points: Of how many the errors are kept one by one.
        rng_seed: Seed of the targets.
    """
    problem = twin.exact.problem
    chain = problem.chain
    target = draw_everywhere(problem, count, stream(rng_seed, EVERYWHERE_STREAM)).target
    guesses = [solver.seeder.guesses(target) for solver in (twin.exact, twin.rounded)]
    first = [each.order[:, 0] for each in guesses]
    errors = np.stack(
        [
            problem.errors(each.seeds(head), target)[0]
            for each, head in zip(guesses, first, strict=True)
        ],
        axis=1,
    )
    solved = []
    for solver in (twin.exact, twin.rounded):
        q = solve_any(solver.seeder, target, problem.default_steps).q
        solved.append(problem.is_solved(q, target) & chain.within_limits(q))
    exact, rounded = solved
    apart = joint_difference(chain, guesses[0].seeds(first[0]), guesses[1].seeds(first[0]))
    return Rounding(
        names=twin.names,
        targets=count,
        seed_error=errors[:points],
        rmse=np.sqrt((errors**2).mean(axis=0)),
        solved=np.array([exact.mean(), rounded.mean()]),
        only=(int((exact & ~rounded).sum()), int((rounded & ~exact).sum())),
        same_head=float((first[0] == first[1]).mean()),
        joints=chain.joint_names,
        units=chain.units,
        moved=apart.mean(axis=0),
    )
