"""What templates ask for of joints that slide, lead others or are not circular."""

from __future__ import annotations

import math
from collections.abc import Mapping

from edge_ik_tools.c99.literals import float_list, float_literal, indented
from edge_ik_tools.c99.lowering import Program
from edge_ik_tools.c99.straight import joint_names
from firmware_host.chain import Chain, Segment
from firmware_host.names import c_comment
from firmware_host.problem import IkProblem
from firmware_host.solving.refine import DEFAULT_SETTINGS

# Where every joint turns by itself, a place is the sine and cosine of each.
PLACING = """\
    for (index_t i = 0; i < {joints}; ++i) {{
        sine_cosine(q[i], &s[i], &c[i]);
    }}"""


def is_mixed(chain: Chain) -> bool:
    """Whether some joint slides, is followed or not circular: more than a pair (s, c) each."""
    return chain.has_followers or not bool(chain.circular.all())


def other_joints(problem: IkProblem, program: Program) -> dict[str, object]:
    """What templates ask for of joints that slide or lead others, and the words of units."""
    chain = problem.chain
    mixed = is_mixed(chain)
    sliding = [
        name for name, slides in zip(chain.joint_names, chain.prismatic, strict=True) if slides
    ]
    follow = _following(chain) if mixed else []
    placed = _placing(chain) if mixed else []
    return {
        **unit_words(chain),
        "joint_words": f"joints [rad; m for {c_comment(', '.join(sliding))}]"
        if sliding
        else "joint angles [rad]",
        "placing": "    place(q, s, c);" if mixed else PLACING.format(joints=len(chain)),
        "placed": indented(placed),
        "followed": indented(using_place(follow) if mixed else []),
        "places_q": any("q[" in line.replace("dq[", "") for line in follow),
        "rotates": any("dq[" in line for line in follow),
        "decoded_joints": indented(_decoding(problem)) if mixed else "",
        "most": float_list((DEFAULT_SETTINGS.max_step * chain.scales).tolist()),
        "per": float_list((1.0 / chain.scales).tolist()),
        "circular": ", ".join(str(one).lower() for one in chain.circular.tolist()),
        "output_scale": float_literal(program.output_scale[0]),
        "followers": chain.has_followers,
        "all_joints": indented(
            f"all[{index}] = {_value(segment)};" for index, segment in enumerate(chain.segments)
        ),
        "all_names": c_comment(", ".join(segment.name for segment in chain.segments)),
        "all_units": "rad, m" if chain.sliding.any() else "rad",
    }


def unit_words(chain: Chain) -> dict[str, object]:
    """How texts tell the units of joints, and which kinds of joints there are."""
    sliding = bool(chain.prismatic.any())
    words = "metres" if chain.prismatic.all() else "radians; metres where it slides"
    return {
        "mixed": is_mixed(chain),
        "units": "rad, m" if sliding else "rad",
        "unit_words": words if sliding else "radians",
        "micro_units": _micro_words(chain),
        "quoted_units": ", ".join(f'"{unit}"' for unit in chain.units),
        "joint_kind": "Joints" if sliding else "Joint angles",
        "followers": chain.has_followers,
    }


def _micro_words(chain: Chain) -> str:
    """The units of joints as whole numbers."""
    if chain.prismatic.all():
        return "micrometres"
    return "microradians" + ("; micrometres where a joint slides" if chain.prismatic.any() else "")


def _value(segment: Segment) -> str:
    """A moving joint's value [rad, m] in C."""
    text = f"q[{segment.leader}]"
    if segment.multiplier != 1:
        text = f"{float_literal(segment.multiplier)} * {text}"
    return f"{text} + {float_literal(segment.offset)}" if segment.offset else text


def _placing(chain: Chain) -> list[str]:
    """Statements that fill `s` and `c` from `q`."""
    return [
        line for index, segment in enumerate(chain.segments) for line in _placed(index, segment)
    ]


def _placed(index: int, segment: Segment) -> list[str]:
    """Statements that place one segment."""
    if segment.slides:
        return [f"s[{index}] = {_value(segment)};", f"c[{index}] = 1.0f;"]
    return [f"sine_cosine({_value(segment)}, &s[{index}], &c[{index}]);"]


def _following(chain: Chain) -> list[str]:
    """Statements that bring `s` and `c` to `q`, which has moved by `sign * dq`.

    What turns by no more than a step of half a radian is rotated; the rest is placed anew.
    """
    own, lines = _own_circles(chain), []
    for index, segment in enumerate(chain.segments):
        most = abs(segment.multiplier) * chain.scales[segment.leader]
        if mirrored := _mirrored(index, segment, own):
            lines += mirrored
        elif segment.slides:
            lines.append(f"s[{index}] = {_value(segment)};")
        elif most <= 1:
            factor = "" if segment.multiplier == 1 else f"{float_literal(segment.multiplier)} * "
            lines.append(f"rotate(&s[{index}], &c[{index}], {factor}sign * dq[{segment.leader}]);")
        else:
            lines += _placed(index, segment)
    return lines


def _mirrored(index: int, segment: Segment, own: Mapping[int, int]) -> list[str]:
    """Statements that place a segment as its leader's own is, or against it, if it is."""
    at = own.get(segment.leader, index)
    # The leader's own segment comes first, or the pair is not there yet.
    if at >= index or abs(segment.multiplier) != 1 or segment.offset:
        return []
    sign = "-" if segment.multiplier < 0 else ""
    return [f"s[{index}] = {sign}s[{at}];", f"c[{index}] = c[{at}];"]


def _decoding(problem: IkProblem) -> list[str]:
    """Statements that fill `q`, `s` and `c` from the network's output `y`, within the limits."""
    own = _own_circles(problem.chain)
    moves, lines = _moves(problem), []
    if len(own) < len(problem.outputs.circles):
        lines.append("float sine, cosine;")
    for joint, one in enumerate(problem.outputs.joints):
        if one.cosine is None:
            value = linear(problem, joint, "y")
            limits = f"joints[{joint}].lower, joints[{joint}].upper"
            lines.append(f"q[{joint}] = within({value}, {limits});")
            continue
        turn = f"&turns[{moves[joint]}]" if joint in moves else "(const float *)0"
        at = own.get(joint)
        pair = "&sine, &cosine" if at is None else f"&s[{at}], &c[{at}]"
        angle = f"pointing(y[{one.first}], y[{one.cosine}], {turn}, {pair})"
        lines.append(f"q[{joint}] = into_limits({angle}, &joints[{joint}], {pair});")
    for index, segment in enumerate(problem.chain.segments):
        if own.get(segment.leader) != index:
            lines += _mirrored(index, segment, own) or _placed(index, segment)
    return lines


def _own_circles(chain: Chain) -> dict[int, int]:
    """Of circular joints that move a segment of their own, that segment."""
    return {
        segment.leader: index
        for index, segment in reversed([*enumerate(chain.segments)])
        if chain.circular[segment.leader] and segment.multiplier == 1 and not segment.offset
    }


def linear(problem: IkProblem, joint: int, output: str, moves: str = "turns") -> str:
    """A joint that is not circular, in C, from a head's part of the network's output."""
    one, at = problem.outputs.joints[joint], _moves(problem)
    value = f"{float_literal(one.middle)} + {float_literal(one.half)} * number({output}[{joint}])"
    return value + (f" + {moves}[{at[joint]}]" if joint in at else "")


def ends_beyond(problem: IkProblem, joint: int) -> str:
    """Whether a joint that the target moves ends beyond its limits, in C."""
    cosine = problem.outputs.joints[joint].cosine
    if cosine is None:
        return f"is_beyond({joint}, {linear(problem, joint, 'own', 'guess->turns')})"
    given = f"{joint}, {cosine}" if is_mixed(problem.chain) else f"{joint}"
    return f"ends_beyond(own, {given}, &guess->turns[{_moves(problem)[joint]}])"


def _moves(problem: IkProblem) -> dict[int, int]:
    """Where the turn or shift of each joint that a target moves stands in `turns`."""
    encoding = problem.encode([1.0] * problem.task.size, math)
    turns = {joint: 2 * index for index, joint in enumerate(encoding.turns)}
    first = 2 * len(turns)
    return turns | {joint: first + index for index, joint in enumerate(encoding.shifts)}


def place_names(chain: Chain) -> dict[str, str]:
    """How C calls the inputs of traced kinematics."""
    return joint_names(len(chain.segments))


def using_place(lines: list[str]) -> list[str]:
    """The lines, before them what keeps compilers from telling of a part of a place unused."""
    text = "\n".join(lines)
    return [*(f"(void){part};" for part in "sc" if f"{part}[" not in text), *lines]
