"""The command that lists robots."""

from __future__ import annotations

import click

from edge_ik.cli.common import console, json_option, print_json, training_stack

# A position has three numbers, and one aspect answers for it with three joints.
TRAINED_JOINTS = 3


@click.command()
@json_option
def arms(as_json: bool) -> None:
    """List the built-in robots."""
    with training_stack("Reading robot descriptions"):
        from edge_ik.arms import builtin_arms, load_arm

        found = {name: (arm, load_arm(name)) for name, arm in builtin_arms().items()}
    if as_json:
        print_json(
            {
                name: {
                    "description": arm.description,
                    "home": list(arm.home),
                    "reach_m": chain.reach,
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
            str(len(chain)) + ("" if len(chain) == TRAINED_JOINTS else " *"),
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
    screen.print(
        f"* cannot be trained yet: position targets need {TRAINED_JOINTS} joints. Their "
        "kinematics can be used."
    )
