"""One servo: its command by the numbers of its maker, and which numbers cannot be meant."""

import json
import math
from dataclasses import replace

import pytest

from firmware_host.errors import RobotError
from firmware_host.servo import MICRO, PARTS, Servo

# 500 to 2500 us over 180 degrees, as most hobby servos say of themselves.
PWM = Servo("yaw", "us", 1500.0, 4000.0, 500, 2500)
BUS = Servo("elbow", "ticks", 2048.0, 4096.0, 0, 4095, model="sts3215")
SCREW = Servo("lift", "ticks", 2048.0, 4096.0, 0, 4095, mm_per_turn=8.0)


def command(servo, joint):
    return servo.at_zero + servo.per_unit * joint


@pytest.mark.parametrize(
    ("servo", "joint", "expected"),
    [
        (PWM, 0.0, 1500),
        (PWM, math.pi / 2, 2500),
        (PWM, -math.pi / 4, 1000),
        (replace(PWM, direction=-1), math.pi / 2, 500),
        # A belt of two turns to one.
        (replace(PWM, gear_ratio=2.0), math.pi / 4, 2500),
        # The horn sits 10 degrees off, whichever way the joint turns.
        (replace(BUS, offset=math.radians(10)), 0.0, 2048 + 4096 / 36),
        (replace(BUS, offset=math.radians(10), direction=-1), 0.0, 2048 + 4096 / 36),
        (BUS, math.radians(90), 3072),
        (SCREW, 2e-3, 2048 + 1024),
        (replace(SCREW, gear_ratio=0.5), -2e-3, 2048 - 512),
    ],
)
def test_a_joint_s_command(servo, joint, expected):
    assert command(servo, joint) == pytest.approx(expected)


def test_where_its_range_ends():
    assert PWM.reach == pytest.approx((-math.pi / 2, math.pi / 2))
    assert replace(PWM, direction=-1, zero=500.0).reach == pytest.approx((-math.pi, 0.0))
    assert SCREW.reach == pytest.approx((-4e-3, 4e-3 * 2047 / 2048))


@pytest.mark.parametrize("servo", [PWM, BUS, SCREW, replace(BUS, gear_ratio=1e5)])
def test_factors_are_whole_numbers_of_32_bits_and_near(servo):
    for parts in (PARTS, MICRO):
        factor = servo.factor(parts)
        assert abs(factor) < 2**31
        # To a thousandth of a count over the whole range of 16 bits.
        assert factor * parts / 2**servo.shift == pytest.approx(servo.per_unit, rel=2**-26)
    assert abs(servo.start) + 2**31 * 2**30 < 2**62


@pytest.mark.parametrize("servo", [PWM, BUS, SCREW])
def test_it_reads_back_exactly(servo):
    assert Servo.from_dict(json.loads(json.dumps(servo.to_dict()))) == servo


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"unit": "degrees"}, "us or ticks"),
        ({"zero": math.nan}, "finite zero"),
        ({"offset": math.inf}, "finite offset"),
        ({"per_turn": 0.0}, "per_turn above 0"),
        ({"per_turn": math.nan}, "per_turn above 0"),
        ({"gear_ratio": 0.0}, "gear_ratio above 0"),
        ({"gear_ratio": -2.0}, "direction tells signs"),
        ({"gear_ratio": 1e7}, "gear_ratio"),
        ({"mm_per_turn": 0.0}, "mm_per_turn above 0"),
        ({"direction": 0}, "direction of 1 or -1"),
        ({"direction": 2}, "direction of 1 or -1"),
        ({"least": 2500, "most": 500}, "min < max"),
        ({"least": 500, "most": 500}, "min < max"),
        ({"least": -1}, "0 <= min"),
        ({"most": 65536}, "65535"),
        ({"gear_ratio": 1e-4}, "for each radian or metre"),
        ({"mm_per_turn": 1e-4, "gear_ratio": 1e5}, "for each radian or metre"),
        ({"offset": 1e5}, "near its range"),
    ],
)
def test_numbers_that_cannot_be_meant_are_refused(changes, words):
    with pytest.raises(RobotError, match=rf"joint 'yaw'.*{words}") as caught:
        replace(PWM, **changes)
    assert caught.value.element == "yaw"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("joint", 7),
        ("model", None),
        ("zero", "text"),
        ("least", 0.5),
        ("most", True),
        ("direction", None),
        ("mm_per_turn", []),
        ("colour", "red"),
    ],
)
def test_a_record_of_another_kind_is_refused(key, value):
    with pytest.raises((TypeError, ValueError)):
        Servo.from_dict({**PWM.to_dict(), key: value})


def test_a_record_that_lacks_a_field_is_refused():
    record = PWM.to_dict()
    del record["offset"]
    with pytest.raises(KeyError):
        Servo.from_dict(record)
