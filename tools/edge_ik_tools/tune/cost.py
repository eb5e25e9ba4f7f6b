"""What a network will cost on a core, from its size alone: a model fitted to exact counts.

The firmware of a network is a few loops, so what it takes is a sum of terms that its size
tells: numbers of units, of blocks, of rows summed and of outputs. The factors depend on the
compiler and the core, and on what the robot adds; they are fitted once to networks of random
weights, which cost what trained ones of their size do.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
from scipy.optimize import nnls

from edge_ik import __version__
from edge_ik.tables import counted
from edge_ik_tools.c99.int8 import LONG_ROW
from edge_ik_tools.c99.sums import VECTOR
from edge_ik_tools.c99.units import ROWS
from edge_ik_tools.emulate.cores import Core
from edge_ik_tools.tune.counting import count, random_network
from edge_ik_tools.tune.kept import read_kept
from firmware_host.chain import FloatArray
from firmware_host.files import write_json
from firmware_host.problem import IkProblem
from firmware_host.progress import Done, Tell, untold
from firmware_host.spec import network_outputs

COST_FILE = "cost.json"
# Loops of no more passes than this are written out by compilers.
WRITTEN_OUT = 3
# What a fit leaves open; and how often it is made, to find what the others do not explain.
USUAL_ERROR = 0.01
FITS = 10
# Cores with vectors of 16 numbers.
VECTOR_CORES = ("cortex-m55",)


@dataclass(frozen=True, order=True)
class NetworkSize:
    """The size of a network.

    Attributes:
        width: Units of the projection and of every block.
        blocks: Gated residual blocks.
        heads: Answers that one run gives; 1 is the branch of the home posture alone.
    """

    width: int
    blocks: int
    heads: int

    def __str__(self) -> str:
        heads = f"{self.heads} heads" if self.heads > 1 else "one branch"
        return f"{self.width} wide, {counted(self.blocks, 'block')}, {heads}"


# Networks that the model is fitted to: every term is large in some, and small in others.
ONE_HEAD = (
    (4, 0), (4, 2), (8, 1), (12, 2), (16, 0), (20, 3), (28, 1), (40, 2), (64, 1), (96, 1), (128, 2),
)  # fmt: skip
MANY_HEADS = (
    (4, 1, 3), (8, 0, 10), (12, 1, 5), (16, 2, 4), (20, 0, 16), (24, 1, 2), (32, 2, 12), (48, 1, 6),
    (60, 2, 16), (72, 1, 12), (96, 2, 8), (128, 1, 24),
)  # fmt: skip


def measured_sizes(widest: int, one_head: bool, many_heads: bool) -> list[NetworkSize]:
    """The sizes to measure for a search up to a width."""
    sizes = [NetworkSize(*size, 1) for size in ONE_HEAD] if one_head else []
    sizes += [NetworkSize(*size) for size in MANY_HEADS] if many_heads else []
    # Those a little wider show where rows become long.
    return [size for size in sizes if size.width <= max(1.5 * widest, 24)]


def terms(problem: IkProblem, core: Core, size: NetworkSize) -> FloatArray:
    """What a network's cost is a weighted sum of (k,), the first being 1.

    These are: whether there are several heads, the units of the projection, the blocks, the
    units of all blocks; the passes over rows so short that compilers write them out, over
    those with a loop, and over long ones; how often a loop is begun; the outputs, and the heads
    among which the most promising is looked for.
    """
    width = _padded(size.width, ROWS)
    outputs = _padded(network_outputs(problem.outputs.size, size.heads), ROWS)
    step = VECTOR if core.name in VECTOR_CORES else ROWS
    passes = _padded(size.width, step) // step
    # Four rows at a time; a block has two for each unit.
    groups = (2 * size.blocks * width + outputs) // ROWS
    kind = 0 if passes <= WRITTEN_OUT else 1 if width <= LONG_ROW else 2
    rows = np.zeros(3)
    rows[kind] = groups * passes
    several = size.heads > 1
    return np.array(
        [
            1.0,
            several,
            width,
            size.blocks,
            size.blocks * width,
            *rows,
            groups if kind else 0,
            outputs,
            size.heads if several else 0,
        ],
        dtype=np.float64,
    )


def _padded(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple


@dataclass
class CostModel:
    """Costs of networks for one problem on one core.

    Attributes:
        problem: The robot and the task.
        core: The core.
        sizes: Sizes that were measured.
        instructions: Their instructions of a solve in the first branch tried.
        flash: Their code and constants [bytes].
    """

    problem: IkProblem
    core: Core
    sizes: list[NetworkSize] = field(default_factory=list)
    instructions: list[float] = field(default_factory=list)
    flash: list[float] = field(default_factory=list)

    def predict(self, size: NetworkSize) -> tuple[float, float]:
        """Instructions of a solve in the first branch tried, and flash [bytes]."""
        if not hasattr(self, "_factors"):
            self._factors = [self._fitted(self.instructions), self._fitted(self.flash)]
        found = terms(self.problem, self.core, size)
        instructions, flash = (float(found @ factors) for factors in self._factors)
        return instructions, flash

    def _fitted(self, measured: Sequence[float]) -> FloatArray:
        """Factors, none below 0, of least relative error.

        A compiler now and then does much worse, or better, with one layer of one size. Sizes
        that the others do not explain count less each time (Cauchy's weights).
        """
        relative = np.stack([terms(self.problem, self.core, size) for size in self.sizes])
        relative /= np.array(measured)[:, None]
        weight = np.ones(len(relative))
        for _ in range(FITS):
            factors: FloatArray = nnls(relative * weight[:, None], weight)[0]
            error = relative @ factors - 1
            weight = 1 / np.hypot(1, error / USUAL_ERROR)
        return factors

    @property
    def errors(self) -> FloatArray:
        """Relative errors of the instructions of what was measured (N,)."""
        predicted = np.array([self.predict(size)[0] for size in self.sizes])
        errors: FloatArray = np.abs(predicted / np.array(self.instructions) - 1)
        return errors

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values; what they hold for comes first."""
        return {
            "of": _identity(self.problem, self.core),
            "sizes": [asdict(size) for size in self.sizes],
            "instructions": self.instructions,
            "flash": self.flash,
        }


def _identity(problem: IkProblem, core: Core) -> dict[str, Any]:
    """What counts hold for."""
    return {
        "version": __version__,
        "core": core.name,
        "task": problem.task.name,
        **problem.task.options(),
        "robot": problem.chain.to_dict(),
    }


def fitted_cost(
    problem: IkProblem,
    core: Core,
    sizes: Sequence[NetworkSize],
    folder: Path,
    tell: Tell = untold,
) -> CostModel:
    """The cost model of a problem, from counts in a folder and those that are missing there.

    Args:
        problem: The robot and the task.
        core: The core.
        sizes: Sizes to measure.
        folder: Where counts are kept, so that they are made once.
        tell: Called with a line of progress.

    Raises:
        MissingToolError: If the compiler or the emulator is not installed.
        FirmwareBuildError: If the compiler refuses the firmware.
        EmulationError: If the firmware fails.
    """
    model = _kept(problem, core, folder)
    missing = [size for size in sizes if size not in model.sizes]
    if missing:
        networks = counted(len(missing), "network")
        tell(f"Counting {networks} of random weights on an emulated {core.name}")
    for number, size in enumerate(missing):
        tell(Done(str(size), number, len(missing), "networks"))
        spec, flatbuffer = random_network(problem, size.width, size.blocks, size.heads)
        keras.backend.clear_session()
        tries = 1 if size.heads > 1 else None
        found = count(spec, flatbuffer, core, tries=tries, untrained=True)
        model.sizes.append(size)
        model.instructions.append(found.instructions)
        model.flash.append(float(found.flash))
        write_json(folder / COST_FILE, model.to_dict())
    return model


def _kept(problem: IkProblem, core: Core, folder: Path) -> CostModel:
    """What a folder knows already of a problem on a core."""
    path = folder / COST_FILE
    model = CostModel(problem, core)
    if not path.is_file():
        return model

    def read(values: Any) -> CostModel:
        if values["of"] != json.loads(json.dumps(_identity(problem, core))):
            return model
        sizes = [NetworkSize(**size) for size in values["sizes"]]
        return CostModel(problem, core, sizes, values["instructions"], values["flash"])

    return read_kept(path, read)
