"""Weighted least squares of whole poses: against finite differences, and within the limits."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_host.adapters.weighted import WeightedPose, weighed
from firmware_host.kinematics import forward_kinematics


def cost_of(chain, q, pose, position_weight, orientation_weight):
    """The cost by its definition: squared distance, and the squared angle by the trace."""
    found = forward_kinematics(chain, q)
    distance = np.linalg.norm(found[:3, 3] - pose[:3, 3])
    cosine = (np.trace(found[:3, :3].T @ pose[:3, :3]) - 1) / 2
    angle = math.acos(min(max(cosine, -1), 1))
    most = max(position_weight, orientation_weight)
    return (position_weight * distance**2 + orientation_weight * angle**2) / most


@pytest.mark.parametrize("weights", [(1.0, 0.01), (1.0, 1.0), (2.0, 0.0), (0.0, 3.0)])
def test_no_small_move_within_the_limits_lowers_the_cost(so101, turned, weights):
    """At a least-squares posture the cost rises, or stays, along every joint."""
    steps, rng = WeightedPose(so101), np.random.default_rng(0)
    for q in rng.uniform(so101.lower, so101.upper, (30, 5)) * 0.9:
        pose = turned(forward_kinematics(so101, q), 0.15)
        pose[:3, 3] *= rng.choice([1.0, 1.5, 1e3])
        found = steps.settle(q, pose, weighed(*weights))
        assert so101.within_limits(found.q)
        own = cost_of(so101, found.q, pose, *weights)
        assert own == pytest.approx(found.cost, rel=1e-9, abs=1e-9)
        assert own == pytest.approx(
            steps.cost(found.q, pose, weighed(*weights)), rel=1e-9, abs=1e-9
        )
        assert own <= cost_of(so101, q, pose, *weights)
        for move in np.concatenate([np.eye(5), -np.eye(5)]) * 1e-3:
            moved = np.clip(found.q + move, so101.lower, so101.upper)
            assert cost_of(so101, moved, pose, *weights) >= own * (1 - 1e-12) - 1e-9


@given(data=st.data())
@settings(max_examples=25)
def test_a_pose_of_any_arm_is_reached_from_where_it_is(mixed_chains, data):
    """Joints that turn, slide or follow others: the way back from a small move is found."""
    chain = data.draw(mixed_chains)
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    q = rng.uniform(chain.lower, chain.upper)
    pose = forward_kinematics(chain, q)
    start = q + chain.scales * rng.uniform(-1e-3, 1e-3, len(chain))
    found = WeightedPose(chain).settle(start, pose, weighed(1.0, 1.0))
    assert found.cost <= 1e-12 * max(1.0, chain.reach**2)


def test_joints_that_turn_without_end_are_not_wrapped(make_arm3):
    chain = make_arm3(continuous=True)
    q = np.array([7.0, 0.8, 1.2])
    pose = forward_kinematics(chain, q)
    found = WeightedPose(chain).settle(q + 0.05, pose, weighed(1.0, 0.0))
    np.testing.assert_allclose(found.q, q, atol=1e-5)


def test_a_start_beyond_the_limits_is_brought_within(so101):
    pose = forward_kinematics(so101, so101.upper)
    found = WeightedPose(so101).settle(so101.upper + 0.3, pose, weighed(1.0, 0.01))
    np.testing.assert_allclose(found.q, so101.upper, atol=1e-5)


def test_half_a_turn_away_is_turned_back(so101):
    """Where the rotation's vector is not unique, one of the two is taken."""
    q = np.array([0.0, -0.4, 0.5, 0.7, -1.5])
    pose = forward_kinematics(so101, [*q[:4], q[4] + math.pi])
    found = WeightedPose(so101).settle(q, pose, weighed(1.0, 0.01))
    assert found.angle < math.radians(0.1)
    assert found.distance < 1e-3
