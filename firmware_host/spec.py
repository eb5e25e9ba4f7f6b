"""What a model is of: everything but the network itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from firmware_host.bounds import MOST_LIMIT, bounded
from firmware_host.chain import Chain, FloatArray
from firmware_host.errors import ConfigError, EdgeIkError, ModelFileError
from firmware_host.names import LONGEST_NAME, brief, is_name
from firmware_host.normalization import Normalization
from firmware_host.problem import IkProblem
from firmware_host.servos import IntArray, Servos
from firmware_host.tasks import PLANES, TASKS, TOOL_AXES, Task, make_task
from firmware_host.tolerances import Tolerance
from firmware_host.workspace import Workspace

# Far more heads than any arm has use for.
MOST_BRANCHES = 256
# Deviations of features [m, or shares of 1]: smaller ones single precision has no inverse of.
LEAST_DEVIATION = 1e-12
# Characters of the longest name of one, which lists joints.
LONGEST_BRANCH = 16 * LONGEST_NAME


@dataclass(frozen=True)
class Branch:
    """What one head of the network answers.

    Attributes:
        name: What its postures share.
        wins: Share of joint space whose configurations it answers better than other heads.
        reaches: Share of everything the arm reaches that it leads to, after the problem's
            usual steps.
    """

    name: str
    wins: float = 1.0
    reaches: float = 1.0


ONE_BRANCH = (Branch("home"),)


@dataclass(frozen=True, eq=False)
class ModelSpec:
    """The problem and the features that a network belongs to.

    Attributes:
        problem: The robot and what a target is.
        normalization: Statistics of the features.
        home: (n,) posture whose branch is called "home" [rad, m].
        workspace: Where training samples were; None if that is not known.
        branches: What the network's heads answer, one or more. Several give a number each
            that says how promising they are.
        provenance: Where the model comes from: version, configuration, seed, figures.
        servos: What moves the joints; None if that is not known.
    """

    problem: IkProblem
    normalization: Normalization
    home: tuple[float, ...]
    workspace: Workspace | None = None
    branches: tuple[Branch, ...] = ONE_BRANCH
    provenance: Mapping[str, Any] = field(default_factory=dict)
    servos: Servos | None = None

    @property
    def chain(self) -> Chain:
        """The robot."""
        return self.problem.chain

    @property
    def task(self) -> Task:
        """What a target is."""
        return self.problem.task

    @property
    def branch_names(self) -> tuple[str, ...]:
        """Names of the heads in order."""
        return tuple(branch.name for branch in self.branches)

    @property
    def heads(self) -> int:
        """How many answers one run of the network gives, K."""
        return len(self.branches)

    @property
    def inputs(self) -> int:
        """Numbers that the network takes for one target."""
        return len(self.problem.feature_names)

    @property
    def outputs(self) -> int:
        """Numbers that the network gives; see `network_outputs`."""
        return network_outputs(self.problem.outputs.size, self.heads)

    def servo(self, q: FloatArray) -> IntArray | None:
        """Commands of the servos (..., n) at joints q (..., n) [rad, m]; None without servos."""
        return None if self.servos is None else self.servos.commands(q)

    def with_tolerance(self, tolerance: Tolerance | None) -> ModelSpec:
        """The same with another tolerance of what is solved; itself without one.

        Raises:
            ConfigError: If it is something else.
        """
        if tolerance is None or tolerance == self.problem.tolerance:
            return self
        if not isinstance(tolerance, Tolerance):
            raise ConfigError(
                f"Expected a Tolerance, such as Tolerance(position=0.0005). Received: {tolerance!r}"
            )
        return replace(self, problem=replace(self.problem, tolerance=tolerance))

    def check_network(self, inputs: int, outputs: int) -> None:
        """Refuse a network of other sizes.

        Raises:
            ModelFileError: If the numbers that it takes or gives are not the problem's.
        """
        if (inputs, outputs) != (self.inputs, self.outputs):
            raise ModelFileError(
                f"The network does not fit its robot. Expected {self.inputs} inputs and "
                f"{self.outputs} outputs for {self.problem.joints} joints in {self.heads} "
                f"head{'s'[: self.heads - 1]}. "
                f"Received: {inputs} and {outputs}"
            )

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values.

        Raises:
            ValueError: If there is no workspace.
        """
        if self.workspace is None:
            raise ValueError("a record needs the workspace")
        return {
            "task": self.task.name,
            # What only some tasks have stays out of the others' records.
            **self.task.options(),
            "branches": [asdict(branch) for branch in self.branches],
            "robot": self.chain.to_dict(),
            "home": list(self.home),
            "normalization": self.normalization.to_dict(),
            "workspace": self.workspace.to_dict(),
            **({} if self.servos is None else {"servos": self.servos.to_list()}),
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
        options = {
            key: _field({key: known[0], **data}, key, partial(_one_of, known))
            for key, known in (("tool_axis", TOOL_AXES), ("plane", PLANES))
        }
        if name not in TASKS:
            raise ModelFileError(
                f"The model solves the task '{brief(name)}'. Expected one of: "
                f"{', '.join(TASKS)}. Install a newer edge-ik."
            )
        spec = cls(
            problem=IkProblem(chain, make_task(name, **options)),
            normalization=normalization,
            home=home,
            workspace=workspace,
            branches=_field(data, "branches", read_branches),
            provenance=_field(data, "provenance", dict),
            servos=_field(data, "servos", partial(Servos.from_list, chain))
            if "servos" in data
            else None,
        )
        features = len(spec.problem.feature_names)
        if not len(normalization.mean) == len(normalization.std) == features:
            raise ModelFileError(f"Expected the statistics of {features} features in the model.")
        if len(home) != len(chain):
            raise ModelFileError(
                f"Expected {len(chain)} home angles in the model. Received: {len(home)}"
            )
        return spec


def mean_heads(branches: Iterable[Branch]) -> float:
    """How many heads lead to a target of everything the arm reaches, on average."""
    return sum(branch.reaches for branch in branches)


def network_outputs(size: int, heads: int) -> int:
    """Numbers that a network of K heads gives.

    For each head its a numbers, as `HeadOutputs` has them: mostly the sines of the n joints,
    then their cosines. Behind all of these, where there are several heads, one number for
    each: the greater, the more promising it is.
    """
    return heads * size + (heads if heads > 1 else 0)


def _field(data: Mapping[str, Any], name: str, read: Callable[[Any], Any]) -> Any:
    """A field of the record, or a ModelFileError that names it."""
    if name not in data:
        raise ModelFileError(f"The model's description of its robot lacks the field '{name}'.")
    try:
        return read(data[name])
    except EdgeIkError as error:
        raise ModelFileError(f"The model's {name} cannot be used: {brief(str(error))}") from error
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ModelFileError(
            f"The model's {name} cannot be used: {type(error).__name__}: {brief(str(error))}."
        ) from error


def _one_of(known: tuple[str, ...], value: Any) -> str:
    if value not in known:
        raise ValueError(f"expected one of {', '.join(known)}")
    return str(value)


def read_branches(values: Any) -> tuple[Branch, ...]:
    """Branches from a list of their fields.

    Raises:
        ValueError, KeyError, TypeError: If it is none.
    """
    branches = []
    for value in values:
        name, wins, reaches = value["name"], float(value["wins"]), float(value["reaches"])
        if not is_name(name, LONGEST_BRANCH) or not 0 <= wins <= 1 or not 0 <= reaches <= 1:
            raise ValueError("expected branches of a name and two shares")
        branches.append(Branch(name, wins, reaches))
    different = len({branch.name for branch in branches}) == len(branches)
    if not different or not 1 <= len(branches) <= MOST_BRANCHES:
        raise ValueError("expected a list of one or more branches with different names")
    return tuple(branches)


def _angles(values: Any) -> tuple[float, ...]:
    angles = np.array(values, dtype=np.float64)
    if angles.ndim != 1 or not bounded(angles, MOST_LIMIT):
        raise ValueError("expected a list of finite angles, within any limits")
    return tuple(angles.tolist())


def _statistics(values: Any) -> Normalization:
    statistics = Normalization.from_dict(values)
    usable = bounded(statistics.std) and bounded(statistics.mean)
    if not usable or not all(std >= LEAST_DEVIATION for std in statistics.std):
        raise ValueError("expected finite means and deviations above 0, of the size of a robot")
    return statistics
