"""What a model file says of its robot: everything but the network itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

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
        try:
            spec = cls(
                chain=Chain.from_dict(data["robot"]),
                home=tuple(float(angle) for angle in data["home"]),
                normalization=Normalization.from_dict(data["normalization"]),
                workspace=Workspace.from_dict(data["workspace"]),
                task=str(data["task"]),
                provenance=dict(data["provenance"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise ModelFileError(
                f"The model's description of its robot is not complete: "
                f"{type(error).__name__}: {error}."
            ) from error
        except EdgeIkError as error:
            raise ModelFileError(f"The model's robot cannot be used: {error}") from error
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
