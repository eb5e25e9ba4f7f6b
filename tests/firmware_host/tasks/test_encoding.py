"""Features: cylindrical coordinates, and nothing of what turns along with outer joints."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from firmware_host.chain import Chain, Joint, Mimic
from firmware_host.problem import IkProblem
from firmware_host.tasks import POSE, POSITION, make_task
from firmware_host.tasks.encoding import turns_first, turns_last

TASKS = (make_task("axis", "x"), make_task("axis", "z"), POSE)


def encoded(chain, task, q):
    problem = IkProblem(chain, task)
    return problem.encode(problem.reached_by(q).tolist(), math)


@given(data=st.data(), turn=st.floats(-3, 3), task=st.sampled_from(TASKS))
def test_the_features_do_not_see_them(chains, angles, data, turn, task):
    chain = data.draw(chains)
    q = data.draw(angles(len(chain)))
    before = encoded(chain, task, q)
    turned = q.copy()
    turned[0] += turn
    assume(before.features[0] > 1e-3)
    if task == POSE:
        turned[-1] += turn
        # Where the last axis is tangential there is no roll.
        assume(abs(before.features[3]) < 1 - 1e-6)
    after = encoded(chain, task, turned)
    count = 6
    np.testing.assert_allclose(after.features[:count], before.features[:count], atol=1e-8)
    assert tuple(after.turns) == tuple(dict.fromkeys(task.turning_joints(chain)))
    for joint, new in after.turns.items():
        old = before.turns[joint]
        change = math.atan2(*new.removed(old.sin, old.cos))
        wanted = turned[joint] - q[joint]
        assert math.remainder(change + wanted, 2 * math.pi) == pytest.approx(0, abs=1e-5)


EVERY_TASK = (
    POSITION,
    *TASKS,
    make_task("pitch", "x"),
    make_task("yaw", "y"),
    make_task("planar", plane="xz"),
    make_task("planar_pose", "x", "yz"),
)


@given(data=st.data(), task=st.sampled_from(EVERY_TASK))
def test_there_is_a_feature_for_each_name(chains, angles, data, task):
    chain = data.draw(chains)
    encoding = encoded(chain, task, data.draw(angles(len(chain))))
    assert len(encoding.features) == len(task.feature_names(chain))
    assert np.isfinite(encoding.features).all()


def test_arrays_and_floats_are_encoded_alike(arm3):
    q = np.random.default_rng(1).uniform(arm3.lower, arm3.upper, (20, 3))
    problem = IkProblem(arm3, POSE)
    targets = problem.reached_by(q)
    together = np.stack(problem.encode(list(targets.T)).features, axis=-1)
    for row, target in enumerate(targets.tolist()):
        alone = problem.encode(target, math).features
        np.testing.assert_allclose(alone, together[row], atol=1e-12)


def test_the_first_and_the_last_joint_turn_along(arm3):
    assert POSE.turning_joints(arm3) == (0, 2)
    assert set(IkProblem(arm3, POSE).encode([0.3, 0, 0.2, *np.eye(3).ravel()]).turns) == {0, 2}


def test_with_a_direction_the_first_joint_turns_along(arm3):
    task = make_task("axis", "x")
    assert task.turning_joints(arm3) == (0,)
    assert set(IkProblem(arm3, task).encode([0.3, 0, 0.2, 0, 0, 1]).turns) == {0}


def upright(signs, tool_offset=(0.05, 0.02, -0.1), first_offset=(0.1, -0.2, 0.3)):
    """Joints along the base's z axis, up or down: they move the tool in a horizontal plane."""
    joints = []
    for index, sign in enumerate(signs):
        origin = np.eye(4)
        origin[:3, 3] = first_offset if index == 0 else (0.3, 0.05, 0.01)
        joints.append(Joint(f"j{index}", origin, np.array([0.0, 0.0, sign]), -3.0, 3.0))
    tool = np.eye(4)
    tool[:3, 3] = tool_offset
    return Chain("upright", tuple(joints), tool)


generators = st.integers(0, 2**32 - 1).map(np.random.default_rng)
signs = st.lists(st.sampled_from([-1.0, 1.0]), min_size=2, max_size=5)


@given(signs=signs, rng=generators, first=st.floats(-3, 3), last=st.floats(-3, 3))
@pytest.mark.parametrize("name", ["yaw", "planar_pose"])
def test_where_the_last_axis_is_upright_too_it_turns_along(name, signs, rng, first, last):
    """Turning a target about the first axis, or the last, changes no feature but what is told."""
    chain = upright(signs)
    problem = IkProblem(chain, make_task(name, "y"))
    assert turns_first(problem.task, chain)
    assert turns_last(problem.task, chain)
    assert problem.task.turning_joints(chain) == (0, len(chain) - 1)
    q = rng.uniform(-3, 3, len(chain))
    turned = q.copy()
    turned[0] += first
    turned[-1] += last
    before, after = (problem.encode(problem.reached_by(x).tolist(), math) for x in (q, turned))
    assume(before.features[0] > 1e-3)
    count = 2 if name == "yaw" else 1
    np.testing.assert_allclose(after.features[:count], before.features[:count], atol=1e-8)
    for joint in (0, len(chain) - 1):
        change = math.atan2(*after.turns[joint].removed(*pair(before.turns[joint])))
        wanted = turned[joint] - q[joint]
        assert math.remainder(change + wanted, 2 * math.pi) == pytest.approx(0, abs=1e-5)


def pair(turn):
    return turn.sin, turn.cos


@given(rng=generators, turn=st.floats(-3, 3))
def test_a_pitch_that_is_turned_about_the_vertical_changes_no_feature(rng, turn):
    def joint(name, axis, offset):
        origin = np.eye(4)
        origin[:3, 3] = offset
        return Joint(name, origin, np.array(axis, float), -3.0, 3.0)

    tool = np.eye(4)
    tool[0, 3] = 0.1
    chain = Chain(
        "bending",
        (
            joint("yaw", [0, 0, -1], [0.1, 0.2, 0.1]),
            *(joint(f"bend{k}", [0, 1, 0], [0.2, 0, 0]) for k in range(3)),
        ),
        tool,
    )
    problem = IkProblem(chain, make_task("pitch", "x"))
    q = rng.uniform(-3, 3, 4)
    turned = q + np.array([turn, 0, 0, 0])
    targets = problem.reached_by(np.stack([q, turned]))
    before, after = (problem.encode(target.tolist(), math) for target in targets)
    assume(before.features[0] > 1e-3)
    assume(math.hypot(targets[0, 0] - 0.1, targets[0, 1] - 0.2) > 1e-3)
    np.testing.assert_allclose(after.features, before.features, atol=1e-8)
    change = math.atan2(*after.turns[0].removed(*pair(before.turns[0])))
    assert math.remainder(change + turn, 2 * math.pi) == pytest.approx(0, abs=1e-5)


def test_what_is_not_symmetric_is_told_as_it_is(arm3):
    lying = Chain("lying", arm3.joints[1:], arm3.tool)
    for name in ("pitch", "yaw"):
        task = make_task(name, "x").on(lying)
        assert not turns_first(task, lying)
        assert task.turning_joints(lying) == ()
        assert task.feature_names(lying) == task.component_names
    planar = make_task("planar", plane="xy")
    assert planar.feature_names(lying) == ("x", "y")
    assert len(planar.feature_names(arm3)) == 5


coordinates = st.floats(-3, 3)
points = st.tuples(coordinates, coordinates, coordinates)


def encode_point(chain, point, xp=math):
    return POSITION.encode(chain, point, xp).features


def encoded_point(chain, point):
    return dict(zip(POSITION.feature_names(chain), encode_point(chain, list(point)), strict=True))


@given(point=points)
def test_an_upright_first_axis_gives_cylindrical_coordinates(arm3, point):
    x, y, _ = point
    assume(math.hypot(x, y) > 1e-6)
    features = encoded_point(arm3, point)
    assert (features["x"], features["y"], features["z"]) == point
    assert features["radial"] == pytest.approx(math.hypot(x, y), rel=1e-6)
    direction = complex(x, y) / math.hypot(x, y)
    assert complex(features["cos_azimuth"], features["sin_azimuth"]) == pytest.approx(
        direction, abs=1e-6
    )


@given(data=st.data())
def test_the_azimuth_is_a_unit_vector_off_the_first_axis(chains, data):
    chain = data.draw(chains)
    point = np.array(data.draw(points))
    axis, origin = chain.links[0][:3, 2], chain.links[0][:3, 3]
    distance = np.linalg.norm(np.cross(axis, point - origin))
    assume(distance > 1e-3)
    features = encoded_point(chain, point)
    assert features["radial"] == pytest.approx(distance, rel=1e-9)
    assert math.hypot(features["sin_azimuth"], features["cos_azimuth"]) == pytest.approx(1)


@given(data=st.data())
def test_turning_a_target_about_the_first_axis_turns_only_its_azimuth(chains, data):
    chain = data.draw(chains)
    angle = data.draw(st.floats(-math.pi, math.pi))
    local = np.array([*data.draw(points), 1.0])
    assume(math.hypot(local[0], local[1]) > 1e-3)
    turn = np.eye(4)
    turn[:2, :2] = [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    before = encoded_point(chain, (chain.links[0] @ local)[:3])
    after = encoded_point(chain, (chain.links[0] @ turn @ local)[:3])
    assert after["radial"] == pytest.approx(before["radial"], abs=1e-9)
    direction = complex(before["cos_azimuth"], before["sin_azimuth"])
    turned = direction * complex(math.cos(angle), math.sin(angle))
    assert complex(after["cos_azimuth"], after["sin_azimuth"]) == pytest.approx(turned, abs=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_target_on_the_first_axis_is_finite(arm3, dtype):
    point = [np.zeros(1, dtype), np.zeros(1, dtype), np.ones(1, dtype)]
    features = np.stack(encode_point(arm3, point, np))
    assert np.isfinite(features).all()
    assert abs(features[3]) < 1e-6


@given(batch=st.lists(points, min_size=1, max_size=5))
def test_arrays_give_what_plain_numbers_give(arm3, batch):
    together = np.stack(encode_point(arm3, list(np.array(batch).T), np), axis=-1)
    alone = [encode_point(arm3, list(point)) for point in batch]
    np.testing.assert_allclose(together, alone, rtol=1e-14, atol=0)


def sliding(rng, last="revolute", spare=0):
    """A first joint that slides in a random direction, then joints that turn."""

    def joint(index, kind="revolute"):
        origin = np.eye(4)
        origin[:3, :3] = np.linalg.qr(rng.normal(size=(3, 3)))[0]
        origin[:3, 0] *= np.sign(np.linalg.det(origin[:3, :3]))
        origin[:3, 3] = rng.uniform(-0.3, 0.3, 3)
        return Joint(f"j{index}", origin, rng.normal(size=3), -1.0, 1.0, kind)

    joints = [joint(0, "prismatic"), *(joint(k) for k in range(1, 5 + spare)), joint(9, last)]
    tool = np.eye(4)
    tool[:3, 3] = rng.uniform(-0.2, 0.2, 3)
    return Chain("sliding", tuple(joints), tool)


@given(rng=generators, shift=st.floats(-2, 2), roll=st.floats(-3, 3), spare=st.integers(0, 1))
def test_a_target_that_is_moved_along_the_first_joint_moves_that_joint_alone(
    rng, shift, roll, spare
):
    chain = sliding(rng, spare=spare)
    problem = IkProblem(chain, POSE)
    n = len(chain)
    assert set(problem.task.turning_joints(chain)) == {0, n - 1}
    q = rng.uniform(-1, 1, n)
    moved = q.copy()
    moved[0] += shift
    moved[-1] += roll
    before, after = (problem.encode(problem.reached_by(x).tolist(), math) for x in (q, moved))
    assume(abs(before.features[4]) < 1 - 1e-6)  # no roll where it is along the slide
    np.testing.assert_allclose(after.features[:5], before.features[:5], atol=1e-8)
    assert len(after.features) == 5 + 3 * (n > 6)
    assert after.shifts[0] - before.shifts[0] == pytest.approx(shift, abs=1e-9)
    change = math.atan2(*after.turns[n - 1].removed(*pair(before.turns[n - 1])))
    assert math.remainder(change + roll, 2 * math.pi) == pytest.approx(0, abs=1e-5)


@given(rng=generators, shift=st.floats(-2, 2))
@pytest.mark.parametrize("name", ["axis", "yaw"])
def test_so_it_is_where_less_of_the_orientation_is_asked(name, rng, shift):
    chain = sliding(rng)
    problem = IkProblem(chain, make_task(name, "x"))
    q = rng.uniform(-1, 1, len(chain))
    moved = q.copy()
    moved[0] += shift
    before, after = (problem.encode(problem.reached_by(x).tolist(), math) for x in (q, moved))
    assert problem.feature_names[-1] == "along" or not problem.spare_joints
    along = problem.feature_names.index("along") if problem.spare_joints else None
    for index, (old, new) in enumerate(zip(before.features, after.features, strict=True)):
        assert new - old == pytest.approx(shift if index == along else 0.0, abs=1e-8)
    assert after.shifts[0] - before.shifts[0] == pytest.approx(shift, abs=1e-9)


def test_a_gantry_with_a_turning_head_is_told_two_coordinates():
    """Yaw of three that slide and one that turns: what moves along is taken out twice."""
    axes = np.eye(3)[[0, 1, 2, 2]]
    kinds = ["prismatic"] * 3 + ["revolute"]
    joints = tuple(
        Joint(f"j{k}", np.eye(4), axis, -1.0, 1.0, kind)
        for k, (axis, kind) in enumerate(zip(axes, kinds, strict=True))
    )
    tool = np.eye(4)
    tool[:3, 3] = 0.1, 0.0, -0.2
    chain = Chain("gantry", joints, tool)
    problem = IkProblem(chain, make_task("yaw", "x"))
    assert problem.feature_names == ("across_1", "across_2")
    q = np.array([0.3, -0.2, 0.5, 0.7])
    encoding = problem.encode(problem.reached_by(q).tolist(), math)
    np.testing.assert_allclose(encoding.shifts[0], 0.3, atol=1e-12)
    assert math.atan2(*pair(encoding.turns[3])) == pytest.approx(0.7)
    # Of the last joint's origin y and z, in some order and with some sign.
    np.testing.assert_allclose(sorted(np.abs(encoding.features)), [0.2, 0.5], atol=1e-12)


def test_a_joint_that_others_follow_does_not_turn_along():
    chain = upright([1.0, 1.0, 1.0])
    follower = replace(chain.moving[1], mimic=Mimic("j0", -1.0))
    linked = Chain("linked", (chain.moving[0], follower, chain.moving[2]), chain.tool)
    assert POSE.turning_joints(linked) == ()
    assert POSE.feature_names(linked) == POSE.component_names
    last = Chain("last", (chain.moving[0], chain.moving[2], follower), chain.tool)
    assert not turns_last(POSE, last)


@given(rng=generators, turn=st.floats(-3, 3))
def test_where_the_last_joint_slides_no_roll_is_taken_out(rng, turn):
    chain = sliding(rng, last="prismatic")
    chain = Chain("ends", (*chain.moving[1:],), chain.tool)
    problem = IkProblem(chain, POSE)
    assert problem.task.turning_joints(chain) == (0,)
    q = rng.uniform(-1, 1, len(chain))
    turned = q.copy()
    turned[0] += turn
    before, after = (problem.encode(problem.reached_by(x).tolist(), math) for x in (q, turned))
    assume(before.features[0] > 1e-3)
    np.testing.assert_allclose(after.features, before.features, atol=1e-7)
