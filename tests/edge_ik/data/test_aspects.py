"""Aspects: the regions of joint space in which det J keeps its sign."""

import functools
import math

import numpy as np
import pytest

pytest.importorskip("scipy")

from edge_ik.arms import builtin_arms, load_arm
from edge_ik.data import aspects
from edge_ik.data.aspects import (
    MARGIN,
    check_home,
    find_region,
    nonsingular_posture,
    within_one_turn,
)
from edge_ik.data.region import position_determinant
from firmware_host.chain import Chain, Joint
from firmware_host.errors import RobotError
from firmware_host.problem import IkProblem
from firmware_host.tasks import POSE, POSITION, make_task

pytestmark = pytest.mark.tensorflow  # the URDF library comes with the same extra

LINK = 0.25


def rng(seed=0):
    return np.random.default_rng(seed)


@functools.cache
def home_aspect(name, task=POSITION):
    return find_region(IkProblem(load_arm(name), task), builtin_arms()[name].home, rng())


def uniform(chain, count=20_000, seed=7):
    return rng(seed).uniform(chain.lower, chain.upper, (count, len(chain)))


def shifted(x=0.0, y=0.0, z=0.0):
    transform = np.eye(4)
    transform[:3, 3] = x, y, z
    return transform


def elbow_arm(shoulder, elbow, yaw=(-math.pi, math.pi), kind="revolute"):
    """arm3 with other limits."""
    joints = (
        Joint("yaw", shifted(z=0.15), np.array([0.0, 0.0, 1.0]), *yaw, kind),
        Joint("shoulder", np.eye(4), np.array([0.0, -1.0, 0.0]), *shoulder),
        Joint("elbow", shifted(x=LINK), np.array([0.0, 1.0, 0.0]), *elbow),
    )
    return Chain("elbow_arm", joints, shifted(x=LINK))


def radial(q):
    """Signed distance (N,) of the tool from the yaw axis [m]."""
    return LINK * (np.cos(q[:, 1]) + np.cos(q[:, 1] - q[:, 2]))


class TestHomeAspect:
    @pytest.mark.parametrize("name", ["arm3", "leg3", "a1_leg"])
    def test_it_contains_home(self, name):
        aspect = home_aspect(name)
        assert aspect.contains(np.array([builtin_arms()[name].home])).all()
        assert aspect.sign * position_determinant(aspect.chain, aspect.home) > 0

    def test_leg3_has_one_or_more_and_keeps_the_margin(self):
        aspect = home_aspect("leg3")
        inside = uniform(aspect.chain)
        inside = inside[aspect.contains(inside)]
        assert len(inside) > 1000
        signed = aspect.sign * position_determinant(aspect.chain, inside)
        assert signed.min() >= aspect.least_determinant

    def test_membership_is_the_sign_structure_of_arm3(self):
        aspect = home_aspect("arm3")
        q = uniform(aspect.chain)
        inside = aspect.contains(q)
        structure = (np.sin(q[:, 2]) > 0) & (radial(q) > 0)
        assert not np.any(inside & ~structure)
        determinant = np.abs(position_determinant(aspect.chain, q))
        away = determinant >= aspect.least_determinant
        assert np.mean(inside != (structure & away)) < 1e-3

    def test_the_margin_is_a_share_of_the_largest_determinant(self, monkeypatch):
        chain = load_arm("arm3")
        largest = np.abs(position_determinant(chain, uniform(chain, 100_000))).max()
        assert home_aspect("arm3").least_determinant == pytest.approx(MARGIN * largest, rel=0.02)
        monkeypatch.setattr(aspects, "MARGIN", 0.3)
        wide = home_aspect.__wrapped__("arm3")
        assert wide.least_determinant == pytest.approx(0.3 * largest, rel=0.02)

    def test_only_the_joints_that_move_the_determinant_count(self):
        assert home_aspect("arm3").joints == (1, 2)

    def test_the_same_samples_give_the_same_aspect(self):
        first, second = (home_aspect.__wrapped__("leg3") for _ in range(2))
        np.testing.assert_array_equal(first.labels, second.labels)
        assert first.least_determinant == second.least_determinant

    @pytest.mark.parametrize("kind", ["revolute", "continuous"])
    def test_regions_of_the_same_sign_are_told_apart(self, kind):
        """Reaching backward over the head with the elbow down has the sign of home's det J."""
        chain = elbow_arm((-0.2, math.pi + 0.2), (-2.5, 2.5), kind=kind)
        aspect = find_region(IkProblem(chain, POSITION), (0.0, 0.85, 1.375), rng())
        q = uniform(chain)
        determinant = aspect.sign * position_determinant(chain, q)
        candidates = q[determinant >= aspect.least_determinant]
        inside = aspect.contains(candidates)
        elbow_up = (np.sin(candidates[:, 2]) > 0) & (radial(candidates) > 0)
        elbow_down_behind = (np.sin(candidates[:, 2]) < 0) & (radial(candidates) < 0)
        assert np.all(elbow_up | elbow_down_behind)
        assert elbow_up.sum() > 500
        assert elbow_down_behind.sum() > 500
        assert aspect.count == 4
        assert np.mean(inside != elbow_up) < 1e-3

    def test_a_continuous_joint_that_moves_the_determinant_joins_its_ends(self):
        """With the first joint lying, det J depends on a joint that turns without end."""
        lying = np.array([1.0, 0.0, 0.0])
        joints = (
            Joint("roll", np.eye(4), lying, -1.0, 1.0),
            Joint("turn", shifted(y=0.3), np.array([0.0, 0.0, 1.0]), -1.0, 1.0, "continuous"),
            Joint("swing", shifted(x=0.1, z=0.2), np.array([0.0, 1.0, 0.0]), 0.3, 1.2),
        )
        chain = Chain("turning", joints, shifted(x=0.05, z=0.3))
        posture = nonsingular_posture(IkProblem(chain, POSITION), rng())
        aspect = find_region(IkProblem(chain, POSITION), posture, rng())
        assert 1 in aspect.joints
        turned = uniform(chain, 5000)
        ends = np.stack([turned, turned])
        ends[0, :, 1], ends[1, :, 1] = -math.pi, math.pi
        np.testing.assert_array_equal(aspect.contains(ends[0]), aspect.contains(ends[1]))


class TestRefusals:
    def test_fewer_joints_than_the_task_takes(self):
        chain = load_arm("so101")
        with pytest.raises(RobotError, match=r"has 5 moving joints.*at least 6.*--task axis") as it:
            find_region(IkProblem(chain, POSE), np.zeros(5), rng())
        assert all(name in str(it.value) for name in chain.joint_names)
        assert it.value.element == chain.name

    def test_a_robot_that_cannot_move_in_three_directions(self):
        axis = np.array([0.0, 0.0, 1.0])
        joints = tuple(Joint(name, shifted(x=0.2), axis, -1.0, 1.0) for name in "abc")
        with pytest.raises(RobotError, match="det J is 0 everywhere"):
            find_region(
                IkProblem(Chain("flat", joints, shifted(x=0.2)), POSITION),
                np.zeros(3),
                rng(),
            )

    def test_a_tool_on_the_last_axis(self):
        chain = load_arm("arm3")
        blunt = Chain("blunt", chain.joints, np.eye(4))
        with pytest.raises(RobotError, match="off the last joint's axis"):
            find_region(IkProblem(blunt, POSITION), builtin_arms()["arm3"].home, rng())

    @pytest.mark.parametrize(
        "home", [(0.0, 2.5, 1.0), (0.0, 0.5, 0.0), (0.0, 0.5), [[0.0, 0.5, 1.0]]]
    )
    def test_a_home_outside_the_limits(self, home):
        with pytest.raises(RobotError, match="not within its joint limits"):
            find_region(IkProblem(load_arm("arm3"), POSITION), home, rng())

    def test_a_home_near_a_singularity(self):
        chain = elbow_arm(shoulder=(-0.2, 1.9), elbow=(0.0, 2.6))
        with pytest.raises(RobotError, match=r"too near a singularity.*'arm\.home'"):
            find_region(IkProblem(chain, POSITION), (0.0, 0.5, 0.001), rng())

    def test_joints_to_spare_have_no_branch_of_their_own(self):
        problem = IkProblem(load_arm("panda"), POSE)
        with pytest.raises(RobotError, match=r"7 joints for a task of 6 rows.*--branches all"):
            find_region(problem, builtin_arms()["panda"].home, rng())


class TestNonsingularPosture:
    @pytest.mark.parametrize("name", ["arm3", "leg3", "a1_leg"])
    def test_it_can_be_a_home(self, name):
        chain = load_arm(name)
        posture = nonsingular_posture(IkProblem(chain, POSITION), rng())
        assert chain.within_limits(posture)
        largest = np.abs(position_determinant(chain, uniform(chain))).max()
        assert abs(position_determinant(chain, posture)) >= 0.45 * largest
        find_region(IkProblem(chain, POSITION), posture, rng())

    def test_the_middle_of_the_limits_wins_if_it_is_good(self):
        chain = elbow_arm((0.0, 0.8), (1.0, 2.0))
        np.testing.assert_array_equal(
            nonsingular_posture(IkProblem(chain, POSITION), rng()), chain.middle
        )

    def test_any_other_number_of_joints_gets_the_middle(self):
        chain = load_arm("ur5")
        np.testing.assert_array_equal(
            nonsingular_posture(IkProblem(chain, POSITION), rng()), chain.middle
        )


class TestWholeTurns:
    def test_limits_wider_than_a_turn_count_each_aspect_once(self):
        wide = elbow_arm(shoulder=(-10, 10), elbow=(-10, 10))
        turn = elbow_arm(shoulder=(-math.pi, math.pi), elbow=(-math.pi, math.pi))
        home = (0.0, 0.85, 1.375)
        assert (
            find_region(IkProblem(wide, POSITION), home, rng()).count
            == find_region(IkProblem(turn, POSITION), home, rng()).count
            == 4
        )

    def test_the_turn_lies_around_home_and_within_the_limits(self):
        wide = elbow_arm(shoulder=(-10, 10), elbow=(2.0, 10.0))
        narrow = within_one_turn(wide, np.array([0.0, 9.0, 5.0]))
        assert np.allclose(narrow.upper - narrow.lower, 2 * math.pi)
        assert (narrow.lower >= wide.lower).all()
        assert (narrow.upper <= wide.upper).all()
        assert narrow.within_limits([0.0, 9.0, 5.0])

    def test_narrower_limits_stay(self):
        arm = elbow_arm(shoulder=(-0.2, 1.9), elbow=(0.15, 2.6))
        narrow = within_one_turn(arm, np.array([0.0, 0.85, 1.375]))
        assert np.array_equal(narrow.lower, arm.lower)
        assert np.array_equal(narrow.upper, arm.upper)


class TestEveryAspect:
    def test_ur5_has_its_eight_and_each_is_pure(self):
        """det J of UR5 is sin(elbow) sin(wrist 2) times a third factor: each sign counts.

        Where two factors are 0 together, det J keeps its sign on the way across: a few in
        ten thousand configurations near such a corner go to the aspect beyond it.
        """
        region = home_aspect("ur5", POSE)
        assert region.count == 8
        q = uniform(region.chain, 5000)
        number = region.classify(q)
        J = region.problem.jacobian(np.sin(q), np.cos(q))
        factors = [np.linalg.det(J), np.sin(q[:, 2]), np.sin(q[:, 4])]
        structure = np.array([1, 2, 4]) @ (np.array(factors) > 0)
        own = set()
        for aspect in range(8):
            counted = np.bincount(structure[number == aspect], minlength=8)
            own.add(int(counted.argmax()))
            assert counted.max() >= 0.995 * counted.sum()
        assert own == set(range(8))
        assert np.mean(number < 0) < 0.1
        assert region.joints == (1, 2, 3, 4)

    @pytest.mark.parametrize(("name", "task"), [("ur5", POSE), ("leg3", POSITION)])
    def test_home_is_number_0_and_the_region_is_that_aspect(self, name, task):
        region = home_aspect(name, task)
        assert region.classify(region.home[None]).tolist() == [0]
        q = uniform(region.chain, 3000)
        number = region.classify(q)
        np.testing.assert_array_equal(region.contains(q), number == 0)
        assert set(range(region.count)) <= set(number)

    @pytest.mark.parametrize(("name", "task"), [("ur5", POSE), ("so101", make_task("axis", "z"))])
    def test_joints_that_do_not_count_may_take_any_angle(self, name, task):
        region = home_aspect(name, task)
        q = uniform(region.chain, 300)
        turned = q.copy()
        turned[:, 0] = uniform(region.chain, 300, seed=9)[:, 0]
        np.testing.assert_array_equal(region.classify(q), region.classify(turned))


class TestHome:
    @pytest.mark.parametrize("home", [(0.0, 2.5, 1.0), (0.0, 0.5), (0.0, math.nan, 1.0)])
    def test_one_that_is_not_within_the_limits_is_refused(self, home):
        with pytest.raises(RobotError, match="not within its joint limits"):
            check_home(load_arm("arm3"), home)

    @pytest.mark.parametrize("name", ["arm3", "panda", "ur5"])
    def test_a_robot_s_own_is_taken(self, name):
        check_home(load_arm(name), builtin_arms()[name].home)
