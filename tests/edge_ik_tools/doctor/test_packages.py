"""Packages: read from what the distribution demands, and told with what adds them."""

import importlib.metadata
import tomllib

import pytest

from edge_ik_tools.doctor import packages
from edge_ik_tools.doctor.importing import import_errors
from edge_ik_tools.doctor.packages import PURPOSES, find_packages, release, requirements
from firmware_host.installed import install_command

# As setuptools writes pyproject.toml's lines.
LINES = [
    "numpy>=1.26",
    'ai-edge-litert>=1.1.1; python_version < "3.15" and (sys_platform == "linux")',
    'tensorflow>=2.18; extra == "train"',
    "scipy>=1.11; extra == 'train'",
    'edge-ik[train]; extra == "compress"',
    'tf_keras; extra == "compress"',
]


@pytest.fixture
def versions(monkeypatch):
    """Function of the versions that are installed, and of what is demanded."""

    def install(found, lines=LINES):
        def version(name):
            if name not in found:
                raise importlib.metadata.PackageNotFoundError(name)
            return found[name]

        monkeypatch.setattr(importlib.metadata, "version", version)
        monkeypatch.setattr(packages, "import_errors", lambda names: {})
        monkeypatch.setattr(importlib.metadata, "requires", lambda _: lines)

    return install


def test_each_extra_has_its_own_packages(versions):
    versions({})
    found = [tuple(one) for one in requirements()]
    assert found == [
        ("numpy", "1.26", "", False),
        ("ai-edge-litert", "1.1.1", "", True),
        ("tensorflow", "2.18", "train", False),
        ("scipy", "1.11", "train", False),
        ("tf_keras", "", "compress", False),
    ]


def test_what_is_missing_or_too_old_is_told_with_what_adds_it(versions):
    versions({"numpy": "2.4.6", "tensorflow": "2.9.1", "tf_keras": "2.21.0"})
    base, train, compress, search, *_ = find_packages()
    # LiteRT has no wheel on some machines, and nothing else needs it.
    assert base.works
    assert (base.found, base.advice) == ("numpy 2.4.6", "")
    assert not train.works
    assert train.found == "tensorflow 2.9.1, tensorflow is below 2.18, no scipy"
    assert train.advice == install_command("train")
    assert compress.works
    assert (search.works, search.found) == (False, "not there when this was installed")
    assert search.advice == install_command("search")


def test_a_package_that_cannot_be_imported_does_not_work(versions, monkeypatch):
    versions({"numpy": "2.4.6", "tensorflow": "2.21.0", "scipy": "1.11"})
    asked = []

    def broken(names):
        asked.extend(names)
        return {"scipy": "ImportError: libfoo.so is not there"}

    monkeypatch.setattr(packages, "import_errors", broken)
    base, train, *_ = find_packages()
    assert asked == ["numpy", "tensorflow", "scipy"]
    assert base.works
    assert not train.works
    assert train.found.endswith("scipy cannot be imported: ImportError: libfoo.so is not there")
    assert train.advice == "pip install --force-reinstall scipy"


def test_packages_are_really_imported(tmp_path, monkeypatch):
    """One that ends the process hides nothing of those after it."""
    for name, text in {
        "whole": "print('{}')",
        "broken": "raise ImportError('not\\nso')",
        "ending": "import os; os.abort()",
        "serial": "import missing_one",
        "leaving": "raise SystemExit(3)",
    }.items():
        (tmp_path / f"{name}.py").write_text(text + "\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert import_errors(["whole", "broken", "ending", "pyserial", "leaving", "whole"]) == {
        "broken": "ImportError: not",
        "ending": "ended by signal SIGABRT",
        "pyserial": "ModuleNotFoundError: No module named 'missing_one'",
        "leaving": "SystemExit: 3",
    }


def test_modules_of_the_working_folder_are_not_imported(tmp_path, monkeypatch):
    (tmp_path / "numpy.py").write_text("raise ImportError\n")
    monkeypatch.chdir(tmp_path)
    assert import_errors(["numpy"]) == {}


def test_every_extra_of_users_is_looked_at(source_root):
    with (source_root / "pyproject.toml").open("rb") as file:
        extras = tomllib.load(file)["project"]["optional-dependencies"]
    assert set(PURPOSES) == {"", *extras} - {"test", "dev"}


def test_sources_that_were_not_installed_are_told(monkeypatch):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(packages.importlib.metadata, "requires", missing)
    (found,) = find_packages()
    assert not found.works
    assert "not installed" in found.found


@pytest.mark.parametrize(
    ("older", "newer"), [("2.9.1", "2.18"), ("1.1.0", "1.1.1"), ("", "0.1"), ("2.18.0rc1", "2.21")]
)
def test_versions_are_compared_by_number(older, newer):
    assert release(older) < release(newer)
