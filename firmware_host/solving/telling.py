"""An answer as it is told, from plain floats: joints, and what was measured of them."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from firmware_host.solving.solution import STATUSES, Found, Status
from firmware_host.tolerances import within_tolerance

SOLVED, UNREACHABLE, LIMITED = map(
    STATUSES.index, (Status.SOLVED, Status.UNREACHABLE, Status.LIMITED)
)


def told(
    q: Sequence[float],
    target: Sequence[float],
    near: Sequence[float] | None,
    off: tuple[float, float],
    seed_distance: float,
    steps: int,
) -> Found:
    """An answer, of which the branch and the tries are left to be told.

    Args:
        q: n joints within the limits [rad, m].
        target: k components.
        near: n present joints [rad, m], or None.
        off: Distance [m] and angle [rad] between the tool at q and the target.
        seed_distance: Distance where the steps began [m].
        steps: Refinement steps taken.
    """
    return Found(
        q=array("d", q).tobytes(),
        given=array("d", target if near is None else (*target, *near)).tobytes(),
        distance=off[0],
        angle=off[1],
        seed_distance=seed_distance,
        status=SOLVED if within_tolerance(*off) else UNREACHABLE,
        steps=steps,
    )
