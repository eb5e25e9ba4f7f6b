"""The table of servos: what makers write of them, checked to the last key."""

import math
import re
import tomllib

import numpy as np
import pytest

from edge_ik.arms import load_arm, select_arm
from edge_ik.arms.load import load_selection
from edge_ik.arms.robot_toml import parse_toml
from edge_ik.arms.servo_toml import MODELS, read_servos, read_servos_file
from firmware_host.errors import ConfigError, RobotError
from firmware_host.servo import Servo
from firmware_host.servos import Servos

KIT = """
name = "kit"
[[joints]]
name = "yaw"
offset = [0.0, 0.0, 0.1]
axis = "z"
limits = [-1.5, 1.5]
[[joints]]
name = "lift"
type = "prismatic"
offset = [0.0, 0.0, 0.1]
axis = "z"
limits = [0.0, 0.002]
[[joints]]
name = "follower"
offset = [0.1, 0.0, 0.0]
axis = "y"
mimic = { joint = "yaw", multiplier = -1.0 }
[tool]
offset = [0.1, 0.0, 0.0]
"""
SERVOS = """
[servos.yaw]
pulse_us = { min = 500, max = 2500 }
travel_deg = 270
direction = -1
[servos.lift]
model = "sts3215"
mm_per_turn = 8
"""


def servos(text):
    return read_servos(tomllib.loads(text).get("servos"), "'kit.toml'")


def test_a_pwm_servo_has_the_middle_of_its_pulses_as_zero():
    yaw, _ = servos(SERVOS)
    assert yaw == Servo("yaw", "us", 1500.0, 2000 * 360 / 270, 500, 2500, -1)
    (narrow,) = servos(
        "[servos.yaw]\npulse_us = { min = 500, max = 2400 }\ntravel_deg = 180\nzero_us = 1400\n"
        "range_us = { min = 600, max = 2300 }\noffset_deg = 5\ngear_ratio = 1.5"
    )
    assert narrow == Servo("yaw", "us", 1400.0, 3800.0, 600, 2300, 1, 1.5, offset=math.radians(5))


def test_a_bus_servo_by_its_numbers():
    (found,) = servos(
        "[servos.a]\nticks_per_turn = 1024\nzero_ticks = 512\n"
        "range_ticks = { min = 100, max = 900 }\noffset_rad = -0.25"
    )
    assert found == Servo("a", "ticks", 512.0, 1024.0, 100, 900, offset=-0.25)


@pytest.mark.parametrize("model", MODELS)
def test_models_have_numbers_of_their_own_which_can_be_given_otherwise(model):
    (found,) = servos(f'[servos.a]\nmodel = "{model}"')
    assert (found.model, found.unit) == (model, "ticks")
    # The whole range around its middle, to one tick.
    travel = 2 * math.pi if found.most == 4095 else math.radians(300)
    np.testing.assert_allclose(found.reach, [-travel / 2, travel / 2], atol=1.01 / found.per_unit)
    assert servos(f'[servos.a]\nmodel = "{model.upper()}"') == (found,)
    (other,) = servos(f'[servos.a]\nmodel = "{model}"\nzero_ticks = 300\ndirection = -1')
    assert (other.zero, other.direction, other.per_turn) == (300, -1, found.per_turn)


def test_the_table_in_the_pages_is_one_for_arm3(source_root):
    arm3 = load_arm("arm3")
    page = (source_root / "docs" / "robots.md").read_text(encoding="utf-8")
    (table,) = re.findall(r"```toml\n(\[servos\.yaw\].*?)```", page, re.DOTALL)
    found = Servos(arm3, servos(table))
    assert found.warnings() == ()
    assert found.follows(np.array([arm3.lower, arm3.upper])).all()


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("", "neither pulses nor ticks"),
        ("direction = -1", "neither pulses nor ticks.*sts3215"),
        ('model = "sg90"', "unknown model.*xl430.*hobby servos differ.*'sg90'"),
        ("model = 7", "unknown model"),
        ('model = "ax12"\ntravel_deg = 180', "both pulses and ticks"),
        ('model = "ax12"\npuls = 180', "unknown key 'puls'.*pulse_us"),
        ('model = "ax12"\noffset_deg = 1\noffset_rad = 1', "in degrees and one in radians"),
        ("travel_deg = 180", "expected pulse_us = { min = ..., max = ... }. It is missing."),
        ("pulse_us = [500, 2500]\ntravel_deg = 180", "pulse_us = { min"),
        ("pulse_us = { min = 500 }\ntravel_deg = 180", "pulse_us = { min"),
        ("pulse_us = { min = 2500, max = 500 }\ntravel_deg = 180", "min < max in pulse_us"),
        ("pulse_us = { min = 500.5, max = 2500 }\ntravel_deg = 180", "a whole number for 'min'"),
        ("pulse_us = { min = 500, max = 2500 }", "a number for 'travel_deg'. It is missing."),
        ("pulse_us = { min = 500, max = 2500 }\ntravel_deg = 0", "travel_deg above 0"),
        ("pulse_us = { min = 500, max = 2500 }\ntravel_deg = nan", "travel_deg above 0"),
        ('pulse_us = { min = 500, max = 2500 }\ntravel_deg = "180"', "number for 'travel_deg'"),
        ("pulse_us = { min = 500, max = 2500 }\ntravel_deg = true", "number for 'travel_deg'"),
        (
            (
                "pulse_us = { min = 500, max = 2500 }\ntravel_deg = 180\n"
                "range_us = { min = 400, max = 2500 }"
            ),
            "range_us within pulse_us, 500 to 2500",
        ),
        ("ticks_per_turn = 4096", "expected range_ticks"),
        ("ticks_per_turn = 4096\nrange_ticks = { min = 0, max = 9 }", "number for 'zero_ticks'"),
        ('model = "ax12"\ndirection = 0', "direction of 1 or -1"),
        ('model = "ax12"\ndirection = 0.5', "whole number for 'direction'"),
        ('model = "ax12"\ngear_ratio = 0', "gear_ratio above 0"),
        ('model = "ax12"\ngear_ratio = -1', "gear_ratio above 0; direction tells signs"),
        ('model = "ax12"\ngear_ratio = inf', "gear_ratio"),
        ('model = "ax12"\nzero_ticks = nan', "finite zero"),
        ('model = "ax12"\nmm_per_turn = 0', "mm_per_turn above 0"),
        ('model = "ax12"\nrange_ticks = { min = 0, max = 70000 }', "65535"),
    ],
)
def test_mistakes_are_told_with_the_joint(row, words):
    with pytest.raises(RobotError, match=rf"(?s)joint 'elbow'.*{words}"):
        servos(f"[servos.elbow]\n{row}")


@pytest.mark.parametrize("text", ["servos = 5", "servos = ['a']", "[servos]\nyaw = 1500"])
def test_another_kind_of_table_is_told(text):
    with pytest.raises(RobotError, match=r"table for each joint under servos"):
        servos(text)


class TestInARobotToml:
    def test_they_are_those_of_the_chain(self, tmp_path):
        path = tmp_path / "kit.toml"
        path.write_text(KIT + SERVOS)
        found = load_selection(path).chain_servos()
        assert [servo.joint for servo in found.each] == ["yaw", "lift"]
        assert found.commands([0.0, 0.002]).tolist() == [1500, 3072]
        # Of a part of the arm, its part of the table.
        assert len(load_selection(path, tip="yaw_link").chain_servos()) == 1
        assert select_arm("arm3").chain_servos() is None

    def test_a_robot_reads_the_same_with_them_and_without(self, tmp_path):
        path = tmp_path / "kit.toml"
        path.write_text(KIT)
        chain = load_arm(path)
        path.write_text(KIT + SERVOS)
        assert load_arm(path).to_dict() == chain.to_dict()

    def test_a_joint_without_one_is_told(self, tmp_path):
        path = tmp_path / "kit.toml"
        path.write_text(KIT + SERVOS.partition("[servos.lift]")[0])
        with pytest.raises(RobotError, match=r"'lift' has no servo.*yaw, lift"):
            load_selection(path).chain_servos()

    @pytest.mark.parametrize("name", ["wrist", "follower"])
    def test_a_name_that_moves_by_nothing_is_told(self, name):
        with pytest.raises(RobotError, match=f"'{name}', which is no joint.*yaw, lift"):
            parse_toml(f'{KIT}{SERVOS}\n[servos.{name}]\nmodel = "xl430"', "kit.toml")


class TestAFileOfItsOwn:
    def test_it_holds_the_table_and_perhaps_a_robot(self, tmp_path):
        for text in (SERVOS, KIT + SERVOS):
            (tmp_path / "servos.toml").write_text(text)
            assert read_servos_file(tmp_path / "servos.toml") == servos(SERVOS)

    def test_another_is_told(self, tmp_path):
        (tmp_path / "kit.toml").write_text(KIT)
        with pytest.raises(RobotError, match=r"no table of servos.*\[servos.JOINT\]"):
            read_servos_file(tmp_path / "kit.toml")
        with pytest.raises(ConfigError, match=r"^Cannot read the servo file .*none\.toml: No such"):
            read_servos_file(tmp_path / "none.toml")
        (tmp_path / "kit.toml").write_text("[servos.")
        with pytest.raises(ConfigError, match="not a TOML file"):
            read_servos_file(tmp_path / "kit.toml")
