"""Which tasks an arm can do at all, and which axis of its tool it can direct."""

import math
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("scipy")

from edge_ik.arms import load_arm
from edge_ik.config import make_config
from edge_ik.data.rank import check_rank, chosen_axis, has_full_rank, working_axes
from edge_ik.preparation import start
from firmware_host.chain import Chain, Joint
from firmware_host.errors import RobotError
from firmware_host.problem import IkProblem
from firmware_host.tasks import POSE, POSITION, Axis

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
        ("name", "task"), [("arm3", POSITION), ("ur5", POSE), ("panda", POSE), ("so101", Axis())]
    )
    def test_arms_that_can_are_let_through(self, name, task):
        problem = IkProblem(load_arm(name), task)
        check_rank(problem)
        assert has_full_rank(problem)

    def test_a_refusal_names_the_axes_that_work(self):
        with pytest.raises(RobotError, match=r"turn its x axis.*--tool-axis z or --tool-axis y"):
            check_rank(IkProblem(servo_arm(), Axis.with_options("x")))

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
        assert run.task == Axis.with_options("x")
        assert "The tool's x axis is directed" in caplog.text

    def test_an_axis_asked_for_is_kept(self, servo_urdf, tmp_path):
        values = {"task.tool_axis": "y", "task.branches": "all"}
        assert self.start(servo_urdf, tmp_path / "run", **values).task == Axis.with_options("y")
