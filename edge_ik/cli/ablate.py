"""The command that tells what each part of the training is worth."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import click

from edge_ik.cli.common import console, json_option, print_json, training_stack
from firmware_host.tasks import TASKS

IN_MILLIMETRES = ("answer_rmse_m", "rmse_m", "p95_m", "max_m")


@click.command()
@click.option(
    "--arm", default="arm3", show_default=True, help="Built-in robot or file, as for train."
)
@click.option(
    "--task",
    type=click.Choice(list(TASKS)),
    default="position",
    show_default=True,
    help="What a target is, as for train.",
)
@click.option(
    "--branches",
    type=click.Choice(["home", "all"]),
    help="As for train.  [default: all, where a target has several answers]",
)
@click.option("--preset", default="nano", show_default=True, help="Size of the network.")
@click.option("--epochs", type=int, help="Length of each training.")
@click.option(
    "--seeds",
    default=3,
    show_default=True,
    type=click.IntRange(1, 100),
    help="Trainings of each network, from rng_seed 0 on.",
)
@click.option(
    "--targets",
    default=100_000,
    show_default=True,
    type=click.IntRange(1),
    help="Unseen targets that each network is measured on.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("runs/ablation"),
    show_default=True,
    help="Folder for the runs; what it already holds is not trained again.",
)
@json_option
def ablate(
    arm: str,
    task: str,
    branches: str | None,
    preset: str,
    epochs: int | None,
    seeds: int,
    targets: int,
    out: Path,
    as_json: bool,
) -> None:
    """Train without one part at a time, and tell what each is worth."""
    with training_stack("Training"):
        from edge_ik import ablation
        from edge_ik.config import make_config
        from edge_ik.tables import figure_cell, rows_table
        from edge_ik.terminal.bars import telling

    overrides: dict[str, Any] = {"arm.source": arm, "task.name": task}
    if branches is not None:
        overrides["task.branches"] = branches
    if epochs is not None:
        overrides["training.epochs"] = epochs
    screen = console(stderr=as_json)
    config = make_config(preset, None, overrides)
    with telling(screen) as tell:
        trials = list(ablation.ablate(config, seeds, out, targets, tell))
    summary = ablation.summarize(trials)
    if as_json:
        print_json(
            {
                "targets": targets,
                "variants": summary,
                "trials": [dataclasses.asdict(trial) for trial in trials],
            }
        )
        return
    rows = [
        (
            variant,
            figure_cell(figures["solved"], "%"),
            *(figure_cell(figures[name], "mm") for name in IN_MILLIMETRES),
            figure_cell(figures.get("joint_error_mean_deg"), "deg"),
            f"{figures['judged_by'].removesuffix('_m')} worse {figures['worse_without']}/{seeds}"
            if "judged_by" in figures
            else "",
        )
        for variant, figures in summary.items()
    ]
    # The errors after the first are of the network alone.
    columns = ["", "solved %", "RMSE mm", "network mm", "p95", "max", "joint deg", "without it"]
    title = f"{arm} {task} {preset}, means over {seeds} seed{'s'[: seeds - 1]}"
    screen.print(rows_table(title, columns, rows))
