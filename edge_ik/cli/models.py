"""The commands that measure, convert and use a trained network."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from edge_ik_tools.export import Export


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
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--quantize",
    "formats",
    multiple=True,
    default=("int8",),
    show_default=True,
    metavar="FORMAT",
    help="float32, dynamic, int8 or int16x8; can be given several times.",
)
@click.option("--qat", is_flag=True, help="Fine-tune with int8 simulated first.")
@click.option("--prune", "sparsity", type=float, help="Share of weights to prune to zero.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder to write.  [default: RUN/export]"
)
@click.option(
    "--targets",
    default=100_000,
    show_default=True,
    type=click.IntRange(1),
    help="Unseen targets that each format is measured on.",
)
@json_option
def export(
    run: Path,
    formats: tuple[str, ...],
    qat: bool,
    sparsity: float | None,
    out: Path | None,
    targets: int,
    as_json: bool,
) -> None:
    """Convert a trained run to model files, each verified before it is written."""
    with training_stack("Exporting"):
        from edge_ik_tools.export import export as export_run

    screen = console(stderr=as_json)
    result = export_run(
        run, formats, qat=qat, sparsity=sparsity, out=out, targets=targets, tell=screen.print
    )
    if as_json:
        print_json(result.to_dict())
        return
    _print_export(result, targets)


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


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--runtime",
    "runtimes",
    multiple=True,
    help="litert, tflite-runtime, tflite-micro or reference; can be given several times.  "
    "[default: all that are installed]",
)
@click.option(
    "--targets",
    default=2_000,
    show_default=True,
    type=click.IntRange(1),
    help="Targets to time one at a time.",
)
@click.option(
    "--steps",
    type=click.IntRange(0, 100),
    help="Refinement steps.  [default: 3 for a position, else 4]",
)
@click.option(
    "--peers",
    "with_peers",
    is_flag=True,
    help="Compare with the other solvers that are installed, on the same targets.",
)
@json_option
def bench(
    model: Path,
    runtimes: tuple[str, ...],
    targets: int,
    steps: int | None,
    with_peers: bool,
    as_json: bool,
) -> None:
    """Measure how fast an exported model solves on this machine."""
    from firmware_host.bench import bench as bench_model
    from firmware_host.bench import bench_tables

    screen = console(stderr=as_json)
    found = bench_model(model, runtimes, targets, steps, tell=screen.print).to_dict()
    if with_peers:
        from edge_ik_tools.compare import COMPARED_TARGETS, compare
        from firmware_host.solver import IkSolver

        solver = IkSolver.load(model, next(iter(found["runtimes"])), steps)
        count = min(targets, COMPARED_TARGETS)
        found["peers"] = compare(solver, count, tell=screen.print).to_dict()
    if as_json:
        print_json(found)
        return
    print_tables(screen, bench_tables(found))
    if with_peers:
        from edge_ik_tools.compare import comparison_notes, comparison_table

        print_tables(screen, [comparison_table(found["peers"])])
        for line in comparison_notes(found["peers"]):
            screen.print(line, markup=False)
    for name, reason in found["refused"].items():
        screen.print(f"{name} cannot run this model: {reason}", markup=False)


def _print_export(result: Export, targets: int) -> None:
    """The figures before and after refinement, the sizes, and how runtimes agree."""
    from edge_ik.report import figures_table, rows_table

    screen = console()
    evaluations = {"trained": result.trained}
    evaluations |= {file.format: file.verification.evaluation for file in result.files}
    columns = {name: dataclasses.asdict(found.network) for name, found in evaluations.items()}
    screen.print(figures_table(columns, f"Network alone, {targets:,} unseen targets"))
    for steps in result.trained.refined:
        columns = {
            name: dataclasses.asdict(found.refined[steps]) for name, found in evaluations.items()
        }
        screen.print(figures_table(columns, f"After {steps} DLS step{'s'[: steps - 1]}"))
    rows = [
        (
            file.format,
            f"{file.flatbuffer_bytes:,}",
            f"{file.file_bytes:,}",
            "-" if (arena := file.verification.arena_bytes) is None else f"{arena:,}",
            ", ".join(f"{count} {name}" for name, count in file.verification.operators.items()),
        )
        for file in result.files
    ]
    columns_of_files = ["format", "network B", "file B", "arena B", "operators"]
    screen.print(rows_table("Sizes", columns_of_files, rows))
    for file in result.files:
        for runtime, agreement in file.verification.runtimes.items():
            if runtime != "reference":
                screen.print(
                    f"{file.format}, {runtime}: {100 * agreement['differing_share']:.3g}% of "
                    f"outputs differ from the reference, by {agreement['max_units']:.3g} at most"
                )
        screen.print(f"Wrote [bold]{file.path}[/bold]")
