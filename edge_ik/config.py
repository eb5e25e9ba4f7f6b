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

from edge_ik.arms.builtin import builtin_arms
from edge_ik.config_check import check
from edge_ik.presets import DEFAULT_PRESET, PRESETS
from edge_ik.toml_values import checked_value, parsed_value, read_toml, toml_value
from firmware_host.errors import ConfigError
from firmware_host.tasks import Task, make_task


@dataclass(frozen=True)
class ArmConfig:
    """Which robot.

    Attributes:
        source: Name of a built-in robot, path of a description, or robot_descriptions:NAME.
        base: Base link; empty for the root.
        tip: Tip link; empty for the end of the longest chain.
        home: Posture that chooses the branch [rad]; empty for the robot's own.
        tool_offset: A tool's frame behind the tip: x, y, z [m], and a quaternion w, x, y, z of
            any length if it is turned; empty for none.
        servos: TOML file with the table `servos`; empty for that of the description, if it has
            one.
    """

    source: str = "arm3"
    base: str = ""
    tip: str = ""
    home: tuple[float, ...] = ()
    tool_offset: tuple[float, ...] = ()
    servos: str = ""


@dataclass(frozen=True)
class TaskConfig:
    """What a target is, and in which branches it is answered.

    Attributes:
        name: A name in `firmware_host.tasks.TASKS`.
        tool_axis: The tool axis that is directed, where one is: x, y or z; empty for one that
            works.
        plane: The plane that targets are in, where they are in one: xy, xz or yz; empty for
            the one that the tool moves in.
        branches: "home" for the branch of the home posture alone, the smallest network;
            "all" for a network of many heads that answers in every branch; "auto" for "all"
            wherever a target has more than one answer.
    """

    name: str = "position"
    tool_axis: str = ""
    plane: str = ""
    branches: str = "auto"

    def make(self) -> Task:
        """The task as the kinematics knows it."""
        options = {"tool_axis": self.tool_axis, "plane": self.plane}
        return make_task(self.name, **{key: value for key, value in options.items() if value})


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
        curriculum: Share of training until range and focus reach their end; 0 for none,
            -1 to let it be chosen.
    """

    pool: int = 131_072
    focus_center: tuple[float, ...] = ()
    focus_radius: float = 0.1
    focus_normal: tuple[float, ...] = (0.0, 0.0, 1.0)
    focus_spread: float = 0.02
    focus_start: float = 0.3
    focus_end: float = 0.2
    range_start: float = 0.5
    curriculum: float = -1.0


@dataclass(frozen=True)
class NetworkConfig:
    """Size of the network, and switches to take parts away.

    Attributes:
        width: Units of the projection and of every block; 0 to let it be chosen.
        blocks: Number of gated residual blocks; -1 to let it be chosen.
        heads: Answers that one run gives; 0 to let it be chosen, 1 with branches "home".
        dropout: Share of a block's units dropped in training.
        gate: Whether blocks are gated.
        residual: Whether blocks add their input.
    """

    width: int = 0
    blocks: int = -1
    heads: int = 0
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
        share: Share of each batch that is fed back from the buffer of targets with a high
            error; 0 for none, -1 to let it be chosen.
        buffer: Targets that the buffer holds.
    """

    share: float = -1.0
    buffer: int = 4096


@dataclass(frozen=True)
class TrainingConfig:
    """How the network is trained.

    Attributes:
        epochs: Epochs; each ends with a validation and a checkpoint; 0 to let it be chosen.
        steps_per_epoch: Optimizer steps of an epoch.
        steps_per_execution: Steps run in one call into the graph; more is faster for
            small networks, fewer shows progress more often.
        batch_size: Samples a step, over all workers.
        learning_rate: Peak learning rate of Adam; 0 to let it be chosen.
        final_learning_rate: Where its cosine decay ends.
        warmup: Share of the steps in which the learning rate rises from 0.
        ema: Momentum of the exponential moving average of the weights; 0 for none.
        grid_start: Share of the steps after which kernels are rounded to the eight bits
            that integer formats store, so that quantizing them loses nothing; 1 for never.
        validation_targets: Targets of the validation after each epoch.
        rng_seed: Seed of data, initial weights and dropout.
    """

    epochs: int = 0
    steps_per_epoch: int = 500
    steps_per_execution: int = 100
    batch_size: int = 1024
    learning_rate: float = 0.0
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
        check(self)

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """The configuration as nested plain values."""
        return dataclasses.asdict(self)

    def hash(self) -> str:
        """The first 16 hexadecimal digits of the SHA-256 of the configuration."""
        text = json.dumps(self.to_dict(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def make_config(
    preset: str = DEFAULT_PRESET,
    file: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Config:
    """Resolve a configuration: the preset, then a TOML file, then single values.

    The task of a built-in robot is its own if none is named.

    Args:
        preset: A name in `PRESETS`.
        file: A TOML file with the tables of `Config`; its paths may be seen from its folder.
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
        for name in ("source", "servos"):
            values.get("arm", {}).update(_beside(file, name, values.get("arm", {})))
    for key, value in (overrides or {}).items():
        table, _, name = key.partition(".")
        read = parsed_value(value, _hint(table, name)) if isinstance(value, str) else value
        values.setdefault(table, {})[name] = read
    arm = builtin_arms().get(values.get("arm", {}).get("source", ArmConfig.source))
    if arm is not None:
        values.setdefault("task", {}).setdefault("name", arm.task)
    return config_from_dict(values)


def _beside(file: Path, name: str, arm: Mapping[str, Any]) -> dict[str, str]:
    """The path under a key of a configuration's arm, where it is one beside the file.

    Any other is that of the working directory, as one is that is given as an option.
    """
    given = arm.get(name)
    if not isinstance(given, str) or given in builtin_arms() or not given:
        return {}
    path = file.parent / given
    return {name: str(path)} if path.is_file() and not Path(given).is_absolute() else {}


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
