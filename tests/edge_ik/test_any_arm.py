"""Poses, axes and branches through the whole product: train, measure, export, solve."""

import json
import math

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("tensorflow")

from edge_ik.cli import main
from firmware_host.solver import IkSolver, Status
from firmware_host.tracking import track

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]

SMALL = ["--set", "data.pool=20000", "--set", "training.validation_targets=2000"]


def invoke(*arguments):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result


@pytest.fixture(scope="module")
def ur5(tmp_path_factory):
    """A run and its int8 model: one branch of UR5, a minute's training at most."""
    folder = tmp_path_factory.mktemp("any") / "ur5"
    invoke("train", "--arm", "ur5", "--task", "pose", "--width", 48, "--epochs", 4,
           *SMALL, "--out", folder)  # fmt: skip
    invoke("export", folder, "--targets", 2000)
    return folder, folder / "export" / "ur5-pose-int8.tflite"


def test_a_pose_is_measured_with_its_orientation(ur5):
    folder, model = ur5
    for measured in (folder, model):
        values = json.loads(invoke("evaluate", measured, "--targets", 2000, "--json").stdout)
        assert "reference" not in values
        assert values["network"]["rotation_mean_deg"] < 15
        assert values["refined"]["4"]["solved_1mm_01deg"] > 0.95
        assert (
            values["refined"]["4"]["solved_1mm_1deg"]
            >= (values["refined"]["4"]["solved_1mm_01deg"])
        )


def test_a_pose_is_solved_from_a_quaternion_and_from_a_matrix(ur5):
    _, model = ur5
    by_quaternion = ["--target", 0.4, 0.2, 0.4, "--quaternion", 0, 1, 0, 0]
    matrix = [1, 0, 0, 0.4, 0, -1, 0, 0.2, 0, 0, -1, 0.4, 0, 0, 0, 1]
    found = [
        json.loads(invoke("solve", model, *form, "--json").stdout)
        for form in (by_quaternion, ["--matrix", *matrix])
    ]
    for values in found:
        assert values["reachable"]
        assert values["rotation_error_rad"] < math.radians(0.1)
    np.testing.assert_allclose(found[0]["q"], found[1]["q"], atol=1e-6)


def test_a_target_of_another_form_is_told(ur5):
    result = CliRunner().invoke(main, ["solve", str(ur5[1]), "--target", "0.4", "0.2", "0.4"])
    assert result.exit_code == 2
    assert "--quaternion" in result.output


def test_paths_of_poses_are_followed(ur5):
    solver = IkSolver.load(ur5[1], "reference")
    rng = np.random.default_rng(0)
    for _ in range(3):
        first, last = solver.home + rng.uniform(-0.4, 0.4, (2, 6))
        share = np.linspace(0, 1, 60)[:, None]
        q = first + share * (last - first)
        path = track(solver, solver.task.given(solver.problem.reached_by(q)), first)
        assert path.solved.all()
        assert path.jumps == ()
        np.testing.assert_allclose(path.q, q, atol=1e-3)


def test_inspect_and_bench_know_the_task(ur5):
    found = json.loads(invoke("inspect", ur5[1], "--json").stdout)
    assert found["task"] == "pose"
    assert found["normalization"]["features"][:2] == ["radial", "axial"]
    assert found["provenance"]["aspects"]["mean_aspects"] > 4
    benched = json.loads(
        invoke("bench", ur5[1], "--runtime", "reference", "--targets", 50, "--json").stdout
    )
    assert benched["runtimes"]["reference"]["solved"] > 0.5


def test_all_branches_of_a_leg_are_answered(tmp_path):
    invoke("train", "--arm", "leg3", "--aspects", "all", "--preset", "micro", "--epochs", 6,
           "--set", "arm.singularity_margin=0.01", *SMALL, "--out", tmp_path / "leg")  # fmt: skip
    invoke("export", tmp_path / "leg", "--targets", 2000)
    solver = IkSolver.load(tmp_path / "leg" / "export" / "leg3-int8.tflite", "reference")
    assert solver.branches == ("det-", "det+", "det+#2")
    chain = solver.chain
    q = np.random.default_rng(0).uniform(chain.lower, chain.upper, (2000, 3))
    targets = solver.problem.reached_by(q)
    share = {
        branch: np.mean(solver.solve_batch(targets, branch=branch).status == Status.SOLVED)
        for branch in ("home", "any")
    }
    assert share["any"] > 0.995
    assert share["home"] < 0.95


def test_an_axis_is_trained_and_solved(tmp_path):
    invoke("train", "--arm", "so101", "--task", "axis", "--width", 32, "--epochs", 3,
           *SMALL, "--out", tmp_path / "so101")  # fmt: skip
    values = json.loads(invoke("evaluate", tmp_path / "so101", "--targets", 1000, "--json").stdout)
    assert values["refined"]["4"]["solved_1mm_01deg"] > 0.9
    result = invoke("solve", tmp_path / "so101", "--target", 0.25, 0.0, 0.1,
                    "--direction", 1, 0, -1, "--json")  # fmt: skip
    assert json.loads(result.stdout)["rotation_error_rad"] is not None


def test_joints_to_spare_are_told_and_resumed(tmp_path):
    folder = tmp_path / "spare"
    first = invoke("train", "--arm", "so101", "--preset", "nano", "--epochs", 1,
                   "--set", "data.pool=4000", *SMALL[2:], "--out", folder)  # fmt: skip
    assert "2 joints to spare" in first.output
    assert "Neighbouring targets whose labels" in first.output
    again = invoke("train", "--resume", folder)
    assert "Trained in" in again.output
