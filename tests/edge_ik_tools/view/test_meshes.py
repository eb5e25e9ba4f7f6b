"""Meshes are drawn where the URDF says, at every posture."""

import re

import numpy as np
import pytest

from edge_ik.arms.load import load_arm
from edge_ik_tools.view.bodies import body_poses
from edge_ik_tools.view.meshes import find_meshes, resolved
from edge_ik_tools.view.surfaces import MeshError

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


COLLADA = """<?xml version="1.0"?>
<COLLADA xmlns="http://www.collada.org/2005/11/COLLADASchema" version="1.4.1">
  <asset><unit name="millimeter" meter="0.001"/><up_axis>Y_UP</up_axis></asset>
  <library_effects><effect id="e"><profile_COMMON><technique sid="t"><lambert><diffuse>
    <color>0 0.2 0.4 1</color></diffuse></lambert></technique></profile_COMMON></effect>
  </library_effects>
  <library_materials><material id="m"><instance_effect url="#e"/></material></library_materials>
  <library_geometries><geometry id="g"><mesh>
    <source id="p"><float_array id="a" count="9">0 0 0 100 0 0 0 0 200</float_array>
      <technique_common><accessor source="#a" count="3" stride="3"><param name="X" type="float"/>
      <param name="Y" type="float"/><param name="Z" type="float"/></accessor></technique_common>
    </source><vertices id="v"><input semantic="POSITION" source="#p"/></vertices>
    <triangles count="1" material="s"><input semantic="VERTEX" source="#v" offset="0"/>
      <p>0 1 2</p></triangles></mesh></geometry></library_geometries>
  <library_visual_scenes><visual_scene id="w"><node><matrix>1 0 0 0 0 1 0 0 0 0 1 300 0 0 0 1
    </matrix><instance_geometry url="#g"><bind_material><technique_common>
    <instance_material symbol="s" target="#m"/></technique_common></bind_material>
    </instance_geometry></node></visual_scene></library_visual_scenes>
  <scene><instance_visual_scene url="#w"/></scene>
</COLLADA>
"""
CORNERS = np.array([[0.0, 0.0, 0.0], [0.1, 0.0, 0.0], [0.0, 0.0, 0.2]])


@pytest.fixture
def robot(tmp_path):
    folder = tmp_path / "two" / "urdf"
    folder.mkdir(parents=True)
    (folder / "two.urdf").write_text(ROBOT)
    (folder / "flange.dae").write_text(COLLADA)
    (folder / "arm.obj").write_text("v 0 0 0\nv 100 0 0\nv 0 0 200\nf 1 2 3\n")
    (tmp_path / "two" / "base.stl").write_text("solid of nothing\n")
    return folder / "two.urdf"


def test_files_are_found_and_those_that_are_not_are_told(robot):
    chain = load_arm(robot)
    drawn, notes = find_meshes(chain, robot)
    names = [[mesh.path.name for mesh in body] for body in drawn]
    assert names == [[], ["arm.obj", "flange.dae"], []]
    assert drawn[1][0].color == (1.0, 0.0, 0.0)
    assert len(notes) == 2
    assert re.fullmatch(r"The mesh package://two/base.stl cannot be drawn: it .*\.", notes[0])
    assert notes[1] == ("The mesh gone.stl cannot be drawn: there is no such file beside two.urdf.")
    (robot.parent / "gone.stl").mkdir()
    (robot.parent / "flange.dae").write_text("<COLLADA")
    robot.write_text(ROBOT.replace("arm.obj", "arm.step"))
    (robot.parent / "arm.step").write_text("")
    drawn, notes = find_meshes(chain, robot)
    assert not any(drawn)
    assert len(notes) == 4
    assert "arm.step cannot be drawn: only .dae, .glb," in notes[1]
    assert "flange.dae cannot be drawn: it cannot be read (" in notes[2]
    assert all("\n" not in note for note in notes)


def moved(pose, points):
    return points @ pose[:3, :3].T + pose[:3, 3]


def test_a_collada_file_is_drawn_in_metres_and_in_the_axes_of_its_link(robot):
    chain = load_arm(robot)
    mesh = find_meshes(chain, robot)[0][1][1]
    assert mesh.color == pytest.approx((0.0, 0.2, 0.4), abs=0.005)
    body = body_poses(chain, np.zeros(2))[1]
    placed = moved(body, mesh.vertices[mesh.faces[0]])
    flange = CORNERS + np.array([0.2, 0.0, 0.3])
    np.testing.assert_allclose(placed, moved(chain.moving[0].origin, flange), atol=1e-9)


def test_a_mesh_moves_with_its_link(robot):
    chain = load_arm(robot)
    mesh = find_meshes(chain, robot)[0][1][0]
    origin = chain.moving[0].origin
    for angle in (-0.7, 0.0, 0.4):
        turned = np.eye(4)
        turned[:3, :3] = [
            [np.cos(angle), 0, np.sin(angle)],
            [0, 1, 0],
            [-np.sin(angle), 0, np.cos(angle)],
        ]
        visual = np.eye(4)
        visual[:2, :2] = [[np.cos(1), -np.sin(1)], [np.sin(1), np.cos(1)]]
        visual[2, 3] = 0.5
        body = body_poses(chain, np.array([angle, 0.1]))[1]
        np.testing.assert_allclose(
            moved(body, mesh.vertices[mesh.faces[0]]),
            moved(origin @ turned @ visual, CORNERS),
            atol=1e-9,
        )


def test_a_file_of_another_robot_or_without_meshes_is_told(robot):
    drawn, notes = find_meshes(load_arm("arm3"), robot)
    assert not any(drawn)
    assert len(notes) == 1
    assert re.search(
        "two.urdf is of another robot than arm3, for it has no joint '.*' and", notes[0]
    )
    chain = load_arm(robot)
    robot.write_text(re.sub("<visual>.*?</visual>", "", ROBOT, flags=re.DOTALL))
    assert find_meshes(chain, robot)[1] == (
        "The robot is drawn as bars: two.urdf names no meshes for its links.",
    )


def test_what_is_no_urdf_is_drawn_as_bars(tmp_path):
    path = tmp_path / "kit.toml"
    path.write_text("name = 'kit'\n")
    drawn, notes = find_meshes(load_arm("arm3"), path)
    assert not any(drawn)
    assert "bars" in notes[0]


def test_a_package_is_looked_for_above_the_file(robot, tmp_path):
    assert resolved("package://two/base.stl", robot) == tmp_path / "two" / "base.stl"
    assert resolved("package://three/base.stl", robot) == tmp_path / "two" / "base.stl"
    for name in ("package://two/none.stl", "http://example.org/a.stl", "none.stl", ""):
        with pytest.raises(MeshError):
            resolved(name, robot)
