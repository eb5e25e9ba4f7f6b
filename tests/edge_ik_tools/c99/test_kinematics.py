"""A robot's C against the host's kinematics in double precision."""

import dataclasses
import math

import numpy as np
import pytest

from edge_ik_tools.c99.kinematics import DAMPING_FLOOR, home32, limits32
from firmware_host.chain import Chain
from firmware_host.errors import ModelFileError
from firmware_host.kinematics import forward_kinematics, jacobian, tool_position
from firmware_host.solver import IkSolver
from firmware_host.solving.refine import DEFAULT_SETTINGS
from firmware_host.tolerances import SOLVED_POSITION

# Half a unit of the last place of 1 in single precision.
EPSILON = 2.0**-24
# Joints of the firmware and of the host [rad].
SAME_JOINTS = 2e-5
COUNTS = [1, 2, 3, 5, 7, 8]
KINDS = {1: ["two turns"], 2: ["continuous", "half"], 3: ["positive turn", "narrow", "backwards"]}


@pytest.fixture(scope="module", params=COUNTS)
def robot(request, random_chain, robot_firmware, stages_of):
    """The stages of a random chain, of right angles and of any by turns."""
    rng = np.random.default_rng(request.param)
    chain = random_chain(rng, request.param, KINDS.get(request.param))
    return stages_of(robot_firmware(chain, rng))


def places(robot, count=500):
    """Joints, their sines and cosines in single precision, and where the tool is."""
    chain = robot.firmware.spec.chain
    q = np.random.default_rng(3).uniform(chain.lower, chain.upper, (count, len(chain)))
    s, c = np.sin(q).astype(np.float32), np.cos(q).astype(np.float32)
    return chain, q, s, c


def room(chain):
    """Rounding of the tool's position: each joint adds that of an arm of the whole length."""
    length = chain.reach + np.linalg.norm(chain.links[0][:3, 3])
    return 8 * EPSILON * (len(chain) + 1) * length


def test_forward_is_the_kinematics_of_the_host(robot):
    chain, q, _, _ = places(robot)
    single = q.astype(np.float32).astype(np.float64)
    expected = forward_kinematics(chain, single)[:, :3]
    found = robot.forward(single)
    # The angle is reduced with a part of a turn that has 24 digits.
    tolerance = 1e-6 * (1 + chain.reach) * len(chain)
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)


def test_distance_is_that_of_the_kinematics(robot):
    chain, _, s, c = places(robot)
    p = tool_position(chain, s.astype(float), c.astype(float))
    target = (p + np.random.default_rng(5).normal(0, 0.1, p.shape)).astype(np.float32)
    e = np.linalg.norm(target - p, axis=1)
    found = np.sqrt(robot.distance(target, s, c).astype(float))
    np.testing.assert_allclose(found, e, rtol=0, atol=room(chain))


def test_a_step_solves_the_damped_equations(robot):
    chain, _, s, c = places(robot)
    sines, cosines = s.astype(float), c.astype(float)
    p = tool_position(chain, sines, cosines)
    target = (p + np.random.default_rng(6).normal(0, 0.05, p.shape)).astype(np.float32)
    dq, squared = robot.step(target, s, c)
    e = target - p
    J = jacobian(chain, sines, cosines)[:, :3]
    floor = max(DEFAULT_SETTINGS.damping_floor, DAMPING_FLOOR * chain.reach**2)
    damping = DEFAULT_SETTINGS.damping * (e**2).sum(axis=1) + floor
    A = J @ J.transpose(0, 2, 1) + damping[:, None, None] * np.eye(3)
    expected = np.einsum("nij,ni->nj", J, np.linalg.solve(A, e[..., None])[..., 0])
    np.testing.assert_allclose(np.sqrt(squared), np.linalg.norm(e, axis=1), atol=room(chain))
    # Rounding grows with the condition of the equations: where that is bad, so is the step.
    condition = np.linalg.cond(A)
    size = np.linalg.norm(expected, axis=1) + np.linalg.norm(dq, axis=1)
    error = np.linalg.norm(dq - expected, axis=1)
    assert np.all(error <= 40 * EPSILON * condition * (size + 0.01))
    assert np.all(np.isfinite(dq))
    # A comparison of anything: the median step is right to four digits.
    assert np.median(error / (size + 1e-9)) < 1e-4


def test_limits_hold_and_the_residual_is_that_of_what_is_returned(robot):
    chain, q, _, _ = places(robot, 2000)
    reachable = tool_position(chain, np.sin(q), np.cos(q))
    anywhere = np.random.default_rng(8).normal(0, 2, (500, 3))
    axis = chain.links[0][:3, 2] * np.linspace(-1, 1, 50)[:, None] + chain.links[0][:3, 3]
    targets = np.concatenate([reachable, anywhere, axis, np.zeros((1, 3))]).astype(np.float32)
    found = robot.solve(targets)
    joints = found.q.astype(np.float64)
    assert np.all((joints >= chain.lower) & (joints <= chain.upper))
    assert chain.within_limits(joints).all()
    p = tool_position(chain, np.sin(joints), np.cos(joints))
    error = np.linalg.norm(p - targets, axis=1)
    # Points on the circle drift a little with each turn.
    np.testing.assert_allclose(found.residual, error, rtol=1e-6, atol=room(chain) + 2e-6)
    np.testing.assert_array_equal(found.status == 0, found.residual < SOLVED_POSITION)
    # What is not reached is judged anew after the steps toward the nearest posture.
    assert np.all(found.residual <= found.seed_residual * (1 + 8 * EPSILON))
    assert set(found.steps.tolist()) == {3.0}
    seed, status = robot.seed(targets)
    assert np.all((seed >= chain.lower) & (seed <= chain.upper))
    start = tool_position(chain, np.sin(seed.astype(float)), np.cos(seed.astype(float)))
    away = np.linalg.norm(start - targets, axis=1)
    np.testing.assert_allclose(found.seed_residual, away, rtol=1e-6, atol=room(chain) + 2e-6)
    clear = np.abs(away - SOLVED_POSITION) > 1e-5
    np.testing.assert_array_equal((status == 0)[clear], (away < SOLVED_POSITION)[clear])


def test_no_move_leaves_the_limits_or_the_circle(robot):
    chain, q, _, _ = places(robot)
    lower, upper = limits32(chain)
    q = np.clip(q, lower, upper).astype(np.float32)
    s, c = np.sin(q), np.cos(q)
    for scale in (1e-3, 0.3, 1e30, math.inf, math.nan):
        dq = (np.random.default_rng(9).choice([-1, 1], q.shape) * scale).astype(np.float32)
        moved, s_moved, c_moved = robot.advance(q, s, c, dq)
        held = np.asarray(~chain.periodic)
        within = (moved >= chain.lower) & (moved <= chain.upper)
        assert np.all(within[:, held])
        assert np.abs(moved - q).max() <= DEFAULT_SETTINGS.max_step + 1e-6
        exact = moved.astype(np.float64)
        np.testing.assert_allclose(s_moved, np.sin(exact), rtol=0, atol=2e-6)
        np.testing.assert_allclose(c_moved, np.cos(exact), rtol=0, atol=2e-6)


def test_features_are_those_of_the_host(robot):
    chain, q, _, _ = places(robot)
    targets = tool_position(chain, np.sin(q), np.cos(q)).astype(np.float32)
    scale, zero_point = robot.firmware.program.input_scale
    spec = robot.firmware.spec
    features = spec.normalization.apply(list(spec.problem.features(targets).T))
    real = np.stack(features, axis=-1) / scale + zero_point
    found = robot.encode(targets).astype(float)
    # Rounding to the nearest integer may fall either way close to a half.
    assert np.abs(np.clip(real, -128, 127) - found).max() <= 0.5 + 2e-3
    assert len(np.unique(found)) > 50


def test_outputs_become_the_joints_that_they_point_to(robot):
    chain = robot.firmware.spec.chain
    n = len(chain)
    y = np.random.default_rng(10).integers(-128, 128, (3000, 2 * n)).astype(np.int8)
    zero = robot.firmware.program.output_scale[1]
    y[0] = zero
    q, s, c = robot.decode(y)
    real = y.astype(float) - zero
    expected = chain.clamp(np.arctan2(real[:, :n], real[:, n:]))
    # Half a turn from the middle of the limits, either limit is as near.
    direction = np.arctan2(real[:, :n], real[:, n:])
    apart = np.remainder(direction - chain.middle, 2 * np.pi)
    clear = np.abs(apart - np.pi) > 1e-5
    difference = np.abs(q - expected)
    turned = np.where(
        chain.periodic, np.abs(np.remainder(q - expected + 1, 2 * np.pi) - 1), difference
    )
    assert turned[clear].max() < 2e-6
    np.testing.assert_allclose(s, np.sin(q.astype(float)), rtol=0, atol=2e-6)
    np.testing.assert_allclose(c, np.cos(q.astype(float)), rtol=0, atol=2e-6)


@pytest.mark.parametrize("kind", ["narrow", "half", "off centre", "far off centre", "backwards"])
def test_limits_are_met_as_on_the_host(kind, random_chain, robot_firmware, stages_of):
    rng = np.random.default_rng(1)
    chain = random_chain(rng, 1, [kind])
    stages = stages_of(robot_firmware(chain, rng))
    q = np.linspace(-np.pi, np.pi, 20001).astype(np.float32)
    found, s, c = stages.into_limits(0, q, np.sin(q), np.cos(q))
    expected = chain.clamp(q[:, None].astype(float))[:, 0]
    clear = np.abs(np.remainder(q - chain.middle[0], 2 * np.pi) - np.pi) > 1e-5
    np.testing.assert_allclose(found[clear], expected[clear], rtol=0, atol=2e-6)
    assert chain.within_limits(found[:, None].astype(float)).all()
    np.testing.assert_allclose(s, np.sin(found.astype(float)), rtol=0, atol=2e-6)
    np.testing.assert_allclose(c, np.cos(found.astype(float)), rtol=0, atol=2e-6)


def test_limits_in_single_precision_are_inside(random_chain, limit_kinds):
    chain = random_chain(np.random.default_rng(0), len(limit_kinds), list(limit_kinds))
    lower, upper = np.array(limits32(chain))
    assert np.all(lower >= chain.lower)
    assert np.all(upper <= chain.upper)
    np.testing.assert_array_equal(lower, lower.astype(np.float32))
    np.testing.assert_allclose([lower, upper], [chain.lower, chain.upper], rtol=2.0**-22)


def test_limits_between_two_numbers_of_single_precision_are_refused(random_chain):
    chain = random_chain(np.random.default_rng(0), 1, ["half"])
    joint = dataclasses.replace(chain.joints[0], lower=0.1, upper=0.1000000001)
    with pytest.raises(ModelFileError, match="no number within"):
        limits32(Chain("stiff", (joint,), chain.tool))


@pytest.mark.parametrize("end", ["lower", "upper"])
def test_home_is_within_the_limits(end, random_chain, limit_kinds):
    chain = random_chain(np.random.default_rng(0), len(limit_kinds), list(limit_kinds))
    home = getattr(chain, end)
    single = np.array(home32(chain, home), np.float32)
    assert chain.within_limits(single.astype(float))
    np.testing.assert_allclose(single, home, rtol=0, atol=1e-6)


def test_many_steps_may_wind_a_joint_up(random_chain, robot_firmware, stages_of):
    rng = np.random.default_rng(4)
    kinds = ["continuous", "far turn", "positive turn", "two turns"]
    chain = random_chain(rng, 4, kinds, straight=False)
    stages = stages_of(robot_firmware(chain, rng, steps=60))
    targets = rng.normal(0, 1.5, (3000, 3)).astype(np.float32)
    found = stages.solve(targets)
    joints = found.q.astype(np.float64)
    assert np.all((joints >= chain.lower) & (joints <= chain.upper))
    p = tool_position(chain, np.sin(joints), np.cos(joints))
    error = np.linalg.norm(p - targets, axis=1)
    np.testing.assert_allclose(found.residual, error, rtol=1e-5, atol=2e-5)


def test_the_reference_arm_answers_as_the_host_does(arm3_path, arm3_stages):
    solver = IkSolver.load(arm3_path, "reference")
    chain = solver.chain
    q = np.random.default_rng(12).uniform(chain.lower, chain.upper, (5000, 3))
    targets = tool_position(chain, np.sin(q), np.cos(q)).astype(np.float32)
    host, found = solver.solve_batch(targets), arm3_stages.solve(targets)
    assert np.all(found.status == 0)
    difference = np.abs(found.q - host.q)
    difference[:, 0] = np.minimum(difference[:, 0], np.abs(difference[:, 0] - 2 * np.pi))
    # On the first joint's axis it may be anywhere.
    off_axis = np.hypot(targets[:, 0], targets[:, 1]) > 0.01
    assert off_axis.mean() > 0.9
    assert difference[off_axis].max() < SAME_JOINTS


BAD = [[math.nan, 0, 0], [0, math.inf, 0], [0, 0, -math.inf], [3e38, 3e38, 0], [0, 1e6 + 1, 0]]


def test_bad_targets_leave_joints_alone(arm3_stages):
    found = arm3_stages.solve(BAD)
    assert set(found.status.tolist()) == {2}
    assert set(found.steps.tolist()) == {0.0}
    assert np.all(found.residual > 1e19)
    assert np.all(found.seed_residual > 1e19)
    # The value that `Stages` gives to C.
    np.testing.assert_array_equal(found.q, np.full((len(BAD), 3), 7.5))
    seed, status = arm3_stages.seed(BAD)
    np.testing.assert_array_equal(seed, found.q)
    assert set(status.tolist()) == {2}


@pytest.mark.parametrize("target", [[0, 0, 0.4], [0, 0, 0], [1e-42, -1e-42, 0.3], [-0.0, 0, 5]])
def test_targets_on_the_first_axis_are_solved_or_unreachable(target, arm3_stages):
    chain = arm3_stages.firmware.spec.chain
    found = arm3_stages.solve([target])
    joints = found.q.astype(float)
    p = tool_position(chain, np.sin(joints), np.cos(joints))
    error = np.linalg.norm(p - target, axis=1)
    np.testing.assert_allclose(found.residual, error, rtol=1e-6, atol=1e-6)
    assert found.status[0] == (0 if error[0] < SOLVED_POSITION else 1)
    assert np.all((joints >= chain.lower) & (joints <= chain.upper))


def test_a_target_out_of_reach_gets_an_arm_that_points_to_it(arm3_stages):
    chain = arm3_stages.firmware.spec.chain
    angles = np.linspace(-3, 3, 50)
    targets = np.stack([2 * np.cos(angles), 2 * np.sin(angles), np.full(50, 0.3)], axis=1)
    found = arm3_stages.solve(targets)
    assert set(found.status.tolist()) == {1}
    nearest = np.linalg.norm(targets - chain.links[0][:3, 3], axis=1) - chain.reach
    assert np.all(found.residual >= nearest - 1e-5)
    assert np.all(found.residual < nearest + 0.3)


def test_an_angle_is_within_its_bound_on_a_dense_circle(arm3_stages):
    angles = np.concatenate([np.linspace(-np.pi, np.pi, 400_001), np.arange(-8, 9) * np.pi / 8])
    s, c = np.sin(angles).astype(np.float32), np.cos(angles).astype(np.float32)
    exact = np.arctan2(s.astype(float), c.astype(float))
    found = arm3_stages.of_floats("angle_of", s, c)
    assert np.abs(found - exact).max() < 4e-7
    assert np.abs(found).max() <= np.float32(np.pi)


def test_an_inverse_root_is_good_to_a_few_units_of_the_last_place(arm3_stages):
    x = np.geomspace(1.2e-38, 3.4e38, 300_001).astype(np.float32)
    exact = 1 / np.sqrt(x.astype(float))
    assert np.abs(arm3_stages.of_floats("inverse_root", x) / exact - 1).max() < 4e-7
    assert np.abs(arm3_stages.of_floats("root", x) / np.sqrt(x.astype(float)) - 1).max() < 5e-7
    small = np.array([0.0, 1e-45, 1e-40], np.float32)
    assert np.all(arm3_stages.of_floats("root", small) <= 1e-19)


def test_a_rotation_is_within_its_bound(arm3_stages):
    turn = np.linspace(-0.5, 0.5, 100_001).astype(np.float32)
    angle = np.linspace(-20, 20, 100_001)
    s, c = arm3_stages.rotate(np.sin(angle), np.cos(angle), turn)
    end = angle + turn.astype(float)
    np.testing.assert_allclose(s, np.sin(end), rtol=0, atol=3e-7)
    np.testing.assert_allclose(c, np.cos(end), rtol=0, atol=3e-7)


@pytest.mark.parametrize(("turns", "bound"), [(1, 3e-7), (1000, 3e-7), (1e4, 2e-6)])
def test_sines_and_cosines_of_large_angles(turns, bound, arm3_stages):
    q = np.random.default_rng(0).uniform(-turns, turns, 200_000) * 2 * np.pi
    q = np.concatenate([q, np.arange(-8, 9) * np.pi / 4]).astype(np.float32)
    s, c = arm3_stages.sine_cosine(q)
    np.testing.assert_allclose(s, np.sin(q.astype(float)), rtol=0, atol=bound)
    np.testing.assert_allclose(c, np.cos(q.astype(float)), rtol=0, atol=bound)


def test_whole_numbers_round_halves_to_even(arm3_stages):
    x = np.random.default_rng(0).uniform(-(2**20), 2**20, 100_000)
    x = np.concatenate([x, np.arange(-500, 500) / 2]).astype(np.float32)
    np.testing.assert_array_equal(arm3_stages.of_floats("whole", x), np.rint(x))
    np.testing.assert_array_equal(arm3_stages.of_floats("nearest", x, out=np.int32), np.rint(x))


def test_what_is_no_number_becomes_the_lower_bound(arm3_stages):
    x = np.array([math.nan, math.inf, -math.inf, 0.5, 2.0, -2.0])
    found = arm3_stages.of_floats("within", x, np.full(6, -1.0), np.full(6, 1.0))
    np.testing.assert_array_equal(found, [-1, 1, -1, 0.5, 1, -1])
