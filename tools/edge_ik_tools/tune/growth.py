"""What to train next when a goal is not met: more steps, or a wider network of more heads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from edge_ik.config import Config
from edge_ik.sizing import Size, usual_size
from firmware_host.problem import IkProblem
from firmware_host.spec import MOST_BRANCHES, network_outputs

# More than this many times as much unsolved as may be: more steps alone will not do.
FAR = 3.0
# More steps that leave more than this share of what was unsolved are not worth going on with.
SLOW = 0.7
# Fewer epochs train nothing.
FEWEST_EPOCHS = 4
# A larger network needs this share of its usual length at least.
LEAST_LENGTH = 0.75
# Where a round of the usual length leaves less than its own time and a half, nothing else
# fits behind it, and it gets all the time; but no more than so many usual lengths.
ALONE, LONGEST = 2.5, 4
# Seconds a step grow more slowly than the multiplications of a step.
COST_POWER = 0.7
# Wide networks diverge at the rates of narrow ones.
WIDE, WIDE_RATE = 64, 5e-3

# What stands in a configuration for a value that is to be chosen.
OPEN = {
    "task.branches": "auto",
    "network.width": 0,
    "network.blocks": -1,
    "network.heads": 0,
    "training.epochs": 0,
    "training.learning_rate": 0.0,
    "data.curriculum": -1.0,
    "mining.share": -1.0,
}


@dataclass(frozen=True)
class Attempt:
    """A network that was trained and missed the goal.

    Attributes:
        size: Its size; `epochs` of it counts from its first step.
        one_branch: Whether it answers in one branch alone.
        gap: What it leaves unsolved, over what may be.
        epochs: Epochs trained in this round.
        seconds: What these took.
        extends: Whether it went on from another round's weights.
    """

    size: Size
    one_branch: bool
    gap: float
    epochs: int
    seconds: float
    extends: bool


@dataclass(frozen=True)
class Choice:
    """What to train next.

    Attributes:
        size: The size; with `extends`, `epochs` counts from the first step of that round.
        one_branch: Whether it answers in one branch alone.
        extends: Index of the attempt whose weights it goes on from, or None.
    """

    size: Size
    one_branch: bool
    extends: int | None


def choose(
    problem: IkProblem, attempts: Sequence[Attempt], kept: frozenset[str], seconds_left: float
) -> Choice | None:
    """What to train next.

    Args:
        problem: The robot and the task.
        attempts: What was trained, in order; at least one.
        kept: Configuration keys that were asked for, and stay as they are.
        seconds_left: Time for its training.

    Returns:
        The choice, or None where nothing fits into the time or may change.
    """
    best = min(range(len(attempts)), key=lambda index: attempts[index].gap)
    more = _more_steps(attempts, best, kept, seconds_left)
    last = attempts[-1]
    slow = last.extends and len(attempts) > 1 and last.gap > SLOW * attempts[-2].gap
    if more is not None and attempts[best].gap <= FAR and not slow:
        return more
    return _larger(problem, attempts, kept, seconds_left) or more


def _more_steps(
    attempts: Sequence[Attempt], index: int, kept: frozenset[str], seconds_left: float
) -> Choice | None:
    """The attempt's own network, trained on."""
    attempt = attempts[index]
    fits = int(seconds_left * attempt.epochs / attempt.seconds)
    if "training.epochs" in kept or fits < FEWEST_EPOCHS:
        return None
    epochs = attempt.size.epochs + _length(attempt.size.epochs, fits)
    return Choice(replace(attempt.size, epochs=epochs), attempt.one_branch, index)


def _larger(
    problem: IkProblem, attempts: Sequence[Attempt], kept: frozenset[str], seconds_left: float
) -> Choice | None:
    """A network larger than any before, from its first step."""
    base = max(attempts, key=lambda attempt: (_cost(problem, attempt.size), not attempt.one_branch))
    one_branch = base.one_branch and bool(kept & {"task.branches", "network.heads"})
    size = grown(problem, base.size, base.one_branch, one_branch, kept)
    if size is None:
        return None
    ratio = (_cost(problem, size) / _cost(problem, base.size)) ** COST_POWER
    fits = int(seconds_left * base.epochs / base.seconds / ratio)
    if "training.epochs" in kept:
        return Choice(size, one_branch, None) if fits >= size.epochs else None
    usual = usual_size(problem, one_branch).epochs
    if fits < max(FEWEST_EPOCHS, LEAST_LENGTH * usual):
        return None
    return Choice(replace(size, epochs=_length(usual, fits)), one_branch, None)


def _length(usual: int, fits: int) -> int:
    """Epochs of a round: as many as usual, or all that fit where no other round fits behind."""
    if fits < ALONE * usual:
        return min(fits, LONGEST * usual)
    return usual


def grown(
    problem: IkProblem, size: Size, was_one_branch: bool, one_branch: bool, kept: frozenset[str]
) -> Size | None:
    """A wider size of more heads, or None if nothing may change.

    Args:
        problem: The robot and the task.
        size: The size before.
        was_one_branch: Whether that answered in one branch alone.
        one_branch: Whether the new one does.
        kept: Configuration keys that stay as they are.
    """
    width, blocks, heads, rate = size.width, size.blocks, size.heads, size.learning_rate
    usual = usual_size(problem, one_branch)
    if was_one_branch and not one_branch:
        width, blocks, heads = max(width, usual.width), max(blocks, usual.blocks), usual.heads
    else:
        width = 2 * width if width < WIDE // 2 else -(-3 * width // 32) * 16
        heads = heads if one_branch else min(-(-3 * heads // 2), MOST_BRANCHES)
    wanted = {"network.width": width, "network.blocks": blocks, "network.heads": heads}
    before = {
        "network.width": size.width,
        "network.blocks": size.blocks,
        "network.heads": size.heads,
    }
    new = {key: before[key] if key in kept else value for key, value in wanted.items()}
    if new == before and "network.blocks" not in kept:
        new["network.blocks"] += 1
    if new == before:
        return None
    if "training.learning_rate" not in kept and new["network.width"] >= WIDE:
        rate = min(rate, WIDE_RATE)
    return Size(
        new["network.width"], new["network.blocks"], new["network.heads"], size.epochs, rate
    )


def _cost(problem: IkProblem, size: Size) -> float:
    """Multiplications of the network."""
    ends = len(problem.feature_names) + network_outputs(problem.outputs.size, size.heads)
    return float(size.width * (ends + 2 * size.blocks * size.width))


def asked_for(config: Config) -> frozenset[str]:
    """The keys that could be left open, and are not."""
    values = config.to_dict()
    return frozenset(
        key
        for key, left_open in OPEN.items()
        if values[key.partition(".")[0]][key.partition(".")[2]] != left_open
    )


def changed(base: Config, choice: Choice, kept: frozenset[str]) -> Config:
    """The configuration of a choice, from that of what it goes on from or is larger than."""
    size = choice.size
    network = replace(base.network, width=size.width, blocks=size.blocks, heads=size.heads)
    training = replace(base.training, epochs=size.epochs, learning_rate=size.learning_rate)
    if choice.one_branch or base.task.branches != "home":
        return replace(base, network=network, training=training)
    # What is right for one branch is chosen anew for all.
    data, mining = base.data, base.mining
    return replace(
        base,
        network=network,
        training=training,
        task=replace(base.task, branches="all"),
        data=data if "data.curriculum" in kept else replace(data, curriculum=-1.0),
        mining=mining if "mining.share" in kept else replace(mining, share=-1.0),
    )
