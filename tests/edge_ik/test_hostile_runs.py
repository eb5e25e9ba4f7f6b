"""Run folders from elsewhere: nothing of them runs, and each is taken rightly or refused."""

import json
import pickle
import shutil
import zipfile

import numpy as np
import pytest

pytest.importorskip("tensorflow")

import keras
from click.testing import CliRunner

from edge_ik.checkpoint import read_history
from edge_ik.cli import main
from edge_ik.config import config_from_dict, read_config, to_toml
from edge_ik.run import (
    BEST_FILE,
    BRANCHES_FILE,
    CHECKPOINT_FILE,
    METRICS_FILE,
    Run,
)
from edge_ik.run_folder import CONFIG_FILE, RUN_FILE
from firmware_host.errors import EdgeIkError, RunError

pytestmark = pytest.mark.tensorflow

DEEP = "[" * 100_000
NESTED = '{"robot": ' * 500 + "1" + "}" * 500


class Bomb:
    """What runs when it is loaded by pickle."""

    def __reduce__(self):
        return pytest.fail, ("code of the file ran",)


@pytest.fixture
def folder(tmp_path, tiny_folder):
    """A copy of a run that can be changed."""
    return shutil.copytree(tiny_folder, tmp_path / "run")


@pytest.fixture
def refused():
    """Function of arguments of the command: the sentence that it ends with."""

    def run(*arguments):
        result = CliRunner().invoke(main, list(map(str, arguments)))
        assert isinstance(result.exception, SystemExit), result.exception
        assert result.exit_code == 1
        assert result.stderr.startswith("Error: "), result.stderr
        assert result.stderr.count("\n") == 1
        assert result.stderr.replace("\n", "").isprintable()
        assert len(result.stderr) < 2000
        return result.stderr

    return run


def of_objects(path, **arrays):
    """A .npz of pickled objects, with these arrays before it."""
    objects = np.empty(2, object)
    objects[:] = [Bomb(), Bomb()]
    np.savez(path, **arrays, weight_0=objects, history=objects, variable_0=objects)


def keras_archive(path):
    """A model of Keras with a function of Python in it, which loading may run."""
    inputs = keras.Input((6,))
    outputs = keras.layers.Lambda(lambda x: x + 1, output_shape=(6,))(inputs)
    keras.Model(inputs, outputs).save(path.with_suffix(".keras"))
    shutil.move(path.with_suffix(".keras"), path)


def entries(path):
    """A ZIP of very many members."""
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(30_000):
            archive.writestr(f"{number}.npy", b"")


def inflated(path):
    """A ZIP that is small on disk and large when it is read."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("weight_0.npy", "history.npy", "variable_0.npy"):
            archive.writestr(name, b"\0" * 10**7)


def pickled(path):
    """A pickle under the name of an archive."""
    path.write_bytes(pickle.dumps(Bomb()))


CRAFTED = (of_objects, keras_archive, entries, inflated, pickled)


@pytest.mark.parametrize("craft", CRAFTED)
@pytest.mark.parametrize("name", [BEST_FILE, CHECKPOINT_FILE])
def test_crafted_numbers_are_refused_in_a_sentence(folder, refused, craft, name):
    (folder / name).unlink()
    craft(folder / name)
    if name == BEST_FILE:
        assert name in refused("evaluate", folder, "--targets", 100)
        return
    with pytest.raises(RunError, match=r"checkpoint\.npz cannot be read"):
        read_history(Run.load(folder))
    if craft is of_objects:
        assert name in refused("train", "--resume", folder)


@pytest.mark.parametrize(
    "content",
    ["", DEEP, NESTED, "[]", "7", '"run"', "null", '{"config_hash": NaN}', '{"a": 1e999}', "\0"],
)
@pytest.mark.parametrize("name", [RUN_FILE, BRANCHES_FILE])
def test_crafted_records_are_refused_in_a_sentence(folder, refused, name, content):
    (folder / name).write_text(content)
    assert f"{name} is damaged" in refused("evaluate", folder)


@pytest.mark.parametrize("value", [10**400, -1, 1e300, "x", [], {}, [[]], None, True, 10**30])
def test_a_value_that_no_run_has_is_refused(folder, value):
    record = json.loads((folder / RUN_FILE).read_text())
    places = [(key,) for key in record if key not in ("version", "config_hash")]
    places += [("focus", key) for key in record["focus"]]
    places += [("aspect", key) for key in record["aspect"]]
    places += [("workspace", "cell"), ("workspace", "shape"), ("normalization", "std")]
    told = []
    for *way, key in places:
        changed = json.loads(json.dumps(record))
        at = changed
        for step in way:
            at = at[step]
        at[key] = value
        (folder / RUN_FILE).write_text(json.dumps(changed))
        try:
            run = Run.load(folder)
        except EdgeIkError as error:
            told.append(str(error))
            continue
        # What is left are shares and counts that a run may have.
        assert value is True or (*way, key) == ("aspect", "count"), (way, key)
        assert np.isfinite(run.home).all()
    assert all(map(str.isprintable, told))


@pytest.mark.parametrize(
    "content",
    [
        "x = " + DEEP,
        "x = " + "9" * 5000,
        "a." * 20_000 + "a = 1",
        "# " + "x" * 10**6,
        "[network]\nwidth = 1e999",
        "[network]\nwidth = 100000",
        "[network]\nblocks = 100000",
        "[network]\nheads = 100000",
        "[training]\nepochs = 1000000000",
        "[training]\nbatch_size = 1000000000",
        "[data]\npool = 1000000000000",
        "[mining]\nbuffer = 1000000000000",
        "[arm]\nsource = 3",
        "",
        "\0",
    ],
)
def test_a_crafted_configuration_is_refused_in_a_sentence(folder, refused, content):
    (folder / CONFIG_FILE).write_text(content)
    said = refused("evaluate", folder)
    assert CONFIG_FILE in said or "Expected " in said


def test_a_network_larger_than_its_file_is_not_built(folder, refused, monkeypatch):
    values = read_config(folder / CONFIG_FILE).to_dict()
    values["network"] |= {"width": 8192, "blocks": 64}
    config = config_from_dict(values)
    (folder / CONFIG_FILE).write_text(to_toml(config))
    record = json.loads((folder / RUN_FILE).read_text()) | {"config_hash": config.hash()}
    (folder / RUN_FILE).write_text(json.dumps(record))
    monkeypatch.setattr("edge_ik.model.network.build_network", lambda *_: pytest.fail("built"))
    assert "fewer than 34," in refused("evaluate", folder)


@pytest.mark.parametrize(
    "content", [DEEP, "[]", '{"targets": 100}', '{"targets": 100, "steps": []}']
)
def test_crafted_figures_are_refused(folder, content):
    from edge_ik.ablation import _measured

    (folder / METRICS_FILE).write_text(content)
    with pytest.raises(RunError, match=r"metrics\.json is damaged.*edge-ik evaluate"):
        _measured(Run.load(folder), 100)
