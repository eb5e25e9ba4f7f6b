"""The training step: it learns, balances its losses, and feeds hard examples back."""

import itertools

import numpy as np
import pytest

pytest.importorskip("keras")

import keras
import tensorflow as tf

from edge_ik.config import LossConfig, MiningConfig, NetworkConfig
from edge_ik.data.dataset import make_dataset
from edge_ik.model.losses import squared_task_error
from edge_ik.model.network import build_network
from edge_ik.model.trainer import BUFFER_INTAKE, IkTrainer

pytestmark = pytest.mark.tensorflow

ROWS = 64
INTAKE = int(ROWS * BUFFER_INTAKE)
NO_MINING = MiningConfig(enabled=False)


def make_trainer(problem, loss=None, mining=NO_MINING, rate=1e-2):
    network = build_network(6, 3, NetworkConfig(width=8, blocks=1))
    trainer = IkTrainer(network, problem, loss or LossConfig(), mining, ROWS)
    trainer.compile(keras.optimizers.Adam(rate), run_eagerly=True)
    trainer.optimizer.build(trainer.trainable_variables)
    return trainer


def batches(source, count):
    dataset = make_dataset(source, ROWS, 0, 1000)
    return list(itertools.islice(dataset.as_numpy_iterator(), count))


def values(variable):
    """A variable or tensor in NumPy."""
    return keras.ops.convert_to_numpy(variable).copy()


def logs(step):
    return {name: values(value).item() for name, value in step.items()}


@pytest.mark.parametrize("balance", [True, False])
def test_steps_on_one_batch_lower_both_errors(arm3_source, balance):
    trainer = make_trainer(arm3_source.aspect.problem, LossConfig(balance=balance))
    batch = tuple(map(tf.constant, batches(arm3_source, 1)[0]))
    step = tf.function(trainer.train_step)
    before = logs(step(batch))
    for _ in range(40):
        for metric in trainer.metrics:
            metric.reset_state()
        after = logs(step(batch))
    assert after["angle_mse"] < 0.5 * before["angle_mse"]
    assert after["position_mse"] < 0.7 * before["position_mse"]
    assert after["loss"] < before["loss"]


class TestWeights:
    def test_fixed_weights_are_used_and_stay(self, arm3_source):
        chain = arm3_source.aspect.chain
        trainer = make_trainer(
            arm3_source.aspect.problem,
            LossConfig(balance=False, position_weight=3.0, angle_weight=0.5),
        )
        log = logs(trainer.train_step(batches(arm3_source, 1)[0]))
        expected = 3 * log["position_mse"] / chain.reach**2 + 0.5 * log["angle_mse"]
        assert log["loss"] == pytest.approx(expected, rel=1e-5)
        assert trainer.loss_weights() == (3.0, 0.5)
        assert len(trainer.trainable_variables) == len(trainer.network.trainable_variables)

    def test_learned_weights_begin_alike_and_move(self, arm3_source):
        trainer = make_trainer(arm3_source.aspect.problem)
        assert trainer.loss_weights() == (1.0, 1.0)
        for batch in batches(arm3_source, 10):
            trainer.train_step(batch)
        position, angle = trainer.loss_weights()
        assert position > 1.02
        assert position != angle
        assert len(trainer.trainable_variables) == len(trainer.network.trainable_variables) + 1

    def test_a_weight_of_zero_takes_its_loss_away(self, arm3_source):
        trainer = make_trainer(
            arm3_source.aspect.problem, LossConfig(balance=False, position_weight=0.0)
        )
        log = logs(trainer.train_step(batches(arm3_source, 1)[0]))
        assert log["loss"] == pytest.approx(log["angle_mse"], rel=1e-6)


class TestMining:
    def errors(self, trainer, batch):
        outputs = trainer.network(batch[0], training=False)
        return values(squared_task_error(trainer.problem, outputs, batch[1]))

    def test_the_hardest_fresh_rows_are_kept_in_turn(self, arm3_source):
        """Replayed rows, the last of a batch, never come back in."""
        trainer = make_trainer(arm3_source.aspect.problem, mining=MiningConfig(buffer=3 * INTAKE))
        for index, batch in enumerate(batches(arm3_source, 5)):
            fresh = tuple(part[: -trainer.hard_rows] for part in batch)
            hardest = np.argsort(self.errors(trainer, fresh))[-INTAKE:]
            expected = np.concatenate(fresh, axis=-1)[hardest]
            trainer.train_step(batch)
            start = index % 3 * INTAKE
            kept = values(trainer.hard_examples)[start : start + INTAKE]
            np.testing.assert_array_equal(
                kept[np.lexsort(kept.T)], expected[np.lexsort(expected.T)]
            )

    def test_the_buffer_fills_and_then_replaces_its_oldest(self, arm3_source):
        trainer = make_trainer(arm3_source.aspect.problem, mining=MiningConfig(buffer=2 * INTAKE))
        drawn = batches(arm3_source, 6)
        states = []
        for batch in drawn:
            trainer.train_step(batch)
            states.append(values(trainer.hard_examples))
        assert np.all(states[0][INTAKE:] == 0)
        assert np.all(np.any(states[1] != 0, axis=1))
        for before, after, part in zip(states[1:], states[2:], [0, 1, 0, 1], strict=False):
            same = slice(INTAKE, None) if part == 0 else slice(0, INTAKE)
            new = slice(0, INTAKE) if part == 0 else slice(INTAKE, None)
            np.testing.assert_array_equal(before[same], after[same])
            assert not np.array_equal(before[new], after[new])
        assert 2 * INTAKE <= values(trainer.hard_count) < 4 * INTAKE

    def test_rows_are_fed_back_only_once_the_buffer_is_full(self, arm3_source):
        mining = MiningConfig(buffer=2 * INTAKE, share=0.25)
        trainer = make_trainer(arm3_source.aspect.problem, mining=mining)
        hard = ROWS // 4
        drawn = batches(arm3_source, 3)
        for batch in drawn[:2]:
            mixed = trainer._with_hard_examples(*batch)
            np.testing.assert_array_equal(mixed[0], batch[0])
            np.testing.assert_array_equal(mixed[1], batch[1])
            trainer.train_step(batch)
        features, labels = drawn[2]
        mixed = np.concatenate(trainer._with_hard_examples(features, labels), axis=-1)
        fresh = np.concatenate([features, labels], axis=-1)
        np.testing.assert_array_equal(mixed[:-hard], fresh[:-hard])
        kept = {row.tobytes() for row in values(trainer.hard_examples)}
        assert all(row.tobytes() in kept for row in mixed[-hard:])

    @pytest.mark.parametrize("mining", [NO_MINING, MiningConfig(share=0.0)])
    def test_it_can_be_switched_off(self, arm3_source, mining):
        trainer = make_trainer(arm3_source.aspect.problem, mining=mining)
        for batch in batches(arm3_source, 2):
            trainer.train_step(batch)
        assert values(trainer.hard_count) == 0
        assert not np.any(values(trainer.hard_examples))

    def test_a_buffer_smaller_than_an_intake_works(self, arm3_source):
        trainer = make_trainer(arm3_source.aspect.problem, mining=MiningConfig(buffer=1))
        for batch in batches(arm3_source, 3):
            trainer.train_step(batch)
        assert trainer.hard_examples.shape == (1, 15)
        assert np.any(values(trainer.hard_examples))
