"""Tasks: errors in a sound metric, and rows of J that are their derivatives."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from firmware_host.chain import Chain, Joint
from firmware_host.errors import ConfigError
from firmware_host.kinematics import forward_kinematics
from firmware_host.problem import IkProblem
from firmware_host.tasks import PLANES, POSE, POSITION, TASKS, TOOL_AXES, make_task
from firmware_host.tasks.plane_angle import AzimuthPlane, PlaneAngle
from firmware_host.tasks.targets import checked_target

EVERY_TASK = [
    make_task(name, axis, plane)
    for name, kind in TASKS.items()
    for axis in (TOOL_AXES if kind.directs else TOOL_AXES[:1])
    for plane in (PLANES if kind.in_plane else PLANES[:1])
]
tasks = st.sampled_from(EVERY_TASK)


def assume_an_angle(problem, *configurations):
    """Only configurations whose tool axis has an angle, and a place that has an azimuth."""
    orientation = problem.task.orientation
    if not isinstance(orientation, PlaneAngle):
        return
    for q in configurations:
        pose = forward_kinematics(problem.chain, q)
        place = [pose[axis, 3] for axis in problem.task.place]
        parts = [np.dot(f, pose[:3, orientation.axis]) for f in orientation.plane.axes(place)]
        assume(np.hypot(*parts) > 0.05)
        if isinstance(orientation.plane, AzimuthPlane):
            assume(np.hypot(*(pose[:2, 3] - orientation.plane.center)) > 0.05)


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
    assume_an_angle(problem, q)
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
    assume_an_angle(problem, q)
    target = problem.reached_by(q)
    J = problem.jacobian(np.sin(q), np.cos(q))
    assert J.shape == (task.rows, problem.joints)
    step = 1e-6
    for index, dq in enumerate(step * np.eye(problem.joints)):
        change = error(problem, q + dq, target) - error(problem, q - dq, target)
        np.testing.assert_allclose(change / (2 * step), -J[:, index], atol=1e-6, rtol=1e-5)


@given(data=st.data(), task=tasks)
def test_the_error_is_half_the_gradient_of_its_square_to_first_order(chains, angles, data, task):
    """J^T e is the direction in which the squared error falls fastest."""
    problem = IkProblem(data.draw(chains), task)
    q = data.draw(angles(problem.joints))
    rng = data.draw(st.integers(0, 2**32 - 1).map(np.random.default_rng))
    other = q + rng.uniform(-1, 1, problem.joints)
    assume_an_angle(problem, q, other)
    target = problem.reached_by(other)
    walked = problem.walked(np.sin(q), np.cos(q))
    columns = problem.task.columns(problem.length, walked, target)
    J = np.array([[float(part) for part in column] for column in columns]).T
    if isinstance(problem.task.orientation, PlaneAngle):
        # The angle is that in the target's plane.
        first, second = problem.task.orientation.plane.axes(problem.task.split(target)[0])
        a = [float(part) for part in walked.rotation[problem.task.orientation.axis]]
        assume(np.hypot(np.dot(first, a), np.dot(second, a)) > 0.05)
    expected = -2 * J.T @ error(problem, q, target)
    step = 1e-6
    gradient = [
        (squared(problem, q + dq, target) - squared(problem, q - dq, target)) / (2 * step)
        for dq in step * np.eye(problem.joints)
    ]
    scale = 1 + problem.chain.reach**2
    np.testing.assert_allclose(gradient, expected, atol=1e-6 * scale)


def test_what_is_no_task_is_told():
    with pytest.raises(ConfigError, match="position, axis, pose, pitch, yaw, planar, planar_pose"):
        make_task("orientation")
    with pytest.raises(ConfigError, match="x, y, z"):
        make_task("axis", "w")
    with pytest.raises(ConfigError, match="xy, xz, yz"):
        make_task("planar", plane="zz")
    assert make_task("pose", "x") == POSE


def test_every_task_is_made_again_from_its_name_and_options():
    assert {task.name for task in EVERY_TASK} == set(TASKS)
    for task in EVERY_TASK:
        assert make_task(task.name, **task.options()) == task
        assert TASKS[task.name].rows == task.rows
    assert POSITION.options() == POSE.options() == {}
    assert make_task("planar_pose", "y", "xz").options() == {"tool_axis": "y", "plane": "xz"}


@pytest.mark.parametrize("task", EVERY_TASK)
def test_a_task_says_what_its_components_are(task, arm3):
    assert task.component_names[: len(task.place)] == tuple(TOOL_AXES[k] for k in task.place)
    assert len(task.component_names) == task.size
    assert task.has_orientation == (task.rows > len(task.place))
    assert task.component_words.startswith(task.coordinates)
    assert "tool" in task.describe()
    assert task.coordinates in task.flat_words
    problem = IkProblem(arm3, task)
    assert problem.default_steps == (4 if task.has_orientation or task.rows < 3 else 3)


@pytest.mark.parametrize("task", EVERY_TASK)
def test_what_users_give_is_what_they_get(task):
    """Rows and poses become components, and components become what users give again."""
    chain = _six_joints()
    task = task.on(chain)
    q = np.random.default_rng(0).uniform(chain.lower, chain.upper, (50, 6))
    reached = IkProblem(chain, task).reached_by(q)
    again = checked_target(task.given(reached), batch=True, task=task)
    np.testing.assert_allclose(again, reached, atol=1e-9)
    if task.has_orientation:
        poses = forward_kinematics(chain, q)
        np.testing.assert_allclose(checked_target(poses, batch=True, task=task), reached, atol=1e-9)
    positions = task.positions(reached)
    np.testing.assert_array_equal(positions[:, list(task.place)], reached[:, : len(task.place)])
    assert np.count_nonzero(positions[0]) == len(task.place)
    assert task.position(reached[0].tolist()) == positions[0].tolist()


def _six_joints():
    joints = []
    for index in range(6):
        origin = np.eye(4)
        origin[:3, 3] = 0.1, 0.05, 0.2
        axis = np.eye(3)[(2, 1, 1, 0, 1, 0)[index]]
        joints.append(Joint(f"j{index}", origin, axis, -2.0, 2.0))
    tool = np.eye(4)
    tool[:3, 3] = 0.1, 0.0, 0.1
    return Chain("six", tuple(joints), tool)
