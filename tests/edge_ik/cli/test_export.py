"""The command that makes firmware of a model file, which needs no TensorFlow."""

import json
import sys

import pytest


@pytest.fixture(autouse=True)
def without_tensorflow(monkeypatch):
    for name in ("tensorflow", "keras", "scipy"):
        monkeypatch.setitem(sys.modules, name, None)


def test_firmware_of_a_model_file_is_written(run, source_root, tmp_path):
    model = source_root / "artifacts" / "arm3" / "arm3-int8.tflite"
    out = tmp_path / "firmware"
    arguments = ("--firmware", "c99", "--no-count", "--board", "--name", "tiny", "--out", out)
    result = run("export", model, *arguments, "--zip", "--json")
    assert result.exit_code == 0, result.output
    written = {path.relative_to(out).as_posix() for path in out.rglob("*")}
    assert {"src/tiny.c", "src/tiny.h", "library.properties", "board/README.md"} <= written
    (told,) = json.loads(result.stdout)["firmware"]
    assert told["archive"] == str(out) + ".zip"
    assert (tmp_path / "firmware.zip").is_file()


@pytest.mark.parametrize(("choice", "small"), [("size", 1), ("speed", 0), (None, 0)])
def test_firmware_is_made_for_size_or_speed(choice, small, run, planar_model, tmp_path):
    arguments = ("--firmware", "c99", "--no-count", "--name", "tiny", "--out", tmp_path / "made")
    options = ("--optimize", choice) if choice else ()
    result = run("export", planar_model, *arguments, *options)
    assert result.exit_code == 0, result.output
    text = (tmp_path / "made" / "src" / "tiny.c").read_text()
    assert f"#define EDGE_IK_SMALL {small}\n" in text
    assert ("--optimize size" in text) == bool(small)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((), "--firmware makes C of it"),
        (("--firmware", "c99", "--quantize", "int8"), "--quantize can be given with a run folder"),
        (("--firmware", "tflm", "--zip"), "--zip can be given with --firmware c99 alone"),
        (
            ("--firmware", "tflm", "--optimize", "size"),
            "--optimize can be given with --firmware c99 alone",
        ),
        (("--firmware", "tflm", "--board"), "--board can be given with --firmware c99 alone"),
        (("--name", "tiny"), "--name can be given with --firmware alone"),
    ],
)
def test_export_refuses_what_it_would_ignore(run, planar_model, options, told):
    result = run("export", planar_model, *options)
    assert result.exit_code == 2
    assert told in " ".join(result.stderr.split())
