"""The sizes that a search looks at, and which of them are out of the question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge_ik.sizing import usual_size
from edge_ik_tools.tune.cost import NetworkSize
from firmware_host.problem import IkProblem
from firmware_host.spec import MOST_BRANCHES

# Firmware computes units in fours; a width between costs what the next multiple does.
WIDTH_STEP = 4
# The largest size looked at, over the usual one.
LARGEST = 1.5
# A size that leaves this many times as much unsolved as may be says something of smaller ones.
CLEARLY = 2.0
# A size is trained so often at most, each time at another learning rate.
MOST_TRAININGS = 2
# Before this share of a training nothing is known of its end.
HOPE_EPOCHS = 0.25
# How much better than the best before it a training may turn out.
HOPE = 10.0


@dataclass(frozen=True)
class Tried:
    """What is known of a size that was trained.

    Attributes:
        size: The size.
        gap: What it leaves unsolved, over what may be; at most 1 meets the goal.
        instructions: Its predicted instructions.
        flash: Its predicted flash [bytes].
    """

    size: NetworkSize
    gap: float
    instructions: float
    flash: float


@dataclass(frozen=True)
class Space:
    """Ranges of sizes.

    Attributes:
        widest: The largest width.
        deepest: The most blocks.
        fewest_heads: 1 with networks of one branch, else 2.
        most_heads: The most heads; 1 without networks of all branches.
        ladder: Sizes to begin with: the usual ones halved again and again, then themselves.
    """

    widest: int
    deepest: int
    fewest_heads: int
    most_heads: int
    ladder: tuple[NetworkSize, ...]

    @classmethod
    def of(cls, problem: IkProblem, one_branch: bool, all_branches: bool) -> Space:
        """The space of a problem.

        Args:
            problem: The robot and the task.
            one_branch: Whether to look at networks of one branch.
            all_branches: Whether to look at networks of all branches.
        """
        kinds = [kind for kind, wanted in ((True, one_branch), (False, all_branches)) if wanted]
        usual = [usual_size(problem, kind) for kind in kinds]
        widest = round(LARGEST * max(size.width for size in usual) / WIDTH_STEP) * WIDTH_STEP
        ladder = []
        for size in usual:
            width, blocks, chain = size.width, size.blocks, []
            while width >= WIDTH_STEP:
                chain.append(NetworkSize(width, blocks, size.heads))
                width, blocks = width // 2 // WIDTH_STEP * WIDTH_STEP, max(blocks - 1, 0)
            # The usual size comes last: it is dear to train, and not worth it if half will do.
            ladder += [*chain[1:], chain[0]]
        return cls(
            widest=widest,
            deepest=max(size.blocks for size in usual) + 1,
            fewest_heads=1 if one_branch else 2,
            most_heads=min(round(LARGEST * usual[-1].heads), MOST_BRANCHES) if all_branches else 1,
            ladder=tuple(ladder),
        )

    def sizes(self) -> list[NetworkSize]:
        """Every size in it."""
        return [
            NetworkSize(width, blocks, heads)
            for width in range(WIDTH_STEP, self.widest + 1, WIDTH_STEP)
            for blocks in range(self.deepest + 1)
            for heads in range(self.fewest_heads, self.most_heads + 1)
        ]


def objection(
    size: NetworkSize,
    cost: tuple[float, float],
    limits: tuple[float, float],
    tried: Sequence[Tried],
) -> str | None:
    """Why a size need not be trained, or None if it should be.

    Args:
        size: The size.
        cost: Its predicted instructions and flash [bytes].
        limits: The most of each that is allowed.
        tried: What was trained before.
    """
    if cost[0] > limits[0] or cost[1] > limits[1]:
        return "beyond the limits"
    if sum(other.size == size for other in tried) >= MOST_TRAININGS:
        return "trained before"
    for other in tried:
        if other.gap <= 1 and other.instructions <= cost[0] and other.flash <= cost[1]:
            return "no cheaper than one that meets the goal"
        if other.gap > CLEARLY and _is_smaller(size, other.size):
            return "smaller than one that misses the goal by far"
    return None


def _is_smaller(size: NetworkSize, other: NetworkSize) -> bool:
    """Whether a size is no larger than another in anything."""
    alike = (size.heads == 1) == (other.heads == 1)
    return (
        alike
        and size.width <= other.width
        and size.blocks <= other.blocks
        and size.heads <= other.heads
    )


def is_hopeless(
    unsolved: Sequence[float],
    epochs: int,
    finished: Sequence[Sequence[float]],
    allowed: float,
    smallest: float,
) -> bool:
    """Whether a training can no longer reach what is allowed.

    It cannot if it would not, improving from here on ten times as much as any finished
    training of as many epochs did from the same epoch on.

    Args:
        unsolved: Share that is not solved, after each epoch so far.
        epochs: Epochs of the whole training.
        finished: The same of trainings that came to their end.
        allowed: Share that may stay unsolved.
        smallest: Share that one target is, below which nothing is measured.
    """
    done = len(unsolved)
    if done < HOPE_EPOCHS * epochs:
        return False
    ratios = [
        max(min(other), smallest / 2) / max(min(other[:done]), smallest / 2)
        for other in finished
        if len(other) == epochs
    ]
    if not ratios:
        return False
    return min(unsolved) * min(ratios) / HOPE > allowed
