"""The command that adds an extra: what works from where the package was installed."""

import importlib.metadata
import json
import shlex
import subprocess
import sys

import pytest

from firmware_host import installed
from firmware_host.errors import MissingExtraError
from firmware_host.installed import install_command


@pytest.fixture
def recorded(monkeypatch):
    """Function of what the installer wrote: it is what is found."""

    class Found:
        def __init__(self, text):
            self.text = text

        def read_text(self, name):
            assert name == "direct_url.json"
            return self.text

    def record(value):
        text = value if value is None or isinstance(value, str) else json.dumps(value)
        monkeypatch.setattr(importlib.metadata, "distribution", lambda _: Found(text))

    return record


@pytest.fixture
def clone(tmp_path):
    """A folder with a project, whose name a shell must be told with quotes."""
    folder = tmp_path / "my clone"
    folder.mkdir()
    (folder / "pyproject.toml").touch()
    return folder


def words(extra="train"):
    """The command as a shell reads it."""
    return shlex.split(install_command(extra))


@pytest.mark.parametrize(("editable", "options"), [(True, ["-e"]), (False, [])])
def test_from_a_folder(recorded, clone, editable, options, monkeypatch):
    recorded({"url": clone.as_uri(), "dir_info": {"editable": editable}})
    assert words() == ["pip", "install", *options, f"{clone}[train]"]
    monkeypatch.chdir(clone)
    assert words() == ["pip", "install", *options, ".[train]"]


def test_from_an_index(recorded):
    recorded(None)
    assert install_command("mjcf") == "pip install 'edge-ik[mjcf]'"


def test_from_a_wheel(recorded, tmp_path):
    wheel = tmp_path / "edge_ik-1-py3-none-any.whl"
    wheel.touch()
    recorded({"url": wheel.as_uri(), "archive_info": {}})
    assert words() == ["pip", "install", f"{wheel}[train]"]


def test_from_elsewhere(recorded):
    url = "https://example.org/edge-ik"
    recorded({"url": url, "vcs_info": {"vcs": "git", "requested_revision": "v1", "commit_id": "0"}})
    assert words() == ["pip", "install", f"edge-ik[train] @ git+{url}@v1"]
    recorded({"url": f"{url}/edge_ik-1-py3-none-any.whl", "archive_info": {}})
    assert words() == ["pip", "install", f"edge-ik[train] @ {url}/edge_ik-1-py3-none-any.whl"]


@pytest.mark.parametrize("kind", ["dir_info", "archive_info"])
def test_from_what_is_gone(recorded, tmp_path, kind):
    recorded({"url": (tmp_path / "gone").as_uri(), kind: {}})
    assert install_command("train").startswith("pip install '.[train]' (in the root of a clone")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"url": 1}', '{"url": "x", "vcs_info": 2}'])
def test_a_record_that_cannot_be_read_is_as_none(recorded, text):
    recorded(text)
    assert "(in the root of a clone" in install_command("train")


def test_from_sources_that_were_not_installed(monkeypatch, clone):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", missing)
    monkeypatch.setattr(installed, "_source_root", lambda: clone)
    assert words() == ["pip", "install", "-e", f"{clone}[train]"]


def test_a_working_folder_that_was_removed_is_none(recorded, clone):
    def gone():
        raise FileNotFoundError(2, "No such file or directory")

    recorded({"url": clone.as_uri(), "dir_info": {"editable": True}})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(installed.Path, "cwd", gone)
        told = words()
    assert told == ["pip", "install", "-e", f"{clone}[train]"]


def test_windows_is_given_double_quotes(recorded, monkeypatch):
    recorded(None)
    monkeypatch.setattr(installed.os, "name", "nt")
    assert install_command("train") == 'pip install "edge-ik[train]"'


def test_the_error_tells_it():
    error = MissingExtraError("keras", "train", "Training")
    assert str(error) == (
        "Training needs the package 'keras', which is not installed. Install it with: "
        + install_command("train")
    )


def test_pip_takes_the_form_of_a_path_with_an_extra(clone):
    """Asked without installing anything: the name behind the path is known to pip."""
    pytest.importorskip("pip", reason="made by uv: this environment has no pip")
    (clone / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "b"\nbackend-path = ["."]\n'
    )
    (clone / "b.py").write_text(
        "import pathlib\n"
        "def get_requires_for_build_wheel(s=None): return []\n"
        "def prepare_metadata_for_build_wheel(folder, s=None):\n"
        "    info = pathlib.Path(folder, 'm-1.dist-info'); info.mkdir()\n"
        "    (info / 'METADATA').write_text('Metadata-Version: 2.1\\nName: m\\nVersion: 1\\n'\n"
        "        'Provides-Extra: train\\n')\n"
        "    return info.name\n"
        "def build_wheel(*a, **k): raise SystemExit\n"
    )
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-index", "--no-deps"]
    command += ["--no-build-isolation", f"{clone}[train]"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "does not provide the extra" not in found.stderr
    assert "Would install m-1" in found.stdout, found.stderr
