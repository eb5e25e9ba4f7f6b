"""The table `servos` of a robot TOML, or of a file of its own: what moves each joint.

[servos.shoulder]            # a PWM servo
pulse_us = { min = 500, max = 2500 }  # at the ends of its travel
travel_deg = 180
zero_us = 1500               # where its angle counts from; the middle if left out
range_us = { min = 600, max = 2400 }  # what it is allowed; pulse_us if left out

[servos.elbow]               # a servo on a bus
ticks_per_turn = 4096
zero_ticks = 2048
range_ticks = { min = 0, max = 4095 }

[servos.wrist]
model = "sts3215"            # numbers of `MODELS`; any of them can be given otherwise
direction = -1               # of each kind: 1 or -1
gear_ratio = 2.5             # turns of the servo for one of the joint
offset_deg = 10              # or offset_rad: its angle where the joint is at 0

[servos.lift]                # of a joint that slides
model = "xl430"
mm_per_turn = 8              # of the screw or pinion that it turns
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edge_ik.toml_values import read_toml
from firmware_host.errors import RobotError
from firmware_host.given import path_given
from firmware_host.servo import MICROSECONDS, TICKS, Servo

TABLE = "servos"
_ANY = ("model", "direction", "gear_ratio", "offset_deg", "offset_rad", "mm_per_turn")
_PULSES = ("pulse_us", "travel_deg", "zero_us", "range_us")
_TICKS = ("ticks_per_turn", "zero_ticks", "range_ticks")
_RANGE = ("min", "max")

_TURN_OF_4096 = {
    "ticks_per_turn": 4096,
    "zero_ticks": 2048,
    "range_ticks": {"min": 0, "max": 4095},
}
# 0 to 0x3FF are 0 to 300 degrees.
_300_DEGREES = {
    "ticks_per_turn": 1023 * 360 / 300,
    "zero_ticks": 1023 / 2,
    "range_ticks": {"min": 0, "max": 1023},
}
# Servos whose makers state the numbers: Robotis e-Manual (emanual.robotis.com/docs/en/dxl: X
# series 4096 a turn, Goal Position 0 to 4095; XL-320 and the AX-12 manual 0 to 1023 in 300
# degrees); Feetech STS3215: a magnetic encoder of 4096 a turn, 0 to 4095. Hobby servos are not
# among them: pulses and travel differ between makers, and between two servos of one.
MODELS: Mapping[str, Mapping[str, Any]] = {
    "sts3215": _TURN_OF_4096,
    "xl330": _TURN_OF_4096,
    "xl430": _TURN_OF_4096,
    "xm430": _TURN_OF_4096,
    "xl320": _300_DEGREES,
    "ax12": _300_DEGREES,
}


def read_servos_file(path: Path) -> tuple[Servo, ...]:
    """The servos of a TOML file; what else a robot TOML has may stand there too.

    Raises:
        ConfigError: If the file cannot be read or is no TOML.
        RobotError: If it has no such table, or one that cannot be used.
    """
    path = path_given(path, "a servo file", RobotError)
    values = read_toml(path, "the servo file")
    if TABLE not in values:
        raise RobotError(
            f"'{path}' has no table of servos. Expected a table for each joint: [servos.JOINT]; "
            "see the README.",
            str(path),
        )
    return read_servos(values[TABLE], f"'{path}'")


def read_servos(table: Any, source: str) -> tuple[Servo, ...]:
    """The servos of the table `servos`.

    Args:
        table: As TOML has it: a table for each joint, by its name.
        source: Where it is from, for sentences.

    Raises:
        RobotError: If a key is unknown, missing or of another kind, or a number cannot be
            meant, by name.
    """
    if not isinstance(table, dict) or not all(isinstance(row, dict) for row in table.values()):
        raise RobotError(
            f"{source}: expected a table for each joint under servos: [servos.JOINT].", TABLE
        )
    return tuple(_servo(joint, row) for joint, row in table.items())


def _servo(joint: str, row: Mapping[str, Any]) -> Servo:
    """One servo, from its own keys and those of its model."""
    where = f"The servo of joint '{joint}'"
    model = row.get("model", "")
    given = {**_model(model, where), **row}
    pulses, ticks = (any(key in given for key in keys) for keys in (_PULSES, _TICKS))
    for key in given:
        if key not in (*_ANY, *_PULSES, *_TICKS):
            raise RobotError(
                f"{where} has the unknown key '{key}'. Expected some of: "
                f"{', '.join((*_ANY, *_PULSES, *_TICKS))}.",
                joint,
            )
    if pulses == ticks:
        raise RobotError(
            f"{where} has {'both pulses and ticks' if pulses else 'neither pulses nor ticks'}. "
            "Expected pulse_us and travel_deg of a PWM servo; or ticks_per_turn, zero_ticks and "
            f"range_ticks of one on a bus; or model = {_models()}.",
            joint,
        )
    if "offset_deg" in given and "offset_rad" in given:
        raise RobotError(f"{where} has an offset in degrees and one in radians.", joint)
    offset = math.radians(_number(given, "offset_deg", where, 0.0))
    numbers = _of_pulses(given, where) if pulses else _of_ticks(given, where)
    return Servo(
        joint,
        direction=_whole(given, "direction", where, 1),
        gear_ratio=_number(given, "gear_ratio", where, 1.0),
        mm_per_turn=_number(given, "mm_per_turn", where) if "mm_per_turn" in given else None,
        offset=_number(given, "offset_rad", where, offset),
        model=model.lower(),
        **numbers,
    )


def _model(model: Any, where: str) -> Mapping[str, Any]:
    """The numbers of a servo's model, none of one without."""
    if model == "":
        return {}
    if not isinstance(model, str) or model.lower() not in MODELS:
        raise RobotError(
            f"{where} is of an unknown model. Expected {_models()}; or numbers, without a model: "
            f"those of hobby servos differ from one to the next. Received: {model!r}",
            where,
        )
    return MODELS[model.lower()]


def _models() -> str:
    return ", ".join(f'"{name}"' for name in MODELS)


def _of_pulses(given: Mapping[str, Any], where: str) -> dict[str, Any]:
    """What a PWM servo's pulses say."""
    first, last = _ends(given, "pulse_us", where)
    travel = _number(given, "travel_deg", where)
    least, most = _ends(given, "range_us", where) if "range_us" in given else (first, last)
    if not travel > 0:
        raise RobotError(f"{where}: expected travel_deg above 0. Received: {travel:g}", where)
    if not first <= least < most <= last:
        raise RobotError(
            f"{where}: expected range_us within pulse_us, {first} to {last}. Received: {least} to "
            f"{most}",
            where,
        )
    return {
        "unit": MICROSECONDS,
        "zero": _number(given, "zero_us", where, (first + last) / 2),
        "per_turn": (last - first) * 360 / travel,
        "least": least,
        "most": most,
    }


def _of_ticks(given: Mapping[str, Any], where: str) -> dict[str, Any]:
    """What the ticks of a servo on a bus say."""
    least, most = _ends(given, "range_ticks", where)
    return {
        "unit": TICKS,
        "zero": _number(given, "zero_ticks", where),
        "per_turn": _number(given, "ticks_per_turn", where),
        "least": least,
        "most": most,
    }


def _ends(given: Mapping[str, Any], key: str, where: str) -> tuple[int, int]:
    """The ends of a range, the lower first."""
    value = given.get(key)
    if not isinstance(value, dict) or sorted(value) != sorted(_RANGE):
        received = f"Received: {value!r}" if key in given else "It is missing."
        raise RobotError(f"{where}: expected {key} = {{ min = ..., max = ... }}. {received}", where)
    first, last = (_whole(value, end, f"{where}, {key}") for end in _RANGE)
    if first >= last:
        raise RobotError(f"{where}: expected min < max in {key}. Received: {value}", where)
    return first, last


def _number(given: Mapping[str, Any], key: str, where: str, default: float | None = None) -> float:
    """A number; those that cannot be meant are the servo's to refuse."""
    value = given.get(key, default)
    if value is None:
        raise RobotError(f"{where}: expected a number for '{key}'. It is missing.", where)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RobotError(f"{where}: expected a number for '{key}'. Received: {value!r}", where)
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _whole(given: Mapping[str, Any], key: str, where: str, default: int | None = None) -> int:
    """A whole number."""
    value = _number(given, key, where, default)
    if not value.is_integer():
        raise RobotError(f"{where}: expected a whole number for '{key}'. Received: {value}", where)
    return int(value)
