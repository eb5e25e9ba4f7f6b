"""The command that lists robots, and looks at one."""

from __future__ import annotations

from pathlib import Path

import click

from edge_ik.cli.common import (
    NumbersCommand,
    NumbersOption,
    console,
    json_option,
    print_json,
    tool_offset_option,
)
from edge_ik.cli.robot import Asked, show_robot
from firmware_host.tasks import TASKS


@click.command(cls=NumbersCommand)
@click.argument("robot", required=False)
@click.option("--base", help="Link where the chain starts.  [default: the recommended]")
@click.option("--tip", help="Link where it ends.  [default: the recommended]")
@click.option(
    "--q",
    "posture",
    cls=NumbersOption,
    metavar="Q1 Q2 ...",
    help="Joint positions [rad, or m where a joint slides]: tells where the tool is.",
)
@tool_offset_option
@click.option("--plot", is_flag=True, help="Draw the chain into ROBOT.png, or --out.")
@click.option("--urdf", is_flag=True, help="Write the chain as URDF, to standard output or --out.")
@click.option("--out", type=click.Path(path_type=Path), help="File for --plot or --urdf.")
@json_option
def arms(
    robot: str | None,
    base: str | None,
    tip: str | None,
    posture: tuple[float, ...] | None,
    tool_offset: tuple[float, ...] | None,
    plot: bool,
    urdf: bool,
    out: Path | None,
    as_json: bool,
) -> None:
    """List the built-in robots, or look at ROBOT.

    ROBOT is a URDF, xacro, MJCF or robot TOML file, robot_descriptions:NAME, or a built-in
    robot. Its chains are listed, with the tasks that each allows; then the recommended chain,
    where its tool is, and what looks wrong.
    """
    if robot is None:
        if base or tip or posture or tool_offset or plot or urdf or out:
            raise click.UsageError("These options are for one robot. Expected ROBOT.")
        _list_builtin(as_json)
        return
    if plot and urdf:
        raise click.UsageError("Expected --plot or --urdf. Received both.")
    if out is not None and not (plot or urdf):
        raise click.UsageError("--out is the file of --plot or --urdf. Expected one of them.")
    show_robot(Asked(robot, base, tip, posture, plot, urdf, out, as_json, tool_offset or ()))


def _list_builtin(as_json: bool) -> None:
    """The robots that come with the package."""
    from edge_ik.arms import builtin_arms, load_arm
    from edge_ik.data.rank import possible_tasks

    found = {name: (arm, load_arm(name)) for name, arm in builtin_arms().items()}
    if as_json:
        print_json(
            {
                name: {
                    "description": arm.description,
                    "home": list(arm.home),
                    "reach_m": chain.reach,
                    "tasks": list(possible_tasks(chain)),
                    "task": arm.task,
                    "robot": chain.to_dict(),
                }
                for name, (arm, chain) in found.items()
            }
        )
        return
    from edge_ik.tables import rows_table

    rows = [
        (
            name,
            str(len(chain)),
            f"{chain.reach:.3f}",
            arm.task,
            ", ".join(chain.joint_names),
            arm.description.split(": ", 1)[-1],
        )
        for name, (arm, chain) in found.items()
    ]
    table = rows_table(
        "Built-in robots", ["name", "joints", "reach m", "task", "joint order", ""], rows
    )
    table.columns[0].no_wrap = True
    for column in table.columns[3:]:
        column.justify = "left"
        column.overflow = "fold"
    screen = console()
    screen.print(table)
    needs = ", ".join(f"{name} from {kind.rows} joints on" for name, kind in TASKS.items())
    screen.print(f"Tasks: {needs}. Look at one, or at a file, with: edge-ik arms ROBOT")
