"""The command that lists robots and looks at one, in the base install."""

import sys
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from edge_ik.arms import builtin_arms, load_arm
from firmware_host.installed import install_command
from firmware_host.kinematics import forward_kinematics

URDF = """<robot name="twin">
  <link name="torso"/><link name="l1"/><link name="l2"/><link name="l3"/><link name="l_tcp"/>
  <link name="r1"/><link name="r2"/><link name="r3"/>
  <joint name="left_1" type="revolute"><parent link="torso"/><child link="l1"/>
    <axis xyz="0 0 1"/><limit lower="2" upper="-1"/></joint>
  <joint name="left_2" type="continuous"><parent link="l1"/><child link="l2"/>
    <origin xyz="0 0 0.2"/><axis xyz="0 1 0"/></joint>
  <joint name="left_3" type="revolute"><parent link="l2"/><child link="l3"/>
    <origin xyz="0.3 0 0"/><axis xyz="0 1 0"/><limit lower="-2" upper="2"/></joint>
  <joint name="left_end" type="fixed"><parent link="l3"/><child link="l_tcp"/>
    <origin xyz="0.2 0 0"/></joint>
  <joint name="right_1" type="revolute"><parent link="torso"/><child link="r1"/>
    <limit lower="-1" upper="1"/></joint>
  <joint name="right_2" type="revolute"><parent link="r1"/><child link="r2"/>
    <limit lower="-1" upper="1"/></joint>
  <joint name="right_3" type="revolute"><parent link="r2"/><child link="r3"/>
    <limit lower="-90" upper="90"/></joint>
</robot>"""


@pytest.fixture(autouse=True)
def without_tensorflow(monkeypatch):
    for name in ("tensorflow", "keras", "scipy", "mujoco"):
        monkeypatch.setitem(sys.modules, name, None)


@pytest.fixture
def twin(tmp_path):
    path = tmp_path / "twin.urdf"
    path.write_text(URDF)
    return path


class TestList:
    def test_for_programs(self, printed):
        robots = printed("arms")
        assert {"arm3", "leg3", "a1_leg", "so101", "ur5", "panda"} <= set(robots)
        arm3 = robots["arm3"]
        assert arm3["reach_m"] == pytest.approx(0.5)
        assert len(arm3["home"]) == len(arm3["robot"]["joints"]) == 3
        assert arm3["description"]

    def test_for_people(self, run):
        result = run("arms")
        assert result.exit_code == 0
        for word in ("arm3", "panda", "shoulder,", "0.500", "edge-ik arms ROBOT"):
            assert word in result.stdout

    def test_each_robot_has_the_tasks_that_its_joints_suffice_for(self, run, printed):
        robots = printed("arms")
        assert set(robots["arm3"]["tasks"]) == {"position", "planar", "planar_pose"}
        assert robots["leg2"]["tasks"] == ["planar"]
        assert robots["openmanipulator_x"]["task"] == "pitch"
        # Its tool stays in the vertical plane of the first joint.
        assert {"axis", "yaw"}.isdisjoint(robots["openmanipulator_x"]["tasks"])
        assert not {"axis", "pose"} & set(robots["arm3"]["tasks"])
        assert {"position", "axis"} <= set(robots["so101"]["tasks"])
        assert "pose" not in robots["so101"]["tasks"]
        assert {"position", "axis", "pose"} <= set(robots["panda"]["tasks"])
        assert "position from 3 joints on" in run("arms").stdout


class TestOneRobot:
    def test_every_chain_is_listed_and_one_recommended(self, printed, twin):
        values = printed("arms", twin)
        assert (values["robot"], values["format"]) == ("twin", "URDF")
        assert values["recommended"] == {"base": "torso", "tip": "l_tcp"}
        left, right = values["chains"]
        assert left["joints"] == ["left_1", "left_2", "left_3"]
        assert left["kinds"] == {"revolute": 2, "continuous": 1}
        assert left["tasks"][0] == "position"
        assert (right["base"], right["tip"]) == ("torso", "r3")
        assert "'right_3' has limits of -90 and 90, which seem to be degrees" in right["refusal"]
        assert "'left_1' has its limits reversed" in values["notes"][-1]
        assert [joint["kind"] for joint in values["joints"]] == [
            "revolute",
            "continuous",
            "revolute",
        ]

    def test_where_the_tool_is(self, printed, twin):
        chain = load_arm(twin)
        poses = printed("arms", twin, "--q", "0.1,-0.2,0.3")["poses"]
        assert printed("arms", twin, "--q", 0.1, -0.2, 0.3)["poses"] == poses
        np.testing.assert_allclose(poses["zero"]["position_m"], [0.5, 0, 0.2], atol=1e-12)
        for name, q in (("zero", np.zeros(3)), ("home", chain.middle), ("q", [0.1, -0.2, 0.3])):
            pose = forward_kinematics(chain, q)
            np.testing.assert_allclose(poses[name]["matrix"], pose, atol=1e-12)
            np.testing.assert_allclose(poses[name]["q"], q)
            w, x, y, z = poses[name]["quaternion_wxyz"]
            assert 2 * (x * z + w * y) == pytest.approx(pose[0, 2], abs=1e-12)

    def test_a_tool_behind_the_tip(self, printed, run, twin):
        chain = load_arm(twin)
        values = printed("arms", twin, "--tool-offset", 0.1, -0.02, "3e-2", "--base", "torso")
        pose = forward_kinematics(chain, np.zeros(3)) @ [0.1, -0.02, 0.03, 1]
        np.testing.assert_allclose(values["poses"]["zero"]["position_m"], pose[:3], atol=1e-12)
        assert "l_tcp+offset" in run("arms", twin, "--tool-offset", 0.1, 0, 0).stdout

    @pytest.mark.parametrize("offset", [(1, 2), (0, 0, 0, 0, 0, 0, 0), (1, 2, "nan"), ()])
    def test_what_is_no_tool_is_told(self, refused, twin, offset):
        assert "expected" in refused("arms", twin, "--tool-offset", *offset)

    def test_home_of_a_builtin_robot(self, printed):
        assert printed("arms", "ur5")["poses"]["home"]["q"] == list(builtin_arms()["ur5"].home)

    def test_for_people(self, run, twin):
        result = run("arms", twin, "--q", "0,0,2.5")
        assert result.exit_code == 0, result.output
        for word in ("* torso", "l_tcp", "2 revolute", "no stops", "114.6 deg", "--q is outside"):
            assert word in result.stdout
        assert "Looks wrong" not in result.stdout

    def test_what_looks_wrong(self, run, twin):
        result = run("arms", twin, "--tip", "r2")
        assert "'right_1' and 'right_2' turn about one line" in result.stdout
        assert "allows none of the tasks" in result.stdout

    def test_mistakes_are_told(self, refused, twin, tmp_path):
        assert "expected 3 finite numbers" in refused("arms", twin, "--q", "1,2")
        assert "Received 1 number\n" in refused("arms", twin, "--q", "1")
        assert "Received a NaN or infinity" in refused("arms", twin, "--q", 1, "nan", 2)
        assert "expected numbers behind it" in refused("arms", twin, "--q", "a")
        assert "no file" in refused("arms", tmp_path / "none.urdf")
        assert "has no link 'nose'" in refused("arms", twin, "--tip", "nose")
        assert "Expected ROBOT" in refused("arms", "--urdf")
        assert "Received both" in refused("arms", twin, "--urdf", "--plot")
        assert "--out is the file of" in refused("arms", twin, "--out", "x")
        assert "degrees" in refused("arms", twin, "--tip", "r3")

    def test_as_urdf(self, run, printed, twin, tmp_path):
        text = run("arms", twin, "--urdf").stdout
        assert ET.fromstring(text).get("name") == "twin"
        out = tmp_path / "out.urdf"
        assert run("arms", twin, "--urdf", "--out", out).exit_code == 0
        assert out.read_text() == text == printed("arms", twin, "--urdf")["urdf"]
        again, chain = load_arm(out), load_arm(twin)
        q = np.random.default_rng(0).uniform(chain.lower, chain.upper, (20, 3))
        np.testing.assert_allclose(
            forward_kinematics(again, q), forward_kinematics(chain, q), atol=1e-12
        )
        assert (again.base, again.tip) == (chain.base, chain.tip)

    def test_as_a_picture(self, run, twin, tmp_path, monkeypatch):
        pytest.importorskip("matplotlib")
        monkeypatch.chdir(tmp_path)
        result = run("arms", twin, "--plot")
        assert result.exit_code == 0, result.output
        assert "Drawn into twin.png" in result.stdout
        assert (tmp_path / "twin.png").read_bytes().startswith(b"\x89PNG")

    @pytest.mark.parametrize("kind", ["png", "svg"])
    def test_a_picture_is_the_same_every_time(self, run, twin, tmp_path, kind):
        pytest.importorskip("matplotlib")
        first, second = (tmp_path / f"{name}.{kind}" for name in ("first", "second"))
        for path in (first, second):
            assert run("arms", twin, "--plot", "--out", path).exit_code == 0
        assert first.read_bytes() == second.read_bytes()
        assert b"<dc:date>" not in first.read_bytes()

    def test_a_picture_needs_its_extra(self, refused, twin, monkeypatch):
        monkeypatch.delitem(sys.modules, "matplotlib.figure", raising=False)
        monkeypatch.setitem(sys.modules, "matplotlib", None)
        assert install_command("plot") in refused("arms", twin, "--plot")

    def test_mjcf_needs_its_extra(self, refused, tmp_path):
        path = tmp_path / "arm.xml"
        path.write_text("<mujoco/>")
        assert install_command("mjcf") in refused("arms", path)


def test_what_servos_of_a_robot_toml_do_not_reach_looks_wrong(run, printed, tmp_path):
    path = tmp_path / "kit.toml"
    path.write_text(
        'name = "kit"\n[[joints]]\nname = "yaw"\naxis = "z"\nlimits = [-2, 2]\n'
        "[tool]\noffset = [0.2, 0, 0]\n[servos.yaw]\ntravel_deg = 180\n"
        "pulse_us = { min = 500, max = 2500 }\n"
    )
    *_, doubt = printed("arms", path)["looks_wrong"]
    assert "'yaw' ends 24.6 degrees short of its lower limit" in doubt
    assert f"Looks wrong: {doubt}" in run("arms", path).stdout
