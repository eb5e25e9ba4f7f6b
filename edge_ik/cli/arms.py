"""The command that lists robots."""

from __future__ import annotations

import click

from edge_ik.cli.common import console, json_option, print_json, training_stack
from firmware_host.tasks import TASKS


@click.command()
@json_option
def arms(as_json: bool) -> None:
    """List the built-in robots."""
    with training_stack("Reading robot descriptions", tensorflow=False):
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
    from edge_ik.report import rows_table

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
    for column in table.columns[3:]:
        column.justify = "left"
        column.overflow = "fold"
    screen = console()
    screen.print(table)
    needs = ", ".join(f"{name} from {kind.rows} joints on" for name, kind in TASKS.items())
    screen.print(f"Tasks: {needs}.")
