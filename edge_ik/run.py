"""The run folder: everything that a training leaves behind, and how to read it back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_ik import __version__
from edge_ik.arrays import ArrayFile, write_arrays
from edge_ik.config import Config, read_config, to_toml
from edge_ik.data.focus import FocusCircle, has_focus
from edge_ik.kept_branches import kept_branches
from edge_ik.lock import locked
from edge_ik.run_folder import CONFIG_FILE, RUN_FILE, check_run_folder, no_network
from firmware_host.chain import Chain
from firmware_host.errors import EdgeIkError, ModelFileError, RunError, WriteError
from firmware_host.files import make_folder, remove_partial_files, write_json, write_text
from firmware_host.json_text import read_json
from firmware_host.names import brief
from firmware_host.normalization import Normalization
from firmware_host.problem import IkProblem
from firmware_host.servos import Servos
from firmware_host.spec import Branch, ModelSpec
from firmware_host.tasks import Task
from firmware_host.workspace import Workspace

if TYPE_CHECKING:
    import keras

CHECKPOINT_FILE = "checkpoint.npz"
BEST_FILE = "best.npz"
HISTORY_FILE = "history.csv"
BRANCHES_FILE = "branches.json"
METRICS_FILE = "metrics.json"
TENSORBOARD_FOLDER = "tensorboard"
# What can be done where a run cannot be written.
ELSEWHERE = "name another folder with --out"

FLOAT_BYTES = 4


@dataclass(frozen=True)
class AspectRecord:
    """What an aspect keeps of everything that the joint limits allow.

    Attributes:
        count: How many aspects there are.
        joint_space: Share of joint space inside the aspect.
        workspace: Share of the reachable workspace that it reaches.
    """

    count: int
    joint_space: float
    workspace: float

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> AspectRecord:
        """The record from its fields; ValueError if they cannot be meant."""
        record = cls(int(data["count"]), float(data["joint_space"]), float(data["workspace"]))
        if record.count < 1 or not (0 <= record.joint_space <= 1 and 0 <= record.workspace <= 1):
            raise ValueError("expected a number of aspects and two shares")
        return record


@dataclass(frozen=True, eq=False)
class Run:
    """One training: its configuration, and what was found before the first step.

    Attributes:
        folder: Where its files are.
        config: The resolved configuration.
        problem: The robot and the task.
        home: (n,) posture that chose the aspect [rad].
        normalization: Statistics of the features.
        focus: The focus circle; None for targets with an orientation or several branches.
        workspace: Where samples are drawn.
        aspect: What the branch of the home posture keeps; None for all branches.
        branches: What the heads answer; named once the network is trained.
        servos: What moves the joints; None if that is not known.
    """

    folder: Path
    config: Config
    problem: IkProblem
    home: tuple[float, ...]
    normalization: Normalization
    focus: FocusCircle | None
    workspace: Workspace
    aspect: AspectRecord | None
    branches: tuple[Branch, ...]
    servos: Servos | None = None

    @property
    def one_branch(self) -> bool:
        """Whether the network answers in the branch of the home posture alone."""
        return self.aspect is not None

    @property
    def chain(self) -> Chain:
        """The robot."""
        return self.problem.chain

    @property
    def task(self) -> Task:
        """What a target is."""
        return self.problem.task

    @property
    def spec(self) -> ModelSpec:
        """What the network is of; where it comes from aside."""
        return ModelSpec(
            problem=self.problem,
            normalization=self.normalization,
            home=self.home,
            workspace=self.workspace,
            branches=self.branches,
            servos=self.servos,
        )

    def save(self) -> None:
        """Write the configuration and the record of a new run into its folder: both, or neither.

        Raises:
            RunError: If another training has begun in the folder.
            WriteError: If the folder cannot be written.
        """
        is_new = not self.folder.exists()
        make_folder(self.folder, ELSEWHERE)
        try:
            with locked(self.folder):
                if (self.folder / RUN_FILE).exists():
                    raise RunError(
                        f"Another training has begun in '{self.folder}'. Choose another folder "
                        "with --out."
                    )
                remove_partial_files(self.folder)
                try:
                    self._write()
                except BaseException:
                    with suppress(OSError):
                        (self.folder / CONFIG_FILE).unlink()
                    raise
        except WriteError:
            if is_new:
                with suppress(OSError):
                    self.folder.rmdir()
            raise

    def _write(self) -> None:
        """Write the two files; the record last, which makes a run of the folder."""
        write_text(self.folder / CONFIG_FILE, to_toml(self.config), ELSEWHERE)
        write_json(
            self.folder / RUN_FILE,
            {
                "version": __version__,
                "config_hash": self.config.hash(),
                "robot": self.chain.to_dict(),
                "home": list(self.home),
                "normalization": self.normalization.to_dict(),
                "focus": None if self.focus is None else self.focus.to_dict(),
                "workspace": self.workspace.to_dict(),
                "aspect": None if self.aspect is None else asdict(self.aspect),
                **({} if self.servos is None else {"servos": self.servos.to_list()}),
            },
        )

    @classmethod
    def load(cls, folder: Path) -> Run:
        """Read a run folder.

        Raises:
            RunError: If the folder is not a run, or its files do not fit together.
        """
        check_run_folder(folder)
        path = folder / RUN_FILE
        config = read_config(folder / CONFIG_FILE)
        _check_resolved(folder / CONFIG_FILE, config)
        try:
            record: Mapping[str, Any] = read_json(path)
            if record["config_hash"] != config.hash():
                raise RunError(
                    f"{folder / CONFIG_FILE} was changed after the run began. Start a new run "
                    "for other values, or restore the file."
                )
            branches = kept_branches(folder / BRANCHES_FILE, config.network.heads)
            spec = _spec(record, config, branches)
            aspect, focus, home_alone = record["aspect"], record["focus"], _of_home(config)
            if (aspect is not None) != home_alone:
                raise ValueError("an aspect is missing, or there is one too many")
            if (focus is not None) != has_focus(spec.problem, home_alone):
                raise ValueError("a focus circle is missing, or there is one too many")
            return cls(
                folder=folder,
                config=config,
                problem=spec.problem,
                home=spec.home,
                normalization=spec.normalization,
                focus=None if focus is None else FocusCircle.from_dict(focus),
                workspace=Workspace.from_dict(record["workspace"]),
                aspect=None if aspect is None else AspectRecord.from_dict(aspect),
                branches=branches,
                servos=spec.servos,
            )
        except ModelFileError as error:
            raise RunError(f"{path} is damaged: {error}") from error
        except EdgeIkError:
            raise
        except (OSError, ValueError, KeyError, TypeError, OverflowError) as error:
            raise RunError(
                f"{path} is damaged: {type(error).__name__}: {brief(str(error))}."
            ) from error

    def save_network(self, network: keras.Model) -> None:
        """Write the weights of the network that `load_network` gives, in one piece."""
        arrays = [np.asarray(weight) for weight in network.get_weights()]
        write_arrays(self.folder / BEST_FILE, dict(zip(_names(arrays), arrays, strict=True)))

    def load_network(self) -> keras.Model:
        """The network with the best validation error so far.

        It is built from the configuration; the file holds numbers alone, so that one from
        elsewhere is nothing that could run.

        Raises:
            RunError: If the training has not come to its first checkpoint.
        """
        from edge_ik.model.network import build_network, parameter_count

        path, numbers = self.folder / BEST_FILE, self.problem.outputs.size
        if not path.is_file():
            raise no_network(self.folder)
        try:
            # Before memory is taken for a network that is not there.
            least = FLOAT_BYTES * parameter_count(self.spec.inputs, numbers, self.config.network)
            if path.stat().st_size < least:
                raise ValueError(f"it has fewer than {least:,} bytes")
            network = build_network(
                self.spec.inputs, numbers, self.config.network, self.config.training.rng_seed
            )
            with ArrayFile(path) as stored:
                found = [
                    stored.read(name, np.float32, tuple(weight.shape))
                    for name, weight in zip(_names(network.weights), network.weights, strict=True)
                ]
                stored.end()
        except (OSError, ValueError) as error:
            raise RunError(
                f"{path} is damaged, or of another configuration or version: {error}. Expected "
                "the one that this run wrote; start a new run."
            ) from error
        network.set_weights(found)
        return network


def _names(weights: Sequence[Any]) -> list[str]:
    """Members of the file that has a network's weights, in the order of Keras."""
    return [f"weight_{index}" for index in range(len(weights))]


def _of_home(config: Config) -> bool:
    """Whether a network answers in the branch of the home posture alone."""
    return config.task.branches == "home"


def _spec(record: Mapping[str, Any], config: Config, branches: tuple[Branch, ...]) -> ModelSpec:
    """What the record of a run says, held to what that of a model is held to."""
    task = config.task.make()
    given = {key: record[key] for key in ("robot", "home", "normalization", "workspace")}
    servos = {"servos": record["servos"]} if record.get("servos") is not None else {}
    rows = [asdict(branch) for branch in branches]
    said = {"task": task.name, **task.options(), "branches": rows, "provenance": {}}
    return ModelSpec.from_dict({**given, **servos, **said})


def _check_resolved(path: Path, config: Config) -> None:
    """Refuse a configuration that no run was begun with.

    Raises:
        RunError: If it leaves something to be chosen.
    """
    network, training = config.network, config.training
    chosen = (
        *(network.width, network.heads, training.epochs, training.learning_rate),
        *(network.blocks >= 0, config.data.curriculum >= 0, config.mining.share >= 0),
        config.task.branches != "auto",
    )
    if not all(chosen):
        raise RunError(
            f"{path} leaves values to be chosen, which `edge-ik train` writes out when a run "
            "begins. Restore the file, or start a new run."
        )
