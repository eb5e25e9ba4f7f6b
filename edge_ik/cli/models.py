"""The commands that measure a network and show what a model holds."""

from __future__ import annotations

from pathlib import Path

import click

from edge_ik.cli.common import (
    console,
    is_model_file,
    json_option,
    print_json,
    print_tables,
    runtime_option,
    training_stack,
)


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--targets",
    default=100_000,
    show_default=True,
    type=click.IntRange(1),
    help="Fresh targets to solve.",
)
@runtime_option
@json_option
def evaluate(model: Path, targets: int, runtime: str | None, as_json: bool) -> None:
    """Measure a run folder or an exported model on targets that training never saw."""
    if is_model_file(model, runtime):
        with training_stack("Drawing evaluation targets", tensorflow=False):
            from edge_ik.evaluation import evaluate_model
        metrics = evaluate_model(model, targets, runtime)
    else:
        with training_stack("Evaluating a run"):
            from edge_ik.evaluation import evaluate_run
        metrics = evaluate_run(model, targets)
    if as_json:
        print_json(metrics)
        return
    from edge_ik.report import any_branch_table, evaluation_table

    title = (
        f"{metrics['robot']}, {metrics['parameters']:,} parameters, {metrics['format']}, "
        f"{targets:,} unseen targets"
    )
    screen = console()
    screen.print(evaluation_table(metrics, title))
    anywhere = any_branch_table(metrics)
    if anywhere is not None:
        screen.print(anywhere)


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@json_option
def inspect(model: Path, as_json: bool) -> None:
    """Show what an exported model holds: robot, network, and where it comes from."""
    from firmware_host.inspect_model import inspect_model, inspection_tables

    found = inspect_model(model)
    if as_json:
        print_json(found)
        return
    print_tables(console(), inspection_tables(found))
