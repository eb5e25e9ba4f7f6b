"""The error figures, on predictors whose errors are known."""

import json
import math

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from edge_ik.data.targets import draw_targets
from edge_ik.evaluation import REFERENCE, evaluate_run, evaluate_seeds, joint_difference
from edge_ik.run import METRICS_FILE, Run
from firmware_host.normalization import Normalization
from firmware_host.solving.seeding import Seeder
from firmware_host.spec import ModelSpec

pytestmark = pytest.mark.tensorflow

IDENTITY = Normalization((0.0,) * 6, (1.0,) * 6)
FIGURES = {
    "rmse_m",
    "mean_m",
    "p95_m",
    "max_m",
    "joint_error_mean_deg",
    "focus_rmse_m",
    "solved_1mm",
    "limit_violations",
}


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


def measured(problem, predict, targets, steps=None):
    """The figures of a network whose features are not normalized."""
    spec = ModelSpec(problem, IDENTITY, tuple(problem.chain.middle.tolist()))
    return evaluate_seeds(Seeder(spec, predict), targets, steps)


@pytest.fixture(scope="module")
def targets(make_source):
    source, circle = make_source()
    return draw_targets(source.aspect, circle, 2000, np.random.default_rng(0))


def test_a_perfect_predictor_has_no_error(problem, targets):
    figures = measured(problem, closed_form(), targets).network
    assert figures.max_m < 1e-5
    assert figures.focus_rmse_m < 1e-5
    assert figures.joint_error_mean_deg < 1e-3
    assert figures.solved_1mm == 1.0
    assert figures.limit_violations == 0


def test_a_known_error_gives_known_figures(problem, targets):
    """The yaw off by an angle moves the tool along a chord around the yaw axis."""
    angle = 0.01
    figures = measured(problem, closed_form((angle, 0, 0)), targets, steps=0).network
    error = 2 * math.sin(angle / 2) * np.hypot(*targets.target[:, :2].T)
    focus = 2 * math.sin(angle / 2) * np.hypot(*targets.focus[:, :2].T)
    assert figures.rmse_m == pytest.approx(math.sqrt(np.mean(error**2)), rel=1e-3)
    assert figures.mean_m == pytest.approx(error.mean(), rel=1e-3)
    assert figures.p95_m == pytest.approx(np.quantile(error, 0.95), rel=1e-3)
    assert figures.max_m == pytest.approx(error.max(), rel=1e-3)
    assert figures.focus_rmse_m == pytest.approx(math.sqrt(np.mean(focus**2)), rel=1e-3)
    assert figures.joint_error_mean_deg == pytest.approx(math.degrees(angle) / 3, rel=1e-3)
    assert figures.solved_1mm == pytest.approx(np.mean(error < 1e-3), abs=2e-3)


def test_refinement_is_measured_step_by_step(problem, targets):
    predict = closed_form((0.02, 0.01, -0.02))
    evaluation = measured(problem, predict, targets, steps=3)
    assert sorted(evaluation.refined) == [1, 2, 3]
    rmse = [evaluation.network.rmse_m, *(evaluation.refined[k].rmse_m for k in (1, 2, 3))]
    assert rmse == sorted(rmse, reverse=True)
    assert rmse[0] > 3e-3
    assert rmse[3] < 1e-6
    assert evaluation.refined[3].solved_1mm == 1.0
    assert evaluation.targets == 2000
    assert measured(problem, predict, targets, steps=0).refined == {}


def test_the_values_for_programs_have_the_documented_names(problem, targets):
    values = measured(problem, closed_form(), targets).to_dict()
    assert json.loads(json.dumps(values)) == values
    assert set(values["network"]) == FIGURES
    assert set(values["refined"]) == {"1", "2", "3"}
    assert all(set(figures) == FIGURES for figures in values["refined"].values())
    assert values["targets"] == 2000
    assert values["reference"] == REFERENCE
    assert set(REFERENCE) < FIGURES


def test_measuring_a_run_writes_what_it_returns(tmp_path, tiny_folder):
    import shutil

    folder = shutil.copytree(tiny_folder, tmp_path / "run")
    metrics = evaluate_run(folder, 300)
    assert json.loads((folder / METRICS_FILE).read_text()) == metrics
    assert metrics["targets"] == 300
    assert metrics["parameters"] == 254
    assert metrics["robot"] == "arm3"
    assert metrics["config_hash"] == Run.load(folder).config.hash()
    assert evaluate_run(folder, 300) == metrics


def test_joints_differ_the_short_way_around():
    q, q_true = np.array([math.pi - 0.1, 0.5]), np.array([-math.pi + 0.1, 0.2])
    np.testing.assert_allclose(joint_difference(q, q_true), [0.2, 0.3])
    np.testing.assert_allclose(joint_difference(q_true, q), [0.2, 0.3])
