"""Export: verified files that carry their robot and origin, or none at all."""

import dataclasses
import functools
import importlib.util
import json
import shutil

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("tensorflow")

import keras

from edge_ik import __version__
from edge_ik.cli import main
from edge_ik.evaluation import evaluate_model, evaluate_run
from edge_ik.run import BEST_FILE, Run
from edge_ik_tools import export as module
from edge_ik_tools.convert import CALIBRATION_SAMPLES, CALIBRATION_SEED_OFFSET, FORMATS
from edge_ik_tools.export import EXPORT_FILE, EXPORT_FOLDER, export
from edge_ik_tools.verify import VerificationError
from firmware_host.errors import ConfigError, ModelFileError, RunError
from firmware_host.installed import install_command
from firmware_host.model_file import read_model, write_model
from firmware_host.network.flatbuffer import read_graph
from firmware_host.progress import Done
from firmware_host.solver import IkSolver, Status

pytestmark = pytest.mark.tensorflow

TARGETS = 500  # as the session's export is measured on


@pytest.fixture
def folder(tmp_path, tiny_folder):
    """A copy of the tiny run to export, or to damage."""
    return shutil.copytree(tiny_folder, tmp_path / "run")


def model(out, name):
    return out / f"arm3-{name}.tflite"


def printed(*arguments):
    """The JSON of a command that succeeds."""
    result = CliRunner().invoke(main, [*map(str, arguments), "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


class TestFiles:
    def test_each_format_has_its_file_and_there_are_no_others(self, tiny_export):
        out, result = tiny_export
        names = {path.name for path in out.iterdir()}
        assert names == {EXPORT_FILE, *(f"arm3-{name}.tflite" for name in FORMATS)}
        assert [exported.format for exported in result.files] == list(FORMATS)

    def test_sizes_are_told(self, tiny_export):
        for exported in tiny_export[1].files:
            flatbuffer, _ = read_model(exported.path)
            assert exported.flatbuffer_bytes == len(flatbuffer)
            assert exported.file_bytes == exported.path.stat().st_size
            assert len(flatbuffer) < exported.file_bytes < len(flatbuffer) + 20_000

    @pytest.mark.parametrize("name", FORMATS)
    def test_the_robot_is_the_run_s(self, tiny_export, tiny_folder, name):
        run, solver = Run.load(tiny_folder), IkSolver.load(model(tiny_export[0], name))
        assert solver.chain.to_dict() == run.chain.to_dict()
        assert solver.spec.normalization == run.normalization
        np.testing.assert_array_equal(solver.home, run.home)
        np.testing.assert_array_equal(solver.workspace.cells, run.workspace.cells)
        np.testing.assert_array_equal(solver.workspace.sectors, run.workspace.sectors)
        assert solver.solve([0.3, 0.1, 0.2]).status is Status.SOLVED

    @pytest.mark.parametrize("name", FORMATS)
    def test_the_origin_is_told(self, tiny_export, tiny_folder, name):
        out, result = tiny_export
        _, record = read_model(model(out, name))
        provenance = record["provenance"]
        assert provenance["version"] == __version__
        run = Run.load(tiny_folder)
        assert provenance["config_hash"] == run.config.hash()
        assert provenance["rng_seed"] == run.config.training.rng_seed
        assert provenance["trained_branches"] == run.config.task.branches
        assert provenance["focus"] == run.focus.to_dict()
        assert provenance["parameters"] == 254
        assert provenance["quantization"] == {
            "format": name,
            "qat": False,
            "sparsity": None,
            "calibration_samples": CALIBRATION_SAMPLES,
            "calibration_seed": run.config.training.rng_seed + CALIBRATION_SEED_OFFSET,
        }
        (exported,) = (found for found in result.files if found.format == name)
        measured = exported.verification
        arena = {"arena_bytes": measured.arena_bytes}
        assert provenance["metrics"] == measured.evaluation.to_dict() | arena

    def test_the_summary_is_what_was_returned(self, tiny_export):
        out, result = tiny_export
        stored = json.loads((out / EXPORT_FILE).read_text())
        assert stored == json.loads(json.dumps(result.to_dict()))
        assert stored["trained"]["targets"] == TARGETS
        for exported in stored["files"]:
            assert exported["evaluation"]["any_branch"]["3"]["limit_violations"] == 0

    def test_the_drift_of_litert_is_told(self, tiny_export):
        stored = json.loads((tiny_export[0] / EXPORT_FILE).read_text())
        (int8,) = (found for found in stored["files"] if found["format"] == "int8")
        if "litert" not in int8["runtimes"]:
            pytest.skip("litert is not installed")
        assert set(int8["runtimes"]["litert"]) == {"differing_share", "max_units"}

    def test_the_run_is_only_read(self, folder):
        before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
        export(folder, ["int8"], targets=50)
        after = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
        added = set(after) - set(before)
        assert {path.name for path in added} == {EXPORT_FOLDER, EXPORT_FILE, "arm3-int8.tflite"}
        changed = {path for path, when in before.items() if after[path] != when}
        assert changed <= {folder}

    def test_the_same_run_gives_the_same_bytes(self, tiny_export, folder):
        out, _ = tiny_export
        again = export(folder, list(FORMATS), out=folder / "again", targets=TARGETS)
        for exported in again.files:
            assert exported.path.read_bytes() == (out / exported.path.name).read_bytes()
        texts = [
            (path / EXPORT_FILE).read_text().replace(str(path), "OUT")
            for path in (out, folder / "again")
        ]
        assert texts[0] == texts[1]

    def test_a_format_named_twice_is_written_once(self, folder):
        told = []
        result = export(folder, ["float32", "float32"], targets=50, tell=told.append)
        assert [exported.path.name for exported in result.files] == ["arm3-float32.tflite"]
        lines = [line for line in told if isinstance(line, str)]
        assert lines == ["Converting to float32", "Verifying float32 on 50 targets"]
        counted = [done for done in told if isinstance(done, Done) and done.total]
        assert {done.unit for done in counted} == {"solves"}
        assert all(0 <= done.count < done.total for done in counted)


class TestFigures:
    @pytest.mark.parametrize("name", FORMATS)
    def test_a_model_is_measured_as_it_was_exported(self, tiny_export, name):
        out, result = tiny_export
        metrics = evaluate_model(model(out, name), TARGETS)
        (exported,) = (found for found in result.files if found.format == name)
        values = exported.verification.evaluation.to_dict()
        assert {key: metrics[key] for key in values} == values

    def test_a_float_model_is_measured_like_its_run(self, tiny_export, folder):
        run = evaluate_run(folder, TARGETS)
        found = evaluate_model(model(tiny_export[0], "float32"), TARGETS)
        assert set(found) == set(run)
        assert found["format"] == run["format"] == "float32"
        for key in ("targets", "branches", "robot", "parameters", "config_hash", "version"):
            assert found[key] == run[key]
        # The two sum in another order: outputs differ by some 1e-7, metres by as little.
        assert set(found["any_branch"]) == set(run["any_branch"])
        for steps, relative, absolute in (("0", 1e-4, 1e-6), ("3", 1e-2, 1e-5)):
            for name, value in run["any_branch"][steps].items():
                again = found["any_branch"][steps][name]
                assert again == pytest.approx(value, rel=relative, abs=absolute), name

    def test_the_trained_network_s_own_figures_stand_beside(self, tiny_export, folder):
        trained = tiny_export[1].trained.to_dict()
        run = evaluate_run(folder, TARGETS)
        assert trained == {key: run[key] for key in trained}

    def test_a_model_without_its_origin_is_told(self, tiny_export, tmp_path):
        flatbuffer, record = read_model(model(tiny_export[0], "int8"))
        for missing in ("rng_seed", "trained_branches", "focus", "quantization"):
            changed = json.loads(json.dumps(record))
            del changed["provenance"][missing]
            path = tmp_path / f"{missing}.tflite"
            write_model(path, flatbuffer, changed)
            with pytest.raises(ModelFileError, match=f"does not say.*{missing}"):
                evaluate_model(path, 10)


class TestRefused:
    def assert_nothing_written(self, folder, *arguments, error, match, **options):
        before = sorted(path for path in folder.rglob("*"))
        with pytest.raises(error, match=match):
            export(folder, *arguments, targets=50, **options)
        assert sorted(path for path in folder.rglob("*")) == before

    def test_a_network_with_a_foreign_operator(self, folder, monkeypatch):
        inputs = keras.Input((6,))
        hidden = keras.layers.Dense(8, activation="tanh")(inputs)
        network = keras.Model(inputs, keras.layers.Dense(6)(hidden))
        monkeypatch.setattr(Run, "load_network", lambda _: network)
        self.assert_nothing_written(folder, ["int8"], error=VerificationError, match="TANH")

    def test_a_conversion_gone_wrong_takes_the_good_ones_with_it(self, folder, monkeypatch):
        original = module.convert

        def convert(network, target, calibration):
            flatbuffer = original(network, target, calibration)
            if target.name != "int8":
                return flatbuffer
            kernels = [
                tensor.data
                for tensor in read_graph(flatbuffer).tensors
                if tensor.data is not None and tensor.dtype == np.int8
            ]
            kernel = max(kernels, key=lambda values: values.size)
            return flatbuffer.replace(kernel.tobytes(), kernel[::-1].tobytes())

        monkeypatch.setattr(module, "convert", convert)
        self.assert_nothing_written(
            folder, ["float32", "int8"], error=VerificationError, match="int8 network differs"
        )

    @pytest.mark.parametrize("formats", [["float32"], ["int16x8"], ["int8", "dynamic"]])
    def test_qat_with_another_format_than_int8(self, folder, monkeypatch, formats):
        monkeypatch.setattr(module, "compress", lambda *_, **__: pytest.fail("it was trained"))
        self.assert_nothing_written(
            folder, formats, qat=True, error=ConfigError, match="int8 alone.*Received"
        )

    def test_an_unknown_format(self, folder):
        self.assert_nothing_written(folder, ["int4"], error=ConfigError, match="'int4'")

    def test_a_file_in_the_place_of_the_folder(self, folder, tmp_path):
        (tmp_path / "file").write_text("mine")
        out = tmp_path / "file"
        self.assert_nothing_written(
            folder, ["int8"], out=out, error=ConfigError, match="Received a file"
        )
        assert out.read_text() == "mine"

    def test_a_run_without_a_network(self, folder):
        (folder / BEST_FILE).unlink()
        self.assert_nothing_written(folder, ["int8"], error=RunError, match="no trained network")

    def test_a_folder_that_is_no_run(self, tmp_path):
        with pytest.raises(RunError):
            export(tmp_path / "nowhere", ["int8"])


class TestCommand:
    def test_figures_are_printed_and_the_file_is_named(self, folder):
        result = CliRunner().invoke(main, ["export", str(folder), "--targets", "50"])
        assert result.exit_code == 0, result.output
        words = ("Network alone, 50 unseen targets", "After 1 DLS step\n", "After 2 DLS steps")
        for word in (*words, "trained", "int8", "arena", "4 FULLY_CONNECTED", "reference"):
            assert word in result.stdout
        path = folder / EXPORT_FOLDER / "arm3-int8.tflite"
        assert f"Wrote {path}" in result.stdout
        assert path.is_file()

    def test_json_alone_is_printed_for_programs(self, folder, tmp_path):
        values = printed(
            *("export", folder, "--targets", 50, "--out", tmp_path / "out"),
            *("--quantize", "int8", "--quantize", "float32"),
        )
        assert [found["format"] for found in values["files"]] == ["int8", "float32"]
        assert json.loads((tmp_path / "out" / EXPORT_FILE).read_text()) == values

    def test_a_model_is_evaluated_under_the_names_of_a_run(self, tiny_export, folder):
        run = printed("evaluate", folder, "--targets", 50)
        for name in FORMATS:
            found = printed("evaluate", model(tiny_export[0], name), "--targets", 50)
            assert names(found) == names(run)
            assert found["format"] == name

    def test_a_model_is_evaluated_for_people(self, tiny_export):
        path = model(tiny_export[0], "int8")
        result = CliRunner().invoke(main, ["evaluate", str(path), "--targets", "50"])
        assert result.exit_code == 0, result.output
        text = " ".join(result.stdout.split())
        assert "of everything the arm reaches, to 1 mm, limits held, after 3 DLS steps" in text
        for word in ("arm3, 254 parameters, int8: 50 unseen targets", "+3 DLS", "published study"):
            assert word in text

    def test_mistakes_are_told(self, folder):
        for options, words in (
            (("--quantize", "int4"), "Unknown format 'int4'"),
            (("--quantize", "float32", "--qat"), "int8 alone"),
            (("--prune", "1.5"), "sparsity between 0 and 1"),
            (("--targets", "0"), "--targets"),
        ):
            result = CliRunner().invoke(main, ["export", str(folder), *options])
            assert result.exit_code in (1, 2)
            assert isinstance(result.exception, SystemExit)
            assert words in result.stderr
        assert not (folder / EXPORT_FOLDER).exists()


def names(values):
    """The nested keys of a JSON object."""
    if not isinstance(values, dict):
        return None
    return {key: names(value) for key, value in values.items()}


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("tensorflow_model_optimization") is None,
    reason=f"needs tensorflow-model-optimization: {install_command('compress')}",
)
@pytest.mark.parametrize(
    ("options", "suffix"), [({"qat": True}, "-qat"), ({"sparsity": 0.3}, "-pruned30")]
)
def test_a_fine_tuned_network_is_verified_and_named(folder, monkeypatch, options, suffix):
    monkeypatch.setattr(module, "compress", functools.partial(module.compress, steps=120))
    # In so few steps of small batches QAT's ranges come to leave the farthest values out.
    rough = dataclasses.replace(FORMATS["int8"], max_difference=2.0, mean_difference=0.1)
    monkeypatch.setattr(module, "checked_format", lambda name: rough)
    result = export(folder, ["int8"], targets=50, **options)
    (exported,) = result.files
    assert exported.path.name == f"arm3-int8{suffix}.tflite"
    _, record = read_model(exported.path)
    quantization = record["provenance"]["quantization"]
    assert quantization["qat"] is options.get("qat", False)
    assert quantization["sparsity"] == options.get("sparsity")
    # The trained network's own figures are still the ones to compare with.
    run = evaluate_run(folder, 50)
    assert {key: run[key] for key in result.trained.to_dict()} == result.trained.to_dict()
