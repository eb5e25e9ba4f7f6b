"""The command that solves one target."""

import math
import re
from types import SimpleNamespace

import click
import numpy as np
import pytest

pytest.importorskip("tensorflow")

from edge_ik.cli.solve import checked_angle, orientation, quaternion_advice, solve_target
from edge_ik.run import Run
from firmware_host.kinematics import tool_position
from firmware_host.solving.solution import Status
from firmware_host.tasks import POSE, POSITION, make_task

pytestmark = pytest.mark.tensorflow


def test_for_programs(printed, tiny_folder):
    values = printed("solve", tiny_folder, "--target", 0.3, 0.1, 0.25, "--steps", 30)
    assert values["target"] == [0.3, 0.1, 0.25]
    assert values["joints"] == ["yaw", "shoulder", "elbow"]
    assert len(values["q"]) == 3
    assert values["status"] == "solved"
    assert values["within_limits"] is True
    assert values["position_error_m"] < 1e-6 < values["seed_error_m"]
    assert values["steps"] == 30
    assert values["microseconds"] > 0
    assert values["q"][0] == pytest.approx(math.atan2(0.1, 0.3), abs=1e-5)


def test_an_unreachable_target_is_told_to_programs_and_people(run, printed, tiny_folder):
    values = printed("solve", tiny_folder, "--target", 2, 0, 0)
    assert values["status"] == "unreachable"
    assert values["position_error_m"] > 1.4
    result = run("solve", tiny_folder, "--target", 2, 0, 0)
    assert result.exit_code == 0
    assert "Not reached: the nearest found is off by" in result.stdout
    assert "3 steps and 4 more" in result.stdout
    assert "outside the workspace that the network was trained in" in result.stdout


def test_the_branch_of_many_is_told(run, printed, heads_folder):
    chain = Run.load(heads_folder).chain
    target = tool_position(chain, *(f(chain.middle + 0.1) for f in (np.sin, np.cos))).tolist()
    options = ("--target", *target, "--steps", 50)
    names = Run.load(heads_folder).spec.branch_names
    for branch in ("0", "2", names[1], "home", "any"):
        values = printed("solve", heads_folder, *options, "--branch", branch)
        if branch in ("0", "2"):
            assert values["branch"] == int(branch)
        if branch == names[1]:
            assert values["branch_name"] == branch
        assert 0 <= values["branch"] <= 2
    result = run("solve", heads_folder, *options)
    assert re.search(r"Branch \d .*tried, 0 of them at random", result.stdout)


def test_an_unknown_branch_is_told_with_those_there_are(refused, heads_folder):
    target = ("--target", 0.0, 0.1, -0.3)
    message = refused("solve", heads_folder, *target, "--branch", "sideways")
    for name in (*Run.load(heads_folder).spec.branch_names, "any", "nearest", "home"):
        assert name in message
    assert "needs q_near" in refused("solve", heads_folder, *target, "--branch", "nearest")


def test_a_weak_network_does_not_call_a_target_unreachable(run, tiny_folder):
    result = run("solve", tiny_folder, "--target", "0.3", "-0.1", "0.25", "--steps", 0)
    assert result.exit_code == 0, result.output
    assert "Not reached: the nearest found is off by" in result.stdout
    assert "outside the workspace" not in result.stdout
    assert " 0 steps, " in result.stdout


def test_for_people(run, tiny_folder):
    result = run("solve", tiny_folder, "--target", "0.3", "-0.1", "0.25", "--steps", 30)
    assert result.exit_code == 0, result.output
    for word in ("yaw", "shoulder", "elbow", "Reached", "within the joint limits", "30 steps"):
        assert word in result.stdout


@pytest.mark.parametrize("runtime", ["firmware", "reference"])
def test_restarts_reach_every_runtime(printed, source_root, require_tool, runtime):
    require_tool("cc", "gcc libc6-dev")
    model = source_root / "artifacts" / "arm3" / "arm3-int8.tflite"
    far = ("--target", 2, 0, 0)
    values = printed("solve", model, *far, "--runtime", runtime, "--restarts", 5)
    assert values["runtime"].startswith(runtime)
    assert (values["tried"], values["restarts"]) == (6, 5)


def test_what_counts_as_solved_can_be_chosen(printed, source_root):
    model = source_root / "artifacts" / "arm3" / "arm3-int8.tflite"
    arguments = ("solve", model, "--target", 0.3, 0.1, 0.2, "--steps", 0, "--runtime", "reference")
    usual, coarse = printed(*arguments), printed(*arguments, "--tolerance", 50)
    assert usual["q"] == coarse["q"]
    assert 0.001 < usual["position_error_m"] < 0.05
    assert (usual["status"], coarse["status"]) == ("unreachable", "solved")


def test_mistakes_are_told(refused, tmp_path, tiny_folder):
    target = ("--target", 0.3, 0.1, 0.25)
    assert "where there is nothing" in refused("solve", tmp_path / "nowhere", *target)
    assert "--runtime" in refused("solve", tiny_folder, *target, "--runtime", "litert")
    assert "--target" in refused("solve", tiny_folder, "--target", 1, 2)
    assert "NaN or infinity" in refused("solve", tiny_folder, "--target", "nan", 0, 0)
    assert "1e+30 m" in refused("solve", tiny_folder, "--target", "1e30", 0, 0)
    assert "--steps" in refused("solve", tiny_folder, *target, "--steps", -1)


@pytest.mark.parametrize(
    ("task", "given", "target"),
    [
        (POSITION, {"--target": (1, 2, 3)}, (1, 2, 3)),
        (POSE, {"--target": (1, 2, 3), "--quaternion": (1, 0, 0, 0)}, (1, 2, 3, 1, 0, 0, 0)),
        (POSE, {"--target": (1, 2, 3), "--rpy": (0, 1, 0, 0)}, (1, 2, 3, 0, 1, 0, 0)),
        (make_task("axis"), {"--target": (1, 2, 3), "--direction": (0, 0, 5)}, (1, 2, 3, 0, 0, 5)),
        (make_task("pitch"), {"--target": (1, 2, 3), "--angle": (-0.5,)}, (1, 2, 3, -0.5)),
        (make_task("yaw"), {"--target": (1, 2, 3), "--angle": (0.0,)}, (1, 2, 3, 0.0)),
        (make_task("planar", plane="xz"), {"--target": (1, -2)}, (1, -2)),
        (make_task("planar_pose"), {"--target": (1, 2), "--angle": (3,)}, (1, 2, 3)),
    ],
)
def test_a_target_is_made_of_the_options_of_its_task(task, given, target):
    options = dict.fromkeys(("--target", "--angle", "--quaternion", "--direction", "--matrix"))
    assert solve_target(task, {**options, **given}) == target
    matrix = tuple(range(16))
    if task.has_orientation:
        made = solve_target(task, {**options, "--matrix": matrix})
        np.testing.assert_array_equal(made, np.reshape(matrix, (4, 4)))
    place = given["--target"]
    with pytest.raises(click.UsageError, match=r"Expected --target.*Received: --matrix, --target"):
        solve_target(task, {**options, "--target": place, "--matrix": matrix})
    with pytest.raises(click.UsageError, match=r"in metres. Received: 5 numbers"):
        solve_target(task, {**options, "--target": (1, 2, 3, 4, 5)})


@pytest.mark.parametrize(
    ("task", "given", "needs"),
    [
        (POSITION, ("--rpy", "--target"), "--target"),
        (make_task("axis"), ("--rpy", "--target"), "--target and --direction, or --matrix"),
        (POSE, ("--rpy",), "--target and --quaternion or --rpy, or --matrix"),
        (POSE, ("--quaternion",), "--target and --quaternion or --rpy, or --matrix"),
    ],
)
def test_a_mistake_names_the_option_that_was_given(task, given, needs):
    values = {"--target": (1, 2, 3), "--rpy": (1, 0, 0, 0), "--quaternion": (1, 0, 0, 0)}
    with pytest.raises(click.UsageError) as told:
        solve_target(task, {name: values[name] for name in given})
    assert str(told.value).endswith(f"Expected {needs}. Received: {', '.join(given)}")


class TestNear:
    TARGET = ("--target", 0.2, 0.1, 0)

    @pytest.mark.parametrize("given", [(-0.5, 0.9), ("-0.5,0.9",), ("-0.5,", 0.9)])
    def test_it_takes_numbers_as_targets_do(self, printed, planar_model, given):
        near, alone = "--near", printed("solve", planar_model, *self.TARGET, "--near=-0.5,0.9")
        found = printed("solve", planar_model, near, *given, *self.TARGET)
        assert found["q"] == alone["q"]

    @pytest.mark.parametrize(
        ("given", "words"),
        [
            ((1,), "expected 2 finite numbers, one a joint: inner, outer. Received 1 number"),
            ((1, 2, 3), "Received 3 numbers"),
            ((1, "nan"), "Received a NaN or infinity"),
            ((1, 1e9), "Expected --near within 1e+06 rad or m of 0. Received: 1e+09 for 'outer'"),
            ((), "expected numbers behind it"),
        ],
    )
    def test_mistakes_are_told_of_the_option(self, refused, planar_model, given, words):
        message = refused("solve", planar_model, *self.TARGET, "--near", *given)
        assert words in message
        assert "--near" in message
        assert "q_near" not in message


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--tolerance", "1e12", "1000000000000.0 is not in the range 0<x<=1000000000."),
        ("--tolerance", "0", "0.0 is not in the range"),
        ("--tolerance", "nan", "nan is no finite number"),
        ("--rotation-tolerance", "400", "400.0 is not in the range 0<x<=180."),
    ],
)
def test_a_tolerance_is_told_in_the_unit_that_it_was_given_in(
    refused, planar_model, option, value, words
):
    message = refused("solve", planar_model, "--target", 0.2, 0.1, 0, option, value)
    assert option in message
    assert words in message


def test_the_largest_tolerances_are_taken(run, planar_model):
    most = ("--tolerance", "1e9", "--rotation-tolerance", "180")
    assert run("solve", planar_model, "--target", 0.2, 0.1, 0, *most).exit_code == 0


def test_millimetres_and_degrees_are_told(run, printed, tiny_folder):
    values = printed("solve", tiny_folder, "--target", 300, 100, 250, "--near", "10,45,90")
    assert "millimetres" in values["advice"][0]
    assert "seems to be degrees" in values["advice"][1]
    assert "seems to be in millimetres" in run("solve", tiny_folder, "--target", 300, 1, 2).stdout
    assert printed("solve", tiny_folder, "--target", 0.3, 0.1, 0.25)["advice"] == []


def test_an_angle_in_degrees_is_told():
    assert checked_angle(None) is None
    assert checked_angle(-1.5) == (-1.5,)
    with pytest.raises(click.UsageError, match=r"radians: --angle 1\.5708"):
        checked_angle(90.0)


class TestOrientation:
    def test_xyzw_is_put_in_order(self):
        given = (1.0, 2.0, 3.0, 4.0)
        assert orientation(given, True, None) == {"--quaternion": (4.0, 1.0, 2.0, 3.0)}
        assert orientation(given, False, None) == {"--quaternion": given}
        assert orientation(None, False, None) == {}

    def test_roll_pitch_yaw(self):
        w, x, y, z = orientation(None, False, (0.0, 0.0, math.pi / 2))["--rpy"]
        np.testing.assert_allclose([w, x, y, z], [math.sqrt(0.5), 0, 0, math.sqrt(0.5)], atol=1e-15)
        w, x, y, z = orientation(None, False, (0.2, 0.0, 0.0))["--rpy"]
        np.testing.assert_allclose([w, x, y, z], [math.cos(0.1), math.sin(0.1), 0, 0], atol=1e-15)

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ((None, True, None), "--xyzw says how --quaternion is given"),
            (((1.0, 0.0, 0.0, 0.0), False, (0.0, 0.0, 1.0)), "Received both"),
            ((None, False, (0.0, 90.0, 0.0)), "degrees. Expected radians: --rpy 0 1.5708 0"),
            ((None, False, (0.0, math.nan, 0.0)), "finite numbers for --rpy"),
        ],
    )
    def test_mistakes(self, given, message):
        with pytest.raises(click.UsageError, match=message):
            orientation(*given)

    def test_a_quaternion_that_is_probably_xyzw_is_told(self):
        class Solver:
            def solve(self, target):
                reached = tuple(target[3:]) == (0.8, 0.6, 0.0, 0.0)
                return SimpleNamespace(status=Status.SOLVED if reached else Status.UNREACHABLE)

        missed = SimpleNamespace(status=Status.UNREACHABLE)
        reached = SimpleNamespace(status=Status.SOLVED)
        place = (0.3, 0.1, 0.2)
        (said,) = quaternion_advice(Solver(), (*place, 0.0, 0.0, 0.0, 1.0), reached)
        assert "a half turn about z" in said
        (said,) = quaternion_advice(Solver(), (*place, 0.6, 0.0, 0.0, 0.8), missed)
        assert said.startswith("Read as x, y, z, w")
        assert quaternion_advice(Solver(), (*place, 0.6, 0.0, 0.0, 0.8), reached) == ()
        assert quaternion_advice(Solver(), (*place, 0.6, 0.8, 0.0, 0.0), missed) == ()


def test_servos_are_told_to_programs_and_people(run, printed, servo_model):
    target = ("solve", servo_model, "--runtime", "reference", "--target", 0.3, 0.1, 0.0)
    inner, outer = printed(*target)["servo"]
    said = " ".join(run(*target).stdout.split())
    assert f"Servos: inner {inner} us, outer {outer} ticks." in said
    assert "holds it back" not in said


def test_a_servo_that_does_not_reach_its_joint_is_told_beside_the_answer(
    run, printed, servo_model, tmp_path
):
    from firmware_host.model_file import read_model, write_model

    flatbuffer, record = read_model(servo_model)
    target = ("--runtime", "reference", "--target", 0.3, 0.1, 0.0)
    q = printed("solve", servo_model, *target)["q"]
    inner, outer = record["servos"]
    # Its range ends ten counts of 4000 a turn below where the answer has the joint.
    most = round(1500 + 4000 * q[0] / (2 * math.pi)) - 10
    path = tmp_path / "short.tflite"
    narrow = {**inner, "least": most - 100, "most": most}
    write_model(path, flatbuffer, record | {"servos": [narrow, outer]})
    found = printed("solve", path, *target)
    assert (found["status"], found["servo"][0]) == ("solved", most)
    (sentence,) = found["advice"]
    back = math.degrees(q[0]) - (most - 1500) * 360 / 4000
    assert f"The servo of joint 'inner' holds it back by {back:.3g} degrees" in sentence
    said = " ".join(run("solve", path, *target).stdout.split())
    assert sentence in said
