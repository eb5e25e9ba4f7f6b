"""What is looked at follows the solver, and says what is so."""

import numpy as np
import pytest

from edge_ik.arms.load import load_arm
from edge_ik_tools.view.session import Session, spaced
from firmware_host import EdgeIkError, IkSolver
from firmware_host.kinematics import forward_kinematics


@pytest.fixture
def session(source_root):
    solver = IkSolver.load(source_root / "artifacts" / "arm3" / "arm3-int8.tflite", "reference")
    return Session(solver.chain, solver.home, solver)


def test_it_begins_at_home_with_the_target_at_the_tool(session):
    np.testing.assert_array_equal(session.q, session.solver.home)
    np.testing.assert_allclose(session.target_pose, session.pose)


def test_an_aim_is_answered_from_where_the_joints_are(session):
    pose = session.pose
    pose[:3, 3] += [0.02, 0.03, -0.04]
    answer = session.aim(pose)
    assert answer.status.value == "solved"
    np.testing.assert_allclose(session.pose[:3, 3], pose[:3, 3], atol=1e-5)
    told = session.figures()
    assert told["status"] == "solved"
    assert "nearest limit" in told


def test_joints_that_are_moved_take_the_target_along(session):
    q = session.q + np.array([0.3, -0.2, 0.1])
    session.move(q)
    np.testing.assert_allclose(session.target_pose, forward_kinematics(session.chain, q))
    session.move(q + 100)
    assert session.chain.within_limits(session.q)


def test_every_branch_has_a_ghost(session):
    (ghost,) = session.ghosts()
    assert ghost.solved
    assert (ghost.number, ghost.name) == (0, session.solver.branches[0])


def test_steps_make_the_cloud_better(session):
    cloud = session.cloud(300)
    assert cloud.points.shape == (300, 3)
    assert cloud.errors.shape == (session.solver.refine_steps + 1, 300)
    assert (np.diff(cloud.errors, axis=0) <= 0).all()
    assert cloud.errors[-1].max() < 1e-4 < np.median(cloud.errors[0])
    np.testing.assert_array_equal(cloud.errors, session.cloud(300).errors)


def test_the_cloud_is_of_the_head_that_the_network_trusts_most(source_root):
    solver = IkSolver.load(source_root / "artifacts" / "so101" / "so101-axis-int8.tflite")
    chain = solver.chain
    cloud = Session(chain, solver.home, solver).cloud(500)
    q = np.random.default_rng(0).uniform(chain.lower, chain.upper, (500, len(chain)))
    targets = solver.problem.reached_by(q)
    guesses = solver.seeder.guesses(targets)
    alone = solver.forward(guesses.seeds(guesses.order[:, 0])) - solver.forward(q)
    np.testing.assert_allclose(cloud.errors[0], np.linalg.norm(alone[:, :3, 3], axis=1), atol=1e-9)
    refined = solver.solve_batch(targets, branch="any").position_error_m
    np.testing.assert_allclose(cloud.errors[-1], refined, atol=1e-9)


def test_a_path_is_followed_to_its_end(session):
    start = session.pose[:3, 3]
    corners = start + np.array([[0.0, 0.0, 0.0], [0.0, 0.05, 0.0], [0.0, 0.05, 0.05]])
    points = spaced(corners, 0.005)
    assert np.linalg.norm(np.diff(points, axis=0), axis=1).max() <= 0.005 + 1e-12
    path = session.follow(points)
    assert path.solved.all()
    np.testing.assert_allclose(session.pose[:3, 3], corners[-1], atol=1e-4)
    np.testing.assert_array_equal(session.q, path.q[-1])


def test_the_figures_after_a_path_are_those_of_its_last_place(session):
    session.aim(session.pose)
    here = session.pose[:3, 3]
    path = session.follow(here + np.array([[0.0, 0.0, 0.0], [0.9, 0.0, 0.0]]))
    assert path.solved.tolist() == [True, False]
    told = session.figures()
    assert told["status"] == "unreachable"
    assert told["error"] == f"{1e3 * path.position_error_m[-1]:.4f} mm"
    np.testing.assert_array_equal(session.q, path.q[-1])
    np.testing.assert_array_equal(session.follow(here[None]).q[-1], session.answer.q)


def test_the_joint_nearest_to_a_limit_is_told(session):
    chain = session.chain
    q = chain.middle.copy()
    q[1] = chain.upper[1] - 0.01 * (chain.upper[1] - chain.lower[1])
    session.move(q)
    name, left = session.margin()
    assert name == chain.joint_names[1]
    assert left == pytest.approx(0.01)


def test_a_robot_alone_has_joints_and_no_answers():
    chain = load_arm("leg3")
    session = Session(chain, chain.middle)
    assert session.aim(session.pose) is None
    assert session.ghosts() == []
    assert set(session.figures()) == {"nearest limit"}
    for ask in (lambda: session.cloud(10), lambda: session.follow(np.zeros((2, 3)))):
        with pytest.raises(EdgeIkError, match="needs a model"):
            ask()
