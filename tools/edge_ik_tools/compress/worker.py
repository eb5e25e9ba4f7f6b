"""Fine-tuning with tensorflow-model-optimization, in the process that `compress` starts.

Run as `python -m edge_ik_tools.compress.worker FOLDER`: the folder holds the request,
and takes the results. Each line on stdout is a JSON object: progress, or an error.
"""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from edge_ik.data.dataset import make_dataset
from edge_ik.data.source import SampleSource
from edge_ik.model.losses import PROMISE_WEIGHT, balanced_loss, judged
from edge_ik.preparation import resume
from edge_ik.run import Run
from edge_ik_tools.compress import twin as twins
from edge_ik_tools.compress.finetune import FLATBUFFER_FILE, REQUEST_FILE, WEIGHTS_FILE
from edge_ik_tools.compress.weights import DenseWeights
from edge_ik_tools.convert import calibration_features
from firmware_host.errors import EdgeIkError

# Steps in one call into the graph; masks are chosen and progress is told in between.
CALL_STEPS = 50
# Features that the activations' ranges begin from.
CALIBRATION_ROWS = 8192
FINAL_RATE = 1e-3  # Of the peak learning rate.
WARMUP = 0.02

Tell = Callable[[Mapping[str, Any]], None]
"""Takes what is told of the work, as it is written in a line of JSON."""


def main() -> int:
    """Do what the request in the folder says; the exit code."""
    folder = Path(sys.argv[1])
    tell = _channel()
    try:
        work(folder, tell)
    except EdgeIkError as error:
        tell({"error": str(error)})
        return 1
    return 0


def work(folder: Path, tell: Tell) -> None:
    """Fine-tune as requested and write the weights, and for QAT the flatbuffer."""
    request = json.loads((folder / REQUEST_FILE).read_text(encoding="utf-8"))
    run, source = resume(Path(request["run"]))
    twin = twins.build_twin(run.load_network())
    steps, rate = request["steps"], request["learning_rate"]
    stages: list[str] = request["stages"]

    def tuner(stage: str, model: tf_keras.Model, training: bool) -> FineTuning:
        done = stages.index(stage) * steps
        return FineTuning(run, source, model, training, stage, (done, steps), rate)

    if "prune" in stages:
        # Rounded up, so that a single step prunes as well.
        end = (steps + 1) // 2
        pruned = twins.pruned_twin(twin, request["sparsity"], end)
        # Outside of training the pruning layers keep the zeros and choose no new ones.
        tuner("prune", pruned, False).run(tell, lambda step: twins.update_masks(pruned, step))
        for name, arrays in twins.twin_weights(pruned).items():
            twin.get_layer(name).set_weights(arrays)
    if "qat" in stages:
        quantized = twins.quantized_twin(
            twin, calibration_features(source, run.config.training.rng_seed, CALIBRATION_ROWS)
        )
        tuner("qat", quantized, True).run(tell, keep_zeros="prune" in stages)
        weights = twins.twin_weights(quantized)
        (folder / FLATBUFFER_FILE).write_bytes(twins.convert(quantized, twin))
    else:
        weights = twins.twin_weights(twin)
    _save(folder / WEIGHTS_FILE, weights)


class FineTuning:
    """One stage: the run's own losses and data, after the last batch that it was trained on.

    Args:
        run: The run.
        source: What its samples are drawn from.
        model: A pruned or quantized twin; its trainable weights are changed.
        training: Whether the model is called in training mode.
        stage: Name of the stage, for the progress.
        span: Fine-tuning steps before this stage, and steps of this stage.
        learning_rate: Peak of the learning rate.
    """

    def __init__(
        self,
        run: Run,
        source: SampleSource,
        model: tf_keras.Model,
        training: bool,
        stage: str,
        span: tuple[int, int],
        learning_rate: float,
    ) -> None:
        self.problem, self.heads = run.problem, run.spec.heads
        self.loss = run.config.loss
        self.model = model
        self.training = training
        self.stage = stage
        done, self.steps = span
        config = run.config.training
        # Beyond the run's last step the curriculum is over and no batch has been seen.
        self.batches = iter(
            make_dataset(
                source, config.batch_size, config.rng_seed, config.steps, config.steps + done
            )
        )
        warmup = int(self.steps * WARMUP)
        schedule = tf_keras.optimizers.schedules.CosineDecay(
            0.0 if warmup else learning_rate,
            max(1, self.steps - warmup),
            alpha=FINAL_RATE,
            warmup_target=learning_rate if warmup else None,
            warmup_steps=warmup,
        )
        # Its own compilation is of no use: the whole step is compiled.
        self.optimizer = tf_keras.optimizers.Adam(schedule, jit_compile=False)

    def run(
        self,
        tell: Tell,
        before: Callable[[int], None] = lambda step: None,
        keep_zeros: bool = False,
    ) -> None:
        """Do the steps of the stage.

        Args:
            tell: Called with the progress.
            before: Called with the number of steps done, at times and at the end.
            keep_zeros: Whether kernel weights that are 0 stay so.

        Raises:
            EdgeIkError: If the loss is no longer finite.
        """
        losses = self.losses(*next(self.batches))
        # The weights of the losses begin where balancing would come to.
        self.log_variance = tf.Variable(tf.math.log(losses), trainable=self.loss.balance)
        self.variables = list(self.model.trainable_variables)
        self.masks = [
            tf.cast(variable != 0, tf.float32)
            if keep_zeros and variable.shape.rank == 2
            else tf.ones_like(variable)
            for variable in self.variables
        ]
        if self.loss.balance:
            self.variables.append(self.log_variance)
            self.masks.append(tf.ones_like(self.log_variance))
        self.optimizer.build(self.variables)
        done = 0
        while done < self.steps:
            before(done)
            count = min(CALL_STEPS, self.steps - done)
            position = float(self.execute(self.batches, tf.constant(count)))
            done += count
            if not math.isfinite(position):
                raise EdgeIkError(
                    f"Fine-tuning diverged: the loss is not finite after {done} steps. "
                    "Choose a smaller learning rate."
                )
            rmse = 1e3 * math.sqrt(position)
            reached = f"RMSE {rmse:.3f} mm"
            progress = {"what": f"{self.stage}, {reached}", "count": done, "total": self.steps}
            line = f"{self.stage}: step {done}/{self.steps}, {reached}"
            tell({"progress": {**progress, "unit": "steps", "line": line}})
        before(done)

    def losses(self, features: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """The losses of `edge_ik.model.losses.Judged`."""
        outputs = self.model(features, training=self.training)
        return judged(self.problem, self.heads, outputs, labels).losses

    @tf.function(jit_compile=True, autograph=False)  # type: ignore[untyped-decorator]
    def step(self, features: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """One step; the mean squared position error [m^2] before it."""
        with tf.GradientTape() as tape:
            losses = self.losses(features, labels)
            if self.loss.balance:
                total = balanced_loss(losses, self.log_variance)
            else:
                weights = [self.loss.position_weight, self.loss.angle_weight, PROMISE_WEIGHT]
                total = tf.tensordot(losses, weights[: len(losses)], axes=1)
        gradients = tape.gradient(total, self.variables)
        masked = [gradient * mask for gradient, mask in zip(gradients, self.masks, strict=True)]
        self.optimizer.apply_gradients(zip(masked, self.variables, strict=True))
        return losses[0] * self.problem.chain.reach**2

    @tf.function  # type: ignore[untyped-decorator]
    def execute(self, batches: Iterator[Any], count: tf.Tensor) -> tf.Tensor:
        """Several steps; the mean of what they return."""
        total = tf.zeros(())
        for _ in tf.range(count):
            features, labels = next(batches)
            total += self.step(features, labels)
        return total / tf.cast(count, tf.float32)


def _save(path: Path, weights: DenseWeights) -> None:
    """Write the arrays as NAME/kernel and NAME/bias."""
    arrays: dict[str, Any] = {}
    for name, (kernel, bias) in weights.items():
        arrays[f"{name}/kernel"], arrays[f"{name}/bias"] = kernel, bias
    with path.open("wb") as stream:
        np.savez(stream, **arrays)


def _channel() -> Tell:
    """A function that writes JSON lines to stdout, where nothing else goes from now on."""
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def tell(values: Mapping[str, Any]) -> None:
        stream.write(json.dumps(values) + "\n")
        stream.flush()

    return tell


if __name__ == "__main__":
    sys.exit(main())
