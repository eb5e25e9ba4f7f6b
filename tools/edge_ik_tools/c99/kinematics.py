"""A robot's kinematics and refinement in C: straight-line code for this robot alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import SimpleNamespace

import numpy as np
from firmware_host.normalization import Normalization
from firmware_host.tasks.turn import Encoding
from firmware_host.encoding import encode as encode_target

from edge_ik_tools.c99.literals import float_literal, indented
from edge_ik_tools.c99.lowering import Program
from edge_ik_tools.c99.straight import joint_names, operand, statements
from firmware_host.chain import Chain
from firmware_host.errors import ModelFileError
from firmware_host.kinematics import Scalar, frames
from firmware_host.problem import StepTrace
from firmware_host.solving.refine import DEFAULT_SETTINGS, trace_step
from firmware_host.straightline import Symbol, Tape
from firmware_host.tasks import Task

# Where the damping of `RefineSettings` is less than what single precision resolves of
# J J^T, whose entries are at most the squared reach.
DAMPING_FLOOR = 1e-7
# Limits of a joint that never meets any [rad]: beyond where the steps of a solve can lead.
OUT_OF_REACH = 1e6
# Operations that are worth less than the flash that a second function takes.
LITTLE_MORE = 120
SINES = (math.sin, math.cos)
ROOT_NAMESPACE = SimpleNamespace(sqrt=Symbol.sqrt)


def kinematics(chain: Chain, task: Task, steps: int) -> str:
    """The functions `distance`, `step`, `advance` and `refine` of a robot, and `measure`.

    Args:
        chain: The robot.
        task: What a target is.
        steps: Number of refinement steps.
    """
    trace = trace_step(chain, task)
    newton = trace.tape.live([trace.squared, *trace.dq])
    distance = trace.tape.live([trace.squared])
    # Where a step costs little more than the distance, one function serves for both.
    last = f"step({_arguments(trace)})"
    if len(newton) - len(distance) > LITTLE_MORE:
        last = f"i < {steps} ? {last} : distance(target, s, c)"
    parts = [
        _step(chain, trace),
        _measure(chain, task) if task.turns else "",
        _advance(chain, bool(trace.free)),
        _turn_back(chain),
        _refine(chain, trace, steps, last),
    ]
    return "\n\n".join(part for part in parts if part)


def has_spare(chain: Chain, task: Task) -> bool:
    """Whether steps know which joints their limits hold back; see `StepTrace.free`."""
    return bool(trace_step(chain, task).free)


def turn_back(chain: Chain) -> str:
    """The statement, if one is needed, that brings joints without a limit to meet within them."""
    return "    turn_back(q);\n" if chain.wraps.any() else ""


def joint_table(chain: Chain) -> str:
    """The constants of each joint; see `joint_t` in the template."""
    lower, upper = limits32(chain)
    rows = []
    for index, joint in enumerate(chain.joints):
        low, high = lower[index], upper[index]
        if chain.wraps[index]:
            low, high = -OUT_OF_REACH, OUT_OF_REACH
        points = [function(limit) for limit in (low, high) for function in SINES]
        rows.append((low, high, (joint.lower + joint.upper) / 2, *points))
    text = "\n".join("    {" + ", ".join(map(float_literal, row)) + "}," for row in rows)
    return f"static const joint_t joints[{len(rows)}] = {{\n{text}\n}};"


def forward(chain: Chain) -> str:
    """Statements that fill `T_base_tool` (12) from the joints' `s` and `c`."""
    tape = Tape()
    n = len(chain)
    sines, cosines = tape.inputs("s", n), tape.inputs("c", n)
    walked = frames(chain, sines, cosines)
    columns = (*walked.rotation, walked.position)
    entries = [columns[column][row] for row in range(3) for column in range(4)]
    lines = statements(tape, entries, joint_names(n))
    lines += [
        f"T_base_tool[{index}] = {operand(entry, joint_names(n))};"
        for index, entry in enumerate(entries)
    ]
    return indented(lines)


def encode(chain: Chain, task: Task, normalization: Normalization, program: Program) -> str:
    """Statements that fill the network's input `x`, and `turns` if there are any."""
    tape = Tape()
    target = tape.inputs("p", len(task.component_names))
    encoding = encode_target(chain, task, target, ROOT_NAMESPACE)
    features, turns = encoding.features, _turn_components(encoding)
    scale, zero_point = program.input_scale
    names = joint_names(len(chain))
    factors = [1.0 / (std * scale) for std in normalization.std]
    offsets = [
        zero_point - mean * factor for mean, factor in zip(normalization.mean, factors, strict=True)
    ]
    affine = ", ".join(
        f"{{{float_literal(factor)}, {float_literal(offset)}}}"
        for factor, offset in zip(factors, offsets, strict=True)
    )
    value = "features[i] * affine[i][0] + affine[i][1]"
    if program.dtype != np.float32:
        limits = np.iinfo(program.dtype)
        value = f"(network_t)nearest(within({value}, {limits.min}.0f, {limits.max}.0f))"
    values = ", ".join(operand(feature, names) for feature in features)
    lines = [
        "/* Normalization and quantization in one: a factor and what is added. */",
        f"static const float affine[{len(features)}][2] = {{{affine}}};",
        *statements(tape, [*features, *turns], names),
        f"const float features[{len(features)}] = {{{values}}};",
        *(f"turns[{k}] = {operand(turn, names)};" for k, turn in enumerate(turns)),
        "ROLLED",
        f"for (int32_t i = 0; i < {len(features)}; ++i) {{",
        f"    x[i] = {value};",
        "}",
    ]
    return indented(lines)


def turn_count(chain: Chain, task: Task) -> int:
    """Numbers that `encode` keeps for `decode`: sine and cosine of each of the target's turns."""
    target = Tape().inputs("p", len(task.component_names))
    return len(_turn_components(encode_target(chain, task, target, ROOT_NAMESPACE)))


def decode(chain: Chain, task: Task, program: Program) -> str:
    """Statements that fill `q`, `s` and `c` from the network's output `y` and `turns`."""
    n = len(chain)
    zero = program.output_scale[1]
    less = f" - {zero}" if zero > 0 else f" + {-zero}" if zero < 0 else ""

    def read(index: str) -> str:
        if program.dtype == np.float32:
            return f"within(y[{index}], -1e6f, 1e6f)"
        return f"(float)(y[{index}]{less})"

    turns = turn_count(chain, task)
    lines = [
        "ROLLED",
        f"for (int32_t i = 0; i < {n}; ++i) {{",
        f"    const float a = {read('i')};",
        "    /* A pair without a direction points along angle 0. */",
        f"    const float b = {read(f'{n} + i')} + 1e-9f;",
        "    const float scale = inverse_root(a * a + b * b);",
        "    s[i] = a * scale;",
        "    c[i] = b * scale;",
    ]
    if turns:
        lines += ["}", "/* The target's own turns, which the network does not see. */"]
        joints = [0, n - 1][: turns // 2]
        lines += [
            f"turn_by(&s[{joint}], &c[{joint}], &turns[{2 * k}]);" for k, joint in enumerate(joints)
        ]
        lines += ["ROLLED", f"for (int32_t i = 0; i < {n}; ++i) {{"]
    lines += [
        "    q[i] = into_limits(angle_of(s[i], c[i]), &joints[i], &s[i], &c[i]);",
        "}",
    ]
    return indented(lines)


def _turn_components(encoding: Encoding) -> list[Scalar]:
    turns = [turn for turn in (encoding.first, encoding.last) if turn is not None]
    return [part for turn in turns for part in (turn.sin, turn.cos)]


def home32(chain: Chain, home: Sequence[float]) -> list[float]:
    """The home posture [rad] in single precision, within the limits."""
    held: list[float] = np.clip(chain.clamp(home), *limits32(chain)).tolist()
    return held


def limits32(chain: Chain) -> tuple[list[float], list[float]]:
    """The limits [rad] in single precision, rounded inward so that they hold in double.

    Raises:
        ModelFileError: If no single-precision number is within the limits of a joint.
    """
    lower, upper = [], []
    for low, high in zip(chain.lower.tolist(), chain.upper.tolist(), strict=True):
        single_low, single_high = np.float32(low), np.float32(high)
        if float(single_low) < low:
            single_low = np.nextafter(single_low, np.float32(math.inf))
        if float(single_high) > high:
            single_high = np.nextafter(single_high, np.float32(-math.inf))
        if single_low > single_high:
            raise ModelFileError(
                f"Single precision has no angle within the limits of a joint. Received: {low} "
                f"to {high}"
            )
        lower.append(float(single_low))
        upper.append(float(single_high))
    return lower, upper


def _arguments(trace: StepTrace) -> str:
    return "target, s, c, free, dq" if trace.free else "target, s, c, dq"


def _step(chain: Chain, trace: StepTrace) -> str:
    n, k = len(chain), len(trace.target)
    names = joint_names(n) | {
        "damping": float_literal(DEFAULT_SETTINGS.damping),
        "floor": float_literal(max(DEFAULT_SETTINGS.damping_floor, DAMPING_FLOOR * chain.reach**2)),
    }
    inputs = f"const float target[{k}], const float s[{n}], const float c[{n}]"
    free = f"const float free[{n}], " if trace.free else ""
    distance = statements(trace.tape, [trace.squared], names)
    distance.append(f"return {operand(trace.squared, names)};")
    newton = statements(trace.tape, [trace.squared, *trace.dq], names)
    newton += [f"dq[{index}] = {operand(change, names)};" for index, change in enumerate(trace.dq)]
    newton.append(f"return {operand(trace.squared, names)};")
    what = "tool from the target" if k == 3 else "tool from the target, turns weighed as lengths"
    return "\n".join(
        [
            f"/* The squared distance of the {what} [m^2]. */",
            f"EDGE_IK_STAGE float distance({inputs})",
            "{",
            indented(distance),
            "}",
            "",
            "/* The same, and the change of the joints [rad] that damped least squares takes:",
            "   dq = J^T (J J^T + lambda^2 I)^-1 e, where lambda^2 fades with the error. */",
            f"EDGE_IK_STAGE float step({inputs}, {free}float dq[{n}])",
            "{",
            indented(newton),
            "}",
        ]
    )


def _measure(chain: Chain, task: Task) -> str:
    n, k = len(chain), len(task.component_names)
    tape = Tape()
    sines, cosines = tape.inputs("s", n), tape.inputs("c", n)
    parts = task.squared_parts(frames(chain, sines, cosines), tape.inputs("p", k))
    names = joint_names(n)
    lines = statements(tape, parts, names)
    lines += [f"parts[{index}] = {operand(part, names)};" for index, part in enumerate(parts)]
    inputs = f"const float target[{k}], const float s[{n}], const float c[{n}]"
    return "\n".join(
        [
            "/* The squared distance of the positions [m^2], and of the directions:",
            "   (2 sin(angle / 2))^2. */",
            f"static void measure({inputs}, float parts[2])",
            "{",
            indented(lines),
            "}",
        ]
    )


def _advance(chain: Chain, spare: bool) -> str:
    n = len(chain)
    most = float_literal(DEFAULT_SETTINGS.max_step)
    joints = f"float q[{n}], float s[{n}], float c[{n}], const float dq[{n}]"
    free = f", float free[{n}]" if spare else ""
    lines = [
        "ROLLED",
        f"for (int32_t i = 0; i < {n}; ++i) {{",
        "    float change = dq[i];",
        f"    if (!(change <= {most} && change >= -{most})) {{",
        f"        change = change > 0.0f ? {most} : -{most};",
        "    }",
    ]
    if spare:
        lines += [
            "    const float wanted = q[i] + change;",
            "    const float moved = within(wanted, joints[i].lower, joints[i].upper);",
            "    /* What its limit holds back, the others must do without in the next step. */",
            "    free[i] = wanted >= joints[i].lower && wanted <= joints[i].upper ? 1.0f : 0.0f;",
        ]
    else:
        lines.append(
            "    const float moved = within(q[i] + change, joints[i].lower, joints[i].upper);"
        )
    lines += ["    rotate(&s[i], &c[i], moved - q[i]);", "    q[i] = moved;", "}"]
    return "\n".join(
        [
            "/* Move the joints, each by a bounded step and within its limits. */",
            f"EDGE_IK_STAGE void advance({joints}{free})",
            "{",
            indented(lines),
            "}",
        ]
    )


def _turn_back(chain: Chain) -> str:
    """The function `turn_back`, of robots that have a joint for it."""
    if not chain.wraps.any():
        return ""
    lower, upper = limits32(chain)
    turned = []
    for k, joint in enumerate(chain.joints):
        if chain.wraps[k]:
            numbers = (lower[k], upper[k], (joint.lower + joint.upper) / 2)
            arguments = ", ".join(map(float_literal, numbers))
            turned.append(f"q[{k}] = wrapped(q[{k}], {arguments});")
    return f"""\
/* Bring the joints that never meet a limit within theirs, to where they point. */
EDGE_IK_STAGE void turn_back(float q[{len(chain)}])
{{
{indented(turned)}
}}"""


def _refine(chain: Chain, trace: StepTrace, steps: int, last: str) -> str:
    n, k = len(chain), len(trace.target)
    first = ", ".join(f"q[{joint}]" for joint in range(n))
    free = ""
    if trace.free:
        free = f"    float free[{n}] = {{{', '.join(['1.0f'] * n)}}};\n"
    moved = "q, s, c, dq, free" if trace.free else "q, s, c, dq"
    return f"""\
/* The best configuration met in {steps} steps, and its squared distance [m^2]. */
EDGE_IK_STAGE float refine(
    const float target[{k}], float q[{n}], float s[{n}], float c[{n}], float *seed_squared)
{{
    float best[{n}] = {{{first}}}, least = FLT_MAX;
{free}    for (int32_t i = 0; i <= {steps}; ++i) {{
        float dq[{n}];
        const float squared = {last};
        if (i == 0) {{
            *seed_squared = squared;
        }}
        if (squared < least) {{
            least = squared;
            for (int32_t k = 0; k < {n}; ++k) {{
                best[k] = q[k];
            }}
        }}
        if (i < {steps}) {{
            advance({moved});
        }}
    }}
    for (int32_t k = 0; k < {n}; ++k) {{
        q[k] = best[k];
    }}
{turn_back(chain)}    return least;
}}"""
