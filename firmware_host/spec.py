"""What a model is of: everything but the network itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from firmware_host.chain import Chain
from firmware_host.errors import EdgeIkError, ModelFileError
from firmware_host.normalization import Normalization
from firmware_host.problem import IkProblem
from firmware_host.tasks import TASKS, TOOL_AXES, Task, make_task
from firmware_host.workspace import Workspace

# Far more than an arm has, and little enough to be one input each.
MOST_BRANCHES = 256


@dataclass(frozen=True, eq=False)
class ModelSpec:
    """The problem and the features that a network belongs to.

    Attributes:
        problem: The robot and what a target is.
        normalization: Statistics of the features.
        home: (n,) posture whose branch is the network's first [rad].
        workspace: Where training samples were; None if that is not known.
        branches: Names of the branches that the network answers for; with two or more,
            each is one input.
        provenance: Where the model comes from: version, configuration, seed, figures.
    """

    problem: IkProblem
    normalization: Normalization
    home: tuple[float, ...]
    workspace: Workspace | None = None
    branches: tuple[str, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @property
    def chain(self) -> Chain:
        """The robot."""
        return self.problem.chain

    @property
    def task(self) -> Task:
        """What a target is."""
        return self.problem.task

    @property
    def branch_count(self) -> int:
        """How many branches there are to choose from, 1 or more."""
        return max(1, len(self.branches))

    @property
    def inputs(self) -> int:
        """Numbers that the network takes for one target: features, and one for each branch."""
        count = self.branch_count
        return len(self.problem.feature_names) + (count if count > 1 else 0)

    @property
    def outputs(self) -> int:
        """Numbers that the network gives: the sine of each joint, then the cosine of each."""
        return 2 * self.problem.joints

    def check_network(self, inputs: int, outputs: int) -> None:
        """Refuse a network of other sizes.

        Raises:
            ModelFileError: If the numbers that it takes or gives are not the problem's.
        """
        if (inputs, outputs) != (self.inputs, self.outputs):
            raise ModelFileError(
                f"The network does not fit its robot. Expected {self.inputs} inputs and "
                f"{self.outputs} outputs for {self.problem.joints} joints. Received: {inputs} "
                f"and {outputs}"
            )

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values.

        Raises:
            ValueError: If there is no workspace.
        """
        if self.workspace is None:
            raise ValueError("a record needs the workspace")
        # What only some models have stays out of the others' records.
        more: dict[str, Any] = dict(self.task.options())
        if self.branches:
            more["aspects"] = list(self.branches)
        return {
            "task": self.task.name,
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
        chain = _field(data, "robot", Chain.from_dict)
        home = _field(data, "home", _angles)
        normalization = _field(data, "normalization", _statistics)
        workspace = _field(data, "workspace", Workspace.from_dict)
        name = _field(data, "task", str)
        tool_axis = _field({"tool_axis": "z", **data}, "tool_axis", _tool_axis)
        if name not in TASKS:
            raise ModelFileError(
                f"The model solves the task '{name}'. Expected one of: "
                f"{', '.join(TASKS)}. Install a newer edge-ik."
            )
        spec = cls(
            problem=IkProblem(chain, make_task(name, tool_axis)),
            normalization=normalization,
            home=home,
            workspace=workspace,
            branches=_field({"aspects": [], **data}, "aspects", _names),
            provenance=_field(data, "provenance", dict),
        )
        features = len(spec.problem.feature_names)
        if not len(normalization.mean) == len(normalization.std) == features:
            raise ModelFileError(f"Expected the statistics of {features} features in the model.")
        if len(home) != len(chain):
            raise ModelFileError(
                f"Expected {len(chain)} home angles in the model. Received: {len(home)}"
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
    if value not in TOOL_AXES:
        raise ValueError(f"expected one of {', '.join(TOOL_AXES)}")
    return str(value)


def _names(values: Any) -> tuple[str, ...]:
    names = tuple(values)
    usable = all(isinstance(name, str) for name in names) and len(set(names)) == len(names)
    if not isinstance(values, list) or not usable or len(names) > MOST_BRANCHES:
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
