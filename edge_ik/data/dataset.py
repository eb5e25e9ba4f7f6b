"""The tf.data generator: every batch a pure function of the seed and the step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from edge_ik.data.region import Region, linear_determinant
from edge_ik.data.source import Curriculum, SampleSource
from firmware_host.kinematics import frames, stacked
from firmware_host.normalization import Normalization
from firmware_host.problem import IkProblem
from firmware_host.tasks import POSITION


@dataclass(frozen=True)
class Replicas:
    """How the batches of a step are divided among the copies of a model.

    Attributes:
        total: Copies over all workers.
        first: Index of this worker's first copy.
        local: Copies on this worker.
    """

    total: int = 1
    first: int = 0
    local: int = 1


ONE_REPLICA = Replicas()


def make_dataset(
    source: SampleSource,
    batch_size: int,
    rng_seed: int,
    total_steps: int,
    start_step: int = 0,
    replicas: Replicas = ONE_REPLICA,
) -> tf.data.Dataset:
    """Endless training batches, the same for the same seed from any starting step.

    Args:
        source: What to draw from.
        batch_size: Rows of a batch on one replica.
        rng_seed: Seed of the data.
        total_steps: Steps of the whole training, which the curriculum is a share of.
        start_step: First step to yield; a resumed run continues here.
        replicas: Who shares the steps; the batches of one step are yielded in turn.

    Returns:
        Batches of float32 features (batch_size, f), normalized, and labels
        (batch_size, l); see `features_and_labels`.
    """
    draw = batch_function(source, batch_size, rng_seed, total_steps, replicas)
    start = start_step * replicas.local
    batches = tf.data.Dataset.counter(start=start, dtype=tf.int64)
    options = tf.data.Options()
    options.autotune.enabled = False
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    dataset = batches.map(draw, num_parallel_calls=2, deterministic=True).prefetch(8)
    return dataset.with_options(options)


def batch_function(
    source: SampleSource,
    batch_size: int,
    rng_seed: int,
    total_steps: int,
    replicas: Replicas = ONE_REPLICA,
) -> Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
    """The function from a batch's index (int64 scalar) to the batch; see `make_dataset`."""
    joints = _everywhere(source) if source.one_branch is None else _in_one_branch(source)

    def draw(index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        step = index // replicas.local
        replica = replicas.first + index % replicas.local
        stream = tf.stack([tf.constant(rng_seed, tf.int64), step * replicas.total + replica])
        seeds = tf.random.experimental.stateless_split(stream, 5, alg="philox")
        done = tf.cast(step, tf.float32) / float(max(1, total_steps))
        q = joints(batch_size, seeds, *_present(source.curriculum, done))
        return features_and_labels(source.problem, source.normalization, q)

    return draw


DrawJoints = Callable[[int, tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]
"""Joint vectors (B, n) of the rows of a batch, seeds (5, 2), and the present shares of the joint
range and of focus samples."""


def _everywhere(source: SampleSource) -> DrawJoints:
    """Joint vectors uniform within the limits, at first around home if a curriculum says so."""
    chain = source.problem.chain
    lower, upper = tf.constant(chain.lower, tf.float32), tf.constant(chain.upper, tf.float32)
    home = tf.constant(source.home, tf.float32)

    def draw(rows: int, seeds: tf.Tensor, joint_range: tf.Tensor, _: tf.Tensor) -> tf.Tensor:
        share = _uniform(seeds[0], [rows, source.problem.joints])
        first = home + joint_range * (lower - home)
        last = home + joint_range * (upper - home)
        return first + share * (last - first)

    return draw


def _in_one_branch(source: SampleSource) -> DrawJoints:
    """Joint vectors in one aspect: around those of the pool, and around the focus path."""
    one, chain = source.one_branch, source.problem.chain
    assert one is not None  # noqa: S101 - narrows the type
    n, count = source.problem.joints, len(one.pool.q)
    has_focus = len(one.focus_q) > 0
    pool_q = tf.constant(one.pool.q, tf.float32)
    pool_distance = tf.constant(one.pool.distance, tf.float32)
    focus_q = tf.constant(one.focus_q, tf.float32)
    focus_spread = tf.constant(one.focus_spread * (chain.upper - chain.lower), tf.float32)
    jitter = tf.constant(one.pool.jitter, tf.float32)
    lower, upper = tf.constant(chain.lower, tf.float32), tf.constant(chain.upper, tf.float32)

    def draw(
        batch: int, seeds: tf.Tensor, joint_range: tf.Tensor, focus_share: tf.Tensor
    ) -> tf.Tensor:
        usable = tf.searchsorted(pool_distance, [joint_range], side="right")[0]
        usable = tf.cast(tf.maximum(usable, tf.minimum(256, count)), tf.float32)
        rows = tf.cast(_uniform(seeds[0], [batch]) * usable, tf.int32)
        center = tf.gather(pool_q, tf.minimum(rows, count - 1))
        move = (2 * _uniform(seeds[3], [batch, n]) - 1) * jitter
        if has_focus:
            path = tf.cast(_uniform(seeds[1], [batch]) * len(one.focus_q), tf.int32)
            path = tf.minimum(path, len(one.focus_q) - 1)
            is_focus = _uniform(seeds[2], [batch, 1]) < focus_share
            bell = tf.random.stateless_normal([batch, n], seeds[4], alg="philox")
            center = tf.where(is_focus, tf.gather(focus_q, path), center)
            move = tf.where(is_focus, bell * focus_spread, move)
        moved = center + move
        # Reflected at the limits, samples near them are as dense as elsewhere.
        moved = tf.where(moved > upper, 2 * upper - moved, moved)
        moved = tf.where(moved < lower, 2 * lower - moved, moved)
        moved = tf.clip_by_value(moved, lower, upper)
        # A move that leaves the aspect is taken back: the centres are all inside.
        return tf.where(_inside(one.region, center, moved)[:, None], moved, center)

    return draw


def _uniform(seed: tf.Tensor, shape: list[int]) -> tf.Tensor:
    return tf.random.stateless_uniform(shape, seed, alg="philox")


def _present(curriculum: Curriculum, done: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Share of the joint range, and of focus samples, when a share of training is done."""
    ramp = tf.clip_by_value(done / curriculum.share, 0.0, 1.0) if curriculum.share > 0 else 1.0
    joint_range = curriculum.range_start + (1 - curriculum.range_start) * ramp
    focus_share = curriculum.focus_start + (curriculum.focus_end - curriculum.focus_start) * ramp
    return joint_range, focus_share


def features_and_labels(
    problem: IkProblem, normalization: Normalization, q: Any
) -> tuple[tf.Tensor, tf.Tensor]:
    """Features (B, f) and labels (B, l) of joint vectors q (B, n), in the graph.

    Labels are the a numbers that a head is to give, as `HeadOutputs` has them, and the k
    components of the target. Where the network sees targets turned to azimuth and roll 0, so
    are the labels: the numbers less those turns, and the target that these joints reach.
    Behind these come the sine and cosine of each turn that the features tell (and each
    shift), which those of an arm with joints to spare do.
    """
    # Of slices instead, TensorFlow reorders the sums, and rounds batches another way.
    joints = tf.unstack(q, axis=-1)
    reached = problem.task.reached(frames(problem.chain, *problem.chain.placed(joints, tf)))
    encoding = problem.encode(reached, keras.ops)
    features = tf.stack(normalization.apply(encoding.features), axis=-1)
    numbers = problem.outputs.of(joints, tf)
    moves = encoding.moves()
    if moves:
        numbers = problem.outputs.unturned(numbers, encoding)
        place = problem.outputs.placed(numbers, tf)
        reached = problem.task.reached(frames(problem.chain, *place))
    target = stacked(reached, numbers[0], keras.ops)
    labels = [tf.stack(numbers, axis=-1), target]
    if moves and problem.spare_joints:
        labels.append(tf.stack(moves, axis=-1))
    return features, tf.concat(labels, axis=-1)


def _inside(region: Region, center: tf.Tensor, q: tf.Tensor) -> tf.Tensor:
    """Whether q (B, n), a small move from a centre in an aspect, still lies in it (B,)."""

    def determinant(angles: tf.Tensor) -> tf.Tensor:
        if region.task == POSITION:
            place = region.chain.placed(tf.unstack(angles, axis=-1), tf)
            return linear_determinant(region.chain, *place)
        place = region.chain.place(angles, keras.ops)
        return tf.linalg.det(region.problem.jacobian(*place, keras.ops))

    sign = region.sign
    inside = sign * determinant(q) >= region.least_determinant
    if region.task.has_orientation:
        # Over the corner between two aspects of the same sign the way is through another.
        inside &= sign * determinant((center + q) / 2) >= 0
    return inside
