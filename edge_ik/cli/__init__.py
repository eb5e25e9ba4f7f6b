"""The command line: one file a command; heavy imports stay inside the commands."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from edge_ik import __version__
from edge_ik.cli.ablate import ablate
from edge_ik.cli.arms import arms
from edge_ik.cli.bench import bench
from edge_ik.cli.doctor import doctor
from edge_ik.cli.evaluate import evaluate
from edge_ik.cli.export import export
from edge_ik.cli.inspect import inspect
from edge_ik.cli.report import report
from edge_ik.cli.search import search
from edge_ik.cli.signals import signals_interrupt, status
from edge_ik.cli.solve import solve
from edge_ik.cli.train import train
from edge_ik.cli.view import view
from firmware_host.errors import EdgeIkError
from firmware_host.names import shown


class EdgeIkGroup(click.Group):
    """A command group that tells a user's mistake in a sentence, without a traceback."""

    def main(self, *args: Any, **values: Any) -> Any:
        """Run as a program; what a stream's encoding lacks is written as its escape."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        try:
            return super().main(*args, **values)
        except OSError as error:
            # What is written is told where it is written; left are the screen, and /tmp.
            _drop_output()
            place = f" ('{error.filename}')" if error.filename else ""
            with suppress(OSError):
                click.echo(
                    shown(
                        f"Error: The system refuses: {error.strerror or error}{place}. Put that "
                        "right, and run the command again."
                    ),
                    err=True,
                )
            sys.exit(1)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; turn the project's errors into a message and status 1.

        Ctrl-C and signals end it with the status that shells expect.
        """
        try:
            with signals_interrupt():
                return super().invoke(ctx)
        except EdgeIkError as error:
            raise click.ClickException(shown(str(error))) from error
        except BrokenPipeError:
            # The reader of a pipe left; what it wanted was written.
            _drop_output()
            ctx.exit(0)
        except KeyboardInterrupt as interrupt:
            with suppress(OSError):
                click.echo("Interrupted.", err=True)
            ctx.exit(status(interrupt))


def _drop_output() -> None:
    """Let nothing more be written to a standard output that takes no more."""
    sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - open until the end


@click.group(cls=EdgeIkGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="edge-ik")
def main() -> None:
    """Inverse kinematics in constant time, from a robot description to a microcontroller."""


COMMANDS = (
    arms,
    train,
    search,
    evaluate,
    export,
    solve,
    inspect,
    view,
    report,
    bench,
    ablate,
    doctor,
)
for command in COMMANDS:
    main.add_command(command)
