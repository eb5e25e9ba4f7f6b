"""What `edge-ik arms ROBOT` tells: chains, joints, where the tool is, and what looks wrong."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from edge_ik.cli.common import check_joints, console, print_json, say
from firmware_host.names import file_name

if TYPE_CHECKING:
    from edge_ik.arms.load import ArmSelection
    from edge_ik.arms.survey import ChainOption, Survey
    from firmware_host.chain import Chain, FloatArray

POSTURES = {"zero": "q = 0", "home": "home", "q": "--q"}


@dataclass(frozen=True)
class Asked:
    """The options of the command."""

    robot: str
    base: str | None
    tip: str | None
    q: tuple[float, ...] | None
    plot: bool
    urdf: bool
    out: Path | None
    as_json: bool
    tool_offset: tuple[float, ...] = ()

    def offset(self, selection: ArmSelection) -> ArmSelection:
        """What was selected, with the frame behind its tip that was asked for."""
        return replace(selection, chain=selection.chain.with_tool_offset(self.tool_offset))


def show_robot(asked: Asked) -> None:
    """Tell of one robot, or write it in another form."""
    from edge_ik.arms.load import select_chain
    from edge_ik.arms.sources import read_description
    from edge_ik.arms.survey import survey
    from edge_ik.arms.tree import build_tree

    tree = build_tree(read_description(asked.robot))
    if asked.plot or asked.urdf:
        _write(asked, asked.offset(select_chain(tree, asked.base, asked.tip)))
        return
    found = survey(tree, asked.base, asked.tip)
    selection = found.recommended.selection
    assert selection is not None  # noqa: S101 (survey raises where it cannot be taken)
    selection = asked.offset(selection)
    postures = _postures(asked, selection)
    if asked.as_json:
        print_json(_values(tree.description.format, found, selection, postures))
    else:
        _print(tree.description.format, found, selection, postures)


def _write(asked: Asked, selection: ArmSelection) -> None:
    """The chain as a picture or as URDF text."""
    if asked.plot:
        from edge_ik.arms.plot import plot

        path = asked.out or Path(f"{file_name(selection.chain.name)}.png")
        plot(selection.chain, _home(asked, selection), path)
        if asked.as_json:
            print_json({"picture": str(path)})
        else:
            say(f"Drawn into {path}: grey at q = 0, black at home.")
        return
    from edge_ik.arms.write_urdf import chain_urdf

    text = chain_urdf(selection.chain)
    if asked.out is not None:
        from firmware_host.files import write_text

        write_text(asked.out, text)
    if asked.as_json:
        print_json({"urdf": text})
    elif asked.out is None:
        click.echo(text, nl=False)


def _home(asked: Asked, selection: ArmSelection) -> FloatArray:
    """The posture called home: a built-in robot's own, or the middle of the limits."""
    from edge_ik.arms.builtin import builtin_arms

    builtin = builtin_arms().get(asked.robot)
    if builtin is not None and not (asked.base or asked.tip):
        return np.array(builtin.home)
    return selection.chain.middle


def _postures(asked: Asked, selection: ArmSelection) -> dict[str, FloatArray]:
    """The postures that the tool's pose is told at."""
    count = len(selection.chain)
    found = {"zero": np.zeros(count), "home": _home(asked, selection)}
    if asked.q is not None:
        check_joints(asked.q, selection.chain, "--q")
        found["q"] = np.array(asked.q)
    return found


def _pose(selection: ArmSelection, q: FloatArray) -> dict[str, Any]:
    """Where the tool is at q, in all the ways that people write it."""
    from edge_ik.arms.rotation import rpy_from
    from firmware_host.kinematics import forward_kinematics
    from firmware_host.tasks.rotations import quaternion

    pose = forward_kinematics(selection.chain, q)
    return {
        "q": q.tolist(),
        "within_limits": bool(selection.chain.within_limits(q)),
        "position_m": pose[:3, 3].tolist(),
        "quaternion_wxyz": quaternion(pose[:3, :3]).tolist(),
        "rpy_rad": list(rpy_from(pose)),
        "matrix": pose.tolist(),
    }


def _values(
    form: str, found: Survey, selection: ArmSelection, postures: Mapping[str, FloatArray]
) -> dict[str, Any]:
    """Everything, for programs."""
    chain = selection.chain
    return {
        "robot": chain.name,
        "format": form,
        "chains": [_option_values(option) for option in found.options],
        "chains_left_out": found.left_out,
        "recommended": {"base": found.recommended.base, "tip": found.recommended.tip},
        "chain": chain.to_dict(),
        "joints": _joint_values(chain),
        "poses": {name: _pose(selection, q) for name, q in postures.items()},
        "notes": list(selection.notes),
        "looks_wrong": _looks_wrong(selection),
    }


def _looks_wrong(selection: ArmSelection) -> list[str]:
    """What is doubtful of the chain, and what servos it names do not reach."""
    from edge_ik.arms.survey import doubts

    servos = selection.chain_servos()
    return [*doubts(selection.chain), *(() if servos is None else servos.warnings())]


def _option_values(option: ChainOption) -> dict[str, Any]:
    from edge_ik.arms.survey import kinds_of

    chosen = option.selection
    return {
        "base": option.base,
        "tip": option.tip,
        "joints": [] if chosen is None else list(chosen.chain.joint_names),
        "kinds": {} if chosen is None else kinds_of(chosen.chain),
        "reach_m": None if chosen is None else chosen.chain.reach,
        "tasks": list(option.tasks),
        "refusal": option.refusal or None,
    }


def _joint_values(chain: Chain) -> list[dict[str, Any]]:
    """The joints in the order of q, then those that follow them."""
    followers = [joint for joint in chain.moving if joint.mimic]
    return [
        {
            "name": joint.name,
            "kind": joint.kind,
            "lower": joint.lower,
            "upper": joint.upper,
            "follows": joint.mimic and joint.mimic.joint,
            "multiplier": joint.mimic.multiplier if joint.mimic else 1.0,
            "offset": joint.mimic.offset if joint.mimic else 0.0,
        }
        for joint in (*chain.joints, *followers)
    ]


def _print(
    form: str, found: Survey, selection: ArmSelection, postures: Mapping[str, FloatArray]
) -> None:
    """Everything, for people."""
    from edge_ik.tables import rows_table

    screen = console()
    chain = selection.chain
    rows = [_option_row(option, option is found.recommended) for option in found.options]
    table = rows_table(
        f"Chains of {chain.name} ({form}); * is recommended",
        ["base", "tip", "joints", "kinds", "reach m", "tasks"],
        rows,
    )
    for index in (1, 3, 5):
        table.columns[index].justify = "left"
        table.columns[index].overflow = "fold"
    screen.print(table)
    if found.left_out:
        screen.print(f"{found.left_out} more chains are not listed.")
    title = f"{chain.base} to {chain.tip}, in the order of q"
    joints = rows_table(title, ["joint", "kind", "lower", "upper", ""], _joint_rows(chain))
    joints.columns[1].justify = joints.columns[4].justify = "left"
    screen.print(joints)
    poses = {name: _pose(selection, q) for name, q in postures.items()}
    screen.print(
        rows_table(
            "Tool in the base frame", ["", *(POSTURES[name] for name in poses)], _rows(poses)
        )
    )
    for name, pose in poses.items():
        if not pose["within_limits"]:
            screen.print(f"{POSTURES[name]} is outside the limits.")
    for note in selection.notes:
        screen.print(note)
    for doubt in _looks_wrong(selection):
        screen.print(f"Looks wrong: {doubt}")
    screen.print(
        "Another chain: --base and --tip. The tool elsewhere: --q. Train it with: edge-ik train "
        "--arm with the same name, --base and --tip.",
    )


def _option_row(option: ChainOption, recommended: bool) -> Sequence[str]:
    """One chain of the table."""
    from edge_ik.arms.survey import kinds_of

    mark = "* " if recommended else "  "
    base, tip = mark + option.base, option.tip
    chosen = option.selection
    if chosen is None:
        return base, tip, "-", option.refusal, "-", "-"
    kinds = ", ".join(f"{count} {kind}" for kind, count in kinds_of(chosen.chain).items())
    tasks = ", ".join(option.tasks) or "none"
    return base, tip, str(len(chosen.chain)), kinds, f"{chosen.chain.reach:.3f}", tasks


def _joint_rows(chain: Chain) -> list[Sequence[str]]:
    """The joints in degrees and millimetres."""
    rows: list[Sequence[str]] = []
    for joint in _joint_values(chain):
        slides = joint["kind"] == "prismatic"
        unit, factor = ("mm", 1e3) if slides else ("deg", 180 / math.pi)
        lower = upper = says = ""
        if joint["follows"] is not None:
            says = f"follows {joint['follows']}: {joint['multiplier']:g} q {joint['offset']:+g}"
        if joint["kind"] == "continuous":
            says = says or "no stops"
        else:
            lower, upper = (f"{factor * joint[side]:.1f} {unit}" for side in ("lower", "upper"))
        rows.append((joint["name"], joint["kind"], lower, upper, says))
    return rows


def _rows(poses: Mapping[str, Mapping[str, Any]]) -> list[Sequence[str]]:
    """The poses, one a column."""
    parts = (
        (("x, m", "y, m", "z, m"), "position_m", 1.0, 6),
        (("quaternion w", "x", "y", "z"), "quaternion_wxyz", 1.0, 6),
        (("roll, deg", "pitch, deg", "yaw, deg"), "rpy_rad", 180 / math.pi, 3),
    )
    return [
        (label, *(_digits(factor * pose[key][index], digits) for pose in poses.values()))
        for labels, key, factor, digits in parts
        for index, label in enumerate(labels)
    ]


def _digits(value: float, digits: int) -> str:
    """A number to so many digits; rounding makes no -0 of it."""
    return f"{round(value, digits) + 0.0:.{digits}f}"
