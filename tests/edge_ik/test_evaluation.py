"""The error figures, on predictors whose errors are known."""

import dataclasses
import json
import math

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from edge_ik.arms import load_arm
from edge_ik.data.targets import draw_branch, draw_everywhere
from edge_ik.evaluation import evaluate_run, evaluate_seeds, most_steps, validate
from edge_ik.figures import STUDY, describe_rest, joint_difference
from edge_ik.run import METRICS_FILE, Run
from firmware_host.normalization import Normalization
from firmware_host.problem import IkProblem
from firmware_host.solver import IkSolver, Status
from firmware_host.solving.seeding import Seeder
from firmware_host.spec import Branch, ModelSpec
from firmware_host.tasks import POSE, POSITION

pytestmark = pytest.mark.tensorflow

IDENTITY = Normalization((0.0,) * 6, (1.0,) * 6)
EVERYWHERE = {"rmse_m", "mean_m", "p95_m", "max_m", "solved_1mm", "limit_violations"}
ONE_BRANCH = EVERYWHERE | {"joint_error_mean_deg", "focus_rmse_m"}


def closed_form(offset=(0.0, 0.0, 0.0)):
    """arm3's own solution, elbow up, with its angles off by an offset."""

    def predict(features):
        x, y, z = features[:, 0], features[:, 1], features[:, 2] - 0.15
        radial = np.hypot(x, y)
        elbow = np.arccos(np.clip((radial**2 + z**2) / 0.125 - 1, -1, 1))
        shoulder = np.arctan2(z, radial) + elbow / 2
        q = np.stack([np.arctan2(y, x), shoulder, elbow], axis=-1) + np.array(offset)
        return np.concatenate([np.sin(q), np.cos(q)], axis=-1).astype(np.float32)

    return predict


def seeder_of(problem, predict, heads=1):
    """A network whose features are not normalized."""
    branches = tuple(Branch(str(number), 0.0, 0.0) for number in range(heads))
    spec = ModelSpec(problem, IDENTITY, tuple(problem.chain.middle.tolist()), branches=branches)
    return Seeder(spec, predict)


def measured(problem, predict, targets, steps=None):
    return evaluate_seeds(seeder_of(problem, predict), targets, steps)


@pytest.fixture(scope="module")
def targets(make_source, problem):
    """Of everything, and of the home aspect."""
    source, circle = make_source()
    rng = np.random.default_rng(0)
    branch = draw_branch(source.one_branch.region, circle, 2000, rng)
    return dataclasses.replace(draw_everywhere(problem, 2000, rng), one_branch=branch)


def test_a_perfect_predictor_has_no_error(problem, targets):
    found = measured(problem, closed_form(), targets)
    figures = found.one_branch.network
    assert figures.max_m < 1e-5
    assert figures.focus_rmse_m < 1e-5
    assert figures.joint_error_mean_deg < 1e-3
    assert figures.solved_1mm == 1.0
    assert figures.limit_violations == 0


def test_a_known_error_gives_known_figures(problem, targets):
    """The yaw off by an angle moves the tool along a chord around the yaw axis."""
    angle = 0.01
    own = targets.one_branch
    figures = measured(problem, closed_form((angle, 0, 0)), targets, steps=0).one_branch.network
    error = 2 * math.sin(angle / 2) * np.hypot(*own.target[:, :2].T)
    focus = 2 * math.sin(angle / 2) * np.hypot(*own.focus[:, :2].T)
    assert figures.rmse_m == pytest.approx(math.sqrt(np.mean(error**2)), rel=1e-3)
    assert figures.mean_m == pytest.approx(error.mean(), rel=1e-3)
    assert figures.p95_m == pytest.approx(np.quantile(error, 0.95), rel=1e-3)
    assert figures.max_m == pytest.approx(error.max(), rel=1e-3)
    assert figures.focus_rmse_m == pytest.approx(math.sqrt(np.mean(focus**2)), rel=1e-3)
    assert figures.joint_error_mean_deg == pytest.approx(math.degrees(angle) / 3, rel=1e-3)
    assert figures.solved_1mm == pytest.approx(np.mean(error < 1e-3), abs=2e-3)


def test_refinement_is_measured_step_by_step(problem, targets):
    predict = closed_form((0.02, 0.01, -0.02))
    branch = measured(problem, predict, targets, steps=3).one_branch
    assert sorted(branch.refined) == [1, 2, 3]
    rmse = [branch.network.rmse_m, *(branch.refined[k].rmse_m for k in (1, 2, 3))]
    assert rmse == sorted(rmse, reverse=True)
    assert rmse[0] > 3e-3
    assert rmse[3] < 1e-6
    assert branch.refined[3].solved_1mm == 1.0
    assert branch.targets == 2000
    assert measured(problem, predict, targets, steps=0).one_branch.refined == {}


def test_the_network_is_run_once_on_each_target(problem, targets):
    runs, network = [], closed_form()

    def predict(features):
        runs.append(len(features))
        return network(features)

    own = targets.one_branch
    measured(problem, predict, targets)
    assert runs == [len(targets.target), len(own.target) + len(own.focus)]
    runs.clear()
    validate(seeder_of(problem, predict), targets)
    assert runs == [len(targets.target)]


class TestEverything:
    """The first figures: of targets from uniform joints, answered as the solver does."""

    def test_solved_is_the_share_of_everything_that_the_solver_answers(self, problem, targets):
        """A network that knows but half of what the arm reaches solves half of it."""
        right = closed_form((0.02, 0.01, -0.02))

        def half(features):
            outputs = right(features)
            # Left of the base its answer is turned to the right as far as the yaw goes.
            outputs[features[:, 1] > 0] = np.float32([-0.14, -1, 0, -0.99, 0, -1])
            return outputs

        found = measured(problem, half, targets)
        solver = IkSolver(seeder_of(problem, half).spec, half)
        answers = solver.solve_batch(targets.target)
        assert found.solved == np.mean(answers.status == Status.SOLVED)
        assert found.steps == solver.refine_steps == 3
        assert found.targets == 2000
        assert 0.4 < found.solved < 0.9
        assert measured(problem, right, targets).solved > 0.99
        # Of its own branch it looks alike, but for the steps toward the nearest posture, which
        # reach some: that cannot be the first figure.
        assert 0 < found.solved - found.one_branch.refined[3].solved_1mm < 0.2

    @pytest.mark.parametrize("steps", [None, 5, 0])
    def test_any_branch_has_every_number_of_steps_of_one_branch_too(self, problem, targets, steps):
        found = measured(problem, closed_form((0.02, 0.01, -0.02)), targets, steps)
        assert sorted(found.any_branch) == list(range(max(steps or 0, 3) + 1))
        rmse = [found.any_branch[k].rmse_m for k in range(4)]
        assert rmse == sorted(rmse, reverse=True)
        assert found.network is found.any_branch[0]
        assert found.solved == found.any_branch[3].solved_1mm
        assert found.tried == 1.0

    def test_without_a_branch_of_its_own_there_are_no_figures_of_one(self, problem, targets):
        everything = dataclasses.replace(targets, one_branch=None)
        found = measured(problem, closed_form(), everything)
        assert found.one_branch is None
        assert "one_branch" not in found.to_dict()
        # The sample's own posture is one of many: to differ from it is no error.
        assert found.network.joint_error_mean_deg is None

    @pytest.mark.parametrize(
        ("name", "task", "steps"), [("arm3", POSITION, 3), ("ur5", POSE, 6), ("so101", POSITION, 6)]
    )
    def test_more_steps_are_told_where_more_is_to_settle(self, name, task, steps):
        assert most_steps(IkProblem(load_arm(name), task)) == steps

    def test_heads_are_tried_in_their_order_and_tries_are_counted(self, problem, targets):
        """Head 1 knows the answer, and promises less than head 0 for half of the targets."""
        right = closed_form((0.02, 0.01, -0.02))

        def predict(features):
            wrong = np.tile(np.float32([0, -1, 0, 1, 0, -1]), (len(features), 1))
            trusts_wrong = (features[:, 1] > 0).astype(np.float32)
            promises = np.stack([trusts_wrong, 1 - trusts_wrong], axis=-1)
            return np.concatenate([wrong, right(features), promises], axis=-1)

        found = evaluate_seeds(seeder_of(problem, predict, heads=2), targets)
        assert found.solved > 0.99
        assert 1.1 < found.tried < 1.6
        # Alone, the network answers by the head that it trusts.
        assert found.network.rmse_m > 0.05
        assert validate(seeder_of(problem, predict, heads=2), targets)[0] == found.solved

    def test_how_far_it_is_is_told_before_each_number_of_steps(self, problem, targets):
        told = []
        evaluate_seeds(seeder_of(problem, closed_form()), targets, 3, told.append)
        *steps, last = told
        assert [(done.what, done.count, done.total) for done in steps] == [
            (f"Solving, {taken} DLS steps", 2000 * taken, 8000) for taken in range(4)
        ]
        # The branch of the home posture is not counted.
        assert last.total == 0

    def test_validation_gives_the_first_figures(self, problem, targets):
        predict = closed_form((0.02, 0.01, -0.02))
        solved, alone = validate(seeder_of(problem, predict), targets)
        found = measured(problem, predict, targets)
        assert solved == found.solved
        assert alone == found.network


class TestRest:
    def test_nothing_is_left_of_everything(self, problem):
        assert describe_rest(problem, np.zeros((0, 3))) == {}

    @pytest.mark.parametrize(
        ("q", "where"),
        [
            ([0.0, 1.89, 1.3], {"near_limits"}),
            # A yaw of a full turn is nowhere stopped.
            ([math.pi - 0.01, 0.85, 1.375], {"elsewhere"}),
            ([0.0, 0.85, 1.375], {"elsewhere"}),
            # The tool over the yaw's axis.
            ([0.0, 1.5708 + 0.7, 1.4], {"near_limits", "near_singularities"}),
            # The elbow as straight as it can be, which is not yet singular.
            ([0.3, 0.5, 0.16], {"near_limits", "edge_of_workspace"}),
        ],
    )
    def test_a_configuration_is_where_it_is(self, problem, q, where):
        found = describe_rest(problem, np.array([q]))
        assert {name for name, share in found.items() if share} == where
        assert all(share in (0.0, 1.0) for share in found.values())

    def test_shares_are_of_the_configurations(self, problem):
        q = np.array([[0.0, 1.89, 1.3], [0.0, 0.85, 1.375], [0.0, 0.9, 1.4], [0.1, 0.9, 1.4]])
        found = describe_rest(problem, q)
        assert found["near_limits"] == 0.25
        assert found["elsewhere"] == 0.75

    def test_it_is_of_what_is_not_solved(self, problem, targets):
        """Wrong near the elbow's limit alone: all of the rest lies there."""
        right = closed_form()
        edge = 0.485  # [m] from the shoulder: the elbow bends by less than half a radian

        def predict(features):
            outputs = right(features)
            far = np.linalg.norm(features[:, :3] - [0, 0, 0.15], axis=1) > edge
            outputs[far] = np.float32([0, -1, 0, 1, 0, -1])
            return outputs

        found = measured(problem, predict, targets)
        assert found.solved < 0.99
        assert found.rest["edge_of_workspace"] > 0.9
        assert found.to_dict()["rest"] == found.rest


def test_the_values_for_programs_have_the_documented_names(problem, targets):
    values = measured(problem, closed_form(), targets).to_dict()
    assert json.loads(json.dumps(values)) == values
    names = {"solved", "steps", "targets", "any_branch", "tried", "rest", "one_branch"}
    assert set(values) == names
    assert list(values["any_branch"]) == ["0", "1", "2", "3"]
    assert all(set(figures) == EVERYWHERE for figures in values["any_branch"].values())
    assert set(values["one_branch"]) == {"network", "refined", "targets"}
    assert set(values["one_branch"]["network"]) == ONE_BRANCH
    assert list(values["one_branch"]["refined"]) == ["1", "2", "3"]
    assert all(set(found) == ONE_BRANCH for found in values["one_branch"]["refined"].values())
    assert values["targets"] == values["one_branch"]["targets"] == 2000
    assert set(STUDY) < ONE_BRANCH


def test_a_task_with_an_orientation_has_its_figures():
    problem = IkProblem(load_arm("ur5"), POSE)
    count = len(problem.feature_names)
    normalization = Normalization((0.0,) * count, (1.0,) * count)
    spec = ModelSpec(problem, normalization, (0.0,) * 6)
    targets = draw_everywhere(problem, 50, np.random.default_rng(0))
    found = evaluate_seeds(Seeder(spec, lambda f: np.ones((len(f), 12), np.float32)), targets)
    turned = {"rotation_mean_deg", "solved_1mm_1deg", "solved_1mm_01deg"}
    values = found.to_dict()
    assert list(values["any_branch"]) == [str(steps) for steps in range(7)]
    assert all(set(figures) == EVERYWHERE | turned for figures in values["any_branch"].values())
    assert values["steps"] == 4
    assert found.solved == found.any_branch[4].solved_1mm_01deg


def test_measuring_a_run_writes_what_it_returns(tmp_path, tiny_folder):
    import shutil

    folder = shutil.copytree(tiny_folder, tmp_path / "run")
    metrics = evaluate_run(folder, 300)
    assert json.loads((folder / METRICS_FILE).read_text()) == metrics
    assert metrics["targets"] == 300
    assert metrics["parameters"] == 254
    assert metrics["robot"] == "arm3"
    assert metrics["config_hash"] == Run.load(folder).config.hash()
    assert metrics["branches"] == [{"name": "home", "wins": 1.0, "reaches": 1.0}]
    assert "one_branch" in metrics
    assert "mean_heads" not in metrics
    assert evaluate_run(folder, 300) == metrics


def test_a_run_of_heads_is_measured_with_its_branches(tmp_path, heads_folder):
    import shutil

    folder = shutil.copytree(heads_folder, tmp_path / "run")
    metrics = evaluate_run(folder, 300)
    assert "one_branch" not in metrics
    assert [row["name"] for row in metrics["branches"]] == list(Run.load(folder).spec.branch_names)
    assert metrics["mean_heads"] == sum(row["reaches"] for row in metrics["branches"])
    assert 1 <= metrics["tried"] <= 3


def test_joints_differ_the_short_way_around(arm3):
    q, q_true = np.array([math.pi - 0.1, 0.5, 0]), np.array([-math.pi + 0.1, 0.2, 0])
    np.testing.assert_allclose(joint_difference(arm3, q, q_true), [0.2, 0.3, 0])
    np.testing.assert_allclose(joint_difference(arm3, q_true, q), [0.2, 0.3, 0])
