"""What the commands share: options, the console, and the imports they need."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge_ik.quiet import quiet_native_log
from firmware_host.errors import MissingExtraError, RunError

if TYPE_CHECKING:
    from rich.console import Console

    from firmware_host.tables import TextTable

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
runtime_option = click.option(
    "--runtime",
    help="For a .tflite: litert, tflite-runtime, tflite-micro, reference or firmware.",
)


def is_model_file(path: Path, runtime: str | None) -> bool:
    """Whether a path is an exported model; otherwise it is a run folder.

    Raises:
        RunError: If it is neither.
        click.BadParameter: If a runtime is asked for that a run folder has no use for.
    """
    if path.is_dir():
        if runtime is not None:
            raise click.BadParameter(
                "a run folder is solved by Keras; export it first", param_hint="--runtime"
            )
        return False
    if path.suffix == ".tflite":
        return True
    found = "a file of another kind" if path.exists() else "nothing"
    raise RunError(
        f"Expected a run folder or a .tflite file. Received: '{path}', where there is {found}."
    )


def comma_numbers(text: str, option: str) -> list[float]:
    """Numbers with commas between them, as an option was given.

    Raises:
        click.BadParameter: If they are none.
    """
    try:
        return [float(part) for part in text.split(",")]
    except ValueError as error:
        raise click.BadParameter(
            f"expected numbers with commas between them, received {text!r}", param_hint=option
        ) from error


@contextmanager
def training_stack(purpose: str, tensorflow: bool = True) -> Iterator[None]:
    """Import the training side quietly; tell which extra is missing if it is."""
    # TensorFlow reads it when imported; a user's own setting wins.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        with quiet_native_log():
            if tensorflow:
                import tensorflow as tf

                # Says what start-up has to say, yet leaves workers free to connect afterwards.
                tf.config.list_physical_devices()
            yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in {"edge_ik", "firmware_host", ""}:
            raise
        raise MissingExtraError(package, "train", purpose) from error


def console(stderr: bool = False, quiet: bool = False) -> Console:
    """Where tables and sentences go."""
    from rich.console import Console

    return Console(stderr=stderr, quiet=quiet, highlight=False, soft_wrap=True)


def print_json(values: Mapping[str, Any]) -> None:
    """Print JSON alone on standard output."""
    click.echo(json.dumps(values, indent=2))


def print_tables(screen: Console, tables: Sequence[TextTable]) -> None:
    """Print tables of figures; those without heads are lists of properties."""
    from rich.markup import escape

    from edge_ik.report import rows_table

    for title, columns, rows in tables:
        safe = [[escape(cell) for cell in row] for row in rows]
        table = rows_table(escape(title), columns, safe)
        if not any(columns):
            table.show_header = False
            table.columns[-1].justify = "left"
            table.columns[-1].overflow = "fold"
        screen.print(table)
