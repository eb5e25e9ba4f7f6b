"""An answer as it is told, from plain floats: joints, and what was measured of them."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from firmware_host.solving.solution import STATUSES, Found, Status
from firmware_host.tolerances import Tolerance

SOLVED, UNREACHABLE, LIMITED = map(
    STATUSES.index, (Status.SOLVED, Status.UNREACHABLE, Status.LIMITED)
)


def told(
    tolerance: Tolerance,
    q: Sequence[float],
    target: Sequence[float],
    near: Sequence[float] | None,
    off: tuple[float, float],
    seed_distance: float,
    steps: int,
    branch: int = -1,
    tried: int = 1,
    restarts: int = 0,
) -> Found:
    """An answer as it is kept.

    Args:
        tolerance: What counts as solved.
        q: n joints within the limits [rad, m].
        target: k components.
        near: n present joints [rad, m], or None.
        off: Distance [m] and angle [rad] between the tool at q and the target.
        seed_distance: Distance where the steps began [m].
        steps: Refinement steps taken from each seed.
        branch: Number of the branch that the seed was for, or -1.
        tried: Seeds that were refined.
        restarts: How many of them were drawn at random.
    """
    given = target if near is None else (*target, *near)
    return Found(
        array("d", q).tobytes(),
        array("d", given).tobytes(),
        *off,
        seed_distance,
        SOLVED if tolerance.holds(*off) else UNREACHABLE,
        steps,
        branch,
        tried,
        restarts,
    )
