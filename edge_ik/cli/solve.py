"""The command that solves one target with a trained network."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from edge_ik.cli.common import (
    console,
    is_model_file,
    json_option,
    print_json,
    runtime_option,
    training_stack,
)

if TYPE_CHECKING:
    from firmware_host.solver import IkSolution, IkSolver
    from firmware_host.tasks import Task


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--target",
    type=float,
    nargs=3,
    metavar="X Y Z",
    help="Position in the base frame [m].",
)
@click.option(
    "--quaternion", type=float, nargs=4, metavar="W X Y Z", help="For a pose: the orientation."
)
@click.option(
    "--direction",
    type=float,
    nargs=3,
    metavar="X Y Z",
    help="For an axis: where it points, of any length.",
)
@click.option(
    "--matrix",
    type=float,
    nargs=16,
    metavar="M11 M12 ... M44",
    help="Instead of these: the tool's pose as a 4 x 4 matrix, row by row.",
)
@click.option(
    "--branch", help='Number or name of a branch, "home", "any" or "nearest".  [default: any]'
)
@click.option(
    "--near",
    metavar="Q1,Q2,...",
    help='Present joints [rad], for branch "nearest" and for whole turns.',
)
@click.option(
    "--restarts",
    default=0,
    show_default=True,
    type=click.IntRange(0, 1000),
    help='Seeds drawn at random, at most, where branch "any" finds none.',
)
@click.option(
    "--steps",
    type=click.IntRange(0, 100),
    help="Refinement steps.  [default: 3 for a position, else 4]",
)
@runtime_option
@json_option
def solve(
    model: Path,
    target: tuple[float, ...] | None,
    quaternion: tuple[float, ...] | None,
    direction: tuple[float, ...] | None,
    matrix: tuple[float, ...] | None,
    branch: str | None,
    near: str | None,
    restarts: int,
    steps: int | None,
    runtime: str | None,
    as_json: bool,
) -> None:
    """Solve one target with a run folder or an exported model."""
    from firmware_host.solver import IkSolver

    if is_model_file(model, runtime):
        solver = IkSolver.load(model, runtime, steps, restarts)
    else:
        solver = _run_solver(model, steps, restarts)
    given = solve_target(solver.task, target, quaternion, direction, matrix)
    q_near = None if near is None else _angles(near)
    # The first call prepares the graph; the second is the time told.
    solver.solve(given, q_near, branch)
    solution = solver.solve(given, q_near, branch)
    if as_json:
        print_json(
            {
                "target": np.asarray(given).tolist(),
                "joints": list(solver.chain.joint_names),
                **solution.to_dict(),
                "branch_name": _branch_name(solver, solution),
                "runtime": solver.runtime,
            }
        )
        return
    place = tuple(np.asarray(given)[:3, 3].tolist()) if matrix else tuple(given[:3])
    _print(solver, place, solution)


def _branch_name(solver: IkSolver, solution: IkSolution) -> str | None:
    """The name of the branch that an answer is in, if it has one."""
    return solver.branches[solution.branch] if solution.branch >= 0 else None


def _print(solver: IkSolver, place: tuple[float, ...], solution: IkSolution) -> None:
    """The answer for people; the target is at `place` [m]."""
    from edge_ik.report import millimetres, rows_table
    from firmware_host.solver import Status
    from firmware_host.tables import joint_value

    chain = solver.chain
    moved = list(zip(chain.joint_names, chain.units, solution.q, strict=True))
    for segment, value in zip(chain.segments, solution.q_all, strict=True):
        if segment.name not in chain.joint_names:
            moved.append((segment.name, "m" if segment.slides else "rad", value))
    rows = [(name, f"{value:.6f} {unit}", joint_value(value, unit)) for name, unit, value in moved]
    screen = console()
    screen.print(rows_table(f"{solver.chain.name} at {place} m", ["joint", "", ""], rows))
    reached = solution.status is Status.SOLVED
    angle = solution.rotation_error_rad
    screen.print(
        ("Reached" if reached else "[bold]Not reached[/bold]: the nearest found is")
        + f" {'to within' if reached else 'off by'} {millimetres(solution.position_error_m)} mm"
        + ("" if angle is None else f" and {math.degrees(angle):.3g} deg")
        + f" (network alone: {millimetres(solution.seed_error_m)} mm), "
        f"{'within' if solution.within_limits else 'NOT within'} the joint limits, "
        f"{solution.steps} steps, {solution.microseconds:.0f} microseconds ({solver.runtime})."
    )
    if len(solver.branches) > 1:
        name = _branch_name(solver, solution)
        screen.print(
            f"Branch {solution.branch}"
            + (f" ({name})" if name else "")
            + f", {solution.tried} tried, {solution.restarts} of them at random.",
            markup=False,
        )
    if solution.in_workspace is False:
        screen.print("The target lies outside the workspace that the network was trained in.")


def solve_target(
    task: Task,
    target: tuple[float, ...] | None,
    quaternion: tuple[float, ...] | None,
    direction: tuple[float, ...] | None,
    matrix: tuple[float, ...] | None,
) -> Any:
    """The target in the form that the solver takes, from the options that were given.

    Raises:
        click.UsageError: If they are not those of the task.
    """
    given = {
        name
        for name, value in (
            ("--target", target),
            ("--quaternion", quaternion),
            ("--direction", direction),
            ("--matrix", matrix),
        )
        if value
    }
    # Beside its position a target has as many numbers as one of these options takes.
    more = {0: [], 3: ["--direction"], 4: ["--quaternion"]}[task.flat_size - 3]
    forms = [{"--target", *more}, *([{"--matrix"}] if task.has_orientation else [])]
    if given not in forms:
        needs = " and ".join(["--target", *more]) + ", or --matrix" * task.has_orientation
        raise click.UsageError(
            f"The model solves the task '{task.name}'. Expected {needs}. "
            f"Received: {', '.join(sorted(given)) or 'none of them'}"
        )
    if matrix:
        return np.reshape(matrix, (4, 4))
    return (*(target or ()), *(quaternion or ()), *(direction or ()))


def _run_solver(folder: Path, steps: int | None, restarts: int) -> IkSolver:
    """A solver that runs a run's network in Keras."""
    from firmware_host.solver import IkSolver

    with training_stack("Solving with a run"):
        from edge_ik.predictor import predictor
        from edge_ik.run import Run
    run = Run.load(folder)
    return IkSolver(
        run.spec, predictor(run.load_network()), steps, runtime="keras", restarts=restarts
    )


def _angles(text: str) -> list[float]:
    """Comma-separated numbers."""
    try:
        return [float(part) for part in text.split(",")]
    except ValueError as error:
        raise click.BadParameter(
            f"expected numbers with commas between them, received {text!r}", param_hint="--near"
        ) from error
