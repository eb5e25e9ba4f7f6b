"""The tf.data generator: every batch a pure function of the seed and the step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from firmware_host.encoding import encode
from firmware_host.normalization import Normalization

from edge_ik.data.aspects import Region, linear_determinant
from edge_ik.data.sampling import JointPool
from firmware_host.chain import Chain, FloatArray
from firmware_host.kinematics import components, frames, stacked
from firmware_host.tasks import POSITION, Task
from firmware_host.tasks.task import reached_targets, task_jacobian


@dataclass(frozen=True)
class Curriculum:
    """What moves over training, linearly until `share` of it is over.

    Attributes:
        range_start: Share of the joint range around home that is sampled at first;
            all of it at the end.
        focus_start: Share of focus samples at first.
        focus_end: Share of focus samples at the end.
        share: Share of training after which both stay as they are; 0 for no curriculum.
    """

    range_start: float
    focus_start: float
    focus_end: float
    share: float


@dataclass(frozen=True, eq=False)
class SampleSource:
    """Everything a batch is drawn from.

    Attributes:
        aspect: The region that samples stay in.
        pool: Uniform joint vectors.
        focus_q: (K, n) joint vectors along the focus path [rad]; (0, n) without one.
        focus_spread: Standard deviation of samples around the path, as a share of
            each joint's range.
        normalization: Statistics of the features.
        curriculum: What moves over training.
    """

    aspect: Region
    pool: JointPool
    focus_q: FloatArray
    focus_spread: float
    normalization: Normalization
    curriculum: Curriculum


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
        (batch_size, 2n + k): sines, cosines, and the target's components.
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
    region = source.aspect
    chain, task = region.chain, region.task
    n = len(chain)
    has_focus = len(source.focus_q) > 0
    pool_branch = tf.constant(source.pool.branch)
    branches = len(source.pool.names)
    signs = tf.constant(region.signs, tf.float32)
    pool_q = tf.constant(source.pool.q, tf.float32)
    pool_distance = tf.constant(source.pool.distance, tf.float32)
    focus_q = tf.constant(source.focus_q, tf.float32)
    focus_spread = tf.constant(source.focus_spread * (chain.upper - chain.lower), tf.float32)
    jitter = tf.constant(source.pool.jitter, tf.float32)
    lower, upper = tf.constant(chain.lower, tf.float32), tf.constant(chain.upper, tf.float32)
    curriculum = source.curriculum

    def uniform(seed: tf.Tensor, shape: list[int]) -> tf.Tensor:
        return tf.random.stateless_uniform(shape, seed, alg="philox")

    def draw(index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        step = index // replicas.local
        replica = replicas.first + index % replicas.local
        stream = tf.stack([tf.constant(rng_seed, tf.int64), step * replicas.total + replica])
        seeds = tf.random.experimental.stateless_split(stream, 5, alg="philox")
        done = tf.cast(step, tf.float32) / float(max(1, total_steps))
        ramp = tf.clip_by_value(done / curriculum.share, 0.0, 1.0) if curriculum.share > 0 else 1.0
        joint_range = curriculum.range_start + (1 - curriculum.range_start) * ramp
        focus_share = (
            curriculum.focus_start + (curriculum.focus_end - curriculum.focus_start) * ramp
        )
        usable = tf.searchsorted(pool_distance, [joint_range], side="right")[0]
        usable = tf.cast(tf.maximum(usable, tf.minimum(256, len(source.pool.q))), tf.float32)
        rows = tf.cast(uniform(seeds[0], [batch_size]) * usable, tf.int32)
        rows = tf.minimum(rows, len(source.pool.q) - 1)
        center, number = tf.gather(pool_q, rows), tf.gather(pool_branch, rows)
        move = (2 * uniform(seeds[3], [batch_size, n]) - 1) * jitter
        if has_focus:
            path = tf.cast(uniform(seeds[1], [batch_size]) * len(source.focus_q), tf.int32)
            path = tf.minimum(path, len(source.focus_q) - 1)
            is_focus = uniform(seeds[2], [batch_size, 1]) < focus_share
            bell = tf.random.stateless_normal([batch_size, n], seeds[4], alg="philox")
            center = tf.where(is_focus, tf.gather(focus_q, path), center)
            move = tf.where(is_focus, bell * focus_spread, move)
        moved = center + move
        # Reflected at the limits, samples near them are as dense as elsewhere.
        moved = tf.where(moved > upper, 2 * upper - moved, moved)
        moved = tf.where(moved < lower, 2 * lower - moved, moved)
        moved = tf.clip_by_value(moved, lower, upper)
        # A move that leaves the aspect is taken back: the centres are all inside.
        if not region.redundant:
            inside = _inside(region, tf.gather(signs, number), center, moved)
            moved = tf.where(inside[:, None], moved, center)
        features, labels = features_and_labels(chain, source.normalization, moved, task)
        if branches > 1:
            one_hot = tf.one_hot(number, branches, dtype=features.dtype)
            features = tf.concat([features, one_hot], axis=-1)
        return features, labels

    return draw


def features_and_labels(
    chain: Chain, normalization: Normalization, q: Any, task: Task = POSITION
) -> tuple[tf.Tensor, tf.Tensor]:
    """Features (B, f) and labels (B, 2n + k) of joint vectors q (B, n), in the graph.

    Where the network sees targets turned to azimuth and roll 0, so are the labels: the
    joints less those turns, and the target that these joints reach.
    """
    sin_q, cos_q = tf.sin(q), tf.cos(q)
    walked = frames(chain, tf.unstack(sin_q, axis=-1), tf.unstack(cos_q, axis=-1))
    encoding = encode(chain, task, task.reached(walked), keras.ops)
    features = tf.stack(normalization.apply(encoding.features), axis=-1)
    if not task.turns:
        target = stacked(walked.position, sin_q[:, 0], keras.ops)
        return features, tf.concat([sin_q, cos_q, target], axis=-1)
    sines, cosines = tf.unstack(sin_q, axis=-1), tf.unstack(cos_q, axis=-1)
    for joint, turn in ((0, encoding.first), (-1, encoding.last)):
        if turn is not None:
            sines[joint], cosines[joint] = turn.removed(sines[joint], cosines[joint])
    sin_q, cos_q = tf.stack(sines, axis=-1), tf.stack(cosines, axis=-1)
    target = reached_targets(chain, task, sin_q, cos_q, keras.ops)
    return features, tf.concat([sin_q, cos_q, target], axis=-1)


def _inside(region: Region, sign: tf.Tensor, center: tf.Tensor, q: tf.Tensor) -> tf.Tensor:
    """Whether q (B, n), a small move from a centre in an aspect, still lies in it (B,)."""

    def determinant(angles: tf.Tensor) -> tf.Tensor:
        sin_q, cos_q = tf.sin(angles), tf.cos(angles)
        if not region.task.turns:
            return linear_determinant(
                region.chain, tf.unstack(sin_q, axis=-1), tf.unstack(cos_q, axis=-1)
            )
        return tf.linalg.det(task_jacobian(region.chain, region.task, sin_q, cos_q, keras.ops))

    inside = sign * determinant(q) >= region.least_determinant
    if region.task.turns:
        # Over the corner between two aspects of the same sign the way is through another.
        inside &= sign * determinant((center + q) / 2) >= 0
    return inside


def host_features(chain: Chain, q: FloatArray, task: Task = POSITION) -> FloatArray:
    """Features (N, f), not normalized, of joint vectors q (N, n), in NumPy."""
    targets = reached_targets(chain, task, np.sin(q), np.cos(q))
    return np.stack(encode(chain, task, components(targets)).features, axis=-1)
