"""What a robot's description offers: every chain that can be taken, and what looks wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np

from edge_ik.arms.description import PRISMATIC, REVOLUTE
from edge_ik.arms.ends import Run, Runs, runs_from, tool_of, worth
from edge_ik.arms.load import ArmSelection, select_chain
from edge_ik.arms.tree import LinkTree
from edge_ik.data.rank import possible_tasks
from firmware_host.chain import Chain, Joint
from firmware_host.errors import RobotError

# A robot with more limbs than a centipede is not listed whole.
MOST_CHAINS = 100
# Whoever turns by less than this all over has radians where degrees are read [rad].
SMALL_TURN = 0.15
# Smaller than a finger's last link [m].
SMALL_REACH = 5e-3
# Two axes are one line if they differ by no more than this [rad, m].
SAME_LINE = 1e-6


@dataclass(frozen=True)
class ChainOption:
    """A chain that can be taken, or why it cannot.

    Attributes:
        base: Link where it starts.
        tip: Link where it ends.
        selection: The chain; None if it cannot be taken.
        tasks: Names of the tasks that it can be trained for.
        refusal: Why it cannot be taken; empty if it can.
    """

    base: str
    tip: str
    selection: ArmSelection | None
    tasks: tuple[str, ...] = ()
    refusal: str = ""


@dataclass(frozen=True)
class Survey:
    """All chains of a robot.

    Attributes:
        recommended: The one that `load_arm` takes; if that is refused, the longest that is not.
        options: All of them, the longest first, the one that `load_arm` takes at the head.
        left_out: How many more there are.
    """

    recommended: ChainOption
    options: tuple[ChainOption, ...]
    left_out: int


def survey(tree: LinkTree, base: str | None = None, tip: str | None = None) -> Survey:
    """Look at every chain of a robot.

    Args:
        tree: The robot.
        base: Where the recommended chain must start.
        tip: Where it must end.

    Raises:
        RobotError: If the chain that was asked for, or every chain, is refused.
    """
    try:
        selection = select_chain(tree, base, tip)
    except RobotError:
        if base or tip:
            raise
        options = [_option(tree, *pair) for pair in _ends(tree)[:MOST_CHAINS]]
        first = next((option for option in options if option.selection is not None), None)
        if first is None:
            raise
        return Survey(first, tuple(options), len(_ends(tree)) - len(options))
    chain = selection.chain
    first = ChainOption(chain.base, chain.tip, selection, possible_tasks(chain))
    ends = [pair for pair in _ends(tree) if pair != (chain.base, chain.tip)]
    options = [first, *(_option(tree, *pair) for pair in ends[: MOST_CHAINS - 1])]
    return Survey(first, tuple(options), len(ends) + 1 - len(options))


def doubts(chain: Chain) -> tuple[str, ...]:
    """Sentences on what looks wrong in a chain that can be taken all the same."""
    found = []
    turns = [joint.upper - joint.lower for joint in chain.moving if joint.kind == REVOLUTE]
    if turns and max(turns) < SMALL_TURN:
        found.append(
            f"No joint turns by more than {max(turns):.3g} rad: limits may be radians where "
            'degrees are read (MJCF without compiler angle="radian").'
        )
    if chain.reach < SMALL_REACH:
        found.append(f"It reaches {1000 * chain.reach:.3g} mm: lengths may be in another unit.")
    for before, after in pairwise(chain.moving):
        if _on_one_line(before, after):
            found.append(
                f"Joints '{before.name}' and '{after.name}' turn about one line: only their sum "
                "matters."
            )
    if not possible_tasks(chain):
        found.append("It allows none of the tasks: it has too few joints, or is singular.")
    return tuple(found)


def kinds_of(chain: Chain) -> dict[str, int]:
    """Number of moving joints of each kind, "mimic" for those that follow others."""
    return dict(Counter("mimic" if joint.mimic else joint.kind for joint in chain.moving))


def _on_one_line(before: Joint, after: Joint) -> bool:
    """Whether two joints, one after the other, turn about the same line."""
    if PRISMATIC in (before.kind, after.kind):
        return False
    twist = np.linalg.norm(np.cross(before.axis, after.origin[:3, :3] @ after.axis))
    apart = np.linalg.norm(np.cross(before.axis, after.origin[:3, 3]))
    return bool(max(twist, apart) < SAME_LINE)


def _option(tree: LinkTree, base: str, tip: str) -> ChainOption:
    try:
        selection = select_chain(tree, base, tip)
    except RobotError as error:
        return ChainOption(base, tip, None, (), str(error))
    return ChainOption(base, tip, selection, possible_tasks(selection.chain))


def _ends(tree: LinkTree) -> list[tuple[str, str]]:
    """Base and tip of each chain, the longest first.

    To the end of each limb, from where it can start at all and from where limbs branch.
    """
    runs = runs_from(tree, None)
    carried = Counter(_carriers(tree, runs))
    last: dict[str, str] = {}
    for link in tree.links:
        run = runs.at.get(link)
        if run is not None and run.moving and run.body not in carried:
            last[run.body] = max(last.get(run.body, link), link, key=partial(worth, runs))
    found: dict[tuple[str, str], int] = {}
    for link in last.values():
        run, tip = runs.at[link], tool_of(tree, runs, link)
        found[run.start, tip] = run.moving
        limb = _limb(tree, runs, carried, run)
        if limb != run.start:
            found.setdefault((limb, tip), run.moving - runs.at[limb].moving)
    return sorted(found, key=lambda ends: -found[ends])


def _carriers(tree: LinkTree, runs: Runs) -> Iterator[str]:
    """The bodies, with repetition, that carry another body of the same run."""
    for link, run in runs.at.items():
        joint = tree.joint_above.get(link)
        before = runs.at.get(joint.parent) if joint is not None else None
        if before is not None and before.start == run.start and before.body != run.body:
            yield before.body


def _limb(tree: LinkTree, runs: Runs, carried: Counter[str], run: Run) -> str:
    """The last link at which the way to a run's end branches; its start if it nowhere does."""
    link = run.body
    while link != run.start:
        joint = tree.joint_above[link]
        before = runs.at[joint.parent]
        if before.body != runs.at[link].body and carried[before.body] > 1:
            return joint.parent
        link = joint.parent
    return run.start
