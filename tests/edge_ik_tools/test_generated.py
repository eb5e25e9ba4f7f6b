"""Generated folders are whole, are replaced when they are ours, and lose nobody's work."""

import json

import pytest

from edge_ik_tools import generated
from edge_ik_tools.generated import MANIFEST, FirmwareFolderError, write_folder

TEXTS = {"a.c": "int a;\n", "b.h": "int b;\n"}


@pytest.fixture
def out(tmp_path):
    write_folder(tmp_path / "out", TEXTS, {"kind": "test"})
    return tmp_path / "out"


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_files_and_a_manifest_of_them_are_written(out):
    found = contents(out)
    manifest = json.loads(found.pop(MANIFEST))
    assert found == TEXTS
    assert manifest["made_by"] == "edge-ik"
    assert manifest["kind"] == "test"
    assert set(manifest["files"]) == set(TEXTS)


def test_a_folder_of_ours_is_replaced_and_what_was_added_stays(out):
    (out / "build").mkdir()
    (out / "build" / "cache").write_text("mine")
    (out / "notes.txt").write_text("mine too")
    write_folder(out, {"a.c": "int new;\n"}, {})
    found = contents(out)
    found.pop(MANIFEST)
    assert found == {"a.c": "int new;\n", "build/cache": "mine", "notes.txt": "mine too"}
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "empty").mkdir()
    write_folder(tmp_path / "empty", TEXTS, {})
    assert set(contents(tmp_path / "empty")) == {*TEXTS, MANIFEST}


def test_a_changed_file_is_kept(out):
    (out / "a.c").write_text("int mine;\n")
    with pytest.raises(FirmwareFolderError, match=r"changed since.*a\.c"):
        write_folder(out, TEXTS, {})
    assert (out / "a.c").read_text() == "int mine;\n"


def test_a_file_of_somebody_else_is_not_overwritten(out):
    (out / "c.c").write_text("int mine;\n")
    with pytest.raises(FirmwareFolderError, match=r"of its own.*c\.c"):
        write_folder(out, {**TEXTS, "c.c": "int ours;\n"}, {})
    assert (out / "c.c").read_text() == "int mine;\n"
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_a_folder_of_somebody_else_is_refused(tmp_path):
    (tmp_path / "a.c").write_text("int mine;\n")
    with pytest.raises(FirmwareFolderError, match="not written by edge-ik"):
        write_folder(tmp_path, TEXTS, {})
    assert contents(tmp_path) == {"a.c": "int mine;\n"}


def test_a_file_in_the_folder_s_place_is_refused(tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(FirmwareFolderError, match="file or link"):
        write_folder(tmp_path / "out", TEXTS, {})


def test_a_failed_swap_leaves_the_old_folder(out, monkeypatch):
    (out / "notes.txt").write_text("mine")
    before = contents(out)
    real = generated.Path.rename

    def rename(self, target):
        if self.name.endswith(".partial"):
            raise OSError(28, "No space left on device")
        return real(self, target)

    monkeypatch.setattr(generated.Path, "rename", rename)
    with pytest.raises(FirmwareFolderError, match="No space left"):
        write_folder(out, {"a.c": "int new;\n"}, {})
    monkeypatch.undo()
    assert contents(out) == before
    assert [path.name for path in out.parent.iterdir()] == ["out"]
