"""Which chain is taken from a tree of links, and which trees are refused."""

import sys

import numpy as np
import pytest

from edge_ik.arms import load_arm, select_arm
from firmware_host.errors import RobotError
from firmware_host.kinematics import tool_position

MIMIC = '<limit lower="0" upper="1"/><mimic joint="nobody"/>'


def names(selection):
    return selection.chain.joint_names


class TestDefault:
    def test_the_longest_chain(self, write_urdf):
        selection = select_arm(
            write_urdf(("s", "root", "s1"), ("l1", "root", "a"), ("l2", "a", "b"))
        )
        assert names(selection) == ("l1", "l2")
        assert (selection.chain.base, selection.chain.tip) == ("root", "b")
        assert len(selection.notes) == 1

    def test_of_equal_chains_the_one_with_more_links(self, write_urdf):
        selection = select_arm(
            write_urdf(("j1", "root", "a"), ("j2", "root", "b"), ("t", "b", "tool", "fixed", ""))
        )
        assert selection.chain.tip == "tool"
        assert selection.notes[1:] == ("Chains as long end at: a. Choose with base and tip.",)

    def test_of_equal_chains_the_first_in_the_file(self, write_urdf):
        joints = ("j1", "root", "a"), ("j2", "root", "b")
        assert load_arm(write_urdf(*joints)).tip == "a"
        assert load_arm(write_urdf(*joints, links=["b", "a", "root"])).tip == "b"

    def test_equal_chains_are_named_by_their_ends(self, write_urdf):
        legs = [
            joint
            for leg in ("fl", "fr")
            for joint in (
                (f"{leg}_hip", "trunk", f"{leg}_thigh"),
                (f"{leg}_foot", f"{leg}_thigh", f"{leg}_tip", "fixed", ""),
            )
        ]
        assert "end at: fr_tip." in select_arm(write_urdf(*legs)).notes[-1]

    @pytest.mark.parametrize(
        ("kind", "extra", "reason"),
        [
            ("planar", "", "is planar"),
            ("floating", "", "is floating"),
            ("revolute", MIMIC, "mimics joint 'nobody', which is not in the robot"),
            ("ball", "", "is ball"),
            ("", "", "has no type"),
        ],
    )
    def test_it_stops_before_what_cannot_be_used_and_says_so(self, write_urdf, kind, extra, reason):
        selection = select_arm(
            write_urdf(
                ("j1", "base", "wrist"),
                ("mount", "wrist", "hand", "fixed", ""),
                ("finger", "hand", "finger_tip", kind, extra),
            )
        )
        assert (selection.chain.base, selection.chain.tip) == ("base", "hand")
        assert selection.notes[1] == f"It stops before joint 'finger', which {reason}."

    def test_it_starts_after_what_cannot_be_used_and_says_so(self, write_urdf):
        selection = select_arm(
            write_urdf(
                ("drive", "world", "cart", "planar", ""),
                ("lift", "cart", "torso", "planar", ""),
                ("j1", "torso", "arm"),
                ("j2", "arm", "tool"),
            )
        )
        assert (selection.chain.base, selection.chain.tip) == ("torso", "tool")
        assert selection.notes[1] == "It starts after joint 'lift', which is planar."

    def test_joints_beyond_a_gripper_do_not_count(self, write_urdf):
        path = write_urdf(
            ("j1", "base", "arm"),
            ("j2", "arm", "hand"),
            ("slide", "hand", "s", "planar", ""),
            ("j3", "s", "end"),
        )
        assert names(select_arm(path)) == ("j1", "j2")

    def test_a_given_base_is_kept(self, write_urdf):
        path = write_urdf(("j1", "a", "b"), ("j2", "b", "c"), ("j3", "b", "d"))
        selection = select_arm(path, base="b")
        assert (selection.chain.base, selection.chain.tip) == ("b", "c")
        with pytest.raises(RobotError, match="beyond link 'd' has no revolute"):
            select_arm(path, base="d")

    def test_nothing_moves(self, write_urdf):
        path = write_urdf(("f", "a", "b", "fixed", ""), ("p", "b", "c", "planar", ""))
        with pytest.raises(
            RobotError, match=r"Robot 'test_robot' has no revolute, .* 'p' is planar"
        ):
            load_arm(path)

    @pytest.mark.parametrize(
        ("kind", "meant"),
        [("Revolute", "revolute"), ("hinge", "revolute"), ("slide", "prismatic"), ("ball", None)],
    )
    def test_a_type_that_is_none_is_named_where_all_are_wrong(self, write_urdf, kind, meant):
        path = write_urdf(("j1", "a", "b", kind), ("j2", "b", "c", kind))
        with pytest.raises(RobotError, match=f"joint 'j1' is {kind}") as caught:
            load_arm(path)
        assert (meant is None) != (f"'{meant}' may be meant" in str(caught.value))


class TestBetweenTwoLinks:
    ARM = (
        ("j1", "base", "a", "revolute", '<origin xyz="0 0 1"/><limit lower="-1" upper="1"/>'),
        ("f1", "a", "a2", "fixed", '<origin xyz="0 0 2"/>'),
        ("j2", "a2", "b", "continuous", '<origin xyz="0 0 3"/>'),
        ("f2", "b", "b2", "fixed", '<origin xyz="0 0 4"/>'),
        ("f3", "b2", "tool", "fixed", '<origin xyz="0 0 5"/>'),
        ("j3", "b2", "other"),
    )

    def test_fixed_joints_are_folded(self, write_urdf):
        chain = load_arm(write_urdf(*self.ARM), tip="tool")
        assert chain.joint_names == ("j1", "j2")
        heights = [joint.origin[2, 3] for joint in chain.joints] + [chain.tool[2, 3]]
        assert heights == [1, 5, 9]
        np.testing.assert_array_equal(tool_position(chain, np.zeros(2), np.ones(2)), [0, 0, 15])
        np.testing.assert_array_equal(chain.continuous, [False, True])

    def test_moving_joints_beyond_the_tip_are_left_out(self, write_urdf):
        chain = load_arm(write_urdf(*self.ARM), base="a", tip="b2")
        assert chain.joint_names == ("j2",)
        assert chain.joints[0].origin[2, 3] == 5
        assert chain.tool[2, 3] == 4

    @pytest.mark.parametrize("role", ["base", "tip"])
    def test_an_unknown_link_lists_the_valid_ones(self, write_urdf, role):
        with pytest.raises(RobotError, match="has no link 'nose'") as caught:
            load_arm(write_urdf(*self.ARM), **{role: "nose"})
        assert f"Expected {role} to be one of: base, a, a2, b" in str(caught.value)
        assert caught.value.element == "nose"

    def test_a_long_list_is_cut(self, write_urdf):
        path = write_urdf(*((f"j{i}", f"l{i}", f"l{i + 1}") for i in range(49)))
        with pytest.raises(RobotError, match="l18, l19 and 30 more"):
            load_arm(path, tip="nose")

    def test_a_tip_that_is_not_below_the_base(self, write_urdf):
        with pytest.raises(RobotError, match="Tip 'a' does not descend from base 'b2'") as caught:
            load_arm(write_urdf(*self.ARM), base="b2", tip="a")
        assert "among: tool, other." in str(caught.value)
        assert caught.value.element == "a"

    @pytest.mark.parametrize(("base", "tip"), [("b", "tool"), ("a", "a")])
    def test_no_moving_joint_between(self, write_urdf, base, tip):
        with pytest.raises(RobotError, match=f"'{base}' and tip '{tip}'.* moves") as caught:
            load_arm(write_urdf(*self.ARM), base=base, tip=tip)
        assert caught.value.element == tip

    @pytest.mark.parametrize(
        ("kind", "extra", "reason"),
        [
            ("planar", "", "is planar"),
            ("floating", "", "is floating"),
            ("continuous", MIMIC, "mimics joint 'nobody', which is not in the robot"),
            ("ball", "", "is ball"),
        ],
    )
    def test_a_joint_that_cannot_be_used_is_named(self, write_urdf, kind, extra, reason):
        path = write_urdf(
            ("j1", "base", "arm"), ("slide", "arm", "rail", kind, extra), ("j2", "rail", "tool")
        )
        with pytest.raises(RobotError, match=f"Joint 'slide'.* {reason}") as caught:
            load_arm(path, base="base", tip="tool")
        assert "a base beyond it (such as 'rail')" in str(caught.value)
        assert "a tip before it (such as 'arm')" in str(caught.value)
        assert caught.value.element == "slide"
        # Off the chain it does not matter.
        assert load_arm(path, tip="arm").joint_names == ("j1",)
        assert load_arm(path, base="rail").joint_names == ("j2",)

    def test_a_fixed_joint_may_mimic(self, write_urdf):
        path = write_urdf(("j1", "a", "b"), ("f", "b", "c", "fixed", MIMIC))
        assert load_arm(path).tip == "c"


class TestTrees:
    @pytest.mark.parametrize(
        ("joints", "links", "element", "message"),
        [
            ([("j", "a", "b"), ("j", "b", "c")], None, "j", "Joint name 'j' is used 2 times"),
            ([("j", "a", "b")], ["a"], "j", "'j' has the child link 'b', which is not in"),
            ([("j", "a", "b")], ["b"], "j", "'j' has the parent link 'a', which is not in"),
            ([("j", "a", "b"), ("k", "c", "b")], None, "b", "'b' is carried by two joints"),
            ([("j", "a", "b"), ("k", "b", "a")], None, "a", "Link 'a' is on a loop"),
            ([("j", "a", "a")], None, "a", "Link 'a' is on a loop"),
            (
                [("j", "a", "b"), ("k", "c", "d"), ("l", "d", "c")],
                None,
                "c",
                "Link 'c' is on a loop",
            ),
        ],
    )
    def test_what_is_not_one_tree_is_refused(self, write_urdf, joints, links, element, message):
        with pytest.raises(RobotError, match=message) as caught:
            load_arm(write_urdf(*joints, links=links))
        assert caught.value.element == element

    def test_of_several_pieces_the_longest_chain_is_taken_and_told(self, write_urdf):
        path = write_urdf(("j", "a", "b"), ("k", "c", "d"), ("l", "d", "e"))
        selection = select_arm(path)
        assert names(selection) == ("k", "l")
        assert "below a are not used" in selection.notes[1]
        assert load_arm(path, tip="b").base == "a"
        with pytest.raises(RobotError, match="Tip 'b' does not descend from base 'c'"):
            load_arm(path, base="c", tip="b")

    @pytest.mark.parametrize("kind", ["fixed", "revolute"])
    def test_thousands_of_links_in_a_row(self, write_urdf, kind):
        count = 3 * sys.getrecursionlimit()
        path = write_urdf(
            *((f"j{i}", f"l{i}", f"l{i + 1}", kind) for i in range(count)), ("end", "l0", "side")
        )
        if kind == "fixed":
            assert (load_arm(path).tip, len(load_arm(path))) == ("side", 1)
        else:
            with pytest.raises(RobotError, match=r"3,000 moving joints.*Expected at most 32"):
                load_arm(path)
            assert len(load_arm(path, tip="l32")) == 32
