"""Configuration: frozen dataclasses, and their TOML form."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge_ik.presets import DEFAULT_PRESET, PRESETS
from edge_ik.toml_values import checked_value, parsed_value, read_toml, toml_value
from firmware_host.errors import ConfigError
from firmware_host.tasks import TASKS, TOOL_AXES, Task, make_task


@dataclass(frozen=True)
class ArmConfig:
    """Which robot.

    Attributes:
        source: Name of a built-in robot or path of a URDF.
        base: Base link; empty for the root.
        tip: Tip link; empty for the end of the longest chain.
        home: Posture that chooses the branch [rad]; empty for the robot's own.
        singularity_margin: Least |det J| of a sample, as a share of the largest.
    """

    source: str = "arm3"
    base: str = ""
    tip: str = ""
    home: tuple[float, ...] = ()
    singularity_margin: float = 0.05


@dataclass(frozen=True)
class TaskConfig:
    """What a target is, and in which branches it is answered.

    Attributes:
        name: "position", "axis" or "pose".
        tool_axis: Of "axis", the tool axis that is directed: x, y or z.
        aspects: "home" for the branch of the home posture alone, the smallest network;
            "all" for one network that answers in every branch.
    """

    name: str = "position"
    tool_axis: str = "z"
    aspects: str = "home"

    @property
    def every_aspect(self) -> bool:
        """Whether one network answers in every branch."""
        return self.aspects == "all"

    def make(self) -> Task:
        """The task as the kinematics knows it."""
        return make_task(self.name, self.tool_axis)


@dataclass(frozen=True)
class DataConfig:
    """What is sampled.

    Attributes:
        pool: Number of uniform joint vectors that samples are drawn around.
        focus_center: Centre of the focus circle [m]; empty for one found automatically.
        focus_radius: Its radius [m]; only read with a centre.
        focus_normal: Its normal; only read with a centre.
        focus_spread: Deviation of samples around the path, as a share of each joint's range.
        focus_start: Share of focus samples at the start.
        focus_end: Share of focus samples at the end.
        range_start: Share of the joint range around home that is sampled at the start.
        curriculum: Share of training until range and focus reach their end; 0 for none.
    """

    pool: int = 131_072
    focus_center: tuple[float, ...] = ()
    focus_radius: float = 0.1
    focus_normal: tuple[float, ...] = (0.0, 0.0, 1.0)
    focus_spread: float = 0.02
    focus_start: float = 0.3
    focus_end: float = 0.2
    range_start: float = 0.5
    curriculum: float = 0.2


@dataclass(frozen=True)
class NetworkConfig:
    """Size of the network, and switches to take parts away.

    Attributes:
        width: Units of the projection and of every block.
        blocks: Number of gated residual blocks.
        dropout: Share of a block's units dropped in training.
        gate: Whether blocks are gated.
        residual: Whether blocks add their input.
    """

    width: int = 64
    blocks: int = 3
    dropout: float = 0.0
    gate: bool = True
    residual: bool = True


@dataclass(frozen=True)
class LossConfig:
    """The two losses.

    Attributes:
        balance: Whether their weights are learned; otherwise the two below hold.
        position_weight: Fixed weight of the squared task error over the squared reach.
        angle_weight: Fixed weight of the squared error of sines and cosines.
    """

    balance: bool = True
    position_weight: float = 1.0
    angle_weight: float = 1.0


@dataclass(frozen=True)
class MiningConfig:
    """Hard-example mining.

    Attributes:
        enabled: Whether high-error targets are fed back.
        share: Share of each batch that comes from the buffer.
        buffer: Targets that the buffer holds.
    """

    enabled: bool = True
    share: float = 0.125
    buffer: int = 4096


@dataclass(frozen=True)
class TrainingConfig:
    """How the network is trained.

    Attributes:
        epochs: Epochs; each ends with a validation and a checkpoint.
        steps_per_epoch: Optimizer steps of an epoch.
        steps_per_execution: Steps run in one call into the graph; more is faster for
            small networks, fewer shows progress more often.
        batch_size: Samples a step, over all workers.
        learning_rate: Peak learning rate of Adam.
        final_learning_rate: Where its cosine decay ends.
        warmup: Share of the steps in which the learning rate rises from 0.
        ema: Momentum of the exponential moving average of the weights; 0 for none.
        grid_start: Share of the steps after which kernels are rounded to the eight bits
            that integer formats store, so that quantizing them loses nothing; 1 for never.
        validation_targets: Targets of the validation after each epoch.
        rng_seed: Seed of data, initial weights and dropout.
    """

    epochs: int = 16
    steps_per_epoch: int = 500
    steps_per_execution: int = 100
    batch_size: int = 1024
    learning_rate: float = 1e-2
    final_learning_rate: float = 1e-5
    warmup: float = 0.02
    ema: float = 0.995
    grid_start: float = 0.5
    validation_targets: int = 20_000
    rng_seed: int = 0

    @property
    def steps(self) -> int:
        """Optimizer steps of the whole training."""
        return self.epochs * self.steps_per_epoch

    @property
    def grid_step(self) -> int | None:
        """Step from which kernels are rounded, or None for never."""
        return int(self.grid_start * self.steps) if self.grid_start < 1 else None


@dataclass(frozen=True)
class Config:
    """The whole configuration of a run, one table of a TOML file for each part."""

    arm: ArmConfig = field(default_factory=ArmConfig)
    task: TaskConfig = field(default_factory=TaskConfig)
    data: DataConfig = field(default_factory=DataConfig)
    network: NetworkConfig = field(default_factory=NetworkConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    mining: MiningConfig = field(default_factory=MiningConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)

    def __post_init__(self) -> None:
        _check(self)

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """The configuration as nested plain values."""
        return dataclasses.asdict(self)

    def hash(self) -> str:
        """The first 16 hexadecimal digits of the SHA-256 of the configuration."""
        values = self.to_dict()
        # A run from before there were tasks keeps its hash.
        if self.task == TaskConfig():
            del values["task"]
        text = json.dumps(values, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


ASPECTS = ("home", "all")


def make_config(
    preset: str = DEFAULT_PRESET,
    file: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Config:
    """Resolve a configuration: the preset, then a TOML file, then single values.

    Args:
        preset: A name in `PRESETS`.
        file: A TOML file with the tables of `Config`.
        overrides: Values by dotted key, such as ``{"training.steps": 1000}``; text is
            read as a TOML value.

    Raises:
        ConfigError: If the preset, a key or a value is not valid.
    """
    if preset not in PRESETS:
        raise ConfigError(f"Unknown preset '{preset}'. Expected one of: {', '.join(PRESETS)}.")
    values = {table: dict(keys) for table, keys in PRESETS[preset].items()}
    if file is not None:
        for table, keys in read_toml(file).items():
            if not isinstance(keys, dict):
                raise ConfigError(
                    f"'{table}' in {file} is not in a table. Expected it under one of: "
                    f"{', '.join(f'[{part.name}]' for part in dataclasses.fields(Config))}."
                )
            values.setdefault(table, {}).update(keys)
    for key, value in (overrides or {}).items():
        table, _, name = key.partition(".")
        read = parsed_value(value, _hint(table, name)) if isinstance(value, str) else value
        values.setdefault(table, {})[name] = read
    return config_from_dict(values)


def config_from_dict(values: Mapping[str, Mapping[str, Any]]) -> Config:
    """A configuration from nested values; what is left out keeps its default.

    Raises:
        ConfigError: If a key or a value is not valid.
    """
    parts = {}
    tables = typing.get_type_hints(Config)
    for table, keys in values.items():
        if table not in tables:
            raise ConfigError(
                f"Unknown configuration table '{table}'. Expected one of: {', '.join(tables)}."
            )
        hints = typing.get_type_hints(tables[table])
        for name in keys:
            if name not in hints:
                raise ConfigError(
                    f"Unknown configuration key '{table}.{name}'. Expected one of: "
                    f"{', '.join(f'{table}.{hint}' for hint in hints)}."
                )
        parts[table] = tables[table](
            **{
                name: checked_value(f"{table}.{name}", value, hints[name])
                for name, value in keys.items()
            }
        )
    return Config(**parts)


def read_config(file: Path) -> Config:
    """The configuration in a TOML file.

    Raises:
        ConfigError: If the file cannot be read or a value is not valid.
    """
    return config_from_dict(read_toml(file))


def to_toml(config: Config) -> str:
    """The configuration as a TOML document that `read_config` reads back exactly."""
    lines = []
    for table, keys in config.to_dict().items():
        lines.append(f"[{table}]")
        lines += [f"{name} = {toml_value(value)}" for name, value in keys.items()]
        lines.append("")
    return "\n".join(lines)


def _hint(table: str, name: str) -> Any:
    """The type of a key's value, or None if there is no such key."""
    part = typing.get_type_hints(Config).get(table)
    return typing.get_type_hints(part).get(name) if part else None


def _check(config: Config) -> None:
    """Refuse values out of range, by the key's name."""

    def expect(key: str, holds: bool, expected: str) -> None:
        table, name = key.split(".")
        if not holds:
            received = getattr(getattr(config, table), name)
            raise ConfigError(f"Expected '{key}' {expected}. Received: {received}")

    data, training, mining = config.data, config.training, config.mining
    for key in ("range_start", "focus_start", "focus_end", "curriculum"):
        expect(f"data.{key}", 0 <= getattr(data, key) <= 1, "between 0 and 1")
    for key, known in (("name", tuple(TASKS)), ("tool_axis", TOOL_AXES), ("aspects", ASPECTS)):
        expect(f"task.{key}", getattr(config.task, key) in known, f"to be {' or '.join(known)}")
    expect("data.pool", data.pool >= 1000, "of 1000 at the least")
    expect("data.focus_center", len(data.focus_center) in (0, 3), "to be empty or x, y, z")
    expect("data.focus_radius", data.focus_radius > 0, "greater than 0")
    expect(
        "data.focus_normal",
        len(data.focus_normal) == 3 and any(data.focus_normal),
        "to be x, y, z, not all 0",
    )
    expect("data.focus_spread", data.focus_spread >= 0, "of 0 or more")
    expect("arm.singularity_margin", 0 < config.arm.singularity_margin < 0.5, "between 0 and 0.5")
    expect("network.width", config.network.width >= 1, "of 1 or more")
    expect("network.blocks", config.network.blocks >= 0, "of 0 or more")
    expect("network.dropout", 0 <= config.network.dropout < 1, "in [0, 1)")
    expect("loss.position_weight", config.loss.position_weight >= 0, "of 0 or more")
    expect("loss.angle_weight", config.loss.angle_weight >= 0, "of 0 or more")
    expect("mining.share", 0 <= mining.share < 1, "in [0, 1)")
    expect("mining.buffer", mining.buffer >= 1, "of 1 or more")
    for key in ("epochs", "steps_per_epoch", "steps_per_execution"):
        expect(f"training.{key}", getattr(training, key) >= 1, "of 1 or more")
    expect("training.batch_size", training.batch_size >= 8, "of 8 or more")
    expect("training.learning_rate", training.learning_rate > 0, "greater than 0")
    expect("training.final_learning_rate", training.final_learning_rate >= 0, "of 0 or more")
    expect("training.warmup", 0 <= training.warmup < 1, "in [0, 1)")
    expect("training.grid_start", 0 <= training.grid_start <= 1, "between 0 and 1")
    expect("training.ema", 0 <= training.ema < 1, "in [0, 1)")
    expect("training.validation_targets", training.validation_targets >= 1, "of 1 or more")
    expect("training.rng_seed", 0 <= training.rng_seed < 2**31, "in [0, 2^31)")
