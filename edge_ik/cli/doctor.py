"""The command that looks at the installation."""

from __future__ import annotations

import click

from edge_ik import __version__
from edge_ik.cli.common import console, json_option, print_json, say


@click.command()
@json_option
def doctor(as_json: bool) -> None:
    """Show what is installed and works here, and what to install for the rest."""
    from edge_ik.tables import rows_table
    from edge_ik.terminal.bars import telling
    from edge_ik_tools.doctor.examine import examine

    screen = console(stderr=as_json)
    with telling(screen) as tell:
        found = examine(__version__, tell)
    if as_json:
        print_json(found.to_dict())
        return
    for title, columns, rows in found.tables():
        table = rows_table(title, columns, rows)
        table.show_header = any(columns)
        for column in table.columns:
            column.justify, column.overflow = "left", "fold"
        screen.print(table)
    say(found.default)
    if found.advice():
        say("To install what is missing, if you need it:")
    for line in found.advice():
        say(f"  {line}")
