"""The published study's result table beside a run's, in Markdown.

    edge-ik evaluate RUN --targets 100000
    edge-ik ablate --arm arm3 --branches home --preset micro --json > ablation.json
    python -m edge_ik_tools.study RUN --ablation ablation.json

Of the study's ablation its rows are known, their figures are not: those are a run's own.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from shlex import quote
from typing import Any

import click

from edge_ik.figures import STUDY, STUDY_ROBOT
from edge_ik.run import HISTORY_FILE, METRICS_FILE, Run
from edge_ik.tables import FIGURES, figure_cell
from firmware_host.errors import EdgeIkError, RunError

# Figures of an ablation's rows by their names in `edge_ik.ablation.COMPARED`.
ABLATION = (
    ("solved", "solved after DLS, %", "%"),
    ("rmse_m", "network RMSE, mm", "mm"),
    ("p95_m", "p95, mm", "mm"),
    ("max_m", "max, mm", "mm"),
    ("joint_error_mean_deg", "joint mean, deg", "deg"),
    ("focus_rmse_m", "focus RMSE, mm", "mm"),
)


def training_line(run: Run) -> str:
    """How far the training has come, and which of its networks was measured.

    Raises:
        RunError: If it has no history yet, or that is damaged.
    """
    path = run.folder / HISTORY_FILE
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
        best = min(rows, key=lambda row: float(row["rmse_m"]))
        hours = float(rows[-1]["seconds"]) / 3600
        last, kept = int(float(rows[-1]["step"])), int(float(best["step"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(
            f"Expected the history of a training in {path}. Continue it with: edge-ik train "
            f"--resume {quote(str(run.folder))} ({type(error).__name__}: {error})"
        ) from error
    return (
        f"{last:,} of {run.config.training.steps:,} steps in {hours:.2g} h; measured is the "
        f"network of step {kept:,}, the best in validation."
    )


def study_table(metrics: Mapping[str, Any]) -> Iterator[str]:
    """The study's figures beside those of the network alone and refined, in its own branch.

    Args:
        metrics: What `edge_ik.evaluation.evaluate_run` returned of a run on the study's arm.

    Raises:
        RunError: If they are of another arm, or of all branches.
    """
    one = metrics.get("one_branch")
    if metrics["robot"] != STUDY_ROBOT or one is None:
        raise RunError(
            f"Expected a run of {STUDY_ROBOT} in one branch, as the study's is. Received: one of "
            f"{metrics['robot']}{'' if one else ' in all branches'}."
        )
    columns: dict[str, Mapping[str, Any]] = {"published study": STUDY, "network": one["network"]}
    columns |= {f"+ {steps} DLS": figures for steps, figures in one["refined"].items()}
    yield from _head([f"`{STUDY_ROBOT}`, {one['targets']:,} targets", *columns])
    for name, label, unit in FIGURES:
        cells = [figure_cell(figures.get(name), unit) for figures in columns.values()]
        if cells[1] != "-":
            yield _row([label, *(cell.replace("-", "") for cell in cells)])


def ablation_table(found: Mapping[str, Any]) -> Iterator[str]:
    """What `edge-ik ablate --json` printed, a row for each part that was taken away."""
    seeds = len({trial["rng_seed"] for trial in found["trials"]})
    yield from _head(["", *(label for _, label, _ in ABLATION), "without it"])
    for variant, figures in found["variants"].items():
        cells = [figure_cell(figures.get(name), unit) for name, _, unit in ABLATION]
        told = ""
        if "judged_by" in figures:
            judged_by = figures["judged_by"].removesuffix("_m")
            told = f"{judged_by} worse on {figures['worse_without']} of {seeds} seeds"
        yield _row([variant, *cells, told])


def _head(cells: list[str]) -> Iterator[str]:
    yield _row(cells)
    yield "|" + "---|" * len(cells)


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |".replace("|  |", "| |")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--ablation",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="What `edge-ik ablate --json` printed.",
)
def main(folder: Path, ablation: Path | None) -> None:
    """Print the study's result table beside that of the measured run in FOLDER."""
    try:
        run = Run.load(folder)
        path = folder / METRICS_FILE
        if not path.is_file():
            raise RunError(
                f"'{folder}' is not measured yet. Measure it with: edge-ik evaluate "
                f"{quote(str(folder))}"
            )
        metrics = json.loads(path.read_text(encoding="utf-8"))
        lines = [training_line(run), "", *study_table(metrics)]
        if ablation is not None:
            lines += ["", *ablation_table(json.loads(ablation.read_text(encoding="utf-8")))]
    except EdgeIkError as error:
        raise click.ClickException(str(error)) from error
    except (ValueError, KeyError, TypeError) as error:
        raise click.ClickException(
            "Expected the figures that edge-ik evaluate and edge-ik ablate wrote. Received "
            f"others: {type(error).__name__}: {error}"
        ) from error
    click.echo("\n".join(lines))


if __name__ == "__main__":
    main()
