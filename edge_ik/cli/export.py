"""The command that converts a trained network to what robots run."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge_ik.cli.common import (
    console,
    is_model_file,
    json_option,
    print_json,
    training_stack,
)

if TYPE_CHECKING:
    from rich.console import Console

    from edge_ik_tools.export import Export

FIRMWARE = ("c99", "tflm")
DEFAULT_FORMAT = "int8"


@click.command()
@click.argument("source", metavar="RUN|MODEL", type=click.Path(path_type=Path))
@click.option(
    "--quantize",
    "formats",
    multiple=True,
    metavar="FORMAT",
    help="float32, dynamic, int8 or int16x8; can be given several times.  [default: int8]",
)
@click.option("--qat", is_flag=True, help="Fine-tune with int8 simulated first.")
@click.option("--prune", "sparsity", type=float, help="Share of weights to prune to zero.")
@click.option(
    "--firmware",
    "kinds",
    multiple=True,
    type=click.Choice(FIRMWARE),
    help="Write firmware too: C99 alone, or for TensorFlow Lite Micro.",
)
@click.option("--name", help="Name of the firmware.  [default: that of the robot]")
@click.option(
    "--steps",
    type=click.IntRange(0, 100),
    help="Refinement steps of the firmware.  [default: 3 for a position, else 4]",
)
@click.option(
    "--restarts",
    type=click.IntRange(0, 1000),
    help="Seeds that C99 firmware draws at random, at most, where no branch reaches the target.  "
    "[default: 0]",
)
@click.option(
    "--count/--no-count",
    default=None,
    help="Count the instructions of C99 firmware on an emulated Cortex-M4, for its header.  "
    "[default: where the tools are installed]",
)
@click.option(
    "--board",
    is_flag=True,
    help="Add the benchmark firmware that `edge-ik bench --serial` talks to.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder to write.  [default: RUN/export; for firmware, one beside the model]",
)
@click.option(
    "--targets",
    type=click.IntRange(1),
    help="Unseen targets that each format is measured on.  [default: 100000]",
)
@json_option
def export(
    source: Path,
    formats: tuple[str, ...],
    qat: bool,
    sparsity: float | None,
    kinds: tuple[str, ...],
    name: str | None,
    steps: int | None,
    restarts: int | None,
    count: bool | None,
    board: bool,
    out: Path | None,
    targets: int | None,
    as_json: bool,
) -> None:
    """Convert a trained run to model files, each verified, and either to firmware."""
    _refuse_unused({"--name": name, "--steps": steps}, kinds, "--firmware")
    c99 = [kind for kind in kinds if kind == "c99"]
    _refuse_unused(
        {"--count/--no-count": count, "--board": board, "--restarts": restarts},
        c99,
        "--firmware c99",
    )
    screen = console(stderr=as_json)
    if is_model_file(source, None):
        if not kinds:
            raise click.UsageError(f"'{source}' is exported already; --firmware makes C of it.")
        of_runs = {"--quantize": formats, "--qat": qat, "--prune": sparsity, "--targets": targets}
        _refuse_unused(of_runs, (), "a run folder")
        firmware = _firmware([source], kinds, out, name, steps, restarts, count, board, screen)
        if as_json:
            print_json({"firmware": firmware})
        return
    with training_stack("Exporting"):
        from edge_ik_tools.export import EXPORT_TARGETS
        from edge_ik_tools.export import export as export_run

    result = export_run(
        source,
        formats or (DEFAULT_FORMAT,),
        qat=qat,
        sparsity=sparsity,
        out=out,
        targets=targets or EXPORT_TARGETS,
        tell=screen.print,
    )
    if not as_json:
        _print_export(result, targets or EXPORT_TARGETS)
    paths = [file.path for file in result.files]
    firmware = _firmware(paths, kinds, None, name, steps, restarts, count, board, screen)
    if as_json:
        print_json(result.to_dict() | ({"firmware": firmware} if kinds else {}))


def _refuse_unused(given: Mapping[str, Any], wanted: Sequence[str], what: str) -> None:
    """A usage error if an option was given that nothing here has a use for."""
    unused = [
        option for option, value in given.items() if value not in (None, ()) and value is not False
    ]
    if unused and not wanted:
        raise click.UsageError(f"{', '.join(unused)} can be given with {what} alone.")


def _firmware(
    models: list[Path],
    kinds: tuple[str, ...],
    out: Path | None,
    name: str | None,
    steps: int | None,
    restarts: int | None,
    count: bool | None,
    board: bool,
    screen: Console,
) -> list[dict[str, str]]:
    """Write firmware of each kind for each model file; a folder given is divided if needed."""
    if not kinds:
        return []
    from edge_ik_tools.board.firmware import write_board_firmware
    from edge_ik_tools.c99.folder import write_c99
    from edge_ik_tools.c99.source import NOT_COUNTED, Firmware
    from edge_ik_tools.emulate.counts import firmware_counts
    from edge_ik_tools.tflm.bundle import write_tflm

    written = []
    for model in models:
        for kind in dict.fromkeys(kinds):
            folder = out or model.with_name(f"{model.stem}-{kind}")
            if out is not None and len(kinds) > 1:
                folder = out / kind
            if kind == "c99":
                made = Firmware.load(model, name, steps, restarts or 0)
                counts = NOT_COUNTED
                if count is not False:
                    counts = firmware_counts(made, must=bool(count), tell=screen.print)
                write_c99(made, folder, counts, tell=screen.print)
                if board:
                    write_board_firmware(folder, made.name)
            else:
                write_tflm(model, folder, name, steps)
            screen.print(f"Wrote [bold]{folder}[/bold]")
            written.append({"model": str(model), "kind": kind, "folder": str(folder)})
    return written


def _print_export(result: Export, targets: int) -> None:
    """The figures before and after refinement, the sizes, and how runtimes agree."""
    from edge_ik.report import figures_table, rows_table

    screen = console()
    evaluations = {"trained": result.trained}
    evaluations |= {file.format: file.verification.evaluation for file in result.files}
    columns = {name: dataclasses.asdict(found.network) for name, found in evaluations.items()}
    screen.print(figures_table(columns, f"Network alone, {targets:,} unseen targets"))
    for steps in result.trained.refined:
        columns = {
            name: dataclasses.asdict(found.refined[steps]) for name, found in evaluations.items()
        }
        screen.print(figures_table(columns, f"After {steps} DLS step{'s'[: steps - 1]}"))
    rows = [
        (
            file.format,
            f"{file.flatbuffer_bytes:,}",
            f"{file.file_bytes:,}",
            "-" if (arena := file.verification.arena_bytes) is None else f"{arena:,}",
            ", ".join(f"{count} {name}" for name, count in file.verification.operators.items()),
        )
        for file in result.files
    ]
    columns_of_files = ["format", "network B", "file B", "arena B", "operators"]
    screen.print(rows_table("Sizes", columns_of_files, rows))
    for file in result.files:
        for runtime, agreement in file.verification.runtimes.items():
            if runtime != "reference":
                screen.print(
                    f"{file.format}, {runtime}: {100 * agreement['differing_share']:.3g}% of "
                    f"outputs differ from the reference, by {agreement['max_units']:.3g} at most"
                )
        screen.print(f"Wrote [bold]{file.path}[/bold]")
