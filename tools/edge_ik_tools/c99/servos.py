"""What the templates ask for of a robot's servos: numbers for C, and words for people."""

from __future__ import annotations

from edge_ik_tools.c99.literals import table
from firmware_host.names import c_comment, plain
from firmware_host.servo import MICRO, MICROSECONDS, PARTS, Servo
from firmware_host.servos import Servos

UNIT_WORDS = {MICROSECONDS: "pulses in microseconds", "ticks": "positions in ticks"}


def servo_values(servos: Servos | None) -> dict[str, object]:
    """What templates ask for; of a robot without servos that there are none."""
    if servos is None:
        return {"servos": False}
    slides = any(servo.slides for servo in servos.each)
    units = [unit for unit in UNIT_WORDS if any(servo.unit == unit for servo in servos.each)]
    return {
        "servos": True,
        "pulsed": MICROSECONDS in units,
        "bussed": units != [MICROSECONDS],
        "servo_rows": table(map(_numbers, servos.each)),
        "servo_list": "\n".join(c_comment(f"   {_words(servo)}") for servo in servos.each),
        "servo_table": "\n".join(f"| {' | '.join(map(plain, _cells(s)))} |" for s in servos.each),
        "servo_units": ", or ".join(UNIT_WORDS[unit] for unit in units),
        "or_metre": ", or of a metre" if slides else "",
    }


def _numbers(servo: Servo) -> tuple[object, ...]:
    """A row of the array in C; two counts more than the command, as shifts are of sums above 0."""
    factors = servo.factor(PARTS), servo.factor(MICRO)
    return (
        f"INT64_C({servo.start + (2 << servo.shift)})",
        *factors,
        servo.least,
        servo.most,
        servo.shift,
    )


def _cells(servo: Servo) -> tuple[str, ...]:
    """Joint, servo, range, and the command where the joint is at 0."""
    kind = "PWM" if servo.unit == MICROSECONDS else "bus"
    return (
        servo.joint,
        f"{kind} {servo.model}".rstrip(),
        f"{servo.least} to {servo.most} {servo.unit}",
        f"{servo.at_zero:.1f} {servo.unit}",
        f"{servo.per_unit:+.2f} {servo.unit} per {'metre' if servo.slides else 'radian'}",
    )


def _words(servo: Servo) -> str:
    joint, kind, ends, at_zero, growth = _cells(servo)
    return f"{joint}: {kind}, {ends}; {at_zero} at 0, {growth}"
