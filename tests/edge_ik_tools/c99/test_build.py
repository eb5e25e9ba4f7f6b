"""What the cache of compiled firmware holds is what was compiled, and every failure is told."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from edge_ik_tools.c99 import build
from edge_ik_tools.c99.host import FirmwareSolver
from edge_ik_tools.doctor.tiny import write_tiny_model
from edge_ik_tools.errors import FirmwareBuildError
from firmware_host.errors import WriteError

TARGET = [0.3, 0.2, 0.0]


@pytest.fixture(scope="module")
def model(tmp_path_factory, require_tool):
    require_tool("cc", "gcc libc6-dev")
    path = tmp_path_factory.mktemp("tiny") / "tiny.tflite"
    write_tiny_model(path)
    return path


@pytest.fixture(scope="module")
def compiled(model, tmp_path_factory):
    """A folder of caches with the tiny model's module, once."""
    folder = tmp_path_factory.mktemp("compiled")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        FirmwareSolver.load(model)
    return folder


@pytest.fixture
def cache(compiled, tmp_path, monkeypatch):
    """A folder of caches of its own, with that module in it."""
    place = tmp_path / "edge-ik"
    place.mkdir()
    for file in (compiled / "edge-ik").iterdir():
        (place / file.name).write_bytes(file.read_bytes())
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return place


@pytest.fixture
def counted(compiled, monkeypatch):
    """A list that grows by one with whatever is compiled, to what was compiled before."""
    calls = []
    (library,) = (compiled / "edge-ik").iterdir()

    def compile_(compiler, headers, source, out):
        calls.append(source.read_text())
        out.write_bytes(library.read_bytes())

    monkeypatch.setattr(build, "_compile", compile_)
    return calls


def script(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.mark.parametrize("damage", ["cut", "empty", "another"])
def test_a_damaged_module_is_compiled_anew(model, cache, counted, damage):
    (library,) = cache.iterdir()
    whole = library.read_bytes()
    library.write_bytes({"cut": whole[:5000], "empty": b"", "another": whole[::-1]}[damage])
    solver = FirmwareSolver.load(model)
    assert solver.solve(TARGET).within_limits
    assert len(counted) == 1
    assert [path.read_bytes() for path in cache.iterdir()] == [solver.library.read_bytes()]
    FirmwareSolver.load(model)
    assert len(counted) == 1


def test_a_module_that_cannot_be_loaded_is_compiled_anew(model, cache, counted):
    """One that is whole, and was compiled for another machine."""
    (library,) = cache.iterdir()
    library.unlink()
    foreign = b"\x7fELF of another machine"
    name = build._named(library.name.rsplit("-", 1)[0], foreign)
    (cache / name).write_bytes(foreign)
    assert FirmwareSolver.load(model).solve(TARGET).within_limits
    assert len(counted) == 1


def test_a_compiler_that_makes_nothing_is_told(model, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("CC", "true")
    with pytest.raises(FirmwareBuildError, match=r"made nothing\. Expected a C compiler"):
        FirmwareSolver.load(model)
    assert list((tmp_path / "edge-ik").iterdir()) == []


def test_a_compiler_that_makes_no_module_is_told(model, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    text = 'for word; do test "$last" = -o && echo no > "$word"; last=$word; done; exit 0'
    monkeypatch.setenv("CC", str(script(tmp_path / "odd", text)))
    with pytest.raises(FirmwareBuildError, match=r"cannot be loaded: .*Expected a module"):
        FirmwareSolver.load(model)


def test_what_a_compiler_says_may_be_in_any_encoding(model, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("CC", str(script(tmp_path / "latin", r"printf 'f\374r\n' >&2; exit 1")))
    with pytest.raises(FirmwareBuildError, match="refuses the generated firmware: f\ufffdr"):
        FirmwareSolver.load(model)


def test_a_compiler_beside_the_working_folder_is_run(model, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    script(tmp_path / "mine", "echo mine refuses >&2; exit 1")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CC", "./mine")
    assert build.find_compiler() == (str(tmp_path / "mine"),)
    with pytest.raises(FirmwareBuildError, match="mine refuses"):
        FirmwareSolver.load(model)


def test_without_a_home_the_folder_of_caches_is_asked_for(model, monkeypatch):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(build.Path, "home", homeless)
    with pytest.raises(WriteError, match=r"no home folder\. Set .* XDG_CACHE_HOME"):
        FirmwareSolver.load(model)


@pytest.mark.parametrize("named", ["", "here", "./here", "~/here"])
def test_a_relative_folder_of_caches_is_ignored(monkeypatch, named):
    monkeypatch.setenv("XDG_CACHE_HOME", named)
    assert build.cache_folder() == Path.home() / ".cache" / "edge-ik"


def test_a_place_without_room_is_told(model, monkeypatch, tmp_path):
    resource = pytest.importorskip("resource")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(WriteError, match=f"Cannot write '{tmp_path}/edge-ik'.*XDG_CACHE_HOME"):
            FirmwareSolver.load(model)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_compiler_works_in_a_folder_of_the_cache(model, monkeypatch, tmp_path):
    """And its temporary files with it: what is left when all is killed is found again."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("CC", str(script(tmp_path / "told", 'echo "$TMPDIR; $*" >&2; exit 1')))
    with pytest.raises(FirmwareBuildError) as told:
        FirmwareSolver.load(model)
    assert str(told.value).count(str(tmp_path / "edge-ik" / ".edge-ik.")) >= 3


def test_what_a_killed_process_left_is_removed_by_the_next(model, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    killer = script(tmp_path / "killer", 'test "$1" = --version || kill -9 $PPID')
    monkeypatch.setenv("CC", str(killer))
    code = f"from edge_ik_tools.c99.host import FirmwareSolver as f; f.load({str(model)!r})"
    ended = subprocess.run([sys.executable, "-c", code], env=os.environ, check=False)
    assert ended.returncode == -9
    (left,) = (tmp_path / "edge-ik").iterdir()
    assert (left / "host.c").is_file()
    monkeypatch.setenv("CC", "false")
    with pytest.raises(FirmwareBuildError):
        FirmwareSolver.load(model)
    assert list((tmp_path / "edge-ik").iterdir()) == []
    assert {path.name for path in tmp_path.iterdir()} == {"edge-ik", "killer"}
