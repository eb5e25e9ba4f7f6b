"""Places that cannot be written: every command says so in one sentence and leaves no half file."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edge_ik.run_folder import CONFIG_FILE, RUN_FILE

FIRMWARE = ("--firmware", "c99", "--no-count", "--zip", "--board")


@pytest.fixture
def sentence(refused):
    """Function of a command's arguments: the one sentence that it fails with."""

    def said(*arguments):
        message = refused(*arguments).strip()
        assert len(message.splitlines()) == 1, message
        assert message.startswith("Error: Cannot write '"), message
        assert "Then run the command again." in message
        return message

    return said


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.*")}


@pytest.mark.parametrize(("kind", "room"), [("--urdf", 0), ("--urdf", 100), ("--plot", 100)])
def test_a_robot_that_cannot_be_written(sentence, tmp_path, no_room, kind, room):
    if kind == "--plot":
        pytest.importorskip("matplotlib")
    out = tmp_path / "arm.png"
    with no_room(room):
        assert "File too large. Raise the limit" in sentence("arms", "leg3", kind, "--out", out)
    assert list(tmp_path.iterdir()) == []
    out.mkdir()
    assert "Move away what is in its place" in sentence("arms", "leg3", kind, "--out", out)
    missing = tmp_path / "no" / "arm.png"
    assert "Make its folder, or name" in sentence("arms", "leg3", kind, "--out", missing)
    assert list(tmp_path.iterdir()) == [out]


def test_a_picture_of_no_suffix_is_written_where_it_was_asked_for(run, tmp_path):
    pytest.importorskip("matplotlib")
    result = run("arms", "leg3", "--plot", "--out", tmp_path / "picture")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "picture").read_bytes().startswith(b"\x89PNG")


def test_firmware_that_finds_no_room(run, sentence, tmp_path, planar_model, no_room):
    out, whole = tmp_path / "here" / "arm", tmp_path / "whole" / "arm"
    arguments = ("export", planar_model, *FIRMWARE, "--out")
    assert run(*arguments, whole).exit_code == 0
    largest = max(len(data) for data in files(whole).values())
    for there, room in ((False, 500), (True, largest - 1)):
        if there:
            shutil.copytree(whole, out)
        with no_room(room):
            said = sentence(*arguments, out)
        assert f"'{out}': File too large." in said
        assert "name another folder with --out" in said
        assert list(out.parent.iterdir()) == ([out] if there else [])
    assert files(out) == files(whole)


def test_firmware_in_a_place_that_cannot_be_written(sentence, tmp_path, planar_model, read_only):
    arguments = ("export", planar_model, *FIRMWARE, "--out")
    with read_only(tmp_path):
        assert "Make that place writable" in sentence(*arguments, tmp_path / "arm")
    (tmp_path / "file").touch()
    assert "Move away what is in its place" in sentence(*arguments, tmp_path / "file" / "arm")
    assert {path.name for path in tmp_path.iterdir()} == {"file"}


def test_a_cache_that_cannot_be_written(
    sentence, tmp_path, planar_model, read_only, no_room, monkeypatch, require_tool
):
    require_tool("cc", "gcc")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    arguments = ("solve", planar_model, "--target", 0.2, 0.1, 0, "--runtime", "firmware")
    with read_only(tmp_path):
        said = sentence(*arguments)
    assert f"'{tmp_path / 'edge-ik'}'" in said
    assert "Make that place writable" in said
    assert "XDG_CACHE_HOME" in said
    (tmp_path / "edge-ik").write_text("mine")
    assert "Move away what is in its place" in sentence(*arguments)
    (tmp_path / "edge-ik").unlink()
    with no_room(1000):
        said = sentence(*arguments)
    assert f"'{tmp_path / 'edge-ik'}': File too large" in said
    assert list((tmp_path / "edge-ik").iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is of Linux")
@pytest.mark.parametrize("arguments", [("inspect",), ("--help",)])
def test_a_screen_that_takes_nothing_more(planar_model, arguments):
    command = [sys.executable, "-c", "from edge_ik.cli import main; main()", *arguments]
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(
            [*command, *([str(planar_model)] if arguments == ("inspect",) else [])],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert result.returncode == 1
    assert result.stderr == (
        "Error: The system refuses: No space left on device. Put that right, and run the command "
        "again.\n"
    )


@pytest.mark.parametrize("as_json", [False, True])
def test_a_reader_that_left_is_no_error(planar_model, as_json):
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-c", "from edge_ik.cli import main; main()", "inspect"]
    result = subprocess.run(
        [*command, str(planar_model), *["--json"] * as_json],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writer)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("command", ["inspect", "bench"])
class TestTheModelOfARun:
    def test_the_one_that_was_exported_is_taken(self, run, tmp_path, planar_model, command):
        # A measurement takes long; what is not to be had is told after the model was found.
        options = ("--runtime", "magic") if command == "bench" else ()
        (tmp_path / "export").mkdir()
        path = shutil.copyfile(planar_model, tmp_path / "export" / "arm.tflite")
        for folder in (tmp_path, tmp_path / "export"):
            result = run(command, folder, *options)
            assert f"Taking '{path}'." in result.stderr
            assert ("Unknown runtime" in result.stderr) == (command == "bench")
            assert result.exit_code == int(command == "bench")

    def test_of_several_one_is_asked_for(self, refused, tmp_path, command):
        (tmp_path / "my runs" / "export").mkdir(parents=True)
        for name in ("b", "a"):
            (tmp_path / "my runs" / "export" / f"{name}.tflite").touch()
        said = refused(command, tmp_path / "my runs")
        export = tmp_path / "my runs" / "export"
        assert f"Expected one of them: '{export}/a.tflite', '{export}/b.tflite'" in said

    def test_without_one_it_is_told_how_to_export_it(self, refused, tmp_path, command):
        folder = tmp_path / "my run"
        folder.mkdir()
        for name in (RUN_FILE, CONFIG_FILE):
            (folder / name).touch()
        assert f"export one with: edge-ik export '{folder}'" in refused(command, folder)


def test_a_model_that_finds_no_room(sentence, tmp_path, planar_model, no_room):
    servos = tmp_path / "servos.toml"
    servos.write_text(
        "".join(f'[servos.{joint}]\nmodel = "xl430"\n' for joint in ("inner", "outer"))
    )
    out = tmp_path / "out"
    with no_room(2000):
        assert "File too large" in sentence(
            "export", planar_model, "--servos", servos, "--out", out
        )
    assert list(out.iterdir()) == []
