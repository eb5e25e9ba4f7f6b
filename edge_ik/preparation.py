"""What happens before the first step: home posture, samples, focus path, and the record."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edge_ik.arms import builtin_arms, load_arm
from edge_ik.config import Config, DataConfig
from edge_ik.data.aspects import find_region, nonsingular_posture
from edge_ik.data.focus import FocusCircle, default_focus, focus_joints
from edge_ik.data.pool import JointPool, build_pool
from edge_ik.data.reach import measure_reach
from edge_ik.data.region import Region
from edge_ik.data.sampling import measure_coverage
from edge_ik.data.source import Curriculum, SampleSource, host_features
from edge_ik.data.spread import label_spread
from edge_ik.data.streams import POOL_STREAM, aspect_stream, stream
from edge_ik.data.targets import run_region
from edge_ik.run import CHECKPOINT_FILE, POOL_FILE, Run
from edge_ik.worker import read_worker
from firmware_host.chain import Chain
from firmware_host.encoding import Normalization
from firmware_host.errors import ConfigError, RunError
from firmware_host.kinematics import tool_position
from firmware_host.tasks.task import Task, make_task
from firmware_host.workspace import Workspace

FOCUS_POINTS = 2048
FOCUS_SEEDS = 20_000


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


def _is_taken(folder: Path) -> bool:
    """Whether a folder is no place for a new run."""
    return folder.exists() and (not folder.is_dir() or any(folder.iterdir()))


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
