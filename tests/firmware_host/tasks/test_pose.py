"""The task "pose": an angle between orientations, and joints that turn along."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_host.chain import Chain, Joint
from firmware_host.problem import IkProblem
from firmware_host.tasks import POSE


def rotation(axis, angle):
    x, y, z = axis / np.linalg.norm(axis)
    skew = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + math.sin(angle) * skew + (1 - math.cos(angle)) * skew @ skew


@given(angle=st.floats(1e-6, math.pi), seed=st.integers(0, 2**32 - 1))
def test_orientation_errors_grow_with_the_angle_up_to_half_a_turn(angle, seed):
    rng = np.random.default_rng(seed)
    tool = np.eye(4)
    tool[:3, :3] = rotation(rng.normal(size=3), rng.uniform(0, 3))
    tool[0, 3] = 0.3
    problem = IkProblem(_single(tool), POSE)
    q = np.zeros(1)
    target = problem.reached_by(q)
    turned = np.concatenate(
        [target[:3], (rotation(rng.normal(size=3), angle) @ target[3:].reshape(3, 3).T).T.ravel()]
    )
    distance, measured = problem.errors(q, turned)
    assert distance < 1e-12
    # The arc sine is flat at half a turn.
    assert measured == pytest.approx(angle, abs=1e-6)
    chord = problem.length**2 * 4 * math.sin(angle / 2) ** 2
    squared = float(problem.squared_error(problem.walked(np.sin(q), np.cos(q)), turned))
    assert squared == pytest.approx(chord, rel=1e-6, abs=1e-18)


def _single(tool):
    offset = np.eye(4)
    offset[2, 3] = 0.2
    return Chain("one", (Joint("turn", offset, np.array([0.0, 0.0, 1.0]), -3.0, 3.0),), tool)


def test_the_first_and_the_last_joint_turn_along(arm3):
    assert POSE.turning_joints(arm3) == (0, 2)
    assert set(IkProblem(arm3, POSE).encode([0.3, 0, 0.2, *np.eye(3).ravel()]).turns) == {0, 2}
