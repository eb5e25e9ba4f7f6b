"""Where a chain ends by default: at the tool, before fingers, and not at a sensor."""

import pytest

from edge_ik.arms import load_arm, select_arm
from edge_ik.arms.end_effectors import is_sensor, is_tool, tool_rank

LIMIT = '<limit lower="-1" upper="1"/>'
FIXED = "fixed", ""


def arm(count=4):
    extra = f'<origin xyz="0.3 0 0"/><axis xyz="0 1 0"/>{LIMIT}'
    return [(f"j{k}", f"l{k}", f"l{k + 1}", "revolute", extra) for k in range(count)]


def near(extra=LIMIT):
    return f'<origin xyz="0.03 0 0"/>{extra}'


@pytest.mark.parametrize(
    ("link", "better"),
    [
        ("left_tcp", "tool0"),
        ("tool0", "ee_link"),
        ("grasp_frame", "ee_link"),
        ("end_effector", "flange"),
        ("link_eef", "tool_link"),
        ("attachment_site", "flange"),
        ("flange", "link7"),
    ],
)
def test_names_in_their_order(link, better):
    assert is_tool(link)
    assert tool_rank(link) < tool_rank(better)


@pytest.mark.parametrize("link", ["coffee", "steel_link", "toolbox2", "wrist_3_link", "knee"])
def test_names_that_only_look_like_it(link):
    assert not is_tool(link)


def test_an_end_effector_by_its_name_wins_over_more_links(write_urdf):
    path = write_urdf(
        *arm(),
        ("t", "l4", "tool0", *FIXED),
        ("c", "l4", "mount", *FIXED),
        ("d", "mount", "plate", *FIXED),
    )
    selection = select_arm(path)
    assert selection.chain.tip == "tool0"
    assert "Its tip is 'tool0', an end effector by its name." in selection.notes
    assert load_arm(path, tip="plate").tip == "plate"


def test_a_sensor_is_no_tip(write_urdf):
    path = write_urdf(*arm(), ("c", "l4", "m", *FIXED), ("d", "m", "camera_optical", *FIXED))
    assert load_arm(path).tip == "m"
    assert is_sensor("foot_imu")


@pytest.mark.parametrize("kind", ["revolute", "prismatic"])
def test_fingers_by_their_names(write_urdf, kind):
    path = write_urdf(
        *arm(),
        ("mount", "l4", "hand", *FIXED),
        ("more", "hand", "sticker", *FIXED),
        ("left_finger", "hand", "f1", kind, near()),
        ("next", "f1", "f2", "revolute", near()),
    )
    selection = select_arm(path)
    assert selection.chain.joint_names == ("j0", "j1", "j2", "j3")
    assert selection.chain.tip == "hand"
    assert any(
        note.startswith("It stops before a finger, joint 'left_finger'; give tip (such as 'f1')")
        for note in selection.notes
    )
    assert len(load_arm(path, tip="f2")) == 6


def test_fingers_by_where_they_branch_off(write_urdf):
    path = write_urdf(
        *arm(),
        ("mount", "l4", "palm", *FIXED),
        ("a1", "palm", "a", "revolute", near()),
        ("a2", "a", "aa", "revolute", near()),
        ("b1", "palm", "b", "revolute", near()),
    )
    selection = select_arm(path)
    assert selection.chain.tip == "palm"
    assert any(
        "before the fingers, which begin with joints 'a1', 'b1'" in n for n in selection.notes
    )


def test_arms_at_a_torso_are_no_fingers(write_urdf):
    torso = arm(3)
    arms = [
        (f"{side}{k}", "l3" if k == 0 else f"{side}l{k}", f"{side}l{k + 1}", "revolute", near())
        for side in ("left", "right")
        for k in range(2)
    ]
    wide = [(*joint[:4], joint[4].replace("0.03", "0.4")) for joint in arms]
    assert len(load_arm(write_urdf(*torso, *wide))) == 5
    # Of the size of fingers they are taken for such.
    assert len(load_arm(write_urdf(*torso, *arms))) == 3


def test_a_hand_alone_is_a_robot_of_fingers(write_urdf):
    fingers = [
        (f"finger{n}_{k}", "palm" if k == 0 else f"f{n}{k}", f"f{n}{k + 1}", "revolute", near())
        for n in range(3)
        for k in range(4)
    ]
    assert len(load_arm(write_urdf(*fingers))) == 4


@pytest.mark.parametrize("name", ["gripper_roll_joint", "wrist_to_gripper", "gripper_base_joint"])
def test_a_joint_that_turns_the_whole_gripper_is_no_finger(write_urdf, name):
    path = write_urdf(*arm(), (name, "l4", "tool_head", "revolute", near()))
    assert len(load_arm(path)) == 5
