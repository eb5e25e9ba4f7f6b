"""The training step: two losses, their balance, and hard-example mining."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
from keras import ops

from edge_ik.config import LossConfig, MiningConfig
from edge_ik.model.losses import PROMISE_WEIGHT, Judged, balanced_loss, judged, label_size
from edge_ik.model.weight_grid import is_kernel, straight_through
from firmware_host.problem import IkProblem

# Of each batch, this share, its hardest rows, enters the buffer of hard examples.
BUFFER_INTAKE = 1 / 16


class IkTrainer(keras.Model):  # type: ignore[misc]
    """Wraps the network with losses, balance and mining; `fit` trains it.

    Made in the scope of a `tf.distribute` strategy, it is trained by all replicas: their
    gradients are averaged, and one buffer of hard examples, the same on each of them,
    takes in rows from all.

    Args:
        network: Features (B, f) to outputs as `network_outputs` counts them.
        problem: The robot, for forward kinematics inside the loss, and its task.
        heads: How many answers the network gives, K.
        loss: Which losses, and how they are weighted.
        mining: Hard-example mining.
        batch_size: Rows of a batch on each replica.
        rng_seed: Seed of the draws from the buffer of hard examples.
        grid_start: Step from which kernels are rounded to eight bits in the forward
            pass; None for never.
    """

    def __init__(
        self,
        network: keras.Model,
        problem: IkProblem,
        heads: int,
        loss: LossConfig,
        mining: MiningConfig,
        batch_size: int,
        rng_seed: int = 0,
        grid_start: int | None = None,
    ) -> None:
        super().__init__(name="ik_trainer")
        self.network = network
        self.problem = problem
        self.heads = heads
        self.loss_config = loss
        self.mining = mining
        self.grid_start = grid_start
        self.replicas: int = self.distribute_strategy.num_replicas_in_sync
        self.hard_rows = int(batch_size * mining.share)
        self.kept_rows = min(int(batch_size * BUFFER_INTAKE), mining.buffer // self.replicas)
        self.kept_rows = max(1, min(self.kept_rows, batch_size - self.hard_rows))
        self.intake_rows = self.kept_rows * self.replicas
        # A buffer that is a whole number of intakes is filled without a remainder.
        self.buffer_rows = max(1, mining.buffer // self.intake_rows) * self.intake_rows
        self.log_variance = self.add_weight(
            shape=(2,), initializer="zeros", name="log_variance", trainable=loss.balance
        )
        if heads > 1:
            self.promise_log_variance = self.add_weight(
                shape=(1,), initializer="zeros", name="promise_log_variance"
            )
        width = network.input_shape[-1] + label_size(problem)
        self.hard_examples = self._state((self.buffer_rows, width), "hard_examples")
        self.hard_count = self._state((), "hard_count", dtype="int32")
        self.mining_seed = keras.random.SeedGenerator(rng_seed)
        self.loss_metric = keras.metrics.Mean(name="loss")
        self.position_metric = keras.metrics.Mean(name="position_mse")
        self.angle_metric = keras.metrics.Mean(name="angle_mse")
        self.built = True

    def _state(self, shape: tuple[int, ...], name: str, dtype: str = "float32") -> keras.Variable:
        """A variable that training updates by assignment, the same on every replica."""
        return self.add_weight(
            shape=shape,
            initializer="zeros",
            name=name,
            dtype=dtype,
            trainable=False,
            aggregation="only_first_replica",
        )

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The metrics that `fit` resets between epochs."""
        return [self.loss_metric, self.position_metric, self.angle_metric]

    def loss_weights(self) -> tuple[float, float]:
        """The present weights of the task loss and the angle loss."""
        if not self.loss_config.balance:
            return self.loss_config.position_weight, self.loss_config.angle_weight
        distance, angle = ops.convert_to_numpy(ops.exp(-self.log_variance)).tolist()
        return distance, angle

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """The network's outputs (B, 2n)."""
        return self.network(inputs, training=training)

    def train_step(self, data: tuple[Any, Any]) -> dict[str, Any]:
        """One optimizer step on features (B, f) and labels (B, l)."""
        features, labels = data
        if self.hard_rows:
            features, labels = self._with_hard_examples(features, labels)
        with tf.GradientTape() as tape:
            found = judged(self.problem, self.heads, self._forward(features), labels)
            loss = self._total(found.losses)
            # The optimizer sums the gradients of all replicas.
            share = loss / self.replicas
        variables = self.trainable_variables
        self._update(tape.gradient(share, variables))
        if self.hard_rows:
            # Replayed rows stay out: they would come back in and crowd out all others.
            fresh = slice(-self.hard_rows)
            self._keep_hardest(features[fresh], labels[fresh], found.position[fresh])
        return self._updated(loss, found)

    def _update(self, gradients: list[Any]) -> None:
        """Let the optimizer take its step, compiled by XLA even if the rest is not.

        It then goes over weights, moments and averages once: of a network of many weights a
        third of the time of one operation after the other.
        """

        def apply(*values: Any) -> None:
            self.optimizer.apply(list(values), self.trainable_variables)

        # Gradients are averaged over replicas in there, which XLA cannot.
        plain = self.replicas > 1 or self.jit_compile or self.run_eagerly
        (apply if plain else tf.function(apply, jit_compile=True))(*gradients)

    def _forward(self, features: Any) -> Any:
        """The network's training outputs, its kernels rounded to their grid if so configured."""
        network = self.network
        if self.grid_start is None:
            return network(features, training=True)
        rounded = ops.cast(self.optimizer.iterations >= self.grid_start, "float32")
        weights = [
            straight_through(variable, rounded) if is_kernel(variable) else variable
            for variable in network.trainable_variables
        ]
        outputs, states = network.stateless_call(
            weights, network.non_trainable_variables, features, training=True
        )
        for variable, state in zip(network.non_trainable_variables, states, strict=True):
            variable.assign(state)
        return outputs

    def _total(self, losses: Any) -> Any:
        """The scalar loss of `Judged.losses`."""
        answers = losses[:2]
        if self.loss_config.balance:
            total = balanced_loss(answers, self.log_variance)
        else:
            weights = [self.loss_config.position_weight, self.loss_config.angle_weight]
            total = ops.sum(answers * ops.convert_to_tensor(weights, dtype="float32"))
        if self.heads > 1:
            total += PROMISE_WEIGHT * balanced_loss(losses[2:], self.promise_log_variance)
        return total

    def _updated(self, loss: Any, found: Judged) -> dict[str, Any]:
        """Metrics after this batch."""
        self.loss_metric.update_state(loss)
        self.position_metric.update_state(found.position)
        self.angle_metric.update_state(found.angle)
        # Of rank 1, since Keras averages them over workers along their first axis.
        return {metric.name: ops.reshape(metric.result(), (1,)) for metric in self.metrics}

    def _maybe_symbolic_build(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing: all is built, and Keras's own fails on a batch of several workers."""

    def _with_hard_examples(self, features: Any, labels: Any) -> tuple[Any, Any]:
        """The batch with its last rows replaced from the buffer once that is full."""
        # Every replica draws for all and takes its row, so their generators stay the same.
        drawn = keras.random.uniform((self.replicas, self.hard_rows), seed=self.mining_seed)
        own = drawn[tf.distribute.get_replica_context().replica_id_in_sync_group]
        picked = ops.minimum(ops.cast(own * self.buffer_rows, "int32"), self.buffer_rows - 1)
        replayed = ops.take(self.hard_examples, picked, axis=0)
        batch = ops.concatenate([features, labels], axis=-1)
        fresh = batch[: -self.hard_rows]
        full = self.hard_count >= self.buffer_rows
        tail = ops.where(full, replayed, batch[-self.hard_rows :])
        mixed = ops.concatenate([fresh, tail], axis=0)
        width = features.shape[-1]
        return mixed[:, :width], mixed[:, width:]

    def _keep_hardest(self, features: Any, labels: Any, distance: Any) -> None:
        """Write the hardest of each replica's rows over the buffer's oldest."""
        _, hardest = ops.top_k(distance, self.kept_rows, sorted=False)
        rows = ops.take(ops.concatenate([features, labels], axis=-1), hardest, axis=0)
        if self.replicas > 1:
            rows = tf.distribute.get_replica_context().all_gather(rows, axis=0)
        at = self.hard_count % self.buffer_rows
        self.hard_examples.assign(ops.slice_update(self.hard_examples, [at, 0], rows))
        # Counting on beyond two fills would overflow in the end and tells nothing more.
        count = self.hard_count + self.intake_rows
        self.hard_count.assign(
            ops.where(count >= 2 * self.buffer_rows, count - self.buffer_rows, count)
        )
