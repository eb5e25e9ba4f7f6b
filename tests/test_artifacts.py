"""The reference models do what the figures beside them say."""

import json
from pathlib import Path

import numpy as np
import pytest

from edge_ik.tables import AS_ANSWERED
from firmware_host.kinematics import tool_position
from firmware_host.model_file import read_model
from firmware_host.solver import IkSolver, Status

ARTIFACTS = Path(__file__).resolve().parent.parent / "artifacts"
# Named, so that a folder that goes missing is noticed; others are found.
FOLDERS = sorted({ARTIFACTS / "arm3", *(path.parent for path in ARTIFACTS.glob("*/README.md"))})
LARGEST_NETWORK = 96 * 1024  # bytes
LARGEST_FILE = LARGEST_NETWORK + 16 * 1024  # with the robot

# The reference interpreter is exact, and what surrounds it is float64: the last digits of
# sines and cosines are all that another machine's NumPy may give differently.
RELATIVE, ABSOLUTE = 1e-9, 1e-12


@pytest.fixture(params=FOLDERS, ids=lambda folder: folder.name)
def folder(request):
    return request.param


@pytest.fixture
def model(folder):
    """The folder's one model."""
    (path,) = folder.glob("*.tflite")
    return path


@pytest.fixture
def figures(folder):
    return json.loads((folder / "figures.json").read_text(encoding="utf-8"))


def test_the_commands_that_made_it_are_told(folder, model):
    text = (folder / "README.md").read_text(encoding="utf-8")
    for part in ("edge-ik train", "edge-ik export", "edge-ik evaluate", model.name):
        assert part in text


def test_its_table_says_what_so_many_steps_are(folder):
    assert AS_ANSWERED in (folder / "README.md").read_text(encoding="utf-8")


def test_it_is_small(model):
    flatbuffer, _ = read_model(model)
    assert len(flatbuffer) <= LARGEST_NETWORK
    assert model.stat().st_size <= LARGEST_FILE


def test_figures_and_file_tell_the_same_origin(model, figures):
    _, record = read_model(model)
    provenance = record["provenance"]
    assert figures["version"] == provenance["version"]
    assert figures["config_hash"] == provenance["config_hash"]
    assert figures["parameters"] == provenance["parameters"]
    assert figures["format"] == provenance["quantization"]["format"]
    assert figures["robot"] == record["robot"]["name"]


def flat(values, path=()):
    """Every number and word of a JSON value, by where it stands."""
    if isinstance(values, dict | list):
        items = values.items() if isinstance(values, dict) else enumerate(values)
        return {
            where: leaf for key, value in items for where, leaf in flat(value, (*path, key)).items()
        }
    return {path: values}


@pytest.mark.tensorflow
def test_measuring_it_again_gives_the_stored_figures(model, figures):
    from edge_ik.evaluation import evaluate_model

    runtime = figures["runtime"].split()[0]
    found = evaluate_model(model, figures["targets"], runtime)
    found.pop("runtime")  # with the version of NumPy
    figures.pop("runtime")
    again, stored = flat(found), flat(figures)
    assert set(again) == set(stored)
    for name, value in stored.items():
        number = isinstance(value, float)
        expected = pytest.approx(value, rel=RELATIVE, abs=ABSOLUTE) if number else value
        assert again[name] == expected, name


def test_the_stored_figures_are_good(folder, figures):
    assert figures["targets"] >= 5000
    assert figures["solved"] >= 0.999
    assert all(found["limit_violations"] == 0 for found in figures["any_branch"].values())
    if folder.name == "arm3":
        after_two, after_three = figures["any_branch"]["2"], figures["any_branch"]["3"]
        assert (figures["solved"], after_two["solved_1mm"]) == (1.0, 1.0)
        assert after_three["rmse_m"] <= 1e-6


def test_it_solves_out_of_the_box(model):
    solver = IkSolver.load(model, "reference")
    target = solver.problem.reached_by(solver.home + 0.1)
    found = solver.solve(solver.task.given(target[None])[0])
    assert found.status is Status.SOLVED
    assert found.within_limits
    assert found.in_workspace
    distance, _ = solver.problem.errors(found.q, target)
    assert distance < 1e-5


def test_the_readme_solves():
    """The README's five lines, on targets of its own."""
    solver = IkSolver.load(ARTIFACTS / "arm3" / "arm3-int8.tflite", "reference")
    found = solver.solve([0.30, 0.10, 0.20])
    position = tool_position(solver.chain, np.sin(found.q), np.cos(found.q))
    np.testing.assert_allclose(position, [0.30, 0.10, 0.20], atol=1e-6)
