"""The command that lists robots, and an arm's aspects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from edge_ik.cli.common import console, json_option, print_json, training_stack
from firmware_host.tasks import TASKS, TOOL_AXES, make_task

if TYPE_CHECKING:
    from edge_ik.data.reach import AspectReach

# The robots' joints and the rows of each task decide what can be trained.
TASK_ROWS = {name: task.rows for name, task in TASKS.items()}


@click.command()
@click.option(
    "--aspects",
    "name",
    metavar="NAME",
    help="Find the aspects of this robot, built-in or a URDF file, instead.",
)
@click.option(
    "--task",
    type=click.Choice(list(TASK_ROWS)),
    help="Task that the aspects are of.  [default: the one with most rows that the joints suffice "
    "for]",
)
@click.option("--tool-axis", type=click.Choice(TOOL_AXES), default="z", show_default=True)
@click.option(
    "--margin",
    type=click.FloatRange(0, 0.5, min_open=True, max_open=True),
    default=0.05,
    show_default=True,
    help="Least |det J| inside an aspect, as a share of the largest.",
)
@click.option("--base", help="Base link of a URDF.")
@click.option("--tip", help="Tip link of a URDF.")
@json_option
def arms(
    name: str | None,
    task: str | None,
    tool_axis: str,
    margin: float,
    base: str | None,
    tip: str | None,
    as_json: bool,
) -> None:
    """List the built-in robots, or the aspects of one."""
    if name is not None:
        _aspects(name, task, tool_axis, margin, (base, tip), as_json)
        return
    if task is not None or base is not None or tip is not None:
        raise click.UsageError("--task, --base and --tip go with --aspects.")
    with training_stack("Reading robot descriptions", tensorflow=False):
        from edge_ik.arms import builtin_arms, load_arm

        found = {name: (arm, load_arm(name)) for name, arm in builtin_arms().items()}
    if as_json:
        print_json(
            {
                name: {
                    "description": arm.description,
                    "home": list(arm.home),
                    "reach_m": chain.reach,
                    "tasks": _tasks(len(chain)),
                    "robot": chain.to_dict(),
                }
                for name, (arm, chain) in found.items()
            }
        )
        return
    from edge_ik.report import rows_table

    rows = [
        (
            name,
            str(len(chain)),
            f"{chain.reach:.3f}",
            ", ".join(chain.joint_names),
            arm.description.split(": ", 1)[-1],
        )
        for name, (arm, chain) in found.items()
    ]
    table = rows_table("Built-in robots", ["name", "joints", "reach m", "joint order", ""], rows)
    for column in table.columns[3:]:
        column.justify = "left"
        column.overflow = "fold"
    screen = console()
    screen.print(table)
    needs = ", ".join(f"{task} from {rows} joints on" for task, rows in TASK_ROWS.items())
    screen.print(f"Tasks: {needs}.")


def _tasks(joints: int) -> list[str]:
    """Tasks that so many joints suffice for."""
    return [task for task, rows in TASK_ROWS.items() if rows <= joints]


def _aspects(
    name: str,
    task: str | None,
    tool_axis: str,
    margin: float,
    ends: tuple[str | None, str | None],
    as_json: bool,
) -> None:
    """Find the aspects of a robot and print what each is worth."""
    with training_stack("Finding aspects", tensorflow=False):
        from edge_ik.arms import load_arm
        from edge_ik.data.aspects import find_region
        from edge_ik.data.reach import measure_reach
        from edge_ik.data.streams import aspect_stream
        from edge_ik.preparation import home_posture
        from firmware_host.errors import RobotError
        from firmware_host.problem import IkProblem

        chain = load_arm(name, *ends)
        # A robot for which none fits is refused below, by what position needs.
        wanted = task or (_tasks(len(chain)) or ["position"])[-1]
        problem = IkProblem(chain, make_task(wanted, tool_axis))
        home = home_posture(problem, name, ends)
        region = find_region(problem, home, margin, aspect_stream(), every=True)
        if region.redundant:
            raise RobotError(
                f"Robot '{chain.name}' has joints to spare for the task '{wanted}': "
                f"{len(chain)} for {problem.task.rows} rows, so nothing divides its joint space "
                "into aspects. Expected as many joints as rows.",
                chain.name,
            )
        found = measure_reach(region, aspect_stream())
    if as_json:
        print_json({"robot": chain.name, "task": wanted, "margin": margin, **found.to_dict()})
        return
    _print_aspects(found, f"Aspects of {chain.name}, {wanted}, margin {margin:g}")


def _print_aspects(found: AspectReach, title: str) -> None:
    from edge_ik.report import rows_table

    rows = [
        (str(number), name, f"{100 * joints:.1f}", f"{100 * targets:.1f}")
        for number, (name, joints, targets) in enumerate(
            zip(found.names, found.joint_space, found.targets, strict=True)
        )
    ]
    screen = console()
    table = rows_table(title, ["", "name", "joint space %", "targets %"], rows)
    table.columns[1].justify = "left"
    table.columns[1].overflow = "fold"
    screen.print(table)
    screen.print(
        f"A reachable target is reached in {found.mean_aspects:.2f} aspects on average; number 0 "
        "is that of the home posture."
    )
