"""The command that shows what a model holds."""

from __future__ import annotations

from pathlib import Path

import click

from edge_ik.cli.common import console, exported_model, json_option, print_json, print_tables


@click.command()
@click.argument("model", metavar="MODEL|RUN", type=click.Path(path_type=Path))
@json_option
def inspect(model: Path, as_json: bool) -> None:
    """Show what an exported model holds: robot, network, and where it comes from.

    Of a run or a folder, the model in it.
    """
    from firmware_host.inspect_model import inspect_model, inspection_tables

    found = inspect_model(exported_model(model))
    if as_json:
        print_json(found)
        return
    print_tables(console(), inspection_tables(found))
