"""The command that measures how fast a model solves, which needs no TensorFlow."""

import json
import sys

import pytest

from edge_ik_tools.peers import adapters, compare
from firmware_host.bench import measure
from firmware_host.installed import install_command


@pytest.fixture(autouse=True)
def without_tensorflow(monkeypatch):
    for name in ("tensorflow", "keras", "scipy"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr(measure, "BATCH_SECONDS", 0.0)
    monkeypatch.setattr(measure, "BATCH_SIZES", (1, 7))


def test_bench_shows_its_tables(run, planar_model):
    result = run("bench", planar_model, "--runtime", "reference", "--targets", 3, "--steps", 1)
    assert result.exit_code == 0, result.output
    for text in ("reference: network", "1 DLS step", "no network", "NumPy"):
        assert text in result.stdout


def test_bench_prints_json_alone(run, planar_model):
    arguments = ("bench", planar_model, "--runtime", "reference", "--targets", 3, "--json")
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert (found["targets"], found["steps"]) == (3, 3)
    assert found["tolerance"] == {"position_m": 0.001}
    assert list(found["runtimes"]) == ["reference"]


def test_every_runtime_measured_is_compared_with_the_peers(run, planar_model, monkeypatch):
    # Not the others: their libraries take seconds to load, and have tests of their own.
    monkeypatch.setattr(adapters, "ADAPTERS", {})
    # As many targets as are asked for are compared, be they more than usual.
    monkeypatch.setattr(compare, "COMPARED_TARGETS", 2)
    runtimes = ("--runtime", "litert", "--runtime", "reference")
    result = run("bench", planar_model, *runtimes, "--targets", 3, "--peers", "--json")
    found = json.loads(result.stdout)["peers"]
    assert [name.split()[1] for name in found["solvers"]] == ["litert", "reference"]
    assert all(figures["own"] for figures in found["solvers"].values())
    assert (found["rounds"], found["targets"]) == (5, 3)


def test_bench_says_what_it_counts_as_solved(run, planar_model):
    arguments = ("bench", planar_model, "--runtime", "reference", "--targets", 3)
    result = run(*arguments, "--tolerance", 250)
    assert "(3 targets, solved to 250 mm)" in " ".join(result.stdout.split())
    result = run(*arguments, "--tolerance", "nan")
    assert result.exit_code == 2
    assert "nan is no finite number" in result.stderr


def test_a_missing_file_is_told(run, tmp_path):
    result = run("bench", tmp_path / "none.tflite")
    assert result.exit_code == 1
    assert "There is no model file" in result.stderr


def test_an_unknown_runtime_is_told(run, planar_model):
    result = run("bench", planar_model, "--runtime", "magic")
    assert result.exit_code == 1
    assert "Unknown runtime" in result.stderr


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--runtime", "reference", "--target", "m4"), "Give one of --runtime, --target"),
        (("--target", "m4", "--target", "uno"), "Expected one --target. Received: m4, uno"),
        (("--clock", 100), "--clock can be given with --target alone"),
        (("--target", "cortex-m4", "--clock", "nan"), "nan is no finite number"),
        (("--baud", 9600), "--baud can be given with --serial alone"),
        (("--serial", "/dev/null", "--steps", 2), "compiled into a board's firmware"),
        (("--serial", "/dev/null", "--tolerance", 2), "compiled into a board's firmware"),
    ],
)
def test_options_that_would_be_ignored_are_refused(run, planar_model, options, told):
    result = run("bench", planar_model, *options)
    assert result.exit_code == 2
    assert told in " ".join(result.stderr.split())


def test_an_unknown_core_is_told_with_those_there_are(run, planar_model, require_tool):
    require_tool("qemu-system-arm", "qemu-system-arm")
    result = run("bench", planar_model, "--target", "z80")
    assert result.exit_code == 1
    assert "cortex-m4" in result.stderr


def test_a_port_that_is_not_there_is_told(run, planar_model):
    pytest.importorskip("serial", reason=f"needs pyserial: {install_command('serial')}")
    result = run("bench", planar_model, "--serial", "/dev/no-such-port")
    assert result.exit_code == 1
    assert "/dev/no-such-port" in result.stderr


def test_bench_counts_instructions_on_an_emulated_core(run, source_root, require_tool):
    require_tool("arm-none-eabi-gcc", "gcc-arm-none-eabi libnewlib-arm-none-eabi")
    require_tool("qemu-system-arm", "qemu-system-arm")
    model = source_root / "artifacts" / "arm3" / "arm3-int8.tflite"
    result = run("bench", model, "--target", "m4", "--targets", 20, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert (found["target"], found["part"]) == ("cortex-m4", None)
    assert found["network_differences"] == found["limit_violations"] == 0
    counts = found["instructions"]
    assert 0 < counts["network"]["min"] <= counts["network"]["max"] < counts["total"]["max"]
    assert {"flash_bytes", "ram_bytes", "stack_bytes", "baselines"} <= set(found)


@pytest.mark.parametrize(
    ("name", "core", "unit", "tools"),
    [
        ("esp32c3", "rv32imc", "instructions", {
            "riscv64-unknown-elf-gcc": "gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf",
            "qemu-system-riscv32": "qemu-system-misc",
        }),
        ("esp8266", "lx106", "instructions", {
            "xtensa-lx106-elf-gcc": "gcc-xtensa-lx106", "qemu-system-xtensa": "qemu-system-misc",
        }),
        ("uno", "atmega328p", "cycles", {"avr-gcc": "gcc-avr avr-libc", "simavr": "simavr"}),
    ],
)  # fmt: skip
def test_bench_counts_what_a_board_that_people_own_takes(
    run, source_root, require_tool, name, core, unit, tools
):
    for command, packages in tools.items():
        require_tool(command, packages)
    model = source_root / "artifacts" / "arm3" / "arm3-int8.tflite"
    result = run("bench", model, "--target", name, "--targets", 10, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert (found["target"], found["unit"], found["targets"]) == (core, unit, 10)
    assert found["part"] == name
    assert found["network_differences"] == found["limit_violations"] == 0
    assert 0 < found[unit]["network"]["max"] < found[unit]["total"]["max"]
    assert f"{core}: '{name}' is " in result.stderr
