"""Exact counts of a network's firmware on an emulated core."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge_ik.config import NetworkConfig
from edge_ik.data.targets import draw_everywhere
from edge_ik.kept_branches import numbered_branches
from edge_ik.model.network import build_network
from edge_ik_tools.c99.folder import write_sources
from edge_ik_tools.c99.source import Firmware
from edge_ik_tools.convert import FORMATS, convert
from edge_ik_tools.emulate.build import Sources, measure_size
from edge_ik_tools.emulate.cores import Core
from edge_ik_tools.emulate.measure import measure
from edge_ik_tools.emulate.toolchain import Toolchain
from edge_ik_tools.random_inputs import random_inputs
from firmware_host.files import working_folder
from firmware_host.model_file import write_model
from firmware_host.network.runtimes import open_interpreter
from firmware_host.normalization import Normalization
from firmware_host.problem import IkProblem
from firmware_host.spec import ModelSpec
from firmware_host.workspace import Workspace

NAME = "counted"
# Configurations that a robot's features and workspace are told from.
CONFIGURATIONS = 2000
# Features that a network of random weights is quantized on.
CALIBRATION = 100
# Instructions hardly differ from target to target where one branch is tried.
FEW_TARGETS = 32
# The network alone is not looked at here; the program runs it all the same.
INPUTS = 4


@dataclass(frozen=True)
class Counts:
    """What a firmware takes on a core.

    Attributes:
        instructions: Of a whole solve, the median over targets.
        longest: Of the longest solve.
        flash: Code and constants [bytes].
        ram: Static variables [bytes].
        stack: Most stack written [bytes].
    """

    instructions: float
    longest: int
    flash: int
    ram: int
    stack: int

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return asdict(self)


def count(
    spec: ModelSpec,
    flatbuffer: bytes,
    core: Core,
    targets: int = FEW_TARGETS,
    tries: int | None = None,
    rng_seed: int = 0,
    untrained: bool = False,
) -> Counts:
    """Count a network's firmware, solving targets of everything the arm reaches.

    Args:
        spec: What the network is of.
        flatbuffer: The network.
        core: The emulated core.
        targets: How many.
        tries: Branches tried at most, in what is run; all without it.
        rng_seed: Seed of the targets.
        untrained: Whether its weights are random. Far from its targets it takes steps again
            at limits and more of them toward the nearest posture, none of which a trained
            network takes but rarely: the stages of a usual solve are counted then.

    Raises:
        MissingToolError: If the compiler or the emulator is not installed.
        FirmwareBuildError: If the compiler refuses the firmware, or it is too large.
        EmulationError: If the firmware fails.
    """
    tools, problem = Toolchain.find(core.family), spec.problem
    rng = np.random.default_rng(rng_seed)
    drawn = draw_everywhere(problem, targets, rng).target
    inputs = random_inputs(open_interpreter(flatbuffer, "reference"), INPUTS, rng)
    with working_folder() as folder:
        model = folder / "model.tflite"
        write_model(model, flatbuffer, spec.to_dict())
        sources = _written(model, folder)
        # As it ships: one try alone is smaller too.
        size = measure_size(tools, core, sources, problem.chain, folder)
        if tries is not None:
            sources = _written(model, folder, tries)
        found = measure(tools, core, sources, problem.chain, drawn, inputs, spec.outputs, 1)
    usual = float(np.median(found.total))
    if untrained:
        stages = found.encode + found.network + found.decode
        usual = float(np.median(stages) + found.refine.min())
    return Counts(
        usual,
        int(found.total.max()),
        size.flash,
        size.ram,
        found.stack_bytes,
    )


def _written(model: Path, folder: Path, tries: int | None = None) -> Sources:
    """The firmware of a model, in a folder."""
    write_sources(Firmware.load(model, NAME, tries=tries), folder)
    return Sources(folder, NAME)


def random_network(
    problem: IkProblem, width: int, blocks: int, heads: int, rng_seed: int = 0
) -> tuple[ModelSpec, bytes]:
    """A network of random weights in int8, and what it is of.

    Args:
        problem: The robot and the task.
        width: Units of every block.
        blocks: Number of blocks.
        heads: Answers that one run gives.
        rng_seed: Seed of the weights.
    """
    rng = np.random.default_rng(rng_seed)
    drawn = draw_everywhere(problem, CONFIGURATIONS, rng)
    features = problem.features(drawn.target)
    normalization = Normalization.fit(features)
    spec = ModelSpec(
        problem=problem,
        normalization=normalization,
        home=tuple(problem.chain.middle.tolist()),
        workspace=Workspace.fit(problem.chain, problem.task.positions(drawn.target)),
        branches=numbered_branches(heads),
    )
    config = NetworkConfig(width=width, blocks=blocks, heads=heads)
    network = build_network(spec.inputs, problem.outputs.size, config, rng_seed)
    columns = [features[:CALIBRATION, k] for k in range(features.shape[1])]
    calibration = np.stack(normalization.apply(columns), axis=-1).astype(np.float32)
    return spec, convert(network, FORMATS["int8"], calibration)
