"""What a model file says of its robot: everything but the network itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from firmware_host.chain import Chain
from firmware_host.encoding import FEATURE_NAMES, Normalization
from firmware_host.errors import EdgeIkError, ModelFileError
from firmware_host.workspace import Workspace

TASKS = ("position",)


@dataclass(frozen=True, eq=False)
class ModelSpec:
    """The robot and the features that a network belongs to.

    Attributes:
        chain: The robot.
        home: (n,) posture whose aspect the network solves in [rad].
        normalization: Statistics of the features.
        workspace: Where training samples were.
        task: What a target is: "position".
        provenance: Where the model comes from: version, configuration, seed, figures.
    """

    chain: Chain
    home: tuple[float, ...]
    normalization: Normalization
    workspace: Workspace
    task: str = "position"
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {
            "task": self.task,
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
        )
        if spec.task not in TASKS:
            raise ModelFileError(
                f"The model solves the task '{spec.task}'. Expected one of: {', '.join(TASKS)}. "
                "Install a newer edge-ik."
            )
        features = len(FEATURE_NAMES)
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
