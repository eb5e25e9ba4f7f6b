"""What the template of a robot's kinematics and refinement asks for: its numbers and lines."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from edge_ik_tools.c99.literals import float_list, float_literal, indented, initializer, table
from edge_ik_tools.c99.lowering import Program
from edge_ik_tools.c99.segments import is_mixed, other_joints, place_names, using_place
from edge_ik_tools.c99.straight import operand, statements, stored
from firmware_host.chain import Chain
from firmware_host.joints import single_limits
from firmware_host.kinematics import frames
from firmware_host.normalization import Normalization
from firmware_host.problem import IkProblem
from firmware_host.solving.refine import (
    DEFAULT_SETTINGS,
    NEAREST_SETTINGS,
    NEAREST_STEPS,
    RefineSettings,
)
from firmware_host.spec import ModelSpec
from firmware_host.straightline import SYMBOLS, Tape

# Where the damping of `RefineSettings` is less than what single precision resolves of
# J J^T, whose entries are at most the squared reach.
DAMPING_FLOOR = 1e-7
# Limits of a joint that never meets any [rad]: beyond where the steps of a solve can lead.
OUT_OF_REACH = 1e6
# Operations that are worth less than the flash that a second function takes.
LITTLE_MORE = 120
SINES = (math.sin, math.cos)


def robot_values(spec: ModelSpec, program: Program, steps: int) -> dict[str, object]:
    """What `robot.c.in` asks for.

    Args:
        spec: The problem and its features.
        program: The network.
        steps: Number of refinement steps.
    """
    problem, n = spec.problem, spec.problem.joints
    return {
        "joints": n,
        "segments": len(spec.chain.segments),
        **other_joints(problem, program),
        "target_size": spec.task.size,
        "steps": steps,
        "joint_rows": _joint_rows(spec.chain),
        "first_joints": ", ".join(f"q[{joint}]" for joint in range(n)),
        "max_step": float_literal(DEFAULT_SETTINGS.max_step),
        **_number_values(program),
        **_encoding(problem, spec.normalization, program),
        **_stepping(problem, is_mixed(spec.chain)),
        "measured": _measured(problem),
        **_turning_back(spec.chain),
    }


def _joint_rows(chain: Chain) -> str:
    """The constants of each joint; see `joint_t` in the template."""
    lower, upper = limits32(chain)
    rows = []
    for index, joint in enumerate(chain.joints):
        low, high = lower[index], upper[index]
        if chain.periodic[index]:
            low, high = -OUT_OF_REACH, OUT_OF_REACH
        points = [function(limit) for limit in (low, high) for function in SINES]
        rows.append((low, high, (joint.lower + joint.upper) / 2, *points))
    return table([map(float_literal, row) for row in rows])


def _number_values(program: Program) -> dict[str, object]:
    """How the network's numbers are written and read."""
    integer = program.dtype != np.float32
    limits = np.iinfo(program.dtype) if integer else None
    zero = program.output_scale[1]
    return {
        "integer": integer,
        "lowest": limits.min if limits else "",
        "highest": limits.max if limits else "",
        "less_zero": f" - {zero}" if zero > 0 else f" + {-zero}" if zero < 0 else "",
    }


def _encoding(
    problem: IkProblem, normalization: Normalization, program: Program
) -> dict[str, object]:
    """The network's input from a target, and the target's own turns."""
    tape = Tape()
    target = tape.inputs("p", problem.task.size)
    encoding = problem.encode(target, SYMBOLS)
    turns = encoding.moves()
    scale, zero_point = program.input_scale
    names = place_names(problem.chain)
    factors = [1.0 / (std * scale) for std in normalization.std]
    offsets = [
        zero_point - mean * factor for mean, factor in zip(normalization.mean, factors, strict=True)
    ]
    return {
        "affine": ", ".join(initializer(pair) for pair in zip(factors, offsets, strict=True)),
        "encoding": indented(statements(tape, [*encoding.features, *turns], names)),
        "feature_values": ", ".join(operand(feature, names) for feature in encoding.features),
        "turns": len(turns),
        "kept_turns": indented(stored("turns", turns, names)),
        "encode_turns": f", float turns[{len(turns)}]" if turns else "",
        "decode_turns": f", const float turns[{len(turns)}]" if turns else "",
        "turned": indented(
            f"turn_by(&s[{joint}], &c[{joint}], &turns[{2 * k}]);"
            for k, joint in enumerate(encoding.turns)
        ),
    }


def _stepping(problem: IkProblem, mixed: bool) -> dict[str, object]:
    """A step of damped least squares, and the distance that it is to make less."""
    trace = problem.trace_step()
    stops = len(problem.stops)
    settings = settings32(problem.chain)
    names = place_names(problem.chain) | {"damping": float_literal(settings.damping)}
    tape, squared = trace.tape, trace.squared
    newton, distance = tape.live([squared, *trace.dq]), tape.live([squared])
    pull = "dq[i]" if problem.spare_joints else f"{float_literal(problem.hold)} * dq[i]"
    pull += " * per[i]" if mixed else ""
    return {
        "weighed": ", turns weighed as lengths" if problem.task.has_orientation else "",
        "distance": indented(using_place(statements(tape, [squared], names))),
        "squared": operand(squared, names),
        "newton": indented(
            using_place(
                [*statements(tape, [squared, *trace.dq], names), *stored("dq", trace.dq, names)]
            )
        ),
        # Where a step costs little more than the distance, one function serves for both.
        "distance_alone": len(newton) - len(distance) > LITTLE_MORE,
        "stops": stops,
        "passing": stops < problem.joints,
        "stop_list": ", ".join(str(int(k in problem.stops)) for k in range(problem.joints)),
        "held_room": max(1, 2 * stops),
        "unheld": float_list(problem.unheld or [0.0]),
        "free": float_literal(1.0 if problem.spare_joints else 0.0),
        "locked": float_literal(0.0 if problem.spare_joints else problem.hold),
        "pull": pull,
        "floor": float_literal(settings.damping_floor),
        "bend": float_literal(NEAREST_SETTINGS.curvature * problem.length),
        "nearest_steps": NEAREST_STEPS,
    }


def _measured(problem: IkProblem) -> str:
    """Statements that fill `parts`: the squared distance of positions, and of directions."""
    if not problem.task.has_orientation:
        return ""
    tape = Tape()
    sines, cosines = problem.trace_place(tape)
    target = tape.inputs("p", problem.task.size)
    parts = problem.task.squared_parts(frames(problem.chain, sines, cosines), target)
    names = place_names(problem.chain)
    lines = [*statements(tape, parts, names), *stored("parts", parts, names)]
    return indented(using_place(lines))


def _turning_back(chain: Chain) -> dict[str, object]:
    """How joints that never meet a limit come back within theirs."""
    lower, upper = limits32(chain)
    turned = []
    for k, joint in enumerate(chain.joints):
        if chain.periodic[k]:
            limits = float_list((lower[k], upper[k], (joint.lower + joint.upper) / 2))
            turned.append(f"q[{k}] = wrapped(q[{k}], {limits});")
    return {"wraps": bool(turned), "turned_back": indented(turned)}


def forward(chain: Chain) -> str:
    """Statements that fill `T_base_tool` (12) from the joints' `s` and `c`."""
    tape = Tape()
    n = len(chain.segments)
    sines, cosines = tape.inputs("s", n), tape.inputs("c", n)
    walked = frames(chain, sines, cosines)
    columns = (*walked.rotation, walked.position)
    entries = [columns[column][row] for row in range(3) for column in range(4)]
    names = place_names(chain)
    return indented([*statements(tape, entries, names), *stored("T_base_tool", entries, names)])


def settings32(chain: Chain) -> RefineSettings:
    """How steps are damped and bounded in single precision."""
    floor = max(DEFAULT_SETTINGS.damping_floor, DAMPING_FLOOR * chain.reach**2)
    return dataclasses.replace(DEFAULT_SETTINGS, damping_floor=floor)


def home32(chain: Chain, home: Sequence[float]) -> list[float]:
    """The home posture [rad, m] in single precision, within the limits."""
    held: list[float] = np.clip(chain.clamp(home), *limits32(chain)).tolist()
    return held


def limits32(chain: Chain) -> tuple[list[float], list[float]]:
    """The limits [rad, m] in single precision, rounded inward so that they hold in double.

    Raises:
        ModelFileError: If no single-precision number is within the limits of a joint.
    """
    each = zip(chain.joint_names, chain.lower.tolist(), chain.upper.tolist(), strict=True)
    lower, upper = zip(*(single_limits(*one) for one in each), strict=True)
    return list(lower), list(upper)
