"""Tasks: errors in a sound metric, and rows of J that are their derivatives."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_host.errors import ConfigError
from firmware_host.problem import IkProblem
from firmware_host.tasks import POSE, POSITION, TASKS, TOOL_AXES, Axis, make_task

EVERY_TASK = [POSITION, Axis(0), Axis(1), Axis(2), POSE]
tasks = st.sampled_from(EVERY_TASK)


def error(problem, q, target):
    walked = problem.walked(np.sin(q), np.cos(q))
    parts = problem.task.error(problem.length, walked, target)
    return np.array([np.float64(part) for part in parts])


def squared(problem, q, target):
    return float(problem.squared_error(problem.walked(np.sin(q), np.cos(q)), target))


@given(data=st.data(), task=tasks)
def test_at_the_target_there_is_no_error(chains, angles, data, task):
    problem = IkProblem(data.draw(chains), task)
    q = data.draw(angles(problem.joints))
    target = problem.reached_by(q)
    assert len(target) == len(task.component_names)
    np.testing.assert_allclose(error(problem, q, target), 0, atol=1e-12)
    assert squared(problem, q, target) < 1e-20
    assert all(part < 1e-7 for part in problem.errors(q, target))


@given(data=st.data(), task=tasks)
def test_the_jacobian_is_the_derivative_of_the_error(chains, angles, data, task):
    """de = -J dq at the target, where the error is linear in the joints."""
    problem = IkProblem(data.draw(chains), task)
    q = data.draw(angles(problem.joints))
    target = problem.reached_by(q)
    J = problem.jacobian(np.sin(q), np.cos(q))
    assert J.shape == (task.rows, problem.joints)
    step = 1e-6
    for index, dq in enumerate(step * np.eye(problem.joints)):
        change = error(problem, q + dq, target) - error(problem, q - dq, target)
        np.testing.assert_allclose(change / (2 * step), -J[:, index], atol=1e-6)


@given(data=st.data(), task=tasks)
def test_the_error_is_half_the_gradient_of_its_square_to_first_order(chains, angles, data, task):
    """J^T e is the direction in which the squared error falls fastest."""
    problem = IkProblem(data.draw(chains), task)
    q = data.draw(angles(problem.joints))
    rng = data.draw(st.integers(0, 2**32 - 1).map(np.random.default_rng))
    target = problem.reached_by(q + rng.uniform(-1, 1, problem.joints))
    J = problem.jacobian(np.sin(q), np.cos(q))
    expected = -2 * J.T @ error(problem, q, target)
    step = 1e-6
    gradient = [
        (squared(problem, q + dq, target) - squared(problem, q - dq, target)) / (2 * step)
        for dq in step * np.eye(problem.joints)
    ]
    scale = 1 + problem.chain.reach**2
    np.testing.assert_allclose(gradient, expected, atol=1e-6 * scale)


def test_what_is_no_task_is_told():
    with pytest.raises(ConfigError, match="position, axis, pose"):
        make_task("orientation")
    with pytest.raises(ConfigError, match="x, y, z"):
        make_task("axis", "w")
    assert make_task("pose", "x") == POSE


def test_every_task_is_made_again_from_its_name_and_options():
    assert {task.name for task in EVERY_TASK} == set(TASKS)
    for task in EVERY_TASK:
        assert make_task(task.name, **task.options()) == task
    for index, name in enumerate(TOOL_AXES):
        assert make_task("axis", name) == Axis(index)


@pytest.mark.parametrize("task", EVERY_TASK)
def test_a_task_says_what_its_components_are(task):
    assert task.component_names[:3] == ("x", "y", "z")
    assert len(task.component_names) == 3 + 3 * len(task.directions)
    assert task.has_orientation == bool(task.directions)
    assert task.component_words.startswith("x, y, z")
    assert "tool" in task.describe()
