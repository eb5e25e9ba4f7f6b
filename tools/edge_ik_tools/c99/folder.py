"""The folder that a firmware project takes in: sources, example, self-test, build files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_ik import __version__
from edge_ik_tools.c99.golden import RNG_SEED, golden_solves
from edge_ik_tools.c99.kinematics import home32, limits32
from edge_ik_tools.c99.literals import comment, float_list, float_literal, string, words
from edge_ik_tools.c99.packages import package_texts
from edge_ik_tools.c99.source import NOT_COUNTED, Firmware
from edge_ik_tools.generated import write_folder, write_zip
from edge_ik_tools.random_inputs import random_inputs
from firmware_host.model_file import read_model
from firmware_host.network.interpreter import Interpreter
from firmware_host.network.runtimes import open_interpreter
from firmware_host.tasks import TOOL_AXES, Task
from firmware_host.tasks.rotations import quaternion
from firmware_host.tolerances import SOLVED_POSITION

NETWORK_VECTORS = 64

# What the example program takes, by how many directions a target has.
ARGUMENTS = {
    0: "x y z",
    1: "x y z and a unit direction",
    3: "x y z and a unit quaternion w x y z",
}
PYTHON_ARGUMENTS = {0: "x, y, z", 1: "x, y, z, dx, dy, dz", 3: "x, y, z, qw, qx, qy, qz"}
# Of a target in an example, in metres and parts of a unit vector.
DIGITS = 6

Tell = Callable[[str], None]


def write_c99(
    firmware: Firmware,
    out: Path,
    counts: str = NOT_COUNTED,
    tell: Tell = lambda line: None,
    archive: Path | None = None,
) -> None:
    """Write the firmware of a model as C99, in a folder that build systems take as it is.

    It is a CMake package, an Arduino and a PlatformIO library, an ESP-IDF component, a Zephyr
    module and a MicroPython user module. The same firmware and counts give the same bytes.

    Args:
        firmware: The model, ready to be printed.
        out: The folder to write; see `write_folder` for what it may hold.
        counts: What was measured of it, in a sentence for the header.
        tell: Called with a line of progress.
        archive: A zip file to write as well, or None: the same in one folder of its name.

    Raises:
        FirmwareFolderError: If the folder or the archive is something else, or cannot be written.
        ModelFileError: If the model solves nothing that firmware could be tested with.
    """
    tell("Computing golden vectors")
    texts = {
        f"src/{firmware.name}.h": firmware.header(counts),
        f"src/{firmware.name}.c": firmware.source(counts),
        **package_texts(_values(firmware, counts)),
    }
    record: dict[str, Any] = {"firmware": "c99", "version": __version__, "name": firmware.name}
    record |= {"model": firmware.model_hash, "steps": firmware.steps}
    write_folder(out, texts, record)
    if archive is not None:
        write_zip(archive, firmware.name, texts, record)


def write_sources(firmware: Firmware, folder: Path) -> None:
    """Write `NAME.h` and `NAME.c` alone, for those who compile them at once."""
    (folder / f"{firmware.name}.h").write_text(firmware.header(), encoding="utf-8")
    (folder / f"{firmware.name}.c").write_text(firmware.source(), encoding="utf-8")


def _values(firmware: Firmware, counts: str) -> dict[str, Any]:
    """What the templates ask for."""
    chain, task = firmware.spec.chain, firmware.spec.task
    integer = firmware.program.dtype != np.float32
    golden = _golden(firmware)
    example = [f"{value:.{DIGITS}f}f" for value in golden["example"]]
    arguments = _argument_example(task, golden["example"])
    return {
        **_names(firmware),
        "joints": len(chain),
        "home": float_list(home32(chain, firmware.spec.home)),
        "target_size": golden["example"].size,
        "target_words": firmware.solvers.target_words,
        "argument_words": ARGUMENTS[len(task.directions)],
        "argument_count": task.flat_size,
        "rotation": firmware.solvers.rotation,
        "example_target": ", ".join(example),
        "example_words": " ".join(arguments),
        "python_example": ", ".join(arguments),
        "python_arguments": PYTHON_ARGUMENTS[len(task.directions)],
        "and_angle": ", then the angle [rad]" if task.has_orientation else "",
        "weight_bytes": f"{firmware.program.weight_bytes:,}",
        "choice": firmware.solvers.choice,
        "turning": task.has_orientation,
        "steps": firmware.steps,
        "tolerance_mm": f"{1e3 * SOLVED_POSITION:g}",
        "counts": counts,
        "network_words": f"The {firmware.program.dtype.name} network of {firmware.program.macs:,} "
        f"multiplications, then {firmware.steps} steps of damped least squares.",
        "exactly": " and of TensorFlow Lite Micro, bit for bit" if integer else ", to rounding",
        "exact_words": ", those of TensorFlow Lite Micro, bit for bit" if integer else "",
        "same": "y[k] == outputs[i][k]" if integer else "size(y[k] - outputs[i][k]) < 1e-4f",
        **{key: value for key, value in golden.items() if key != "example"},
    }


def _names(firmware: Firmware) -> dict[str, Any]:
    """Names of a user's, and where they came from, each in an alphabet that is safe there."""
    chain = firmware.spec.chain
    return {
        "name": firmware.name,
        "NAME": firmware.name.upper(),
        "version": __version__,
        "maker": comment(firmware.maker),
        "maker_words": f"edge-ik {__version__} with `{words(firmware.command)}`",
        "robot": words(chain.name),
        "robot_comment": comment(chain.name),
        "base": words(chain.base),
        "joint_names": ", ".join(map(words, chain.joint_names)),
        "quoted_joints": ", ".join(map(string, chain.joint_names)),
    }


def reference_network(firmware: Firmware) -> Interpreter:
    """The network of a firmware's model in the reference interpreter."""
    flatbuffer, _ = read_model(firmware.path)
    return open_interpreter(flatbuffer, "reference")


def _golden(firmware: Firmware) -> dict[str, Any]:
    """Golden vectors: random inputs of the network, and targets of the whole solver."""
    network, problem = reference_network(firmware), firmware.spec.problem
    inputs = random_inputs(network, NETWORK_VECTORS, np.random.default_rng(RNG_SEED))
    solves = golden_solves(firmware, network.run)
    prefix, compared = firmware.name.upper(), solves.joint_tolerance > 0
    return {
        "network_count": NETWORK_VECTORS,
        "inputs": _rows(inputs),
        "outputs": _rows(network.run_raw(inputs)),
        "solve_count": len(solves.targets),
        "joint_count": int(np.count_nonzero(compared)),
        "targets": _rows(solves.targets),
        "statuses": ",\n".join(
            f"    {prefix}_{'SOLVED' if solved else 'UNREACHABLE'}" for solved in solves.solved
        ),
        "expected": _rows(solves.q.astype(np.float32)),
        "expected_branches": ", ".join(map(str, solves.branch.tolist())),
        "joint_tolerances": _rows(solves.joint_tolerance),
        "distance_tolerance": float_literal(solves.distance_tolerance),
        "angle_tolerance": float_literal(solves.angle_tolerance),
        "limits": _rows(np.stack(limits32(problem.chain), axis=1)),
        "endless": ", ".join(str(turns).lower() for turns in problem.chain.continuous.tolist()),
        "directions": len(problem.task.directions),
        "directed": ", ".join(map(str, problem.task.directions)),
        "chord_weight": float_literal(problem.task.chord_weight),
        "example": solves.targets[int(np.argmax(solves.solved))],
    }


def _argument_example(task: Task, target: npt.NDArray[np.float32]) -> list[str]:
    """A target as the example program takes it."""
    if len(task.directions) < len(TOOL_AXES):
        return [f"{value:.{DIGITS}f}" for value in target]
    rotation = target[3:].astype(np.float64).reshape(3, 3).T
    return [f"{value:.{DIGITS}f}" for value in (*target[:3], *quaternion(rotation))]


def _rows(values: npt.NDArray[Any]) -> str:
    """A matrix as the lines between the braces of an array of arrays."""
    literal = float_literal if values.dtype.kind == "f" else str
    return "\n".join("    {" + ", ".join(map(literal, row)) + "}," for row in values.tolist())
