"""The verdict: whether a model holds what it is for, and by what rule."""

from __future__ import annotations

from dataclasses import dataclass

from scipy.special import betaincinv

from edge_ik_tools.report.measuring.answers import Answered
from edge_ik_tools.report.measuring.following import Followed

# It holds if at least so many of the targets are solved, with this confidence.
WANTED, CONFIDENCE = 0.999, 0.95
# Less than this is no solver at all.
LEAST_WANTED = 0.99
HOLDS, MOSTLY, FAILS = "holds", "mostly", "fails"


@dataclass(frozen=True)
class Verdict:
    """What a model is worth, in a few figures.

    Attributes:
        state: holds, mostly or fails.
        reasons: Why it does not hold, in sentences; none if it does.
        targets: Number of targets.
        solved: Share of them that is solved.
        solved_at_least: The share of all targets that is solved at least, with `CONFIDENCE`.
        limit_violations: Answers that break a joint limit.
        worst_m: Largest distance of an answer from its target [m].
        worst_rad: Largest angle [rad]; None where targets have no orientation.
        tried: Seeds refined for a target, in the mean.
    """

    state: str
    reasons: tuple[str, ...]
    targets: int
    solved: float
    solved_at_least: float
    limit_violations: int
    worst_m: float
    worst_rad: float | None
    tried: float


def judge(answered: Answered, followed: Followed) -> Verdict:
    """The verdict on answered targets and a path that was followed.

    It holds if `WANTED` of all targets are solved with a confidence of `CONFIDENCE`, no answer
    breaks a limit, and every target of the path is reached.
    """
    last, total = answered.last, len(answered.target)
    solved = int(last.solved.sum())
    least = solved_at_least(solved, total)
    violations = int((~answered.problem.chain.within_limits(last.q)).sum())
    off = int((~followed.solved).sum())
    reasons = []
    if solved < WANTED * total:
        reasons.append(f"{total - solved:,} of {total:,} targets are not solved.")
    elif least < WANTED:
        reasons.append(
            f"{total:,} targets are too few to tell that {100 * WANTED:g}% of all are solved."
        )
    if violations:
        reasons.append(f"{violations:,} answers break a joint limit.")
    if off:
        reasons.append(f"{off:,} of {len(followed.solved):,} targets of the path are not reached.")
    poor = solved < LEAST_WANTED * total or violations
    return Verdict(
        state=HOLDS if not reasons else FAILS if poor else MOSTLY,
        reasons=tuple(reasons),
        targets=total,
        solved=solved / total,
        solved_at_least=least,
        limit_violations=violations,
        worst_m=float(last.error.max()),
        worst_rad=float(last.angle.max()) if answered.problem.task.has_orientation else None,
        tried=float(last.tried.mean()),
    )


def solved_at_least(solved: int, total: int) -> float:
    """The least share that so many solved of all drawn speak for, with `CONFIDENCE`.

    One-sided (Clopper and Pearson, "The use of confidence or fiducial limits illustrated in
    the case of the binomial", Biometrika, 1934).
    """
    if solved == 0:
        return 0.0
    return float(betaincinv(solved, total - solved + 1, 1 - CONFIDENCE))


def rule() -> str:
    """The rule of the verdict, in a sentence."""
    return (
        f"Green if at least {100 * WANTED:g}% of everything the arm reaches is solved "
        f"(with {100 * CONFIDENCE:g}% confidence, from the targets drawn), no answer breaks a "
        "joint limit, and every target of the path is reached; red if less than "
        f"{100 * LEAST_WANTED:g}% is solved or a limit is broken; amber between."
    )
