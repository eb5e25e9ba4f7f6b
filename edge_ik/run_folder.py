"""Which folder is a run: told by its files alone, before anything heavy is imported to read it."""

from __future__ import annotations

from pathlib import Path
from shlex import quote

from edge_ik.lock import LOCK_FILE
from firmware_host.errors import RunError
from firmware_host.files import PARTIAL

CONFIG_FILE = "config.toml"
RUN_FILE = "run.json"
# The record of a training that has a goal, whose folder becomes a run with its first network.
GOAL_FILE = "goal.json"


def check_run_folder(folder: Path) -> None:
    """Refuse what is no run folder.

    Raises:
        RunError: If it is missing, a file, a folder of something else, or not begun.
    """
    if folder.exists() and not folder.is_dir():
        raise RunError(f"Expected a run folder. Received: '{folder}', which is a file.")
    if not folder.is_dir():
        raise RunError(
            f"There is no run folder '{folder}'. Make one with: edge-ik train --out "
            f"{quote(str(folder))}"
        )
    if is_abandoned(folder):
        raise RunError(
            f"The training in '{folder}' was ended before its first step. Begin it anew with "
            "the command that began it."
        )
    if _is_run(folder):
        return
    if (folder / GOAL_FILE).is_file():
        raise no_network(folder)
    raise RunError(
        f"'{folder}' is not a run folder: it holds no {RUN_FILE} with a {CONFIG_FILE}. "
        "Expected a folder that `edge-ik train` wrote."
    )


def _is_run(folder: Path) -> bool:
    return (folder / RUN_FILE).is_file() and (folder / CONFIG_FILE).is_file()


def is_resumable(folder: Path) -> bool:
    """Whether a folder holds a training that can be continued."""
    return _is_run(folder) or (folder / GOAL_FILE).is_file()


def no_network(folder: Path) -> RunError:
    """What is told of a training that has not come to its first network."""
    return RunError(
        f"'{folder}' has no trained network yet. Continue it with: "
        f"edge-ik train --resume {quote(str(folder))}"
    )


def is_abandoned(folder: Path) -> bool:
    """Whether a run was ended in this folder while its record was written, with nothing else in it.

    The lock that its writer held is there still, which none could have left but in a folder that
    was free.
    """
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    rest = {name for name in names if not (name.startswith(".") and f".{PARTIAL}" in name)}
    return LOCK_FILE in names and rest <= {LOCK_FILE, CONFIG_FILE}
