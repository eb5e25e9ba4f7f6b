"""The training step: it learns, balances its losses, and feeds hard examples back."""

import functools
import itertools

import numpy as np
import pytest

pytest.importorskip("keras")

import keras
import tensorflow as tf

from edge_ik.config import LossConfig, MiningConfig, NetworkConfig
from edge_ik.data.dataset import features_and_labels, make_dataset
from edge_ik.data.source import Curriculum, SampleSource
from edge_ik.model.losses import PROMISE_WEIGHT, judged, squared_task_error
from edge_ik.model.network import build_network, spread_heads
from edge_ik.model.trainer import BUFFER_INTAKE, IkTrainer
from firmware_host.chain import Chain, Joint
from firmware_host.normalization import Normalization
from firmware_host.problem import IkProblem
from firmware_host.solving.refine import refine
from firmware_host.tasks import POSE, POSITION

pytestmark = pytest.mark.tensorflow

ROWS = 64
INTAKE = int(ROWS * BUFFER_INTAKE)
NO_MINING = MiningConfig(share=0.0)
SHARE = 0.125


def make_trainer(problem, loss=None, mining=NO_MINING, rate=1e-2, heads=1):
    network = build_network(6, 6, NetworkConfig(width=8, blocks=1, heads=heads))
    trainer = IkTrainer(network, problem, heads, loss or LossConfig(), mining, ROWS)
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
    trainer = make_trainer(arm3_source.problem, LossConfig(balance=balance))
    batch = tuple(map(tf.constant, batches(arm3_source, 1)[0]))
    step = tf.function(trainer.train_step, autograph=False)
    before = logs(step(batch))
    for _ in range(40):
        for metric in trainer.metrics:
            metric.reset_state()
        after = logs(step(batch))
    assert after["angle_mse"] < 0.5 * before["angle_mse"]
    assert after["position_mse"] < 0.7 * before["position_mse"]
    assert after["loss"] < before["loss"]


def test_a_step_is_the_same_whether_all_of_it_is_compiled_or_the_optimizer_alone(arm3_source):
    found = []
    for whole in (True, False):
        # Without mining, of which XLA would draw other rows.
        trainer = make_trainer(arm3_source.problem)
        trainer.compile(keras.optimizers.Adam(1e-2, use_ema=True), jit_compile=whole)
        trainer.optimizer.build(trainer.trainable_variables)
        assert not trainer.run_eagerly
        dataset = make_dataset(arm3_source, ROWS, 0, 1000)
        history = trainer.fit(dataset, steps_per_epoch=5, shuffle=False, verbose=0).history
        state = [*trainer.variables, *trainer.optimizer.variables]
        found.append((history, [values(variable) for variable in state]))
    (history, state), (other_history, other_state) = found
    for name, expected in history.items():
        np.testing.assert_allclose(other_history[name], expected, rtol=1e-4)
    for own, other in zip(state, other_state, strict=True):
        np.testing.assert_allclose(other, own, rtol=1e-3, atol=1e-4)


class TestWeights:
    def test_fixed_weights_are_used_and_stay(self, arm3_source):
        chain = arm3_source.problem.chain
        trainer = make_trainer(
            arm3_source.problem,
            LossConfig(balance=False, position_weight=3.0, angle_weight=0.5),
        )
        log = logs(trainer.train_step(batches(arm3_source, 1)[0]))
        expected = 3 * log["position_mse"] / chain.reach**2 + 0.5 * log["angle_mse"]
        assert log["loss"] == pytest.approx(expected, rel=1e-5)
        assert trainer.loss_weights() == (3.0, 0.5)
        assert len(trainer.trainable_variables) == len(trainer.network.trainable_variables)

    def test_learned_weights_begin_alike_and_move(self, arm3_source):
        trainer = make_trainer(arm3_source.problem)
        assert trainer.loss_weights() == (1.0, 1.0)
        for batch in batches(arm3_source, 10):
            trainer.train_step(batch)
        position, angle = trainer.loss_weights()
        assert position > 1.02
        assert position != angle
        assert len(trainer.trainable_variables) == len(trainer.network.trainable_variables) + 1

    def test_a_weight_of_zero_takes_its_loss_away(self, arm3_source):
        trainer = make_trainer(arm3_source.problem, LossConfig(balance=False, position_weight=0.0))
        log = logs(trainer.train_step(batches(arm3_source, 1)[0]))
        assert log["loss"] == pytest.approx(log["angle_mse"], rel=1e-6)


class TestMining:
    def errors(self, trainer, batch):
        outputs = trainer.network(batch[0], training=False)
        return values(squared_task_error(trainer.problem, outputs, batch[1][:, 6:]))

    def test_the_hardest_fresh_rows_are_kept_in_turn(self, arm3_source):
        """Replayed rows, the last of a batch, never come back in."""
        trainer = make_trainer(
            arm3_source.problem, mining=MiningConfig(share=SHARE, buffer=3 * INTAKE)
        )
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
        trainer = make_trainer(
            arm3_source.problem, mining=MiningConfig(share=SHARE, buffer=2 * INTAKE)
        )
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
        trainer = make_trainer(arm3_source.problem, mining=mining)
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

    def test_it_can_be_switched_off(self, arm3_source):
        trainer = make_trainer(arm3_source.problem, mining=NO_MINING)
        for batch in batches(arm3_source, 2):
            trainer.train_step(batch)
        assert values(trainer.hard_count) == 0
        assert not np.any(values(trainer.hard_examples))

    def test_a_buffer_smaller_than_an_intake_works(self, arm3_source):
        trainer = make_trainer(arm3_source.problem, mining=MiningConfig(share=SHARE, buffer=1))
        for batch in batches(arm3_source, 3):
            trainer.train_step(batch)
        assert trainer.hard_examples.shape == (1, 15)
        assert np.any(values(trainer.hard_examples))


class TestHeads:
    def test_promises_have_a_weight_of_their_own(self, leg3_source):
        trainer = make_trainer(leg3_source.problem, heads=3)
        batch = batches(leg3_source, 1)[0]
        found = judged(trainer.problem, 3, trainer.network(batch[0], training=True), batch[1])
        log = logs(trainer.train_step(batch))
        # All log variances begin at 0: the losses' plain sum, and a share of the promises'.
        expected = float(found.losses[0] + found.losses[1] + PROMISE_WEIGHT * found.losses[2])
        assert log["loss"] == pytest.approx(expected, rel=1e-4)
        assert log["angle_mse"] == pytest.approx(float(np.mean(found.angle)), rel=1e-4)
        assert len(trainer.trainable_variables) == len(trainer.network.trainable_variables) + 2
        assert np.abs(values(trainer.promise_log_variance)).max() > 0

    def test_fixed_weights_leave_the_promises_learned(self, leg3_source):
        loss = LossConfig(balance=False, position_weight=3.0, angle_weight=0.5)
        trainer = make_trainer(leg3_source.problem, loss, heads=2)
        trainer.train_step(batches(leg3_source, 1)[0])
        assert trainer.loss_weights() == (3.0, 0.5)
        assert len(trainer.trainable_variables) == len(trainer.network.trainable_variables) + 1

    def test_mining_keeps_what_the_winners_miss_the_most(self, leg3_source):
        mining = MiningConfig(share=SHARE, buffer=3 * INTAKE)
        trainer = make_trainer(leg3_source.problem, mining=mining, heads=3)
        batch = batches(leg3_source, 1)[0]
        fresh = tuple(part[: -trainer.hard_rows] for part in batch)
        missed = judged(trainer.problem, 3, trainer.network(fresh[0]), fresh[1]).position
        expected = np.concatenate(fresh, axis=-1)[np.argsort(missed)[-INTAKE:]]
        trainer.train_step(batch)
        kept = values(trainer.hard_examples)[:INTAKE]
        np.testing.assert_array_equal(kept[np.lexsort(kept.T)], expected[np.lexsort(expected.T)])

    def test_labels_with_turns_behind_them_fit_the_buffer(self, make_everywhere):
        source = make_everywhere("panda", POSE)
        features = len(source.problem.feature_names)
        network = build_network(features, 14, NetworkConfig(width=8, blocks=1, heads=2))
        mining = MiningConfig(share=SHARE, buffer=2 * INTAKE)
        trainer = IkTrainer(network, source.problem, 2, LossConfig(), mining, ROWS)
        trainer.compile(keras.optimizers.Adam(1e-2))
        trainer.optimizer.build(trainer.trainable_variables)
        step = tf.function(trainer.train_step, autograph=False)
        for batch in batches(source, 3):
            log = logs(step(batch))
        assert np.isfinite(log["loss"])
        assert np.all(np.any(values(trainer.hard_examples) != 0, axis=1))


@pytest.fixture(scope="module")
def two_ways():
    """An arm whose elbow bends either way, and samples from all of its joint space."""

    def joint(name, axis, offset, lower, upper):
        origin = np.eye(4)
        origin[:3, 3] = offset
        return Joint(name, origin, np.array(axis, float), lower, upper)

    tool = np.eye(4)
    tool[0, 3] = 0.25
    joints = (
        joint("yaw", [0, 0, 1], [0, 0, 0.15], -1.0, 1.0),
        joint("shoulder", [0, -1, 0], [0, 0, 0], -1.2, 1.2),
        joint("elbow", [0, 1, 0], [0.25, 0, 0], -1.6, 1.6),
    )
    problem = IkProblem(Chain("two ways", joints, tool), POSITION)
    chain = problem.chain
    q = np.random.default_rng(0).uniform(chain.lower, chain.upper, (5000, 3))
    normalization = Normalization.fit(problem.features(problem.reached_by(q)))
    return SampleSource(problem, (0.0, 0.2, 0.8), normalization, Curriculum(1.0, 0.0, 0.0, 0.0)), q


@pytest.fixture(scope="module")
def parted(two_ways):
    """Function of the number of heads: a trained network's outputs for the arm's postures q."""
    source, q = two_ways
    features, labels = (
        part.numpy()
        for part in features_and_labels(
            source.problem, source.normalization, tf.constant(q, tf.float32)
        )
    )

    @functools.cache
    def trained(heads):
        network = build_network(6, 6, NetworkConfig(width=32, blocks=1, heads=heads))
        spread_heads(network, labels[:, :6], heads)
        trainer = IkTrainer(network, source.problem, heads, LossConfig(), NO_MINING, 256)
        trainer.compile(keras.optimizers.Adam(5e-3))
        trainer.optimizer.build(trainer.trainable_variables)
        step = tf.function(trainer.train_step, autograph=False)
        dataset = make_dataset(source, 256, 0, 1000)
        for batch in itertools.islice(dataset, 1000):
            step(batch)
        outputs = values(network(features))
        return outputs, judged(source.problem, heads, outputs, labels)

    return trained


@pytest.mark.slow
class TestTwoAnswers:
    """Winner takes all: of labels that contradict one another each head learns its own."""

    def test_one_head_learns_their_mean_and_two_learn_both(self, parted):
        _, one = parted(1)
        _, two = parted(2)
        assert np.mean(one.angle) > 0.1
        assert np.mean(two.angle) < 0.02 * np.mean(one.angle)
        assert np.median(two.position) < 0.3 * np.median(one.position)

    def test_heads_part_joint_space_by_the_side_of_the_elbow(self, parted, two_ways):
        outputs, _ = parted(2)
        _, q = two_ways
        answers = outputs[:, :12].reshape(-1, 2, 6)
        wanted = np.concatenate([np.sin(q), np.cos(q)], axis=-1)[:, None]
        winner = ((answers - wanted) ** 2).sum(axis=-1).argmin(axis=1)
        bent = np.abs(q[:, 2]) > 0.3
        side = q[:, 2] > 0
        agree = np.mean(winner[bent] == side[bent])
        assert max(agree, 1 - agree) > 0.97

    def test_promises_tell_which_head_is_within_the_limits(self, parted, two_ways):
        """Where the shoulder has no room for one way, the other promises more."""
        source, q = two_ways
        outputs, _ = parted(2)
        targets = source.problem.reached_by(q)
        answers = outputs[:, :12].reshape(-1, 2, 6).astype(np.float64)
        seeds = np.arctan2(answers[..., :3], answers[..., 3:])
        solved = np.stack(
            [
                source.problem.is_solved(
                    refine(source.problem, seeds[:, k], targets, 3)[0], targets
                )
                for k in range(2)
            ],
            axis=-1,
        )
        differ = solved[:, 0] != solved[:, 1]
        assert differ.mean() > 0.2
        trusted = outputs[:, 12:].argmax(axis=1)
        assert np.mean(solved[np.arange(len(q)), trusted][differ]) > 0.9
