"""Every chain that a robot offers, and what looks wrong."""

import numpy as np
import pytest

from edge_ik.arms.description import Description
from edge_ik.arms.sources import read_description
from edge_ik.arms.survey import MOST_CHAINS, doubts, kinds_of, survey
from edge_ik.arms.tree import build_tree
from edge_ik.data.rank import possible_tasks
from firmware_host.chain import Chain, Joint

LIMIT = '<axis xyz="{}"/><origin xyz="0.2 0 0.1"/><limit lower="-1" upper="1"/>'


def moving(axis):
    return "revolute", LIMIT.format(axis)


def limb(name, count, root="trunk"):
    axes = ("0 0 1", "0 1 0", "1 0 0")
    links = [root, *(f"{name}_l{k}" for k in range(count))]
    return [(f"{name}_{k}", links[k], links[k + 1], *moving(axes[k % 3])) for k in range(count)]


@pytest.fixture
def looked_at(write_urdf):
    def look(*joints, base=None, tip=None):
        return survey(build_tree(read_description(write_urdf(*joints))), base, tip)

    return look


def ends(found):
    return [(option.base, option.tip) for option in found.options]


def test_limbs_from_the_root_and_from_where_they_branch(looked_at):
    torso = [("waist", "pelvis", "trunk", *moving("0 0 1"))]
    found = looked_at(*torso, *limb("left", 6), *limb("right", 5), *limb("leg", 3, "pelvis"))
    assert ends(found) == [
        ("pelvis", "left_l5"),
        ("trunk", "left_l5"),
        ("pelvis", "right_l4"),
        ("trunk", "right_l4"),
        ("pelvis", "leg_l2"),
    ]
    assert found.recommended is found.options[0]
    assert [len(option.selection.chain) for option in found.options] == [7, 6, 6, 5, 3]
    assert found.options[0].tasks[:1] == ("position",)
    assert "pose" in found.options[1].tasks
    assert "pose" not in found.options[3].tasks


def test_a_chosen_chain_comes_first(looked_at):
    found = looked_at(*limb("left", 3), *limb("right", 3), tip="right_l1")
    assert ends(found)[0] == ("trunk", "right_l1")
    assert len(found.options) == 3


def test_many_limbs_are_not_all_listed(looked_at):
    found = looked_at(*(joint for k in range(130) for joint in limb(f"x{k}", 1)))
    assert len(found.options) == MOST_CHAINS
    assert found.left_out == 130 - MOST_CHAINS


def chain(*joints, tool=(0.2, 0, 0)):
    pose = np.eye(4)
    pose[:3, 3] = tool
    return Chain("r", tuple(joints), pose)


def joint(name, axis, lower=-1.0, upper=1.0, offset=(0.2, 0, 0), kind="revolute"):
    origin = np.eye(4)
    origin[:3, 3] = offset
    return Joint(name, origin, np.array(axis, dtype=float), lower, upper, kind)


Y, Z = (0, 1, 0), (0, 0, 1)


def test_a_sound_arm_raises_no_doubt():
    arm = chain(joint("a", Z), joint("b", Y), joint("c", Y))
    assert doubts(arm) == ()
    assert kinds_of(arm) == {"revolute": 3}


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (
            chain(joint("a", Z, -0.03, 0.03), joint("b", Y, -0.02, 0.02), joint("c", Y, 0, 0.05)),
            "limits may be radians where degrees are read",
        ),
        (
            chain(
                joint("a", Z, offset=(0, 0, 0)),
                joint("b", Y, offset=(1e-3, 0, 0)),
                joint("c", Y, offset=(1e-3, 0, 0)),
                tool=(0, 1e-3, 0),
            ),
            "It reaches 3 mm",
        ),
        (
            chain(joint("a", Z), joint("b", (0, 0, -1), offset=(0, 0, 1)), joint("c", Y)),
            "'a' and 'b' turn about one line",
        ),
        (chain(joint("a", Z)), "allows none of the tasks"),
    ],
)
def test_what_looks_wrong_is_told(found, words):
    assert any(words in doubt for doubt in doubts(found))


def test_a_joint_more_is_no_task_more_where_it_moves_nothing():
    flat = chain(*(joint(name, Z) for name in "abcdef"))
    assert not {"position", "pose"} & set(possible_tasks(flat))


def test_a_robot_of_nothing_is_refused():
    with pytest.raises(Exception, match="has no links"):
        build_tree(Description("r", "URDF", (), ()))
