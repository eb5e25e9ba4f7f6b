"""Where this distribution was installed from, and so how an extra of it is installed."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shlex
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

DISTRIBUTION = "edge-ik"


def install_command(extra: str = "") -> str:
    """The command that adds an extra to what is installed here, or repairs that.

    An installer records what it was given as a direct URL (PEP 610): a folder, a file or a
    repository. Without a record it came from an index, which then has the extra too.

    Args:
        extra: Name of an extra, such as "train", or "" for none.

    Returns:
        A line for a shell. For a folder or a file that is there no more, and where nothing was
        installed, one for the root of a clone.
    """
    try:
        recorded = importlib.metadata.distribution(DISTRIBUTION).read_text("direct_url.json")
    except importlib.metadata.PackageNotFoundError:
        return _from_folder(_source_root(), extra, editable=True)
    if recorded is None:
        return _pip(_with(DISTRIBUTION, extra))
    try:
        return _from_record(json.loads(recorded), extra)
    except (ValueError, KeyError, TypeError, AttributeError):
        return _in_a_clone(extra)


def _from_record(record: Any, extra: str) -> str:
    url, local = record["url"], _local_path(record["url"])
    if "vcs_info" in record:
        vcs = record["vcs_info"]
        revision = vcs.get("requested_revision")
        at = f"@{revision}" if revision else ""
        return _pip(f"{_with(DISTRIBUTION, extra)} @ {vcs['vcs']}+{url}{at}")
    if "dir_info" in record:
        return _from_folder(local, extra, editable=record["dir_info"].get("editable", False))
    if local is None:
        return _pip(f"{_with(DISTRIBUTION, extra)} @ {url}")
    return _pip(_with(str(local), extra)) if local.is_file() else _in_a_clone(extra)


def _from_folder(folder: Path | None, extra: str, editable: bool) -> str:
    if folder is None or not (folder / "pyproject.toml").is_file():
        return _in_a_clone(extra)
    here = "." if folder == _working_folder() else str(folder)
    return _pip(_with(here, extra), "-e " if editable else "")


def _working_folder() -> Path | None:
    """Where this process is; None if that folder was removed."""
    try:
        return Path.cwd()
    except OSError:
        return None


def _in_a_clone(extra: str) -> str:
    return f"{_pip(_with('.', extra))} (in the root of a clone of {DISTRIBUTION})"


def _with(what: str, extra: str) -> str:
    return f"{what}[{extra}]" if extra else what


def _source_root() -> Path:
    return Path(__file__).resolve().parent.parent


def _local_path(url: str) -> Path | None:
    """The path that a file URL names; None of another URL."""
    parts = urlsplit(url)
    if parts.scheme != "file":
        return None
    # On Windows a drive stands behind the third slash, and slashes become backslashes.
    return Path(url2pathname(parts.path)) if os.name == "nt" else Path(unquote(parts.path))


def _pip(what: str, options: str = "") -> str:
    # Shells other than those of POSIX take double quotes alone.
    return f"pip install {options}" + (f'"{what}"' if os.name == "nt" else shlex.quote(what))
