"""The run folder: everything that a training leaves behind, and how to read it back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firmware_host.normalization import Normalization

from edge_ik import __version__
from edge_ik.config import Config, read_config, to_toml
from edge_ik.data.reach import AspectReach
from edge_ik.data.sampling import FocusCircle
from firmware_host.chain import Chain
from firmware_host.errors import EdgeIkError, RunError
from firmware_host.files import write_json, write_text
from firmware_host.solving.seeding import network_inputs
from firmware_host.tasks import Task, make_task
from firmware_host.workspace import Workspace

if TYPE_CHECKING:
    import keras

CONFIG_FILE = "config.toml"
RUN_FILE = "run.json"
CHECKPOINT_FILE = "checkpoint.npz"
BEST_FILE = "best.keras"
HISTORY_FILE = "history.csv"
POOL_FILE = "samples.npz"
METRICS_FILE = "metrics.json"
TENSORBOARD_FOLDER = "tensorboard"


@dataclass(frozen=True, eq=False)
class Run:
    """One training: its configuration, and what was found before the first step.

    Attributes:
        folder: Where its files are.
        config: The resolved configuration.
        chain: The robot.
        home: (n,) posture that chose the aspect [rad].
        normalization: Statistics of the features.
        focus: The focus circle; None for targets with an orientation, several aspects or
            joints to spare.
        aspects: How many aspects the joint limits hold.
        joint_space: Share of joint space inside the aspect trained on.
        workspace: Share of the reachable workspace that the aspect reaches.
        region: Where in the workspace samples are drawn.
        aspect_names: Names of the aspects trained on, home's first; empty for runs from
            before they had names.
        reach: Figures of every aspect; None for joints to spare, and for older runs.
        label_spread: What `edge_ik.data.spread` measured of the labels; None if nothing.
    """

    folder: Path
    config: Config
    chain: Chain
    home: tuple[float, ...]
    normalization: Normalization
    focus: FocusCircle | None
    aspects: int
    joint_space: float
    workspace: float
    region: Workspace
    aspect_names: tuple[str, ...] = ()
    reach: AspectReach | None = None
    label_spread: float | None = None

    @property
    def task(self) -> Task:
        """What a target is."""
        return make_task(self.config.task.name, self.config.task.tool_axis)

    @property
    def inputs(self) -> int:
        """Numbers that the network takes for one target."""
        return network_inputs(self.chain, self.task, len(self.aspect_names))

    def save(self) -> None:
        """Write the configuration and the record of the run into its folder.

        Raises:
            RunError: If the folder cannot be made.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(
                f"Cannot make the run folder '{self.folder}': {error.strerror}. Name another "
                "with --out."
            ) from error
        write_text(self.folder / CONFIG_FILE, to_toml(self.config))
        write_json(
            self.folder / RUN_FILE,
            {
                "version": __version__,
                "config_hash": self.config.hash(),
                "robot": self.chain.to_dict(),
                "home": list(self.home),
                "normalization": self.normalization.to_dict(),
                "focus": None if self.focus is None else self.focus.to_dict(),
                "aspect": {
                    "count": self.aspects,
                    "joint_space": self.joint_space,
                    "workspace": self.workspace,
                    "region": self.region.to_dict(),
                    "names": list(self.aspect_names),
                    "reach": None if self.reach is None else self.reach.to_dict(),
                },
                "label_spread": self.label_spread,
            },
        )

    @classmethod
    def load(cls, folder: Path) -> Run:
        """Read a run folder.

        Raises:
            RunError: If the folder is not a run, or its files do not fit together.
        """
        if folder.exists() and not folder.is_dir():
            raise RunError(f"Expected a run folder. Received: '{folder}', which is a file.")
        if not folder.is_dir():
            raise RunError(
                f"There is no run folder '{folder}'. Make one with: edge-ik train --out {folder}"
            )
        path = folder / RUN_FILE
        if not path.is_file() or not (folder / CONFIG_FILE).is_file():
            raise RunError(
                f"'{folder}' is not a run folder: it holds no {RUN_FILE} with a {CONFIG_FILE}. "
                "Expected a folder that `edge-ik train` wrote."
            )
        config = read_config(folder / CONFIG_FILE)
        try:
            record: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            aspect = record["aspect"]
            if record["config_hash"] != config.hash():
                raise RunError(
                    f"{folder / CONFIG_FILE} was changed after the run began. Start a new run "
                    "for other values, or restore the file."
                )
            chain = Chain.from_dict(record["robot"])
            home = tuple(float(angle) for angle in record["home"])
            if len(home) != len(chain):
                raise ValueError(f"home has {len(home)} angles for {len(chain)} joints")
            return cls(
                folder=folder,
                config=config,
                chain=chain,
                home=home,
                normalization=Normalization.from_dict(record["normalization"]),
                focus=_focus(config, chain, record["focus"]),
                aspects=int(aspect["count"]),
                joint_space=float(aspect["joint_space"]),
                workspace=float(aspect["workspace"]),
                region=Workspace.from_dict(aspect["region"]),
                aspect_names=tuple(map(str, aspect.get("names", ()))),
                reach=AspectReach.from_dict(reach) if (reach := aspect.get("reach")) else None,
                label_spread=record.get("label_spread"),
            )
        except EdgeIkError:
            raise
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RunError(f"{path} is damaged: {type(error).__name__}: {error}.") from error

    def load_network(self) -> keras.Model:
        """The network with the best validation error so far.

        Raises:
            RunError: If the training has not come to its first checkpoint.
        """
        import keras

        from edge_ik.model import network  # noqa: F401 - registers the custom layers

        path = self.folder / BEST_FILE
        if not path.is_file():
            raise RunError(
                f"'{self.folder}' has no trained network yet. Continue it with: "
                f"edge-ik train --resume {self.folder}"
            )
        try:
            return keras.saving.load_model(path, compile=False)
        except Exception as error:  # Keras raises many kinds for a damaged archive.
            raise RunError(f"{path} cannot be loaded: {error}") from error


def _focus(config: Config, chain: Chain, record: Any) -> FocusCircle | None:
    """The focus circle; None where a run need not have one."""
    one_branch = config.task.name == "position" and config.task.aspects == "home"
    if record is None and not (one_branch and len(chain) == make_task("position").rows):
        return None
    return FocusCircle.from_dict(record)
