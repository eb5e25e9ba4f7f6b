"""Poses as other libraries have them: their quaternions, and their rigid transforms."""

import numpy as np
import pytest

from edge_ik.arms import load_arm
from firmware_host import track
from firmware_host.errors import TargetError
from firmware_host.kinematics import forward_kinematics
from firmware_host.solver import Status
from firmware_host.tasks import POSE, POSITION, make_task
from firmware_host.tasks.neighbours import real_part_first
from firmware_host.tasks.targets import checked_target


def scipy_rotation():
    return pytest.importorskip("scipy.spatial.transform").Rotation


@pytest.fixture(scope="module")
def poses(transforms):
    """(20, 4, 4) poses in front of a base, drawn with a seed."""
    rng = np.random.default_rng(0)
    result = np.broadcast_to(np.eye(4), (20, 4, 4)).copy()
    q, _ = np.linalg.qr(rng.normal(size=(20, 3, 3)))
    result[:, :3, :3] = q * np.linalg.det(q)[:, None, None]
    result[:, :3, 3] = rng.uniform(-0.5, 0.5, (20, 3))
    return result


@pytest.fixture(scope="module")
def solver(remembering):
    return remembering(load_arm("ur5"), POSE)


@pytest.fixture(scope="module")
def near():
    return np.array([0.1, -1.5, 1.4, -1.3, -1.4, 0.2])


@pytest.fixture(scope="module")
def path(solver, near):
    """(10, 4, 4) poses that the arm reaches one after the other."""
    q = near + np.linspace(0, 0.2, 10)[:, None] * [1, 0.5, -0.5, 1, 1, -1]
    return forward_kinematics(solver.chain, q)


class TestQuaternions:
    def test_scipy_has_the_real_part_last(self, poses):
        flat = np.concatenate(
            [poses[:, :3, 3], scipy_rotation().from_matrix(poses[:, :3, :3]).as_quat()], axis=1
        )
        found = checked_target(
            real_part_first(flat, "xyzw", POSE, batch=True), batch=True, task=POSE
        )
        np.testing.assert_allclose(found, checked_target(poses, batch=True, task=POSE), atol=1e-12)
        for row, pose in zip(flat, poses, strict=True):
            single = checked_target(real_part_first(row.tolist(), "xyzw", POSE), task=POSE)
            np.testing.assert_allclose(single, checked_target(pose, task=POSE), atol=1e-12)

    def test_mujoco_has_it_first(self, poses):
        mujoco = pytest.importorskip("mujoco")
        for pose in poses:
            quaternion = np.empty(4)
            mujoco.mju_mat2Quat(quaternion, pose[:3, :3].flatten())
            found = checked_target([*pose[:3, 3], *quaternion], task=POSE)
            np.testing.assert_allclose(found, checked_target(pose, task=POSE), atol=1e-12)

    def test_solvers_take_either(self, solver, near, path):
        turned = scipy_rotation().from_matrix(path[:, :3, :3]).as_quat()
        for quaternion, order in (("xyzw", [0, 1, 2, 3]), ("wxyz", [3, 0, 1, 2])):
            flat = np.concatenate([path[:, :3, 3], turned[:, order]], axis=1)
            single = solver.solve(flat[1], near, quaternion=quaternion)
            np.testing.assert_allclose(single.q, solver.solve(path[1], near).q, atol=1e-9)
            batch = solver.solve_batch(flat, near, quaternion=quaternion)
            np.testing.assert_allclose(batch.q, solver.solve_batch(path, near).q, atol=1e-9)
            assert (batch.status == Status.SOLVED).all()
            # The first steps suffice, or the network must be asked: both are told the order.
            for target in (flat[1], flat[9]):
                tracked = solver.track(target, near, quaternion=quaternion)
                assert tracked.status is Status.SOLVED
            unstarted = solver.track(flat[0], quaternion=quaternion)
            np.testing.assert_allclose(unstarted.q, solver.track(path[0]).q, atol=1e-9)
            followed = track(solver, flat, near, quaternion=quaternion)
            np.testing.assert_allclose(followed.q, track(solver, path, near).q, atol=1e-9)
            assert followed.solved.all()

    def test_an_order_that_there_is_not_is_refused(self, solver):
        with pytest.raises(TargetError, match=r"wxyz.*xyzw"):
            solver.solve([0.3, 0.1, 0.2, 1, 0, 0, 0], quaternion="zyxw")

    def test_a_target_without_one_is_what_it_was(self):
        target = [0.1, 0.2, 0.3]
        np.testing.assert_array_equal(real_part_first(target, "xyzw", POSITION), target)
        for given in ([*target, 0, 0, 1], np.eye(4), "quaternion", [[1], [1, 2]], np.full(7, 1j)):
            same = real_part_first(given, "xyzw", make_task("axis"))
            assert np.array_equal(np.asarray(same, object), np.asarray(given, object))
        np.testing.assert_array_equal(real_part_first(np.eye(4), "xyzw", POSE), np.eye(4))


def pinocchio_transform(pose):
    pinocchio = pytest.importorskip("pinocchio")
    return pinocchio.SE3(np.ascontiguousarray(pose[:3, :3]), pose[:3, 3])


def spatialmath_transform(pose):
    return pytest.importorskip("spatialmath").SE3(pose)


def mink_transform(pose):
    return pytest.importorskip("mink").SE3.from_matrix(pose)


def jaxlie_transform(pose):
    return pytest.importorskip("jaxlie").SE3.from_matrix(pose)


def scipy_transform(pose):
    transform = pytest.importorskip("scipy.spatial.transform")
    if not hasattr(transform, "RigidTransform"):
        pytest.skip("RigidTransform is of SciPy 1.16")
    return transform.RigidTransform.from_matrix(pose)


class Homogeneous:
    """What Pinocchio's looks like, where no library is installed."""

    def __init__(self, pose):
        self.homogeneous = pose


TRANSFORMS = [
    Homogeneous,
    pinocchio_transform,
    spatialmath_transform,
    mink_transform,
    jaxlie_transform,
    scipy_transform,
]


@pytest.mark.parametrize("transform", TRANSFORMS)
class TestTransforms:
    # jaxlie computes in single precision.
    close = 1e-6

    def test_one_is_read_as_its_matrix(self, transform, poses):
        for task in (POSE, make_task("axis")):
            for pose in poses:
                found = checked_target(transform(pose), task=task)
                expected = checked_target(pose, task=task)
                np.testing.assert_allclose(found, expected, atol=self.close)

    def test_a_list_of_them_is_a_batch_and_so_is_one(self, transform, poses):
        expected = checked_target(poses, batch=True, task=POSE)
        for form in (list, tuple):
            several = form(map(transform, poses))
            found = checked_target(several, batch=True, task=POSE)
            np.testing.assert_allclose(found, expected, atol=self.close)
        alone = checked_target(transform(poses[0]), batch=True, task=POSE)
        np.testing.assert_allclose(alone, expected[:1], atol=self.close)

    def test_solvers_take_them(self, transform, solver, near, path):
        several = list(map(transform, path))
        single, tracked = solver.solve(several[1], near), solver.track(several[1], near)
        batch, followed = solver.solve_batch(several, near), track(solver, several, near)
        for answers in (batch.q, followed.q):
            reached = forward_kinematics(solver.chain, answers)
            np.testing.assert_allclose(reached, path, atol=1e-4)
        for answer in (single, tracked):
            reached = forward_kinematics(solver.chain, answer.q)
            np.testing.assert_allclose(reached, path[1], atol=1e-4)

    def test_a_position_has_no_place_for_it(self, transform, poses):
        with pytest.raises(TargetError, match=r"shape \(3,\).*shape \(4, 4\)"):
            checked_target(transform(poses[0]), task=POSITION)


def test_transforms_in_one_object_are_a_batch(poses):
    spatialmath = pytest.importorskip("spatialmath")
    found = checked_target(spatialmath.SE3(list(poses)), batch=True, task=POSE)
    np.testing.assert_allclose(found, checked_target(poses, batch=True, task=POSE), atol=1e-12)
    with pytest.raises(TargetError, match="20, 4, 4"):
        checked_target(spatialmath.SE3(list(poses)), task=POSE)


def test_a_rotation_alone_is_no_pose(poses):
    with pytest.raises(TargetError, match="shape"):
        checked_target(scipy_rotation().from_matrix(poses[0, :3, :3]), task=POSE)
