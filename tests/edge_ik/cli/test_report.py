"""The command that shows what a model does."""

import json
import sys

import pytest

from edge_ik.run import Run
from edge_ik.run_folder import CONFIG_FILE, RUN_FILE
from firmware_host.errors import EdgeIkError
from firmware_host.installed import install_command

FEW = ("--targets", 60)
WORDS = {"--out": "file", "--figures": "folder"}


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch, tmp_path):
    """A report that is not named goes into the present folder."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "pages" / "report.html"


def test_a_report_is_written(run, planar_model, out):
    result = run("report", planar_model, "--out", out, *FEW)
    assert result.exit_code == 0, result.output
    assert str(out) in result.stdout
    text = out.read_text(encoding="utf-8")
    assert text.startswith("<!DOCTYPE html>")
    assert f"edge-ik report {planar_model} --out {out} --targets 60</code>" in text


def test_a_report_prints_its_verdict_as_json(printed, planar_model, out):
    values = printed("report", planar_model, "--out", out, *FEW)
    assert values["report"] == str(out)
    verdict = values["models"]["planar.tflite"]
    assert verdict["targets"] == 60
    assert verdict["state"] in ("holds", "mostly", "fails")


def test_models_of_one_name_have_verdicts_of_their_own(printed, planar_model, out, tmp_path):
    paths = [tmp_path / folder / "planar.tflite" for folder in ("one", "two")]
    for path in paths:
        path.parent.mkdir()
        path.write_bytes(planar_model.read_bytes())
    values = printed("report", *paths, "--out", out, *FEW)
    assert list(values["models"]) == ["one/planar.tflite", "two/planar.tflite"]


def test_what_was_measured_elsewhere_is_shown(run, planar_model, out, tmp_path):
    figures = tmp_path / "ablation.json"
    variants = {"everything": {"rmse_m": 0.1, "max_m": 0.2}, "no gate": {"rmse_m": 0.2}}
    figures.write_text(json.dumps({"variants": variants}), encoding="utf-8")
    path = tmp_path / "path.csv"
    path.write_text("0.3,0.1,0\n0.3,0.11,0\n0.3,0.12,0\n", encoding="utf-8")
    result = run("report", planar_model, "--out", out, *FEW, "--measured", figures, "--path", path)
    assert result.exit_code == 0, result.output
    text = out.read_text(encoding="utf-8")
    assert 'data-title="Ablation"' in text
    assert "the given path of 3 targets" in text


def test_a_front_above_the_model_is_found(run, planar_model, out, tmp_path):
    folder = tmp_path / "search" / "export"
    folder.mkdir(parents=True)
    model = folder / "planar.tflite"
    model.write_bytes(planar_model.read_bytes())
    row = {"trial": 1, "width": 8, "blocks": 1, "instructions": 9.0, "flash": 5, "unsolved": 0.1}
    front = {"settings": {"goal": 0.9}, "front": [{**row, "meets": False}]}
    (tmp_path / "search" / "front.json").write_text(json.dumps(front), encoding="utf-8")
    assert run("report", model, "--out", out, *FEW).exit_code == 0
    assert 'data-title="Search"' in out.read_text(encoding="utf-8")


def test_mistakes_are_told(refused, planar_model, out, tmp_path):
    nothing = tmp_path / "none.tflite"
    assert "There is no model file" in refused("report", nothing, "--out", out)
    (tmp_path / "words.txt").write_text("one two three\n", encoding="utf-8")
    words = tmp_path / "words.txt"
    assert "cannot be read" in refused("report", planar_model, "--path", words)
    assert "cannot be read" in refused("report", planar_model, "--measured", words)
    assert "6 models at most" in refused("report", *[planar_model] * 7)
    assert "run folder" in refused("report", words)
    assert "unknown" in refused("report", planar_model, "--runtime", "none").lower()


@pytest.mark.parametrize("option", ["--out", "--figures"])
def test_a_place_that_cannot_be_written_is_told_before_the_work(
    refused, planar_model, tmp_path, read_only, monkeypatch, option
):
    from edge_ik_tools.report.measuring import record

    measured = []
    monkeypatch.setattr(record, "measure", lambda *given: measured.append(given))
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    closed = tmp_path / "closed"
    closed.mkdir()
    before = sorted(tmp_path.rglob("*"))
    said = refused("report", planar_model, option, tmp_path / "file" / "place")
    assert f"Cannot write '{tmp_path / 'file' / 'place'}': Not a directory." in said
    with read_only(closed):
        said = refused("report", planar_model, option, closed / "new" / "place")
    assert f"Make that place writable, or name another {WORDS[option]} with {option}." in said
    assert measured == []
    assert sorted(tmp_path.rglob("*")) == before


def test_figures_without_matplotlib_are_told_before_the_work(
    refused, planar_model, tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    said = refused("report", planar_model, "--figures", tmp_path / "figures")
    assert install_command("report") in said
    assert list(tmp_path.iterdir()) == []


def test_a_path_of_another_task_is_told_before_the_work(
    refused, planar_model, tmp_path, monkeypatch
):
    from edge_ik_tools.report.measuring import record

    measured = []
    monkeypatch.setattr(record, "answer", lambda *given: measured.append(given))
    path = tmp_path / "path.csv"
    path.write_text("0.3,0.1\n0.3,0.2\n", encoding="utf-8")
    said = refused("report", planar_model, "--path", path, *FEW)
    assert f"The path '{path}', line 1: Expected a target" in said
    assert measured == []


def test_a_missing_extra_is_told(refused, planar_model, monkeypatch):
    monkeypatch.setitem(sys.modules, "plotly", None)
    sentence = refused("report", planar_model)
    assert install_command("report") in sentence


def test_missing_scipy_is_told(refused, planar_model, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "scipy"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "scipy", None)
    for name in [name for name in sys.modules if name.startswith("edge_ik_tools.report")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "edge_ik.data.aspects", raising=False)
    monkeypatch.delitem(sys.modules, "edge_ik.data.focus", raising=False)
    sentence = refused("report", planar_model)
    assert "needs the package 'scipy', which is not installed" in sentence
    assert install_command("report") in sentence


def test_a_damaged_run_is_told_before_tensorflow_is_asked_for(refused, tmp_path, monkeypatch):
    """It takes seconds to import."""
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / RUN_FILE).write_text("{}", encoding="utf-8")
    (folder / CONFIG_FILE).write_text("[network]\nwidth = 'wide'\n", encoding="utf-8")
    with pytest.raises(EdgeIkError) as error:
        Run.load(folder)
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    assert str(error.value) in refused("report", folder)
