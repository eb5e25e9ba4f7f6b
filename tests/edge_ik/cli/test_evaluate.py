"""The command that measures a network."""

import json
import shutil

import pytest

pytest.importorskip("tensorflow")

from edge_ik.run import METRICS_FILE

pytestmark = pytest.mark.tensorflow


def test_for_programs(printed, tmp_path, tiny_folder):
    folder = shutil.copytree(tiny_folder, tmp_path / "run")
    values = printed("evaluate", folder, "--targets", 200)
    names = {"rmse_m", "mean_m", "p95_m", "max_m", "joint_error_mean_deg", "focus_rmse_m"}
    names |= {"solved_1mm", "limit_violations"}
    assert set(values["network"]) == names
    assert {steps: set(figures) for steps, figures in values["refined"].items()} == {
        "1": names,
        "2": names,
        "3": names,
    }
    assert values["targets"] == 200
    assert json.loads((folder / METRICS_FILE).read_text()) == values


def test_for_people(run, tmp_path, tiny_folder):
    folder = shutil.copytree(tiny_folder, tmp_path / "run")
    result = run("evaluate", folder, "--targets", 200)
    assert result.exit_code == 0, result.output
    for word in ("254 parameters", "200 unseen targets", "reference", "+3 DLS", "RMSE"):
        assert word in result.stdout


def test_mistakes_are_told(refused, tmp_path, tiny_folder):
    assert "where there is nothing" in refused("evaluate", tmp_path / "nowhere")
    assert "--runtime" in refused("evaluate", tiny_folder, "--runtime", "reference")
    assert "is not a run folder" in refused("evaluate", tmp_path)
    assert "--targets" in refused("evaluate", tiny_folder, "--targets", 0)
