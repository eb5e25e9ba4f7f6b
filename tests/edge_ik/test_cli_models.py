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


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--runtime", "reference", "--target", "m4"), "Give one of --runtime, --target"),
        (("--clock", 100), "--clock can be given with --target alone"),
        (("--baud", 9600), "--baud can be given with --serial alone"),
        (("--serial", "/dev/null", "--steps", 2), "compiled into a board's firmware"),
    ],
)
def test_options_that_would_be_ignored_are_refused(planar_model, options, told):
    result = run("bench", planar_model, *options)
    assert result.exit_code == 2
    assert told in " ".join(result.stderr.split())


def test_an_unknown_core_is_told_with_those_there_are(planar_model, require_tool):
    require_tool("qemu-system-arm", "qemu-system-arm")
    result = run("bench", planar_model, "--target", "z80")
    assert result.exit_code == 1
    assert "cortex-m4" in result.stderr


def test_a_port_that_is_not_there_is_told(planar_model):
    pytest.importorskip("serial", reason="needs pyserial: pip install 'edge-ik[serial]'")
    result = run("bench", planar_model, "--serial", "/dev/no-such-port")
    assert result.exit_code == 1
    assert "/dev/no-such-port" in result.stderr


def test_bench_counts_instructions_on_an_emulated_core(source_root, require_tool):
    require_tool("arm-none-eabi-gcc", "gcc-arm-none-eabi libnewlib-arm-none-eabi")
    require_tool("qemu-system-arm", "qemu-system-arm")
    model = source_root / "artifacts" / "arm3" / "arm3-int8.tflite"
    result = run("bench", model, "--target", "m4", "--targets", 20, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["target"] == "cortex-m4"
    assert found["network_differences"] == found["limit_violations"] == 0
    counts = found["instructions"]
    assert 0 < counts["network"]["min"] <= counts["network"]["max"] < counts["total"]["max"]
    assert {"flash_bytes", "ram_bytes", "stack_bytes", "baselines"} <= set(found)


def test_firmware_of_a_model_file_is_written(source_root, tmp_path):
    model = source_root / "artifacts" / "arm3" / "arm3-int8.tflite"
    out = tmp_path / "firmware"
    arguments = ("--firmware", "c99", "--no-count", "--board", "--name", "tiny", "--out", out)
    result = run("export", model, *arguments)
    assert result.exit_code == 0, result.output
    assert {"tiny.c", "tiny.h", "selftest.c", "board"} <= {path.name for path in out.iterdir()}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((), "--firmware makes C of it"),
        (("--firmware", "c99", "--quantize", "int8"), "--quantize can be given with a run folder"),
        (("--firmware", "tflm", "--board"), "--board can be given with --firmware c99 alone"),
        (("--name", "tiny"), "--name can be given with --firmware alone"),
    ],
)
def test_export_refuses_what_it_would_ignore(planar_model, options, told):
    result = run("export", planar_model, *options)
    assert result.exit_code == 2
    assert told in " ".join(result.stderr.split())
