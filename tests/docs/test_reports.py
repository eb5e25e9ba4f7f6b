"""The reports of the shipped models, as the pages' build asks for them."""

import importlib
from pathlib import Path

import pytest

from edge_ik.cli import main
from edge_ik.cli.report import report
from firmware_host.solver import IkSolver

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def build():
    """Function of a name: the module of the build, which is no part of a package."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "docs" / "_build")
        yield importlib.import_module


@pytest.fixture(scope="module")
def reports(build):
    return build("reports")


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


def test_the_gallery_tells_the_task_of_each_report(build, reports):
    """That of so101 is no model of the task that the robot usually has."""
    page = build("tables").robot_gallery(ROOT)
    for name, model in reports.shipped_models(ROOT).items():
        task = IkSolver.load(model, "reference").task.name
        link = f"[Its report](reports/{name}.html), of the model that the repository ships: task "
        assert f"{link}`{task}`." in page
    assert "ships: task `axis`." in page
