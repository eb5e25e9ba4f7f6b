"""The commands for exported models, which need no TensorFlow."""

import json
import sys

import pytest
from click.testing import CliRunner

from edge_ik.cli import main
from firmware_host import bench


@pytest.fixture(autouse=True)
def without_tensorflow(monkeypatch):
    for name in ("tensorflow", "keras", "scipy", "yourdfpy"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr(bench, "BATCH_SECONDS", 0.0)
    monkeypatch.setattr(bench, "BATCH_SIZES", (1, 7))


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_inspect_shows_the_robot_and_the_network(planar_model):
    result = run("inspect", planar_model)
    assert result.exit_code == 0, result.output
    for text in ("planar", "inner", "outer", "FULLY_CONNECTED", "sin_azimuth", "rng_seed"):
        assert text in result.stdout


def test_inspect_prints_json_alone(planar_model):
    result = run("inspect", planar_model, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["network"]["parameters"] == 236


def test_bench_shows_its_tables(planar_model):
    result = run("bench", planar_model, "--runtime", "reference", "--targets", 3, "--steps", 1)
    assert result.exit_code == 0, result.output
    for text in ("reference: network", "1 DLS step", "no network", "NumPy"):
        assert text in result.stdout


def test_bench_prints_json_alone(planar_model):
    arguments = ("bench", planar_model, "--runtime", "reference", "--targets", 3, "--json")
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert (found["targets"], found["steps"]) == (3, 3)
    assert list(found["runtimes"]) == ["reference"]


@pytest.mark.parametrize("command", ["inspect", "bench"])
def test_a_missing_file_is_told(command, tmp_path):
    result = run(command, tmp_path / "none.tflite")
    assert result.exit_code == 1
    assert "There is no model file" in result.stderr


def test_an_unknown_runtime_is_told(planar_model):
    result = run("bench", planar_model, "--runtime", "magic")
    assert result.exit_code == 1
    assert "Unknown runtime" in result.stderr
