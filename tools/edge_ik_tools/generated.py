"""Folders of generated files: written in one piece, and never over what somebody wrote.

No system exchanges two folders at once everywhere, so a folder is replaced by two renames. A
writer that was killed between them has left the old folder beside its place: the next puts it
back, or takes over what somebody had added to it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from firmware_host.errors import EdgeIkError
from firmware_host.files import (
    check_file_writable,
    check_writable,
    left_over,
    temporary_name,
    told,
    write_atomically,
)
from firmware_host.json_text import read_json

MANIFEST = "edge-ik.json"
MADE_BY = "edge-ik"
# What a folder is kept as while another takes its place.
OLD = "old"
ELSEWHERE = "name another folder with --out"


class FirmwareFolderError(EdgeIkError):
    """The folder to write firmware into holds something else."""


def write_folder(out: Path, texts: Mapping[str, str], record: Mapping[str, Any]) -> None:
    """Write files and a manifest of them: a reader meets the old folder or the new one.

    A folder that is there already is replaced if it is empty, or if it was written by this
    function and none of its files has been changed since. What was added to it, such as a
    build, stays.

    Args:
        out: The folder to write; of a link what it leads to, and the link stays.
        texts: The text of each file by its path in the folder, as "src/arm3.c".
        record: JSON-ready values for the manifest, beside the files' hashes.

    Raises:
        FirmwareFolderError: If the folder is not one to replace.
        WriteError: If it cannot be written.
    """
    contents = {**texts, MANIFEST: _manifest(texts, record)}
    out = _meant(out)
    with told(out, ELSEWHERE):
        _repair(out)
        _check_replaceable(out, record.get("name"))
        out.parent.mkdir(parents=True, exist_ok=True)
        temporary = temporary_name(out)
        try:
            temporary.mkdir()
            for name, text in contents.items():
                (temporary / name).parent.mkdir(parents=True, exist_ok=True)
                (temporary / name).write_text(text, encoding="utf-8", newline="\n")
            _swap(temporary, out, contents)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def check_folder(out: Path, name: str) -> None:
    """Refuse a folder that `write_folder` would refuse, before the work whose result goes there.

    Args:
        out: The folder to write.
        name: Name of what is written, as its record will have it.

    Raises:
        FirmwareFolderError: If the folder is not one to replace.
        WriteError: If it cannot be written.
    """
    out = _meant(out)
    with told(out, ELSEWHERE):
        _repair(out)
        _check_replaceable(out, name)
    check_writable(out.parent, ELSEWHERE)


def check_zip(out: Path) -> None:
    """Refuse an archive that `write_zip` would refuse, before the work whose result it is.

    Raises:
        FirmwareFolderError: If something else is there.
        WriteError: If it cannot be written.
    """
    if (out.exists() or out.is_symlink()) and not _is_ours(out):
        raise FirmwareFolderError(
            f"The archive '{out}' was not written by edge-ik. Move it away, or name another folder."
        )
    check_file_writable(out, ELSEWHERE)


def write_zip(out: Path, top: str, texts: Mapping[str, str], record: Mapping[str, Any]) -> None:
    """Write the same files as an archive of one folder; the same files give the same bytes.

    Args:
        out: The archive. One that is there is replaced if it was written by this function.
        top: Name of the folder in it.
        texts: As for `write_folder`.
        record: As for `write_folder`.

    Raises:
        FirmwareFolderError: If something else is there.
        WriteError: If it cannot be written.
    """
    check_zip(out)
    contents = {**texts, MANIFEST: _manifest(texts, record)}

    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in sorted(contents.items()):
                # A fixed time, that of the format's first day.
                entry = zipfile.ZipInfo(f"{top}/{name}")
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, text, zipfile.ZIP_DEFLATED)

    write_atomically(out, write, ELSEWHERE)


def _manifest(texts: Mapping[str, str], record: Mapping[str, Any]) -> str:
    """The text of the manifest: who made the files, of what, and their hashes."""
    files = {name: _hash(text.encode()) for name, text in sorted(texts.items())}
    return json.dumps({"made_by": MADE_BY, **record, "files": files}, indent=2) + "\n"


def _is_ours(archive: Path) -> bool:
    """Whether an archive has one of our manifests in its one folder."""
    try:
        with zipfile.ZipFile(archive) as opened:
            names = [name for name in opened.namelist() if name.endswith(f"/{MANIFEST}")]
            return len(names) == 1 and json.loads(opened.read(names[0]))["made_by"] == MADE_BY
    except (OSError, ValueError, KeyError, TypeError, RecursionError, zipfile.BadZipFile):
        return False


def _swap(temporary: Path, out: Path, contents: Mapping[str, str]) -> None:
    """Put the temporary folder where `out` is, and what was added there into it.

    `out` comes back if that fails, and nothing added is ever deleted.
    """
    if not out.exists():
        temporary.rename(out)
        return
    # Refuses before anything is moved.
    _added(out, contents)
    old = temporary_name(out, OLD)
    out.rename(old)
    try:
        temporary.rename(out)
    except OSError:
        old.rename(out)
        raise
    _take_over(old, out, contents)


def _take_over(old: Path, out: Path, contents: Iterable[str]) -> None:
    """Move what was added to the old folder into the new one, and remove the old one."""
    for name in _added(old, contents):
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (old / name).rename(out / name)
    # Half removed it would look as if its files were somebody's: it is none to keep any more.
    rest = temporary_name(out)
    old.rename(rest)
    shutil.rmtree(rest, ignore_errors=True)


def _repair(out: Path) -> None:
    """Finish, or undo, what writers of a folder that were killed have left beside it."""
    for old in left_over(out, OLD):
        if not out.exists():
            old.rename(out)
            continue
        contents = _hashes(_read_manifest(out / MANIFEST) or {}) or {}
        double = [name for name in _added(old, contents) if (out / name).exists()]
        if double:
            raise FirmwareFolderError(
                f"An export into '{out}' was ended half way. '{old}' is what was there before, "
                f"and these are in both: {', '.join(double)}. Move yours away from one of them."
            )
        _take_over(old, out, contents)
    for half in left_over(out):
        shutil.rmtree(half, ignore_errors=True)


def _meant(out: Path) -> Path:
    """The folder that a path means: of a link the one that it leads to."""
    if not out.is_symlink():
        return out.absolute()
    place = Path(os.path.realpath(out))
    if not out.exists():
        raise FirmwareFolderError(
            f"'{out}' is a link to '{place}', where there is nothing. Make that folder, or name "
            "another."
        )
    return place


def _check_replaceable(out: Path, name: str | None) -> None:
    if not out.exists():
        return
    if not out.is_dir():
        raise FirmwareFolderError(f"Expected a folder to write. Received a file: '{out}'")
    if not any(out.iterdir()):
        return
    values = _read_manifest(out / MANIFEST)
    hashes = None if values is None else _hashes(values)
    if hashes is None:
        raise FirmwareFolderError(
            f"The folder '{out}' was not written by edge-ik: it has no {MANIFEST} that says so. "
            "Expected an empty folder, or one that edge-ik wrote. Name another."
        )
    other = (values or {}).get("name", name)
    if other != name:
        raise FirmwareFolderError(
            f"The folder '{out}' holds the firmware '{other}'. Name another folder for '{name}' "
            "with --out, or remove that one."
        )
    changed = [
        name
        for name, known in sorted(hashes.items())
        if (out / name).exists() and _file_hash(out / name) != known
    ]
    if changed:
        raise FirmwareFolderError(
            f"Files in '{out}' have been changed since edge-ik wrote them: {', '.join(changed)}. "
            "Move what is yours away, or name another folder."
        )


def _added(out: Path, contents: Iterable[str]) -> list[str]:
    """Paths of what somebody put into the folder beside what was written into it.

    A folder of theirs is one path, whatever is in it.
    """
    if not out.is_dir():
        return []
    written = {*(_hashes(_read_manifest(out / MANIFEST) or {}) or {}), MANIFEST}
    coming = set(contents)
    folders = _folders(written) | _folders(coming)
    added = []
    left = [out]
    while left:
        for path in left.pop().iterdir():
            name = path.relative_to(out).as_posix()
            if name in folders and path.is_dir() and not path.is_symlink():
                left.append(path)
            elif name not in written:
                added.append(name)
    added.sort()
    clash = [name for name in added if name in coming or name in _folders(coming)]
    clash += [name for name in added if _folders([name]) & coming]
    if clash:
        raise FirmwareFolderError(
            f"The folder '{out}' has files of its own where firmware goes: {', '.join(clash)}. "
            "Move them away, or name another folder."
        )
    return added


def _folders(names: Iterable[str]) -> set[str]:
    """The folders that files of these paths are in, at any depth, but for the first."""
    return {parent.as_posix() for name in names for parent in PurePosixPath(name).parents} - {"."}


def _read_manifest(path: Path) -> dict[str, Any] | None:
    """The values of a manifest, or None if it is none of ours."""
    try:
        values = read_json(path)
    except (OSError, ValueError):
        return None
    return values if isinstance(values, dict) and values.get("made_by") == MADE_BY else None


def _hashes(values: Mapping[str, Any]) -> dict[str, str] | None:
    """The hash of each file that a manifest names, or None if it names none."""
    files = values.get("files")
    return files if isinstance(files, dict) else None


def _file_hash(path: Path) -> str | None:
    return _hash(path.read_bytes()) if path.is_file() else None


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
