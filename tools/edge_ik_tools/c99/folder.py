"""The folder that a firmware project takes in: sources, example, self-test, build files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_ik import __version__
from edge_ik_tools.c99.golden import RNG_SEED, golden_solves
from edge_ik_tools.c99.kinematics import home32, limits32
from edge_ik_tools.c99.literals import float_list, float_literal
from edge_ik_tools.c99.packages import package_texts
from edge_ik_tools.c99.segments import unit_words
from edge_ik_tools.c99.servos import servo_values
from edge_ik_tools.c99.source import NOT_COUNTED, Firmware
from edge_ik_tools.generated import write_folder, write_zip
from edge_ik_tools.random_inputs import random_inputs
from firmware_host.chain import FloatArray
from firmware_host.files import OTHER_TEMPORARY, write_text
from firmware_host.model_file import read_model
from firmware_host.names import c_comment, c_string, plain
from firmware_host.network.interpreter import Interpreter
from firmware_host.network.runtimes import open_interpreter
from firmware_host.progress import Tell, untold
from firmware_host.servos import Servos
from firmware_host.solving.following import TRACK_STEPS
from firmware_host.solving.refine import NEAREST_STEPS
from firmware_host.tasks import SPACE, Task
from firmware_host.tasks.orientation import TOOL_AXES, Direction, Rotation
from firmware_host.tasks.plane_angle import AzimuthPlane, BasePlane, PlaneAngle
from firmware_host.tasks.rotations import quaternion

NETWORK_VECTORS = 64

# How far a joint moves in 20 ms on the path of an example [rad, L]: 2.5 rad/s.
GENTLE_STEP = 0.05
# Of a target in an example, in metres, radians and parts of a unit vector.
DIGITS = 6


def write_c99(
    firmware: Firmware,
    out: Path,
    counts: str = NOT_COUNTED,
    tell: Tell = untold,
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
        FirmwareFolderError: If the folder or the archive is something else.
        WriteError: If it cannot be written.
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
    write_text(folder / f"{firmware.name}.h", firmware.header(), OTHER_TEMPORARY)
    write_text(folder / f"{firmware.name}.c", firmware.source(), OTHER_TEMPORARY)


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
        "track_steps": TRACK_STEPS,
        "gentle_steps": float_list((GENTLE_STEP * chain.scales).tolist()),
        **unit_words(chain),
        **servo_values(firmware.spec.servos),
        "home": float_list(home32(chain, firmware.spec.home)),
        **_integer_values(firmware, golden["example"]),
        "target_size": golden["example"].size,
        "target_words": firmware.solvers.target_words,
        "argument_words": _arguments(task),
        "argument_count": task.flat_size,
        "rotation": firmware.solvers.rotation,
        "angle": firmware.solvers.angle,
        "from_arguments": firmware.solvers.rotation or firmware.solvers.angle,
        "places": len(task.place),
        "in_plane": task.plane is not None,
        "placed": ", ".join(map(str, task.place)),
        "last_place": len(task.place) - 1,
        "path_words": "Up by a centimetre"
        if task.place[-1] == SPACE[-1]
        else f"A centimetre along {TOOL_AXES[task.place[-1]]}",
        "bad_slot": "i" if task.size >= 3 else f"i % {task.size}",
        "example_target": ", ".join(example),
        "example_words": " ".join(arguments),
        "python_example": ", ".join(arguments),
        "python_arguments": _python_arguments(task),
        "and_angle": ", then the angle [rad]" if task.has_orientation else "",
        "goal_words": "size" if firmware.small else "speed",
        "other_words": "speed" if firmware.small else "size",
        "other": int(not firmware.small),
        "choice": firmware.solvers.choice,
        "turning": task.has_orientation,
        "steps": firmware.steps,
        **_step_words(firmware),
        **firmware.solvers.tolerance(),
        "counts": counts,
        "network_words": f"The {firmware.program.dtype.name} network of {firmware.program.macs:,} "
        f"multiplications, then {firmware.steps} steps of damped least squares.",
        "exactly": " and of TensorFlow Lite Micro, bit for bit" if integer else ", to rounding",
        "exact_words": ", those of TensorFlow Lite Micro, bit for bit" if integer else "",
        "same": "y[k] == outputs[i][k]" if integer else "size(y[k] - outputs[i][k]) < 1e-4f",
        **{key: value for key, value in golden.items() if key != "example"},
    }


def _integer_values(firmware: Firmware, target: npt.NDArray[np.float32]) -> dict[str, Any]:
    """What texts tell of integers, and the numbers of examples in millionths."""
    chain, fixed = firmware.spec.chain, firmware.uses_fixed
    return {
        "fixed": fixed,
        "either": fixed and firmware.arithmetic == "auto",
        "told_error_um": firmware.told_error_um if fixed else "",
        "home_urad": _millionths(np.array(home32(chain, firmware.spec.home))),
        "gentle_steps_urad": _millionths(GENTLE_STEP * chain.scales),
        "example_target_um": _millionths(target),
        "and_units": " and units such as sines in millionths"
        if len(firmware.spec.task.place) < firmware.spec.task.size
        else "",
    }


def _millionths(values: npt.NDArray[Any]) -> str:
    """Numbers in millionths, to the nearest, as they stand between braces."""
    return ", ".join(map(str, np.round(1e6 * values.astype(np.float64)).astype(int).tolist()))


def _step_words(firmware: Firmware) -> dict[str, Any]:
    """How long a solve takes, in words."""
    more = f"{NEAREST_STEPS} more toward the nearest posture"
    of_each = " from each seed that is tried" if firmware.solvers.choice else ""
    time = f"one run of the network, then {firmware.steps} steps{of_each}"
    if firmware.spec.problem.stops:
        time += ", some of them computed twice where joints meet their limits"
    if firmware.steps:
        time += f", and {more} where the target is not reached"
    return {"nor_more": f", nor in {more}" if firmware.steps else "", "time_words": time}


def _names(firmware: Firmware) -> dict[str, Any]:
    """Names of a user's, and where they came from, each in an alphabet that is safe there."""
    chain = firmware.spec.chain
    return {
        "name": firmware.name,
        "NAME": firmware.name.upper(),
        "version": __version__,
        "maker": c_comment(firmware.maker),
        "maker_words": f"edge-ik {__version__} with `{plain(firmware.command)}`",
        "robot": plain(chain.name),
        "robot_comment": c_comment(chain.name),
        "base": plain(chain.base),
        "joint_names": ", ".join(map(plain, chain.joint_names)),
        "quoted_joints": ", ".join(map(c_string, chain.joint_names)),
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
        "chord_weight": float_literal(0.5 if problem.task.is_whole else 1.0),
        "directing": bool(problem.task.directions),
        **_servo_rows(firmware.spec.servos, solves.q),
        **_projection(problem.task),
        "example": solves.targets[int(np.argmax(solves.solved))],
    }


def _servo_rows(servos: Servos | None, q: FloatArray) -> dict[str, Any]:
    """The commands at joints q (N, n) [rad, m], in single precision and in millionths."""
    if servos is None:
        return {}
    single = q.astype(np.float32)
    micro = np.round(1e6 * q).astype(np.int32)
    return {
        "pulses": _rows(servos.commands(single)),
        "joints_urad": _rows(micro),
        "pulses_urad": _rows(servos.commands_micro(micro)),
    }


def _arguments(task: Task) -> str:
    """What the example program takes, in words."""
    place = " ".join(TOOL_AXES[axis] for axis in task.place)
    match task.orientation:
        case Direction():
            return f"{place} and a unit direction"
        case Rotation():
            return f"{place} and a unit quaternion w x y z"
        case PlaneAngle(word=word):
            return f"{place} and the {word} in radians"
    return place


def _python_arguments(task: Task) -> str:
    """What functions of MicroPython take, as names of arguments."""
    place = [TOOL_AXES[axis] for axis in task.place]
    match task.orientation:
        case Direction():
            place += ["dx", "dy", "dz"]
        case Rotation():
            place += ["qw", "qx", "qy", "qz"]
        case PlaneAngle(word=word):
            place.append(word)
    return ", ".join(place)


def _projection(task: Task) -> dict[str, Any]:
    """What the self-test asks for to measure an angle in a plane from the tool's pose."""
    if not isinstance(task.orientation, PlaneAngle):
        return {"azimuth": False}
    axis, plane = task.orientation.axis, task.orientation.plane
    values: dict[str, Any] = {"azimuth": isinstance(plane, AzimuthPlane), "tool_axis": axis}
    if isinstance(plane, AzimuthPlane):
        return values | {f"center_{k}": float_literal(plane.center[k]) for k in range(2)}
    assert isinstance(plane, BasePlane)  # noqa: S101 - narrows the type
    return values | {f"plane_{k}": 4 * plane.indices[k] + axis for k in range(2)}


def _argument_example(task: Task, target: npt.NDArray[np.float32]) -> list[str]:
    """A target as the example program takes it."""
    if isinstance(task.orientation, PlaneAngle):
        numbers = task.given(target[None].astype(np.float64))[0]
        return [f"{value:.{DIGITS}f}" for value in numbers]
    if not task.is_whole:
        return [f"{value:.{DIGITS}f}" for value in target]
    rotation = target[3:].astype(np.float64).reshape(3, 3).T
    return [f"{value:.{DIGITS}f}" for value in (*target[:3], *quaternion(rotation))]


def _rows(values: npt.NDArray[Any]) -> str:
    """A matrix as the lines between the braces of an array of arrays."""
    literal = float_literal if values.dtype.kind == "f" else str
    return "\n".join("    {" + ", ".join(map(literal, row)) + "}," for row in values.tolist())
