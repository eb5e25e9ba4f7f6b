"""Mutants of model files by the hundred thousand, and a ledger of what became of them.

    python -m edge_ik_tools.mutants MODEL... --count 300000 --out FOLDER

Each is loaded, inspected, solved on every runtime and printed as C, which of one in 200 is compiled
and run too, in processes that may end as they like: what counts are tracebacks, signals, answers
that are none, and what takes more than 2 s of the processor or 500 MB. The ledger in FOLDER is
gone on with by the same command, or by one with a larger count. What is in it can be made again:

    python -m edge_ik_tools.mutants MODEL... --seed SEED --write NUMBER > mutant.tflite
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from edge_ik.terminal.bars import telling
from edge_ik.terminal.screen import Screen
from edge_ik_tools.mutants.ledger import run
from edge_ik_tools.mutants.looking import bases_of
from edge_ik_tools.mutants.making import mutant
from firmware_host.errors import EdgeIkError


@click.command()
@click.argument("models", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--count", default=300, show_default=True, type=click.IntRange(1), help="Mutants in all."
)
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Which ones.")
@click.option(
    "--jobs", default=1, show_default=True, type=click.IntRange(1), help="Processes side by side."
)
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the ledger.")
@click.option(
    "--write", type=click.IntRange(0), help="Write the mutant of this number to the output instead."
)
def main(
    models: tuple[Path, ...], count: int, seed: int, jobs: int, out: Path | None, write: int | None
) -> None:
    """Make mutants of MODELS and tell what became of them."""
    try:
        if write is not None:
            sys.stdout.buffer.write(mutant(bases_of(list(models)), seed, write)[1])
            return
        with telling(Screen()) as tell:
            ledger = run(list(models), count, seed, jobs, out or Path("mutants"), tell)
    except EdgeIkError as error:
        raise SystemExit(f"Error: {error}") from error
    click.echo(ledger.summary())
    raise SystemExit(int(bool(ledger.wrong())))


if __name__ == "__main__":
    main()
