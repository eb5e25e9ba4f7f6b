"""What happens before the first step: home posture, samples, focus path, and the record."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from shlex import quote

import numpy as np

from edge_ik.arms import builtin_arms
from edge_ik.arms.load import ArmSelection, load_selection
from edge_ik.arms.servo_toml import read_servos_file
from edge_ik.config import Config, DataConfig
from edge_ik.data.alone import answers_alone
from edge_ik.data.aspects import check_home, check_problem, find_region, nonsingular_posture
from edge_ik.data.focus import FocusCircle, default_focus, focus_joints, has_focus
from edge_ik.data.pool import build_pool
from edge_ik.data.rank import chosen_task
from edge_ik.data.region import Region
from edge_ik.data.sampling import measure_coverage
from edge_ik.data.source import Curriculum, OneBranch, SampleSource
from edge_ik.data.streams import POOL_STREAM, aspect_stream, stream
from edge_ik.data.targets import draw_everywhere
from edge_ik.kept_branches import numbered_branches
from edge_ik.run import CHECKPOINT_FILE, ELSEWHERE, AspectRecord, Run
from edge_ik.run_folder import is_abandoned, is_resumable
from edge_ik.sizing import resolved
from edge_ik.worker import read_worker
from firmware_host.chain import Chain
from firmware_host.errors import ConfigError, RunError
from firmware_host.files import check_writable
from firmware_host.normalization import Normalization
from firmware_host.problem import IkProblem
from firmware_host.servos import Servos
from firmware_host.tasks import TASKS
from firmware_host.workspace import Workspace

logger = logging.getLogger(__name__)

FOCUS_POINTS = 2048
FOCUS_SEEDS = 20_000
# Configurations that the map of the workspace is made of.
MAPPED = 131_072


def start(config: Config, folder: Path, like: Run | None = None) -> tuple[Run, SampleSource]:
    """Load the robot, choose what was left to be chosen, and write the run's record.

    Args:
        config: What is asked for.
        folder: The run folder to write.
        like: A run of the same robot, whose description need not be there any more then.

    Raises:
        RobotError: If the robot cannot be used.
        ConfigError: If a value does not fit the robot.
        RunError: If the folder already holds something else.
        WriteError: If it cannot be written.
    """
    worker = read_worker()
    check_free(folder)
    if worker.is_chief:
        check_writable(folder, ELSEWHERE)
    ends = config.arm.base or None, config.arm.tip or None
    if like is None:
        selection = load_selection(config.arm.source, *ends, tool_offset=config.arm.tool_offset)
        chain, servos = selection.chain, _servos(config, selection)
    else:
        chain, servos = like.chain, like.servos
    config = _with_options(config, chain)
    problem = IkProblem(chain, config.task.make())
    home = config.arm.home or home_posture(problem, config.arm.source, ends)
    if len(home) != problem.joints:
        raise ConfigError(
            f"Expected {problem.joints} angles for 'arm.home', one a joint. Received: {len(home)}"
        )
    check_problem(problem)
    check_home(problem.chain, home)
    region = _region(config, problem, home)
    config = resolved(config, problem, one_branch=region is not None)
    source, focus = _source(config, problem, home, region, None)
    everywhere = draw_everywhere(
        problem, MAPPED, stream(config.training.rng_seed, POOL_STREAM)
    ).target
    run = Run(
        folder=folder,
        config=config,
        problem=problem,
        home=home,
        normalization=source.normalization,
        focus=focus,
        workspace=Workspace.fit(problem.chain, problem.task.positions(everywhere)),
        aspect=None if region is None else _aspect_record(region),
        branches=numbered_branches(config.network.heads),
        servos=servos,
    )
    if worker.is_chief:
        run.save()
    return run, source


def _servos(config: Config, selection: ArmSelection) -> Servos | None:
    """What moves the joints, by a file of its own or by the description; tells what is amiss."""
    if config.arm.servos:
        servos = Servos(selection.chain, read_servos_file(Path(config.arm.servos)))
    else:
        found = selection.chain_servos()
        if found is None:
            return None
        servos = found
    for sentence in servos.warnings():
        logger.info(sentence)
    return servos


def _with_options(config: Config, chain: Chain) -> Config:
    """The configuration with the tool axis and the plane that its task has and it names not."""
    task, kind = config.task, TASKS[config.task.name]
    axis_found, plane_found = kind.directs and not task.tool_axis, kind.in_plane and not task.plane
    if not (axis_found or plane_found) or len(chain) < kind.rows:
        return config
    options = chosen_task(chain, task.name, task.tool_axis, task.plane).options()
    if axis_found:
        logger.info(
            f"The tool's {options['tool_axis']} axis is directed; choose another with --tool-axis."
        )
    if plane_found:
        logger.info(f"The tool moves in the {options['plane']} plane, which targets are in.")
    return replace(config, task=replace(task, **options))


def _region(config: Config, problem: IkProblem, home: tuple[float, ...]) -> Region | None:
    """The aspect to train in, or None for all branches.

    Raises:
        RobotError: If one branch is asked for, and there is none.
    """
    wanted = config.task.branches
    if wanted == "auto" and (problem.spare_joints or config.network.heads > 1):
        return None
    if wanted == "all":
        return None
    region = find_region(problem, home, aspect_stream())
    alone = wanted == "home" or answers_alone(region, aspect_stream())
    return region if alone else None


def _aspect_record(region: Region) -> AspectRecord:
    coverage = measure_coverage(region, aspect_stream())
    return AspectRecord(region.count, coverage.joint_space, coverage.workspace)


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
    region = find_region(run.problem, run.home, aspect_stream()) if run.one_branch else None
    source, _ = _source(run.config, run.problem, run.home, region, run.focus)
    return run, source


def check_free(folder: Path) -> None:
    """Refuse a folder that is no place for a new run.

    Raises:
        RunError: If it already holds something else.
    """
    # The chief of this run may have made the folder already. It writes no checkpoint,
    # though, before all workers have joined: one that is there is from another run.
    taken = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
    taken = taken and not is_abandoned(folder)
    if taken if read_worker().is_chief else (folder / CHECKPOINT_FILE).exists():
        what = "is not an empty folder" if folder.is_dir() else "is a file"
        resumed = f", or continue that run with: edge-ik train --resume {quote(str(folder))}"
        raise RunError(
            f"'{folder}' already exists and {what}. Choose another folder with --out"
            + (resumed if is_resumable(folder) else ".")
        )


def _source(
    config: Config,
    problem: IkProblem,
    home: tuple[float, ...],
    region: Region | None,
    focus: FocusCircle | None,
) -> tuple[SampleSource, FocusCircle | None]:
    """What samples are drawn from, with the statistics of the features, and the focus path."""
    data = config.data
    rng = stream(config.training.rng_seed, POOL_STREAM)
    curriculum = Curriculum(data.range_start, data.focus_start, data.focus_end, data.curriculum)
    wanted = has_focus(problem, region is not None)
    if data.focus_center and not wanted:
        raise ConfigError(
            "A focus circle is for positions, in one branch, of an arm without joints to spare. "
            "Expected no 'data.focus_center' here."
        )
    if region is None:
        targets = draw_everywhere(problem, data.pool, rng).target
        normalization = Normalization.fit(problem.features(targets))
        return SampleSource(problem, home, normalization, curriculum), None
    pool = build_pool(region, data.pool, rng)
    normalization = Normalization.fit(problem.features(problem.reached_by(pool.q)))
    seeds = pool.q[:: max(1, len(pool.q) // FOCUS_SEEDS)]
    if focus is None and wanted:
        focus = _given_focus(data) or default_focus(region, seeds)
    path = (
        np.zeros((0, problem.joints))
        if focus is None
        else focus_joints(region, focus, FOCUS_POINTS, seeds)
    )
    one = OneBranch(region, pool, path, data.focus_spread)
    return SampleSource(problem, home, normalization, curriculum, one), focus


def _given_focus(data: DataConfig) -> FocusCircle | None:
    """The focus circle of the configuration, if it has one."""
    if not data.focus_center:
        return None
    x, y, z = data.focus_center
    u, v, w = data.focus_normal
    return FocusCircle((x, y, z), data.focus_radius, (u, v, w))
