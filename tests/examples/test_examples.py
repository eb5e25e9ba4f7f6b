"""The examples run, and say what is so."""

import ast
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from firmware_host import EdgeIkError, IkSolver

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
ARM3 = ROOT / "artifacts" / "arm3" / "arm3-int8.tflite"
STUBS = ROOT / "tests" / "edge_ik_tools" / "c99" / "stubs" / "arduino"


def load(path):
    """An example as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def run(*command):
    ended = subprocess.run(
        [sys.executable, *map(str, command)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    return ended.stdout


def test_every_folder_says_what_it_is():
    folders = [path for path in EXAMPLES.iterdir() if path.is_dir()]
    listed = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert len(folders) >= 4
    for folder in folders:
        assert (folder / "README.md").is_file()
        assert f"]({folder.name})" in listed


def test_the_files_that_readmes_name_are_there():
    named = {
        word
        for readme in EXAMPLES.rglob("README.md")
        for line in re.findall(r"^(?:python|edge-ik) .*", readme.read_text(), re.MULTILINE)
        for word in re.findall(r"(?:^|[ =])([\w/.-]+\.(?:py|csv|toml|tflite))\b", line)
    }
    assert len(named) >= 8
    assert [name for name in named if not (ROOT / name).is_file()] == []


@pytest.mark.parametrize("path", sorted(EXAMPLES.rglob("*.py")), ids=lambda path: path.stem)
def test_it_is_python_of_every_supported_version(path):
    tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 11))
    assert ast.get_docstring(tree)


def test_the_loop_solves_every_turn_of_its_circle():
    loop = load(EXAMPLES / "loop_500hz" / "loop.py")
    kept = loop.run(IkSolver.load(ARM3), 200, 0.3)
    assert (kept.turns, kept.solved) == (60, 1.0)
    assert kept.error < 1e-5
    assert 0 <= kept.in_time <= 1


def test_the_loop_runs_as_its_readme_says():
    out = run("examples/loop_500hz/loop.py", ARM3, "--hz", "100", "--seconds", "0.2")
    assert "20 turns at 100 Hz" in out
    assert "solved 100.00%" in out


def test_the_foot_leaves_the_ground_and_comes_back_without_a_jolt():
    trot = load(EXAMPLES / "quadruped_foot" / "trot.py")
    path = trot.foot_path(np.array([0.0, 0.0, -0.3]), 0.1, 0.05, 1000)
    ground, air = path[:500], path[500:]
    np.testing.assert_allclose(ground[:, 2], -0.3, atol=1e-12)
    assert air[:, 2].max() == pytest.approx(-0.25)
    np.testing.assert_allclose(np.ptp(path[:, 0]), 0.1, rtol=1e-6)
    # Height starts and ends without speed, and the foot ends where the ground phase begins.
    assert np.abs(np.diff(air[:, 2])[[0, -1]]).max() < 1e-5
    np.testing.assert_allclose(path[-1], path[0], atol=1e-3)


def test_the_sketch_compiles_for_a_board(require_tool, tmp_path):
    packages = "gcc-avr avr-libc"
    gcc, gpp = (require_tool(f"avr-{word}", packages) for word in ("gcc", "g++"))
    from edge_ik.arms.load import load_arm
    from edge_ik.arms.servo_toml import read_servos_file
    from edge_ik_tools.c99.source import Firmware
    from firmware_host.model_file import read_model, write_model
    from firmware_host.servos import Servos

    folder = EXAMPLES / "arduino_circle"
    servos = Servos(load_arm("arm3"), read_servos_file(folder / "servos.toml"))
    flatbuffer, record = read_model(ARM3)
    model = tmp_path / "arm3.tflite"
    write_model(model, flatbuffer, record | {"servos": servos.to_list()})
    firmware = Firmware.load(model, "arm3")
    (tmp_path / "arm3.h").write_text(firmware.header())
    (tmp_path / "arm3.c").write_text(firmware.source())
    (tmp_path / "Servo.h").write_text(
        "class Servo { public: void attach(int, int, int); void writeMicroseconds(int); };\n"
    )
    sketch = (folder / "arduino_circle.ino").read_text(encoding="utf-8")
    (tmp_path / "sketch.cpp").write_text(f"#include <Arduino.h>\n#include <math.h>\n{sketch}")
    common = ["-mmcu=atmega2560", "-Os", f"-I{STUBS}", f"-I{tmp_path}", "-c"]
    strict = ["-std=gnu++11", "-fno-exceptions", "-Wall", "-Wextra", "-Werror"]
    for command in (
        [gpp, *common, *strict, tmp_path / "sketch.cpp", "-o", tmp_path / "sketch.o"],
        [gcc, *common, "-std=gnu11", tmp_path / "arm3.c", "-o", tmp_path / "arm3.o"],
    ):
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (ended.returncode, ended.stderr) == (0, "")
    names = re.findall(r"\barm3_\w+\(", sketch)
    assert {"arm3_track(", "arm3_track_start(", "arm3_servo("} <= set(names)


def test_the_path_that_is_shipped_is_drawn_and_another_is_told(monkeypatch, tmp_path, capsys):
    draw = load(EXAMPLES / "lerobot_so101" / "draw.py")
    model = str(ROOT / "artifacts" / "so101" / "so101-axis-int8.tflite")
    shipped = EXAMPLES / "lerobot_so101" / "path.csv"
    monkeypatch.setattr(sys, "argv", ["draw.py", model, "--path", str(shipped)])
    monkeypatch.setattr(draw, "STEP", 0.01)  # fewer targets
    draw.main()
    (most,) = re.findall(r"\d+ targets, at most ([\d.]+) mm off", capsys.readouterr().out)
    assert float(most) < 1.0
    path = tmp_path / "path.csv"
    with pytest.raises(EdgeIkError, match=r"path\.csv cannot be read: "):
        draw.read_path(path)
    for text, told in (
        ("0,0\nx,y\n", "line 2: expected x,y"),
        ("0,0,0\n", "line 1: .*'0,0,0'"),
        ("nan,0\n", "line 1"),
        ("", "no lines"),
    ):
        path.write_text(text)
        with pytest.raises(EdgeIkError, match=told):
            draw.read_path(path)


@pytest.mark.parametrize(
    ("program", "option"),
    [
        ("loop_500hz/loop.py", "--hz"),
        ("loop_500hz/loop.py", "--seconds"),
        ("quadruped_foot/trot.py", "--period"),
        ("quadruped_foot/trot.py", "--targets"),
    ],
)
def test_an_option_that_cannot_be_is_told(program, option, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [program, "model.tflite", option, "0"])
    with pytest.raises(SystemExit, match="2"):
        load(EXAMPLES / program).main()
    assert re.search(f"{option}: expected .*received 0", capsys.readouterr().err)
