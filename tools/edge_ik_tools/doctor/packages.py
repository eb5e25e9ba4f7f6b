"""The packages of each extra, against what the distribution itself demands."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from edge_ik_tools.doctor.finding import Finding
from edge_ik_tools.doctor.importing import import_errors
from firmware_host.installed import DISTRIBUTION, install_command

# What the extras of users are for; "" is what is always installed.
PURPOSES: Mapping[str, str] = {
    "": "solve, inspect, bench, arms, firmware of a model",
    "train": "train, evaluate a run, export",
    "compress": "export --qat, --prune",
    "search": "search",
    "mjcf": "robots in MJCF files",
    "xacro": "robots in xacro sources",
    "plot": "arms --plot",
    "report": "report, evaluate a model",
    "view": "view",
    "docs": "make docs",
    "serial": "bench --serial",
    "peers": "bench --peers",
    "tflm": "runtime tflite-micro",
}
# "tensorflow>=2.18; extra == 'train'": a name, perhaps the least version, perhaps an extra.
_REQUIREMENT = re.compile(r"\s*(?P<name>[\w.-]+)\s*(?P<part>\[)?[^;>]*(>=\s*(?P<least>[\w.]+))?")
_EXTRA = re.compile(r"extra\s*==\s*[\"'](?P<extra>[\w-]+)[\"']")


class Requirement(NamedTuple):
    """A package that is demanded.

    Attributes:
        name: Its name.
        least: The least version, or "".
        extra: The extra that demands it, or "".
        somewhere: Whether only some machines or versions of Python need it.
    """

    name: str
    least: str
    extra: str
    somewhere: bool


def requirements() -> list[Requirement]:
    """What the installed distribution demands, each extra's own packages alone."""
    try:
        lines = importlib.metadata.requires(DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        return []
    return list(_read(lines))


def find_packages() -> list[Finding]:
    """One finding for what is always installed, and one for each extra of users."""
    demanded = requirements()
    if not demanded:
        return [
            Finding(
                DISTRIBUTION,
                PURPOSES[""],
                False,
                "run from sources that were not installed",
                install_command(),
            )
        ]
    names = dict.fromkeys(one.name for one in demanded if one.extra in PURPOSES)
    versions = {name: version for name in names if (version := _version(name))}
    errors = import_errors(list(versions))
    return [
        _finding(extra, [one for one in demanded if one.extra == extra], versions, errors)
        for extra in PURPOSES
    ]


def _version(name: str) -> str:
    """The version of a package that is installed; "" of one that is not."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _read(lines: list[str]) -> Iterator[Requirement]:
    for line in lines:
        found, extra = _REQUIREMENT.match(line), _EXTRA.search(line)
        # One of our own extras demands others of ours: those have findings of their own.
        if found is None or found["part"]:
            continue
        somewhere = "python_version" in line or "sys_platform" in line
        of = extra["extra"] if extra else ""
        yield Requirement(found["name"], found["least"] or "", of, somewhere)


def _finding(
    extra: str,
    demanded: Sequence[Requirement],
    versions: Mapping[str, str],
    errors: Mapping[str, str],
) -> Finding:
    """What is there of an extra.

    Args:
        extra: Its name.
        demanded: Its packages.
        versions: Of the packages that are installed.
        errors: Why some of these cannot be imported.
    """
    there, broken = [], []
    # Where the sources have moved on since they were installed.
    lacking = [] if demanded else ["not there when this was installed"]
    for one in demanded:
        version = versions.get(one.name)
        if version is None:
            if not one.somewhere:
                lacking.append(f"no {one.name}")
            continue
        there.append(f"{one.name} {version}")
        if release(version) < release(one.least):
            lacking.append(f"{one.name} is below {one.least}")
        elif one.name in errors:
            broken.append(one.name)
            there.append(f"{one.name} cannot be imported: {errors[one.name]}")
    name = f"{DISTRIBUTION}[{extra}]" if extra else DISTRIBUTION
    advice = [install_command(extra)] if lacking else []
    if broken:
        advice.append(f"pip install --force-reinstall {' '.join(broken)}")
    found = ", ".join([*there, *lacking])
    return Finding(name, PURPOSES[extra], not lacking + broken, found, "; ".join(advice))


def release(version: str) -> tuple[int, ...]:
    """The numbers that a version begins with: (2, 21, 0) of "2.21.0rc1"."""
    found = re.match(r"\d+(\.\d+)*", version)
    return tuple(map(int, found[0].split("."))) if found else ()
