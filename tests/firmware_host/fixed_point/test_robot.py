"""A robot's integer programs against its float kinematics, in any configuration."""

import functools
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from firmware_host.chain import Chain
from firmware_host.errors import ModelFileError
from firmware_host.fixed_point.programs import Value
from firmware_host.fixed_point.ranges import ANGLE_BITS, UNIT_BITS
from firmware_host.fixed_point.robot import FixedRobot
from firmware_host.kinematics import components, forward_kinematics
from firmware_host.normalization import Normalization
from firmware_host.problem import IkProblem
from firmware_host.solving.refine import DEFAULT_SETTINGS
from firmware_host.spec import ModelSpec
from firmware_host.tasks import make_task

UNIT = 2**UNIT_BITS
# An arm, and a task that it can do: every kind of task, and every kind of joint.
CASES = {
    "position": ("arm3", "position"),
    "without end": ("arm3 without end", "position"),
    "sliding": ("cylindrical", "position"),
    "followers": ("palletizer", "position"),
    "geared": ("geared", "position"),
    "all sliding": ("gantry", "position"),
    "a joint to spare": ("on a rail", "position"),
    "planar": ("on a rail", "planar"),
    "pitch": ("on a rail", "pitch"),
    "pose": ("stanford", "pose"),
    "axis": ("stanford", "axis"),
    "yaw": ("stanford", "yaw"),
    "angle in a plane": ("on a rail", "planar_pose"),
}


def fixed_robot(chain, task, rng, bits=8):
    """What a robot's firmware computes, of features as its targets have them."""
    problem = IkProblem(chain, task)
    q = rng.uniform(chain.lower, chain.upper, (500, len(chain)))
    features = problem.features(problem.reached_by(q)).astype(np.float32)
    spec = ModelSpec(problem, Normalization.fit(features), tuple(chain.middle.tolist()))
    zero = -5 if bits == 8 else 0
    return FixedRobot(spec, problem.default_steps, (8.0 * 2.0**-bits, zero), 2.5 * 2.0**-bits, bits)


@pytest.fixture(scope="module")
def robots(other_arms, make_arm3):
    """Function of a name in `CASES`: the robot."""
    arms = {**other_arms, "arm3": make_arm3(), "arm3 without end": make_arm3(continuous=True)}
    made = {}

    def robot(name):
        if name not in made:
            arm, task = CASES[name]
            kind = make_task(task, "x") if task != "position" else make_task(task)
            made[name] = fixed_robot(arms[arm], kind, np.random.default_rng(0))
        return made[name]

    return robot


@pytest.fixture(scope="module", params=CASES)
def robot(request, robots):
    return robots(request.param)


def place_values(robot, q):
    """Sines, cosines and displacements at q by name, as floats."""
    sines, cosines = robot.chain.place(q)
    found = {}
    for index, segment in enumerate(robot.chain.segments):
        found[f"s{index}"] = float(sines[index])
        if not segment.slides:
            found[f"c{index}"] = float(cosines[index])
    return found


def target_values(target):
    return {f"p{index}": float(part) for index, part in enumerate(target)}


def integers(inputs, values):
    """What a program is given, in its formats, held where a format ends."""
    return [
        min(max(round(values.get(one.name, 0.0) * 2.0**one.bits), -(2**31)), 2**31 - 1)
        for one in inputs
    ]


def values_of(program, numbers):
    return np.array(
        [number * 2.0**-bits for number, bits in zip(numbers, program.formats, strict=True)]
    )


def configurations(chain, rng, count):
    """Joints anywhere within the limits, and in corners of them."""
    q = rng.uniform(chain.lower, chain.upper, (count, len(chain)))
    corners = rng.random((count, len(chain))) < 0.5
    return np.concatenate([q, np.where(corners, chain.lower, chain.upper)])


def forward_agrees(robot, rng, count, checked_run):
    for q in configurations(robot.chain, rng, count):
        numbers = integers(robot.forward.inputs, place_values(robot, q))
        found = values_of(robot.forward, checked_run(robot.forward, numbers)).reshape(3, 4)
        exact = forward_kinematics(robot.chain, q)[:3]
        errors = [
            out.error + 2.0**-out.bits if isinstance(out, Value) else 2.0**-bits
            for out, bits in zip(robot.forward.outputs, robot.forward.formats, strict=True)
        ]
        assert np.all(np.abs(found - exact) <= np.array(errors).reshape(3, 4))


def survey_agrees(robot, rng, count, checked_run):
    """Distance, lambda^2, error and columns, at targets within reach."""
    problem, program = robot.problem, robot.survey
    rows = problem.task.rows
    for q, aim in zip(
        configurations(robot.chain, rng, count),
        configurations(robot.chain, rng, count)[::-1],
        strict=True,
    ):
        target = problem.reached_by(aim)
        given = {**place_values(robot, q), **target_values(target), "floor": robot.floor}
        found = values_of(program, checked_run(program, integers(program.inputs, given)))
        walked = problem.walked(*robot.chain.place(q))
        parts = components(target)
        squared = float(problem.squared_error(walked, parts))
        e = np.array(problem.task.error(problem.length, walked, parts), float)
        columns = problem.scaled(problem.task.columns(problem.length, walked, parts))
        exact = np.array([float(part) for column in columns for part in column])
        errors = np.array([out.error if isinstance(out, Value) else 0.0 for out in program.outputs])
        errors += 2.0 ** -np.array(program.formats, float)
        assert abs(found[0] - squared) <= 1.01 * errors[0]
        strength = DEFAULT_SETTINGS.damping * squared + robot.floor
        assert abs(found[1] - strength) <= 1.01 * errors[1] + 2.0**-robot.strength_bits
        given_off = errors[2 : 2 + rows]
        if np.all(np.isfinite(given_off)):
            assert np.all(np.abs(found[2 : 2 + rows] - e) <= 1.01 * given_off)
        known = np.isfinite(errors[2 + rows :])
        off = np.abs(found[2 + rows :] - exact)
        assert np.all(off[known] <= 1.01 * errors[2 + rows :][known] + 1e-15)


def test_forward_agrees_within_the_told_error(robot, checked_run):
    forward_agrees(robot, np.random.default_rng(1), 30, checked_run)


def test_the_survey_agrees_within_the_told_error(robot, checked_run):
    survey_agrees(robot, np.random.default_rng(2), 30, checked_run)


def test_the_told_error_is_far_below_the_tolerance(robot):
    assert 0 < robot.told_error < 1e-5


def refused_or_robot(chain, task, rng):
    """A robot, unless it is of sizes that are refused in a sentence."""
    refusal = ""
    try:
        found = fixed_robot(chain, task, rng)
        assert found.forward
        assert found.survey
        assert found.solution
    except ModelFileError as reason:
        refusal = str(reason)
    assert not refusal or "--arithmetic float" in refusal
    return None if refusal else found


@settings(max_examples=25)
@given(st.data())
def test_random_chains_agree_too(checked_run, chains, data):
    chain = data.draw(chains)
    rng = np.random.default_rng(3)
    found = refused_or_robot(chain, make_task("position"), rng)
    assume(found is not None)
    forward_agrees(found, rng, 4, checked_run)
    survey_agrees(found, rng, 4, checked_run)


@settings(max_examples=25)
@given(st.data())
def test_random_chains_of_every_joint_agree_too(checked_run, mixed_chains, data):
    chain = data.draw(mixed_chains)
    rng = np.random.default_rng(4)
    found = refused_or_robot(chain, make_task("position"), rng)
    assume(found is not None)
    forward_agrees(found, rng, 4, checked_run)
    survey_agrees(found, rng, 4, checked_run)


def farthest_inputs(program, rng):
    """Each input at an end of its bound, or anywhere in it."""
    ends = rng.choice([-1.0, 1.0, 0.0, rng.uniform(-1, 1)], len(program.inputs))
    values = {
        one.name: share * one.bound
        for share, one in zip(ends.tolist(), program.inputs, strict=True)
    }
    # Sines and cosines are of one angle, also at quarters of a turn.
    for index in range(len(program.inputs)):
        if f"c{index}" in values:
            angle = rng.choice([*np.arange(4) * math.pi / 2, rng.uniform(-4, 4)])
            values[f"s{index}"], values[f"c{index}"] = math.sin(angle), math.cos(angle)
    return values


def test_no_number_leaves_its_range_at_the_farthest_inputs(robot, checked_run):
    rng = np.random.default_rng(5)
    programs = [robot.survey, robot.forward, robot.encode]
    if robot.problem.task.has_orientation:
        programs.append(robot.parts)
    for program in programs:
        for _ in range(60):
            values = farthest_inputs(program, rng)
            if program is not robot.forward:
                # Orientations are looked at before: they are units, but for a thousandth.
                q = configurations(robot.chain, rng, 1)[0]
                units = target_values(robot.problem.reached_by(q))
                for name in list(units)[len(robot.problem.task.place) :]:
                    values[name] = units[name] * (1 + rng.choice([-5e-4, 0.0, 5e-4]))
            if "floor" in values:
                values["floor"] = float(rng.choice([robot.floor, robot.largest_floor]))
            checked_run(program, integers(program.inputs, values))


@functools.cache
def compiled_survey(robot):
    return robot.survey.compiled()


def steps_of(robot, q, target, floor, rng, share=1.0):
    """lambda^2, the error at full range and the entries that vary, as a step takes them."""
    rows = robot.problem.task.rows
    given = {**place_values(robot, q), **target_values(target), "floor": floor}
    survey = compiled_survey(robot)(*integers(robot.survey.inputs, given))
    strength, e, columns = survey[1], list(survey[2 : 2 + rows]), list(survey[2 + rows :])
    for joint in robot.problem.stops:
        # A joint on its limit leaves the step.
        if rng.random() < share:
            columns[joint * rows : (joint + 1) * rows] = [0] * rows
    largest = max(1, *map(abs, e))
    scale = 30 - largest.bit_length()
    e = [part << scale if scale >= 0 else part >> -scale for part in e]
    return [strength, *e, *(columns[index] for index in robot.varied)]


def test_no_step_leaves_its_range(robot, checked_run):
    rng, program = np.random.default_rng(6), robot.solution
    aims = configurations(robot.chain, rng, 8)
    places = len(robot.problem.task.place)
    for q, aim in zip(configurations(robot.chain, rng, 8), aims[::-1], strict=True):
        target = robot.problem.reached_by(aim)
        for far in (1.0, 1.3, 1e-3):
            moved = target.copy()
            if far > 1:
                moved[:places] *= robot.farthest / max(np.abs(moved[:places]).max(), 1e-9)
            moved[:places] = np.clip(moved[:places], -robot.farthest, robot.farthest)
            for floor in (robot.floor, robot.largest_floor):
                for share in (0.0, 0.5, 1.0):
                    checked_run(program, steps_of(robot, q, moved, floor, rng, share))


def test_a_step_is_that_of_damped_least_squares(robot, checked_run):
    rng, problem = np.random.default_rng(7), robot.problem
    rows, n = problem.task.rows, problem.joints
    scales = robot.chain.scales
    off = []
    for q in configurations(robot.chain, rng, 20)[:20]:
        near = q + rng.uniform(-0.2, 0.2, n) * scales
        target = problem.reached_by(near)
        numbers = steps_of(robot, q, target, robot.floor, rng, 0.0)
        changes = checked_run(robot.solution, numbers)
        found = np.array(
            [x * 2.0**-bits for x, bits in zip(changes, robot.solution.formats, strict=True)]
        )
        walked = problem.walked(*robot.chain.place(q))
        parts = components(target)
        J = np.array(problem.scaled(problem.task.columns(problem.length, walked, parts)), float).T
        e = np.array(problem.task.error(problem.length, walked, parts), float)
        squared = float(problem.squared_error(walked, parts))
        damped = J.T @ J + (DEFAULT_SETTINGS.damping * squared + robot.floor) * np.eye(n)
        exact = np.linalg.solve(damped, J.T @ e) * scales
        # The error that it was given has full range.
        given = np.array(numbers[1 : 1 + rows]) * 2.0**-30
        size = float(given @ e) / float(e @ e)
        # What the tool does of it, beside the error: directions that hardly move it count less.
        off.append(np.linalg.norm(J @ ((found / size - exact) / scales)) / np.linalg.norm(e))
    # A step leaves of the error its square, and this share of it: three make it a millionth.
    assert np.median(off) < 6e-3
    # At a singularity, multipliers are held, and a step is shorter than it might be.
    assert np.quantile(off, 0.9) < 5e-2


def test_encoding_is_that_of_the_floats_network_to_a_step(robot, checked_run):
    """What the network is given: features, normalized and quantized."""
    rng, spec = np.random.default_rng(8), robot.spec
    scale, zero = robot.input_scale
    count = len(robot.problem.feature_names)
    q = rng.uniform(robot.chain.lower, robot.chain.upper, (60, len(robot.chain)))
    targets = robot.problem.reached_by(q)
    features = (robot.problem.features(targets) - spec.normalization.mean) / spec.normalization.std
    expected = np.clip(np.rint(features / scale) + zero, *robot.numbers)
    same = []
    for target, want in zip(targets, expected, strict=True):
        numbers = checked_run(robot.encode, integers(robot.encode.inputs, target_values(target)))
        found = [
            min(max(((number * factor >> 32) + start) >> bits, robot.numbers[0]), robot.numbers[1])
            for number, (factor, start, bits) in zip(numbers[:count], robot.affine, strict=True)
        ]
        assert np.abs(np.array(found) - want).max() <= 1
        same.append(found == want.tolist())
    assert np.mean(same) > 0.95


def test_affine_numbers_have_32_bits(robot):
    for (factor, start, bits), out in zip(robot.affine, robot.encode.outputs, strict=False):
        largest = (abs(factor) * (out.bound * 2.0**out.bits)) / 2**32 + abs(start)
        assert max(abs(factor), largest) < 2**31
        assert bits >= 0


def test_turns_are_turns(robots, checked_run):
    robot = robots("position")
    for angle in np.linspace(-DEFAULT_SETTINGS.max_step, DEFAULT_SETTINGS.max_step, 101):
        for start in (0.0, 1.0, math.pi / 2, -2.5, math.pi):
            given = {"s": math.sin(start), "c": math.cos(start), "angle": angle}
            numbers = integers(robot.rotation.inputs, given)
            s, c = (n / UNIT for n in checked_run(robot.rotation, numbers))
            assert abs(s - math.sin(start + angle)) < 2e-7
            assert abs(c - math.cos(start + angle)) < 2e-7
    for angle, start in np.random.default_rng(0).uniform(-4, 4, (50, 2)):
        units = math.sin(start), math.cos(start), math.sin(angle), math.cos(angle)
        numbers = [round(part * UNIT) for part in units]
        s, c = (n / UNIT for n in checked_run(robot.turned, numbers))
        assert abs(s - math.sin(start + angle)) < 1e-8
        assert abs(c - math.cos(start + angle)) < 1e-8


def test_angles_are_angles(robots, checked_run):
    robot = robots("position")
    for angle in [*np.linspace(-math.pi / 2, math.pi / 2, 401), 1e-6, -1e-6]:
        given = {"s": math.sin(angle), "c": math.cos(angle)}
        (found,) = checked_run(robot.angle, integers(robot.angle.inputs, given))
        assert abs(found * 2.0**-ANGLE_BITS - angle) < 4e-7


@pytest.mark.parametrize("bits", [8, 16])
def test_pairs_of_the_network_point(bits, make_arm3, checked_run):
    robot = fixed_robot(make_arm3(), make_task("position"), np.random.default_rng(0), bits)
    most = 2**bits
    for a in (-most, -1, 0, 1, 37, most - 1, most):
        for b in (-most, -2, 1, 99, most):
            s, c = checked_run(robot.pointing, [a, b])
            assert abs(s / UNIT - a / math.hypot(a, b)) < 1e-7
            assert abs(c / UNIT - b / math.hypot(a, b)) < 1e-7


def test_limits_hold_as_integers_floats_and_exactly(robot):
    chain = robot.chain
    for k, (lower, upper) in enumerate(robot.limits):
        for number in (lower, upper):
            value = math.ldexp(number, -robot.joint_bits[k])
            assert chain.lower[k] <= value <= chain.upper[k]
            assert chain.lower[k] <= float(np.float32(value)) <= chain.upper[k]
        # No more is lost than single precision loses.
        assert math.ldexp(upper, -robot.joint_bits[k]) > chain.upper[k] - 1e-6
        assert math.ldexp(lower, -robot.joint_bits[k]) < chain.lower[k] + 1e-6


def test_joints_have_room_for_all_the_steps_that_are_taken(robot):
    """Also for one that turns fully, which only meets its limits in the end."""
    for k in range(len(robot.chain)):
        lower, upper = robot.limits[k]
        furthest = max(abs(lower), abs(upper)) + robot.most[k]
        if robot.passes[k]:
            furthest = robot.turn // 2 + robot.most[k] * (robot.steps + 1)
        assert furthest < 2**31


def test_limits_that_hold_no_number_are_refused(make_arm3):
    chain = make_arm3()
    first, *others = chain.joints
    narrow = Chain("arm", (_with_limits(first, 1 / 3, 1 / 3 + 1e-12), *others), chain.tool)
    robot = fixed_robot(narrow, make_task("position"), np.random.default_rng(0))
    with pytest.raises(ModelFileError, match="no number within the limits"):
        _ = robot.limits


def _with_limits(joint, lower, upper):
    return type(joint)(joint.name, joint.origin, joint.axis, lower, upper, joint.kind)


@pytest.mark.parametrize("size", [0.02, 0.2, 5.0, 45.0])
def test_arms_of_any_size_are_held(size, make_arm3, checked_run):
    """From a hand to a crane: formats follow the size."""
    chain = make_arm3()
    joints = []
    for joint in chain.joints:
        origin = joint.origin.copy()
        origin[:3, 3] *= size * 4
        joints.append(type(joint)(joint.name, origin, joint.axis, joint.lower, joint.upper))
    tool = chain.tool.copy()
    tool[:3, 3] *= size * 4
    rng = np.random.default_rng(0)
    robot = fixed_robot(Chain("arm", tuple(joints), tool), make_task("position"), rng)
    forward_agrees(robot, rng, 10, checked_run)
    survey_agrees(robot, rng, 10, checked_run)
    assert robot.told_error < size * 1e-5
