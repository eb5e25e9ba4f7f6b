"""Poses, axes and branches through the whole product: train, measure, export, solve."""

import json
import math

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("tensorflow")

from edge_ik.cli import main
from edge_ik.predictor import predictor
from edge_ik.run import Run
from firmware_host.solver import IkSolver, Status
from firmware_host.tolerances import SAME_ANSWER
from firmware_host.tracking import track

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]

SMALL = ["--set", "data.pool=20000", "--set", "training.validation_targets=2000"]


def invoke(*arguments):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result


def joint_paths(solver, count, seed=0, spread=0.4, points=60):
    """Joints (points, n) along straight ways between random postures around home."""
    rng = np.random.default_rng(seed)
    chain = solver.chain
    share = np.linspace(0, 1, points)[:, None]
    for _ in range(count):
        moves = rng.uniform(-spread, spread, (2, len(chain)))
        first, last = chain.clamp(solver.home + moves)
        yield first + share * (last - first)


def assert_followed(solver, q, atol=1e-3):
    """A path is followed from its start without a jump, joint by joint."""
    path = track(solver, solver.task.given(solver.problem.reached_by(q)), q[0])
    assert path.solved.all()
    assert path.jumps == ()
    if not solver.problem.spare_joints:
        np.testing.assert_allclose(path.q, q, atol=atol)
    # Nearest never travels much further than the joints that the path was made of.
    assert path.largest_step < 5 * np.abs(np.diff(q, axis=0)).max() + 0.02
    return path


@pytest.fixture(scope="module")
def ur5(tmp_path_factory):
    """A run and its int8 model: UR5 in all branches, a minute's training at most."""
    folder = tmp_path_factory.mktemp("any") / "ur5"
    invoke("train", "--arm", "ur5", "--task", "pose", "--width", 48, "--epochs", 4,
           *SMALL, "--out", folder)  # fmt: skip
    invoke("export", folder, "--targets", 2000)
    return folder, folder / "export" / "ur5-pose-int8.tflite"


@pytest.fixture(scope="module")
def leg(tmp_path_factory):
    """A run of a leg in all branches."""
    folder = tmp_path_factory.mktemp("any") / "leg"
    invoke("train", "--arm", "leg3", "--preset", "micro", "--epochs", 6, *SMALL, "--out", folder)
    return folder


def run_solver(folder, **values):
    """A solver of a run, in Keras."""
    run = Run.load(folder)
    return IkSolver(run.spec, predictor(run.load_network()), **values)


def test_a_pose_is_measured_with_its_orientation(ur5):
    folder, model = ur5
    for measured in (folder, model):
        values = json.loads(invoke("evaluate", measured, "--targets", 2000, "--json").stdout)
        assert "reference" not in values
        assert "one_branch" not in values
        assert len(values["branches"]) == 12
        assert values["mean_heads"] > 2
        # What each branch alone gets wrong is no failure: any of them may answer.
        assert values["solved"] > 0.98
        assert values["solved"] == values["any_branch"]["4"]["solved_1mm_01deg"]
        assert (
            values["any_branch"]["4"]["solved_1mm_1deg"]
            >= values["any_branch"]["4"]["solved_1mm_01deg"]
            > values["any_branch"]["1"]["solved_1mm_01deg"]
        )
        assert values["any_branch"]["4"]["limit_violations"] == 0
        assert 1 <= values["tried"] < 2


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


def test_every_branch_that_reaches_a_target_can_be_asked_for(ur5):
    """By its number and by its name, and each gives a posture of its own."""
    solver = IkSolver.load(ur5[1], "reference")
    target = solver.task.given(solver.problem.reached_by(solver.home[None]))[0]
    answers = [solver.solve(target, branch=number) for number in range(12)]
    for number, name in enumerate(solver.branches):
        named = solver.solve(target, branch=name)
        assert named.branch == number
        np.testing.assert_array_equal(named.q, answers[number].q)
    postures = {
        tuple(np.round(answer.q % (2 * math.pi), 1))
        for answer in answers
        if answer.status is Status.SOLVED
    }
    assert len(postures) >= 4
    home = solver.solve(target, branch="home")
    assert home.branch == solver.home_branch
    np.testing.assert_allclose(home.q, solver.home, atol=0.02)


class TestPaths:
    """Along a continuous path the nearest answer never jumps while its branch goes on."""

    @pytest.mark.parametrize("seed", range(3))
    def test_of_a_ur5(self, ur5, seed):
        solver = IkSolver.load(ur5[1], "reference")
        for q in joint_paths(solver, 2, seed):
            assert_followed(solver, q)

    @pytest.mark.parametrize("seed", range(3))
    def test_of_a_leg(self, leg, seed):
        solver = run_solver(leg)
        for q in joint_paths(solver, 3, seed, spread=0.3):
            assert_followed(solver, q)

    def test_of_a_leg_in_every_branch(self, leg):
        """The path's own posture decides, not what the network promises the most."""
        solver = run_solver(leg)
        rng = np.random.default_rng(3)
        chain = solver.chain
        share = np.linspace(0, 1, 60)[None, :, None]
        first = rng.uniform(chain.lower + 0.1, chain.upper - 0.1, (400, 1, 3))
        paths = first + share * rng.uniform(-0.1, 0.1, (400, 1, 3))
        determinant = np.linalg.det(solver.problem.jacobian(np.sin(paths), np.cos(paths)))
        clear = 0.1 * np.abs(determinant).max()
        for side in (1, -1):
            within = paths[(side * determinant > clear).all(axis=1)][:6]
            assert len(within) == 6
            for q in within:
                # An answer is within tolerance: in a foreign head's, a millimetre is milliradians.
                path = assert_followed(solver, q, SAME_ANSWER)
                signs = np.linalg.det(solver.problem.jacobian(np.sin(path.q), np.cos(path.q)))
                assert (side * signs > 0).all()

    @pytest.mark.parametrize("seed", range(2))
    def test_of_an_arm_with_joints_to_spare(self, tmp_path_factory, spare, seed):
        solver = run_solver(spare)
        for q in joint_paths(solver, 2, seed, spread=0.3):
            assert_followed(solver, q)


@pytest.fixture(scope="module")
def spare(tmp_path_factory):
    """A run of positions of an arm of five joints."""
    folder = tmp_path_factory.mktemp("any") / "spare"
    invoke("train", "--arm", "so101", "--width", 32, "--epochs", 2, *SMALL, "--out", folder)
    return folder


def test_inspect_and_bench_know_the_task(ur5):
    found = json.loads(invoke("inspect", ur5[1], "--json").stdout)
    assert found["task"] == "pose"
    assert found["normalization"]["features"][:2] == ["radial", "axial"]
    assert len(found["branches"]) == 12
    assert found["mean_heads"] > 2
    assert sum(row["wins"] for row in found["branches"]) == pytest.approx(1)
    assert "of 12 reach a target on average" in invoke("inspect", ur5[1]).stdout
    benched = json.loads(
        invoke("bench", ur5[1], "--runtime", "reference", "--targets", 50, "--json").stdout
    )
    assert benched["runtimes"]["reference"]["solved"] > 0.9


def test_all_branches_of_a_leg_are_answered(leg):
    solver = run_solver(leg)
    assert len(solver.branches) == 4
    chain = solver.chain
    q = np.random.default_rng(0).uniform(chain.lower, chain.upper, (2000, 3))
    targets = solver.problem.reached_by(q)
    share = {
        branch: np.mean(solver.solve_batch(targets, branch=branch).status == Status.SOLVED)
        for branch in ("home", "any")
    }
    assert share["any"] > 0.995
    assert share["home"] < 0.95


def test_one_branch_of_a_leg_is_trained_where_it_is_asked_for(tmp_path):
    """The first figure tells what it leaves, and the last line what to do about it."""
    folder = tmp_path / "leg"
    told = invoke("train", "--arm", "leg3", "--branches", "home", "--preset", "micro",
                  "--epochs", 4, *SMALL, "--out", folder)  # fmt: skip
    assert "One branch, that of the home posture: one of 3 aspects" in told.output
    values = json.loads(invoke("evaluate", folder, "--targets", 2000, "--json").stdout)
    assert values["one_branch"]["refined"]["3"]["solved_1mm"] > 0.99
    assert values["solved"] < 0.97
    assert sorted(values["any_branch"]) == ["0", "1", "2", "3"]
    text = " ".join(invoke("evaluate", folder, "--targets", 2000).output.split())
    assert text.startswith(f"Solved: {100 * values['solved']:.3f}% of everything")
    assert text.endswith("Train all branches: edge-ik train --branches all")


def test_an_axis_is_trained_and_solved(tmp_path):
    invoke("train", "--arm", "so101", "--task", "axis", "--width", 32, "--epochs", 3,
           *SMALL, "--out", tmp_path / "so101")  # fmt: skip
    values = json.loads(invoke("evaluate", tmp_path / "so101", "--targets", 1000, "--json").stdout)
    assert values["any_branch"]["4"]["solved_1mm_01deg"] > 0.9
    result = invoke("solve", tmp_path / "so101", "--target", 0.25, 0.0, 0.1,
                    "--direction", 1, 0, -1, "--json")  # fmt: skip
    assert json.loads(result.stdout)["rotation_error_rad"] is not None


def test_joints_to_spare_need_nothing_else_and_are_resumed(spare):
    values = json.loads(invoke("evaluate", spare, "--targets", 1000, "--json").stdout)
    assert values["solved"] > 0.98
    again = invoke("train", "--resume", spare)
    assert "learned by 12 heads" in again.output
    assert "It was finished already" in again.output
