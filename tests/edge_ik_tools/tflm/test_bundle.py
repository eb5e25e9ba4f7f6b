"""The folder for TensorFlow Lite Micro: its files, their numbers, and the same bytes again."""

import hashlib
import json
import re
import subprocess
import sys

import numpy as np
import pytest

from edge_ik_tools.c99.source import Firmware
from edge_ik_tools.generated import MANIFEST, FirmwareFolderError
from edge_ik_tools.tflm.bundle import write_tflm
from firmware_host.errors import ConfigError, ModelFileError
from firmware_host.model_file import read_model, write_model
from firmware_host.network.flatbuffer import read_graph
from firmware_host.network.writing import write_graph

ADDED = {
    "FULLY_CONNECTED": "AddFullyConnected",
    "LOGISTIC": "AddLogistic",
    "MUL": "AddMul",
    "ADD": "AddAdd",
}


@pytest.fixture
def written(planar_model, tmp_path):
    return write_tflm(planar_model, tmp_path / "planar")


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def constant(text, name):
    """The number that a constant of the source has."""
    return float(re.search(rf"{name} = (\S+?)f?;", text).group(1))


def test_the_same_model_gives_the_same_bytes(written, planar_model, tmp_path):
    write_tflm(planar_model, tmp_path / "again")
    assert contents(tmp_path / "again") == contents(written.folder)


def test_a_folder_is_written_over_its_older_self_and_over_nothing_else(written, planar_model):
    assert write_tflm(planar_model, written.folder, steps=2).steps == 2
    (written.folder / "planar.c").write_text("mine")
    with pytest.raises(FirmwareFolderError, match=r"planar\.c"):
        write_tflm(planar_model, written.folder)


def test_the_array_is_the_network_without_the_archive(written, planar_model):
    flatbuffer, _ = read_model(planar_model)
    text = (written.folder / "planar_model.cc").read_text()
    array = bytes(int(word, 16) for word in re.findall(r"\b0x([0-9a-f]{2})\b", text))
    # As it was understood and checked: what else the file holds does not get to a board.
    assert array == write_graph(read_graph(flatbuffer))
    assert len(array) < len(flatbuffer)
    assert "alignas(16)" in text
    header = (written.folder / "planar_model.h").read_text()
    assert f"PLANAR_MODEL_BYTES {len(array)}\n" in header
    assert hashlib.sha256(array).hexdigest() in header


def test_the_resolver_has_the_operators_of_the_network_and_no_other(written, planar_model):
    graph = read_graph(read_model(planar_model)[0])
    used = {operator.name for operator in graph.operators}
    text = (written.folder / "planar_network.cc").read_text()
    assert set(re.findall(r"resolver\.(\w+)\(", text)) == {ADDED[name] for name in used}
    assert f"MicroMutableOpResolver<{len(used)}>" in text


@pytest.mark.parametrize("key", ["int8_per_channel", "int16x8", "float32"])
def test_the_scales_are_those_of_the_tensors(models, tmp_path, key):
    folder = write_tflm(models[key], tmp_path / "out").folder
    text = (folder / "planar_network.cc").read_text()
    graph = read_graph(read_model(models[key])[0])
    for end, index in (("Input", graph.inputs[0]), ("Output", graph.outputs[0])):
        quantization = graph.tensors[index].quantization
        scale, zero = (
            (0.0, 0) if key == "float32" else (quantization.scale[0], quantization.zero_point[0])
        )
        assert np.float32(constant(text, f"k{end}Scale")) == np.float32(scale)
        assert constant(text, f"k{end}ZeroPoint") == zero


def test_the_solver_is_that_of_the_c99_firmware(written, planar_model):
    plain = Firmware.load(planar_model, arithmetic="float").source()
    found = (written.folder / "planar.c").read_text()
    begin, checked = "/* ---- This robot", "/* ---- The same for a network that may not be ready"
    plain, found = plain[plain.index(begin) :], found[found.index(begin) :]
    more = found[found.index(checked) : found.index("/* Millionths as floats")]
    found = found.replace(more, "").replace("static planar_status solver_", "planar_status planar_")
    assert found.replace("solver_", "planar_") == plain


def test_the_arena_is_said_wherever_it_is_needed(written):
    header, readme = (
        " ".join((written.folder / name).read_text().split()) for name in ("planar.h", "README.md")
    )
    assert f"#define PLANAR_ARENA_BYTES {written.arena.size} " in header
    assert written.arena.how in header
    assert written.arena.how in readme
    manifest = json.loads((written.folder / MANIFEST).read_text())
    assert manifest["arena"] == written.arena.to_dict()
    assert manifest["firmware"] == "tflm"


HOSTILE = [
    "x\nexecute_process(COMMAND touch owned)",
    "x*/ \\ ??/ <b>[y](z)`${X}`",
    "\r\u2028\u202e]]",
    "\udcff",
]


@pytest.mark.parametrize("words", HOSTILE)
def test_names_of_files_stay_names(words, planar_model, written, tmp_path):
    path = tmp_path / f"{words.replace('/', '_')}.tflite"
    path.write_bytes(planar_model.read_bytes())
    found = write_tflm(path, tmp_path / "out")
    for name in found.files:
        text = (found.folder / name).read_text()
        assert text.isascii()
        own = (written.folder / name).read_text().splitlines()
        differing = [
            line for line, other in zip(text.splitlines(), own, strict=True) if line != other
        ]
        assert all("Made by edge-ik" in line for line in differing)
        assert not re.search(r"<b>|\[" if name == "README.md" else r"\*/.|\\", " ".join(differing))


def test_name_and_steps_are_those_asked_for(planar_model, tmp_path):
    found = write_tflm(planar_model, tmp_path / "out", name="Left Arm", steps=1)
    header = (tmp_path / "out" / "left_arm.h").read_text()
    assert found.name == "left_arm"
    assert re.search(r"#define LEFT_ARM_STEPS 1\b", header)
    assert "--firmware tflm --steps 1 --name left_arm" in header


def test_every_file_says_what_made_it(written):
    for name in set(written.files) - {MANIFEST}:
        assert "Made by edge-ik" in (written.folder / name).read_text(), name


def test_names_from_elsewhere_cannot_leave_a_comment(planar_model, tmp_path):
    flatbuffer, record = read_model(planar_model)
    record["robot"]["joints"][0]["name"] = "*/ int wrong; /* \\"
    path = tmp_path / "odd.tflite"
    write_model(path, flatbuffer, record)
    folder = write_tflm(path, tmp_path / "out").folder
    for name in ("planar.h", "planar.c", "planar_network.cc"):
        assert "*/ int wrong" not in (folder / name).read_text()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"steps": -1}, ConfigError, "steps"),
        ({"name": "!"}, ConfigError, "name"),
    ],
)
def test_wrong_arguments_are_refused_and_nothing_is_written(
    planar_model, tmp_path, arguments, error, message
):
    with pytest.raises(error, match=message):
        write_tflm(planar_model, tmp_path / "out", **arguments)
    assert not (tmp_path / "out").exists()


def test_a_file_without_a_robot_is_refused(planar_model, tmp_path):
    path = tmp_path / "bare.tflite"
    path.write_bytes(read_model(planar_model)[0])
    with pytest.raises(ModelFileError, match="no robot"):
        write_tflm(path, tmp_path / "out")


def test_it_needs_neither_tensorflow_nor_keras(planar_model, tmp_path):
    code = (
        "import sys; sys.modules.update(dict.fromkeys(('tensorflow', 'keras', 'scipy')))\n"
        "from pathlib import Path; from edge_ik_tools.tflm.bundle import write_tflm\n"
        "write_tflm(Path(sys.argv[1]), Path(sys.argv[2]))\n"
    )
    subprocess.run([sys.executable, "-c", code, planar_model, tmp_path / "out"], check=True)
    assert (tmp_path / "out" / "planar.c").exists()
