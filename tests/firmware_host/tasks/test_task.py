"""Tasks: errors in a sound metric, and rows of J that are their derivatives."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_host.chain import Chain, Joint
from firmware_host.errors import ConfigError
from firmware_host.kinematics import components, forward_kinematics, frames
from firmware_host.solving.refine import plain_errors, trace_step
from firmware_host.tasks import POSE, POSITION, Task, make_task
from firmware_host.tasks.task import reached_targets, task_errors, task_jacobian

TASKS = [POSITION, Task("axis", 0), Task("axis", 1), Task("axis", 2), POSE]
tasks = st.sampled_from(TASKS)


def reached(chain, task, q):
    return reached_targets(chain, task, np.sin(q), np.cos(q))


def error(chain, task, q, target):
    walked = frames(chain, components(np.sin(q)), components(np.cos(q)))
    return np.array([np.float64(part) for part in task.error(chain, walked, target)])


def squared(chain, task, q, target):
    walked = frames(chain, components(np.sin(q)), components(np.cos(q)))
    return float(task.squared_error(chain, walked, target))


def rotation(axis, angle):
    x, y, z = axis / np.linalg.norm(axis)
    skew = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + math.sin(angle) * skew + (1 - math.cos(angle)) * skew @ skew


@given(data=st.data(), task=tasks)
def test_at_the_target_there_is_no_error(chains, angles, data, task):
    chain = data.draw(chains)
    q = data.draw(angles(len(chain)))
    target = reached(chain, task, q)
    assert len(target) == len(task.component_names)
    np.testing.assert_allclose(error(chain, task, q, target), 0, atol=1e-12)
    assert squared(chain, task, q, target) < 1e-20
    assert all(part < 1e-7 for part in task_errors(chain, task, q, target))


@given(data=st.data(), task=tasks)
def test_the_jacobian_is_the_derivative_of_the_error(chains, angles, data, task):
    """de = -J dq at the target, where the error is linear in the joints."""
    chain = data.draw(chains)
    q = data.draw(angles(len(chain)))
    target = reached(chain, task, q)
    J = task_jacobian(chain, task, np.sin(q), np.cos(q))
    assert J.shape == (task.rows, len(chain))
    step = 1e-6
    for index, dq in enumerate(step * np.eye(len(chain))):
        change = error(chain, task, q + dq, target) - error(chain, task, q - dq, target)
        np.testing.assert_allclose(change / (2 * step), -J[:, index], atol=1e-6)


@given(data=st.data(), task=tasks)
def test_the_error_is_half_the_gradient_of_its_square_to_first_order(chains, angles, data, task):
    """J^T e is the direction in which the squared error falls fastest."""
    chain = data.draw(chains)
    q = data.draw(angles(len(chain)))
    rng = data.draw(st.integers(0, 2**32 - 1).map(np.random.default_rng))
    target = reached(chain, task, q + rng.uniform(-1, 1, len(chain)))
    J = task_jacobian(chain, task, np.sin(q), np.cos(q))
    expected = -2 * J.T @ error(chain, task, q, target)
    step = 1e-6
    gradient = [
        (squared(chain, task, q + dq, target) - squared(chain, task, q - dq, target)) / (2 * step)
        for dq in step * np.eye(len(chain))
    ]
    scale = 1 + chain.reach**2
    np.testing.assert_allclose(gradient, expected, atol=1e-6 * scale)


@given(angle=st.floats(1e-6, math.pi), seed=st.integers(0, 2**32 - 1))
def test_orientation_errors_grow_with_the_angle_up_to_half_a_turn(angle, seed):
    rng = np.random.default_rng(seed)
    tool = np.eye(4)
    tool[:3, :3] = rotation(rng.normal(size=3), rng.uniform(0, 3))
    tool[0, 3] = 0.3
    chain = _single(tool)
    q = np.zeros(1)
    target = reached(chain, POSE, q)
    turned = np.concatenate(
        [target[:3], (rotation(rng.normal(size=3), angle) @ target[3:].reshape(3, 3).T).T.ravel()]
    )
    distance, measured = task_errors(chain, POSE, q, turned)
    assert distance < 1e-12
    # The arc sine is flat at half a turn.
    assert measured == pytest.approx(angle, abs=1e-6)
    chord = POSE.length(chain) ** 2 * 4 * math.sin(angle / 2) ** 2
    assert squared(chain, POSE, q, turned) == pytest.approx(chord, rel=1e-6, abs=1e-18)


def _single(tool):
    offset = np.eye(4)
    offset[2, 3] = 0.2
    return Chain("one", (Joint("turn", offset, np.array([0.0, 0.0, 1.0]), -3.0, 3.0),), tool)


def test_an_axis_may_turn_about_itself(make_arm3):
    """Of the orientation only the one direction counts."""
    chain, task = make_arm3(), Task("axis", 2)
    q = np.array([0.3, 0.6, 1.2])
    pose = forward_kinematics(chain, q)
    target = np.concatenate([pose[:3, 3], pose[:3, 2]])
    assert squared(chain, task, q, target) < 1e-20
    assert task.component_names[3:] == ("z_x", "z_y", "z_z")


@pytest.mark.parametrize("task", TASKS)
def test_a_step_is_traced_without_sines_of_its_own(make_arm3, task):
    step = trace_step(make_arm3(), task)
    assert {operator for _, operator, *_ in step.tape.operations} <= set("+-*/")
    assert len(step.target) == len(task.component_names)
    assert len(step.dq) == 3


@given(data=st.data(), task=tasks)
def test_plain_floats_give_the_same_errors(chains, angles, data, task):
    chain = data.draw(chains)
    q, other = data.draw(angles(len(chain))), data.draw(angles(len(chain)))
    target = reached(chain, task, other)
    plain = plain_errors(chain, task, q.tolist(), target.tolist())
    np.testing.assert_allclose(plain, task_errors(chain, task, q, target), atol=1e-6)


def test_errors_of_many_are_those_of_each(make_arm3):
    chain = make_arm3()
    rng = np.random.default_rng(0)
    q, other = rng.uniform(chain.lower, chain.upper, (2, 20, 3))
    targets = reached(chain, POSE, other)
    distance, angle = task_errors(chain, POSE, q, targets)
    for row in range(20):
        one = task_errors(chain, POSE, q[row], targets[row])
        np.testing.assert_allclose(one, (distance[row], angle[row]), atol=1e-12)


def test_what_is_no_task_is_told():
    with pytest.raises(ConfigError, match="position, axis, pose"):
        make_task("orientation")
    with pytest.raises(ConfigError, match="x, y, z"):
        make_task("axis", "w")
    assert make_task("pose", "x") == POSE
