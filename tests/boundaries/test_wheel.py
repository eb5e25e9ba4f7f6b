"""What the wheel installs: the three packages with their data, and nothing beside them."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import PurePosixPath

import pytest

PACKAGES = {
    "edge_ik": "edge_ik",
    "edge_ik_tools": "tools/edge_ik_tools",
    "firmware_host": "firmware_host",
}
DATA_SUFFIXES = {".urdf", ".c", ".h", ".cc", ".in", ".html", ".css", ".js"}


@pytest.fixture(scope="module")
def wheel_members(source_root, tmp_path_factory):
    # A copy: what an earlier build left in build/ would find its way into the wheel.
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(source_root / name, source)
    for folder in PACKAGES.values():
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source_root / folder, source / folder, ignore=ignored)
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", str(source), "--wheel-dir", str(out)]
    result = subprocess.run(
        [*command, "--no-deps", "--no-build-isolation", "--no-index"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    (wheel,) = out.glob("edge_ik-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return {PurePosixPath(name) for name in archive.namelist()}


def test_top_level_names_are_the_three_packages(wheel_members):
    top = {member.parts[0] for member in wheel_members}
    (metadata,) = {name for name in top if name.endswith(".dist-info")}
    assert top - {metadata} == set(PACKAGES)


def test_packages_say_that_they_are_typed(wheel_members):
    assert {PurePosixPath(package, "py.typed") for package in PACKAGES} <= wheel_members


def test_every_source_and_data_file_is_installed(wheel_members, source_root):
    expected = {
        PurePosixPath(package, path.relative_to(source_root / folder).as_posix())
        for package, folder in PACKAGES.items()
        for path in (source_root / folder).rglob("*")
        if path.suffix in DATA_SUFFIXES | {".py"}
    }
    assert PurePosixPath("edge_ik/arms/arm3.urdf") in expected
    assert expected - wheel_members == set()
