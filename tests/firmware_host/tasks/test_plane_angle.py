"""Angles of a tool axis in a plane: yaw, pitch, and the angle of a planar arm."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from firmware_host.chain import Chain, Joint
from firmware_host.errors import ConfigError, TargetError
from firmware_host.kinematics import forward_kinematics
from firmware_host.problem import IkProblem
from firmware_host.solving.refine import refine
from firmware_host.tasks import PLANES, make_task
from firmware_host.tasks.plane_angle import AzimuthPlane, BasePlane
from firmware_host.tasks.targets import checked_target

generators = st.integers(0, 2**32 - 1).map(np.random.default_rng)


def bending_arm(center=(0.0, 0.0)):
    """A joint about the vertical, then three that pitch: its tool stays in a vertical plane."""

    def joint(name, axis, offset, room):
        origin = np.eye(4)
        origin[:3, 3] = offset
        return Joint(name, origin, np.array(axis, float), -room, room)

    tool = np.eye(4)
    tool[0, 3] = 0.1
    return Chain(
        "bending",
        (
            joint("yaw", [0, 0, 1], [*center, 0.1], math.pi),
            joint("shoulder", [0, -1, 0], [0, 0, 0.05], 2.0),
            joint("elbow", [0, -1, 0], [0.2, 0, 0], 2.5),
            joint("wrist", [0, -1, 0], [0.2, 0, 0], 6.0),
        ),
        tool,
    )


@pytest.mark.parametrize("plane", PLANES)
def test_a_base_plane_s_angle_counts_from_its_first_axis_to_its_second(chains, plane):
    first, second = BasePlane(plane).indices
    task = make_task("planar_pose", "y", plane)
    rng = np.random.default_rng(0)
    chain = bending_arm()
    poses = forward_kinematics(chain, rng.uniform(chain.lower, chain.upper, (50, 4)))
    rows = task.given(checked_target(poses, batch=True, task=task))
    expected = np.arctan2(poses[:, second, 1], poses[:, first, 1])
    np.testing.assert_allclose(rows[:, :2], poses[:, [first, second], 3])
    np.testing.assert_allclose(np.exp(1j * rows[:, 2]), np.exp(1j * expected), atol=1e-9)


@given(rng=generators)
def test_pitch_is_the_sum_of_the_joints_that_pitch(rng):
    """Also beyond the vertical, where the elevation alone would turn back."""
    chain = bending_arm((0.03, -0.02))
    q = rng.uniform(chain.lower, chain.upper)
    task = IkProblem(chain, make_task("pitch", "x")).task
    pose = forward_kinematics(chain, q)
    outward = math.cos(q[1]) * 0.2 + math.cos(q[1] + q[2]) * 0.2 + math.cos(q[1:].sum()) * 0.1
    assume(abs(outward) > 1e-3)
    (row,) = task.given(checked_target(pose, task=task)[None])
    # Where the arm reaches over its own vertical, outward is the other way.
    pitch = q[1:].sum() if outward > 0 else math.pi - q[1:].sum()
    assert math.remainder(row[3] - pitch, 2 * math.pi) == pytest.approx(0, abs=1e-6)


def test_pitch_of_an_axis_aside_is_that_of_its_projection():
    task = make_task("pitch", "x")
    pose = np.eye(4)
    pose[:3, 3] = 0.5, 0.0, 0.2
    direction = np.array([0.5, 0.7, 0.5]) / np.linalg.norm([0.5, 0.7, 0.5])
    pose[:3, 0] = direction
    pose[:3, 1] = np.cross([0, 0, 1], direction) / np.linalg.norm(np.cross([0, 0, 1], direction))
    pose[:3, 2] = np.cross(pose[:3, 0], pose[:3, 1])
    row = checked_target(pose, task=task)
    np.testing.assert_allclose(row, [0.5, 0, 0.2, math.sqrt(0.5), math.sqrt(0.5)], atol=1e-9)


def test_an_axis_across_the_plane_has_no_angle():
    pose = np.eye(4)
    pose[:3, 3] = 0.5, 0.0, 0.2
    with pytest.raises(TargetError, match="Expected an orientation"):
        checked_target(pose, task=make_task("pitch", "y"))
    with pytest.raises(TargetError, match="Expected an orientation"):
        checked_target(pose, task=make_task("yaw", "z"))


@given(rng=generators, angle=st.floats(-10, 10))
def test_its_error_is_the_angle_between_them(rng, angle):
    chain = bending_arm()
    problem = IkProblem(chain, make_task("pitch", "x"))
    q = rng.uniform(chain.lower, chain.upper)
    target = problem.reached_by(q)
    assume(math.hypot(*target[:2]) > 1e-3)
    own = math.atan2(target[4], target[3])
    turned = [*target[:3], math.cos(own + angle), math.sin(own + angle)]
    distance, measured = problem.errors(q, np.array(turned))
    assert distance == 0
    assert measured == pytest.approx(abs(math.remainder(angle, 2 * math.pi)), abs=1e-6)


@pytest.mark.parametrize("degrees", [-180, -90, -89.9, 0, 45, 90, 135])
def test_steps_converge_quadratically_whatever_the_pitch(degrees):
    chain = bending_arm()
    problem = IkProblem(chain, make_task("pitch", "x"))
    rng = np.random.default_rng(0)
    q = rng.uniform([-3, 0.4, -1.6, 0], [3, 1.0, -0.6, 0], (300, 4))
    q[:, 3] = math.radians(degrees) - q[:, 1] - q[:, 2]
    targets = problem.reached_by(q)
    seeds = q + rng.uniform(-0.05, 0.05, q.shape)
    first, second, third = (refine(problem, seeds, targets, n)[1].max() for n in (1, 2, 3))
    assert third < 1e-6
    # Where an error were flat, its steps would halve it and no more.
    assert third < 0.05 * second < 0.05 * 0.2 * first


def test_the_vertical_is_the_first_joint_s_axis_where_that_is_upright(make_arm3, chains):
    task = make_task("pitch", "x")
    assert task.on(bending_arm((0.3, 0.1))).orientation.plane == AzimuthPlane((0.3, 0.1))
    leg = make_arm3()
    lying = Chain("lying", leg.joints[1:], leg.tool)
    assert task.on(lying).orientation.plane == AzimuthPlane()
    assert make_task("yaw").on(lying) == make_task("yaw")


def test_another_plane_is_refused():
    with pytest.raises(ConfigError, match="xy, xz, yz"):
        BasePlane("zx")


@pytest.mark.parametrize("name", ["yaw", "pitch", "planar_pose"])
def test_turned_components_turn_in_their_plane(name):
    task = make_task(name, "x")
    angles = np.random.default_rng(0).uniform(-3, 3, (10, 1))
    wanted = np.stack(task.orientation.from_flat([angles[:, 0]]), axis=-1)
    spin = np.tile([0.0, 0.0, 0.5], (10, 1))
    after = np.stack(task.orientation.from_flat([angles[:, 0] + 0.5e-6]), axis=-1)
    np.testing.assert_allclose(
        task.orientation.turned(wanted, spin), (after - wanted) / 1e-6, atol=1e-5
    )
    np.testing.assert_allclose(task.orientation.to_flat(wanted), angles)
