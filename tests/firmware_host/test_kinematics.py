"""Forward kinematics and Jacobian against their definitions, on random chains."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_host.chain import Chain, Joint
from firmware_host.kinematics import (
    add,
    cross,
    dot,
    forward_kinematics,
    frames,
    jacobian,
    jacobian_columns,
    mul,
    sub,
    tool_pose,
    tool_position,
)

few = settings(max_examples=40)  # each example is a whole chain, of up to 8 random joints
ATOL = 1e-12  # a few roundings over at most 8 joints and 20 m


def turned(axis, angle):
    """(4, 4) rotation about a unit axis: Rodrigues' formula."""
    skew = np.cross(np.eye(3), axis)  # (3, 3), skew @ v = axis x v
    result = np.eye(4)
    result[:3, :3] += math.sin(angle) * skew + (1 - math.cos(angle)) * skew @ skew
    return result


def product(chain, q):
    """T_base_tool (4, 4), one joint after the other."""
    pose = np.eye(4)
    for joint, angle in zip(chain.joints, q, strict=True):
        pose = pose @ joint.origin @ turned(joint.axis, angle)
    return pose @ chain.tool


@few
@given(data=st.data())
def test_forward_kinematics_is_the_product_of_the_joints(chains, angles, data):
    chain = data.draw(chains)
    q = data.draw(angles(len(chain)))
    expected = product(chain, q)
    np.testing.assert_allclose(forward_kinematics(chain, q), expected, rtol=0, atol=ATOL)
    position = tool_position(chain, np.sin(q), np.cos(q))
    np.testing.assert_allclose(position, expected[:3, 3], rtol=0, atol=ATOL)


@few
@given(data=st.data())
def test_jacobian_is_the_derivative(chains, angles, finite_differences, data):
    chain = data.draw(chains)
    q = data.draw(angles(len(chain)))
    exact = jacobian(chain, np.sin(q), np.cos(q))
    np.testing.assert_allclose(exact, finite_differences(chain, q), rtol=0, atol=1e-7)


@few
@given(data=st.data())
def test_moving_the_base_moves_everything(chains, transforms, angles, data):
    chain = data.draw(chains)
    mount = data.draw(transforms)
    q = data.draw(angles(len(chain)))
    first, *others = chain.joints
    moved = Joint(
        first.name, mount @ first.origin, first.axis, first.lower, first.upper, first.kind
    )
    mounted = Chain("mounted", (moved, *others), chain.tool)
    trig = np.sin(q), np.cos(q)
    np.testing.assert_allclose(
        forward_kinematics(mounted, q), mount @ forward_kinematics(chain, q), atol=ATOL
    )
    turn = np.kron(np.eye(2), mount[:3, :3])
    np.testing.assert_allclose(jacobian(mounted, *trig), turn @ jacobian(chain, *trig), atol=ATOL)


@few
@given(data=st.data())
def test_the_tool_stays_within_reach(chains, angles, data):
    chain = data.draw(chains)
    q = data.draw(angles(len(chain)))
    lever = tool_position(chain, np.sin(q), np.cos(q)) - chain.joints[0].origin[:3, 3]
    assert np.linalg.norm(lever) <= chain.reach + ATOL


@few
@given(data=st.data())
def test_plain_floats_give_the_same_numbers(chains, angles, data):
    chain = data.draw(chains)
    q = data.draw(angles(len(chain)))
    walked = frames(chain, [math.sin(a) for a in q.tolist()], [math.cos(a) for a in q.tolist()])
    pose = forward_kinematics(chain, q)
    np.testing.assert_allclose(np.column_stack(walked.rotation), pose[:3, :3], atol=ATOL)
    np.testing.assert_allclose(walked.position, pose[:3, 3], atol=ATOL)
    columns = np.array(jacobian_columns(walked)).T
    np.testing.assert_allclose(columns, jacobian(chain, np.sin(q), np.cos(q)), atol=ATOL)


@pytest.mark.parametrize("batch", [(), (1,), (5,), (2, 3), (2, 1, 4), (0,)])
@settings(max_examples=10)
@given(data=st.data())
def test_batches_are_many_single_configurations(chains, batch, data):
    chain = data.draw(chains)
    n = len(chain)
    q = np.random.default_rng(data.draw(st.integers(0, 99))).uniform(-4, 4, (*batch, n))
    poses = forward_kinematics(chain, q)
    jacobians = jacobian(chain, np.sin(q), np.cos(q))
    positions = tool_position(chain, np.sin(q), np.cos(q))
    assert poses.shape == (*batch, 4, 4)
    assert jacobians.shape == (*batch, 6, n)
    assert positions.shape == (*batch, 3)
    for index in np.ndindex(batch):
        trig = np.sin(q[index]), np.cos(q[index])
        np.testing.assert_allclose(poses[index], forward_kinematics(chain, q[index]), atol=ATOL)
        np.testing.assert_allclose(jacobians[index], jacobian(chain, *trig), atol=ATOL)
        np.testing.assert_allclose(positions[index], tool_position(chain, *trig), atol=ATOL)


def test_single_precision_stays_single():
    chain = Chain("one", (Joint("a", np.eye(4), np.array([0.0, 0.0, 1.0]), -1.0, 1.0),), np.eye(4))
    q = np.zeros((2, 1), dtype=np.float32)
    assert tool_pose(chain, np.sin(q), np.cos(q)).dtype == np.float32
    assert jacobian(chain, np.sin(q), np.cos(q)).dtype == np.float32


def test_another_number_of_joints_is_an_error():
    chain = Chain("one", (Joint("a", np.eye(4), np.array([0.0, 0.0, 1.0]), -1.0, 1.0),), np.eye(4))
    with pytest.raises(ValueError, match="zip"):
        tool_pose(chain, np.zeros(2), np.ones(2))


def pinocchio_model(pinocchio, chain):
    """The moving joints one by one in an independent implementation, and the tool's frame."""
    model, parent = pinocchio.Model(), 0
    for joint in chain.moving:
        of_kind = pinocchio.JointModelRevoluteUnaligned
        if joint.kind == "prismatic":
            of_kind = pinocchio.JointModelPrismaticUnaligned
        origin = pinocchio.SE3(np.array(joint.origin))
        parent = model.addJoint(parent, of_kind(np.array(joint.axis)), origin, joint.name)
    tool = pinocchio.Frame(
        "tool", parent, pinocchio.SE3(np.array(chain.tool)), pinocchio.FrameType.OP_FRAME
    )
    return model, model.addFrame(tool)


def lead(chain):
    """Which of q moves each joint, and how: every mimic's leader, factor and offset, by hand."""
    numbers = {joint.name: index for index, joint in enumerate(chain.joints)}
    factors, offsets = np.zeros((len(chain.moving), len(chain))), np.zeros(len(chain.moving))
    for row, joint in enumerate(chain.moving):
        if joint.mimic is None:
            factors[row, numbers[joint.name]] = 1.0
        else:
            factors[row, numbers[joint.mimic.joint]] = joint.mimic.multiplier
            offsets[row] = joint.mimic.offset
    return factors, offsets


@settings(max_examples=150)
@given(data=st.data())
def test_pinocchio_agrees_on_joints_of_every_kind(mixed_chains, data):
    pinocchio = pytest.importorskip("pinocchio")
    chain = data.draw(mixed_chains)
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    q = rng.uniform(chain.lower, chain.upper)
    factors, offsets = lead(chain)
    model, tool = pinocchio_model(pinocchio, chain)
    memory = model.createData()
    configuration = factors @ q + offsets
    theirs = pinocchio.computeFrameJacobian(
        model, memory, configuration, tool, pinocchio.LOCAL_WORLD_ALIGNED
    )
    pinocchio.framesForwardKinematics(model, memory, configuration)
    scale = 1 + chain.reach
    np.testing.assert_allclose(chain.q_all(q), configuration, rtol=0, atol=1e-12)
    pose = memory.oMf[tool].homogeneous
    np.testing.assert_allclose(forward_kinematics(chain, q), pose, rtol=0, atol=1e-9 * scale)
    exact = jacobian(chain, *chain.place(q))
    np.testing.assert_allclose(exact, theirs.reshape(6, -1) @ factors, rtol=0, atol=1e-9 * scale)


@few
@given(data=st.data())
def test_components_and_batches_are_placed_alike(mixed_chains, data):
    chain = data.draw(mixed_chains)
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    q = rng.uniform(chain.lower, chain.upper, (3, len(chain)))
    for single, *parts in zip(q, *chain.place(q), strict=True):
        plain = chain.placed(single.tolist(), math)
        np.testing.assert_allclose(parts, plain, rtol=1e-15, atol=1e-15)
    walked = frames(chain, *chain.placed(q[0].tolist(), math))
    columns = np.array(jacobian_columns(walked)).T
    np.testing.assert_allclose(columns, jacobian(chain, *chain.place(q))[0], atol=1e-9)


@few
@given(data=st.data())
def test_the_tool_of_any_chain_stays_within_reach(mixed_chains, data):
    chain = data.draw(mixed_chains)
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    q = rng.uniform(chain.lower, chain.upper, (20, len(chain)))
    away = forward_kinematics(chain, q)[:, :3, 3] - chain.segments[0].origin[:3, 3]
    assert np.linalg.norm(away, axis=-1).max() <= chain.reach * (1 + 1e-12) + ATOL


class Symbol:
    """A component that cannot be computed with, so that only folding can succeed."""

    def __neg__(self):
        return "negated"


class TestFolding:
    def test_constants_fold_away(self):
        s = Symbol()
        assert mul(0.0, s) == mul(s, 0.0) == 0.0
        assert mul(1.0, s) is mul(s, 1.0) is s
        assert mul(-1.0, s) == mul(s, -1.0) == "negated"
        assert add(0.0, s) is add(s, 0.0) is s
        assert sub(s, 0.0) is s
        assert sub(0.0, s) == "negated"

    def test_everything_else_is_arithmetic(self):
        assert mul(2.0, 3.0) == 6.0
        assert add(2.0, 3.0) == 5.0
        assert sub(2.0, 3.0) == -1.0
        assert dot([1.0, 2.0, 3.0], [4.0, 5.0, 6.0]) == 32.0
        assert dot([], []) == 0.0
        assert cross((1.0, 2.0, 3.0), (4.0, 5.0, 6.0)) == (-3.0, 6.0, -3.0)

    def test_a_joint_about_z_with_right_angles_costs_no_constant_products(self):
        """Only the sine and cosine of the one joint remain in the result."""
        s, c = Symbol(), Symbol()
        chain = Chain(
            "one", (Joint("a", np.eye(4), np.array([0.0, 0.0, 1.0]), -1.0, 1.0),), np.eye(4)
        )
        walked = frames(chain, [s], [c])
        assert walked.rotation == ((c, s, 0.0), ("negated", c, 0.0), (0.0, 0.0, 1.0))
        assert walked.position == (0.0, 0.0, 0.0)
