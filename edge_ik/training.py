"""Train a network: from a prepared run to its last step."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from dataclasses import asdict
from functools import partial
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from edge_ik.checkpoint import Checkpoint
from edge_ik.config import Config, TrainingConfig
from edge_ik.data.dataset import Replicas, features_and_labels, make_dataset
from edge_ik.data.source import SampleSource
from edge_ik.data.streams import POOL_STREAM, stream
from edge_ik.distribution import choose_strategy, lost_worker_reported, mean_over_replicas
from edge_ik.lock import locked
from edge_ik.model.network import build_network, spread_heads
from edge_ik.model.trainer import IkTrainer
from edge_ik.naming import describe_branches
from edge_ik.predictor import predictor
from edge_ik.run import BRANCHES_FILE, CHECKPOINT_FILE, Run
from edge_ik.watcher import Report, Watcher, silent
from edge_ik.worker import read_worker
from firmware_host.errors import ConfigError, RunError
from firmware_host.files import write_json
from firmware_host.solving.seeding import Seeder
from firmware_host.spec import mean_heads

# Postures that heads begin with are chosen among these.
HEAD_POSTURES = 5000
# Beyond so many weights matrix products are nearly all of a step, and writing the state takes
# longer than many steps. Between 100,000 and 400,000 a step without XLA becomes the faster one.
LARGE_WEIGHTS = 200_000


def train(
    run: Run,
    source: SampleSource,
    report: Report = silent,
    strategy: tf.distribute.Strategy | None = None,
) -> IkTrainer:
    """Train from the run's last checkpoint, or from the beginning, to the last step.

    Training is distributed by `tf.distribute` over the workers that TF_CONFIG names,
    or over this machine's GPUs if there are several. Of several workers, each with the
    same run, the first validates, writes and reports; all read the same checkpoint.

    Args:
        run: The run, as `edge_ik.preparation` gave it.
        source: What samples are drawn from.
        report: Called while training goes on.
        strategy: How training is distributed, if it shall not be chosen as above.

    Returns:
        The trainer after the last step; Keras ends by giving it the averaged weights.

    Raises:
        ConfigError: If the batch cannot be shared among the replicas.
        RunError: If the checkpoint does not fit, a worker is lost, or the folder is in use.
    """
    config = run.config.training
    worker = read_worker()
    strategy = strategy or choose_strategy()
    alone = locked(run.folder) if worker.is_chief else nullcontext()
    with alone, lost_worker_reported(worker, run.folder):
        trainer = make_trainer(run, strategy)
        checkpoint = Checkpoint(run.folder / CHECKPOINT_FILE, trainer)
        history = checkpoint.restore(tidy=worker.is_chief)
        if worker.count > 1 and mean_over_replicas(strategy, len(history)) != len(history):
            raise RunError(
                f"Worker {worker.index} reads a checkpoint of {len(history)} epochs in "
                f"'{run.folder}', and others read another. Give all workers the same folder."
            )
        with ExitStack() as stack:
            watcher = None
            if worker.is_chief:
                meanwhile = is_large(trainer.network)
                watcher = Watcher(run, source, checkpoint, history, report, meanwhile)
                stack.enter_context(watcher)
            _fit(trainer, config, len(history), watcher, partial(_dataset, run, source, strategy))
        if worker.is_chief and run.spec.heads > 1:
            write_branches(run)
        if worker.count > 1:
            # A worker that left while the chief still validates would count as lost.
            mean_over_replicas(strategy, config.epochs)
    return trainer


def _fit(
    trainer: IkTrainer,
    config: TrainingConfig,
    epochs_done: int,
    watcher: Watcher | None,
    dataset: Callable[[int], Any],
) -> None:
    """Train to the last step, on the batches of a dataset from a step on."""
    done = epochs_done * config.steps_per_epoch
    if watcher is not None:
        watcher.tell(done)
    if done < config.steps:
        trainer.fit(
            dataset(done),
            initial_epoch=epochs_done,
            epochs=config.epochs,
            steps_per_epoch=config.steps_per_epoch,
            callbacks=[] if watcher is None else [watcher],
            shuffle=False,
            verbose=0,
        )


def is_large(network: keras.Model) -> bool:
    """Whether a network is trained without XLA, and written while its training goes on."""
    large: bool = network.count_params() > LARGE_WEIGHTS
    return large


def write_branches(run: Run) -> None:
    """Name what the heads of the best network answer, in the run's folder."""
    path = run.folder / BRANCHES_FILE
    if not path.is_file():
        seeder = Seeder(run.spec, predictor(run.load_network()))
        branches = describe_branches(seeder, run.config.training.rng_seed)
        rows = [asdict(branch) for branch in branches]
        write_json(path, {"branches": rows, "mean_heads": mean_heads(branches)})


def make_trainer(run: Run, strategy: tf.distribute.Strategy) -> IkTrainer:
    """The compiled trainer in its first state, its variables on every replica.

    Raises:
        ConfigError: If the batch cannot be shared among the replicas.
    """
    config = run.config.training
    distributed = strategy.num_replicas_in_sync > 1
    if config.batch_size % strategy.num_replicas_in_sync:
        raise ConfigError(
            f"Expected 'training.batch_size' to be a multiple of the "
            f"{strategy.num_replicas_in_sync} replicas. Received: {config.batch_size}"
        )
    with strategy.scope():
        network = build_network(
            run.spec.inputs, run.problem.outputs.size, run.config.network, config.rng_seed
        )
        spread_heads(network, _postures(run), run.spec.heads)
        trainer = IkTrainer(
            network,
            run.problem,
            run.spec.heads,
            run.config.loss,
            run.config.mining,
            config.batch_size // strategy.num_replicas_in_sync,
            config.rng_seed,
            config.grid_step,
        )
        optimizer = keras.optimizers.Adam(
            learning_rate(run.config),
            use_ema=config.ema > 0,
            ema_momentum=config.ema or 0.99,
        )
        # Within a step of several replicas it is too late to make variables.
        optimizer.build(trainer.trainable_variables)
        trainer.compile(
            optimizer,
            # XLA compiles a step for one device only; of a large network, oneDNN's matrix
            # products, which TensorFlow takes without it, are several times as fast.
            jit_compile=not (distributed or is_large(network)),
            steps_per_execution=_execution_steps(run.config, distributed),
        )
    return trainer


def _postures(run: Run) -> npt.NDArray[np.float32]:
    """Answers (N, a) of random configurations, as labels are made of them."""
    chain = run.chain
    rng = stream(run.config.training.rng_seed, POOL_STREAM)
    q = rng.uniform(chain.lower, chain.upper, (HEAD_POSTURES, run.problem.joints))
    _, labels = features_and_labels(run.problem, run.normalization, tf.constant(q, tf.float32))
    answers: npt.NDArray[np.float32] = labels.numpy()[:, : run.problem.outputs.size]
    return answers


def learning_rate(config: Config) -> keras.optimizers.schedules.LearningRateSchedule:
    """Linear warm-up, then a cosine to the final rate (Loshchilov and Hutter, ICLR 2017)."""
    training = config.training
    warmup = int(training.steps * training.warmup)
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=training.learning_rate if warmup == 0 else 0.0,
        decay_steps=max(1, training.steps - warmup),
        alpha=min(1.0, training.final_learning_rate / training.learning_rate),
        warmup_target=training.learning_rate if warmup else None,
        warmup_steps=warmup,
    )


def _dataset(
    run: Run,
    source: SampleSource,
    strategy: tf.distribute.Strategy,
    start_step: int,
) -> Any:
    """The run's batches from a step on, divided among the strategy's replicas."""
    training = run.config.training
    total = strategy.num_replicas_in_sync
    replica_batch = training.batch_size // total

    def make(replicas: Replicas) -> tf.data.Dataset:
        return make_dataset(
            source, replica_batch, training.rng_seed, training.steps, start_step, replicas
        )

    if total == 1:
        return make(Replicas())

    def for_worker(context: tf.distribute.InputContext) -> tf.data.Dataset:
        local = total // context.num_input_pipelines
        return make(Replicas(total, context.input_pipeline_id * local, local))

    return strategy.distribute_datasets_from_function(for_worker)


def _execution_steps(config: Config, distributed: bool) -> int:
    """Steps in one call into the graph: the largest divisor of an epoch that is allowed."""
    training = config.training
    if distributed:
        return 1
    allowed = min(training.steps_per_execution, training.steps_per_epoch)
    return next(n for n in range(allowed, 0, -1) if training.steps_per_epoch % n == 0)
