"""Equalities of MJCF: mimic joints where they are linear, loops where they are not."""

import numpy as np
import pytest

from edge_ik.arms import load_arm, select_arm
from firmware_host.errors import RobotError

pytest.importorskip("mujoco")


def model(equalities, tendons=""):
    """Three joints in a row, in radians, two of them with a reference."""
    return f"""<mujoco model="m"><compiler angle="radian"/><worldbody>
    <body name="a"><joint name="p" axis="0 0 1" range="-2 2" ref="0.1"/>
      <body name="b" pos="1 0 0"><joint name="q" axis="0 0 1" range="-2 2"/>
        <body name="c" pos="1 0 0"><joint name="r" axis="0 0 1" range="-3 3" ref="-0.2"/>
          <body name="d" pos="1 0 0"/></body></body></body></worldbody>
    <tendon>{tendons}</tendon><equality>{equalities}</equality></mujoco>"""


PAIR = '<fixed name="pair"><joint joint="p" coef="2"/><joint joint="r" coef="-1"/></fixed>'
ALL = (
    '<fixed name="all"><joint joint="p" coef="1"/><joint joint="q" coef="1"/>'
    '<joint joint="r" coef="1"/></fixed>'
)
ONES = (
    '<fixed name="one"><joint joint="p" coef="2"/></fixed>'
    '<fixed name="two"><joint joint="r" coef="4"/></fixed>'
)


@pytest.fixture
def load(tmp_path):
    def from_text(text, tip="d", base="world"):
        path = tmp_path / "robot.xml"
        path.write_text(text)
        return load_arm(path, base, tip)

    return from_text


def followers(chain):
    return {
        joint.name: (joint.mimic.joint, joint.mimic.multiplier, pytest.approx(joint.mimic.offset))
        for joint in chain.moving
        if joint.mimic
    }


def test_a_tendon_of_two_joints_is_a_mimic(load):
    chain = load(model('<tendon tendon1="pair" polycoef="0.3 0 0 0 0"/>', PAIR))
    # 2 (p - 0.1) - (r + 0.2) = 0.3
    assert followers(chain) == {"r": ("p", 2, -0.7)}
    assert chain.joint_names == ("p", "q")


def test_two_tendons_of_one_joint_each(load):
    chain = load(model('<tendon tendon1="two" tendon2="one" polycoef="0 3 0 0 0"/>', ONES))
    # 4 (r + 0.2) = 3 * 2 (p - 0.1)
    assert followers(chain) == {"r": ("p", 1.5, -0.35)}


def test_a_tendon_of_one_joint_holds_it(load):
    chain = load(model('<tendon tendon1="one" polycoef="0.4 0 0 0 0"/>', ONES))
    assert chain.joint_names == ("q", "r")


def test_chains_of_equalities(load):
    both = (
        '<joint joint1="q" joint2="p" polycoef="0 -1 0 0 0"/>'
        '<joint joint1="r" joint2="q" polycoef="0 2 0 0 0"/>'
    )
    chain = load(model(both))
    assert chain.joint_names == ("p",)
    assert followers(chain) == {"q": ("p", -1, 0.1), "r": ("p", -2, 0.0)}


def test_a_tendon_of_three_joints_leaves_two_of_them_free(load):
    text = model('<tendon name="sum" tendon1="all"/>', ALL)
    with pytest.raises(RobotError, match=r"equality 'sum' \(tendon\) ties joints p, q, r"):
        load(text)
    assert load(text, tip="b").joint_names == ("p", "q")
    assert load(text, base="a").joint_names == ("q", "r")


def test_a_joint_that_is_tied_twice_is_refused(load):
    twice = (
        '<joint joint1="q" joint2="p" polycoef="0 1 0 0 0"/>'
        '<joint joint1="q" joint2="r" polycoef="0 1 0 0 0"/>'
    )
    # The second makes r follow q, which is as good.
    assert load(model(twice)).joint_names == ("p",)
    thrice = twice + '<joint joint1="r" joint2="p" polycoef="0 2 0.2 0 0"/>'
    with pytest.raises(RobotError, match=r"equality 2 \(joint\) ties joints p"):
        load(model(thrice))


def test_a_tendon_along_sites_is_read_where_an_equality_uses_it(load, tmp_path):
    sites = '<spatial name="rope"><site site="s"/><site site="t"/></spatial>'
    text = (
        model('<tendon tendon1="rope"/>', sites)
        .replace('<body name="a">', '<site name="s" pos="0 1 0"/><body name="a">')
        .replace(
            '<body name="d" pos="1 0 0"/>', '<body name="d" pos="1 0 0"><site name="t"/></body>'
        )
    )
    with pytest.raises(RobotError, match=r"equality 0 \(tendon\) ties joints p, q, r"):
        load(text)
    # Without the equality it is a muscle or a spring.
    path = tmp_path / "free.xml"
    path.write_text(text.replace('<tendon tendon1="rope"/>', ""))
    assert len(select_arm(path, tip="d").chain) == 3
    np.testing.assert_array_equal(load_arm(path, tip="d").tool[:3, 3], [1, 0, 0])
