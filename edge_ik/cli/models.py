"""The commands that use a trained network: evaluate, solve, inspect."""

from __future__ import annotations

import math
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
    from edge_ik.report import evaluation_table

    title = (
        f"{metrics['robot']}, {metrics['parameters']:,} parameters, {metrics['format']}, "
        f"{targets:,} unseen targets"
    )
    console().print(evaluation_table(metrics, title))


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--target",
    type=float,
    nargs=3,
    required=True,
    metavar="X Y Z",
    help="Position in the base frame [m].",
)
@click.option(
    "--steps", default=3, show_default=True, type=click.IntRange(0, 100), help="Refinement steps."
)
@runtime_option
@json_option
def solve(
    model: Path,
    target: tuple[float, float, float],
    steps: int,
    runtime: str | None,
    as_json: bool,
) -> None:
    """Solve one target with a run folder or an exported model."""
    from firmware_host.solver import IkSolver, Status

    if is_model_file(model, runtime):
        solver = IkSolver.load(model, runtime, steps)
    else:
        with training_stack("Solving with a run"):
            from edge_ik.predictor import predictor
            from edge_ik.run import Run
        run = Run.load(model)
        solver = IkSolver(
            run.chain,
            run.normalization,
            predictor(run.load_network()),
            steps,
            workspace=run.region,
            home=run.home,
            runtime="keras",
        )
    solver.solve(target)  # The first call prepares the graph; the second is the time told.
    solution = solver.solve(target)
    names = solver.chain.joint_names
    if as_json:
        print_json(
            {
                "target": list(target),
                "q": solution.q.tolist(),
                "joints": list(names),
                "status": solution.status.value,
                "reachable": solution.status is Status.SOLVED,
                "position_error_m": solution.position_error_m,
                "seed_error_m": solution.seed_error_m,
                "within_limits": solution.within_limits,
                "in_workspace": solution.in_workspace,
                "steps": solution.steps,
                "microseconds": solution.microseconds,
                "runtime": solver.runtime,
            }
        )
        return
    from edge_ik.report import millimetres, rows_table

    rows = [
        (name, f"{angle:.6f}", f"{math.degrees(angle):.3f}")
        for name, angle in zip(names, solution.q, strict=True)
    ]
    screen = console()
    screen.print(rows_table(f"{solver.chain.name} at {target} m", ["joint", "rad", "deg"], rows))
    reached = solution.status is Status.SOLVED
    screen.print(
        ("Reached" if reached else "[bold]Not reached[/bold]: the nearest found is")
        + f" {'to within' if reached else 'off by'} {millimetres(solution.position_error_m)} mm "
        f"(network alone: {millimetres(solution.seed_error_m)} mm), "
        f"{'within' if solution.within_limits else 'NOT within'} the joint limits, "
        f"{solution.steps} steps, {solution.microseconds:.0f} microseconds ({solver.runtime})."
    )
    if solution.in_workspace is False:
        screen.print("The target lies outside the workspace that the network was trained in.")


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
