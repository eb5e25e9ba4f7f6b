"""The checkpoint: all of the state or a clear refusal."""

import dataclasses
import os
import shutil

import numpy as np
import pytest

pytest.importorskip("tensorflow")

import keras

from edge_ik.checkpoint import Checkpoint, read_history
from edge_ik.config import LossConfig, MiningConfig, NetworkConfig
from edge_ik.model.network import build_network
from edge_ik.model.trainer import IkTrainer
from edge_ik.run import CHECKPOINT_FILE, Run
from firmware_host.errors import RunError

pytestmark = pytest.mark.tensorflow

HISTORY = [
    {"step": 10, "seconds": 1.5, "solved": 0.5, "rmse_m": 1 / 3},
    {"step": 20, "seconds": 2.5, "solved": 0.75, "rmse_m": 0.1},
]
SMALL = NetworkConfig(width=4, blocks=1, heads=1, dropout=0.1)


@pytest.fixture(scope="module")
def make_trainer(problem):
    """Function of the network's configuration: a compiled trainer with random state."""

    def make(config=SMALL):
        mining = MiningConfig(share=0.125, buffer=16)
        network = build_network(6, 6, config)
        trainer = IkTrainer(network, problem, config.heads, LossConfig(), mining, 32)
        trainer.compile(keras.optimizers.Adam(use_ema=True))
        trainer.optimizer.build(trainer.trainable_variables)
        return trainer

    return make


def state(checkpoint):
    return [keras.ops.convert_to_numpy(variable).copy() for variable in checkpoint.variables]


def fill(checkpoint, seed):
    rng = np.random.default_rng(seed)
    for variable in checkpoint.variables:
        variable.assign(rng.integers(0, 100, variable.shape))


def test_all_of_the_state_comes_back(tmp_path, make_trainer):
    saved = Checkpoint(tmp_path / "state.npz", make_trainer())
    fill(saved, 0)
    saved.save(saved.snapshot(HISTORY))
    other = Checkpoint(saved.path, make_trainer())
    fill(other, 1)
    assert other.restore() == HISTORY
    for before, after in zip(state(saved), state(other), strict=True):
        np.testing.assert_array_equal(before, after)
    assert list(tmp_path.iterdir()) == [saved.path]


def test_the_state_is_everything_but_metrics(tmp_path, make_trainer):
    trainer = make_trainer()
    paths = [variable.path for variable in Checkpoint(tmp_path / "x", trainer).variables]
    for part in ("log_variance", "hard_examples", "hard_count", "seed_generator", "iteration"):
        assert any(part in path for path in paths), part
    weights = len(trainer.trainable_variables)
    # Adam keeps two moments and an average of each trained variable.
    assert len(paths) >= 4 * weights
    assert sum("seed_generator_state" in path for path in paths) == 2  # dropout and mining
    assert not any("mse" in path for path in paths)


def test_the_state_of_heads_comes_back_with_the_weight_of_their_promises(tmp_path, make_trainer):
    config = dataclasses.replace(SMALL, heads=3)
    saved = Checkpoint(tmp_path / "state.npz", make_trainer(config))
    assert any("promise_log_variance" in variable.path for variable in saved.variables)
    fill(saved, 0)
    saved.save(saved.snapshot(HISTORY))
    other = Checkpoint(saved.path, make_trainer(config))
    assert other.restore() == HISTORY
    for before, after in zip(state(saved), state(other), strict=True):
        np.testing.assert_array_equal(before, after)


def test_without_a_file_there_is_no_history(tmp_path, make_trainer):
    assert Checkpoint(tmp_path / "none.npz", make_trainer()).restore() == []


def test_what_a_killed_run_left_is_removed_only_when_asked(tmp_path, make_trainer):
    checkpoint = Checkpoint(tmp_path / "state.npz", make_trainer())
    checkpoint.save(checkpoint.snapshot(HISTORY))
    partial = tmp_path / f".state.{os.getpid()}-0a-1.partial.npz"
    partial.write_bytes(b"half of a checkpoint")
    assert checkpoint.restore() == HISTORY
    assert partial.exists()
    assert checkpoint.restore(tidy=True) == HISTORY
    assert list(tmp_path.iterdir()) == [checkpoint.path]


@pytest.mark.parametrize(
    "change",
    [
        {"width": 5},
        {"blocks": 2},
        {"blocks": 0},
        {"gate": False},
        {"dropout": 0.0},
        {"heads": 2},
        {"heads": 3},
    ],
)
def test_that_of_another_configuration_is_refused(tmp_path, make_trainer, change):
    path = tmp_path / "state.npz"
    saved = Checkpoint(path, make_trainer())
    saved.save(saved.snapshot(HISTORY))
    with pytest.raises(RunError, match=r"state\.npz"):
        Checkpoint(path, make_trainer(dataclasses.replace(SMALL, **change))).restore()


def test_a_damaged_file_is_refused_or_reads_the_same(tmp_path, make_trainer):
    path = tmp_path / "state.npz"
    whole = Checkpoint(path, make_trainer())
    fill(whole, 0)
    whole.save(whole.snapshot(HISTORY))
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    damaged = [content[:0], content[:20], content[: len(content) // 2], content[:-1], b"\0" * 999]
    for _ in range(60):
        flipped = bytearray(content)
        flipped[rng.integers(len(content))] ^= 1 << int(rng.integers(8))
        damaged.append(bytes(flipped))
    expected = state(whole)
    refusals = []
    for data in damaged:
        path.write_bytes(data)
        try:
            whole.restore()
        except RunError as error:
            refusals.append(str(error))
        for before, after in zip(expected, state(whole), strict=True):
            np.testing.assert_array_equal(before, after)
    assert len(refusals) > 40
    assert all("state.npz" in refusal for refusal in refusals)


class TestReadHistory:
    def test_it_is_that_of_the_checkpoint(self, tiny_folder):
        history = read_history(Run.load(tiny_folder))
        assert [row["step"] for row in history] == [40, 80, 120]

    def test_without_a_checkpoint_it_is_told(self, tmp_path, tiny_folder):
        folder = shutil.copytree(tiny_folder, tmp_path / "run")
        run = Run.load(folder)
        (folder / CHECKPOINT_FILE).write_bytes(b"half")
        with pytest.raises(RunError, match="cannot be read"):
            read_history(run)
        (folder / CHECKPOINT_FILE).unlink()
        with pytest.raises(RunError, match="cannot be read"):
            read_history(run)
