"""Train a network: from a configuration to a run folder."""

from __future__ import annotations

import csv
import io
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from firmware_host.normalization import Normalization

from edge_ik.arms import builtin_arms, load_arm
from edge_ik.checkpoint import Checkpoint, History
from edge_ik.config import Config, DataConfig, TrainingConfig
from edge_ik.data.aspects import (
    Region,
    find_region,
    measure_coverage,
    nonsingular_posture,
)
from edge_ik.data.dataset import (
    Curriculum,
    Replicas,
    SampleSource,
    host_features,
    make_dataset,
)
from edge_ik.data.reach import measure_reach
from edge_ik.data.sampling import FocusCircle, JointPool, build_pool, default_focus, focus_joints
from edge_ik.data.spread import label_spread
from edge_ik.distribution import (
    choose_strategy,
    lost_worker_reported,
    mean_over_replicas,
    read_worker,
)
from edge_ik.evaluation import (
    POOL_STREAM,
    VALIDATION_STREAM,
    aspect_stream,
    draw_targets,
    evaluate_seeds,
    run_region,
    stream,
)
from edge_ik.model.network import build_network
from edge_ik.model.trainer import IkTrainer
from edge_ik.model.weight_grid import snap_to_grid
from edge_ik.predictor import predictor
from edge_ik.run import (
    BEST_FILE,
    CHECKPOINT_FILE,
    HISTORY_FILE,
    POOL_FILE,
    TENSORBOARD_FOLDER,
    Run,
)
from firmware_host.chain import Chain
from firmware_host.errors import ConfigError, RunError
from firmware_host.files import write_atomically, write_text
from firmware_host.kinematics import tool_position
from firmware_host.solving.seeding import Seeder
from firmware_host.tasks import Task, make_task
from firmware_host.workspace import Workspace

FOCUS_POINTS = 2048
FOCUS_SEEDS = 20_000

# The figures of a validation; `history.csv` has one row an epoch of those that the task has.
HISTORY_FIELDS = (
    "step",
    "seconds",
    "learning_rate",
    "loss",
    "train_rmse_m",
    "position_weight",
    "angle_weight",
    "rmse_m",
    "p95_m",
    "max_m",
    "joint_error_mean_deg",
    "focus_rmse_m",
    "rotation_mean_deg",
)


@dataclass(frozen=True)
class Progress:
    """What training tells its caller.

    Attributes:
        step: Steps done.
        steps: Steps in all.
        row: The last validation's figures by `HISTORY_FIELDS`, if there was one.
    """

    step: int
    steps: int
    row: dict[str, float] | None


Report = Callable[[Progress], None]


def _silent(progress: Progress) -> None:
    """Report nothing."""


def start(config: Config, folder: Path) -> tuple[Run, SampleSource]:
    """Load the robot, find its aspect and focus path, and write the run's record.

    Raises:
        RobotError: If the robot cannot be used.
        ConfigError: If a value does not fit the robot.
        RunError: If the folder already holds something else.
    """
    worker = read_worker()
    # The chief of this run may have made the folder already. It writes no checkpoint,
    # though, before all workers have joined: one that is there is from another run.
    if _is_taken(folder) if worker.is_chief else (folder / CHECKPOINT_FILE).exists():
        raise RunError(
            f"'{folder}' already exists and is not an empty folder. Choose another folder with "
            f"--out, or continue that run with: edge-ik train --resume {folder}"
        )
    chain = load_arm(config.arm.source, config.arm.base or None, config.arm.tip or None)
    task = make_task(config.task.name, config.task.tool_axis)
    ends = config.arm.base or None, config.arm.tip or None
    home = config.arm.home or home_posture(chain, config.arm.source, ends, task)
    if len(home) != len(chain):
        raise ConfigError(
            f"Expected {len(chain)} angles for 'arm.home', one a joint. Received: {len(home)}"
        )
    aspect = find_region(
        chain,
        task,
        home,
        config.arm.singularity_margin,
        aspect_stream(),
        every=config.task.aspects == "all",
    )
    source, focus = _source(aspect, config, None)
    coverage = measure_coverage(aspect, aspect_stream())
    reach = None if aspect.redundant else measure_reach(aspect, aspect_stream())
    run = Run(
        folder=folder,
        config=config,
        chain=chain,
        home=home,
        normalization=source.normalization,
        focus=focus,
        aspects=aspect.count,
        joint_space=coverage.joint_space,
        workspace=coverage.workspace,
        region=Workspace.fit(
            chain, tool_position(chain, np.sin(source.pool.q), np.cos(source.pool.q))
        ),
        aspect_names=source.pool.names,
        reach=reach,
        label_spread=label_spread(aspect, source.pool.q, source.pool.branch),
    )
    if worker.is_chief:
        run.save()
        if aspect.redundant:
            source.pool.save(run.folder / POOL_FILE)
    return run, source


def home_posture(
    chain: Chain, source: str, ends: tuple[str | None, str | None], task: Task
) -> tuple[float, ...]:
    """The posture (n,) that chooses the branch if none is given [rad].

    Args:
        chain: The robot.
        source: The name or path that it was loaded by.
        ends: Base and tip link that were asked for.
        task: What a target is.
    """
    if source in builtin_arms() and not any(ends):
        return builtin_arms()[source].home
    return tuple(nonsingular_posture(chain, aspect_stream(), task).tolist())


def resume(folder: Path) -> tuple[Run, SampleSource]:
    """Read a run's record and rebuild what its samples are drawn from.

    Raises:
        RunError: If the folder is not a run.
    """
    run = Run.load(folder)
    aspect = run_region(run)
    path = run.folder / POOL_FILE
    pool = JointPool.load(path) if path.is_file() else None
    source, _ = _source(aspect, run.config, run.focus, pool)
    return run, source


def train(
    run: Run,
    source: SampleSource,
    report: Report = _silent,
    strategy: tf.distribute.Strategy | None = None,
) -> IkTrainer:
    """Train from the run's last checkpoint, or from the beginning, to the last step.

    Training is distributed by `tf.distribute` over the workers that TF_CONFIG names,
    or over this machine's GPUs if there are several. Of several workers, each with the
    same run, the first validates, writes and reports; all read the same checkpoint.

    Args:
        run: The run, as `start` or `resume` gave it.
        source: What samples are drawn from.
        report: Called while training goes on.
        strategy: How training is distributed, if it shall not be chosen as above.

    Returns:
        The trainer after the last step; Keras ends by giving it the averaged weights.

    Raises:
        ConfigError: If the batch cannot be shared among the replicas.
        RunError: If the run's checkpoint does not fit it, or a worker is lost.
    """
    config = run.config.training
    worker = read_worker()
    strategy = strategy or choose_strategy()
    with lost_worker_reported(worker, run.folder):
        trainer = make_trainer(run, strategy)
        checkpoint = Checkpoint(run.folder / CHECKPOINT_FILE, trainer)
        history = checkpoint.restore(tidy=worker.is_chief)
        if worker.count > 1 and mean_over_replicas(strategy, len(history)) != len(history):
            raise RunError(
                f"Worker {worker.index} reads a checkpoint of {len(history)} epochs in "
                f"'{run.folder}', and others read another. Give all workers the same folder."
            )
        done = len(history) * config.steps_per_epoch
        callbacks = []
        if worker.is_chief:
            watcher = Watcher(run, source, checkpoint, history, report)
            watcher.tell(done)
            callbacks.append(watcher)
        if done < config.steps:
            trainer.fit(
                _dataset(run, source, strategy, done),
                initial_epoch=len(history),
                epochs=config.epochs,
                steps_per_epoch=config.steps_per_epoch,
                callbacks=callbacks,
                shuffle=False,
                verbose=0,
            )
        if worker.count > 1:
            # A worker that left while the chief still validates would count as lost.
            mean_over_replicas(strategy, config.epochs)
    return trainer


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
        network = build_network(run.inputs, len(run.chain), run.config.network, config.rng_seed)
        trainer = IkTrainer(
            network,
            run.chain,
            run.config.loss,
            run.config.mining,
            config.batch_size // strategy.num_replicas_in_sync,
            config.rng_seed,
            _grid_step(config),
            run.task,
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
            # XLA compiles a step for one device only.
            jit_compile=not distributed,
            steps_per_execution=_execution_steps(run.config, distributed),
        )
    return trainer


class Watcher(keras.callbacks.Callback):  # type: ignore[misc]
    """After each epoch: validates the averaged weights, logs, and saves.

    Args:
        run: The run to write into.
        source: What the validation targets are drawn like.
        checkpoint: Where the state goes.
        history: Rows of the epochs already done; grows by one an epoch.
        report: Called with the progress.
    """

    def __init__(
        self,
        run: Run,
        source: SampleSource,
        checkpoint: Checkpoint,
        history: History,
        report: Report,
    ) -> None:
        super().__init__()
        self.run = run
        self.checkpoint = checkpoint
        self.history = history
        self.report = report
        training = run.config.training
        self.targets = draw_targets(
            source.aspect,
            run.focus,
            training.validation_targets,
            stream(training.rng_seed, VALIDATION_STREAM),
        )
        trainer = checkpoint.trainer
        self.averaged = keras.models.clone_model(trainer.network)
        self.predict = predictor(self.averaged)
        self.seconds_before = history[-1]["seconds"] if history else 0.0
        self.summary: Any = None

    def tell(self, step: int) -> None:
        """Report that training has come to a step."""
        row = self.history[-1] if self.history else None
        self.report(Progress(step, self.run.config.training.steps, row))

    def on_train_begin(self, logs: Any = None) -> None:
        """Start the clock and the TensorBoard log."""
        self.began = time.perf_counter()
        folder = str(self.run.folder / TENSORBOARD_FOLDER)
        self.summary = tf.summary.create_file_writer(folder)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Note which steps the epoch has."""
        self.first_step = epoch * self.run.config.training.steps_per_epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Report progress."""
        self.tell(self.first_step + batch + 1)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Validate and save; the best network first, so that no checkpoint is ahead of it."""
        copy_averaged_weights(self.checkpoint.trainer, self.averaged)
        # Also before the rounding starts, so that epochs are judged alike.
        if _grid_step(self.run.config.training) is not None:
            snap_to_grid(self.averaged)
        row = self._row(epoch, logs or {})
        best = min((float(np.inf), *(self._merit(past) for past in self.history)))
        self.history.append(row)
        if self._merit(row) < best:
            write_atomically(self.run.folder / BEST_FILE, self.averaged.save)
        self._log(row)
        self.checkpoint.save(self.history)
        self.tell(int(row["step"]))

    def _row(self, epoch: int, logs: dict[str, Any]) -> dict[str, float]:
        """The epoch's figures by `HISTORY_FIELDS`."""
        trainer, config = self.checkpoint.trainer, self.run.config
        run = self.run
        seeder = Seeder(run.chain, run.normalization, self.predict, run.task, run.aspect_names)
        figures = evaluate_seeds(seeder, self.targets, steps=0).network
        position_weight, angle_weight = trainer.loss_weights()
        values = {
            "step": (epoch + 1) * config.training.steps_per_epoch,
            "seconds": self.seconds_before + time.perf_counter() - self.began,
            "learning_rate": float(trainer.optimizer.learning_rate),
            "loss": float(logs.get("loss", np.nan)),
            "train_rmse_m": float(np.sqrt(logs.get("position_mse", np.nan))),
            "position_weight": position_weight,
            "angle_weight": angle_weight,
        }
        measured: dict[str, float | None] = asdict(figures)
        # What a task does not measure is left out.
        values |= {name: value for name, value in measured.items() if value is not None}
        return {name: values[name] for name in HISTORY_FIELDS if name in values}

    def _merit(self, row: Mapping[str, float]) -> float:
        """What the best network has least of: the error of position and orientation [m]."""
        angle = math.radians(row.get("rotation_mean_deg", 0.0))
        return row["rmse_m"] + angle * self.run.task.length(self.run.chain)

    def _log(self, row: dict[str, float]) -> None:
        """Write the CSV file and the TensorBoard scalars."""
        text = io.StringIO()
        writer = csv.DictWriter(text, list(row))
        writer.writeheader()
        writer.writerows(self.history)
        write_text(self.run.folder / HISTORY_FILE, text.getvalue())
        with self.summary.as_default():
            for name, value in row.items():
                if name != "step":
                    tf.summary.scalar(name, value, step=int(row["step"]))
        self.summary.flush()


def copy_averaged_weights(trainer: IkTrainer, network: keras.Model) -> None:
    """Give a clone of the trainer's network the moving average of the weights."""
    optimizer = trainer.optimizer
    network.set_weights(trainer.network.get_weights())
    if not optimizer.use_ema:
        return
    # Keras offers no public name for these; its own SwapEMAWeights callback uses this one.
    averages = dict(
        zip(
            (variable.path for variable in trainer.trainable_variables),
            optimizer._model_variables_moving_average,
            strict=True,
        )
    )
    for own, trained in zip(
        network.trainable_variables, trainer.network.trainable_variables, strict=True
    ):
        own.assign(keras.ops.convert_to_numpy(averages[trained.path]))


def _grid_step(training: TrainingConfig) -> int | None:
    """Step from which kernels are rounded, or None for never."""
    return int(training.grid_start * training.steps) if training.grid_start < 1 else None


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


def _is_taken(folder: Path) -> bool:
    """Whether a folder is no place for a new run."""
    return folder.exists() and (not folder.is_dir() or any(folder.iterdir()))


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


def _source(
    aspect: Region,
    config: Config,
    focus: FocusCircle | None,
    pool: JointPool | None = None,
) -> tuple[SampleSource, FocusCircle | None]:
    """The pool, the focus path and the statistics of the features."""
    data = config.data
    if pool is None:
        pool = build_pool(aspect, data.pool, stream(config.training.rng_seed, POOL_STREAM))
    seeds = pool.q[:: max(1, len(pool.q) // FOCUS_SEEDS)]
    # A path of positions, each with one solution in the region.
    divided = not (aspect.task.turns or aspect.redundant or aspect.every)
    if data.focus_center and not divided:
        raise ConfigError(
            "A focus circle is for positions, in one branch, of an arm without joints to spare. "
            "Expected no 'data.focus_center' here."
        )
    if focus is None and divided:
        focus = _given_focus(data) or default_focus(aspect, seeds)
    source = SampleSource(
        aspect=aspect,
        pool=pool,
        focus_q=np.zeros((0, len(aspect.chain)))
        if focus is None
        else focus_joints(aspect, focus, FOCUS_POINTS, seeds),
        focus_spread=data.focus_spread,
        normalization=Normalization.fit(host_features(aspect.chain, pool.q, aspect.task)),
        curriculum=Curriculum(data.range_start, data.focus_start, data.focus_end, data.curriculum),
    )
    return source, focus


def _given_focus(data: DataConfig) -> FocusCircle | None:
    """The focus circle of the configuration, if it has one."""
    if not data.focus_center:
        return None
    x, y, z = data.focus_center
    u, v, w = data.focus_normal
    return FocusCircle((x, y, z), data.focus_radius, (u, v, w))


def _execution_steps(config: Config, distributed: bool) -> int:
    """Steps in one call into the graph: the largest divisor of an epoch that is allowed."""
    training = config.training
    if distributed:
        return 1
    allowed = min(training.steps_per_execution, training.steps_per_epoch)
    return next(n for n in range(allowed, 0, -1) if training.steps_per_epoch % n == 0)
