"""Where the parts of a robot are drawn, against kinematics of single postures."""

import numpy as np
import pytest

from edge_ik_tools.report.measuring.geometry import ARC_SHARE, skeleton, skeletons
from firmware_host.kinematics import forward_kinematics


@pytest.fixture
def posture(other_arm):
    rng = np.random.default_rng(4)
    return rng.uniform(other_arm.lower, other_arm.upper)


def test_a_skeleton_ends_where_the_tool_is(other_arm, posture):
    found = skeleton(other_arm, posture)
    pose = forward_kinematics(other_arm, posture)
    np.testing.assert_allclose(found.points[-1], pose[:3, 3], atol=1e-12)
    assert found.points.shape == (len(other_arm.segments) + 2, 3)
    axes = found.tool[:, 1] - found.tool[:, 0]
    np.testing.assert_allclose(
        axes / np.linalg.norm(axes, axis=1)[:, None], pose[:3, :3].T, atol=1e-12
    )


def test_skeletons_are_those_of_single_postures(other_arm):
    q = np.random.default_rng(1).uniform(other_arm.lower, other_arm.upper, (5, len(other_arm)))
    found = skeletons(other_arm, q)
    for row, points in zip(q, found, strict=True):
        np.testing.assert_allclose(points, skeleton(other_arm, row).points, atol=1e-12)


def test_an_arc_leads_where_the_joint_leads(other_arm, posture):
    """Moved to a limit, what a joint carries points to the end of its arc."""
    found = skeleton(other_arm, posture)
    for index, segment in enumerate(other_arm.segments):
        if segment.slides or sum(each.leader == segment.leader for each in other_arm.segments) > 1:
            continue
        moved = posture.copy()
        moved[segment.leader] = other_arm.upper[segment.leader]
        joint = found.points[index + 1]
        axis = found.axes[index, 1] - found.axes[index, 0]
        axis /= np.linalg.norm(axis)
        for before, after in zip(
            found.points[index + 2 :], skeleton(other_arm, moved).points[index + 2 :], strict=True
        ):
            lever = (before - joint) - ((before - joint) @ axis) * axis
            if np.linalg.norm(lever) > 1e-6:
                turned = (after - joint) - ((after - joint) @ axis) * axis
                end = (found.ranges[index][-1] - joint) / (ARC_SHARE * other_arm.reach)
                np.testing.assert_allclose(end, turned / np.linalg.norm(turned), atol=1e-9)
                break


def test_a_range_of_a_sliding_joint_is_its_way(other_arms):
    chain = other_arms["gantry"]
    found = skeleton(chain, chain.middle)
    for index in range(3):
        low, high = found.ranges[index]
        assert np.linalg.norm(high - low) == pytest.approx(chain.upper[index] - chain.lower[index])
        np.testing.assert_allclose((low + high) / 2, found.points[index + 1], atol=1e-12)
