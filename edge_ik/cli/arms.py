"""The command that lists robots."""

from __future__ import annotations

import click

from edge_ik.cli.common import console, json_option, print_json, training_stack
from firmware_host.tasks import TASKS

# The robots' joints and the rows of each task decide what can be trained.
TASK_ROWS = {name: task.rows for name, task in TASKS.items()}


@click.command()
@json_option
def arms(as_json: bool) -> None:
    """List the built-in robots."""
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
