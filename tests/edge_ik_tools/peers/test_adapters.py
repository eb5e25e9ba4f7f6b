"""Other solvers, where they are installed: each answers for the robot as it is."""

import numpy as np
import pytest

from edge_ik.arms import builtin_arms, load_arm
from edge_ik_tools.peers.adapters import ADAPTERS, peers
from edge_ik_tools.peers.urdf_text import TIP, chain_urdf
from firmware_host.kinematics import forward_kinematics
from firmware_host.problem import IkProblem
from firmware_host.tasks import POSE, POSITION, make_task

ARMS = [("ur5", POSE), ("arm3", POSITION), ("so101", make_task("axis"))]


@pytest.mark.parametrize("name", ["arm3", "ur5", "panda", "so101"])
def test_a_chain_written_as_urdf_is_the_same_robot(name, tmp_path):
    pinocchio = pytest.importorskip("pinocchio")
    chain = load_arm(name)
    model = pinocchio.buildModelFromXML(chain_urdf(chain))
    data = model.createData()
    rng = np.random.default_rng(0)
    for q in rng.uniform(chain.lower, chain.upper, (10, len(chain))):
        pinocchio.framesForwardKinematics(model, data, q)
        found = data.oMf[model.getFrameId(TIP)].homogeneous
        np.testing.assert_allclose(found, forward_kinematics(chain, q), atol=1e-12)
    np.testing.assert_allclose(model.lowerPositionLimit, chain.lower, atol=1e-12)


@pytest.mark.parametrize(("name", "task"), ARMS)
def test_a_peer_that_answers_reaches_the_target(name, task):
    """From a start near the solution all of them must find it."""
    problem = IkProblem(load_arm(name), task)
    home = np.array(builtin_arms()[name].home)
    rng = np.random.default_rng(0)
    targets = problem.reached_by(home + rng.uniform(-0.1, 0.1, (5, problem.joints)))
    for package, peer in peers(problem, home):
        if isinstance(peer, str):
            assert peer
            continue
        for target in targets:
            answer = peer.answer(target)
            assert answer is not None, package
            distance, angle = problem.errors(answer, target)
            assert distance < 1e-3, package
            assert angle < 2e-3, package


def test_peers_answer_for_joints_that_slide_and_none_for_those_that_follow(other_arms):
    chain = other_arms["cylindrical"]
    problem = IkProblem(chain, POSITION)
    targets = problem.reached_by(chain.middle + np.array([[0.1, 0.05, -0.05], [-0.1, -0.05, 0.05]]))
    found = dict(peers(problem, chain.middle))
    assert isinstance(found["eaik"], str)
    asked = {package: peer for package, peer in found.items() if not isinstance(peer, str)}
    assert asked
    for package, peer in asked.items():
        for target in targets:
            distance, _ = problem.errors(peer.answer(target), target)
            assert distance < 1e-3, package
    linked = dict(peers(IkProblem(other_arms["palletizer"], POSITION), np.zeros(3)))
    assert all("follow" in told or "not installed" in told for told in linked.values())


def test_what_a_package_cannot_do_is_told():
    problem = IkProblem(load_arm("so101"), make_task("axis"))
    found = dict(peers(problem, np.array(builtin_arms()["so101"].home)))
    assert set(found) == set(ADAPTERS)
    assert isinstance(found["eaik"], str)
    assert isinstance(found["pytracik"], str)
    assert isinstance(found["ssik"], str)
