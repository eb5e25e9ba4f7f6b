"""Joints that follow others: folded, limited, led from beside the chain, or refused by name."""

import numpy as np
import pytest

from edge_ik.arms import load_arm, select_arm
from firmware_host.errors import RobotError
from firmware_host.kinematics import forward_kinematics

WIDE = '<limit lower="-3" upper="3"/>'


def mimic(joint, numbers="", limit=WIDE):
    return f'{limit}<axis xyz="0 0 1"/><origin xyz="1 0 0"/><mimic joint="{joint}" {numbers}/>'


def turning(limit=WIDE):
    return f'{limit}<axis xyz="0 0 1"/><origin xyz="1 0 0"/>'


def test_one_free_joint_moves_several(write_urdf):
    path = write_urdf(
        ("a", "base", "l1", "revolute", turning()),
        ("b", "l1", "l2", "revolute", mimic("a", 'multiplier="-2" offset="0.5"')),
        ("c", "l2", "l3", "revolute", turning('<limit lower="-1" upper="1"/>')),
    )
    selection = select_arm(path)
    chain = selection.chain
    assert chain.joint_names == ("a", "c")
    assert [segment.name for segment in chain.segments] == ["a", "b", "c"]
    angle = 0.3 + (0.5 - 2 * 0.3) - 0.2
    pose = forward_kinematics(chain, [0.3, -0.2])
    np.testing.assert_allclose(pose[:2, 0], [np.cos(angle), np.sin(angle)], atol=1e-12)
    assert selection.notes[-1] == "Joint 'b' follows 'a': q = -2 q_a +0.5."


def test_chains_of_mimics_in_any_order(write_urdf):
    path = write_urdf(
        ("c", "base", "l1", "revolute", mimic("b", 'multiplier="3" offset="-1"')),
        ("b", "l1", "l2", "revolute", mimic("a", 'multiplier="0.5" offset="0.2"')),
        ("a", "l2", "l3", "revolute", turning('<limit lower="-0.1" upper="0.1"/>')),
    )
    chain = load_arm(path)
    assert chain.joint_names == ("a",)
    np.testing.assert_allclose(chain.q_all(np.array([0.1])), [1.5 * 0.1 + 0.6 - 1, 0.25, 0.1])
    # Before the joint that leads them, those that follow are led from beside the chain.
    assert load_arm(path, tip="l1").joint_names == ("a",)


@pytest.mark.parametrize(
    ("numbers", "limit", "expected"),
    [
        ("", '<limit lower="-0.5" upper="0.4"/>', (-0.5, 0.4)),
        ('multiplier="-2"', '<limit lower="-0.5" upper="0.4"/>', (-0.2, 0.25)),
        ('multiplier="2" offset="0.1"', '<limit lower="-0.5" upper="0.5"/>', (-0.3, 0.2)),
        ('multiplier="0.1"', '<limit lower="-0.5" upper="0.5"/>', (-3, 3)),
        ("", '<limit lower="0" upper="0"/>', (-3, 3)),
        ("", "", (-3, 3)),
        ("", '<limit lower="-1e16" upper="1e16"/>', (-3, 3)),
    ],
)
@pytest.mark.parametrize("on_chain", [True, False])
def test_limits_of_a_follower_are_limits_of_its_leader(
    write_urdf, numbers, limit, expected, on_chain
):
    path = write_urdf(
        ("a", "base", "l1", "revolute", turning()),
        ("c", "l1", "l2", "revolute", turning()),
        ("b", "l2" if on_chain else "base", "l3", "revolute", mimic("a", numbers, limit)),
    )
    chain = load_arm(path, tip="l3" if on_chain else "l2")
    np.testing.assert_allclose((chain.lower[0], chain.upper[0]), expected)


def test_a_continuous_leader_gets_the_stops_of_its_follower(write_urdf):
    follower = mimic("a", 'multiplier="2"', '<limit lower="-1" upper="1"/>')
    for kind, expected in (("revolute", False), ("continuous", True)):
        path = write_urdf(
            ("a", "base", "l1", "continuous", turning("")), ("b", "l1", "l2", kind, follower)
        )
        assert load_arm(path).continuous[0] == expected


def test_a_leader_beside_the_chain_is_one_of_q_and_told(write_urdf):
    path = write_urdf(
        ("a", "base", "l1", "revolute", turning()),
        ("motor", "base", "crank", "revolute", turning('<limit lower="-0.5" upper="1"/>')),
        ("b", "l1", "l2", "revolute", mimic("motor", 'multiplier="-1"')),
        ("c", "l2", "l3", "revolute", mimic("motor")),
    )
    selection = select_arm(path)
    assert selection.chain.tip == "l3"
    assert selection.chain.joint_names == ("a", "motor")
    assert "'motor' lies beside the chain and is one of q" in selection.notes[-1]
    np.testing.assert_allclose(
        forward_kinematics(selection.chain, [0.2, 0.7])[:3, 3],
        [1 + np.cos(0.2) + np.cos(-0.5), np.sin(0.2) + np.sin(-0.5), 0],
        atol=1e-12,
    )


def test_a_joint_that_follows_nothing_that_moves_is_fixed(write_urdf):
    for leader, numbers in (("f", 'offset="0.4"'), ("a", 'multiplier="0" offset="0.4"')):
        path = write_urdf(
            ("a", "base", "l1", "revolute", turning()),
            ("f", "l1", "l2", "fixed", ""),
            ("b", "l2", "l3", "revolute", mimic(leader, numbers)),
        )
        chain = load_arm(path)
        assert chain.joint_names == ("a",)
        pose = forward_kinematics(chain, [0.0])
        np.testing.assert_allclose(pose[:2, 0], [np.cos(0.4), np.sin(0.4)], atol=1e-12)


@pytest.mark.parametrize(
    ("leaders", "message"),
    [
        ({"b": "b"}, "mimics joint 'b', which mimics it in turn"),
        ({"b": "c", "c": "b"}, "mimics joint '[bc]', which mimics it in turn"),
        ({"b": "nobody"}, "mimics joint 'nobody', which is not in the robot"),
        ({"b": "c", "c": "nobody"}, "mimics joint 'nobody', which is not in the robot"),
        ({"b": "wide"}, "mimics joint 'wide', which is planar"),
    ],
)
def test_what_leads_nowhere_is_refused_by_name(write_urdf, leaders, message):
    path = write_urdf(
        ("a", "base", "l1", "revolute", turning()),
        *(
            (
                name,
                f"l{k}",
                f"l{k + 1}",
                "revolute",
                mimic(leaders[name]) if name in leaders else turning(),
            )
            for k, name in enumerate("bc", start=1)
        ),
        ("wide", "base", "floor", "planar", ""),
    )
    with pytest.raises(RobotError, match=f"Joint 'b', between .* {message}") as caught:
        load_arm(path, base="base", tip="l3")
    assert caught.value.element == "b"
    # Off the chain it does not matter.
    assert load_arm(path, tip="l1").joint_names == ("a",)


def test_limits_that_leave_no_room_name_both(write_urdf):
    path = write_urdf(
        ("a", "base", "l1", "revolute", turning('<limit lower="0" upper="1"/>')),
        ("b", "l1", "l2", "revolute", mimic("a", "", '<limit lower="-2" upper="-1"/>')),
    )
    with pytest.raises(RobotError, match="'a' has no room to move: 'a' needs it above 0, and 'b'"):
        load_arm(path)


def test_a_sliding_joint_may_follow_a_turning_one(write_urdf):
    slide = mimic("a", 'multiplier="0.01"', '<limit lower="-0.02" upper="0.02"/>')
    chain = load_arm(
        write_urdf(
            ("a", "base", "l1", "revolute", turning()), ("b", "l1", "l2", "prismatic", slide)
        )
    )
    np.testing.assert_allclose((chain.lower[0], chain.upper[0]), (-2, 2))
    assert forward_kinematics(chain, [1.5])[2, 3] == pytest.approx(0.015)


def test_what_is_passed_on_the_way_is_no_chain_as_long(write_urdf):
    path = write_urdf(
        ("a", "base", "l1", "revolute", turning()), ("b", "l1", "l2", "revolute", mimic("a"))
    )
    selection = select_arm(path)
    assert selection.chain.tip == "l2"
    assert not any("Chains as long" in note for note in selection.notes)
