"""What happens before the first step: home posture, samples, focus path, and the record."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edge_ik.arms import builtin_arms, load_arm
from edge_ik.config import Config, DataConfig
from edge_ik.data.aspects import find_region, nonsingular_posture
from edge_ik.data.focus import FocusCircle, default_focus, focus_joints, has_focus
from edge_ik.data.pool import JointPool, build_pool
from edge_ik.data.reach import measure_reach
from edge_ik.data.region import Region
from edge_ik.data.sampling import measure_coverage
from edge_ik.data.source import Curriculum, SampleSource
from edge_ik.data.spread import label_spread
from edge_ik.data.streams import POOL_STREAM, aspect_stream, stream
from edge_ik.data.targets import run_region
from edge_ik.run import CHECKPOINT_FILE, POOL_FILE, Run
from edge_ik.worker import read_worker
from firmware_host.errors import ConfigError, RunError
from firmware_host.kinematics import tool_position
from firmware_host.normalization import Normalization
from firmware_host.problem import IkProblem
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
    ends = config.arm.base or None, config.arm.tip or None
    problem = IkProblem(load_arm(config.arm.source, *ends), config.task.make())
    home = config.arm.home or home_posture(problem, config.arm.source, ends)
    if len(home) != problem.joints:
        raise ConfigError(
            f"Expected {problem.joints} angles for 'arm.home', one a joint. Received: {len(home)}"
        )
    aspect = find_region(
        problem,
        home,
        config.arm.singularity_margin,
        aspect_stream(),
        every=config.task.every_aspect,
    )
    source, focus = _source(aspect, config, None)
    q = source.pool.q
    coverage = measure_coverage(aspect, aspect_stream())
    reach = None if aspect.redundant else measure_reach(aspect, aspect_stream())
    run = Run(
        folder=folder,
        config=config,
        problem=problem,
        home=home,
        normalization=source.normalization,
        focus=focus,
        aspect_count=aspect.count,
        joint_space_share=coverage.joint_space,
        workspace_share=coverage.workspace,
        workspace=Workspace.fit(problem.chain, tool_position(problem.chain, np.sin(q), np.cos(q))),
        branches=source.pool.names,
        reach=reach,
        label_spread=label_spread(aspect, q, source.pool.branch),
    )
    if worker.is_chief:
        run.save()
        if aspect.redundant:
            source.pool.save(run.folder / POOL_FILE)
    return run, source


def home_posture(
    problem: IkProblem, source: str, ends: tuple[str | None, str | None]
) -> tuple[float, ...]:
    """The posture (n,) that chooses the branch if none is given [rad].

    Args:
        problem: The robot and the task.
        source: The name or path that the robot was loaded by.
        ends: Base and tip link that were asked for.
    """
    if source in builtin_arms() and not any(ends):
        return builtin_arms()[source].home
    return tuple(nonsingular_posture(problem, aspect_stream()).tolist())


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
    data, problem = config.data, aspect.problem
    if pool is None:
        pool = build_pool(aspect, data.pool, stream(config.training.rng_seed, POOL_STREAM))
    seeds = pool.q[:: max(1, len(pool.q) // FOCUS_SEEDS)]
    wanted = has_focus(problem, aspect.every)
    if data.focus_center and not wanted:
        raise ConfigError(
            "A focus circle is for positions, in one branch, of an arm without joints to spare. "
            "Expected no 'data.focus_center' here."
        )
    if focus is None and wanted:
        focus = _given_focus(data) or default_focus(aspect, seeds)
    source = SampleSource(
        aspect=aspect,
        pool=pool,
        focus_q=np.zeros((0, problem.joints))
        if focus is None
        else focus_joints(aspect, focus, FOCUS_POINTS, seeds),
        focus_spread=data.focus_spread,
        normalization=Normalization.fit(problem.features(problem.reached_by(pool.q))),
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
