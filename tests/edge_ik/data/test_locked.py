"""Branches of arms with joints to spare: the shorter arm is the same arm."""

import numpy as np
import pytest

pytest.importorskip("scipy")

from edge_ik.arms import builtin_arms, load_arm
from edge_ik.data import locked as module
from edge_ik.data.locked import find_branches, locked_chain, sample_branches
from firmware_host.kinematics import forward_kinematics
from firmware_host.problem import IkProblem
from firmware_host.tasks import POSITION

pytestmark = pytest.mark.tensorflow


def pose(chain, q):
    return forward_kinematics(chain, q)


@pytest.mark.parametrize(("name", "locked"), [("panda", (2,)), ("panda", (6,)), ("so101", (0, 3))])
def test_the_chain_with_joints_locked_reaches_the_same_poses(name, locked):
    chain = load_arm(name)
    rng = np.random.default_rng(0)
    q = rng.uniform(chain.lower, chain.upper, (20, len(chain)))
    q[:, list(locked)] = q[0, list(locked)]
    fixed = np.zeros(len(chain))
    fixed[list(locked)] = q[0, list(locked)]
    shorter = locked_chain(chain, locked, fixed)
    free = [index for index in range(len(chain)) if index not in locked]
    assert shorter.joint_names == tuple(chain.joint_names[index] for index in free)
    np.testing.assert_allclose(pose(shorter, q[:, free]), pose(chain, q), atol=1e-12)


@pytest.fixture(scope="module")
def branches():
    """Of so101 for positions, from a glance."""
    patch = pytest.MonkeyPatch()
    patch.setattr(module, "LOCKED_VALUES", 3)
    patch.setattr(module, "COVER_TARGETS", 300)
    patch.setattr(module, "CHOICE_TARGETS", 60)
    home = np.array(builtin_arms()["so101"].home)
    problem = IkProblem(load_arm("so101"), POSITION)
    yield find_branches(problem, home, 0.02, np.random.default_rng(0))
    patch.undo()


def test_several_branches_reach_more_than_the_first(branches):
    found, covered = branches
    assert 2 <= len(found) <= module.MOST_BRANCHES
    assert len({branch.name for branch in found}) == len(found)
    assert covered > 0.8


def test_samples_hold_the_limits_and_the_locked_joints(branches):
    found, _ = branches
    chain = load_arm("so101")
    q, number = sample_branches(found, 400, np.random.default_rng(1))
    assert chain.within_limits(q).all()
    for index, branch in enumerate(found):
        own = q[number == index]
        assert len(own) == 400 // len(found)
        locked = [joint for joint in range(len(chain)) if joint not in branch.free]
        np.testing.assert_array_equal(
            own[:, locked], np.tile(branch.q_locked[locked], (len(own), 1))
        )
        assert branch.region.contains(own[:, list(branch.free)]).all()
