"""The published study's table beside a run's."""

import json
import shutil

import pytest
from click.testing import CliRunner

pytest.importorskip("tensorflow")

from edge_ik.evaluation import evaluate_run
from edge_ik.run import HISTORY_FILE, METRICS_FILE
from edge_ik_tools.study import ablation_table, main, study_table
from firmware_host.errors import RunError

pytestmark = pytest.mark.tensorflow

FIGURES = {
    "solved": 1.0,
    "rmse_m": 0.001,
    "p95_m": 0.002,
    "max_m": 0.005,
    "joint_error_mean_deg": 0.2,
    "focus_rmse_m": 0.0007,
}
ABLATION = {
    "variants": {
        "everything": FIGURES,
        "no gate": {**FIGURES, "rmse_m": 0.002, "judged_by": "rmse_m", "worse_without": 2},
    },
    "trials": [{"rng_seed": seed} for seed in (0, 1, 2, 0)],
}


@pytest.fixture
def folder(tmp_path, tiny_folder):
    return shutil.copytree(tiny_folder, tmp_path / "run")


def printed(*arguments):
    result = CliRunner().invoke(main, list(map(str, arguments)))
    return result.exit_code, result.output


def test_a_run_is_told_beside_the_study(folder, tmp_path):
    metrics = evaluate_run(folder, 200)
    ablation = tmp_path / "ablation.json"
    ablation.write_text(json.dumps(ABLATION))
    status, text = printed(folder, "--ablation", ablation)
    assert status == 0, text
    lines = text.splitlines()
    assert lines[0].startswith("120 of 120 steps in ")
    assert "network of step" in lines[0]
    cells = {row[1]: row[2:-1] for row in (line.split("|") for line in lines) if len(row) > 2}
    cells = {name.strip(): [cell.strip() for cell in row] for name, row in cells.items()}
    assert cells["`arm3`, 200 targets"] == [
        *("published study", "network", "+ 1 DLS", "+ 2 DLS", "+ 3 DLS")
    ]
    study, network, *refined = cells["position RMSE, mm"]
    assert study == "9"
    rmse = metrics["one_branch"]["network"]["rmse_m"]
    assert float(network) == pytest.approx(1e3 * rmse, rel=0.006)
    assert len(refined) == 3
    assert cells["position mean, mm"][0] == ""
    assert [cells[name][0] for name in ("position max, mm", "joint mean, deg")] == ["25", "1.2"]
    assert cells["no gate"][1] == "2"
    assert cells["no gate"][-1] == "rmse worse on 2 of 3 seeds"


def test_every_row_has_as_many_cells_as_its_head(folder):
    for table in (study_table(evaluate_run(folder, 200)), ablation_table(ABLATION)):
        assert len({line.count("|") for line in table}) == 1


@pytest.mark.parametrize(
    "other", [{"robot": "leg3"}, {"one_branch": None}], ids=["another arm", "all branches"]
)
def test_what_the_study_has_no_figures_of_is_refused(other):
    metrics = {"robot": "arm3", "one_branch": {"network": {}, "refined": {}, "targets": 1}}
    with pytest.raises(RunError, match="Expected a run of arm3 in one branch"):
        list(study_table({**metrics, **other}))


def test_mistakes_are_told_in_a_sentence(folder, tmp_path):
    assert printed(tmp_path / "none")[1].startswith("Error: There is no run folder")
    assert "is not measured yet. Measure it with: edge-ik evaluate" in printed(folder)[1]
    (folder / METRICS_FILE).write_text("{}")
    assert "Expected the figures that edge-ik evaluate" in printed(folder)[1]
    (folder / METRICS_FILE).write_text("{")
    assert "Expected the figures that edge-ik evaluate" in printed(folder)[1]
    (folder / METRICS_FILE).write_text("{}")
    (folder / HISTORY_FILE).write_text("step\n")
    status, text = printed(folder)
    assert status == 1
    assert "Expected the history of a training" in text
