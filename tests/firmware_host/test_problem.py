"""One problem: its errors, its step, and what follows from a robot and a task alone."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_host.problem import IkProblem
from firmware_host.tasks import POSE, POSITION, make_task
from firmware_host.tolerances import Tolerance

TASKS = [
    POSITION,
    *(make_task("axis", axis) for axis in "xyz"),
    POSE,
    make_task("pitch", "x"),
    make_task("yaw", "y"),
    make_task("planar", plane="xz"),
    make_task("planar_pose", "z", "yz"),
]
tasks = st.sampled_from(TASKS)
generators = st.integers(0, 2**32 - 1).map(np.random.default_rng)


@settings(max_examples=40)
@given(data=st.data(), task=tasks)
def test_both_dimensions_of_the_system_give_the_same_step(chains, data, task):
    """J^T (J J^T + s I)^-1 e = (J^T J + s I)^-1 J^T e."""
    chain, rng = data.draw(chains), data.draw(generators)
    problem = IkProblem(chain, task)
    q, true = rng.uniform(chain.lower, chain.upper, (2, len(chain)))
    target = problem.reached_by(true)
    _, newton = problem.compiled_step
    damping, floor = 0.5, 1e-3
    squared, *dq = newton(*np.sin(q), *np.cos(q), *target, damping, floor, *problem.unheld)
    walked = problem.walked(np.sin(q), np.cos(q))
    columns = problem.task.columns(problem.length, walked, target)
    J = np.array([[float(part) for part in column] for column in columns]).T
    e = np.array([float(part) for part in problem.task.error(problem.length, walked, target)])
    strength = damping * squared + floor
    for expected in (
        J.T @ np.linalg.solve(J @ J.T + strength * np.eye(task.rows), e),
        np.linalg.solve(J.T @ J + strength * np.eye(len(chain)), J.T @ e),
    ):
        np.testing.assert_allclose(dq, expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("task", TASKS)
def test_a_step_is_traced_without_sines_of_its_own(arm3, task):
    step = IkProblem(arm3, task).trace_step()
    assert {operator for _, operator, *_ in step.tape.operations} <= {*"+-*/", "sqrt"}
    assert len(step.target) == len(task.component_names)
    assert len(step.dq) == 3


@given(data=st.data(), task=tasks)
def test_plain_floats_give_the_same_errors(chains, angles, data, task):
    chain = data.draw(chains)
    problem = IkProblem(chain, task)
    q, other = data.draw(angles(len(chain))), data.draw(angles(len(chain)))
    target = problem.reached_by(other)
    plain = problem.plain_errors(q.tolist(), target.tolist())
    np.testing.assert_allclose(plain, problem.errors(q, target), atol=1e-6)


@pytest.mark.parametrize("task", TASKS)
def test_errors_of_many_are_those_of_each(arm3, task):
    problem = IkProblem(arm3, task)
    rng = np.random.default_rng(0)
    q, other = rng.uniform(arm3.lower, arm3.upper, (2, 20, 3))
    targets = problem.reached_by(other)
    distance, angle = problem.errors(q, targets)
    for row in range(20):
        one = problem.errors(q[row], targets[row])
        np.testing.assert_allclose(one, (distance[row], angle[row]), atol=1e-12)


@given(data=st.data(), task=tasks, finer=st.floats(0.1, 10.0))
def test_solved_is_what_the_tolerance_says_of_the_errors(chains, angles, data, task, finer):
    chain, rng = data.draw(chains), data.draw(generators)
    tolerance = Tolerance(1e-3 * finer, math.radians(0.1 / finer))
    problem = IkProblem(chain, task, tolerance)
    q = data.draw(angles(len(chain)))
    # Steps of about the size of the tolerances: some are reached and some are not.
    others = q + rng.normal(size=(8, len(chain))) * 10.0 ** rng.uniform(-5, -2, (8, 1))
    targets = problem.reached_by(others)
    together = np.broadcast_to(q, others.shape)
    distance, angle = problem.errors(together, targets)
    expected = (distance < 1e-3 * finer) & (angle < math.radians(0.1 / finer))
    solved = problem.is_solved(together, targets)
    np.testing.assert_array_equal(solved, expected)
    for row in range(8):
        assert tolerance.holds(float(distance[row]), float(angle[row])) == expected[row]


def test_what_follows_from_the_robot_and_the_task(arm3):
    reaching, directed = IkProblem(arm3, POSITION), IkProblem(arm3, make_task("axis", "z"))
    assert reaching.joints == 3
    assert (reaching.spare_joints, directed.spare_joints) == (0, 0)
    assert (reaching.default_steps, directed.default_steps) == (3, 4)
    assert reaching.length == pytest.approx(0.3 * 0.5)
    assert len(reaching.feature_names) == 6


def test_joints_to_spare_ask_for_a_step_more(make_arm3):
    arm3 = make_arm3()
    with_wrist = type(arm3)("arm4", (*arm3.joints, _renamed(arm3.joints[2])), arm3.tool)
    problem = IkProblem(with_wrist, POSITION)
    assert problem.spare_joints == 1
    assert problem.default_steps == 4
    assert problem.stops == (1, 2, 3)
    assert len(problem.trace_step().held) == 6


def _renamed(joint):
    return type(joint)("wrist", joint.origin, joint.axis, joint.lower, joint.upper)


def test_features_of_many_are_those_of_each(arm3):
    rng = np.random.default_rng(0)
    for task in TASKS:
        problem = IkProblem(arm3, task)
        targets = problem.reached_by(rng.uniform(arm3.lower, arm3.upper, (20, 3)))
        together = problem.features(targets)
        assert together.shape == (20, len(problem.feature_names))
        alone = [problem.encode(target, math).features for target in targets.tolist()]
        np.testing.assert_allclose(together, alone, atol=1e-12)


def test_a_problem_is_a_value(arm3, make_arm3):
    """It can be a key, as code that is compiled once for each needs it."""
    problem, again = (IkProblem(arm3, make_task("axis", "y")) for _ in range(2))
    assert {problem: 1}[again] == 1
    assert IkProblem(arm3, POSITION) != IkProblem(arm3, POSE)
    assert IkProblem(arm3, POSITION) != IkProblem(make_arm3(), POSITION)
