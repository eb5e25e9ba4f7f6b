"""LeRobot's interface: against placo on the same URDF, called as LeRobot calls it."""

import copy
import math
import pickle
from shlex import quote

import numpy as np
import pytest

from edge_ik.arms import builtin_arms
from firmware_host.adapters import RobotKinematics
from firmware_host.errors import ConfigError, TargetError

FRAME = "gripper_frame_link"
MOTORS = ["shoulder_pan", "shoulder_lift", "elbow_flex", "wrist_flex", "wrist_roll"]
LEROBOT_WEIGHTS = (1.0, 0.01)
# Calls of one step each, after which placo moves no further.
SETTLED_CALLS = 60


@pytest.fixture(scope="module")
def kinematics(so101_solver):
    return RobotKinematics(so101_solver)


@pytest.fixture(scope="module")
def limits(so101):
    return np.degrees(so101.lower), np.degrees(so101.upper)


class Placo:
    """What LeRobot's class does: one step of a frame task in a call, from given joints."""

    def __init__(self, path):
        placo = pytest.importorskip("placo")
        self.robot = placo.RobotWrapper(str(path))
        self.solver = placo.KinematicsSolver(self.robot)
        self.solver.mask_fbase(True)
        self.names = list(self.robot.joint_names())
        self.task = self.solver.add_frame_task(FRAME, np.eye(4))

    def _put(self, joints):
        for name, joint in zip(self.names, np.deg2rad(joints), strict=True):
            self.robot.set_joint(name, joint)
        self.robot.update_kinematics()

    def forward_kinematics(self, joints):
        self._put(joints)
        return self.robot.get_T_world_frame(FRAME)

    def inverse_kinematics(self, joints, pose, position_weight=1.0, orientation_weight=0.01):
        self._put(joints)
        self.task.T_world_frame = pose
        self.task.configure(FRAME, "soft", position_weight, orientation_weight)
        self.solver.solve(True)
        self.robot.update_kinematics()
        return np.rad2deg([self.robot.get_joint(name) for name in self.names])

    def settled(self, joints, pose, *weights):
        for _ in range(SETTLED_CALLS):
            joints = self.inverse_kinematics(joints, pose, *weights)
        return joints


@pytest.fixture(scope="module")
def placo(tmp_path_factory):
    path = tmp_path_factory.mktemp("urdf") / "so101.urdf"
    path.write_bytes(builtin_arms()["so101"].urdf())
    return Placo(path)


def draw(limits, count, seed=0):
    return np.random.default_rng(seed).uniform(*limits, (count, 5))


def errors(kinematics, joints, pose):
    """Distance [m] and angle [rad] of what joints [deg] reach from a pose."""
    found = kinematics.forward_kinematics(joints)
    cosine = (np.trace(found[:3, :3].T @ pose[:3, :3]) - 1) / 2
    return np.linalg.norm(found[:3, 3] - pose[:3, 3]), math.acos(min(max(cosine, -1), 1))


def cost(kinematics, joints, pose, position_weight, orientation_weight):
    distance, angle = errors(kinematics, joints, pose)
    return position_weight * distance**2 + orientation_weight * angle**2


class TestBesidePlaco:
    def test_forward_kinematics_are_the_same(self, kinematics, placo, limits):
        assert placo.names == kinematics.joint_names == MOTORS
        for joints in draw(limits, 20):
            ours = kinematics.forward_kinematics(joints)
            np.testing.assert_allclose(ours, placo.forward_kinematics(joints), atol=1e-12)

    def test_a_pose_within_reach_gives_the_same_joints(self, kinematics, placo, limits):
        rng = np.random.default_rng(1)
        for joints in draw(limits, 20):
            pose = placo.forward_kinematics(joints)
            present = np.clip(joints + rng.uniform(-5, 5, 5), *limits)
            ours = kinematics.inverse_kinematics(present, pose)
            np.testing.assert_allclose(ours, placo.settled(present, pose), atol=1e-3)
            np.testing.assert_allclose(ours, joints, atol=1e-3)

    @pytest.mark.parametrize("weights", [LEROBOT_WEIGHTS, (1.0, 1.0)])
    def test_of_a_pose_out_of_reach_the_same_compromise_is_found(
        self, kinematics, placo, limits, turned, weights
    ):
        """The gripper is to look past the arm's plane, where five joints cannot turn it."""
        same = 0
        poses = draw(limits, 20)
        for joints in poses:
            pose = turned(placo.forward_kinematics(joints), math.radians(5))
            ours = kinematics.inverse_kinematics(joints, pose, *weights)
            theirs = placo.settled(joints, pose, *weights)
            best = cost(kinematics, theirs, pose, *weights)
            assert cost(kinematics, ours, pose, *weights) <= 1.001 * best + 1e-9
            same += np.abs(ours - theirs).max() < 0.1
        assert same >= 0.9 * len(poses)

    def test_from_afar_we_reach_what_placo_is_stuck_before(self, kinematics, placo, limits):
        reached = {"ours": 0, "placo": 0}
        goals, starts = draw(limits, 30, seed=2), draw(limits, 30, seed=3)
        for start, goal in zip(starts, goals, strict=True):
            pose = placo.forward_kinematics(goal)
            for name, joints in (
                ("ours", kinematics.inverse_kinematics(start, pose)),
                ("placo", placo.settled(start, pose)),
            ):
                distance, angle = errors(kinematics, joints, pose)
                reached[name] += distance < 1e-3 and angle < 2e-3
        assert reached["ours"] > reached["placo"]
        # A network that knows the axis leads further than one that knows the position.
        share = 0.9 if kinematics.solver.task.has_orientation else 0.6
        assert reached["ours"] >= share * len(goals)


def test_a_path_is_followed_without_jumps(kinematics, limits):
    """LeRobot's loop: each answer is where the next call starts."""
    joints = np.array([0.0, -23.0, 29.0, 40.0, 0.0])
    for turn in np.linspace(0, 2 * np.pi, 40):
        pose = kinematics.forward_kinematics([0.0, -23.0, 29.0, 40.0, 30 * math.sin(turn)])
        pose[:3, 3] += [0.0, 0.05 * math.sin(turn), 0.03 * (math.cos(turn) - 1)]
        found = kinematics.inverse_kinematics(joints, pose)
        assert np.abs(found - joints).max() < 15
        assert (found >= limits[0]).all()
        assert (found <= limits[1]).all()
        distance, _ = errors(kinematics, found, pose)
        assert distance < 0.01
        joints = found


def test_without_orientation_the_position_is_reached(kinematics, limits, turned):
    rng = np.random.default_rng(4)
    for joints in draw(limits, 10):
        pose = turned(kinematics.forward_kinematics(joints), 1.0)
        present = np.clip(joints + rng.uniform(-10, 10, 5), *limits)
        found = kinematics.inverse_kinematics(present, pose, orientation_weight=0.0)
        assert errors(kinematics, found, pose)[0] < 1e-3


@pytest.mark.parametrize("far", [0.6, 1.0, 20.0, 1000.0])
def test_toward_a_place_far_away_the_arm_is_stretched(kinematics, limits, far):
    """However far it is: the tool is about as far out as in any of many postures."""
    outward = np.array([math.cos(0.7), math.sin(0.7), 0.2]) / math.hypot(1.0, 0.2)
    pose = np.eye(4)
    pose[:3, 3] = far * outward
    present = np.array([90.0, -60.0, 60.0, 30.0, 0.0])
    found = kinematics.inverse_kinematics(present, pose, orientation_weight=0.0)
    assert (found >= limits[0]).all()
    assert (found <= limits[1]).all()
    others = kinematics.solver.forward(np.radians(draw(limits, 20_000)))[:, :3, 3]
    least = np.linalg.norm(others - pose[:3, 3], axis=-1).min()
    assert errors(kinematics, found, pose)[0] <= least + 1e-3


def test_ten_degrees_too_much_are_what_the_docstring_says(kinematics, turned):
    joints = np.array([0.0, -23.0, 29.0, 40.0, 0.0])
    pose = turned(kinematics.forward_kinematics(joints), math.radians(10))
    found = kinematics.inverse_kinematics(joints, pose)
    distance, angle = errors(kinematics, found, pose)
    assert 1e3 * distance == pytest.approx(3, abs=0.5)
    assert math.degrees(angle) == pytest.approx(6, abs=0.5)
    exact = kinematics.inverse_kinematics(joints, pose, orientation_weight=0.0)
    assert errors(kinematics, exact, pose)[0] < 1e-6


class TestJoints:
    names = (*MOTORS, "gripper")

    def test_a_gripper_is_passed_through_among_the_names_and_behind_them(self, so101_solver):
        joints = np.array([10.0, -20.0, 30.0, 40.0, 5.0, 77.0])
        plain = RobotKinematics(so101_solver)
        named = RobotKinematics(so101_solver, joint_names=self.names)
        pose = plain.forward_kinematics(joints[:5] + 1.0)
        for kinematics in (plain, named):
            np.testing.assert_allclose(
                kinematics.forward_kinematics(joints),
                plain.forward_kinematics(joints[:5]),
                atol=1e-15,
            )
            found = kinematics.inverse_kinematics(joints, pose)
            assert found.shape == (6,)
            assert found[5] == 77.0
            np.testing.assert_allclose(found[:5], joints[:5] + 1.0, atol=1e-3)
        assert plain.inverse_kinematics(joints[:5], pose).shape == (5,)
        np.testing.assert_array_equal(joints, [10.0, -20.0, 30.0, 40.0, 5.0, 77.0])

    def test_joints_may_stand_in_any_order_and_be_whole_numbers(self, so101_solver):
        plain = RobotKinematics(so101_solver)
        turned = RobotKinematics(so101_solver, joint_names=self.names[::-1])
        joints = [10, -20, 30, 40, 5]
        pose = plain.forward_kinematics(np.add(joints, 2))
        expected = plain.inverse_kinematics(joints, pose)
        found = turned.inverse_kinematics([50, *joints[::-1]], pose)
        np.testing.assert_allclose(found, [50, *expected[::-1]], atol=1e-9)

    def test_what_is_not_the_models_is_refused(self, so101_solver):
        with pytest.raises(ConfigError, match="gripper_frame_link"):
            RobotKinematics(so101_solver, "tool0")
        with pytest.raises(ConfigError, match="none called wrist_roll"):
            RobotKinematics(so101_solver, joint_names=MOTORS[:4])

    @pytest.mark.parametrize("joints", [[1.0] * 4, [math.nan] * 5, [[0.0] * 5], "joints"])
    def test_what_are_no_joints_is_refused(self, kinematics, joints):
        with pytest.raises(TargetError):
            kinematics.forward_kinematics(joints)
        with pytest.raises(TargetError):
            kinematics.inverse_kinematics(joints, np.eye(4))

    @pytest.mark.parametrize("weights", [(-1.0, 0.0), (0.0, 0.0), (math.nan, 1.0), ("a", 1.0)])
    def test_weights_that_weigh_nothing_are_refused(self, kinematics, weights):
        with pytest.raises(TargetError, match="weight"):
            kinematics.inverse_kinematics([0.0] * 5, np.eye(4), *weights)

    def test_a_pose_must_be_one(self, kinematics):
        for pose in (2 * np.eye(4), np.full((4, 4), math.inf), [1.0, 2.0, 3.0]):
            with pytest.raises(TargetError):
                kinematics.inverse_kinematics([0.0] * 5, pose)


def test_it_goes_to_other_processes(planar_model):
    kinematics = RobotKinematics(planar_model, target_frame_name="tool")
    pose = kinematics.forward_kinematics([20.0, 60.0])
    for copied in (pickle.loads(pickle.dumps(kinematics)), copy.deepcopy(kinematics)):
        np.testing.assert_array_equal(
            copied.inverse_kinematics([15.0, 70.0], pose),
            kinematics.inverse_kinematics([15.0, 70.0], pose),
        )


def test_a_model_file_is_loaded_and_a_urdf_is_told_apart(planar_model, tmp_path):
    kinematics = RobotKinematics(planar_model, "tool")
    assert kinematics.joint_names == ["inner", "outer"]
    pose = kinematics.forward_kinematics([20.0, 60.0])
    found = kinematics.inverse_kinematics([15.0, 70.0], pose)
    np.testing.assert_allclose(found, [20.0, 60.0], atol=1e-3)
    for name in ("so101.urdf", "my arm.URDF", "so101.xacro"):
        urdf = tmp_path / name
        urdf.write_bytes(builtin_arms()["so101"].urdf())
        with pytest.raises(ConfigError) as told:
            RobotKinematics(urdf)
        assert f"edge-ik train --arm {quote(str(urdf))} --task axis" in str(told.value)
