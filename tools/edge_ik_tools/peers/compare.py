"""A model in every runtime beside other solvers, on the same targets in one process."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np

from edge_ik_tools.peers.adapters import peers
from edge_ik_tools.peers.peer import Peer
from firmware_host.bench.clock import Latency, percentiles, timed
from firmware_host.chain import FloatArray
from firmware_host.problem import IkProblem
from firmware_host.progress import Done, Tell, untold
from firmware_host.solver import IkSolver

COMPARED_TARGETS = 1000
# Joints are drawn uniformly within the limits with this seed, the order of each round with
# the other.
TARGET_SEED, ORDER_SEED = 0, 0
BATCH = 256
# Rounds in which everyone solves every target once. Whoever takes longer than this for one [s]
# is heard in the first alone, or the others would wait for it most of the time.
ROUNDS, SLOW_SECONDS = 5, 20.0
# Calls before the clock of a round starts: the answers that are judged have warmed up already.
WARM_UP = 10


@dataclass(frozen=True)
class PeerFigures:
    """What was measured of one solver.

    Attributes:
        solved: Share of the targets answered within the tolerance and every limit.
        within_limits: Share of the answers given that hold every limit.
        error_m: Median distance of the answers from their targets [m].
        worst_m: Largest distance among the targets counted as solved [m].
        time: Percentiles of one call [microseconds], the median of each over the rounds.
        rate: Targets a second in batches, or one after the other without such a call; the
            median over the rounds.
        rounds: In how many rounds it was timed.
        batched: Whether the solver has a call for batches.
        note: What to know about the figures.
        closed_form: Whether it solves in closed form.
        own: Whether it is ours.
    """

    solved: float
    within_limits: float
    error_m: float
    worst_m: float
    time: Latency
    rate: float
    rounds: int
    batched: bool
    note: str = ""
    closed_form: bool = False
    own: bool = False


@dataclass(frozen=True)
class Comparison:
    """All solvers on one robot.

    Attributes:
        targets: Number of targets: what uniformly drawn joints reach, so that each has
            some solution.
        solvers: Figures by name, ours first.
        missing: Why a package is not among them, by its name.
        rounds: Rounds of timing, in each of which the solvers came in another order.
        load: The machine's load average over a minute before and after; None where it is
            not known.
        cores: Cores of the machine; None where that is not known.
    """

    targets: int
    solvers: Mapping[str, PeerFigures]
    missing: Mapping[str, str]
    rounds: int
    load: tuple[float, float] | None
    cores: int | None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return asdict(self)


class Contestant:
    """A solver with the targets in its own form, and the times of its rounds.

    Args:
        peer: The solver.
        targets: (N, k) components.
    """

    def __init__(self, peer: Peer, targets: FloatArray) -> None:
        self.peer, self.targets = peer, targets
        self._given = [peer.given(row) for row in targets]
        parts = [targets[start : start + BATCH] for start in range(0, len(targets), BATCH)]
        self._batches = [peer.given_batch(part) for part in parts] if peer.solve_batch else []
        self._times: list[Latency] = []
        self._rates: list[float] = []
        self._seconds = 0.0

    def answers(self, tell: Tell) -> list[FloatArray | None]:
        """What it answers to every target; how far it is, is told."""
        began = time.perf_counter()
        answers = []
        for number, target in enumerate(self._given):
            tell(Done(self.peer.name, number, len(self._given)))
            answers.append(self.peer.solve(target))
        self._seconds = time.perf_counter() - began
        return answers

    def take_round(self, tell: Callable[[], None]) -> None:
        """Solve every target once, timed; nothing if its rounds take too long.

        Args:
            tell: Called between calls that are timed, so that what is shown moves.
        """
        if self._times and self._seconds > SLOW_SECONDS:
            return
        microseconds = timed(self.peer.solve, self._given, WARM_UP, lambda _: tell())
        self._times.append(percentiles(microseconds))
        batch = self.peer.solve_batch
        total = timed(batch, self._batches, 1) if batch else microseconds
        self._rates.append(1e6 * len(self.targets) / float(total.sum()))

    def figures(self, problem: IkProblem, answers: Sequence[FloatArray | None]) -> PeerFigures:
        """Its answers judged by our kinematics, and its times over the rounds."""
        peer, targets = self.peer, self.targets
        given = np.array([answer is not None for answer in answers])
        q = np.array([problem.chain.middle if answer is None else answer for answer in answers])
        distance, _ = problem.errors(q, targets)
        held = problem.chain.within_limits(q)
        solved = given & held & problem.is_solved(q, targets)
        rounds = np.array([(one.p50, one.p99, one.max) for one in self._times])
        return PeerFigures(
            solved=float(solved.mean()),
            within_limits=float(held[given].mean()) if given.any() else 1.0,
            error_m=float(np.median(distance[given])) if given.any() else float("nan"),
            worst_m=float(distance[solved].max(initial=0.0)),
            time=Latency(*np.median(rounds, axis=0).tolist()),
            rate=float(np.median(self._rates)),
            rounds=len(self._times),
            batched=peer.solve_batch is not None,
            note=peer.note,
            closed_form=peer.closed_form,
            own=peer.own,
        )


def compare(
    solvers: Sequence[IkSolver],
    count: int = COMPARED_TARGETS,
    rounds: int = ROUNDS,
    tell: Tell = untold,
) -> Comparison:
    """Measure a model in its runtimes, and every peer that is installed.

    Every solver answers all targets once to be judged. Then come rounds of timing, in each of
    which the solvers take turns in another order: what disturbs the machine for a while then
    disturbs none of them alone, and the median over the rounds leaves it out.

    Args:
        solvers: The model, loaded in one runtime or several.
        count: Number of targets.
        rounds: Rounds of timing, 1 or more.
        tell: Called with lines, and how far it is.
    """
    first = solvers[0]
    problem, chain = first.problem, first.chain
    q = np.random.default_rng(TARGET_SEED).uniform(chain.lower, chain.upper, (count, len(chain)))
    targets = problem.reached_by(q)
    entered, missing = [own_peer(solver) for solver in solvers], {}
    for package, peer in peers(problem, first.home):
        if isinstance(peer, str):
            missing[package] = peer
        else:
            entered.append(peer)
    before = load_average()
    found = measure(entered, problem, targets, rounds, tell)
    after = load_average()
    load = None if before is None or after is None else (before, after)
    return Comparison(count, found, missing, rounds, load, os.cpu_count())


def measure(
    entered: Sequence[Peer],
    problem: IkProblem,
    targets: FloatArray,
    rounds: int = ROUNDS,
    tell: Tell = untold,
) -> dict[str, PeerFigures]:
    """Judge each solver's answers to targets (N, k), and time them all in rounds."""
    contestants = [Contestant(peer, targets) for peer in entered]
    with warnings.catch_warnings():
        # They warn of what the figures show.
        warnings.simplefilter("ignore")
        answers = []
        for contestant in contestants:
            tell(f"{contestant.peer.name}, {len(targets):,} targets")
            answers.append(contestant.answers(tell))
        _take_rounds(contestants, rounds, tell)
    return {
        contestant.peer.name: contestant.figures(problem, answered)
        for contestant, answered in zip(contestants, answers, strict=True)
    }


def _take_rounds(contestants: Sequence[Contestant], rounds: int, tell: Tell) -> None:
    """Let everyone solve every target once in each round, in the order of the round."""
    turn, turns = 0, rounds * len(contestants)
    for number, order in enumerate(orders(len(contestants), rounds), start=1):
        words = f"Round {number} of {rounds}"
        tell(Done(words, turn, turns, "turns", line=words))
        for index in order:
            done = Done(words, turn, turns, "turns")
            contestants[index].take_round(partial(tell, done))
            turn += 1


def orders(count: int, rounds: int) -> list[list[int]]:
    """Who comes when in each round: the same on every run, and another one each."""
    rng = np.random.default_rng(ORDER_SEED)
    return [rng.permutation(count).tolist() for _ in range(rounds)]


def own_peer(solver: IkSolver) -> Peer:
    """The model in a runtime, as a peer of the others."""
    task, heads = solver.task, solver.spec.heads
    note = f"any of {heads} branches, {solver.refine_steps} steps each"
    if heads == 1:
        note = f"one branch, {solver.refine_steps} steps: what only others reach is not solved"
    return Peer(
        f"edge-ik, {solver.runtime}",
        lambda target: solver.solve(target).q,
        lambda target: task.given(target[None])[0],
        lambda targets: list(solver.solve_batch(targets).q),
        task.given,
        note=note,
        own=True,
    )


def load_average() -> float | None:
    """The machine's load average over the last minute; None where the system has none."""
    try:
        return os.getloadavg()[0]
    except (AttributeError, OSError):
        return None
