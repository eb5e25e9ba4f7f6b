"""The command that shows a model, a run or a robot in a browser."""

from __future__ import annotations

import time
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge_ik.cli.common import is_model_file, runtime_option, say, training_stack

if TYPE_CHECKING:
    from edge_ik_tools.view.serve import Shown

LOOPBACK = ("127.0.0.1", "localhost", "::1")


@click.command()
@click.argument("source", metavar="MODEL|RUN|ROBOT")
@click.option(
    "--urdf",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="URDF of a model's robot, whose meshes are drawn then.",
)
@click.option("--base", help="Of a robot: link where the chain starts.")
@click.option("--tip", help="Of a robot: link where it ends.")
@click.option(
    "--port",
    default=8090,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port to bind to; 0 for any that is free.",
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to bind to; any but this machine's own lets others in.",
)
@runtime_option
def view(
    source: str,
    urdf: Path | None,
    base: str | None,
    tip: str | None,
    port: int,
    host: str,
    runtime: str | None,
) -> None:
    """Show a robot in a browser: drag its tool, and see what answers.

    MODEL is a .tflite, RUN a run folder, ROBOT a description or a built-in robot, whose joints
    alone can be moved. Ends on Ctrl-C.
    """
    from edge_ik_tools.view.serve import address, start

    shown = _shown(source, urdf, base, tip, runtime)
    for note in shown.notes:
        say(note, error=True)
    if host not in LOOPBACK:
        say(
            f"Warning: whoever reaches this machine at {host} can see and move the robot shown "
            "here. There is no password.",
            error=True,
        )
    page = start(shown, host, port)
    # However it is asked to end, it has done what it was for.
    with closing(page), suppress(KeyboardInterrupt):
        say(f"{shown.session.chain.name} is shown at {address(page)}. Ctrl-C ends it.")
        while True:
            time.sleep(3600)


def _shown(
    source: str, urdf: Path | None, base: str | None, tip: str | None, runtime: str | None
) -> Shown:
    from edge_ik_tools.view.serve import of_model, of_robot, of_solver

    path = Path(source)
    is_model, is_run = path.suffix.lower() == ".tflite", path.is_dir()
    if is_model or is_run:
        is_model_file(path, None)
    if (base or tip) and (is_model or is_run):
        raise click.UsageError("--base and --tip are for robots; a model has its chain.")
    if is_model:
        return of_model(path, runtime, urdf)
    if runtime is not None:
        raise click.UsageError("--runtime is for a .tflite.")
    if not is_run and urdf is not None:
        raise click.UsageError(
            "--urdf is for a model or a run; a robot's meshes are those of its own description."
        )
    if not is_run:
        return of_robot(source, base, tip)
    with training_stack("Solving with a run"):
        from edge_ik.cli.solve import run_solver

        return of_solver(run_solver(path, None, 0, None), urdf)
