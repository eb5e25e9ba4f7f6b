"""What the templates of fixed point ask for: a robot's integer programs as C, and its numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from edge_ik_tools.c99.integers import LEAST, MOST, number, printed, unread
from edge_ik_tools.c99.literals import indented, table
from firmware_host.fixed_point.arithmetic import INVERSE_ROOT
from firmware_host.fixed_point.formats import factor_and_shift, least_half
from firmware_host.fixed_point.programs import Program
from firmware_host.fixed_point.ranges import ANGLE_BITS, UNIT_BITS
from firmware_host.fixed_point.robot import PER_BITS, FixedRobot
from firmware_host.joints import CONTINUOUS
from firmware_host.tolerances import (
    FARTHEST_TARGET,
    FULL_TURN,
    SAME_ANSWER,
    TARGET_ROTATION,
)

# What the square of a chord of the unit circle never exceeds, by rounding and a little more.
CHORD_SQUARED = 4.1
PLACING = """\
    for (index_t i = 0; i < {joints}; ++i) {{
        sine_cosine_of(q[i], &s[i], &c[i]);
    }}"""


def support_values(robot: FixedRobot) -> dict[str, object]:
    """What `support_fixed.c.in` asks for."""
    units = {"s": "*s", "c": "*c", "ts": "turn[0]", "tc": "turn[1]"}
    return {
        **{f"root_{index}": number(part) for index, part in enumerate(INVERSE_ROOT)},
        "half_turn": round(math.ldexp(math.pi, ANGLE_BITS)),
        "quarter": robot.turn // 4,
        "angle_bits": ANGLE_BITS,
        "pointing_lines": indented(printed(robot.pointing, {}, ["*s = ", "*c = "])),
        "turned_lines": indented(_in_place(robot.turned, units)),
        "rotation_lines": indented(_in_place(robot.rotation, units)),
        "angle_lines": indented(printed(robot.angle, {}, ["const int32_t angle = "])),
    }


def _in_place(program: Program, names: Mapping[str, str]) -> list[str]:
    """A program from a unit vector to another that takes its place."""
    return printed(program, names, ["*s = ", "*c = "])


def robot_values(robot: FixedRobot, less_zero: str) -> dict[str, object]:
    """What `robot_fixed.c.in` and the templates of solvers ask for.

    Args:
        robot: The robot.
        less_zero: What takes the zero point off a number of the network's output.
    """
    names = _place_names(robot)
    return {
        "real": "int32_t",
        "square": "int64_t",
        "report": "report_t",
        "told": "told",
        "told_place": "told_place",
        "linkage": "static ",
        "entry": "core",
        "fixed": True,
        "farthest_square": "INT64_MAX",
        "farthest_real": MOST,
        "tolerance_squared": number(robot.tolerance),
        "angle_of_chord": "angle_of_squared_chord",
        "range_rows": _range_rows(robot),
        "joint_bits": _joint_bits(robot),
        "turn": robot.turn,
        "squared_bits": robot.squared_bits,
        "told_bits": robot.told_bits,
        "told_shift": robot.told_shift,
        "same_answer": round(math.ldexp(SAME_ANSWER, robot.turn_bits)),
        **_encoding(robot, names),
        **_decoding(robot, less_zero),
        **_stepping(robot, names),
        **_judging(robot, names),
        **_turning(robot),
        **_border(robot, names),
    }


def _joint_bits(robot: FixedRobot) -> str:
    """The fraction bits of the joints: one number where they have the same."""
    bits = robot.joint_bits
    return str(bits[0]) if len(set(bits)) == 1 else ", ".join(map(str, bits))


def _decoding(robot: FixedRobot, less_zero: str) -> dict[str, object]:
    """From the network's output, or from joints, to sines and cosines."""
    chain = robot.chain
    return {
        "coarser": ANGLE_BITS - robot.turn_bits,
        "placing": "    place(q, s, c);" if robot.mixed else PLACING.format(joints=len(chain)),
        "placed": indented(_placed(robot)) if robot.mixed else "",
        "decoded_joints": indented(_decoded(robot, less_zero)) if robot.mixed else "",
        "turned_joints": indented(
            f"turn_unit(&s[{joint}], &c[{joint}], &turns[{first}]);"
            for joint, first in robot.moved.items()
            if not chain.prismatic[joint]
        ),
        "turned_back": indented(
            f"if (q[{k}] < {lower} || q[{k}] > {upper}) {{\n"
            f"    q[{k}] = between(near_middle(q[{k}], &ranges[{k}]), {lower}, {upper});\n}}"
            for k, (lower, upper) in enumerate(robot.limits)
            if robot.passes[k]
        ),
    }


def _stepping(robot: FixedRobot, names: Mapping[str, str]) -> dict[str, object]:
    """A step of damped least squares, and what it is given."""
    rows, n = robot.problem.task.rows, len(robot.chain)
    columns = {f"j{index}": f"columns[{index}]" for index in range(rows * n)}
    errors = {f"e{k}": f"e[{k}]" for k in range(rows)}
    bend, bend_shift = robot.bend
    way_shifts = [robot.column_bits + own - robot.error_bits for own in robot.joint_bits]
    return {
        "rows": rows,
        "entries": rows * n,
        "survey": indented(printed(robot.survey, names, _survey_stores(rows, n))),
        "solution": indented(_solution(robot, columns | errors)),
        "unplaced": unread(robot.survey, names, ["s", "c"]),
        "floor": robot.floor_number,
        "per": ", ".join(map(str, robot.per)),
        "per_bits": PER_BITS,
        "way_shift": way_shifts[0],
        "way_shifts": ", ".join(map(str, way_shifts)),
        "bend": bend,
        "bend_shift": bend_shift,
    }


def _judging(robot: FixedRobot, names: Mapping[str, str]) -> dict[str, object]:
    """How targets with an orientation are judged."""
    if not robot.problem.task.has_orientation:
        return {"measured": "", "chord": "", "place_tolerance_squared": ""}
    place_bits, turn_bits = robot.parts.formats
    # Chords up to 2 may have no room for a shift to the right: then to the left, afterwards.
    shift = 29 - 32 + turn_bits // 2 - 29
    missing = max(0, -shift - least_half(CHORD_SQUARED, turn_bits, 64))
    return {
        "measured": indented(printed(robot.parts, names, ["parts[0] = ", "parts[1] = "])),
        "chord": number(robot.chord),
        "place_tolerance_squared": number(robot.tolerance),
        "told_place_shift": 29 - 32 + place_bits // 2 - robot.told_bits,
        "chord_shift": shift + missing,
        "chord_left": missing,
    }


def _turning(robot: FixedRobot) -> dict[str, object]:
    """Whole turns, limits and travel."""
    chain = robot.chain
    lines = []
    for k, joint in enumerate(chain.joints):
        free = joint.kind == CONTINUOUS
        if not chain.circular[k]:
            continue
        if not free and joint.upper - joint.lower < 2 * math.pi + FULL_TURN:
            continue
        lower, upper = (LEAST, MOST) if free else map(number, robot.limits[k])
        lines.append(f"q[{k}] = turn_toward(q[{k}], near[{k}], {lower}, {upper});")
    travels = [
        factor_and_shift(2.0 ** (robot.turn_bits - bits) / scale)
        for bits, scale in zip(robot.joint_bits, chain.scales.tolist(), strict=True)
    ]
    endless = [
        (LEAST, MOST) if free else tuple(map(number, pair))
        for free, pair in zip(chain.continuous.tolist(), robot.limits, strict=True)
    ]
    return {
        "nearest_turns_fixed": indented(lines),
        "travel_per": ", ".join(str(factor) for factor, _ in travels),
        "travel_shifts": ", ".join(str(shift) for _, shift in travels),
        "track_limits_fixed": ", ".join(f"{{{low}, {high}}}" for low, high in endless),
        "drawn_lower": _drawn(robot, 0),
        "drawn_upper": _drawn(robot, 1),
        "largest_jump": f"{(2**31 - 1) / 2**robot.turn_bits - 0.1:.4f}f",
        "turn_unit": f"{2.0**robot.turn_bits:.1f}f",
    }


def _drawn(robot: FixedRobot, end: int) -> str:
    """A limit of joint i as an expression, where `ranges` has none."""
    words = [number(pair[end]) for pair in robot.limits]
    text = words[-1]
    for k in reversed(range(len(words) - 1)):
        text = f"i == {k} ? {words[k]} : {text}"
    return f"({text})" if len(words) > 1 else text


def _border(robot: FixedRobot, names: Mapping[str, str]) -> dict[str, object]:
    """What leads from floats and millionths to integers and back."""
    chain, task = robot.chain, robot.problem.task
    metres, shift = robot.metres
    factors = [factor_and_shift(2.0**bits / 1e6) for bits in robot.joint_bits]
    turns, turns_shift = factor_and_shift(2.0**20 / robot.turn, 60)
    pose = [f"pose[{index}] = " for index in range(12)]
    return {
        "farthest_words": f"{FARTHEST_TARGET:.0f}",
        "farthest_power": robot.farthest_power,
        "farthest_exponent": 126 + robot.farthest_power,
        "farthest_micro": robot.farthest_micro,
        "limit_far": robot.limit_far,
        "limit_number": robot.limit_number,
        "place_bits": robot.place_bits,
        "unit_size": 3 if task.directions else 2,
        "off_unit_fixed": math.floor(2 * TARGET_ROTATION * 2**UNIT_BITS),
        "circles": ", ".join(str(int(circle)) for circle in chain.circular),
        "endless_joints": ", ".join(str(int(free)) for free in chain.continuous),
        "continuous": bool(chain.continuous.any()),
        "turns_factor": turns,
        "turns_shift": turns_shift,
        "joint_bit_list": ", ".join(map(str, robot.joint_bits)),
        "far_shift": 29 - 32,
        "forward_fixed": indented(printed(robot.forward, names, pose)),
        "from_error": robot.place_bits - robot.error_bits,
        "metres_factor": metres,
        "metres_shift": shift,
        "units_factor": round(2.0**20 * 2**UNIT_BITS / 1e6),
        "bits_vary": len(set(robot.joint_bits)) > 1,
        "micro_factor": factors[0][0],
        "micro_shift": factors[0][1],
        "micro_factors": ", ".join(str(factor) for factor, _ in factors),
        "micro_shifts": ", ".join(str(shift) for _, shift in factors),
    }


def micro_limits(robot_limits: Sequence[tuple[float, float]]) -> str:
    """Limits [rad, m] in millionths, rounded inward; infinite ones as far as integers go."""
    rows = []
    for lower, upper in robot_limits:
        low = -(2**31) if math.isinf(lower) else max(math.ceil(lower * 1e6), -(2**31))
        high = 2**31 - 1 if math.isinf(upper) else min(math.floor(upper * 1e6), 2**31 - 1)
        rows.append(f"{{{_number_plain(low)}, {high}}}")
    return ", ".join(rows)


def _number_plain(value: int) -> str:
    return "-2147483647 - 1" if value == -(2**31) else str(value)


def _range_rows(robot: FixedRobot) -> str:
    """The constants of each joint; see `range_t` in the template."""
    rows = []
    for k, (lower, upper) in enumerate(robot.limits):
        low, high = (LEAST, MOST) if robot.passes[k] else (str(lower), str(upper))
        rows.append((low, high, str(robot.middles[k]), str(robot.most[k])))
    return table(rows)


def _place_names(robot: FixedRobot) -> dict[str, str]:
    """How C calls the inputs of programs about a place and a target."""
    names = {f"p{k}": f"target[{k}]" for k in range(robot.problem.task.size)}
    for k in range(len(robot.chain.segments)):
        names |= {f"s{k}": f"s[{k}]", f"c{k}": f"c[{k}]"}
    return names


def _survey_stores(rows: int, n: int) -> list[str]:
    return [
        "const int64_t squared = ",
        "*strength = ",
        *(f"e[{k}] = " for k in range(rows)),
        *(f"columns[{index}] = " for index in range(rows * n)),
    ]


def _solution(robot: FixedRobot, names: Mapping[str, str]) -> list[str]:
    """Statements that fill `dq`."""
    stores = [f"const int32_t change{k} = " for k in range(len(robot.chain))]
    lines = printed(robot.solution, names, stores)
    for k, shift in enumerate(robot.change_shifts):
        lines.append(f"dq[{k}] = held_shift(change{k}, (count_t)({shift} - scale));")
    return lines


def _encoding(robot: FixedRobot, names: Mapping[str, str]) -> dict[str, object]:
    """The network's input: features, what leads from them to its numbers, and turns."""
    count, program = len(robot.problem.feature_names), robot.encode
    lines = printed(program, names, [""] * len(program.outputs))
    first = len(lines) - len(program.outputs)
    steps, results = lines[:first], lines[first:]
    values = [line.rstrip(";") for line in results]
    rows = (", ".join(map(str, row)) for row in robot.affine)
    return {
        "encoding": indented(steps),
        "feature_values": ", ".join(values[:count]),
        "affine_fixed": ", ".join(f"{{{row}}}" for row in rows),
        "kept_turns": indented(f"turns[{k}] = {value};" for k, value in enumerate(values[count:])),
    }


def _placed(robot: FixedRobot) -> list[str]:
    """Statements that fill `s` and `c` from `q`."""
    lines = []
    for index, (segment, (factor, shift, offset)) in enumerate(
        zip(robot.chain.segments, robot.followed, strict=True)
    ):
        value = f"q[{segment.leader}]"
        if (factor, shift) != (1, 0):
            value = f"(int32_t)((int64_t){value} * {number(factor)} >> {shift})"
        value += f" + {number(offset)}" if offset else ""
        if segment.slides:
            lines += [f"s[{index}] = {value};", f"c[{index}] = 0;"]
        else:
            lines.append(f"sine_cosine_of({value}, &s[{index}], &c[{index}]);")
    return lines


def _decoded(robot: FixedRobot, less_zero: str) -> list[str]:
    """Statements that fill `q` from the network's output `y`, not yet within the limits."""
    lines = []
    for joint, one in enumerate(robot.problem.outputs.joints):
        if one.cosine is None:
            factor, shift = robot.linear[joint]
            value = f"{number(robot.middles[joint])} + (int32_t)"
            value += f"((int64_t)(y[{one.first}]{less_zero}) * {factor} >> {shift})"
            if joint in robot.moved:
                value += f" + turns[{robot.moved[joint]}]"
            lines.append(f"q[{joint}] = {value};")
            continue
        turn = f"&turns[{robot.moved[joint]}]" if joint in robot.moved else "(const int32_t *)0"
        numbers = f"y[{one.first}]{less_zero}, y[{one.cosine}]{less_zero}"
        lines.append(f"q[{joint}] = said_angle({numbers}, {turn});")
    return lines


def ends_beyond(robot: FixedRobot, joint: int, less_zero: str) -> str:
    """Whether a joint that the target moves ends beyond its limits, in C."""
    one, room = robot.problem.outputs.joints[joint], robot.beyond[joint]
    first = robot.moved[joint]
    if one.cosine is None:
        factor, shift = robot.linear[joint]
        value = f"{number(robot.middles[joint])} + (int32_t)"
        value += f"((int64_t)(own[{one.first}]{less_zero}) * {factor} >> {shift})"
        return f"is_beyond({joint}, {room}, {value} + guess->turns[{first}])"
    numbers = f"own[{one.first}]{less_zero}, own[{one.cosine}]{less_zero}"
    said = f"said_angle({numbers}, &guess->turns[{first}])"
    return f"is_beyond({joint}, {room}, near_middle({said}, &ranges[{joint}]))"
