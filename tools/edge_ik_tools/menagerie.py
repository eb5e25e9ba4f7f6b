"""Robots by the folder: each description in it read, and what came of that.

    python -m edge_ik_tools.menagerie FOLDER [--json]

Every URDF, xacro, MJCF and robot TOML below the folder is loaded; a row says which chain would
be taken, of what kinds of joints, how many chains there are, or why there is none. Files that
are parts of others, and those that are no robots, are left out and counted.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from edge_ik.arms.safe_xml import local_name, outermost
from edge_ik.arms.sources import read_description
from edge_ik.arms.survey import kinds_of, survey
from edge_ik.arms.text import decoded
from edge_ik.arms.tree import build_tree
from firmware_host.errors import EdgeIkError

SUFFIXES = (".urdf", ".xacro", ".xml", ".mjcf", ".toml")
# What a file begins with that holds a robot.
ROOTS = ("robot", "mujoco")


@dataclass(frozen=True)
class Entry:
    """What came of one file.

    Attributes:
        file: Its path below the folder.
        format: What it was; empty if it could not be read.
        base: Where the chain starts that would be taken.
        tip: Where it ends.
        kinds: Number of its joints of each kind.
        chains: How many chains there are.
        refused: How many of these are refused.
        why: Why there is none; empty if there is one.
        seconds: How long it took.
    """

    file: str
    format: str = ""
    base: str = ""
    tip: str = ""
    kinds: dict[str, int] | None = None
    chains: int = 0
    refused: int = 0
    why: str = ""
    seconds: float = 0.0


def robots_in(folder: Path) -> Iterator[Path]:
    """The files below a folder that hold a robot, in the order of their names."""
    for path in sorted(folder.rglob("*")):
        if path.suffix in SUFFIXES and path.is_file() and _is_robot(path):
            yield path


def look_at(path: Path, folder: Path) -> Entry:
    """Load one file."""
    began = time.perf_counter()
    file = str(path.relative_to(folder))
    try:
        description = read_description(path)
        found = survey(build_tree(description))
    except EdgeIkError as error:
        return Entry(file, why=str(error), seconds=time.perf_counter() - began)
    selection = found.recommended.selection
    return Entry(
        file,
        description.format,
        found.recommended.base,
        found.recommended.tip,
        None if selection is None else kinds_of(selection.chain),
        len(found.options) + found.left_out,
        sum(option.selection is None for option in found.options),
        seconds=time.perf_counter() - began,
    )


def summary(entries: list[Entry]) -> str:
    """How many were loaded, and of which kinds the rest are."""
    loaded = [entry for entry in entries if not entry.why]
    kinds: Counter[str] = Counter()
    for entry in loaded:
        kinds.update((entry.kinds or {}).keys())
    with_kinds = ", ".join(f"{count} with {kind}" for kind, count in kinds.most_common())
    chains = sum(entry.chains for entry in entries)
    refused = sum(entry.refused for entry in entries)
    slowest = max((entry.seconds for entry in entries), default=0.0)
    return (
        f"{len(loaded)} of {len(entries)} robots loaded ({with_kinds or 'none'}); {chains} chains, "
        f"{refused} of them refused; the slowest took {slowest:.2f} s."
    )


def _is_robot(path: Path) -> bool:
    """Whether a file holds a robot, by what it begins with."""
    try:
        text, _ = decoded(path.read_bytes(), str(path))
    except (OSError, EdgeIkError):
        return True  # why it cannot be read is worth a row
    if path.suffix.lower() == ".toml":
        return "[[joints]]" in text
    return local_name(outermost(text)) in ROOTS


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def main(folder: Path, as_json: bool) -> None:
    """Load every robot description below FOLDER and tell what came of it."""
    entries = []
    for path in robots_in(folder):
        entries.append(look_at(path, folder))
        if not as_json:
            click.echo(_row(entries[-1]))
    if as_json:
        click.echo(json.dumps([asdict(entry) for entry in entries], indent=2))
    else:
        click.echo(summary(entries))


def _row(entry: Entry) -> str:
    """One line of the table."""
    if entry.why:
        return f"{entry.file:<64} REFUSED  {entry.why}"
    kinds = " + ".join(f"{count} {kind}" for kind, count in (entry.kinds or {}).items())
    more = f", {entry.refused} refused" if entry.refused else ""
    return (
        f"{entry.file:<64} {entry.format:<5} {kinds}: {entry.base} to {entry.tip} "
        f"({entry.chains} chain{'s'[: entry.chains - 1]}{more})"
    )


if __name__ == "__main__":
    main()
