"""Files are replaced whole or not at all."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_host.files import remove_partial_files, write_atomically, write_json, write_text


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

    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, write)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_writer_left_is_removed_and_nothing_else(tmp_path):
    (tmp_path / "state.npz").write_text("whole")
    (tmp_path / ".hidden").write_text("not ours")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / ".state.1.partial.npz").write_text("another folder's")
    left = []
    for name in ("state.npz", "best.npz", "note"):
        write_atomically(tmp_path / name, lambda path: left.append(path) or path.touch())
    for path in left:
        path.write_text("half")
    before = {path for path in tmp_path.rglob("*") if path not in left}
    remove_partial_files(tmp_path)
    assert set(tmp_path.rglob("*")) == before
    assert (tmp_path / "state.npz").exists()
    remove_partial_files(tmp_path)
    remove_partial_files(tmp_path / "nowhere")


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_text(tmp_path / "nowhere" / "note.txt", "text")


def test_json_keeps_every_digit_of_a_number(tmp_path):
    values = {"third": 1 / 3, "tiny": 5e-324, "list": [1, 2.5, "three"], "nothing": None}
    path = tmp_path / "values.json"
    write_json(path, values)
    assert json.loads(path.read_text()) == values
    assert path.read_text().endswith("}\n")
