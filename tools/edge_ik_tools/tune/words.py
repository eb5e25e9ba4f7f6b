"""What a training that has a goal tells people."""

from __future__ import annotations

from shlex import quote

from edge_ik.config import Config
from edge_ik.tables import counted, duration, figure_cell, rest_words
from edge_ik_tools.tune.record import GoalRecord


def size_words(config: Config) -> str:
    """The size of a network and the length of its training."""
    network, train = config.network, config.training
    blocks = counted(network.blocks, "block")
    heads = f"{network.heads} heads" if network.heads > 1 else "one branch"
    return (
        f"{network.width} wide, {blocks}, {heads}; {train.steps:,} steps of "
        f"{train.batch_size:,} samples"
    )


def percent(share: float) -> str:
    """A share in percent, such that less than all never looks like all."""
    return figure_cell(share, "%") + "%"


def verdict(record: GoalRecord) -> list[str]:
    """What came of it, and where the rest lies, in sentences."""
    measured, best = record.best_measured, record.best
    assert best is not None  # noqa: S101 - narrows the type
    goal, lines = percent(record.goal), []
    if record.met:
        lines.append(f"Goal of {goal} met: {percent(measured.solved)}")
    else:
        missing = 100 * (record.goal - measured.solved)
        lines.append(f"Goal of {goal} missed by {missing:.2g} points: {percent(measured.solved)}")
    lines[0] += (
        " of everything the arm reaches is solved in int8, in any branch, after "
        f"{measured.steps} DLS steps, by a network {size_words(record.rounds[best - 1].config)}: "
        f"round {best} of {len(record.rounds)}, in {duration(record.spent)} of "
        f"{duration(record.limit)}."
    )
    if measured.unsolved:
        share = 100 * measured.unsolved / measured.targets
        lines.append(
            f"Not solved: {measured.unsolved:,} of {measured.targets:,} fresh targets "
            f"({share:.2g}%); of these {rest_words(measured.rest)}."
        )
    if not record.met:
        more = max(1, round(record.limit / 60))
        lines.append(
            f"More time may do: edge-ik train --resume {quote(str(record.folder))} "
            f"--minutes {more + max(more, round(record.spent / 60))}"
        )
    return lines
