"""The task "axis": one direction counts, and the tool may turn about it."""

import numpy as np
import pytest

from firmware_host.errors import ConfigError
from firmware_host.kinematics import forward_kinematics
from firmware_host.problem import IkProblem
from firmware_host.tasks import Axis


def test_an_axis_may_turn_about_itself(arm3):
    """Of the orientation only the one direction counts."""
    problem = IkProblem(arm3, Axis(2))
    q = np.array([0.3, 0.6, 1.2])
    pose = forward_kinematics(arm3, q)
    target = np.concatenate([pose[:3, 3], pose[:3, 2]])
    assert problem.squared_error(problem.walked(np.sin(q), np.cos(q)), target) < 1e-20
    assert problem.task.component_names[3:] == ("z_x", "z_y", "z_z")


@pytest.mark.parametrize("axis", range(3))
def test_its_angle_is_that_between_the_directions(arm3, axis):
    problem = IkProblem(arm3, Axis(axis))
    rng = np.random.default_rng(axis)
    for q, other in rng.uniform(arm3.lower, arm3.upper, (50, 2, 3)):
        own, wanted = (forward_kinematics(arm3, angles)[:3, axis] for angles in (q, other))
        expected = np.arctan2(np.linalg.norm(np.cross(own, wanted)), own @ wanted)
        _, angle = problem.errors(q, problem.reached_by(other))
        assert angle == pytest.approx(expected, abs=1e-6)


def test_the_first_joint_turns_along(arm3):
    assert Axis(0).turning_joints(arm3) == (0,)
    assert set(IkProblem(arm3, Axis(0)).encode([0.3, 0, 0.2, 0, 0, 1]).turns) == {0}


@pytest.mark.parametrize("axis", [-1, 3])
def test_another_axis_is_refused(axis):
    with pytest.raises(ConfigError, match=f"0, 1 or 2. Received: {axis}"):
        Axis(axis)
