"""Orientations: one direction may turn about itself, rotations are an angle apart."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_host.chain import Chain, Joint
from firmware_host.errors import ConfigError
from firmware_host.kinematics import forward_kinematics
from firmware_host.problem import IkProblem
from firmware_host.tasks import POSE, make_task
from firmware_host.tasks.orientation import Direction, Free, Rotation


def test_an_axis_may_turn_about_itself(arm3):
    """Of the orientation only the one direction counts."""
    problem = IkProblem(arm3, make_task("axis"))
    q = np.array([0.3, 0.6, 1.2])
    pose = forward_kinematics(arm3, q)
    target = np.concatenate([pose[:3, 3], pose[:3, 2]])
    assert problem.squared_error(problem.walked(np.sin(q), np.cos(q)), target) < 1e-20
    assert problem.task.component_names[3:] == ("z_x", "z_y", "z_z")


@pytest.mark.parametrize("axis", range(3))
def test_its_angle_is_that_between_the_directions(arm3, axis):
    problem = IkProblem(arm3, make_task("axis", "xyz"[axis]))
    rng = np.random.default_rng(axis)
    for q, other in rng.uniform(arm3.lower, arm3.upper, (50, 2, 3)):
        own, wanted = (forward_kinematics(arm3, angles)[:3, axis] for angles in (q, other))
        expected = np.arctan2(np.linalg.norm(np.cross(own, wanted)), own @ wanted)
        _, angle = problem.errors(q, problem.reached_by(other))
        assert angle == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("axis", [-1, 3])
def test_another_axis_is_refused(axis):
    with pytest.raises(ConfigError, match=f"0, 1 or 2. Received: {axis}"):
        Direction(axis)


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


@pytest.mark.parametrize("orientation", [Direction(0), Rotation()])
def test_turned_components_are_those_of_a_tool_that_turns(orientation):
    """The rate of the components is their difference after a small turn."""
    rng = np.random.default_rng(3)
    columns = np.stack([rotation(rng.normal(size=3), rng.uniform(0, 3)) for _ in range(20)])
    spin, small = rng.normal(size=(20, 3)), 1e-6
    turned = np.stack(
        [rotation(w, small * np.linalg.norm(w)) @ R for w, R in zip(spin, columns, strict=True)]
    )
    before, after = (
        np.stack(orientation.from_columns(np.zeros((3, 20)), R.transpose(2, 1, 0)), axis=-1)
        for R in (columns, turned)
    )
    expected = (after - before) / small
    np.testing.assert_allclose(orientation.turned(before, spin), expected, atol=1e-5)


def test_a_free_orientation_says_nothing(arm3):
    q = np.array([0.3, 0.6, 1.2])
    walked = IkProblem(arm3, make_task("position")).walked(np.sin(q), np.cos(q))
    free = Free()
    assert (free.rows, free.size, free.flat_size, free.component_names) == (0, 0, 0, ())
    assert free.reached(walked, walked.position) == []
    assert free.squared(walked, walked.position, []) == 0.0
