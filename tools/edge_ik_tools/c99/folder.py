"""The folder that a firmware project takes in: sources, example, self-test, build files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_ik import __version__
from edge_ik_tools.c99.literals import float_literal
from edge_ik_tools.c99.source import NOT_COUNTED, Firmware
from edge_ik_tools.generated import write_folder
from edge_ik_tools.random_inputs import random_inputs
from edge_ik_tools.templates import filled
from firmware_host.bench.targets import bench_targets
from firmware_host.chain import FloatArray
from firmware_host.errors import ModelFileError
from firmware_host.model_file import read_model
from firmware_host.network.runtimes import open_interpreter
from firmware_host.solver import IkSolver
from firmware_host.solving.solution import Status
from firmware_host.tasks import Task
from firmware_host.tasks.rotations import quaternion
from firmware_host.tolerances import SOLVED_POSITION, SOLVED_ROTATION

NETWORK_VECTORS = 64
SOLVE_VECTORS = 32
GOLDEN_SEED = 2
# Single precision against double, refined alike [rad].
JOINT_TOLERANCE = 2e-5
# An error this near to the tolerance could be judged otherwise after rounding.
BORDERLINE = (0.5, 2.0)

# What the example program takes.
ARGUMENTS = {
    "position": "x y z",
    "axis": "x y z and a unit direction",
    "pose": "x y z and a unit quaternion w x y z",
}

Tell = Callable[[str], None]


def write_c99(
    firmware: Firmware,
    out: Path,
    counts: str = NOT_COUNTED,
    tell: Tell = lambda line: None,
) -> None:
    """Write the firmware of a model as C99.

    The same firmware and counts give the same bytes.

    Args:
        firmware: The model, ready to be printed.
        out: The folder to write; see `write_folder` for what it may hold.
        counts: What was measured of it, in a sentence for the header.
        tell: Called with a line of progress.

    Raises:
        FirmwareFolderError: If the folder holds something else, or cannot be written.
        ModelFileError: If the model solves nothing that firmware could be tested with.
    """
    tell("Computing golden vectors")
    values = _values(firmware, counts)
    texts = {
        f"{firmware.name}.h": firmware.header(counts),
        f"{firmware.name}.c": firmware.source(counts),
    }
    for file in ("main.c", "selftest.c", "CMakeLists.txt", "arm-none-eabi.cmake", "README.md"):
        texts[file] = filled("c99", f"{file}.in", values)
    record = {"firmware": "c99", "version": __version__, "name": firmware.name}
    write_folder(out, texts, record | {"model": firmware.model_hash, "steps": firmware.steps})


def write_sources(firmware: Firmware, folder: Path) -> None:
    """Write `NAME.h` and `NAME.c` alone, for those who compile them at once."""
    (folder / f"{firmware.name}.h").write_text(firmware.header(), encoding="utf-8")
    (folder / f"{firmware.name}.c").write_text(firmware.source(), encoding="utf-8")


def _values(firmware: Firmware, counts: str) -> dict[str, Any]:
    """What the templates ask for."""
    chain, task = firmware.spec.chain, firmware.spec.task
    integer = firmware.program.dtype != np.float32
    golden = _golden(firmware)
    example = [f"{value:.3f}" for value in golden["first_target"]]
    return {
        "name": firmware.name,
        "NAME": firmware.name.upper(),
        "maker": firmware.maker,
        "robot": chain.name,
        "base": chain.base,
        "joints": len(chain),
        "joint_names": ", ".join(chain.joint_names),
        "quoted_joints": ", ".join(f'"{_escaped(joint)}"' for joint in chain.joint_names),
        "target_size": golden["first_target"].size,
        "target_words": firmware.solvers.target_words,
        "argument_words": ARGUMENTS[task.name],
        "argument_count": 7 if task.name == "pose" else golden["first_target"].size,
        "read_target": f"{firmware.name}_target(&numbers[0], &numbers[3], target);"
        if task.name == "pose"
        else "memcpy(target, numbers, sizeof target);",
        "example_target": ", ".join(f"{value}f" for value in example),
        "example_words": " ".join(_argument_example(task, golden["first_target"])),
        "chosen": "[0]" if firmware.solvers.branches > 1 else "",
        "steps": firmware.steps,
        "tolerance_mm": f"{1e3 * SOLVED_POSITION:g}",
        "joint_tolerance": float_literal(JOINT_TOLERANCE),
        "counts": counts,
        "network_words": f"A {firmware.program.dtype.name} network of {firmware.program.macs:,} "
        f"multiplications, then {firmware.steps} steps of damped least squares.",
        "exactly": " and of TensorFlow Lite Micro, bit for bit" if integer else ", to rounding",
        "exact_words": ", those of TensorFlow Lite Micro, bit for bit" if integer else "",
        "same": "y[k] == outputs[i][k]" if integer else "size(y[k] - outputs[i][k]) < 1e-4f",
        **{key: value for key, value in golden.items() if key != "first_target"},
    }


def _golden(firmware: Firmware) -> dict[str, Any]:
    """Golden vectors: random inputs of the network, and targets of the whole solver."""
    flatbuffer, _ = read_model(firmware.path)
    interpreter = open_interpreter(flatbuffer, "reference")
    inputs = random_inputs(interpreter, NETWORK_VECTORS, np.random.default_rng(GOLDEN_SEED))
    solver = IkSolver.load(firmware.path, "reference", firmware.steps)
    task = firmware.spec.task
    drawn = bench_targets(solver, 2 * SOLVE_VECTORS, GOLDEN_SEED).astype(np.float32)
    answers = solver.solve_batch(task.given(drawn.astype(np.float64)))
    clear = _clear(answers.position_error_m / SOLVED_POSITION)
    if answers.rotation_error_rad is not None:
        clear &= _clear(answers.rotation_error_rad / SOLVED_ROTATION)
    # Another branch may be as promising, to rounding: what the first found, the second may not.
    kept = np.flatnonzero(clear & (answers.tried == 1))[:SOLVE_VECTORS]
    if not len(kept):
        raise ModelFileError(
            f"The model solves none of {len(drawn)} reachable targets at its first try, or all "
            "but exactly to the tolerance: nothing that firmware could be tested with."
        )
    prefix = firmware.name.upper()
    words = {Status.SOLVED: "SOLVED", Status.UNREACHABLE: "UNREACHABLE"}
    return {
        "network_count": NETWORK_VECTORS,
        "inputs": _rows(inputs),
        "outputs": _rows(interpreter.run_raw(inputs)),
        "solve_count": len(kept),
        "targets": _rows(drawn[kept]),
        "statuses": ",\n".join(f"    {prefix}_{words[s]}" for s in answers.status[kept]),
        "expected": _rows(answers.q[kept].astype(np.float32)),
        "first_target": drawn[kept[0]],
    }


def _clear(relative: FloatArray) -> npt.NDArray[np.bool_]:
    """Whether an error, as a multiple of its tolerance, is judged alike after rounding."""
    clear: npt.NDArray[np.bool_] = (relative < BORDERLINE[0]) | (relative > BORDERLINE[1])
    return clear


def _argument_example(task: Task, target: npt.NDArray[np.float32]) -> list[str]:
    """A target as the example program takes it."""
    if task.name != "pose":
        return [f"{value:.3f}" for value in target]
    rotation = target[3:].astype(np.float64).reshape(3, 3).T
    return [f"{value:.4f}" for value in (*target[:3], *quaternion(rotation))]


def _rows(values: npt.NDArray[Any]) -> str:
    """A matrix as the lines between the braces of an array of arrays."""
    literal = float_literal if values.dtype.kind == "f" else str
    return "\n".join("    {" + ", ".join(map(literal, row)) + "}," for row in values.tolist())


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
