"""The command that measures a network."""

from __future__ import annotations

from pathlib import Path

import click

from edge_ik.cli.common import (
    console,
    is_model_file,
    json_option,
    print_json,
    runtime_option,
    tolerance_options,
    training_stack,
)
from firmware_host.tolerances import Tolerance


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--targets",
    default=100_000,
    show_default=True,
    type=click.IntRange(1),
    help="Fresh targets to solve.",
)
@tolerance_options
@runtime_option
@json_option
def evaluate(
    model: Path,
    targets: int,
    tolerance: Tolerance | None,
    runtime: str | None,
    as_json: bool,
) -> None:
    """Measure a run folder or an exported model on targets that training never saw."""
    from edge_ik.terminal.bars import telling

    screen = console(stderr=as_json)
    if is_model_file(model, runtime):
        with training_stack("Drawing evaluation targets", tensorflow=False):
            from edge_ik.evaluation import evaluate_model
        with telling(screen) as tell:
            metrics = evaluate_model(model, targets, runtime, tolerance, tell)
    else:
        with training_stack("Evaluating a run"):
            from edge_ik.evaluation import evaluate_run
        with telling(screen) as tell:
            metrics = evaluate_run(model, targets, tolerance, tell)
    if as_json:
        print_json(metrics)
        return
    from edge_ik.tables import evaluation_tables, rest_line, solved_line

    title = (
        f"{metrics['robot']}, {metrics['parameters']:,} parameters, {metrics['format']}: "
        f"{targets:,} unseen targets of everything the arm reaches"
    )
    screen.print(solved_line(metrics))
    for table in evaluation_tables(metrics, title):
        screen.print(table)
    rest = rest_line(metrics)
    if rest is not None:
        screen.print(rest)
