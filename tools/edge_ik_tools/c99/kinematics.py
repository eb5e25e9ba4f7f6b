"""A robot's kinematics and refinement in C: straight-line code for this robot alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import SimpleNamespace

import numpy as np

from edge_ik_tools.c99.literals import float_literal, indented
from edge_ik_tools.c99.lowering import Program
from firmware_host.chain import Chain
from firmware_host.encoding import Normalization, encode_target
from firmware_host.errors import ModelFileError
from firmware_host.kinematics import frames
from firmware_host.refine import DEFAULT_SETTINGS, trace_step
from firmware_host.straightline import Operation, Symbol, Tape

# Where the damping of `RefineSettings` is less than what single precision resolves of
# J J^T, whose entries are at most the squared reach.
DAMPING_FLOOR = 1e-7
# Limits of a joint that never meets any [rad]: beyond where the steps of a solve can lead.
OUT_OF_REACH = 1e6
# Operations that are worth less than the flash that a second function takes.
LITTLE_MORE = 120
SINES = (math.sin, math.cos)
ROOT_NAMESPACE = SimpleNamespace(sqrt=Symbol.sqrt)


def kinematics(chain: Chain, steps: int) -> str:
    """The functions `distance`, `step`, `advance` and `refine` of a robot.

    Args:
        chain: The robot.
        steps: Number of refinement steps.
    """
    trace = trace_step(chain)
    newton, distance = trace.tape.live([trace.squared, *trace.dq]), trace.tape.live([trace.squared])
    # Where a step costs little more than the distance, one function serves for both.
    last = "step(target, s, c, dq)"
    if len(newton) - len(distance) > LITTLE_MORE:
        last = f"i < {steps} ? {last} : distance(target, s, c)"
    parts = [_step(chain), _advance(len(chain)), _turn_back(chain), _refine(chain, steps, last)]
    return "\n\n".join(part for part in parts if part)


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
    lines = statements(tape.live(entries), _names(n))
    lines += [
        f"T_base_tool[{index}] = {_operand(entry, _names(n))};"
        for index, entry in enumerate(entries)
    ]
    return indented(lines)


def encode(chain: Chain, normalization: Normalization, program: Program) -> str:
    """Statements that fill the network's input `x` from `target`."""
    tape = Tape()
    target = tape.inputs("p", 3)
    features = encode_target(chain, target, ROOT_NAMESPACE)
    scale, zero_point = program.input_scale
    names = _names(len(chain))
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
    values = ", ".join(_operand(feature, names) for feature in features)
    lines = [
        "/* Normalization and quantization in one: a factor and what is added. */",
        f"static const float affine[{len(features)}][2] = {{{affine}}};",
        *statements(tape.live(features), names),
        f"const float features[{len(features)}] = {{{values}}};",
        "ROLLED",
        "for (int32_t i = 0; i < FEATURES; ++i) {",
        f"    x[i] = {value};",
        "}",
    ]
    return indented(lines)


def decode(chain: Chain, program: Program) -> str:
    """Statements that fill `q`, `s` and `c` from the network's output `y`."""
    n = len(chain)
    zero = program.output_scale[1]
    less = f" - {zero}" if zero > 0 else f" + {-zero}" if zero < 0 else ""

    def read(index: str) -> str:
        if program.dtype == np.float32:
            return f"within(y[{index}], -1e6f, 1e6f)"
        return f"(float)(y[{index}]{less})"

    lines = [
        "ROLLED",
        f"for (int32_t i = 0; i < {n}; ++i) {{",
        f"    const float a = {read('i')};",
        "    /* A pair without a direction points along angle 0. */",
        f"    const float b = {read(f'{n} + i')} + 1e-9f;",
        "    const float scale = inverse_root(a * a + b * b);",
        "    s[i] = a * scale;",
        "    c[i] = b * scale;",
        "    q[i] = into_limits(angle_of(s[i], c[i]), &joints[i], &s[i], &c[i]);",
        "}",
    ]
    return indented(lines)


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


def statements(operations: Sequence[Operation], names: Mapping[str, str]) -> list[str]:
    """One line of C for each recorded operation.

    A division by a square root becomes a product with its inverse.
    """
    roots = {name: right for name, operator, _, right in operations if operator == "sqrt"}
    inverses = {right for _, operator, _, right in operations if operator == "/" and right in roots}
    lines = []
    for name, operator, left, right in operations:
        a, b = _text(left, names), _text(right, names)
        if operator == "sqrt" and name in inverses:
            lines.append(f"const float {name}_inverse = inverse_root({b});")
            value = f"{b} * {name}_inverse"
        elif operator == "sqrt":
            value = f"root({b})"
        elif operator == "/" and right in inverses:
            value = f"{a} * {right}_inverse"
        elif operator == "-" and left == "0.0":
            value = f"-{b}"
        else:
            value = f"{a} {operator} {b}"
        lines.append(f"const float {name} = {value};")
    return lines


def _step(chain: Chain) -> str:
    n = len(chain)
    trace = trace_step(chain)
    names = _names(n) | {
        "damping": float_literal(DEFAULT_SETTINGS.damping),
        "floor": float_literal(max(DEFAULT_SETTINGS.damping_floor, DAMPING_FLOOR * chain.reach**2)),
    }
    joints = f"const float s[{n}], const float c[{n}]"
    distance = statements(trace.tape.live([trace.squared]), names)
    distance.append(f"return {_operand(trace.squared, names)};")
    newton = statements(trace.tape.live([trace.squared, *trace.dq]), names)
    newton += [f"dq[{index}] = {_operand(change, names)};" for index, change in enumerate(trace.dq)]
    newton.append(f"return {_operand(trace.squared, names)};")
    return "\n".join(
        [
            "/* The squared distance of the tool from the target [m^2]. */",
            f"EDGE_IK_STAGE float distance(const float target[3], {joints})",
            "{",
            indented(distance),
            "}",
            "",
            "/* The same, and the change of the joints [rad] that damped least squares takes:",
            "   dq = J^T (J J^T + lambda^2 I)^-1 e, where lambda^2 fades with the error. */",
            f"EDGE_IK_STAGE float step(const float target[3], {joints}, float dq[{n}])",
            "{",
            indented(newton),
            "}",
        ]
    )


def _advance(n: int) -> str:
    most = float_literal(DEFAULT_SETTINGS.max_step)
    return f"""\
/* Move the joints, each by a bounded step and within its limits. */
EDGE_IK_STAGE void advance(float q[{n}], float s[{n}], float c[{n}], const float dq[{n}])
{{
    ROLLED
    for (int32_t i = 0; i < {n}; ++i) {{
        float change = dq[i];
        if (!(change <= {most} && change >= -{most})) {{
            change = change > 0.0f ? {most} : -{most};
        }}
        const float moved = within(q[i] + change, joints[i].lower, joints[i].upper);
        rotate(&s[i], &c[i], moved - q[i]);
        q[i] = moved;
    }}
}}"""


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


def _refine(chain: Chain, steps: int, last: str) -> str:
    n = len(chain)
    first = ", ".join(f"q[{k}]" for k in range(n))
    last_line = turn_back(chain)
    return f"""\
/* The best configuration met in {steps} steps, and its squared distance [m^2]. */
EDGE_IK_STAGE float refine(
    const float target[3], float q[{n}], float s[{n}], float c[{n}], float *seed_squared)
{{
    float best[{n}] = {{{first}}}, least = FLT_MAX;
    for (int32_t i = 0; i <= {steps}; ++i) {{
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
            advance(q, s, c, dq);
        }}
    }}
    for (int32_t k = 0; k < {n}; ++k) {{
        q[k] = best[k];
    }}
{last_line}    return least;
}}"""


def _names(n: int) -> dict[str, str]:
    names = {f"s{index}": f"s[{index}]" for index in range(n)}
    names |= {f"c{index}": f"c[{index}]" for index in range(n)}
    return names | {f"p{index}": f"target[{index}]" for index in range(12)}


def _text(word: str, names: Mapping[str, str]) -> str:
    if word in names:
        return names[word]
    try:
        return _literal(float(word)) if word else ""
    except ValueError:
        return word


def _literal(value: float) -> str:
    text = float_literal(value)
    return f"({text})" if text.startswith("-") else text


def _operand(value: Symbol | float, names: Mapping[str, str]) -> str:
    return _text(value.name, names) if isinstance(value, Symbol) else float_literal(value)
