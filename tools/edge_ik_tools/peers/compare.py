"""A model beside other solvers, on the same targets in one process."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from edge_ik_tools.peers.adapters import Peer, peers
from firmware_host.bench.clock import Latency, percentiles, timed
from firmware_host.chain import FloatArray
from firmware_host.problem import IkProblem
from firmware_host.progress import Done, Tell, untold
from firmware_host.solver import IkSolver
from firmware_host.tables import TextRow, TextTable, percent

COMPARED_TARGETS = 1000
# Joints are drawn uniformly within the limits with this seed.
TARGET_SEED = 0
BATCH = 256


@dataclass(frozen=True)
class PeerFigures:
    """What was measured of one solver.

    Attributes:
        solved: Share of the targets answered within 1 mm, 0.1 degrees and every limit.
        within_limits: Share of the answers given that hold every limit.
        error_m: Median distance of the answers from their targets [m].
        worst_m: Largest distance among the targets counted as solved [m].
        time: Percentiles of one call [microseconds].
        rate: Targets a second in batches, or one after the other without such a call.
        batched: Whether the solver has a call for batches.
        note: What to know about the figures.
    """

    solved: float
    within_limits: float
    error_m: float
    worst_m: float
    time: Latency
    rate: float
    batched: bool
    note: str = ""


@dataclass(frozen=True)
class Comparison:
    """All solvers on one robot.

    Attributes:
        targets: Number of targets: what uniformly drawn joints reach, so that each has
            some solution.
        solvers: Figures by name, the model's first.
        missing: Why a package is not among them, by its name.
        closed_form: Whether a closed form was found for the robot and task.
    """

    targets: int
    solvers: Mapping[str, PeerFigures]
    missing: Mapping[str, str]
    closed_form: bool

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return asdict(self)


def compare(
    solver: IkSolver,
    count: int = COMPARED_TARGETS,
    tell: Tell = untold,
) -> Comparison:
    """Measure the model and every peer that is installed, one after the other.

    Args:
        solver: The model in its runtime.
        count: Number of targets.
        tell: Called with a line of progress.
    """
    problem, chain, task = solver.problem, solver.chain, solver.task
    q = np.random.default_rng(TARGET_SEED).uniform(chain.lower, chain.upper, (count, len(chain)))
    targets = problem.reached_by(q)
    own = Peer(
        f"edge-ik, {solver.runtime}",
        lambda target: solver.solve(task.given(target[None])[0]).q,
        lambda rows: list(solver.solve_batch(task.given(rows)).q),
        note=_own_note(solver),
    )
    found, missing = {}, {}
    closed_form = False
    tell(f"{own.name}, {count:,} targets")
    found[own.name] = measure(own, problem, targets, tell)
    for package, peer in peers(problem, solver.home):
        if isinstance(peer, str):
            missing[package] = peer
            continue
        tell(f"{peer.name}, {count:,} targets")
        found[peer.name] = measure(peer, problem, targets, tell)
        closed_form |= package == "eaik"
    return Comparison(count, found, missing, closed_form)


def measure(
    peer: Peer, problem: IkProblem, targets: FloatArray, tell: Tell = untold
) -> PeerFigures:
    """Time a solver on every target (N, k), and judge its answers by our kinematics."""
    rows = list(targets)
    with warnings.catch_warnings():
        # They warn of what the figures show.
        warnings.simplefilter("ignore")
        answers = [peer.solve(row) for row in rows]
        microseconds = timed(
            peer.solve, rows, lambda number: tell(Done(peer.name, number, len(rows)))
        )
        batch = peer.solve_batch
        if batch is None:
            rate = 1e6 / float(microseconds.mean())
        else:
            parts = [targets[start : start + BATCH] for start in range(0, len(targets), BATCH)]
            rate = 1e6 * len(targets) / float(timed(batch, parts).sum())
    given = np.array([answer is not None for answer in answers])
    q = np.array([problem.chain.middle if answer is None else answer for answer in answers])
    distance, _ = problem.errors(q, targets)
    held = problem.chain.within_limits(q)
    solved = given & held & problem.is_solved(q, targets)
    return PeerFigures(
        solved=float(solved.mean()),
        within_limits=float(held[given].mean()) if given.any() else 1.0,
        error_m=float(np.median(distance[given])) if given.any() else float("nan"),
        worst_m=float(distance[solved].max(initial=0.0)),
        time=percentiles(microseconds),
        rate=rate,
        batched=batch is not None,
        note=peer.note,
    )


def comparison_table(values: Mapping[str, Any]) -> TextTable:
    """What `Comparison.to_dict` returns as text."""
    rows: list[TextRow] = [
        (
            str(name),
            percent(figures["solved"]),
            percent(figures["within_limits"]),
            f"{1e6 * figures['error_m']:.3g}",
            f"{figures['time']['p50']:.1f}",
            f"{figures['time']['p99']:.1f}",
            f"{figures['rate']:,.0f}" + ("" if figures["batched"] else " *"),
        )
        for name, figures in values["solvers"].items()
    ]
    return TextTable(
        f"The same {values['targets']:,} targets: what uniformly drawn joints reach",
        ("", "solved %", "limits held %", "median error um", "p50 us", "p99 us", "targets/s"),
        rows,
    )


def comparison_notes(values: Mapping[str, Any]) -> list[str]:
    """Sentences that belong to the table."""
    notes = ["* one after the other: no call for batches."]
    for name, figures in values["solvers"].items():
        if figures["note"]:
            notes.append(f"{name}: {figures['note']}.")
    if values["closed_form"]:
        notes.append(_closed_form_note(values["solvers"]))
    notes += [f"Left out: {name}, {reason}." for name, reason in values["missing"].items()]
    return notes


def _closed_form_note(solvers: Mapping[str, Any]) -> str:
    """Where a closed form exists, whether it is faster."""
    own = next(iter(solvers.values()))["time"]["p50"]
    closed = next(f["time"]["p50"] for name, f in solvers.items() if name.startswith("EAIK"))
    if closed < own:
        return (
            "This robot has a closed form, and it is faster: "
            f"{closed:.1f} against {own:.1f} microseconds here."
        )
    return f"This robot has a closed form: {closed:.1f} microseconds, {own:.1f} here."


def _own_note(solver: IkSolver) -> str:
    if solver.spec.heads > 1:
        return f"any of {solver.spec.heads} branches, {solver.refine_steps} steps each"
    return f"one branch, {solver.refine_steps} steps: what only other branches reach is not solved"
