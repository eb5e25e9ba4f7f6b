"""Which tasks an arm can do at all, and which axis of its tool it can direct."""

import math
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("scipy")

from edge_ik.arms import load_arm
from edge_ik.config import make_config
from edge_ik.data.rank import (
    check_rank,
    chosen_task,
    has_full_rank,
    moving_plane,
    possible_tasks,
    working_tasks,
)
from edge_ik.preparation import start
from firmware_host.chain import Chain, Joint
from firmware_host.errors import RobotError
from firmware_host.problem import IkProblem
from firmware_host.tasks import POSE, POSITION, make_task

UP, SIDE, FORWARD = np.array([0, 0, 1.0]), np.array([0, 1.0, 0]), np.array([1.0, 0, 0])


def shifted(x=0.0, z=0.0, pitch=0.0):
    transform = np.eye(4)
    sin, cos = math.sin(pitch), math.cos(pitch)
    transform[:3, :3] = [[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]]
    transform[0, 3], transform[2, 3] = x, z
    return transform


def servo_arm(pitch=0.0):
    """Yaw, three pitches and a roll about the tool's x axis, turned by `pitch` [rad]."""
    joints = [
        Joint("yaw", np.eye(4), UP, -1.5, 1.5),
        Joint("shoulder", shifted(z=0.1), SIDE, -1.5, 1.5),
        Joint("elbow", shifted(x=0.2), SIDE, -2.0, 2.0),
        Joint("wrist", shifted(x=0.2), SIDE, -2.0, 2.0),
        Joint("roll", shifted(x=0.1), FORWARD, -3.0, 3.0),
    ]
    return Chain("servo", tuple(joints), shifted(x=0.05, pitch=pitch))


URDF = """<robot name="servo"><link name="base"/>{joints}<link name="tool"/>
<joint name="end" type="fixed"><parent link="l4"/><child link="tool"/>
<origin xyz="0 0 0.05"/></joint></robot>"""
JOINT = """<link name="l{index}"/><joint name="j{index}" type="revolute"><parent link="{parent}"/>
<child link="l{index}"/><origin xyz="0 0 0.15"/><axis xyz="{axis}"/>
<limit lower="-1.5" upper="1.5" effort="1" velocity="1"/></joint>"""


@pytest.fixture
def servo_urdf(tmp_path) -> Path:
    """A file of a 5-joint arm whose last joint turns about the tool's z axis."""
    axes = ("0 0 1", "0 1 0", "0 1 0", "0 1 0", "0 0 1")
    joints = "".join(
        JOINT.format(index=index, parent="base" if index == 0 else f"l{index - 1}", axis=axis)
        for index, axis in enumerate(axes)
    )
    path = tmp_path / "servo.urdf"
    path.write_text(URDF.format(joints=joints), encoding="utf-8")
    return path


def working_axes(chain, name="axis"):
    return tuple(task.options()["tool_axis"] for task in working_tasks(chain, name))


def chosen_axis(chain, name="axis"):
    return chosen_task(chain, name).options()["tool_axis"]


def flat(axis, *rpy_free, tool=None):
    """Three parallel joints, whose tool moves in the plane across their axes."""
    across = np.roll(np.asarray(axis, float), 1)
    offset = np.eye(4)
    offset[:3, 3] = 0.2 * across
    joints = tuple(Joint(f"j{i}", offset, np.asarray(axis, float), -2.0, 2.0) for i in range(3))
    return Chain("flat", joints, offset if tool is None else tool)


class TestPlanes:
    @pytest.mark.parametrize(
        ("axis", "plane"), [((0, 0, 1), "xy"), ((0, -1, 0), "xz"), ((1, 0, 0), "yz")]
    )
    def test_the_plane_that_the_tool_moves_in_is_found(self, axis, plane):
        chain = flat(axis)
        assert moving_plane(chain) == plane
        assert possible_tasks(chain) == ("planar", "planar_pose")
        task = chosen_task(chain, "planar_pose")
        assert task.options()["plane"] == plane
        assert has_full_rank(IkProblem(chain, task))
        # The tool's offset points along the axis that is chosen.
        along = np.argmax(np.abs(chain.tool[:3, 3]))
        assert task.options()["tool_axis"] == "xyz"[along]

    def test_a_plane_that_is_none_of_the_base_s_is_told(self):
        oblique = np.array([0.6, 0.0, 0.8])
        with pytest.raises(RobotError, match=r"normal is .*0.600.*0.800.*--base"):
            moving_plane(flat(oblique))

    def test_an_arm_that_moves_in_space_must_be_told_the_plane(self):
        assert moving_plane(load_arm("arm3")) is None
        with pytest.raises(RobotError, match="--plane xy, --plane xz, --plane yz"):
            chosen_task(load_arm("arm3"), "planar")
        named = chosen_task(load_arm("arm3"), "planar_pose", plane="xz")
        assert has_full_rank(IkProblem(load_arm("arm3"), named))

    def test_a_plane_that_the_tool_does_not_move_in_is_refused(self):
        with pytest.raises(RobotError, match=r"directions of the xy plane.*--plane xz"):
            check_rank(IkProblem(load_arm("leg2"), make_task("planar", plane="xy")))


class TestAngles:
    def test_of_a_tool_that_stays_in_its_vertical_plane_pitch_alone_is_left(self):
        arm = load_arm("openmanipulator_x")
        assert working_axes(arm, "yaw") == ()
        assert set(working_axes(arm, "pitch")) == {"x", "z"}
        # The hand points along its x axis.
        assert chosen_axis(arm, "pitch") == "x"

    def test_a_refusal_names_what_works(self):
        arm = load_arm("openmanipulator_x")
        with pytest.raises(RobotError, match=r"pitch its y axis.*--tool-axis x or --tool-axis z"):
            check_rank(IkProblem(arm, make_task("pitch", "y")))
        with pytest.raises(RobotError, match=r"in the xy plane.*--task position or"):
            check_rank(IkProblem(arm, make_task("yaw", "x")))


class TestWorkingAxes:
    def test_the_axis_that_the_last_joint_turns_about_does_not_work(self):
        assert working_axes(servo_arm()) == ("z", "y")
        assert working_axes(servo_arm(math.pi / 2)) == ("x", "y")

    def test_the_usual_axis_is_chosen_if_it_works(self):
        assert chosen_axis(servo_arm()) == "z"
        assert chosen_axis(servo_arm(math.pi / 2)) == "x"

    def test_what_descriptions_are_rounded_to_does_not_count(self):
        assert working_axes(servo_arm(1.5707963 - 1e-5)) == ("x", "y")

    @pytest.mark.parametrize("name", ["so101", "ur5", "panda"])
    def test_built_in_arms_can_direct_every_axis(self, name):
        assert set(working_axes(load_arm(name))) == {"x", "y", "z"}

    def test_too_few_joints_direct_none(self):
        assert working_axes(load_arm("arm3")) == ()


class TestCheckRank:
    @pytest.mark.parametrize(
        ("name", "task"),
        [("arm3", POSITION), ("ur5", POSE), ("panda", POSE), ("so101", make_task("axis"))],
    )
    def test_arms_that_can_are_let_through(self, name, task):
        problem = IkProblem(load_arm(name), task)
        check_rank(problem)
        assert has_full_rank(problem)

    def test_a_refusal_names_the_axes_that_work(self):
        with pytest.raises(RobotError, match=r"turn its x axis.*--tool-axis z or --tool-axis y"):
            check_rank(IkProblem(servo_arm(), make_task("axis", "x")))

    def test_joints_to_spare_do_not_hide_what_cannot_be_done(self):
        joints = tuple(Joint(f"j{i}", shifted(x=0.2), UP, -1.0, 1.0) for i in range(7))
        with pytest.raises(RobotError, match=r"three directions.*everywhere.*Choose a tip"):
            check_rank(IkProblem(Chain("flat", joints, shifted(x=0.1)), POSITION))


class TestPreparation:
    def start(self, path, folder, **task):
        overrides = {"arm.source": str(path), "task.name": "axis", "data.pool": 2000, **task}
        return start(make_config(overrides=overrides), folder)[0]

    @pytest.mark.parametrize("branches", ["home", "all"])
    def test_an_axis_that_cannot_be_directed_is_refused(self, servo_urdf, tmp_path, branches):
        values = {"task.tool_axis": "z", "task.branches": branches}
        with pytest.raises(RobotError, match="--tool-axis x or --tool-axis y"):
            self.start(servo_urdf, tmp_path / "run", **values)
        assert not (tmp_path / "run").exists()

    def test_one_that_works_is_taken_and_told(self, servo_urdf, tmp_path, caplog):
        caplog.set_level("INFO")
        run = self.start(servo_urdf, tmp_path / "run", **{"task.branches": "all"})
        assert run.config.task.tool_axis == "x"
        assert run.task == make_task("axis", "x")
        assert "The tool's x axis is directed" in caplog.text

    def test_an_axis_asked_for_is_kept(self, servo_urdf, tmp_path):
        values = {"task.tool_axis": "y", "task.branches": "all"}
        assert self.start(servo_urdf, tmp_path / "run", **values).task == make_task("axis", "y")
