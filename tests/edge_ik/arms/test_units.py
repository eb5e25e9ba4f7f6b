"""Units that people mistake: told in one sentence with what was probably meant."""

import pytest

from edge_ik.arms import load_arm
from firmware_host.errors import RobotError


def joint(limit, origin='xyz="0.2 0 0"', kind="revolute"):
    return (
        "knee",
        "a",
        "b",
        kind,
        f'<origin {origin}/><limit lower="{limit[0]}" upper="{limit[1]}"/>',
    )


@pytest.mark.parametrize(
    ("limit", "meant"),
    [
        ((-90, 90), "lower=-1.5708 upper=1.5708"),
        ((-180, 180), "lower=-3.14159 upper=3.14159"),
        ((0, 45), "lower=0 upper=0.785398"),
        ((-360, 360), "lower=-6.28319 upper=6.28319"),
    ],
)
def test_limits_in_degrees(write_urdf, limit, meant):
    with pytest.raises(RobotError, match=r"'knee' has limits of .* seem to be degrees") as caught:
        load_arm(write_urdf(joint(limit)))
    assert meant in str(caught.value)
    assert caught.value.element == "knee"


@pytest.mark.parametrize("limit", [(-10, 10), (-9.42, 9.42), (-25, 25)])
def test_several_turns_are_radians(write_urdf, limit):
    chain = load_arm(write_urdf(joint(limit)))
    assert (chain.lower[0], chain.upper[0]) == limit


def test_a_stop_on_one_side_alone(write_urdf):
    with pytest.raises(RobotError, match=r"a stop on one side alone"):
        load_arm(write_urdf(joint((0, "1e16"))))


def test_roll_pitch_yaw_in_degrees(write_urdf):
    path = write_urdf(joint((-1, 1), 'rpy="0 90 -180"'))
    with pytest.raises(
        RobotError, match=r"'knee' has rpy='0 90 -180'.*degrees.*'0 1.5708 -3.14159'"
    ):
        load_arm(path)
    load_arm(write_urdf(joint((-1, 1), 'rpy="6.2832 -6.2832 9.42"')))


@pytest.mark.parametrize(("length", "fits"), [(400, False), (40, True)])
def test_lengths_in_millimetres(write_urdf, length, fits):
    tool = ("t", "b", "tool", "fixed", f'<origin xyz="0 0 {length}"/>')
    path = write_urdf(joint((-1, 1)), tool)
    if fits:
        assert load_arm(path).reach == 40
        return
    with pytest.raises(RobotError, match=r"reaches 400 m .* seem to be millimetres"):
        load_arm(path)


def test_a_stroke_in_millimetres(write_urdf):
    with pytest.raises(
        RobotError, match=r"'knee' has limits of 0 and 350, .*millimetres"
    ) as caught:
        load_arm(write_urdf(joint((0, 350), kind="prismatic")))
    assert "lower=0 upper=0.35" in str(caught.value)


@pytest.mark.parametrize("limit", [(0, 0), ("1e16", "1e16")])
def test_a_stroke_of_nothing(write_urdf, limit):
    with pytest.raises(RobotError, match=r"'knee' has"):
        load_arm(write_urdf(joint(limit, kind="prismatic")))
