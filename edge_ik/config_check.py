"""Values of a configuration that are out of range, refused by the key's name."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

from firmware_host.bounds import MOST_NUMBER, MOST_REACH, bounded
from firmware_host.errors import ConfigError
from firmware_host.spec import MOST_BRANCHES
from firmware_host.tasks import PLANES, TASKS, TOOL_AXES

if TYPE_CHECKING:
    from edge_ik.config import Config

BRANCHES = ("auto", "home", "all")

# Beyond these a file asks for more memory or time than machines have, not for a training.
MOST_WIDTH, MOST_BLOCKS = 8192, 64
MOST_SAMPLES = 10_000_000
MOST_BATCH = 1_000_000
MOST_EPOCHS, MOST_STEPS = 10_000, 1_000_000

CHOSEN = "to let it be chosen"


def check(config: Config) -> None:
    """Refuse values out of range.

    Raises:
        ConfigError: With the key, what was expected and what was received.
    """
    _check_sampling(config)
    _check_network(config)
    _check_training(config)


def _expect(config: Config, key: str, holds: bool, expected: str) -> None:
    table, name = key.split(".")
    if not holds:
        received = getattr(getattr(config, table), name)
        raise ConfigError(f"Expected '{key}' {expected}. Received: {received}")


def _check_sampling(config: Config) -> None:
    expect, data, task = partial(_expect, config), config.data, config.task
    choices: dict[str, tuple[str, ...]] = {
        "name": tuple(TASKS),
        "tool_axis": ("", *TOOL_AXES),
        "plane": ("", *PLANES),
        "branches": BRANCHES,
    }
    for key, known in choices.items():
        words = " or ".join(filter(None, known))
        expect(f"task.{key}", getattr(task, key) in known, f"to be {words}")
    offset = config.arm.tool_offset
    numbers = len(offset) in (0, 3, 7) and all(map(math.isfinite, offset))
    turned = len(offset) < 7 or any(offset[3:])
    words = "to be empty, or x, y, z and perhaps a quaternion w, x, y, z, not all 0"
    expect("arm.tool_offset", numbers and turned, words)
    for key in ("range_start", "focus_start", "focus_end"):
        expect(f"data.{key}", 0 <= getattr(data, key) <= 1, "between 0 and 1")
    curriculum = data.curriculum == -1 or 0 <= data.curriculum <= 1
    expect("data.curriculum", curriculum, f"between 0 and 1, or -1 {CHOSEN}")
    expect("data.pool", 1000 <= data.pool <= MOST_SAMPLES, f"of 1000 to {MOST_SAMPLES:,}")
    center = len(data.focus_center) in (0, 3) and bounded(data.focus_center, MOST_REACH)
    expect("data.focus_center", center, f"to be empty or x, y, z of at most {MOST_REACH:g} m")
    radius = 0 < data.focus_radius <= MOST_REACH
    expect("data.focus_radius", radius, f"greater than 0 and of at most {MOST_REACH:g} m")
    normal = len(data.focus_normal) == 3 and any(data.focus_normal) and bounded(data.focus_normal)
    expect("data.focus_normal", normal, f"to be x, y, z, not all 0 and of at most {MOST_NUMBER:g}")
    expect("data.focus_spread", data.focus_spread >= 0, "of 0 or more")


def _check_network(config: Config) -> None:
    expect, network = partial(_expect, config), config.network
    width, blocks = 0 <= network.width <= MOST_WIDTH, -1 <= network.blocks <= MOST_BLOCKS
    expect("network.width", width, f"of 1 to {MOST_WIDTH:,}, or 0 {CHOSEN}")
    expect("network.blocks", blocks, f"of 0 to {MOST_BLOCKS}, or -1 {CHOSEN}")
    heads = 0 <= network.heads <= MOST_BRANCHES
    expect("network.heads", heads, f"of 1 to {MOST_BRANCHES}, or 0 {CHOSEN}")
    if config.task.branches == "home":
        expect("network.heads", network.heads <= 1, "of 1 with task.branches = 'home'")
    expect("network.dropout", 0 <= network.dropout < 1, "in [0, 1)")


def _check_training(config: Config) -> None:
    expect, training, mining = partial(_expect, config), config.training, config.mining
    expect("loss.position_weight", config.loss.position_weight >= 0, "of 0 or more")
    expect("loss.angle_weight", config.loss.angle_weight >= 0, "of 0 or more")
    expect(
        "mining.share", mining.share == -1 or 0 <= mining.share < 1, f"in [0, 1), or -1 {CHOSEN}"
    )
    expect("mining.buffer", 1 <= mining.buffer <= MOST_SAMPLES, f"of 1 to {MOST_SAMPLES:,}")
    epochs = 0 <= training.epochs <= MOST_EPOCHS
    expect("training.epochs", epochs, f"of 1 to {MOST_EPOCHS:,}, or 0 {CHOSEN}")
    for key in ("steps_per_epoch", "steps_per_execution"):
        steps = 1 <= getattr(training, key) <= MOST_STEPS
        expect(f"training.{key}", steps, f"of 1 to {MOST_STEPS:,}")
    batch = 8 <= training.batch_size <= MOST_BATCH
    expect("training.batch_size", batch, f"of 8 to {MOST_BATCH:,}")
    rate = training.learning_rate
    expect("training.learning_rate", rate >= 0, f"greater than 0, or 0 {CHOSEN}")
    expect("training.final_learning_rate", training.final_learning_rate >= 0, "of 0 or more")
    expect("training.warmup", 0 <= training.warmup < 1, "in [0, 1)")
    expect("training.grid_start", 0 <= training.grid_start <= 1, "between 0 and 1")
    expect("training.ema", 0 <= training.ema < 1, "in [0, 1)")
    targets = 1 <= training.validation_targets <= MOST_SAMPLES
    expect("training.validation_targets", targets, f"of 1 to {MOST_SAMPLES:,}")
    expect("training.rng_seed", 0 <= training.rng_seed < 2**31, "in [0, 2^31)")
