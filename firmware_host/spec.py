"""What a model file says of its robot: everything but the network itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from firmware_host.chain import Chain
from firmware_host.encoding import Normalization, feature_names
from firmware_host.errors import EdgeIkError, ModelFileError
from firmware_host.solving.seeding import network_inputs
from firmware_host.tasks.task import TASK_NAMES, Task, make_task
from firmware_host.workspace import Workspace

# Far more than an arm has, and little enough to be one input each.
MOST_ASPECTS = 256


@dataclass(frozen=True, eq=False)
class ModelSpec:
    """The robot and the features that a network belongs to.

    Attributes:
        chain: The robot.
        home: (n,) posture whose aspect the network solves in [rad].
        normalization: Statistics of the features.
        workspace: Where training samples were.
        task: What a target is: "position", "axis" or "pose".
        provenance: Where the model comes from: version, configuration, seed, figures.
        tool_axis: Of the task "axis", which tool axis it directs: x, y or z.
        aspects: Names of the branches that the network answers for; with two or more,
            each is one input.
    """

    chain: Chain
    home: tuple[float, ...]
    normalization: Normalization
    workspace: Workspace
    task: str = "position"
    provenance: Mapping[str, Any] = field(default_factory=dict)
    tool_axis: str = "z"
    aspects: tuple[str, ...] = ()

    @property
    def target(self) -> Task:
        """The task as the kinematics knows it."""
        return make_task(self.task, self.tool_axis)

    @property
    def inputs(self) -> int:
        """Numbers that the network takes for one target."""
        return network_inputs(self.chain, self.target, len(self.aspects))

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        # What only some models have stays out of the others' records, as older ones read them.
        more: dict[str, Any] = {}
        if self.task == "axis":
            more["tool_axis"] = self.tool_axis
        if self.aspects:
            more["aspects"] = list(self.aspects)
        return {
            "task": self.task,
            **more,
            "robot": self.chain.to_dict(),
            "home": list(self.home),
            "normalization": self.normalization.to_dict(),
            "workspace": self.workspace.to_dict(),
            "provenance": dict(self.provenance),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ModelSpec:
        """The specification from `to_dict`'s values.

        Raises:
            ModelFileError: If a value is missing, of the wrong kind, or does not fit.
        """
        spec = cls(
            chain=_field(data, "robot", Chain.from_dict),
            home=_field(data, "home", _angles),
            normalization=_field(data, "normalization", _statistics),
            workspace=_field(data, "workspace", Workspace.from_dict),
            task=_field(data, "task", str),
            provenance=_field(data, "provenance", dict),
            tool_axis=_field({"tool_axis": "z", **data}, "tool_axis", _tool_axis),
            aspects=_field({"aspects": [], **data}, "aspects", _names),
        )
        if spec.task not in TASK_NAMES:
            raise ModelFileError(
                f"The model solves the task '{spec.task}'. Expected one of: "
                f"{', '.join(TASK_NAMES)}. Install a newer edge-ik."
            )
        features = len(feature_names(spec.chain, spec.target))
        if not len(spec.normalization.mean) == len(spec.normalization.std) == features:
            raise ModelFileError(f"Expected the statistics of {features} features in the model.")
        if len(spec.home) != len(spec.chain):
            raise ModelFileError(
                f"Expected {len(spec.chain)} home angles in the model. Received: {len(spec.home)}"
            )
        return spec


def _field(data: Mapping[str, Any], name: str, read: Callable[[Any], Any]) -> Any:
    """A field of the record, or a ModelFileError that names it."""
    if name not in data:
        raise ModelFileError(f"The model's description of its robot lacks the field '{name}'.")
    try:
        return read(data[name])
    except EdgeIkError as error:
        raise ModelFileError(f"The model's {name} cannot be used: {error}") from error
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ModelFileError(
            f"The model's {name} cannot be used: {type(error).__name__}: {error}."
        ) from error


def _tool_axis(value: Any) -> str:
    make_task("axis", value)
    return str(value)


def _names(values: Any) -> tuple[str, ...]:
    names = tuple(values)
    usable = all(isinstance(name, str) for name in names) and len(set(names)) == len(names)
    if not isinstance(values, list) or not usable or len(names) > MOST_ASPECTS:
        raise ValueError("expected a list of different names")
    return names


def _angles(values: Any) -> tuple[float, ...]:
    angles = np.array(values, dtype=np.float64)
    if angles.ndim != 1 or not np.all(np.isfinite(angles)):
        raise ValueError("expected a list of finite angles")
    return tuple(angles.tolist())


def _statistics(values: Any) -> Normalization:
    statistics = Normalization.from_dict(values)
    # The smallest floats have no finite inverse.
    usable = all(std > 0 and math.isfinite(std) and 1 / std < math.inf for std in statistics.std)
    if not usable or not all(map(math.isfinite, statistics.mean)):
        raise ValueError("expected finite means and deviations above 0")
    return statistics
