"""Generated folders are whole, are replaced when they are ours, and lose nobody's work."""

import json
import zipfile

import pytest

from edge_ik_tools import generated
from edge_ik_tools.generated import (
    MANIFEST,
    FirmwareFolderError,
    check_folder,
    write_folder,
    write_zip,
)
from firmware_host.errors import WriteError

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


def test_a_folder_of_another_firmware_is_refused(tmp_path):
    write_folder(tmp_path / "out", TEXTS, {"name": "left"})
    write_folder(tmp_path / "out", TEXTS, {"name": "left"})
    with pytest.raises(FirmwareFolderError, match=r"holds the firmware 'left'.*'right' with --out"):
        write_folder(tmp_path / "out", {"c.c": "int c;\n"}, {"name": "right"})
    assert set(contents(tmp_path / "out")) == {*TEXTS, MANIFEST}


def test_a_nested_manifest_is_none_of_ours(out):
    (out / MANIFEST).write_text("[" * 100_000)
    with pytest.raises(FirmwareFolderError, match="was not written by edge-ik"):
        write_folder(out, TEXTS, {})


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
    with pytest.raises(FirmwareFolderError, match="Received a file"):
        write_folder(tmp_path / "out", TEXTS, {})


def test_a_link_stays_one_to_the_folder_that_is_written(tmp_path):
    place, link = tmp_path / "disk" / "firmware", tmp_path / "out"
    link.symlink_to("disk/firmware")
    for refuse in (lambda: check_folder(link, "a"), lambda: write_folder(link, TEXTS, {})):
        with pytest.raises(
            FirmwareFolderError, match=r"out' is a link to '.*', where there is noth"
        ):
            refuse()
    place.mkdir(parents=True)
    for _ in range(2):
        check_folder(link, "a")
        write_folder(link, TEXTS, {"name": "a"})
        assert link.is_symlink()
        assert set(contents(place)) == {*TEXTS, MANIFEST}
        assert [path.name for path in place.parent.iterdir()] == ["firmware"]


def test_a_failed_swap_leaves_the_old_folder(out, monkeypatch):
    (out / "notes.txt").write_text("mine")
    before = contents(out)
    real = generated.Path.rename

    def rename(self, target):
        if self.name.endswith(".partial") and target == out:
            raise OSError(28, "No space left on device")
        return real(self, target)

    monkeypatch.setattr(generated.Path, "rename", rename)
    with pytest.raises(WriteError, match=r"No space left on device\. Make room there, or name"):
        write_folder(out, {"a.c": "int new;\n"}, {})
    monkeypatch.undo()
    assert contents(out) == before
    assert [path.name for path in out.parent.iterdir()] == ["out"]


BEFORE = """
from edge_ik_tools.generated import write_folder
old, new = map(eval, arguments)

def before(above):
    write_folder(above / "out", old, {})
    (above / "out" / "notes.txt").write_text("mine")
    (above / "out" / "src" / "build").mkdir(parents=True)
    (above / "out" / "src" / "build" / "cache").write_text("mine too")

def work(above):
    write_folder(above / "out", new, {})
"""


def test_a_writer_killed_at_any_step_loses_nothing_and_the_next_leaves_nothing(
    tmp_path, killed_at_every_step
):
    old, new = {**TEXTS, "src/a.c": "int old;\n"}, {"a.c": "int new;\n", "src/b/c.c": "int c;\n"}
    kills = killed_at_every_step(BEFORE, repr(old), repr(new))
    assert kills > 20
    mine = {"notes.txt": "mine", "src/build/cache": "mine too"}
    missing = taken_over = 0
    for number in range(kills):
        above = tmp_path / str(number)
        found = contents(above)
        for text in mine.values():
            assert text in found.values()
        missing += not (above / "out").exists()
        taken_over += any(name.startswith(".out.") and ".old" in name for name in found)
        texts = old if number % 2 else new
        write_folder(above / "out", texts, {})
        assert [path.name for path in above.iterdir()] == ["out"], number
        found = contents(above / "out")
        found.pop(MANIFEST)
        assert found == {**texts, **mine}, number
    # Among them the moments between the two renames, and before what was added was moved.
    assert missing >= 1
    assert taken_over > missing


def test_what_is_in_both_after_a_kill_is_told_and_kept(out, dead):
    old = out.with_name(f".out.{dead}-0a-1.old")
    write_folder(old, TEXTS, {})
    for folder, text in ((out, "new"), (old, "old")):
        (folder / "notes.txt").write_text(text)
    with pytest.raises(FirmwareFolderError, match=r"in both: notes\.txt"):
        write_folder(out, TEXTS, {})
    assert (out / "notes.txt").read_text() == "new"
    (out / "notes.txt").unlink()
    write_folder(out, TEXTS, {})
    assert (out / "notes.txt").read_text() == "old"
    assert not old.exists()


NESTED = {"README.md": "Read me.\n", "src/a.c": "int a;\n", "examples/One/One.ino": "// one\n"}


@pytest.fixture
def nested(tmp_path):
    write_folder(tmp_path / "nested", NESTED, {})
    return tmp_path / "nested"


def test_what_was_added_stays_at_any_depth(nested):
    (nested / "src" / "mine.c").write_text("mine")
    (nested / "examples" / "Two").mkdir()
    (nested / "examples" / "Two" / "Two.ino").write_text("mine too")
    write_folder(nested, {"src/b/c.c": "int c;\n"}, {})
    found = contents(nested)
    found.pop(MANIFEST)
    kept = {"src/mine.c": "mine", "examples/Two/Two.ino": "mine too"}
    assert found == {"src/b/c.c": "int c;\n", **kept}


def test_a_changed_file_in_a_folder_is_kept(nested):
    (nested / "src" / "a.c").write_text("int mine;\n")
    with pytest.raises(FirmwareFolderError, match=r"changed since.*src/a\.c"):
        write_folder(nested, NESTED, {})
    assert (nested / "src" / "a.c").read_text() == "int mine;\n"


@pytest.mark.parametrize("clash", ["lib/x.c", "lib", "notes"])
def test_a_file_and_a_folder_cannot_have_one_place(nested, clash):
    (nested / "notes").mkdir()
    (nested / "notes" / "mine.txt").write_text("mine")
    if clash == "lib/x.c":
        (nested / "lib").mkdir()
        (nested / "lib" / "x.c").write_text("mine")
    if clash == "lib":
        (nested / "lib").write_text("mine")
    before = contents(nested)
    with pytest.raises(FirmwareFolderError, match=f"of its own.*{clash}"):
        write_folder(nested, {**NESTED, "lib/x.c": "int x;\n", "notes": "a file"}, {})
    assert contents(nested) == before


def test_an_archive_has_one_folder_and_the_same_bytes(tmp_path):
    for name in ("one.zip", "two.zip"):
        write_zip(tmp_path / name, "arm", NESTED, {"kind": "test"})
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        assert archive.testzip() is None
        found = {name: archive.read(name).decode() for name in archive.namelist()}
    manifest = json.loads(found.pop(f"arm/{MANIFEST}"))
    assert set(manifest["files"]) == set(NESTED)
    assert found == {f"arm/{name}": text for name, text in NESTED.items()}


def test_an_archive_of_ours_alone_is_replaced(tmp_path):
    ours, theirs = tmp_path / "ours.zip", tmp_path / "theirs.zip"
    write_zip(ours, "arm", NESTED, {})
    before = ours.read_bytes()
    write_zip(ours, "arm", {"a": "b"}, {})
    assert ours.read_bytes() != before
    with zipfile.ZipFile(theirs, "w") as archive:
        archive.writestr("mine.txt", "mine")
    for path in (theirs, tmp_path / "text.zip"):
        if path != theirs:
            path.write_text("mine")
        kept = path.read_bytes()
        with pytest.raises(FirmwareFolderError, match="not written by edge-ik"):
            write_zip(path, "arm", NESTED, {})
        assert path.read_bytes() == kept
