"""The command line: one file a command; heavy imports stay inside the commands."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import Any

import click

from edge_ik import __version__
from edge_ik.cli.ablate import ablate
from edge_ik.cli.arms import arms
from edge_ik.cli.bench import bench
from edge_ik.cli.evaluate import evaluate
from edge_ik.cli.export import export
from edge_ik.cli.inspect import inspect
from edge_ik.cli.report import report
from edge_ik.cli.search import search
from edge_ik.cli.solve import solve
from edge_ik.cli.train import train
from firmware_host.errors import EdgeIkError
from firmware_host.names import shown


class EdgeIkGroup(click.Group):
    """A command group that tells a user's mistake in a sentence, without a traceback."""

    def main(self, *args: Any, **values: Any) -> Any:
        """Run as a program; what a stream's encoding lacks is written as its escape."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        return super().main(*args, **values)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; turn the project's errors into a message and status 1."""
        try:
            return super().invoke(ctx)
        except EdgeIkError as error:
            raise click.ClickException(shown(str(error))) from error
        except BrokenPipeError:
            # The reader of a pipe left; what it wanted was written.
            sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - open until the end
            ctx.exit(0)


@click.group(cls=EdgeIkGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="edge-ik")
def main() -> None:
    """Inverse kinematics in constant time, from a robot description to a microcontroller."""


for command in (arms, train, search, evaluate, export, solve, inspect, bench, report, ablate):
    main.add_command(command)
