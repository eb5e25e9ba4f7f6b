"""The command that solves one target with a trained network."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from edge_ik.cli.common import (
    NumbersCommand,
    NumbersOption,
    check_joints,
    console,
    is_model_file,
    json_option,
    print_json,
    runtime_option,
    steps_option,
    tolerance_options,
    training_stack,
)
from firmware_host.solving.checks import MOST_RESTARTS, checked_near

if TYPE_CHECKING:
    from firmware_host.solver import IkSolution, IkSolver
    from firmware_host.tasks import Task
    from firmware_host.tolerances import Tolerance

Options = Mapping[str, tuple[float, ...] | None]


@click.command(cls=NumbersCommand)
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--target",
    cls=NumbersOption,
    metavar="X Y Z",
    help="Position in the base frame [m]; of a planar task the two coordinates of its plane.",
)
@click.option(
    "--angle", type=float, help="For pitch, yaw and planar_pose: the angle of the tool [rad]."
)
@click.option(
    "--quaternion", type=float, nargs=4, metavar="W X Y Z", help="For a pose: the orientation."
)
@click.option("--xyzw", is_flag=True, help="The quaternion is given as X Y Z W, as ROS does.")
@click.option(
    "--rpy",
    type=float,
    nargs=3,
    metavar="ROLL PITCH YAW",
    help="For a pose, instead of a quaternion [rad]: Rz(yaw) Ry(pitch) Rx(roll).",
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
    "--branch",
    help='Number or name of a branch, "home", "any" or "nearest".  [default: any; with --near '
    "nearest]",
)
@click.option(
    "--near",
    "q_near",
    cls=NumbersOption,
    metavar="Q1 Q2 ...",
    help='Present joints [rad, or m where a joint slides], for branch "nearest" and for whole '
    "turns.",
)
@click.option(
    "--restarts",
    default=0,
    show_default=True,
    type=click.IntRange(0, MOST_RESTARTS),
    help='Seeds drawn at random, at most, where branch "any" finds none.',
)
@steps_option
@tolerance_options
@runtime_option
@json_option
def solve(
    model: Path,
    target: tuple[float, ...] | None,
    angle: float | None,
    quaternion: tuple[float, ...] | None,
    xyzw: bool,
    rpy: tuple[float, ...] | None,
    direction: tuple[float, ...] | None,
    matrix: tuple[float, ...] | None,
    branch: str | None,
    q_near: tuple[float, ...] | None,
    restarts: int,
    steps: int | None,
    tolerance: Tolerance | None,
    runtime: str | None,
    as_json: bool,
) -> None:
    """Solve one target with a run folder or an exported model."""
    from firmware_host.solver import IkSolver

    if is_model_file(model, runtime):
        solver = IkSolver.load(model, runtime, steps, restarts, tolerance)
    else:
        solver = run_solver(model, steps, restarts, tolerance)
    given = solve_target(
        solver.task,
        finite(
            {
                "--target": target,
                "--angle": checked_angle(angle),
                **orientation(quaternion, xyzw, rpy),
                "--direction": direction,
                "--matrix": matrix,
            }
        ),
    )
    if q_near is not None:
        check_joints(q_near, solver.chain, "--near")
        checked_near(solver.chain, q_near, name="--near")
    # The first call prepares the graph; the second is the time told.
    solver.solve(given, q_near, branch)
    solution = solver.solve(given, q_near, branch)
    advice = solution.advice
    if quaternion and not xyzw:
        advice += quaternion_advice(solver, given, solution)
    if as_json:
        print_json(
            {
                "target": np.asarray(given).tolist(),
                "joints": list(solver.chain.joint_names),
                **solution.to_dict(),
                "advice": list(advice),
                "branch_name": _branch_name(solver, solution),
                "runtime": solver.runtime,
            }
        )
        return
    axes = list(solver.task.place)
    place = tuple(np.asarray(given)[axes, 3].tolist()) if matrix else tuple(given[: len(axes)])
    _print(solver, place, solution, advice)


def _branch_name(solver: IkSolver, solution: IkSolution) -> str | None:
    """The name of the branch that an answer is in, if it has one."""
    return solver.branches[solution.branch] if solution.branch >= 0 else None


def _print(
    solver: IkSolver,
    place: tuple[float, ...],
    solution: IkSolution,
    advice: tuple[str, ...],
) -> None:
    """The answer for people; the target is at `place` [m]."""
    from edge_ik.tables import millimetres, rows_table
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
    servos = solver.spec.servos
    if servos is not None and solution.servo is not None:
        commands = zip(servos.each, solution.servo.tolist(), strict=True)
        words = ", ".join(f"{servo.joint} {count} {servo.unit}" for servo, count in commands)
        screen.print(f"Servos: {words}.")
    reached = solution.status is Status.SOLVED
    angle = solution.rotation_error_rad
    screen.print(
        ("Reached" if reached else "Not reached: the nearest found is")
        + f" {'to within' if reached else 'off by'} {millimetres(solution.position_error_m)} mm"
        + ("" if angle is None else f" and {math.degrees(angle):.3g} deg")
        + f" (network alone: {millimetres(solution.seed_error_m)} mm), "
        f"{'within' if solution.within_limits else 'NOT within'} the joint limits, "
        f"{_steps(solution)}, {solution.microseconds:.0f} microseconds ({solver.runtime})."
    )
    if len(solver.branches) > 1:
        name = _branch_name(solver, solution)
        screen.print(
            f"Branch {solution.branch}"
            + (f" ({name})" if name else "")
            + f", {solution.tried} tried, {solution.restarts} of them at random.",
        )
    if solution.in_workspace is False:
        screen.print("The target lies outside the workspace that the network was trained in.")
    for sentence in advice:
        screen.print(sentence)


def _steps(solution: IkSolution) -> str:
    """The steps that were taken, those toward the nearest posture with them."""
    from firmware_host.solver import Status
    from firmware_host.solving.refine import NEAREST_STEPS

    more = solution.steps and solution.status is not Status.SOLVED
    return f"{solution.steps} steps" + f" and {NEAREST_STEPS} more" * bool(more)


def orientation(
    quaternion: tuple[float, ...] | None, xyzw: bool, rpy: tuple[float, ...] | None
) -> dict[str, tuple[float, ...]]:
    """The quaternion w, x, y, z of what was given, by the option that gave it.

    Raises:
        click.UsageError: If both were given, or angles in degrees.
    """
    if xyzw and not quaternion:
        raise click.UsageError("--xyzw says how --quaternion is given. Expected it, too.")
    if quaternion and rpy:
        raise click.UsageError("Expected --quaternion or --rpy. Received both.")
    if quaternion:
        return {"--quaternion": (quaternion[3], *quaternion[:3]) if xyzw else quaternion}
    if not rpy:
        return {}
    finite({"--rpy": rpy})
    if max(map(abs, rpy)) > 2 * math.pi:
        meant = " ".join(f"{math.radians(angle):.6g}" for angle in rpy)
        raise click.UsageError(f"--rpy seems to be degrees. Expected radians: --rpy {meant}")
    from edge_ik.arms.rotation import pose_from_rpy
    from firmware_host.tasks.rotations import quaternion as quaternion_of

    return {"--rpy": tuple(quaternion_of(pose_from_rpy((0.0, 0.0, 0.0), rpy)[:3, :3]).tolist())}


def finite(options: Options) -> Options:
    """The numbers of each option, as they are.

    Raises:
        click.UsageError: If one is a NaN or infinity.
    """
    for name, values in options.items():
        if not all(map(math.isfinite, values or ())):
            raise click.UsageError(
                f"Expected finite numbers for {name}. Received a NaN or infinity"
            )
    return options


def checked_angle(angle: float | None) -> tuple[float, ...] | None:
    """The angle of --angle, if it was given.

    Raises:
        click.UsageError: If it was given in degrees.
    """
    if angle is None:
        return None
    if math.isfinite(angle) and abs(angle) > 2 * math.pi:
        meant = f"{math.radians(angle):.6g}"
        raise click.UsageError(f"--angle seems to be degrees. Expected radians: --angle {meant}")
    return (angle,)


def quaternion_advice(solver: IkSolver, target: Any, solution: IkSolution) -> tuple[str, ...]:
    """A sentence where a quaternion was probably given as x, y, z, w.

    That is so of 0 0 0 1, and of a target that is reached only if it is read so.
    """
    from firmware_host.solver import Status

    *position, w, x, y, z = target
    advice = "If x, y, z, w was meant, say so with --xyzw."
    if abs(w) + abs(x) + abs(y) < 1e-6:
        return (f"The quaternion was read as w, x, y, z: a half turn about z. {advice}",)
    if solution.status is Status.SOLVED:
        return ()
    other = solver.solve((*position, z, w, x, y))
    if other.status is not Status.SOLVED:
        return ()
    return (f"Read as x, y, z, w the quaternion's target is reached. {advice}",)


# What options give a target's orientation, one of them at a time, by how many numbers it takes.
ORIENTATIONS = {0: (), 1: ("--angle",), 3: ("--direction",), 4: ("--quaternion", "--rpy")}


def solve_target(task: Task, options: Options) -> Any:
    """The target in the form that the solver takes.

    Args:
        task: What a target is.
        options: The numbers of each option, where it was given; of `--rpy` the quaternion.

    Raises:
        click.UsageError: If they are not those of the task.
    """
    given = {name for name, value in options.items() if value}
    more = ORIENTATIONS[task.orientation.flat_size]
    forms = [{"--target", name} for name in more] or [{"--target"}]
    forms += [{"--matrix"}] * task.has_orientation
    target = options.get("--target") or ()
    if "--target" in given and len(target) != len(task.place):
        raise click.UsageError(
            f"The model solves the task '{task.name}'. Expected --target with "
            f"{task.coordinates} in metres. Received: {len(target)} numbers"
        )
    if given not in forms:
        needs = "--target" + f" and {' or '.join(more)}, or --matrix" * task.has_orientation
        raise click.UsageError(
            f"The model solves the task '{task.name}'. Expected {needs}. "
            f"Received: {', '.join(sorted(given)) or 'none of them'}"
        )
    matrix = options.get("--matrix")
    if matrix:
        return np.reshape(matrix, (4, 4))
    return (*target, *(number for name in more for number in options.get(name) or ()))


def run_solver(
    folder: Path, steps: int | None, restarts: int, tolerance: Tolerance | None
) -> IkSolver:
    """A solver that runs a run's network in Keras."""
    from firmware_host.solver import IkSolver

    with training_stack("Solving with a run"):
        from edge_ik.predictor import predictor
        from edge_ik.run import Run
    run = Run.load(folder)
    spec, predict = run.spec.with_tolerance(tolerance), predictor(run.load_network())
    return IkSolver(spec, predict, steps, runtime="keras", restarts=restarts)
