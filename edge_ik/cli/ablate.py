"""The command that tells what each part of the training is worth."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import click

from edge_ik.cli.common import console, json_option, print_json, training_stack


@click.command()
@click.option("--arm", default="arm3", show_default=True, help="Built-in robot or URDF file.")
@click.option("--preset", default="nano", show_default=True, help="Size of the network.")
@click.option("--epochs", type=int, help="Length of each training.")
@click.option("--seeds", default=3, show_default=True, type=click.IntRange(1, 100))
@click.option("--targets", default=100_000, show_default=True, type=click.IntRange(1))
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
        from edge_ik.report import millimetres, rows_table

    overrides: dict[str, Any] = {"arm.source": arm}
    if epochs is not None:
        overrides["training.epochs"] = epochs
    screen = console(stderr=as_json)
    trials = list(
        ablation.ablate(make_config(preset, None, overrides), seeds, out, targets, screen.print)
    )
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
            *(millimetres(figures[name]) for name in ("rmse_m", "p95_m", "max_m")),
            f"{figures['joint_error_mean_deg']:.3g}",
            f"{figures['judged_by'].removesuffix('_m')} worse on {figures['worse_without']}/{seeds}"
            if "judged_by" in figures
            else "",
        )
        for variant, figures in summary.items()
    ]
    columns = ["network alone", "RMSE mm", "p95 mm", "max mm", "joint deg", "without it"]
    screen.print(rows_table(f"{arm} {preset}, means over {seeds} seeds", columns, rows))
