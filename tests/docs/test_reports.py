"""The reports of the shipped models, as the pages' build asks for them."""

import importlib.util
from pathlib import Path

import pytest

from edge_ik.cli import main
from edge_ik.cli.report import report

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def reports():
    """The module of the build, which is no part of a package."""
    path = ROOT / "docs" / "_build" / "reports.py"
    spec = importlib.util.spec_from_file_location("reports", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_report_is_made_by_a_command_of_the_root(reports, monkeypatch):
    """It shows the command that made it: one that anyone may give there."""
    models = reports.shipped_models(ROOT)
    assert {"arm3", "leg3", "so101"} <= set(models)
    for model in models.values():
        program, name, *words = reports.report_command(ROOT, model)
        assert (program, main.commands[name]) == ("edge-ik", report)
        monkeypatch.chdir(ROOT)
        given = report.make_context(name, words).params
        assert not given["out"].is_absolute()
        assert [path.resolve() for path in given["models"]] == [model]
        assert not any(path.is_absolute() for path in given["models"])
