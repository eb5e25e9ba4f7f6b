"""What pyproject.toml demands on which machine."""

import itertools
import tomllib

import pytest
from packaging.requirements import Requirement

LINUX, MACOS, WINDOWS = "linux", "darwin", "win32"


@pytest.fixture(scope="module")
def base(source_root):
    """The requirements of what is always installed, by name."""
    with (source_root / "pyproject.toml").open("rb") as file:
        lines = tomllib.load(file)["project"]["dependencies"]
    return {one.name: one for one in map(Requirement, lines)}


def demanded(requirement, system, machine, python="3.11"):
    if requirement.marker is None:
        return True
    values = {"sys_platform": system, "platform_machine": machine, "python_version": python}
    return requirement.marker.evaluate(values)


@pytest.mark.parametrize(
    ("system", "machine", "python", "has_wheels"),
    [
        (LINUX, "x86_64", "3.11", True),
        (LINUX, "x86_64", "3.14", True),
        (LINUX, "aarch64", "3.13", True),
        (MACOS, "arm64", "3.12", True),
        (WINDOWS, "AMD64", "3.12", True),
        # 32-bit Raspberry Pi OS, also as `linux32` shows a 64-bit kernel.
        (LINUX, "armv6l", "3.11", False),
        (LINUX, "armv7l", "3.11", False),
        (LINUX, "armv8l", "3.11", False),
        (LINUX, "i686", "3.11", False),
        (LINUX, "riscv64", "3.11", False),
        (MACOS, "x86_64", "3.12", False),
        (WINDOWS, "ARM64", "3.12", False),
        (WINDOWS, "x86", "3.12", False),
        (LINUX, "x86_64", "3.15", False),
    ],
)
def test_litert_is_demanded_where_it_has_wheels(base, system, machine, python, has_wheels):
    assert demanded(base["ai-edge-litert"], system, machine, python) is has_wheels


def test_everything_else_is_demanded_everywhere(base):
    others = [one for name, one in base.items() if name != "ai-edge-litert"]
    assert {one.name for one in others} == {"numpy", "click", "rich"}
    assert all(one.marker is None for one in others)


def test_every_requirement_has_a_lower_bound(source_root):
    with (source_root / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    extras = itertools.chain.from_iterable(project["optional-dependencies"].values())
    lines = [*project["dependencies"], *extras]
    loose = {
        one.name
        for one in map(Requirement, lines)
        if one.name != project["name"] and not any(part.operator == ">=" for part in one.specifier)
    }
    assert loose == set()
