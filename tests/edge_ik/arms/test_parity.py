"""Kinematics of real robots against an independent implementation and Keras."""

import math

import numpy as np
import pytest

from edge_ik.arms import arm_names, builtin_arms, load_arm
from firmware_host.kinematics import (
    forward_kinematics,
    frames,
    jacobian,
    jacobian_columns,
    tool_pose,
    tool_position,
)

pytestmark = pytest.mark.tensorflow

# Continuous joints, oblique axes, and fixed joints before, between and after.
MIXED = b"""<robot name="mixed">
  <link name="base"/><link name="a"/><link name="b"/><link name="c"/><link name="d"/>
  <link name="e"/><link name="f"/><link name="tool"/>
  <joint name="mount" type="fixed"><parent link="base"/><child link="a"/>
    <origin xyz="0.1 -0.2 0.3" rpy="0.4 -0.5 0.6"/></joint>
  <joint name="j1" type="continuous"><parent link="a"/><child link="b"/>
    <origin xyz="0 0.1 0.2" rpy="1.5707963 0 3"/><axis xyz="0.3 -0.4 0.5"/></joint>
  <joint name="bend" type="fixed"><parent link="b"/><child link="c"/>
    <origin rpy="-2 1.2 0.1"/></joint>
  <joint name="j2" type="revolute"><parent link="c"/><child link="d"/>
    <origin xyz="0.5 0 0"/><axis xyz="0 -1 0"/>
    <limit lower="-6" upper="6" effort="1" velocity="1"/></joint>
  <joint name="j3" type="continuous"><parent link="d"/><child link="e"/>
    <origin xyz="0 0 0.4" rpy="0 0 1"/><axis xyz="0 0 2"/></joint>
  <joint name="flange" type="fixed"><parent link="e"/><child link="f"/>
    <origin xyz="0 0 0.1"/></joint>
  <joint name="probe" type="fixed"><parent link="f"/><child link="tool"/>
    <origin xyz="0.01 0.02 0.03" rpy="0.1 0.2 0.3"/></joint>
</robot>"""

ROBOTS = [*arm_names(), "mixed"]


@pytest.fixture(scope="module", params=ROBOTS)
def robot(request, tmp_path_factory):
    """A robot's chain and URDF text."""
    if request.param != "mixed":
        return load_arm(request.param), builtin_arms()[request.param].urdf()
    path = tmp_path_factory.mktemp("mixed") / "mixed.urdf"
    path.write_bytes(MIXED)
    return load_arm(path), MIXED


@pytest.fixture
def q(robot):
    """(20, n) random configurations, the whole range of every joint."""
    chain, _text = robot
    return np.random.default_rng(5).uniform(chain.lower, chain.upper, (20, len(chain)))


def test_pinocchio_agrees(robot, q):
    pinocchio = pytest.importorskip("pinocchio")
    chain, text = robot
    model = pinocchio.buildModelFromXML(text.decode())
    data = model.createData()
    tool = model.getFrameId(chain.tip)
    # It knows no joint that follows another: each is placed where its leader puts it.
    order = [model.joints[model.getJointId(segment.name)] for segment in chain.segments]
    poses = forward_kinematics(chain, q)
    jacobians = jacobian(chain, *chain.place(q))
    for every, pose, columns in zip(chain.q_all(q), poses, jacobians, strict=True):
        configuration = pinocchio.neutral(model)
        for joint, angle in zip(order, every, strict=True):
            # A continuous joint's configuration is its cosine and sine.
            value = [math.cos(angle), math.sin(angle)] if joint.nq == 2 else [angle]
            configuration[joint.idx_q : joint.idx_q + joint.nq] = value
        theirs = pinocchio.computeFrameJacobian(
            model, data, configuration, tool, pinocchio.LOCAL_WORLD_ALIGNED
        )
        pinocchio.framesForwardKinematics(model, data, configuration)
        np.testing.assert_allclose(pose, data.oMf[tool].homogeneous, rtol=0, atol=1e-9)
        expected = np.zeros_like(columns)
        for segment, joint in zip(chain.segments, order, strict=True):
            expected[:, segment.leader] += segment.multiplier * theirs[:, joint.idx_v]
        np.testing.assert_allclose(columns, expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("batch", [(20,), (4, 5), (2, 2, 5), ()])
def test_keras_agrees(robot, q, batch):
    ops = pytest.importorskip("keras").ops
    chain, _text = robot
    q = q[0] if batch == () else q.reshape(*batch, len(chain))
    trig = chain.place(q)
    tensors = [ops.convert_to_tensor(part.astype(np.float32)) for part in trig]
    for function in (tool_pose, jacobian, tool_position):
        ours, theirs = function(chain, *trig), function(chain, *tensors, xp=ops)
        assert ops.dtype(theirs) == "float32"
        assert tuple(theirs.shape) == ours.shape
        np.testing.assert_allclose(ops.convert_to_numpy(theirs), ours, rtol=0, atol=3e-6)


def test_plain_floats_agree(robot, q):
    chain, _text = robot
    for angles in q.tolist():
        sin_q, cos_q = chain.placed(angles, math)
        walked = frames(chain, sin_q, cos_q)
        pose = forward_kinematics(chain, angles)
        np.testing.assert_allclose(np.column_stack(walked.rotation), pose[:3, :3], atol=1e-12)
        np.testing.assert_allclose(walked.position, pose[:3, 3], atol=1e-12)
        columns = np.array(jacobian_columns(walked)).T
        np.testing.assert_allclose(
            columns, jacobian(chain, np.array(sin_q), np.array(cos_q)), atol=1e-12
        )
