"""Heads get names from what their postures share, and their shares are measured."""

import math

import numpy as np
import pytest

pytest.importorskip("scipy")

from edge_ik.naming import branch_names, describe_branches
from firmware_host.chain import Chain, Joint
from firmware_host.normalization import Normalization
from firmware_host.problem import IkProblem
from firmware_host.solving.seeding import Seeder
from firmware_host.spec import Branch, ModelSpec, mean_heads
from firmware_host.tasks import POSITION

pytestmark = pytest.mark.tensorflow  # what is imported comes with the same extra

IDENTITY = Normalization((0.0,) * 6, (1.0,) * 6)


def two_ways(shoulder=1.4):
    """A yaw of a turn, a shoulder, and an elbow that bends either way."""

    def joint(name, axis, offset, lower, upper):
        origin = np.eye(4)
        origin[:3, 3] = offset
        return Joint(name, origin, np.array(axis, float), lower, upper)

    tool = np.eye(4)
    tool[0, 3] = 0.25
    joints = (
        joint("yaw", [0, 0, 1], [0, 0, 0.15], -math.pi, math.pi),
        joint("shoulder", [0, -1, 0], [0, 0, 0], -shoulder, shoulder),
        joint("elbow", [0, 1, 0], [0.25, 0, 0], -1.4, 1.4),
    )
    return IkProblem(Chain("two ways", joints, tool), POSITION)


def seeder_of(problem, bends):
    """Heads that know the arm's solutions, each with its elbow to one side."""

    def predict(features):
        x, y, z = (features[:, k].astype(float) for k in range(3))
        radial, height = np.hypot(x, y), z - 0.15
        bend = np.arccos(np.clip((radial**2 + height**2) / 0.125 - 1, -1, 1))
        heads = []
        for side in bends:
            shoulder = np.arctan2(height, radial) + side * bend / 2
            q = np.stack([np.arctan2(y, x), shoulder, side * bend], axis=-1)
            heads += [np.sin(q), np.cos(q)]
        promises = np.zeros((len(x), len(bends)))
        return np.concatenate([*heads, promises], axis=-1).astype(np.float32)

    branches = tuple(Branch(str(number), 0.0, 0.0) for number in range(len(bends)))
    return Seeder(ModelSpec(problem, IDENTITY, (0.0, 0.2, 0.8), branches=branches), predict)


@pytest.fixture(scope="module")
def described():
    return describe_branches(seeder_of(two_ways(), (1, -1)), rng_seed=0)


def test_heads_are_named_by_the_sides_of_their_joints(described):
    names = [branch.name for branch in described]
    assert "elbow+" in names[0].split(",")
    assert "elbow-" in names[1].split(",")
    assert not any("yaw" in name for name in names)


def test_the_shares_of_joint_space_sum_to_1(described):
    assert sum(branch.wins for branch in described) == pytest.approx(1.0)
    assert [branch.wins for branch in described] == pytest.approx([0.5, 0.5], abs=0.02)


def test_targets_reached_are_counted_by_the_refinement(described):
    """Each head reaches what its elbow's side reaches within the shoulder's limits."""
    problem = two_ways()
    chain = problem.chain
    rng = np.random.default_rng(5)
    q = rng.uniform(chain.lower, chain.upper, (4000, 3))
    seeder = seeder_of(problem, (1, -1))
    for number, branch in enumerate(described):
        alone = seeder.seeds(problem.reached_by(q), number)
        assert branch.reaches >= np.mean(problem.is_solved(alone, problem.reached_by(q))) - 0.03
        assert 0.5 < branch.reaches <= 1
    assert 1 < mean_heads(described) <= 2


def test_a_seed_gives_the_same_and_names_are_different(described):
    assert describe_branches(seeder_of(two_ways(), (1, -1)), rng_seed=0) == described
    assert len({branch.name for branch in described}) == 2


def test_heads_that_share_the_same_are_numbered():
    found = describe_branches(seeder_of(two_ways(), (1, -1, 1, 1)), rng_seed=0)
    names = [branch.name for branch in found]
    assert len(set(names)) == 4
    assert sum(branch.wins for branch in found) == pytest.approx(1.0)
    # Of equal answers the first wins all: nothing is shared by the postures of the others.
    assert [branch.wins for branch in found[2:]] == [0, 0]
    assert names[2:] == ["branch#1", "branch#2"]
    assert found[2].reaches == found[0].reaches > 0


class TestNames:
    @pytest.fixture
    def q(self):
        chain = two_ways().chain
        return np.random.default_rng(0).uniform(chain.lower, chain.upper, (5000, 3))

    def test_one_head_is_all(self, q):
        assert branch_names(two_ways(), q, np.zeros(len(q), int), 1) == ("all",)

    def test_where_nothing_is_shared_there_is_a_number(self, q):
        winner = np.random.default_rng(1).integers(0, 3, len(q))
        assert branch_names(two_ways(), q, winner, 3) == ("branch#1", "branch#2", "branch#3")

    def test_several_of_a_kind_are_numbered_and_others_are_not(self, q):
        # The elbow up by the yaw's side, and down: names of sides first, det J's sign behind.
        winner = np.where(q[:, 2] < 0, 2, np.abs(q[:, 0]) > math.pi / 2)
        first, second, third = branch_names(two_ways(), q, winner, 3)
        assert first.endswith("#1")
        assert second.endswith("#2")
        assert first[:-2] == second[:-2]
        assert "elbow+" in first
        assert "elbow-" in third
        assert "#" not in third

    def test_a_side_that_nearly_all_postures_are_on_tells_nothing(self):
        """A shoulder that hardly goes below 0 names no branch."""
        problem = two_ways()
        rng = np.random.default_rng(0)
        q = rng.uniform([-3, -0.05, -1.4], [3, 1.4, 1.4], (5000, 3))
        names = branch_names(problem, q, (q[:, 2] > 0).astype(int), 2)
        assert not any("shoulder" in name for name in names)

    def test_the_sign_of_det_j_tells_where_it_does(self, q):
        """Behind the yaw's axis and with the elbow to either side it changes."""
        problem = two_ways()
        determinant = np.linalg.det(problem.jacobian(np.sin(q), np.cos(q)))
        names = branch_names(problem, q, (determinant < 0).astype(int), 2)
        assert "det+" in names[0]
        assert "det-" in names[1]

    def test_a_joint_to_spare_has_no_det(self):
        from edge_ik.arms import load_arm

        problem = IkProblem(load_arm("so101"), POSITION)
        chain = problem.chain
        q = np.random.default_rng(0).uniform(chain.lower, chain.upper, (2000, 5))
        names = branch_names(problem, q, (q[:, 0] > 0).astype(int), 2)
        assert names == (f"{chain.joint_names[0]}-", f"{chain.joint_names[0]}+")
