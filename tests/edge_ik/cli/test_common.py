"""What the commands share: what a path is, told before anything is asked for that is missing."""

import shutil
import sys

import pytest

EXTRAS = ("tensorflow", "keras", "scipy", "plotly", "viser", "serial", "mink")
OF_MODELS_AND_RUNS = [
    ("solve", "--target", 0, 0, 0),
    ("evaluate",),
    ("export",),
    ("report",),
    ("view",),
]
OF_MODELS = [("inspect",), ("bench", "--peers"), ("bench", "--serial", "/dev/nowhere")]
OF_RUNS = [("train", "--resume")]


@pytest.fixture(autouse=True)
def without_extras(monkeypatch):
    for name in EXTRAS:
        monkeypatch.setitem(sys.modules, name, None)


@pytest.fixture
def said(refused):
    """Function of a command, a path and what precedes it: the sentence of its refusal."""

    def sentence(command, path):
        first = command if command in OF_RUNS else command[:1]
        told = " ".join(refused(*first, path, *command[len(first) :]).split())
        assert "not installed" not in told
        return told

    return sentence


@pytest.mark.parametrize("command", OF_MODELS_AND_RUNS + OF_MODELS + OF_RUNS)
def test_a_folder_that_is_no_run_is_told(said, tmp_path, command):
    assert f"'{tmp_path}' is not a run folder" in said(command, tmp_path)


@pytest.mark.parametrize("command", OF_MODELS_AND_RUNS + OF_MODELS)
def test_a_file_that_is_no_model_is_told(said, tmp_path, command):
    (tmp_path / "arm.tflite").write_text("something else")
    assert "Not a TFLite model" in said(command, tmp_path / "arm.tflite")
    assert "There is no model file" in said(command, tmp_path / "none.tflite")


@pytest.mark.parametrize("command", OF_RUNS)
def test_what_is_no_folder_is_told(said, tmp_path, command):
    (tmp_path / "file").touch()
    assert "which is a file" in said(command, tmp_path / "file")
    assert "There is no run folder" in said(command, tmp_path / "nowhere")


@pytest.mark.parametrize("command", OF_MODELS_AND_RUNS)
def test_the_model_in_a_folder_is_named(said, tmp_path, planar_model, command):
    path = shutil.copyfile(planar_model, tmp_path / "arm.tflite")
    assert said(command, tmp_path).endswith(f"In it there is: {path}")
