"""The command that finds the smallest network that meets a goal."""

from __future__ import annotations

import re
import sys
import time
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from edge_ik.cli.common import (
    Number,
    NumbersCommand,
    console,
    json_option,
    plane_option,
    print_json,
    print_tables,
    tool_axis_option,
    tool_offset_option,
    training_stack,
)
from edge_ik.cli.progress import arm_notes, passing_seconds, progress_report
from edge_ik.cli.signals import status
from firmware_host.tasks import TASKS

if TYPE_CHECKING:
    from edge_ik.watcher import Report
    from edge_ik_tools.tune.settings import SearchSettings

DEFAULT_MINUTES = 15.0
NONE_FOUND = 3  # the status of a search that found no network that meets the goal
UNITS = {"": 1, "k": 1024, "m": 1024**2}


def _bytes(ctx: click.Context, param: click.Parameter, value: str | None) -> int | None:
    """The bytes of a size such as 16384, 16K or 16KB, where K is 1024."""
    if value is None:
        return None
    found = re.fullmatch(r"(\d+)\s*([km]?)(i?b)?", value.strip().lower())
    if found is None or int(found[1]) == 0:
        raise click.BadParameter(f"expected a size such as 16384 or 16KB, received {value!r}")
    return int(found[1]) * UNITS[found[2]]


@click.command(cls=NumbersCommand)
@click.option("--arm", help="Built-in robot or file, as for train.  [default: arm3]")
@click.option("--base", help="Link where the chain starts.  [default: the root]")
@click.option("--tip", help="Link where it ends.  [default: the end of the longest chain]")
@click.option("--task", type=click.Choice(list(TASKS)), help="As in train.")
@tool_axis_option
@plane_option
@tool_offset_option
@click.option(
    "--branches",
    type=click.Choice(["home", "all"]),
    help="Networks of the home posture's branch alone, or of all.  [default: both, where one "
    "branch can reach the goal]",
)
@click.option(
    "--goal",
    type=Number(0, 1, min_open=True),
    required=True,
    help="Share of everything the arm reaches to be solved in int8, such as 0.999.",
)
@click.option(
    "--flash", metavar="SIZE", callback=_bytes, help="Most code and constants, such as 16KB."
)
@click.option(
    "--instructions",
    type=click.IntRange(1),
    help="Most instructions of a usual solve; on an AVR, cycles.",
)
@click.option("--core", default="cortex-m4", show_default=True, help="Emulated core to count on.")
@click.option(
    "--minutes",
    type=Number(0, min_open=True),
    default=DEFAULT_MINUTES,
    show_default=True,
    help="Time for all of it; a search that was stopped goes on with what is left.",
)
@click.option("--epochs", type=int, help="Length of each training.  [default: as in train]")
@click.option("--rng-seed", type=int, help="Seed of everything.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder of the search; one that is there goes on.  [default: runs/search-ARM-TASK]",
)
@json_option
def search(
    goal: float,
    flash: int | None,
    instructions: int | None,
    core: str,
    minutes: float,
    out: Path | None,
    as_json: bool,
    **flags: Any,
) -> None:
    """Find the smallest network that meets a goal.

    Networks of many sizes are trained, each cheaper than the cheapest that meets the goal so
    far. Prints those that none beats in instructions, flash and share, counted exactly on an
    emulated core, and the command that trains the cheapest. Ends with status 3 if none meets
    the goal.
    """
    began = time.perf_counter()
    keys = {
        "arm": "arm.source",
        "base": "arm.base",
        "tip": "arm.tip",
        "task": "task.name",
        "tool_axis": "task.tool_axis",
        "plane": "task.plane",
        "tool_offset": "arm.tool_offset",
        "branches": "task.branches",
        "epochs": "training.epochs",
        "rng_seed": "training.rng_seed",
    }
    with training_stack("Searching"):
        from edge_ik.config import make_config
        from edge_ik_tools.emulate.cores import find_core
        from edge_ik_tools.emulate.toolchain import Toolchain
        from edge_ik_tools.tune.settings import SearchSettings

        _require_optuna()
    overrides = {keys[name]: value for name, value in flags.items() if value is not None}
    config = make_config(overrides=overrides)
    emulated = find_core(core)
    settings = SearchSettings(config, goal, emulated.name, instructions, flash)
    Toolchain.find(emulated.family)
    folder = out or Path("runs") / f"search-{Path(config.arm.source).stem}-{config.task.name}"
    _search(settings, folder, minutes, began, as_json)


def _require_optuna() -> None:
    """Tell which extra is missing if it is."""
    from firmware_host.errors import optional_import

    with optional_import("optuna", "search", "Searching"):
        import optuna  # noqa: F401 - looked for


def _search(
    settings: SearchSettings, folder: Path, minutes: float, began: float, as_json: bool
) -> None:
    """Search, and print what was found."""
    from edge_ik.tables import counted
    from edge_ik.terminal.bars import telling
    from edge_ik.watcher import silent
    from edge_ik_tools.tune.front import found_front, front_table, front_values, training_command
    from edge_ik_tools.tune.search import Search
    from edge_ik_tools.tune.settings import SearchState

    screen = console(stderr=as_json)

    def reporting() -> AbstractContextManager[Report]:
        # A line for each epoch of each training would be too many.
        return progress_report(screen) if screen.is_interactive else nullcontext(silent)

    searching = Search(
        SearchState.open(folder, settings),
        60 * minutes,
        tell=screen.print,
        preparing=lambda: passing_seconds(screen, "Preparing"),
        reporting=reporting,
        measuring=lambda: telling(screen),
        spent=time.perf_counter() - began,
    )
    try:
        with arm_notes(screen):
            front = found_front(searching, searching.search())
    except KeyboardInterrupt as interrupt:
        with suppress(OSError):  # The terminal may be what was closed.
            click.echo("Interrupted. The same command goes on from here.", err=True)
        sys.exit(status(interrupt))
    if as_json:
        print_json(front_values(searching, front))
    else:
        print_tables(screen, [front_table(searching, front)])
        screen.print(
            f"{counted(front.trained, 'network')} trained, {front.stopped} stopped early. "
            f"Network: width x blocks; then {searching.core.unit} of a solve, the median; "
            "longest: the most; flash: code and constants in bytes. More in "
            f"{folder / 'front.csv'} and front.json."
        )
        if front.chosen is not None:
            trial = front.chosen.trial
            run = searching.trial_folder(trial.number)
            screen.print(f"Smallest that meets the goal: trial {trial.number}, {trial.size}.")
            screen.print(f"It is trained already: edge-ik export {quote(str(run))} --firmware c99")
            screen.print(f"To train it anew: {training_command(searching, trial)}")
    if front.chosen is None:
        click.echo(
            "No network that was trained meets the goal. Give it more --minutes or --epochs, "
            "wider limits, or a lower --goal.",
            err=True,
        )
        sys.exit(NONE_FOUND)
