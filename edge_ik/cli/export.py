"""The command that converts a trained network to what robots run."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge_ik.cli.common import (
    bold,
    console,
    is_model_file,
    json_option,
    print_json,
    servos_option,
    steps_option,
    tolerance_options,
    training_stack,
)
from edge_ik.cli.servos import Made, model_with
from firmware_host.solving.checks import MOST_RESTARTS

if TYPE_CHECKING:
    from rich.console import Console

    from edge_ik_tools.export import Export
    from firmware_host.tolerances import Tolerance

FIRMWARE = ("c99", "tflm")
OPTIMIZED = ("size", "speed")
ARITHMETICS = ("auto", "float", "fixed")
DEFAULT_FORMAT = "int8"
MODEL_SUFFIX = ".tflite"


def _folder(_: click.Context, __: click.Parameter, out: Path | None) -> Path | None:
    """A folder to write; refused if it is a file, or called like a model."""
    if out is None or out.is_dir():
        return out
    if out.exists() or out.suffix.lower() == MODEL_SUFFIX:
        raise click.UsageError(
            "Expected a folder for --out; what is written into it has names of its own. "
            f"Received {'a file' if out.exists() else 'the name of a file'}: '{out}'"
        )
    return out


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
@steps_option
@tolerance_options
@click.option(
    "--restarts",
    type=click.IntRange(0, MOST_RESTARTS),
    help="Seeds that C99 firmware draws at random, at most, where no branch reaches the target.  "
    "[default: 0]",
)
@click.option(
    "--optimize",
    type=click.Choice(OPTIMIZED),
    help="Whether C99 firmware is to be small or fast: its loops rolled up and its functions there "
    "once, or not.  [default: speed]",
)
@click.option(
    "--arithmetic",
    type=click.Choice(ARITHMETICS),
    help="What C99 firmware computes with: floats, integers, or what suits the core that it is "
    "compiled for, from one source.  [default: auto]",
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
    "--zip",
    "archive",
    is_flag=True,
    help="Write the folder of C99 firmware as an archive too, for Arduino's `Add .ZIP Library`.",
)
@servos_option
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    callback=_folder,
    help="Folder to write, the model with servos into it, too.  [default: RUN/export; for "
    "firmware, one beside the model]",
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
    tolerance: Tolerance | None,
    restarts: int | None,
    optimize: str | None,
    arithmetic: str | None,
    count: bool | None,
    board: bool,
    archive: bool,
    servos: Path | None,
    out: Path | None,
    targets: int | None,
    as_json: bool,
) -> None:
    """Convert a trained run to model files, each verified, and either to firmware."""
    _check_firmware(kinds, name, steps, tolerance)
    of_c99: dict[str, Any] = {"--count/--no-count": count, "--board": board, "--zip": archive}
    of_c99 |= {"--restarts": restarts, "--optimize": optimize, "--arithmetic": arithmetic}
    _refuse_unused(of_c99, [kind for kind in kinds if kind == "c99"], "--firmware c99")
    made: dict[str, Any] = {"restarts": restarts or 0, "small": optimize == "size"}
    made |= {"arithmetic": arithmetic or "auto", "tolerance": tolerance}
    screen = console(stderr=as_json)
    if is_model_file(source, None):
        if not kinds and servos is None:
            raise click.UsageError(f"'{source}' is exported already; --firmware makes C of it.")
        of_runs = {"--quantize": formats, "--qat": qat, "--prune": sparsity, "--targets": targets}
        _refuse_unused(of_runs, (), "a run folder")
        with model_with(source, servos, out, bool(kinds), screen) as model:
            firmware = _firmware(
                [model], kinds, out, name, steps, made, count, board, archive, screen
            )
        if as_json:
            print_json({"model": str(model.place), "firmware": firmware})
        return
    with training_stack("Exporting"):
        from edge_ik_tools.export import EXPORT_TARGETS

    result = _exported(
        screen,
        source,
        formats or (DEFAULT_FORMAT,),
        qat=qat,
        sparsity=sparsity,
        servos=servos,
        out=out,
        targets=targets or EXPORT_TARGETS,
    )
    if not as_json:
        _print_export(result, targets or EXPORT_TARGETS)
    models = [Made(file.path, file.path) for file in result.files]
    firmware = _firmware(models, kinds, None, name, steps, made, count, board, archive, screen)
    if as_json:
        print_json(result.to_dict() | ({"firmware": firmware} if kinds else {}))


def _check_firmware(
    kinds: Sequence[str], name: str | None, steps: int | None, tolerance: Tolerance | None
) -> None:
    """Refuse options of firmware where none is made, and a name that it cannot have.

    Raises:
        click.UsageError: If there is no firmware.
        ConfigError: If it cannot be called so.
    """
    of_firmware = {"--name": name, "--steps": steps, "--tolerance": tolerance}
    _refuse_unused(of_firmware, kinds, "--firmware")
    if name is not None:
        from edge_ik_tools.c99.literals import identifier

        identifier(name)


def _exported(screen: Console, source: Path, formats: Sequence[str], **values: Any) -> Export:
    """Export a run as `edge_ik_tools.export.export` does, and show how far that is."""
    from edge_ik.terminal.bars import telling
    from edge_ik_tools.export import export as export_run

    with telling(screen) as tell:
        return export_run(source, formats, tell=tell, **values)


def _refuse_unused(given: Mapping[str, Any], wanted: Sequence[str], what: str) -> None:
    """A usage error if an option was given that nothing here has a use for."""
    unused = [
        option for option, value in given.items() if value not in (None, ()) and value is not False
    ]
    if unused and not wanted:
        raise click.UsageError(f"{', '.join(unused)} can be given with {what} alone.")


def _firmware(
    models: list[Made],
    kinds: tuple[str, ...],
    out: Path | None,
    name: str | None,
    steps: int | None,
    made: Mapping[str, Any],
    count: bool | None,
    board: bool,
    archive: bool,
    screen: Console,
) -> list[dict[str, str]]:
    """Write firmware of each kind for each model file; a folder given is divided if needed.

    C99 firmware is made as the arguments of its loading in `made` say.
    """
    if not kinds:
        return []
    from edge_ik.terminal.bars import telling
    from edge_ik_tools.board.firmware import write_board_firmware
    from edge_ik_tools.c99.folder import write_c99
    from edge_ik_tools.c99.source import NOT_COUNTED, Firmware
    from edge_ik_tools.emulate.counts import firmware_counts
    from edge_ik_tools.generated import check_folder, check_zip
    from edge_ik_tools.tflm.bundle import write_tflm

    written = []
    for model in models:
        for kind in dict.fromkeys(kinds):
            folder = out or model.place.with_name(f"{model.place.stem}-{kind}")
            if out is not None and len(kinds) > 1:
                folder = out / kind
            if kind == "c99":
                loaded = Firmware.load(model.file, name, steps, **made)
                counts = NOT_COUNTED
                zipped = folder.with_name(f"{folder.name}.zip") if archive else None
                check_folder(folder, loaded.name)
                if zipped is not None:
                    check_zip(zipped)
                with telling(screen) as tell:
                    if count is not False:
                        counts = firmware_counts(loaded, must=bool(count), tell=tell)
                    write_c99(loaded, folder, counts, tell=tell, archive=zipped)
                if board:
                    write_board_firmware(folder, loaded.name)
            else:
                write_tflm(model.file, folder, name, steps, made["tolerance"])
            screen.print(bold(folder, "Wrote "))
            written.append({"model": str(model.place), "kind": kind, "folder": str(folder)})
            if kind == "c99" and archive:
                screen.print(bold(f"{folder}.zip", "Wrote "))
                written[-1]["archive"] = f"{folder}.zip"
    return written


def _print_export(result: Export, targets: int) -> None:
    """The figures before and after refinement, the sizes, and how runtimes agree."""
    from edge_ik.tables import AS_ANSWERED, figure_cell, figures_table, rest_line, rows_table

    screen = console()
    evaluations = {"trained": result.trained}
    evaluations |= {file.format: file.verification.evaluation for file in result.files}
    for name, found in evaluations.items():
        screen.print(
            f"{name}: {figure_cell(found.solved, '%')}% of everything the arm reaches is solved "
            f"after {found.steps} DLS steps"
        )
    for steps in result.trained.any_branch:
        columns = {
            name: dataclasses.asdict(found.any_branch[steps]) for name, found in evaluations.items()
        }
        title = (
            f"After {steps} DLS step{'s'[: steps - 1]}"
            if steps
            else f"Network alone, {targets:,} unseen targets of everything the arm reaches"
        )
        screen.print(figures_table(columns, title, AS_ANSWERED if steps else None))
    for found in evaluations.values():
        if found.one_branch is not None:
            columns = {
                name: dataclasses.asdict(other.one_branch.network)
                for name, other in evaluations.items()
                if other.one_branch is not None
            }
            screen.print(figures_table(columns, "Network alone, in the home posture's branch"))
            break
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
        screen.print(bold(file.path, "Wrote "))
    for file in result.files:
        rest = rest_line(file.verification.evaluation.to_dict())
        if rest is not None:
            screen.print(f"{file.format}: {rest}")
