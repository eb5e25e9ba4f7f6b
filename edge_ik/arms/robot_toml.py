"""Robot TOML: a robot by Denavit-Hartenberg rows, or by joints measured with a ruler.

    name = "my_arm"
    dh = "standard"              # or "modified" (Craig); leave it out for a list of joints
    angles = "radians"           # or "degrees": of every angle in the file
    lengths = "metres"           # or "millimetres": of every length in the file

    [[joints]]                   # with dh: one row a joint
    name = "shoulder"
    a = 0.0
    alpha = 1.5708
    d = 0.1625
    theta = 0.0                  # of a revolute joint: added to q; likewise d if prismatic
    limits = [-3.14, 3.14]

    [[joints]]                   # without dh: where the joint is, seen from the one before
    name = "elbow"
    offset = [0.25, 0.0, 0.0]    # at q = 0
    rpy = [0.0, 0.0, 0.0]
    axis = "y"                   # or [0, 1, 0]
    limits = [-2.0, 2.0]

    [tool]                       # seen from the last joint's frame
    offset = [0.1, 0.0, 0.0]

What moves the joints may be told in a table `servos`, as `servo_toml` has it. A joint is
revolute; `type` may also be "continuous" or "prismatic", and `mimic` makes it follow another.
Standard rows (Denavit and Hartenberg, J. Appl. Mech. 1955) are Rz(theta) Tz(d) Tx(a) Rx(alpha),
modified ones (Craig, Introduction to Robotics, 1986) Rx(alpha) Tx(a) Rz(theta) Tz(d), with the
alpha and a of the link before.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any

import numpy as np

from edge_ik.arms.description import (
    CONTINUOUS,
    FIXED,
    MOVING,
    PRISMATIC,
    REVOLUTE,
    Description,
    Geometry,
    LinkJoint,
    known,
)
from edge_ik.arms.rotation import pose_from_rpy, rotation, translation
from edge_ik.arms.safe_xml import MAX_JOINTS
from edge_ik.arms.servo_toml import TABLE, read_servos
from edge_ik.arms.units import check_angles, in_order
from edge_ik.toml_values import parse_toml_text
from firmware_host.bounds import MOST_NUMBER
from firmware_host.chain import FloatArray
from firmware_host.errors import RobotError
from firmware_host.names import brief, is_name
from firmware_host.servo import Servo

_AXES: dict[str, FloatArray] = {
    name: sign * np.eye(3)[k]
    for k, n in enumerate("xyz")
    for name, sign in ((n, 1.0), (f"-{n}", -1.0))
}
_ANGLES = {"radians": 1.0, "degrees": math.pi / 180}
_LENGTHS = {"metres": 1.0, "millimetres": 1e-3}
_TOP = ("name", "dh", "angles", "lengths", "joints", "base", "tool", TABLE)
_COMMON = ("name", "type", "limits", "mimic")
_DH = ("a", "alpha", "d", "theta")
_RULED = ("offset", "rpy", "axis")
_FRAME = ("name", "offset", "rpy")
_MIMIC = ("joint", "multiplier", "offset")
MAX_CHARACTERS = 1_000_000
EXPECTED = "Expected a robot: name, and a list of [[joints]]; see the README."


@dataclass(frozen=True)
class _Units:
    angle: float
    length: float

    def of(self, kind: str) -> float:
        """What a number of q is multiplied by, for a kind of joint."""
        return self.length if kind == PRISMATIC else self.angle


def parse_toml(text: str, source: str) -> Description:
    """Read a robot TOML.

    Args:
        text: The file's text.
        source: File for error messages; its stem is the name of a robot that has none.

    Raises:
        RobotError: If a key is unknown, missing or of another kind, by name.
    """
    if len(text) > MAX_CHARACTERS:
        raise RobotError(
            f"'{source}' is too large for a robot TOML. Expected at most {MAX_CHARACTERS:,} "
            "characters.",
            source,
        )
    try:
        values = parse_toml_text(text)
    except ValueError as error:
        raise RobotError(
            f"'{source}' is neither XML (URDF, xacro, MJCF) nor a robot TOML: {brief(str(error))}.",
            source,
        ) from error
    if "network" in values or "training" in values:
        raise RobotError(
            f"'{source}' is the configuration of a training: give it with --config. {EXPECTED}",
            source,
        )
    where = f"'{source}'"
    _only(values, _TOP, where)
    rows = values.get("joints")
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise RobotError(f"{where} has no list of joints. {EXPECTED}", source)
    if len(rows) > MAX_JOINTS:
        raise RobotError(f"{where} has more than {MAX_JOINTS:,} joints.", source)
    name = values.get("name", PurePath(source).stem)
    if not is_name(name):
        raise RobotError(f"{where} has no usable name. Received: name = {name!r}", source)
    units = _Units(
        _choice(values, "angles", "radians", _ANGLES, where),
        _choice(values, "lengths", "metres", _LENGTHS, where),
    )
    convention = values.get("dh")
    if convention not in (None, "standard", "modified"):
        raise RobotError(
            f'{where}: expected dh = "standard" or "modified", or no dh for a list of joints '
            f"with offset and axis. Received: dh = {convention!r}",
            source,
        )
    found = _description(name, values, rows, convention, units)
    return replace(found, servos=_servos(values, found, where))


def _servos(values: Mapping[str, Any], robot: Description, where: str) -> tuple[Servo, ...]:
    """What moves the joints, if that is told; a RobotError of one that is no joint of the robot."""
    if TABLE not in values:
        return ()
    servos = read_servos(values[TABLE], where)
    free = [joint.name for joint in robot.joints if joint.moves and joint.leader is None]
    for servo in servos:
        if servo.joint not in free:
            raise RobotError(
                f"{where} has a servo for '{servo.joint}', which is no joint that moves by itself. "
                f"Expected: {', '.join(free)}.",
                servo.joint,
            )
    return servos


def _description(
    name: str, values: Mapping[str, Any], rows: list[Any], convention: str | None, units: _Units
) -> Description:
    """The links and joints of checked rows."""
    base = _table(values, "base")
    tool = _table(values, "tool")
    names = [row.get("name", f"joint{number}") for number, row in enumerate(rows, start=1)]
    seen: set[str] = set()
    for joint in names:
        if not is_name(joint) or joint in seen:
            raise RobotError(
                f"Joint name {joint!r} is not usable, or used twice. Expected text, once.",
                str(joint),
            )
        seen.add(joint)
    before = _frame(base, "[base]", units)
    link = base.get("name", "base")
    links, joints = [link], []
    for joint, row in zip(names, rows, strict=True):
        geometry, after = _read_row(joint, row, convention, units)
        kind = row.get("type", REVOLUTE)
        mimic = row.get("mimic")
        child = f"{joint}_link"
        here = replace(geometry, origin=before @ geometry.origin)
        joints.append(_link_joint(joint, kind, link, child, here, mimic and mimic["joint"]))
        links.append(child)
        link, before = child, after
    end = tool.get("name", "tool")
    if len({*links, end}) != len(links) + 1:
        raise RobotError(f"The tool's name '{end}' is that of another link. Choose another.", end)
    flange = Geometry(before @ _frame(tool, "[tool]", units), np.array([1.0, 0.0, 0.0]))
    joints.append(_link_joint(f"{end}_fixed", FIXED, link, end, flange, None))
    return Description(name, "TOML", (*links, end), tuple(joints))


def _link_joint(
    name: str, kind: str, parent: str, child: str, geometry: Geometry, leader: str | None
) -> LinkJoint:
    return LinkJoint(name, kind, parent, child, known(geometry), leader)


def _read_row(
    joint: str, row: Mapping[str, Any], convention: str | None, units: _Units
) -> tuple[Geometry, FloatArray]:
    """A joint's numbers, and what lies between its moved frame and the next joint."""
    where = f"Joint '{joint}'"
    _only(row, _COMMON + (_RULED if convention is None else _DH), where)
    kind = row.get("type", REVOLUTE)
    if kind not in MOVING:
        raise RobotError(
            f"{where} is of the type {kind!r}. Expected one of: {', '.join(MOVING)}.", joint
        )
    if convention is None:
        origin, axis, after = _frame(row, where, units), _axis(row, where), np.eye(4)
    else:
        origin, after = _dh_frames(row, where, convention, units)
        axis = np.array([0.0, 0.0, 1.0])
    lower = upper = None
    notes: tuple[str, ...] = ()
    if "limits" in row:
        ends = [units.of(kind) * limit for limit in _numbers(row, "limits", 2, where)]
        lower, upper, notes = in_order(joint, *ends)
    elif kind != CONTINUOUS and "mimic" not in row:
        raise RobotError(
            f'{where} has no limits. Expected limits = [lower, upper], or type = "continuous".',
            joint,
        )
    multiplier, offset = _mimic(row, where, units.of(kind))
    return Geometry(origin, axis, lower, upper, multiplier, offset, notes), after


def _dh_frames(
    row: Mapping[str, Any], where: str, convention: str, units: _Units
) -> tuple[FloatArray, FloatArray]:
    """What lies before and after a joint that turns about, or slides along, its z axis.

    Both motions commute with Rz(theta) Tz(d), which may therefore come first.
    """
    a, alpha, d, theta = (_number(row, key, where) for key in _DH)
    check_angles(where, "alpha, theta", (units.angle * alpha, units.angle * theta))
    along = rotation((0, 0, 1), units.angle * theta) @ translation((0, 0, units.length * d))
    across = translation((units.length * a, 0, 0)) @ rotation((1, 0, 0), units.angle * alpha)
    return (along, across) if convention == "standard" else (across @ along, np.eye(4))


def _mimic(row: Mapping[str, Any], where: str, unit: float) -> tuple[float, float]:
    """Multiplier and offset of a joint that follows another."""
    mimic = row.get("mimic")
    if mimic is None:
        return 1.0, 0.0
    if not isinstance(mimic, dict) or not is_name(mimic.get("joint")):
        raise RobotError(
            f'{where} has an unusable mimic. Expected mimic = {{ joint = "NAME", multiplier = '
            "1.0, offset = 0.0 }.",
            where,
        )
    _only(mimic, _MIMIC, f"The mimic of {where}")
    return _number(mimic, "multiplier", where, 1.0), unit * _number(mimic, "offset", where)


def _frame(table: Mapping[str, Any], where: str, units: _Units) -> FloatArray:
    """(4, 4) pose of a table with an offset and roll, pitch and yaw."""
    offset = _numbers(table, "offset", 3, where) if "offset" in table else (0.0, 0.0, 0.0)
    rpy = _numbers(table, "rpy", 3, where) if "rpy" in table else (0.0, 0.0, 0.0)
    angles = [units.angle * angle for angle in rpy]
    check_angles(where, "rpy", angles)
    return pose_from_rpy([units.length * x for x in offset], angles)


def _axis(row: Mapping[str, Any], where: str) -> FloatArray:
    axis = row.get("axis")
    if isinstance(axis, str) and axis in _AXES:
        return _AXES[axis]
    if axis is None or isinstance(axis, str):
        raise RobotError(
            f"{where} has no usable axis. Expected axis = {', '.join(map(repr, _AXES))}, or three "
            f"numbers. Received: {axis!r}",
            where,
        )
    return np.array(_numbers(row, "axis", 3, where))


def _table(values: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The table [base] or [tool], empty if there is none."""
    table = values.get(key, {})
    if not isinstance(table, dict):
        raise RobotError(f"Expected [{key}] to be a table with offset and rpy.", key)
    _only(table, _FRAME, f"[{key}]")
    if not is_name(table.get("name", key)):
        raise RobotError(f"[{key}] has no usable name. Received: {table['name']!r}", key)
    return table


def _only(table: Mapping[str, Any], keys: Sequence[str], where: str) -> None:
    """Refuse a key that nobody would read."""
    for key in table:
        if key not in keys:
            raise RobotError(
                f"{where} has the unknown key '{key}'. Expected some of: {', '.join(keys)}.", key
            )


def _choice(
    values: Mapping[str, Any], key: str, default: str, choices: Mapping[str, float], where: str
) -> float:
    value = values.get(key, default)
    if not isinstance(value, str) or value not in choices:
        raise RobotError(
            f"{where}: expected {key} = {' or '.join(choices)}. Received: {value!r}", key
        )
    return choices[value]


def _number(table: Mapping[str, Any], key: str, where: str, default: float = 0.0) -> float:
    """A finite number."""
    return _checked((table.get(key, default),), 1, key, where)[0]


def _numbers(table: Mapping[str, Any], key: str, count: int, where: str) -> tuple[float, ...]:
    """So many finite numbers."""
    value = table[key]
    return _checked(tuple(value) if isinstance(value, list) else (value,), count, key, where)


def _checked(values: tuple[Any, ...], count: int, key: str, where: str) -> tuple[float, ...]:
    good = all(
        isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= MOST_NUMBER
        for value in values
    )
    if not good or len(values) != count:
        what = "a finite number" if count == 1 else f"{count} finite numbers"
        raise RobotError(f"{where}: expected {what} for '{key}'. Received: {list(values)}", key)
    return tuple(float(value) for value in values)
