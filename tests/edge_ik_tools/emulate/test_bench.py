"""The benchmark end to end, with generated code, against the NumPy solver."""

import json

import numpy as np
import pytest

from edge_ik_tools.c99.source import Firmware
from edge_ik_tools.emulate.bench import _target_count, emulated_bench, output_differences
from edge_ik_tools.emulate.cores import CORES
from edge_ik_tools.emulate.tables import emulation_tables
from edge_ik_tools.errors import EmulationError, MissingToolError
from firmware_host.errors import ConfigError
from firmware_host.model_file import read_model, write_model
from firmware_host.progress import Done


def generate(model, folder, steps=3):
    """The folder and the name of the firmware of a model."""
    firmware = Firmware.load(model, "planar", steps)
    (folder / "planar.h").write_text(firmware.header())
    (folder / "planar.c").write_text(firmware.source())
    return folder, firmware.name


@pytest.fixture(scope="module")
def planar_firmware(planar_model, tmp_path_factory):
    return *generate(planar_model, tmp_path_factory.mktemp("planar"), 12), planar_model


@pytest.mark.parametrize("target", CORES)
def test_firmware_answers_as_the_host_does(tools_for, planar_firmware, target):
    told, core = [], CORES[target]
    tools_for(core)
    found = emulated_bench(*planar_firmware, target, 200, tell=told.append)
    values = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert (values["target"], values["targets"], values["steps"]) == (target, 200, 12)
    assert values["network_inputs"] == 200
    assert values["network_differences"] == 0
    assert values["limit_violations"] == 0
    # The network has random weights: some targets are not reached, on the host as here.
    assert 0.5 < values["solved"] <= 1
    assert values["status_differences"] <= 2
    parts = values[core.unit]
    for spread in parts.values():
        assert 0 < spread["min"] <= spread["median"] <= spread["max"]
    assert parts["total"]["min"] > parts["network"]["min"] + parts["refine"]["min"]
    assert 1000 < values["flash_bytes"] < 20_000
    assert 0 < values["stack_bytes"] < 1024
    assert (values["timing"] is None) == (core.clock_hz is None)
    if values["timing"] is not None:
        assert values["timing"]["max_us"] > 0
    assert values["baselines"]["closed_form"] is None
    assert 0 < values["baselines"]["cold_dls"]["solved"] <= 1
    path = values["path"]
    assert path["limit_violations"] == 0
    assert path["track"]["solved"] == 1
    assert path["track"]["mean"] < path["solve_near"]["mean"]
    solved = [done.count for done in told if isinstance(done, Done) and done.total == 200]
    assert solved[0] == 0
    assert solved == sorted(solved)
    assert emulation_tables(values)


def test_firmware_with_servos_is_counted_too(tools_for, servo_model, tmp_path):
    tools_for(CORES["cortex-m4"])
    found = emulated_bench(*generate(servo_model, tmp_path, 4), servo_model, "cortex-m4", 20)
    assert found.to_dict()["network_differences"] == 0


def test_firmware_of_another_network_shows(tools, planar_firmware, source_root, tmp_path):
    folder, name, _ = planar_firmware
    other = source_root / "tests/firmware_host/models/int8_per_tensor.tflite"
    _, record = read_model(planar_firmware[2])
    write_model(tmp_path / "other.tflite", other.read_bytes(), record)
    found = emulated_bench(folder, name, tmp_path / "other.tflite", "m4", 50)
    assert found.network_differences > 0


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"target": "cortex-a53"}, "Unknown core"),
        ({"targets": 0}, "at least one target"),
        ({"clock_hz": -1.0, "targets": 2}, "clock above 0"),
        ({"clock_hz": 1e6, "target": "rv32imc"}, "no clock for rv32imc"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused(tools, planar_firmware, options, expected):
    with pytest.raises(ConfigError, match=expected):
        emulated_bench(*planar_firmware, **options)


def test_a_network_of_floats_is_refused_where_there_are_none(
    tools_for, planar_firmware, source_root, tmp_path
):
    tools_for(CORES["lx106"])
    folder, name, model = planar_firmware
    network = (source_root / "tests/firmware_host/models/float32.tflite").read_bytes()
    write_model(tmp_path / "float.tflite", network, read_model(model)[1])
    with pytest.raises(ConfigError, match=r"network of integers for lx106.*--quantize int8"):
        emulated_bench(folder, name, tmp_path / "float.tflite", "esp8266", 2)


def test_firmware_of_another_robot_is_refused(tools, tiny, planar_model):
    with pytest.raises(EmulationError, match="does not belong to the model"):
        emulated_bench(tiny.folder, tiny.name, planar_model, "m4", 2)


@pytest.mark.parametrize(
    ("target", "packages"),
    [
        ("cortex-m4", "gcc-arm-none-eabi libnewlib-arm-none-eabi"),
        ("esp32c3", "gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf"),
        ("esp8266", "gcc-xtensa-lx106"),
        ("uno", "gcc-avr avr-libc"),
    ],
)
def test_missing_tools_are_told(planar_firmware, monkeypatch, tmp_path, target, packages):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingToolError, match=f"apt-get install {packages}"):
        emulated_bench(*planar_firmware, target, targets=1)


def test_fewer_targets_are_taken_where_they_take_long():
    for core in CORES.values():
        assert _target_count(core, None) == (10_000 if core.unit == "instructions" else 2_000)
        assert _target_count(core, 7) == 7


def test_differences_of_integers_are_exact_and_of_floats_beyond_rounding():
    assert output_differences(np.array([1, 2, 3], np.int8), np.array([1, 2, 4], np.int8)) == 1
    expected = np.array([0.5, 0.5, 0.5, 0.5], np.float32)
    received = np.array([0.5, 0.500001, 0.51, np.nan], np.float32)
    assert output_differences(received, expected) == 2
