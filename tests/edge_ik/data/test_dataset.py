"""The generator of training batches: a pure function of the seed and the step."""

import dataclasses
import itertools
import math

import numpy as np
import pytest

pytest.importorskip("tensorflow")

import tensorflow as tf

from edge_ik.data.dataset import (
    Replicas,
    batch_function,
    features_and_labels,
    make_dataset,
)
from edge_ik.data.region import position_determinant
from edge_ik.model.losses import label_size
from firmware_host.kinematics import tool_position
from firmware_host.solving.seeding import Seeder
from firmware_host.spec import ModelSpec
from firmware_host.tasks import POSE, POSITION

pytestmark = pytest.mark.tensorflow

STEPS = 100
ROWS = 256


def batches(source, count, rows=ROWS, rng_seed=0, **options):
    """The first batches as (features, labels) in NumPy."""
    dataset = make_dataset(source, rows, rng_seed, STEPS, **options)
    return list(itertools.islice(dataset.as_numpy_iterator(), count))


def batch_at(source, step, rows=ROWS):
    """The batch of one step, without the cost of a pipeline."""
    features, labels = batch_function(source, rows, 0, STEPS)(tf.constant(step, tf.int64))
    return features.numpy(), labels.numpy()


def joints(labels):
    """Joint vectors (N, 3) of labels (N, 9)."""
    return np.arctan2(labels[:, :3], labels[:, 3:6]).astype(np.float64)


def assert_same(some, others):
    assert len(some) == len(others)
    for one, other in zip(some, others, strict=True):
        for left, right in zip(one, other, strict=True):
            np.testing.assert_array_equal(left, right)


def assert_different(some, others):
    assert not any(np.array_equal(one[1], other[1]) for one in some for other in others)


@pytest.fixture(params=["arm3_source", "leg3_source"])
def any_source(request):
    """A source of one branch, and one of all of joint space."""
    return request.getfixturevalue(request.param)


class TestReproducibility:
    def test_a_seed_gives_the_same_batches(self, any_source):
        assert_same(batches(any_source, 5), batches(any_source, 5))

    def test_the_pipeline_yields_the_batches_of_its_steps(self, any_source):
        (features, labels), (expected_features, expected_labels) = (
            batches(any_source, 1, start_step=4)[0],
            batch_at(any_source, 4),
        )
        np.testing.assert_allclose(features, expected_features, atol=1e-5)
        np.testing.assert_allclose(labels, expected_labels, atol=1e-6)

    def test_another_seed_gives_others(self, any_source):
        assert_different(batches(any_source, 3), batches(any_source, 3, rng_seed=1))

    def test_every_step_gives_another_batch(self, any_source):
        drawn = batches(any_source, 6)
        assert_different(drawn[:3], drawn[3:])

    @pytest.mark.parametrize("start", [1, 7, 150])
    def test_starting_at_a_step_is_skipping_the_ones_before(self, any_source, start):
        skipped = batches(any_source, start + 2, rows=16)[start:]
        assert_same(batches(any_source, 2, rows=16, start_step=start), skipped)


class TestReplicas:
    def test_replicas_draw_different_batches(self, any_source):
        one, other = (
            batches(any_source, 3, replicas=Replicas(total=2, first=first)) for first in (0, 1)
        )
        assert_different(one, other)

    def test_batches_do_not_depend_on_how_replicas_are_grouped(self, any_source):
        together = batches(any_source, 12, replicas=Replicas(total=4, first=0, local=4))
        left = batches(any_source, 6, replicas=Replicas(total=4, first=0, local=2))
        right = batches(any_source, 6, replicas=Replicas(total=4, first=2, local=2))
        for step in range(3):
            expected = together[4 * step : 4 * step + 4]
            pair = slice(2 * step, 2 * step + 2)
            assert_same(expected, left[pair] + right[pair])

    def test_replicas_resume_at_their_step(self, any_source):
        replicas = Replicas(total=4, first=2, local=2)
        whole = batches(any_source, 10, rows=16, replicas=replicas)
        assert_same(batches(any_source, 4, rows=16, replicas=replicas, start_step=3), whole[6:])


class TestSamples:
    @pytest.mark.parametrize("name", ["arm3", "leg3"])
    def test_labels_and_features_are_those_of_one_configuration(self, make_source, name):
        source, _ = make_source(name)
        chain = source.problem.chain
        for features, labels in batches(source, 3):
            assert features.shape == (ROWS, 6)
            assert labels.shape == (ROWS, 9)
            assert features.dtype == labels.dtype == np.float32
            sin_q, cos_q, position = labels[:, :3], labels[:, 3:6], labels[:, 6:]
            np.testing.assert_allclose(sin_q**2 + cos_q**2, 1, atol=1e-6)
            expected = tool_position(chain, sin_q.astype(np.float64), cos_q.astype(np.float64))
            np.testing.assert_allclose(position, expected, atol=1e-6)
            spec = ModelSpec(source.problem, source.normalization, (0.0, 0.0, 0.0))
            np.testing.assert_allclose(features, Seeder(spec, None).features(expected), atol=2e-5)

    def test_features_on_the_host_are_the_same_before_normalization(self, arm3_source):
        problem, q = arm3_source.problem, arm3_source.one_branch.pool.q[:100]
        in_graph, _ = features_and_labels(problem, arm3_source.normalization, q.astype(np.float32))
        features = problem.features(problem.reached_by(q))
        on_host = np.stack(arm3_source.normalization.apply(list(features.T)), -1)
        np.testing.assert_allclose(in_graph, on_host, atol=2e-5)

    @pytest.mark.parametrize("name", ["arm3", "leg3", "a1_leg"])
    def test_every_sample_is_inside_the_aspect_and_the_limits(self, make_source, name):
        source, _ = make_source(name, focus_spread=0.3)
        aspect = source.one_branch.region
        q = np.concatenate([joints(labels) for _, labels in batches(source, 10)])
        rounding = 1e-6
        assert np.all(q >= aspect.chain.lower - rounding)
        assert np.all(q <= aspect.chain.upper + rounding)
        signed = aspect.sign * position_determinant(aspect.chain, q)
        assert signed.min() >= aspect.least_determinant * (1 - 1e-4)

    @pytest.mark.parametrize("focus", [0.0, 1.0])
    def test_samples_do_not_pile_up_at_a_limit(self, make_source, focus):
        """The bell around the path is made wide enough to reach every limit."""
        source, _ = make_source(
            focus_spread=0.4, focus_start=focus, focus_end=focus, range_start=1.0
        )
        chain = source.problem.chain
        q = np.concatenate([joints(labels) for _, labels in batches(source, 20)])
        extent = chain.upper - chain.lower
        at_limit = np.minimum(q - chain.lower, chain.upper - q) < 1e-4 * extent
        # Uniform samples would lie there with a probability of 2e-4; a wide bell may leave
        # the limits on one side, be reflected, and leave them on the other.
        assert np.all(at_limit.mean(axis=0) < (0.005 if focus == 0 else 0.03))

    def test_samples_are_as_dense_near_a_limit_as_elsewhere(self, make_source):
        source, _ = make_source(pool=1000, focus_start=0.0, focus_end=0.0, range_start=1.0)
        chain = source.problem.chain
        q = np.concatenate([joints(labels) for _, labels in batches(source, 100)])
        # The yaw does not change det J, so no move of it is taken back for the aspect.
        share = (q[:, 0] - chain.lower[0]) / (chain.upper[0] - chain.lower[0])
        counts, _ = np.histogram(share, bins=50, range=(0, 1))
        middle = np.median(counts)
        assert 0.6 * middle < counts[[0, -1]].mean() < 1.4 * middle

    def test_samples_are_spread_between_the_rows_of_the_pool(self, make_source):
        source, _ = make_source(pool=300, focus_start=0.0, focus_end=0.0, range_start=1.0)
        q = np.concatenate([joints(labels) for _, labels in batches(source, 8)])
        assert len(np.unique(q, axis=0)) > 0.95 * len(q)


class TestCurriculum:
    def distance(self, source, batch):
        chain, home = source.problem.chain, np.array(source.home)
        q = joints(batch[1])
        return np.abs((q - home) / (chain.upper - chain.lower)).max(axis=1)

    def test_the_joint_range_grows_until_its_share_of_training(self, make_source):
        source, _ = make_source(
            pool=8000, range_start=0.2, share=0.5, focus_start=0.0, focus_end=0.0
        )
        farthest = [self.distance(source, batch_at(source, step)).max() for step in (0, 10, 50, 99)]
        jitter = source.one_branch.pool.jitter.max() / (2 * math.pi)
        assert farthest[0] <= 0.2 + jitter + 0.02
        assert farthest[0] < farthest[1] < farthest[2]
        assert farthest[1] <= 0.36 + jitter + 0.02
        assert min(farthest[2:]) > 0.45

    def test_without_a_curriculum_all_of_the_range_is_sampled_at_once(self, make_source):
        source, _ = make_source(range_start=0.2, share=0.0, focus_start=0.0, focus_end=0.0)
        assert self.distance(source, batch_at(source, 0)).max() > 0.45

    def test_the_focus_share_moves_to_its_end(self, make_source):
        source, circle = make_source(focus_spread=0.0, focus_start=0.8, focus_end=0.1, share=0.5)

        def share_on_the_circle(step):
            _, labels = batch_at(source, step, rows=4096)
            offset = labels[:, 6:] - circle.center
            flat = np.hypot(offset[:, 0], offset[:, 1])
            on = (np.abs(flat - circle.radius) < 1e-4) & (np.abs(offset[:, 2]) < 1e-4)
            return float(on.mean())

        for step, expected in ((0, 0.8), (25, 0.45), (50, 0.1), (99, 0.1)):
            assert share_on_the_circle(step) == pytest.approx(expected, abs=0.04)

    def test_focus_samples_lie_around_the_path(self, make_source):
        source, _ = make_source(focus_start=1.0, focus_end=1.0, focus_spread=0.01)
        _, labels = batch_at(source, 0)
        chain = source.problem.chain
        difference = np.abs(joints(labels)[:, None] - source.one_branch.focus_q[None])
        nearest = (difference / (chain.upper - chain.lower)).max(axis=-1).min(axis=1)
        assert 1e-3 < np.median(nearest) < 0.02
        assert nearest.max() < 0.06


class TestEverywhere:
    """Samples of all of joint space, for networks of many heads."""

    def drawn(self, source, step=STEPS - 1, rows=20_000):
        """Joint vectors of positions (rows, n): the labels' own angles."""
        return joints(batch_at(source, step, rows)[1])

    def test_every_joint_goes_to_both_limits(self, leg3_source):
        chain, q = leg3_source.problem.chain, self.drawn(leg3_source)
        assert np.all(q >= chain.lower - 1e-6)
        assert np.all(q <= chain.upper + 1e-6)
        extent = chain.upper - chain.lower
        assert np.all(q.min(axis=0) < chain.lower + 1e-3 * extent)
        assert np.all(q.max(axis=0) > chain.upper - 1e-3 * extent)

    def test_they_are_uniform(self, leg3_source):
        """With no regard for limits, singularities or home."""
        chain, q = leg3_source.problem.chain, self.drawn(leg3_source)
        share = (q - chain.lower) / (chain.upper - chain.lower)
        for joint in range(3):
            counts, _ = np.histogram(share[:, joint], bins=20, range=(-1e-6, 1 + 1e-6))
            assert counts.sum() == len(q)
            assert np.abs(counts / counts.mean() - 1).max() < 0.12
        # One joint tells nothing of another.
        assert np.abs(np.corrcoef(share.T) - np.eye(3)).max() < 0.03

    def test_a_joint_without_stops_is_uniform_all_around(self, make_everywhere):
        source = make_everywhere("ur5", POSE)
        assert source.problem.chain.periodic.all()
        _, labels = batch_at(source, 0, 20_000)
        # The first and the last joint are turned along with the target.
        for joint in range(1, 5):
            angle = np.arctan2(labels[:, joint], labels[:, 6 + joint])
            counts, _ = np.histogram(angle, bins=10, range=(-math.pi, math.pi))
            assert np.abs(counts / 2000 - 1).max() < 0.1

    @pytest.mark.parametrize(
        ("name", "task", "turns"),
        [("leg3", POSITION, 0), ("ur5", POSE, 0), ("so101", POSITION, 0), ("panda", POSE, 2)],
    )
    def test_labels_are_of_one_configuration(self, make_everywhere, name, task, turns):
        """The sines and cosines reach the target beside them; known turns stand behind."""
        source = make_everywhere(name, task)
        problem, n = source.problem, source.problem.joints
        size = len(task.component_names)
        features, labels = batch_at(source, 0)
        assert labels.shape == (ROWS, label_size(problem)) == (ROWS, 2 * n + size + 2 * turns)
        assert features.shape == (ROWS, len(problem.feature_names))
        assert np.isfinite(features).all()
        sin_q, cos_q = (labels[:, :n], labels[:, n : 2 * n])
        np.testing.assert_allclose(sin_q**2 + cos_q**2, 1, atol=1e-5)
        reached = problem.reached(sin_q.astype(np.float64), cos_q.astype(np.float64))
        np.testing.assert_allclose(labels[:, 2 * n : 2 * n + size], reached, atol=2e-5)
        told = labels[:, 2 * n + size :].reshape(ROWS, turns, 2)
        np.testing.assert_allclose((told**2).sum(axis=-1), 1, atol=1e-5)

    def test_turns_added_give_the_target_that_the_features_are_of(self, make_everywhere):
        """Behind a Panda's labels: what the first and last joint turn along with the target."""
        source = make_everywhere("panda", POSE)
        problem, n = source.problem, 7
        features, labels = (part.astype(np.float64) for part in batch_at(source, 0))
        q = np.arctan2(labels[:, :n], labels[:, n : 2 * n])
        told = labels[:, 2 * n + len(POSE.component_names) :].reshape(ROWS, 2, 2)
        q[:, [0, -1]] += np.arctan2(told[..., 0], told[..., 1])
        chain = problem.chain
        np.testing.assert_allclose(np.sin(chain.clamp(q)), np.sin(q), atol=1e-4)
        expected = problem.features(problem.reached_by(q))
        normalized = np.stack(source.normalization.apply(list(expected.T)), axis=-1)
        np.testing.assert_allclose(features, normalized, atol=2e-4)

    def test_a_curriculum_begins_around_home(self, make_everywhere):
        source = make_everywhere(range_start=0.2, share=0.5)
        chain, home = source.problem.chain, np.array(source.home)
        for step, share in ((0, 0.2), (25, 0.6), (50, 1.0), (99, 1.0)):
            q = self.drawn(source, step)
            lowest = home + share * (chain.lower - home)
            highest = home + share * (chain.upper - home)
            assert np.all(q >= lowest - 1e-5)
            assert np.all(q <= highest + 1e-5)
            assert np.all(q.min(axis=0) < lowest + 0.02)
            assert np.all(q.max(axis=0) > highest - 0.02)


def test_a_source_is_not_changed_by_drawing(arm3_source):
    before = dataclasses.replace(arm3_source), arm3_source.one_branch.pool.q.copy()
    batches(arm3_source, 2)
    assert dataclasses.asdict(before[0].curriculum) == dataclasses.asdict(arm3_source.curriculum)
    np.testing.assert_array_equal(before[1], arm3_source.one_branch.pool.q)
