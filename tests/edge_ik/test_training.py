"""Training from end to end: what it leaves, that it repeats, and that it survives a kill."""

import csv
import dataclasses
import errno
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("tensorflow")

import keras
import tensorflow as tf

from edge_ik import preparation, training
from edge_ik.answering import RefinedHere
from edge_ik.checkpoint import Checkpoint, read_history
from edge_ik.config import Config, TrainingConfig
from edge_ik.data.streams import VALIDATION_STREAM, stream
from edge_ik.data.targets import draw_branch, draw_everywhere
from edge_ik.evaluation import evaluate_branch, evaluate_seeds, evaluation_targets, validate
from edge_ik.predictor import predictor
from edge_ik.run import (
    BEST_FILE,
    BRANCHES_FILE,
    CHECKPOINT_FILE,
    HISTORY_FILE,
    Run,
)
from edge_ik.run_folder import CONFIG_FILE, RUN_FILE
from edge_ik.sizing import resolved
from edge_ik.watcher import HISTORY_FIELDS
from firmware_host.solving.seeding import Seeder
from firmware_host.spec import ONE_BRANCH

pytestmark = pytest.mark.tensorflow


def without_time(history):
    return [{name: row[name] for name in row if name != "seconds"} for row in history]


def assert_same_result(folder, other):
    first, second = Run.load(folder), Run.load(other)
    assert without_time(read_history(first)) == without_time(read_history(second))
    for left, right in zip(
        first.load_network().get_weights(), second.load_network().get_weights(), strict=True
    ):
        np.testing.assert_array_equal(left, right)


def with_training(config, **values):
    return dataclasses.replace(config, training=dataclasses.replace(config.training, **values))


@pytest.fixture(scope="module")
def large_folder(tmp_path_factory, tiny_config):
    """A run trained as a large network is, though it is small."""
    folder = tmp_path_factory.mktemp("runs") / "large"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "LARGE_WEIGHTS", 0)
        training.train(*preparation.start(tiny_config, folder))
    return folder


class TestTinyRun:
    def test_it_leaves_the_files_of_a_run_and_no_others(self, tiny_folder):
        names = {path.name for path in tiny_folder.iterdir()}
        files = {CONFIG_FILE, RUN_FILE, CHECKPOINT_FILE, BEST_FILE, HISTORY_FILE}
        assert names == files | {"tensorboard"}
        assert len(list((tiny_folder / "tensorboard").iterdir())) == 1

    def test_every_epoch_has_its_row(self, tiny_folder):
        history = read_history(Run.load(tiny_folder))
        assert [row["step"] for row in history] == [40, 80, 120]
        for row in history:
            left_out = {"rotation_mean_deg", "joint_error_mean_m"}
            assert list(row) == [name for name in HISTORY_FIELDS if name not in left_out]
            assert 0 <= row["solved"] <= 1
            assert np.isfinite(list(row.values())).all()
        seconds = [row["seconds"] for row in history]
        assert seconds == sorted(seconds)
        peak = Run.load(tiny_folder).config.training.learning_rate
        assert history[-1]["learning_rate"] < peak / 100

    def test_the_table_on_disk_is_the_history(self, tiny_folder):
        with (tiny_folder / HISTORY_FILE).open(newline="") as stream:
            rows = [{name: float(row[name]) for name in row} for row in csv.DictReader(stream)]
        assert rows == read_history(Run.load(tiny_folder))

    def test_it_learns(self, tiny_folder):
        history = read_history(Run.load(tiny_folder))
        assert history[-1]["rmse_m"] < 0.6 * history[0]["rmse_m"]
        assert history[-1]["loss"] < history[0]["loss"]

    def test_the_best_network_is_the_one_with_the_least_validation_error(self, tiny_folder):
        run, source = preparation.resume(tiny_folder)
        rng = stream(0, VALIDATION_STREAM)
        draw_everywhere(run.problem, 500, rng)
        targets = draw_branch(source.one_branch.region, run.focus, 500, rng)
        seeder = Seeder(run.spec, predictor(run.load_network()))
        figures = evaluate_branch(RefinedHere(seeder), targets, steps=0).network
        best = min(row["rmse_m"] for row in read_history(run))
        assert figures.rmse_m == pytest.approx(best, rel=1e-5)

    def test_the_record_is_what_was_found(self, tiny_folder, tiny_config):
        run = Run.load(tiny_folder)
        assert run.config == resolved(tiny_config, run.problem, one_branch=True)
        assert run.chain.name == "arm3"
        assert 0.9 < run.aspect.joint_space <= 1
        assert 0.9 < run.aspect.workspace <= 1
        assert run.aspect.count == 2
        assert run.branches == run.spec.branches == ONE_BRANCH

    def test_resuming_a_finished_run_changes_nothing(self, tiny_folder):
        before = {path: path.stat().st_mtime_ns for path in tiny_folder.glob("*.*")}
        told = []
        training.train(*preparation.resume(tiny_folder), told.append)
        assert {path: path.stat().st_mtime_ns for path in tiny_folder.glob("*.*")} == before
        assert [progress.step for progress in told] == [120]


class TestHeads:
    def test_it_leaves_the_files_of_a_run_and_its_branches(self, heads_folder):
        names = {path.name for path in heads_folder.iterdir()}
        files = {CONFIG_FILE, RUN_FILE, CHECKPOINT_FILE, BEST_FILE, HISTORY_FILE, BRANCHES_FILE}
        assert names == files | {"tensorboard"}

    def test_rows_have_what_is_measured_of_everything(self, heads_folder):
        history = read_history(Run.load(heads_folder))
        left_out = {"focus_rmse_m", "rotation_mean_deg"}
        left_out |= {"joint_error_mean_deg", "joint_error_mean_m"}
        for row in history:
            assert list(row) == [name for name in HISTORY_FIELDS if name not in left_out]
            assert np.isfinite(list(row.values())).all()

    def test_it_learns(self, heads_folder):
        history = read_history(Run.load(heads_folder))
        assert history[-1]["train_rmse_m"] < 0.8 * history[0]["train_rmse_m"]
        assert history[-1]["solved"] > history[0]["solved"]

    def test_the_best_network_is_the_one_that_solves_the_most(self, heads_folder):
        run = Run.load(heads_folder)
        targets = draw_everywhere(run.problem, 500, stream(0, VALIDATION_STREAM))
        solved, _ = validate(Seeder(run.spec, predictor(run.load_network())), targets)
        best = max(row["solved"] for row in read_history(run))
        assert solved == pytest.approx(best, abs=0.005)

    def test_heads_begin_far_from_one_another(self, heads_folder):
        run, _ = preparation.resume(heads_folder)
        trainer = training.make_trainer(run, tf.distribute.get_strategy())
        bias = keras.ops.convert_to_numpy(trainer.network.get_layer("sin_cos").bias)
        starts = bias[:18].reshape(3, 6)
        apart = np.linalg.norm(starts[:, None] - starts[None], axis=-1)[~np.eye(3, dtype=bool)]
        assert apart.min() > 0.4

    def test_branches_are_written_once(self, heads_folder, tmp_path):
        folder = shutil.copytree(heads_folder, tmp_path / "run")
        training.train(*preparation.resume(folder))
        path = folder / BRANCHES_FILE
        before = path.read_bytes(), path.stat().st_mtime_ns
        training.train(*preparation.resume(folder))
        assert (path.read_bytes(), path.stat().st_mtime_ns) == before
        # What a run lacks that was killed just before is written when it is resumed.
        path.unlink()
        training.train(*preparation.resume(folder))
        assert path.read_bytes() == before[0]


def test_a_seed_gives_the_same_run_and_another_gives_another(tmp_path, tiny_config, tiny_folder):
    told = []
    training.train(*preparation.start(tiny_config, tmp_path / "same"), told.append)
    assert_same_result(tmp_path / "same", tiny_folder)
    steps = [progress.step for progress in told]
    assert steps == sorted(steps)
    assert set(range(10, 121, 10)) <= set(steps)
    assert all(progress.steps == 120 for progress in told)
    other = with_training(tiny_config, rng_seed=1, epochs=1)
    training.train(*preparation.start(other, tmp_path / "other"))
    first, second = (read_history(Run.load(folder)) for folder in (tiny_folder, tmp_path / "other"))
    assert first[0]["rmse_m"] != second[0]["rmse_m"]


@pytest.mark.slow
def test_a_run_with_every_part_switched_off_trains(tmp_path, tiny_config):
    config = dataclasses.replace(
        with_training(tiny_config, epochs=1, ema=0.0, warmup=0.0),
        network=dataclasses.replace(tiny_config.network, gate=False, residual=False),
        loss=dataclasses.replace(tiny_config.loss, balance=False),
        mining=dataclasses.replace(tiny_config.mining, share=0.0),
        data=dataclasses.replace(tiny_config.data, curriculum=0.0),
    )
    training.train(*preparation.start(config, tmp_path / "run"))
    (row,) = read_history(Run.load(tmp_path / "run"))
    assert (row["position_weight"], row["angle_weight"]) == (1.0, 1.0)
    assert row["rmse_m"] < 0.4


# Kills its own process at a moment of the training that it is told.
KILLED = """
import os, signal, sys
from pathlib import Path
import numpy as np
from edge_ik import checkpoint, preparation, training
from edge_ik.config import read_config

moment, config, folder = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
training.LARGE_WEIGHTS = int(sys.argv[4])
savez, saved = np.savez, []

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def report(progress):
    if moment.isdigit() and progress.step >= int(moment):
        die()

def half_written(stream, **arrays):
    # The best network is written so, too; it has no history.
    saved.extend([stream] * ("history" in arrays))
    if len(saved) == 2 and "history" in arrays:
        stream.write(b"half of a checkpoint")
        stream.flush()
        die()
    savez(stream, **arrays)

def never_saved(self, state):
    die()

if moment == "while writing the second checkpoint":
    np.savez = half_written
if moment == "after the best network, before its checkpoint":
    checkpoint.Checkpoint.save = never_saved
training.train(*preparation.start(read_config(config), folder), report)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("moment", "epochs_done", "undisturbed"),
    [
        ("after the best network, before its checkpoint", 0, "tiny_folder"),
        ("while writing the second checkpoint", 1, "tiny_folder"),
        ("100", 2, "heads_folder"),
        ("while writing the second checkpoint", 1, "large_folder"),
    ],
)
def test_a_killed_run_resumes_to_the_same_end(
    request, monkeypatch, tmp_path, moment, epochs_done, undisturbed
):
    undisturbed = request.getfixturevalue(undisturbed)
    folder = tmp_path / "run"
    if undisturbed.name == "large":
        monkeypatch.setattr(training, "LARGE_WEIGHTS", 0)
    large = str(training.LARGE_WEIGHTS)
    arguments = [moment, str(undisturbed / CONFIG_FILE), str(folder), large]
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, *arguments], capture_output=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    run, source = preparation.resume(folder)
    if epochs_done:
        assert len(read_history(run)) == epochs_done
    else:
        assert not (folder / CHECKPOINT_FILE).exists()
    training.train(run, source)
    assert_same_result(folder, undisturbed)
    assert {path.name for path in folder.iterdir()} == {path.name for path in undisturbed.iterdir()}
    assert Run.load(folder).branches == Run.load(undisturbed).branches
    targets = evaluation_targets(run, 500)
    first, second = (
        evaluate_seeds(Seeder(found.spec, predictor(found.load_network())), targets).to_dict()
        for found in map(Run.load, (folder, undisturbed))
    )
    assert first == second


@pytest.mark.parametrize(("width", "large"), [(64, False), (512, True)])
def test_the_number_of_weights_chooses_how_a_network_is_compiled(
    tiny_folder, tiny_config, width, large
):
    run = Run.load(tiny_folder)
    network = dataclasses.replace(run.config.network, width=width)
    wider = dataclasses.replace(run, config=dataclasses.replace(run.config, network=network))
    trainer = training.make_trainer(wider, tf.distribute.get_strategy())
    assert training.is_large(trainer.network) == large
    assert trainer.jit_compile != large


def test_what_prevented_the_writing_of_a_large_network_ends_its_training(
    tmp_path, tiny_config, monkeypatch
):
    def full(self, state):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(training, "LARGE_WEIGHTS", 0)
    monkeypatch.setattr(Checkpoint, "save", full)
    told = []
    with pytest.raises(OSError, match="No space left"):
        training.train(*preparation.start(tiny_config, tmp_path / "run"), told.append)
    assert told[-1].step == 80


class TestLearningRate:
    def rates(self, **values):
        config = Config(training=TrainingConfig(epochs=10, steps_per_epoch=100, **values))
        schedule = training.learning_rate(config)
        return [
            float(keras.ops.convert_to_numpy(schedule(step))) for step in (0, 10, 20, 510, 1000)
        ]

    def test_it_rises_to_its_peak_and_falls_to_its_end(self):
        start, rising, peak, middle, end = self.rates(
            learning_rate=0.01, final_learning_rate=1e-4, warmup=0.02
        )
        assert start == 0
        assert rising == pytest.approx(0.005)
        assert peak == pytest.approx(0.01)
        assert middle == pytest.approx((0.01 + 1e-4) / 2, rel=1e-3)
        assert end == pytest.approx(1e-4, rel=1e-3)

    def test_without_a_rise_it_begins_at_its_peak(self):
        rates = self.rates(learning_rate=0.01, final_learning_rate=0.0, warmup=0.0)
        assert rates[0] == pytest.approx(0.01)
        assert rates == sorted(rates, reverse=True)
        assert rates[-1] == pytest.approx(0.0, abs=1e-8)
