"""What is read beside a model: its twin, its run, a path, and what other commands measured."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from edge_ik.run import HISTORY_FILE, Run
from edge_ik_tools.peers.compare import Comparison, PeerFigures
from edge_ik_tools.report.measuring.elsewhere import PARTS, Elsewhere, core_cost
from edge_ik_tools.report.measuring.following import MOST_POINTS, read_path
from edge_ik_tools.report.measuring.record import Asked, measure
from edge_ik_tools.report.measuring.rounding import measure_rounding
from edge_ik_tools.report.measuring.subject import labels, open_model
from edge_ik_tools.report.measuring.training import read_training
from firmware_host.bench.clock import percentiles
from firmware_host.errors import EdgeIkError, ModelFileError, RunError, TargetError
from firmware_host.model_file import read_model, write_model
from firmware_host.tasks import POSITION

NETWORKS = Path(__file__).parents[2] / "firmware_host" / "models"


def written(path, planar_model, network, **said):
    """The two-joint robot with a network, whose record says more of where it comes from."""
    _, record = read_model(planar_model)
    provenance = {**record["provenance"], "config_hash": "a" * 16, **said}
    write_model(path, (NETWORKS / network).read_bytes(), {**record, "provenance": provenance})
    return path


@pytest.fixture
def pair(planar_model, tmp_path):
    """The same network in integers and in floats, side by side."""
    return [
        written(tmp_path / name, planar_model, network, quantization={"format": kind})
        for name, network, kind in (
            ("whole.tflite", "int8_per_channel.tflite", "int8"),
            ("exact.tflite", "float32.tflite", "float32"),
        )
    ]


@pytest.mark.parametrize(
    ("paths", "wanted"),
    [
        (["runs/a/export/m.tflite"], ["m.tflite"]),
        (["a/m.tflite", "a/n.tflite"], ["m.tflite", "n.tflite"]),
        (["a/x/m.tflite", "b/x/m.tflite", "n"], ["a/x/m.tflite", "b/x/m.tflite", None]),
        (["m.tflite", "./m.tflite"], ["m.tflite", "m.tflite"]),
    ],
)
def test_models_of_one_name_are_told_apart(paths, wanted):
    found = labels([Path(path) for path in paths])
    for label, name in zip(found, wanted, strict=True):
        assert name is None or label == name


def test_a_model_finds_its_twin_beside_it(pair):
    for path in pair:
        twin = open_model(path, path.name).twin
        assert twin.names == ("exact.tflite", "whole.tflite")
        assert twin.exact.seeder is not twin.rounded.seeder


def test_a_model_of_another_training_is_no_twin(planar_model, pair, tmp_path):
    other = written(
        tmp_path / "exact.tflite",
        planar_model,
        "float32.tflite",
        quantization={"format": "float32"},
        config_hash="b" * 16,
    )
    assert other == pair[1]
    assert "No float32 model of the same training" in open_model(pair[0], pair[0].name).twin


def test_a_model_alone_says_why_there_is_no_twin(shipped):
    assert "run folder" in shipped.twin
    assert "edge-ik export" in shipped.twin


def test_a_run_that_is_there_and_refused_is_told_with_its_reason(pair, tmp_path, monkeypatch):
    """Not as one that is missing, and by the path that the model has in the command."""
    folder = tmp_path / "run"
    (folder / "export").mkdir(parents=True)
    model = pair[0].rename(folder / "export" / pair[0].name)
    missing = open_model(model, model.name).run
    assert "is not where edge-ik export writes" in missing
    (folder / "run.json").write_text("{}", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    refused = open_model(model, model.name)
    with pytest.raises(EdgeIkError) as error:
        Run.load(folder)
    assert refused.run == str(error.value)
    record = measure(refused, Asked(60, 20, 2), lambda _: None)
    assert record.training == refused.run
    near = open_model(model.relative_to(tmp_path), model.name)
    assert str(tmp_path) not in near.run
    assert near.run == refused.run.replace(f"{tmp_path}/", "")


def test_rounding_is_told_target_by_target(pair):
    twin = open_model(pair[0], pair[0].name).twin
    found = measure_rounding(twin, 300, 100, 0)
    assert found.seed_error.shape == (100, 2)
    problem = twin.exact.problem
    from edge_ik.data.streams import EVERYWHERE_STREAM, stream
    from edge_ik.data.targets import draw_everywhere

    target = draw_everywhere(problem, 300, stream(0, EVERYWHERE_STREAM)).target
    for column, solver in enumerate((twin.exact, twin.rounded)):
        errors, _ = problem.errors(solver.seed(target), target)
        np.testing.assert_array_equal(found.seed_error[:, column], errors[:100])
        assert found.rmse[column] == pytest.approx(np.sqrt((errors**2).mean()))
        batch = solver.solve_batch(target)
        solved = (batch.position_error_m < 1e-3) & batch.within_limits
        assert found.solved[column] == pytest.approx(solved.mean())
    assert found.only[0] - found.only[1] == round(300 * (found.solved[0] - found.solved[1]))


@pytest.mark.parametrize(
    "focus",
    [
        {"center": [0, 0], "radius": 1, "normal": [0, 0, 1]},
        {"center": [0, 0, 1e99], "radius": 1, "normal": [0, 0, 1]},
        {"center": [0, 0, 0], "radius": 1, "normal": [0, 0, 0]},
        "a circle",
    ],
)
def test_a_focus_circle_that_is_none_is_told(planar_model, tmp_path, focus):
    path = written(tmp_path / "m.tflite", planar_model, "int8_per_channel.tflite", focus=focus)
    with pytest.raises(ModelFileError, match="does not say what it was trained on"):
        open_model(path, path.name)


def test_a_model_says_where_it_comes_from(shipped, shipped_path):
    origin = shipped.origin
    assert (origin.format, origin.parameters, origin.one_branch) == ("int8", 1302, True)
    assert origin.size_bytes == shipped_path.stat().st_size
    assert len(origin.sha256) == 64


@pytest.mark.parametrize(
    "text",
    [
        "# x y z\n0.1, 0.2, 0.3\n\n0.2;0.2;0.3   # the second\n",
        "0.1 0.2 0.3\n0.2\t0.2 0.3\n",
        "[[0.1, 0.2, 0.3], [0.2, 0.2, 0.3]]",
    ],
)
def test_a_path_is_lines_of_numbers_or_json(tmp_path, text):
    path = tmp_path / "path.txt"
    path.write_text(text, encoding="utf-8")
    np.testing.assert_array_equal(read_path(path).targets, [[0.1, 0.2, 0.3], [0.2, 0.2, 0.3]])


@pytest.mark.parametrize(
    "text", ["", "1 2 3", "1 2 3\n1 2", "1 2 x\n1 2 3", "[[1, 2], [3]]", "[1, 2]", "{}"]
)
def test_a_path_that_is_none_is_told(tmp_path, text):
    path = tmp_path / "path.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TargetError, match="path"):
        read_path(path)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("# x y z\n1 2 3\n\n1 2 x\n", "line 4: could not convert"),
        ("# x y z\n1 2 3\n\n1 2\n", "line 4 has 2 numbers where line 2 has 3"),
        ("# x y z\n1 2 3\n\n1 nan 3\n", "line 4: Expected finite numbers"),
        ("[[1, 2, 3], [1, NaN, 3]]", "row 2: Expected finite numbers"),
        ("# x y\n1 2\n1 3\n", "line 2: Expected a target of shape (3,)"),
    ],
)
def test_what_is_no_target_is_told_with_its_file_and_line(tmp_path, text, where):
    path = tmp_path / "path.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TargetError) as error:
        read_path(path).check(POSITION)
    assert f"The path '{path}'" in str(error.value)
    assert where in str(error.value)


def test_a_path_that_is_long_or_missing_is_told(tmp_path):
    path = tmp_path / "path.txt"
    with pytest.raises(TargetError, match="cannot be read"):
        read_path(path)
    path.write_text("1 2 3\n" * (MOST_POINTS + 1), encoding="utf-8")
    with pytest.raises(TargetError, match="Expected 2 to"):
        read_path(path)


def test_a_history_is_read_with_its_gaps(tmp_path):
    from types import SimpleNamespace

    (tmp_path / HISTORY_FILE).write_text("step,rmse_m,note\n500,0.2,\n1000,0.1,3\n")
    found = read_training(SimpleNamespace(folder=tmp_path))
    np.testing.assert_array_equal(found.step, [500, 1000])
    np.testing.assert_array_equal(found.columns["note"], [np.nan, 3])
    (tmp_path / HISTORY_FILE).write_text("step,rmse_m\n500,many\n")
    with pytest.raises(RunError, match="damaged"):
        read_training(SimpleNamespace(folder=tmp_path))
    (tmp_path / HISTORY_FILE).unlink()
    assert "No epoch" in read_training(SimpleNamespace(folder=tmp_path))


@pytest.fixture
def compared():
    """What `bench --peers` prints of two solvers."""
    time = percentiles(np.array([1.0, 2.0, 3.0]))
    own = PeerFigures(1.0, 1.0, 1e-9, 1e-6, time, 1e3, 5, True, "one branch")
    other = PeerFigures(0.5, 0.9, float("nan"), 1e-4, time, 1e2, 5, False)
    return Comparison(200, {"edge-ik": own, "other": other}, {}, 5, (1.0, 1.2), 2).to_dict()


def test_what_bench_prints_is_read(emulated, compared, tmp_path):
    found = Elsewhere()
    for name, values in (("core", emulated), ("peers", {"peers": compared, "runtimes": {}})):
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(values), encoding="utf-8")
        found.read(path)
    (core,) = found.cores
    assert core == core_cost(emulated)
    counts = emulated[emulated["unit"]]
    assert core.parts == {part: counts[part]["median"] for part in PARTS}
    assert core.total == counts["total"]["median"]
    assert core.stack_bytes == max(emulated["stack_bytes"], emulated["path"]["stack_bytes"])
    assert [row.name for row in found.peers.rows] == ["edge-ik", "other"]
    assert found.peers.rows[0].median_us == 2.0
    assert dataclasses.replace(found.peers).targets == 200


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"flash_bytes": 3}', '{"front": 1}', "nan"])
def test_figures_of_nothing_known_are_told(tmp_path, text):
    path = tmp_path / "figures.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RunError, match="figures"):
        Elsewhere().read(path)
