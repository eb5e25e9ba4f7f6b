"""The command that measures a network."""

import json
import shutil

import numpy as np
import pytest

pytest.importorskip("tensorflow")


from edge_ik.run import METRICS_FILE, Run

pytestmark = pytest.mark.tensorflow


def test_for_programs(printed, tmp_path, tiny_folder):
    folder = shutil.copytree(tiny_folder, tmp_path / "run")
    values = printed("evaluate", folder, "--targets", 200)
    names = {"rmse_m", "mean_m", "p95_m", "max_m", "solved_1mm", "limit_violations"}
    assert {steps: set(figures) for steps, figures in values["any_branch"].items()} == {
        "0": names,
        "1": names,
        "2": names,
        "3": names,
    }
    assert values["solved"] == values["any_branch"]["3"]["solved_1mm"]
    names |= {"joint_error_mean_deg", "focus_rmse_m"}
    assert set(values["one_branch"]["network"]) == names
    assert {steps: set(figures) for steps, figures in values["one_branch"]["refined"].items()} == {
        "1": names,
        "2": names,
        "3": names,
    }
    assert values["targets"] == values["one_branch"]["targets"] == 200
    assert "reference" not in values
    assert json.loads((folder / METRICS_FILE).read_text()) == values


def test_it_tells_what_counts_as_solved(printed, tmp_path, tiny_folder):
    folder = shutil.copytree(tiny_folder, tmp_path / "run")
    usual = printed("evaluate", folder, "--targets", 200)
    assert usual["tolerance"] == {"position_m": 0.001}
    fine = printed("evaluate", folder, "--targets", 200, "--tolerance", 0.01)
    assert fine["tolerance"] == {"position_m": 1e-5}
    assert fine["solved"] < usual["solved"]
    # The study's figures are told to its own millimetre, whatever is asked for.
    for steps, found in fine["any_branch"].items():
        assert found["solved_1mm"] == usual["any_branch"][steps]["solved_1mm"]


@pytest.fixture
def forgetful(tmp_path):
    """Function of a run folder: a copy whose network always answers with the upper limits."""

    def make(folder):
        copy = shutil.copytree(folder, tmp_path / "run")
        run = Run.load(copy)
        network = run.load_network()
        kernel, bias = network.layers[-1].get_weights()
        answer = np.concatenate([np.sin(run.chain.upper), np.cos(run.chain.upper)])
        answers = np.tile(answer, len(run.branches))
        bias = np.concatenate([answers, np.zeros(len(bias) - len(answers))])
        network.layers[-1].set_weights([np.zeros_like(kernel), bias])
        run.save_network(network)
        return copy

    return make


def test_heads_for_programs(printed, heads_folder, forgetful):
    folder = forgetful(heads_folder)
    values = printed("evaluate", folder, "--targets", 200)
    assert "one_branch" not in values
    assert len(values["branches"]) == 3
    assert set(values["branches"][0]) == {"name", "wins", "reaches"}
    assert values["mean_heads"] == sum(row["reaches"] for row in values["branches"])
    assert list(values["any_branch"]) == ["0", "1", "2", "3"]
    assert set(values["rest"]) == {
        "near_limits",
        "near_singularities",
        "edge_of_workspace",
        "elsewhere",
    }


def test_for_people(run, tiny_folder, forgetful):
    folder = forgetful(tiny_folder)
    result = run("evaluate", folder, "--targets", 200)
    assert result.exit_code == 0, result.output
    words = ("254 parameters", "200 unseen targets", "published study", "+3 DLS", "RMSE")
    for word in words:
        assert word in result.stdout
    # The first figure is the share of everything, and the last line what to do about the rest.
    lines = result.stdout.strip().splitlines()
    assert lines[0].startswith("Solved: ")
    assert "of everything the arm reaches" in lines[0]
    last = result.stdout[result.stdout.rindex("Not solved: ") :]
    assert "edge-ik train --branches all" in " ".join(last.split())


def test_heads_for_people(run, heads_folder, forgetful):
    folder = forgetful(heads_folder)
    result = run("evaluate", folder, "--targets", 200)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("Solved: ")
    for word in ("from at most 3 seeds", "of 3 reach a target on average", "Not solved: "):
        assert word in " ".join(result.stdout.split())
    assert "published study" not in result.stdout
    assert "reference" not in result.stdout


def test_mistakes_are_told(refused, tmp_path, tiny_folder):
    assert "where there is nothing" in refused("evaluate", tmp_path / "nowhere")
    assert "--runtime" in refused("evaluate", tiny_folder, "--runtime", "reference")
    assert "is not a run folder" in refused("evaluate", tmp_path)
    assert "--targets" in refused("evaluate", tiny_folder, "--targets", 0)
