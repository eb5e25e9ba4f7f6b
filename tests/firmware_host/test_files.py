"""Files are replaced whole or not at all."""

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_host import files
from firmware_host.errors import WriteError
from firmware_host.files import (
    check_file_writable,
    check_writable,
    make_folder,
    remove_partial_files,
    temporary_name,
    tidy_folder,
    working_folder,
    write_atomically,
    write_json,
    write_text,
)


def test_text_is_written_and_nothing_else_is_left(tmp_path):
    path = tmp_path / "note.txt"
    write_text(path, "Übung\n")
    write_text(path, "second\n")
    assert path.read_bytes() == b"second\n"
    assert list(tmp_path.iterdir()) == [path]


@settings(max_examples=30)
@given(text=st.text(st.characters(codec="utf-8", exclude_characters="\r")))
def test_text_reads_back_exactly(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "text.txt"
    write_text(path, text)
    assert path.read_text(encoding="utf-8") == text


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "state.npz"
    path.write_text("old")
    seen = []

    def write(temporary):
        temporary.write_text("half")
        seen.append((temporary.parent, temporary.suffix, path.read_text()))
        temporary.write_text("half and half")

    write_atomically(path, write)
    assert seen == [(tmp_path, ".npz", "old")]
    assert path.read_text() == "half and half"


def test_a_writer_that_fails_leaves_the_old_file_alone(tmp_path):
    path = tmp_path / "state.npz"
    path.write_text("old")

    def write(temporary):
        temporary.write_text("half")
        raise OSError("disk full")

    with pytest.raises(WriteError, match=r"state\.npz': disk full\. Put that right, or name"):
        write_atomically(path, write)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


# A process of this number in another container, or before a restart.
OWN = f"{os.getpid()}-0a-1"


def test_what_a_killed_writer_left_is_removed_and_nothing_else(tmp_path, dead):
    (tmp_path / "state.npz").write_text("whole")
    (tmp_path / ".hidden").write_text("not ours")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / f".state.{dead}-0a-1.partial.npz").write_text("another folder's")
    alive = [".a.1-0a-1.partial.npz", temporary_name(tmp_path / "b.npz").name]
    (tmp_path / f".firmware.{dead}-0a-1.old").mkdir()
    for name in alive:
        (tmp_path / name).write_text("at work")
    kept = set(tmp_path.rglob("*"))
    for name in (f".a.{dead}-0a-1.partial.npz", f".b.c.{dead}-ff-12.partial", f".d.{OWN}.partial"):
        (tmp_path / name).write_text("half")
    remove_partial_files(tmp_path)
    assert set(tmp_path.rglob("*")) == kept
    remove_partial_files(tmp_path)
    remove_partial_files(tmp_path / "nowhere")


def test_the_next_writer_of_a_file_removes_what_a_killed_one_left(tmp_path, dead):
    others = [tmp_path / f".b.{dead}-0a-1.partial.txt", tmp_path / f".a.{dead}-0a-1.partial"]
    left = [tmp_path / f".a.{process}.partial.txt" for process in (f"{dead}-0a-1", OWN)]
    for path in (*others, *left):
        path.write_text("half")
    write_text(tmp_path / "a.txt", "whole")
    assert set(tmp_path.iterdir()) == {tmp_path / "a.txt", *others}


WRITING = """
from firmware_host.files import tidy_folder, write_json, write_text

def before(above):
    (above / "out").mkdir()
    write_text(above / "out" / "arm.tflite", "old")

def work(above):
    tidy_folder(above / "out")
    write_text(above / "out" / "arm.tflite", "new" * 10_000)
    write_json(above / "out" / "export.json", {"files": []})
"""


def test_a_writer_killed_at_any_step_leaves_whole_files(tmp_path, killed_at_every_step):
    kills = killed_at_every_step(WRITING)
    assert kills >= 8
    partial = 0
    for number in range(kills + 1):
        out = tmp_path / str(number) / "out"
        assert (out / "arm.tflite").read_text() in ("old", "new" * 10_000)
        if (out / "export.json").exists():
            assert json.loads((out / "export.json").read_text()) == {"files": []}
        partial += any(path.name.startswith(".") for path in out.iterdir())
        tidy_folder(out)
        assert {path.name for path in out.iterdir()} <= {"arm.tflite", "export.json"}
    assert partial >= 2


def test_threads_may_write_one_file(tmp_path):
    path = tmp_path / "state.txt"
    texts = [str(number) * 10_000 for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda text: write_text(path, text), texts * 5))
    assert path.read_text() in texts
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["file", "folder", "below/a/file"])
def test_what_is_in_the_way_is_told_and_stays(tmp_path, name):
    (tmp_path / "folder" / "mine").mkdir(parents=True)
    (tmp_path / "below").write_text("mine")
    (tmp_path / "file").write_text("mine")
    before = set(tmp_path.rglob("*"))
    if name == "file":
        with pytest.raises(WriteError, match=r"File exists\. Move away what is in its place, or"):
            make_folder(tmp_path / name)
    else:
        with pytest.raises(WriteError, match=r"(Is|Not) a directory\. Move away what is in its"):
            write_text(tmp_path / name, "text")
    assert set(tmp_path.rglob("*")) == before


@pytest.mark.skipif(sys.platform == "win32", reason="Windows limits no file's size")
@pytest.mark.parametrize("room", [0, 100, 3000])
def test_a_file_that_finds_no_room_leaves_none(tmp_path, no_room, room):
    path = tmp_path / "note.txt"
    path.write_text("old")
    with no_room(room), pytest.raises(WriteError) as caught:
        write_text(path, "new" * 1001)
    assert str(caught.value) == (
        f"Cannot write '{path}': File too large. Raise the limit of a file's size (ulimit -f), or "
        "name another place. Then run the command again."
    )
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("function", [check_writable, tidy_folder])
def test_a_place_is_looked_at_before_the_work(tmp_path, read_only, function):
    function(tmp_path / "new" / "folder")
    assert not any(path.is_file() for path in tmp_path.rglob("*"))
    with read_only(tmp_path), pytest.raises(WriteError, match=r"denied\. Make that place writable"):
        function(tmp_path / "another" / "folder")
    (tmp_path / "file").touch()
    with pytest.raises(WriteError, match="Move away what is in its place"):
        function(tmp_path / "file" / "folder")


def test_a_file_is_looked_at_before_the_work(tmp_path, read_only):
    path = tmp_path / "new" / "page.html"
    check_file_writable(path)
    assert list(tmp_path.iterdir()) == []
    with read_only(tmp_path), pytest.raises(WriteError, match=r"denied\. Make that place writable"):
        check_file_writable(path)
    with pytest.raises(WriteError, match=r"name too long"):
        check_file_writable(tmp_path / ("x" * 250))
    path.parent.mkdir()
    path.write_text("old")
    check_file_writable(path)
    with pytest.raises(WriteError, match=r"Move away what is in its place, or go home\."):
        check_file_writable(path.parent, "go home")
    with pytest.raises(WriteError, match="Move away what is in its place"):
        check_file_writable(path / "page.html")
    assert [*path.parent.iterdir()] == [path]
    assert path.read_text() == "old"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
def test_what_is_no_file_is_written_to_as_it_is(tmp_path):
    check_file_writable(Path("/dev/null"))
    write_text(Path("/dev/null"), "text")
    assert Path("/dev/null").is_char_device()
    (tmp_path / "file").write_text("old")
    (tmp_path / "link").symlink_to("file")
    write_text(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_text() == "new"


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(WriteError, match=r"No such file or directory\. Make its folder,"):
        write_text(tmp_path / "nowhere" / "note.txt", "text")


def test_json_keeps_every_digit_of_a_number(tmp_path):
    values = {"third": 1 / 3, "tiny": 5e-324, "list": [1, 2.5, "three"], "nothing": None}
    path = tmp_path / "values.json"
    write_json(path, values)
    assert json.loads(path.read_text()) == values
    assert path.read_text().endswith("}\n")


def test_a_file_is_on_the_disk_before_it_is_renamed(tmp_path, monkeypatch):
    path, flushed = tmp_path / "state.npz", []
    flush = os.fsync

    def seen(descriptor):
        flushed.append((os.fstat(descriptor).st_size, path.exists()))
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", seen)
    write_atomically(path, lambda temporary: temporary.write_text("whole"), flushed=True)
    assert flushed == [(5, False)]
    assert path.read_text() == "whole"
    write_text(path, "quick")
    assert len(flushed) == 1


class TestWorkingFolder:
    def test_it_is_gone_at_the_end(self, tmp_path):
        with working_folder(tmp_path) as folder:
            (folder / "deep").mkdir()
            (folder / "deep" / "file").touch()
            assert folder.stat().st_mode & 0o777 == 0o700
        assert list(tmp_path.iterdir()) == []
        with pytest.raises(KeyError), working_folder(tmp_path):
            raise KeyError
        assert list(tmp_path.iterdir()) == []

    def test_what_a_killed_process_left_is_removed_by_the_next(self, tmp_path):
        code = (
            "import os, signal, sys; from pathlib import Path\n"
            "from firmware_host.files import working_folder\n"
            "with working_folder(Path(sys.argv[1])) as folder:\n"
            "    (folder / 'deep').mkdir()\n"
            "    os.kill(os.getpid(), signal.SIGKILL)\n"
        )
        ended = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
        assert ended.returncode == -signal.SIGKILL
        (left,) = tmp_path.iterdir()
        # Of a machine that shares the folder: nobody here can tell whether that process lives.
        elsewhere = tmp_path / left.name.replace(f".work-{files._machine()}", ".work-01234567")
        elsewhere.mkdir()
        with working_folder(tmp_path) as folder, working_folder(tmp_path) as other:
            assert set(tmp_path.iterdir()) == {folder, other, elsewhere}

    def test_a_link_in_its_place_is_not_followed(self, tmp_path):
        outside = tmp_path / "outside"
        outside.mkdir()
        (outside / "kept").touch()
        place = tmp_path / "place"
        place.mkdir()
        (place / f".edge-ik.999999999-ab-0.work-{files._machine()}").symlink_to(outside)
        with working_folder(place):
            assert (outside / "kept").exists()

    def test_a_place_that_cannot_be_written_to_is_told(self, tmp_path):
        (tmp_path / "file").touch()
        with pytest.raises(WriteError, match="TMPDIR"), working_folder(tmp_path / "file"):
            pass
