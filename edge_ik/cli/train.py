"""The command that trains a network."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from edge_ik.cli.common import (
    Number,
    NumbersCommand,
    bold,
    console,
    json_option,
    plane_option,
    print_json,
    say,
    servos_option,
    tool_axis_option,
    tool_offset_option,
    training_stack,
)
from edge_ik.cli.progress import TimeTold, arm_notes, passing_seconds, progress_report
from edge_ik.cli.signals import status
from edge_ik.sizing import ONE_BRANCH_MINING
from firmware_host.errors import WriteError
from firmware_host.tasks import TASKS

if TYPE_CHECKING:
    from rich.console import Console

    from edge_ik.checkpoint import History
    from edge_ik.config import Config
    from edge_ik.run import Run


@click.command(cls=NumbersCommand)
@click.option(
    "--arm",
    help="Built-in robot, file (URDF, xacro, MJCF, robot TOML) or robot_descriptions:NAME.  "
    "[default: arm3]",
)
@click.option("--base", help="Link where the chain starts.  [default: the root]")
@click.option("--tip", help="Link where it ends.  [default: the end of the longest chain]")
@click.option(
    "--task",
    type=click.Choice(list(TASKS)),
    help="What a target is: "
    + "; ".join(f"{name}, {kind.words}" for name, kind in TASKS.items())
    + ".  [default: that of the built-in robot, or position]",
)
@tool_axis_option
@plane_option
@tool_offset_option
@servos_option
@click.option(
    "--branches",
    type=click.Choice(["home", "all"]),
    help="Answer in the branch of the home posture alone, or in all.  [default: all, where a "
    "target has several answers]",
)
@click.option(
    "--preset",
    help="Size: nano, micro, edge or capstone.  [default: auto, by the task and the joints]",
)
@click.option(
    "--config", "config_file", type=click.Path(path_type=Path), help="TOML file of values."
)
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="KEY=VALUE",
    help="One value, such as network.width=24.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Run folder to write.  [default: runs/ARM-TASK]",
)
@click.option(
    "--resume", type=click.Path(path_type=Path), metavar="RUN", help="Continue a run instead."
)
@click.option("--rng-seed", type=int, help="Seed of data, weights and dropout.")
@click.option("--epochs", type=int, help="Length of the training.")
@click.option("--batch-size", type=int, help="Samples a step.")
@click.option("--learning-rate", type=float, help="Peak learning rate.")
@click.option("--width", type=int, help="Units of every block.")
@click.option("--blocks", type=int, help="Number of blocks.")
@click.option("--heads", type=int, help="Answers that one run of the network gives.")
@click.option("--dropout", type=float, help="Share of units dropped in training.")
@click.option("--hard-mining/--no-hard-mining", default=None, help="Feed hard examples back.")
@click.option(
    "--loss-weights",
    type=click.Choice(["balanced", "fixed"]),
    help="Learned or fixed weights of the losses.",
)
@click.option("--gate/--no-gate", default=None, help="Gated blocks, or plain SiLU.")
@click.option("--residual/--no-residual", default=None, help="Whether blocks add their input.")
@click.option(
    "--no-curriculum",
    is_flag=True,
    default=None,
    help="Sample alike from the first step to the last.",
)
@click.option(
    "--goal",
    type=Number(0, 1, min_open=True),
    help="Go on until this share of everything the arm reaches is solved in int8, such as 0.999; "
    "ends with status 3 if it is missed.",
)
@click.option(
    "--minutes",
    type=Number(0, min_open=True),
    help="Time for --goal, preparation included.  [default: 10]",
)
@json_option
def train(
    arm: str | None,
    preset: str | None,
    config_file: Path | None,
    assignments: tuple[str, ...],
    out: Path | None,
    resume: Path | None,
    goal: float | None,
    minutes: float | None,
    as_json: bool,
    **flags: Any,
) -> None:
    """Train a network for a robot.

    Without a size, it is chosen by the task and the joints. With --goal, larger networks and
    more steps are tried until the goal is met or the time is used up, and the best is kept.
    """
    began = time.perf_counter()
    given = [name for name, value in flags.items() if value is not None]
    if resume is not None and (arm or preset or config_file or assignments or out or goal or given):
        raise click.UsageError(
            "--resume takes no other option: the run's own configuration holds. Only a training "
            "with --goal takes more --minutes."
        )
    from edge_ik.run_folder import GOAL_FILE, check_run_folder

    begun_to_goal = resume is not None and (resume / GOAL_FILE).is_file()
    if resume is not None and not begun_to_goal:
        check_run_folder(resume)
    with training_stack("Training"):
        from edge_ik.config import make_config
        from edge_ik.presets import DEFAULT_PRESET

    if resume is not None:
        config, folder = None, resume
    else:
        overrides = _overrides(arm, assignments, flags)
        config = make_config(preset or DEFAULT_PRESET, config_file, overrides)
        folder = out or Path("runs") / f"{Path(config.arm.source).stem}-{config.task.name}"
    to_goal = goal is not None or begun_to_goal
    if minutes is not None and not to_goal:
        raise click.UsageError("--minutes can be given with --goal alone.")
    if to_goal:
        from edge_ik.cli.goal import train_to_goal

        train_to_goal(config, folder, goal, minutes, began, as_json)
    else:
        _train(config, folder, began, as_json)


def _train(config: Config | None, folder: Path, began: float, as_json: bool) -> None:
    """Train a new run, or without a configuration one that is there, to its last step."""
    from edge_ik import preparation, training
    from edge_ik.checkpoint import is_finished, read_history
    from edge_ik.lock import check_unlocked
    from edge_ik.run_folder import RUN_FILE
    from edge_ik.worker import read_worker

    worker = read_worker()
    if worker.count > 1:
        click.echo(
            f"Worker {worker.index} of {worker.count}: training begins when all have joined; "
            "worker 0 reports.",
            err=True,
        )
    screen = console(stderr=as_json, quiet=not worker.is_chief)
    done = False
    with going_on_told(folder):
        with arm_notes(screen), passing_seconds(screen, "Preparing", began):
            if config is None:
                screen.print(bold(folder, "Resuming "))
                if worker.is_chief and (folder / RUN_FILE).is_file():
                    check_unlocked(folder)
                run, source = preparation.resume(folder)
                done = is_finished(run)
            else:
                run, source = preparation.start(config, folder)
        describe(screen, run)
        with progress_report(screen) as report:
            training.train(run, source, TimeTold(screen, report, began))
    if not worker.is_chief:
        return
    history = read_history(run)
    if as_json:
        print_json({"run": str(run.folder), "config": run.config.to_dict(), "history": history})
        return
    share = max(row["solved"] for row in history)
    screen.print(
        f"Solved while training: {100 * share:.3f}% of everything the arm reaches, after "
        f"{run.problem.default_steps} DLS steps."
    )
    told = f"{_duration_words(history, done, began)} Best network in "
    measured = f"; measure it with: edge-ik evaluate {quote(str(run.folder))}"
    screen.print(bold(run.folder, told, measured))


def _duration_words(history: History, done: bool, began: float) -> str:
    """How long the training took, and of it this command."""
    trained = f"{history[-1]['seconds']:.1f} s"
    if done:
        return f"It was finished already, after {trained} of training."
    return (
        f"Trained in {trained}; this command took {time.perf_counter() - began:.1f} s, "
        "preparation included."
    )


@contextmanager
def going_on_told(folder: Path) -> Iterator[None]:
    """Say how a training goes on that Ctrl-C or a signal ends, or that can write no more."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        words = going_on(folder) or "Nothing has been trained yet: the same command begins anew."
        with suppress(OSError):  # The terminal may be what was closed.
            say(f"Interrupted. {words}", error=True)
        sys.exit(status(interrupt))
    except WriteError as error:
        words = going_on(folder)
        if not words:
            raise
        raise WriteError(error.said, words) from error


def going_on(folder: Path) -> str:
    """How a training goes on, in a sentence; empty if it has not come to its first step."""
    from edge_ik.run_folder import GOAL_FILE, RUN_FILE

    if not any((folder / name).is_file() for name in (RUN_FILE, GOAL_FILE)):
        return ""
    return (
        "All that was trained up to the last epoch is saved; go on with: "
        f"edge-ik train --resume {quote(str(folder))}"
    )


def _overrides(
    arm: str | None, assignments: tuple[str, ...], flags: Mapping[str, Any]
) -> dict[str, Any]:
    """Configuration values by dotted key, from the command line; --set comes last."""
    keys = {
        "task": "task.name",
        "tool_axis": "task.tool_axis",
        "plane": "task.plane",
        "tool_offset": "arm.tool_offset",
        "branches": "task.branches",
        "base": "arm.base",
        "tip": "arm.tip",
        "rng_seed": "training.rng_seed",
        "epochs": "training.epochs",
        "batch_size": "training.batch_size",
        "learning_rate": "training.learning_rate",
        "width": "network.width",
        "blocks": "network.blocks",
        "heads": "network.heads",
        "dropout": "network.dropout",
        "gate": "network.gate",
        "residual": "network.residual",
    }
    values = {
        keys[name]: value for name, value in flags.items() if name in keys and value is not None
    }
    if flags["servos"] is not None:
        values["arm.servos"] = str(flags["servos"])
    if arm is not None:
        values["arm.source"] = arm
    if flags["loss_weights"] is not None:
        values["loss.balance"] = flags["loss_weights"] == "balanced"
    if flags["hard_mining"] is not None:
        values["mining.share"] = ONE_BRANCH_MINING if flags["hard_mining"] else 0.0
    if flags["no_curriculum"]:
        values["data.curriculum"] = 0.0
    resolved: dict[str, Any] = dict(values)
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not equals or "." not in key:
            raise click.BadParameter(
                f"expected TABLE.KEY=VALUE, received {assignment!r}", param_hint="--set"
            )
        resolved[key.strip()] = value.strip()
    return resolved


def describe(screen: Console, run: Run) -> None:
    """Tell what is about to be trained."""
    chain, config = run.chain, run.config
    screen.print(
        f"{chain.name}, {chain.base} to {chain.tip}: joints {', '.join(chain.joint_names)}; reach "
        f"{chain.reach:.3f} m. Task {config.task.name}: {run.task.describe()}."
    )
    network = config.network
    if run.aspect is not None:
        screen.print(
            f"One branch, that of the home posture: one of {run.aspect.count} aspect"
            f"{'s'[: run.aspect.count - 1]}, {100 * run.aspect.joint_space:.1f}% of joint space, "
            f"reaching {100 * run.aspect.workspace:.1f}% of the workspace."
        )
    else:
        heads = f"{network.heads} head{'s'[: network.heads - 1]}"
        screen.print(f"All branches, learned by {heads} from all of joint space.")
    screen.print(
        f"Network: {network.width} wide, {network.blocks} block{'s' * (network.blocks != 1)}; "
        f"{config.training.steps:,} steps of {config.training.batch_size:,} samples."
    )
    if run.focus is not None:
        center = ", ".join(f"{value:.3f}" for value in run.focus.center)
        screen.print(f"Focus circle: centre ({center}) m, radius {run.focus.radius:.3f} m.")
