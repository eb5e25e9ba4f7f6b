"""The command that shows what a model holds, which needs no TensorFlow."""

import json
import sys
import zipfile

import pytest

from firmware_host.model_file import MEMBER, joined, read_model


@pytest.fixture(autouse=True)
def without_tensorflow(monkeypatch):
    for name in ("tensorflow", "keras", "scipy"):
        monkeypatch.setitem(sys.modules, name, None)


def test_inspect_shows_the_robot_and_the_network(run, planar_model):
    result = run("inspect", planar_model)
    assert result.exit_code == 0, result.output
    for text in ("planar", "inner", "outer", "FULLY_CONNECTED", "sin_azimuth", "rng_seed"):
        assert text in result.stdout


def test_inspect_prints_json_alone(run, planar_model):
    result = run("inspect", planar_model, "--json")
    assert result.exit_code == 0, result.output
    values = json.loads(result.stdout)
    assert values["network"]["parameters"] == 236
    assert values["branches"] == [{"name": "home", "wins": 1.0, "reaches": 1.0}]


def test_a_model_of_the_kind_before_is_told_in_one_sentence(run, planar_model, tmp_path):
    path = tmp_path / "old.tflite"
    flatbuffer, _ = read_model(planar_model)
    with zipfile.ZipFile(planar_model) as archive:
        values = json.loads(archive.read(MEMBER))
    path.write_bytes(joined(flatbuffer, json.dumps({**values, "format_version": 1}).encode()))
    result = run("inspect", path)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert len(result.stderr.strip().splitlines()) == 1
    assert "format version 1. Expected: 3. Train it anew with `edge-ik train`" in result.stderr


def test_a_missing_file_is_told(run, tmp_path):
    result = run("inspect", tmp_path / "none.tflite")
    assert result.exit_code == 1
    assert "There is no model file" in result.stderr


def test_inspect_shows_the_servos(run, servo_model):
    result = run("inspect", servo_model)
    assert result.exit_code == 0, result.output
    assert "Servos" in result.stdout
    values = json.loads(run("inspect", servo_model, "--json").stdout)
    assert [servo["joint"] for servo in values["servos"]] == ["inner", "outer"]
