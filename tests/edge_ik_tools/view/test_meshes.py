"""Meshes are drawn where the URDF says, at every posture."""

import numpy as np
import pytest

from edge_ik.arms.load import load_arm
from edge_ik_tools.view.bodies import body_poses
from edge_ik_tools.view.meshes import find_meshes, resolved

ROBOT = """<robot name="two">
  <link name="base"><visual><geometry><mesh filename="package://two/base.stl"/></geometry></visual>
  </link>
  <link name="arm"><visual><origin xyz="0 0 0.5" rpy="0 0 1"/>
    <geometry><mesh filename="arm.obj" scale="0.001 0.001 0.001"/></geometry>
    <material name="m"><color rgba="1 0 0 1"/></material></visual></link>
  <link name="flange"><visual><geometry><mesh filename="flange.dae"/></geometry></visual></link>
  <link name="tool"><visual><geometry><mesh filename="gone.stl"/></geometry></visual></link>
  <joint name="turn" type="revolute"><parent link="base"/><child link="arm"/>
    <origin xyz="0 0 1" rpy="0.3 0.2 0.1"/><axis xyz="0 1 0"/>
    <limit lower="-1" upper="1" effort="1" velocity="1"/></joint>
  <joint name="screwed" type="fixed"><parent link="arm"/><child link="flange"/>
    <origin xyz="0.2 0 0"/></joint>
  <joint name="last" type="prismatic"><parent link="flange"/><child link="tool"/>
    <origin xyz="0 0 0.1"/><axis xyz="0 0 1"/>
    <limit lower="0" upper="0.2" effort="1" velocity="1"/></joint>
</robot>
"""


@pytest.fixture
def robot(tmp_path):
    folder = tmp_path / "two" / "urdf"
    folder.mkdir(parents=True)
    (folder / "two.urdf").write_text(ROBOT)
    for path in (tmp_path / "two" / "base.stl", folder / "arm.obj", folder / "flange.dae"):
        path.write_text("")
    return folder / "two.urdf"


def test_files_are_found_and_those_that_are_not_are_told(robot):
    chain = load_arm(robot)
    drawn, notes = find_meshes(chain, robot)
    assert [[mesh.path.name for mesh in body] for body in drawn] == [["base.stl"], ["arm.obj"], []]
    (mesh,) = drawn[1]
    assert mesh.color == (1.0, 0.0, 0.0)
    np.testing.assert_array_equal(mesh.scale, [0.001] * 3)
    assert len(notes) == 1
    assert "2 meshes cannot be drawn" in notes[0]


def test_a_mesh_moves_with_its_link(robot):
    chain = load_arm(robot)
    (mesh,) = find_meshes(chain, robot)[0][1]
    origin = chain.moving[0].origin
    for angle in (-0.7, 0.0, 0.4):
        pose = body_poses(chain, np.array([angle, 0.1]))[1] @ mesh.origin
        turned = np.eye(4)
        turned[:3, :3] = [
            [np.cos(angle), 0, np.sin(angle)],
            [0, 1, 0],
            [-np.sin(angle), 0, np.cos(angle)],
        ]
        visual = np.eye(4)
        visual[:2, :2] = [[np.cos(1), -np.sin(1)], [np.sin(1), np.cos(1)]]
        visual[2, 3] = 0.5
        np.testing.assert_allclose(pose, origin @ turned @ visual, atol=1e-12)


def test_what_is_no_urdf_is_drawn_as_bars(tmp_path):
    path = tmp_path / "kit.toml"
    path.write_text("name = 'kit'\n")
    drawn, notes = find_meshes(load_arm("arm3"), path)
    assert not any(drawn)
    assert "bars" in notes[0]


def test_a_package_is_looked_for_above_the_file(robot, tmp_path):
    assert resolved("package://two/base.stl", robot) == tmp_path / "two" / "base.stl"
    assert resolved("package://three/base.stl", robot) == tmp_path / "two" / "base.stl"
    assert resolved("package://two/none.stl", robot) is None
    assert resolved("http://example.org/a.stl", robot) is None
