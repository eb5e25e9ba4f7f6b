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
        first.name, mount @ first.origin, first.axis, first.lower, first.upper, first.continuous
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
