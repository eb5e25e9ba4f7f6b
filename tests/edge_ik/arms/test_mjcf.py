"""MJCF: what MuJoCo makes of a model is what comes out, or a sentence says why not."""

import math
import sys
from xml.etree import ElementTree

import numpy as np
import pytest

from edge_ik.arms import load_arm, select_arm
from firmware_host.errors import BrokenPackageError, MissingExtraError, RobotError
from firmware_host.kinematics import forward_kinematics

mujoco = pytest.importorskip("mujoco")

# Degrees, as MJCF has it if nothing is said; classes, a frame, two joints in a body, anchors.
ARM = """
<mujoco model="arm">
  <compiler meshdir="nowhere" autolimits="true"/>
  <asset><mesh name="m" file="missing.stl"/><texture name="t" file="no.png" type="2d"/></asset>
  <default>
    <joint axis="0 1 0" damping="3" armature="0.1"/>
    <geom type="mesh" mesh="m"/>
    <default class="wrist"><joint axis="1 0 0" range="-90 45" ref="20" pos="0.1 0 -0.2"/></default>
  </default>
  <worldbody>
    <light pos="0 0 1"/><camera name="c"/><geom type="plane" size="1 1 1"/>
    <body name="base" pos="0.1 0.2 0.3" euler="10 20 30">
      <geom/>
      <body name="upper" pos="0 0 0.4">
        <joint name="yaw" axis="0 0 2" range="-170 170"/>
        <joint name="pitch" range="-60 100" pos="0 0.1 0"/>
        <geom/>
        <frame pos="0 0 0.5" axisangle="1 1 0 40">
          <body name="lower" xyaxes="0 1 0 -1 0 0" childclass="wrist">
            <joint name="roll"/>
            <body name="hand" quat="2 1 0 0" pos="0 0 0.2">
              <joint name="endless" limited="false" pos="0 0 0" ref="0"/>
              <site name="tcp" pos="0.05 0 0.1" euler="0 90 0"/>
              <geom/>
            </body>
          </body>
        </frame>
      </body>
    </body>
  </worldbody>
  <actuator><motor joint="yaw"/></actuator>
  <sensor><jointpos joint="yaw"/></sensor>
  <keyframe><key name="home" qpos="0 0 0 0"/></keyframe>
</mujoco>
"""


def one_body(joint, more=""):
    return (
        f'<mujoco><worldbody><body name="a"><joint name="first" range="-90 90"/>'
        f'<body name="b" pos="0 0 1">{joint}<body name="c" pos="1 0 0"/></body></body></worldbody>'
        f"{more}</mujoco>"
    )


@pytest.fixture
def write(tmp_path):
    def to_file(text, name="robot.xml"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return to_file


def mujoco_pose(text, tip, values):
    """Pose of a body or site as MuJoCo computes it, with joints by name at given values."""
    root = ElementTree.fromstring(text)
    for element in list(root.iter()):
        for part in list(element):
            if part.tag in ("geom", "asset", "actuator", "sensor", "keyframe"):
                element.remove(part)
    root.insert(0, ElementTree.Element("compiler", boundmass="1", boundinertia="1"))
    model = mujoco.MjModel.from_xml_string(ElementTree.tostring(root, encoding="unicode"))
    data = mujoco.MjData(model)
    for name, value in values.items():
        data.qpos[model.joint(name).qposadr[0]] = value
    mujoco.mj_kinematics(model, data)
    pose = np.eye(4)
    if mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_SITE, tip) >= 0:
        pose[:3, :3], pose[:3, 3] = data.site(tip).xmat.reshape(3, 3), data.site(tip).xpos
    else:
        pose[:3, :3], pose[:3, 3] = data.body(tip).xmat.reshape(3, 3), data.body(tip).xpos
    return pose


def test_classes_compiler_frames_anchors_and_references(write):
    chain = load_arm(write(ARM))
    assert (chain.name, chain.base, chain.tip) == ("arm", "world", "tcp")
    assert chain.joint_names == ("yaw", "pitch", "roll", "endless")
    np.testing.assert_allclose(np.degrees(chain.lower[:3]), [-170, -60, -90])
    np.testing.assert_allclose(np.degrees(chain.upper[:3]), [170, 100, 45])
    np.testing.assert_array_equal(chain.continuous, [False, False, False, True])
    rng = np.random.default_rng(3)
    for tip in ("tcp", "hand", "lower", "upper"):
        part = load_arm(write(ARM), tip=tip)
        for q in rng.uniform(part.lower, part.upper, (10, len(part))):
            theirs = mujoco_pose(ARM, tip, dict(zip(part.joint_names, q, strict=True)))
            np.testing.assert_allclose(forward_kinematics(part, q), theirs, rtol=0, atol=1e-9)


def test_a_chain_may_start_at_a_body(write):
    chain = load_arm(write(ARM), base="upper", tip="hand")
    assert chain.joint_names == ("roll", "endless")


def test_radians_are_said_by_the_compiler(write):
    text = one_body('<joint name="j" range="-1 2"/>').replace(
        "<mujoco>", '<mujoco><compiler angle="radian"/>'
    )
    with pytest.raises(RobotError, match=r"'first' has limits of -90 and 90.*degrees"):
        load_arm(write(text))
    np.testing.assert_allclose(load_arm(write(text), base="a").upper, 2)


def test_a_reversed_range_is_none_to_mujoco_and_told(write):
    selection = select_arm(write(one_body('<joint name="j" range="2 1"/>')))
    np.testing.assert_array_equal(selection.chain.continuous, [False, True])
    assert "'j' has its range reversed" in selection.notes[-1]


@pytest.mark.parametrize(("kind", "word"), [("ball", "a ball joint"), ("free", "a free joint")])
def test_ball_and_free_joints_are_named(write, kind, word):
    text = one_body(f'<joint name="j" type="{kind}"/>')
    if kind == "free":
        text = """<mujoco><worldbody><body name="b"><freejoint name="j"/><body name="c">
        <joint name="first" range="-9 9"/></body></body></worldbody></mujoco>"""
    with pytest.raises(RobotError, match=f"Joint 'j', between .* is {word}.") as caught:
        load_arm(write(text), base="world", tip="c")
    assert caught.value.element == "j"
    notes = select_arm(write(text)).notes
    assert any(f"joint 'j', which is {word}" in note for note in notes)


def test_names_that_are_missing_or_used_twice_are_made(write):
    text = """<mujoco><worldbody><body><joint range="-9 9"/><body><joint range="-9 9"/>
    <site name="x"/></body><body name="x"/></body></worldbody></mujoco>"""
    chain = load_arm(write(text, "my_arm.xml"))
    assert chain.name == "my_arm"
    assert chain.joint_names == ("joint0", "joint1")
    assert chain.tip == "x_site"


class TestIncludes:
    def test_files_that_it_includes(self, write):
        write('<mujocoinclude><body name="b"><joint name="j"/></body></mujocoinclude>', "b.xml")
        write(
            "<mujoco><compiler angle='radian'/><default><joint range='-1 1'/></default></mujoco>",
            "d.xml",
        )
        text = """<mujoco><include file="d.xml"/><worldbody><include file="b.xml"/>
        </worldbody></mujoco>"""
        chain = load_arm(write(text))
        assert (chain.joint_names, chain.lower[0]) == (("j",), -1)

    @pytest.mark.parametrize(
        ("included", "message"),
        [
            (None, "includes 'b.xml', which cannot be read"),
            ('<mujocoinclude><include file="b.xml"/></mujocoinclude>', "'b.xml' twice"),
            ('<robot name="r"/>', "'b.xml' is not an MJCF description"),
            ("<mujocoinclude><body>", "'b.xml' is not well-formed"),
        ],
    )
    def test_what_cannot_be_included_is_named(self, write, included, message):
        if included is not None:
            write(included, "b.xml")
        text = '<mujoco><worldbody><include file="b.xml"/></worldbody></mujoco>'
        with pytest.raises(RobotError, match=message):
            load_arm(write(text))

    def test_a_part_alone_says_that_it_is_one(self, write):
        with pytest.raises(RobotError, match="is a part that other MJCF files include"):
            load_arm(write('<mujocoinclude><body name="b"><joint/></body></mujocoinclude>'))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<mujoco/>", "has no revolute, continuous or prismatic joint"),
        (one_body('<joint name="first"/>'), "MuJoCo cannot read .*repeated name"),
        (one_body('<joint axis="0 0 0"/>'), "MuJoCo cannot read .*axis"),
        (one_body('<joint type="screw"/>'), "MuJoCo cannot read .*screw"),
        (
            '<mujoco><asset><model name="m" file="x.xml"/></asset><worldbody/></mujoco>',
            "attaches the model of another file",
        ),
        ('<!DOCTYPE mujoco [<!ENTITY a "b">]><mujoco/>', "has a DOCTYPE"),
    ],
)
def test_what_cannot_be_used_is_told_in_a_sentence(write, text, message):
    with pytest.raises(RobotError, match=message):
        load_arm(write(text))


def test_what_mujoco_warns_of_is_told_and_written_nowhere(write, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = write(one_body('<joint name="j" range="-1 2" pos="nan 0 0"/>'))
    with pytest.raises(RobotError) as caught:
        load_arm(path)
    assert str(caught.value)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_replicated_bodies(write):
    text = """<mujoco><worldbody><body name="a"><joint name="j" range="-9 9"/>
    <replicate count="3" offset="0 0 0.1"><site name="s"/></replicate></body></worldbody>
    </mujoco>"""
    tips = [load_arm(write(text), tip=f"s{number}").tool[2, 3] for number in range(3)]
    np.testing.assert_allclose(tips, [0, 0.1, 0.2])


def test_without_mujoco_the_extra_is_named(write, monkeypatch):
    monkeypatch.setitem(sys.modules, "mujoco", None)
    with pytest.raises(MissingExtraError, match=r"'mujoco'.*\[mjcf\]"):
        load_arm(write(ARM))


def test_a_mujoco_that_is_broken_is_told_from_one_that_is_missing(write, monkeypatch, tmp_path):
    (tmp_path / "mujoco.py").write_text("raise ImportError('libmujoco.so is not there')\n")
    monkeypatch.delitem(sys.modules, "mujoco", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(BrokenPackageError, match=r"'mujoco', which is here and .*libmujoco\.so"):
        load_arm(write(ARM))


class TestCouplings:
    def follow(self, polycoef, more="", joint='<joint name="second" range="-90 90"/>'):
        equality = f'<joint joint1="second" joint2="first" polycoef="{polycoef}"/>{more}'
        return one_body(joint, f"<equality>{equality}</equality>")

    def test_an_equality_that_is_not_linear_is_refused_where_both_are_on_the_chain(self, write):
        path = write(self.follow("0 1 0.5 0 0"))
        with pytest.raises(RobotError, match=r"equality 0 \(joint\) ties joints first, second"):
            load_arm(path, tip="c")
        assert load_arm(path, tip="a").joint_names == ("first",)
        assert load_arm(path, base="a", tip="c").joint_names == ("second",)

    def test_one_that_is_switched_off_ties_nothing(self, write):
        text = self.follow("0 1 0.5 0 0").replace("<joint joint1", '<joint active="false" joint1')
        assert load_arm(write(text), tip="c").joint_names == ("first", "second")

    def test_a_joint_that_is_held_is_fixed(self, write):
        text = one_body(
            '<joint name="second" range="-90 90" ref="10"/>',
            '<equality><joint joint1="second" polycoef="0.3 0 0 0 0"/></equality>',
        )
        chain = load_arm(write(text), tip="c")
        assert chain.joint_names == ("first",)
        pose = mujoco_pose(text, "c", {"first": 0.2, "second": math.radians(10) + 0.3})
        np.testing.assert_allclose(forward_kinematics(chain, [0.2]), pose, rtol=0, atol=1e-9)

    def test_a_closed_loop_on_the_chain_is_refused_and_beside_it_told_nothing(self, write):
        # A four-bar linkage: crank, coupler and rocker, of which one moves freely.
        text = """<mujoco><worldbody>
        <body name="crank"><joint name="j1" axis="0 1 0" range="-90 90"/>
          <body name="coupler" pos="0 0 1"><joint name="j2" axis="0 1 0" range="-90 90"/>
            <body name="tip" pos="1 0 0"/></body></body>
        <body name="rocker" pos="1 0 0"><joint name="j3" axis="0 1 0" range="-90 90"/>
          <body name="end" pos="0 0 1"/></body></worldbody>
        <equality><connect name="pin" body1="tip" body2="rocker" anchor="0 0 0"/></equality>
        </mujoco>"""
        path = write(text)
        with pytest.raises(RobotError, match=r"equality 'pin' \(connect\) ties joints j1, j2"):
            load_arm(path, tip="tip")
        assert load_arm(path, tip="crank").joint_names == ("j1",)

    def test_a_handle_to_pull_by_ties_nothing(self, write):
        text = one_body(
            '<joint name="second" range="-90 90"/>',
            '<equality><weld body1="mocap" body2="c"/></equality>',
        ).replace("<worldbody>", '<worldbody><body name="mocap" mocap="true"/>')
        assert load_arm(write(text), tip="c").joint_names == ("first", "second")
