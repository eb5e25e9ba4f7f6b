"""Inspection: everything in a file, and no runtime to read it."""

import hashlib
import json
import math
from pathlib import Path

import pytest

from firmware_host.chain import Chain
from firmware_host.errors import ModelFileError
from firmware_host.inspect_model import inspect_model, inspect_network, inspection_tables
from firmware_host.model_file import read_model, write_model
from firmware_host.network import runtimes
from firmware_host.network.flatbuffer import read_graph
from firmware_host.spec import ModelSpec

MODELS = Path(__file__).parent / "models"
# Width 8, one block, six features, four outputs.
PARAMETERS = (6 + 1) * 8 + 2 * (8 + 1) * 8 + (8 + 1) * 4


def test_the_robot_is_the_file_s(planar_model):
    values = json.loads(json.dumps(inspect_model(planar_model), allow_nan=False))
    spec = ModelSpec.from_dict(read_model(planar_model)[1])
    assert Chain.from_dict(values["robot"]).to_dict() == spec.chain.to_dict()
    assert values["robot"]["reach"] == spec.chain.reach
    assert values["task"] == "position"
    assert values["home"] == list(spec.home)
    assert values["normalization"]["mean"] == list(spec.normalization.mean)
    assert len(values["normalization"]["features"]) == 6
    assert values["provenance"] == spec.provenance
    assert values["branches"] == [{"name": "home", "wins": 1.0, "reaches": 1.0}]
    assert "mean_heads" not in values
    assert 0 < values["workspace"]["cells_share"] <= 1
    assert 0 < values["workspace"]["sectors_share"] <= 1


def test_the_network_is_the_file_s(planar_model):
    values = inspect_model(planar_model)
    flatbuffer = (MODELS / "int8_per_channel.tflite").read_bytes()
    assert values["file"] == {
        "name": "planar.tflite",
        "bytes": planar_model.stat().st_size,
        "flatbuffer_bytes": len(flatbuffer),
        "flatbuffer_sha256": hashlib.sha256(flatbuffer).hexdigest(),
    }
    network = values["network"]
    assert network["parameters"] == PARAMETERS
    assert network["operators"] == {"FULLY_CONNECTED": 4, "LOGISTIC": 2, "MUL": 2, "ADD": 1}
    assert sum(network["tensors"].values()) == len(read_graph(flatbuffer).tensors)
    for part, size in ((network["inputs"], 6), (network["outputs"], 4)):
        (tensor,) = part
        assert (tensor["shape"], tensor["dtype"]) == ([1, size], "int8")
        assert tensor["scale"][0] > 0
        assert -128 <= tensor["zero_point"][0] <= 127


def test_a_network_in_floats_has_no_scale():
    network = inspect_network(read_graph((MODELS / "float32.tflite").read_bytes()))
    assert network["inputs"][0]["scale"] is None
    assert network["parameters"] == PARAMETERS
    assert network["parameter_bytes"] == 4 * PARAMETERS


def test_no_runtime_is_needed(planar_model, monkeypatch):
    monkeypatch.setattr(runtimes, "_obstacle", lambda name: "it is not installed")
    assert inspect_model(planar_model)["task"] == "position"


def test_the_tables_show_all_of_it(planar_model):
    values = json.loads(json.dumps(inspect_model(planar_model)))
    model, joints, features, provenance = inspection_tables(values)
    for table in (model, joints, features, provenance):
        assert all(len(row) == len(table.columns) for row in table.rows)
        assert all(isinstance(cell, str) for row in table.rows for cell in row)
    assert ("parameters", "236 in 320 bytes") in model.rows
    assert model.title == "planar.tflite"
    assert joints.rows[0][:4] == ("inner", "revolute", "-114.59 deg", "114.59 deg")
    assert joints.rows[1][-1] == "250, 0, 0"
    assert [row[0] for row in features.rows][:3] == ["x", "y", "z"]
    assert provenance.rows == [
        ("version", "1.2.3"),
        ("rng_seed", "5"),
        ("metrics.rmse_m", "0.1"),
        ("metrics.steps", "1, 2"),
    ]


def test_tables_of_figures_are_left_to_programs(planar_model):
    values = inspect_model(planar_model)
    metrics = {"solved": 0.5, "any_branch": {"0": {"rmse_m": 0.1}}}
    values["provenance"] = {"quantization": {"format": "int8"}, "metrics": metrics}
    assert inspection_tables(values)[-1].rows == [
        ("quantization.format", "int8"),
        ("metrics.solved", "0.5"),
    ]


def test_the_branches_of_several_heads_are_shown(planar_model, tmp_path):
    flatbuffer, record = read_model(planar_model)
    rows = [
        {"name": "outer+", "wins": 0.75, "reaches": 0.875},
        {"name": "branch#1", "wins": 0.25, "reaches": 0.5},
    ]
    path = tmp_path / "two.tflite"
    write_model(path, flatbuffer, {**record, "branches": rows})
    values = json.loads(json.dumps(inspect_model(path)))
    assert values["branches"] == rows
    assert values["mean_heads"] == pytest.approx(1.375)
    branches = inspection_tables(values)[2]
    assert branches.title == "Branches: 1.38 of 2 reach a target on average"
    assert branches.rows == [("0", "outer+", "75.00", "87.50"), ("1", "branch#1", "25.00", "50.00")]


def test_a_model_without_a_robot_is_refused():
    with pytest.raises(ModelFileError, match="carries no robot"):
        inspect_model(MODELS / "float32.tflite")


def test_servos_are_shown_with_what_they_do_not_reach(servo_model, planar_model):
    values = json.loads(json.dumps(inspect_model(servo_model), allow_nan=False))
    inner, outer = values["servos"]
    assert (inner["joint"], inner["unit"], inner["at_joint_zero"]) == ("inner", "us", 1500.0)
    assert inner["reaches"] == pytest.approx([-math.pi / 2, math.pi / 2])
    # Limits of 2 rad, and a servo of a quarter turn to either side.
    assert inner["out_of_reach"] == pytest.approx([2.0 - math.pi / 2] * 2)
    assert outer["out_of_reach"] == [0.0, 0.0]
    (table,) = [table for table in inspection_tables(values) if table.title == "Servos"]
    first, second = table.rows
    assert len(table.columns) == len(first)
    assert first[:4] == ("inner", "PWM", "500 to 2500 us", "1500 us")
    assert first[-2:] == ("-90.0 to 90.0 deg", "24.6 deg below, 24.6 deg above")
    assert second[-2:] == ("-180.0 to 179.9 deg", "-")
    assert "servos" not in inspect_model(planar_model)
