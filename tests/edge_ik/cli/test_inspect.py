"""The command that shows what a model holds, which needs no TensorFlow."""

import json
import sys

import pytest


@pytest.fixture(autouse=True)
def without_tensorflow(monkeypatch):
    for name in ("tensorflow", "keras", "scipy", "yourdfpy"):
        monkeypatch.setitem(sys.modules, name, None)


def test_inspect_shows_the_robot_and_the_network(run, planar_model):
    result = run("inspect", planar_model)
    assert result.exit_code == 0, result.output
    for text in ("planar", "inner", "outer", "FULLY_CONNECTED", "sin_azimuth", "rng_seed"):
        assert text in result.stdout


def test_inspect_prints_json_alone(run, planar_model):
    result = run("inspect", planar_model, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["network"]["parameters"] == 236


def test_a_missing_file_is_told(run, tmp_path):
    result = run("inspect", tmp_path / "none.tflite")
    assert result.exit_code == 1
    assert "There is no model file" in result.stderr
