"""What a network and its training are like if nobody says: by the task and the joints."""

from __future__ import annotations

from dataclasses import dataclass, replace

from edge_ik.config import Config
from firmware_host.problem import IkProblem

# Of one branch, which needs the study's recipe; many heads learn best from all at once.
ONE_BRANCH_CURRICULUM, ONE_BRANCH_MINING = 0.2, 0.125


@dataclass(frozen=True)
class Size:
    """Sizes of a network and of its training.

    Attributes:
        width: Units of the projection and of every block.
        blocks: Gated residual blocks.
        heads: Answers that one run gives.
        epochs: Epochs of 500 steps.
        learning_rate: Peak learning rate.
    """

    width: int
    blocks: int
    heads: int
    epochs: int
    learning_rate: float


def usual_size(problem: IkProblem, one_branch: bool) -> Size:
    """The size that a problem usually takes.

    Args:
        problem: The robot and the task.
        one_branch: Whether the network answers in one branch alone.
    """
    rows = problem.task.rows
    if one_branch:
        return Size(16, 2, 1, 16, 1e-2) if rows <= 3 else Size(64, 3, 1, 24, 1e-2)
    if rows <= 3:
        # Spare joints cost more heads, and answers that differ more.
        return Size(64, 3, 12, 24, 5e-3) if problem.spare_joints else Size(16, 2, 4, 16, 1e-2)
    if problem.spare_joints:
        return Size(128, 3, 24, 20, 5e-3)
    if rows == 4:
        return Size(48, 3, 8, 16, 5e-3)
    return Size(96, 3, 12, 24, 5e-3)


def resolved(config: Config, problem: IkProblem, one_branch: bool) -> Config:
    """The configuration with everything that was left to be chosen."""
    size = usual_size(problem, one_branch)
    network, training, data = config.network, config.training, config.data
    return replace(
        config,
        task=replace(config.task, branches="home" if one_branch else "all"),
        network=replace(
            network,
            width=network.width or size.width,
            blocks=size.blocks if network.blocks < 0 else network.blocks,
            heads=network.heads or size.heads,
        ),
        training=replace(
            training,
            epochs=training.epochs or size.epochs,
            learning_rate=training.learning_rate or size.learning_rate,
        ),
        data=replace(
            data,
            curriculum=(ONE_BRANCH_CURRICULUM if one_branch else 0.0)
            if data.curriculum < 0
            else data.curriculum,
        ),
        mining=replace(
            config.mining,
            share=(ONE_BRANCH_MINING if one_branch else 0.0)
            if config.mining.share < 0
            else config.mining.share,
        ),
    )
