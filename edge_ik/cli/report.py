"""The command that shows what a model does, on one page."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge_ik.cli.common import (
    bold,
    console,
    exported_model,
    is_model_file,
    json_option,
    print_json,
    runtime_option,
    training_stack,
)

if TYPE_CHECKING:
    from edge_ik_tools.report.measuring.elsewhere import Elsewhere
    from edge_ik_tools.report.measuring.record import Asked
    from edge_ik_tools.report.measuring.subject import Subject
    from firmware_host.progress import Tell

PURPOSE = "A report"
# What can be done where the page cannot be written.
ELSEWHERE = "name another file with --out"
# Models of one report: more could not be told apart, and the page would grow too large.
MOST_MODELS = 6


@click.command()
@click.argument("models", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("report.html"),
    show_default=True,
    help="The page.",
)
@click.option(
    "--figures",
    "folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write the pictures there too, as PNG and SVG, and the numbers behind each as JSON.",
)
@click.option(
    "--targets",
    type=click.IntRange(1, 1_000_000),
    help="Unseen targets to solve.  [default: 50000]",
)
@click.option(
    "--path",
    "path_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Targets to follow: a line of numbers each, or rows in JSON.  [default: the focus circle, "
    "or a loop about the home posture]",
)
@click.option(
    "--measured",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="JSON of bench with --target or --peers, of ablate, or a search's front.json, to be shown "
    "too; can be given several times.",
)
@click.option(
    "--cores",
    metavar="CORE,...",
    help="Count a model's instructions on these emulated cores, as bench --target does; of a run "
    "those of the model exported from it.",
)
@click.option("--rng-seed", type=int, help="Seed of the targets.  [default: the model's own]")
@runtime_option
@json_option
def report(
    models: tuple[Path, ...],
    out: Path,
    folder: Path | None,
    targets: int | None,
    path_file: Path | None,
    measured: tuple[Path, ...],
    cores: str | None,
    rng_seed: int | None,
    runtime: str | None,
    as_json: bool,
) -> None:
    """Show what MODELS do, on one page of HTML that needs no network.

    MODELS are exported models or run folders, of one robot or of several. The page has the
    verdict, the robot in its workspace, errors, branches, the worst targets and how to solve
    them again, a path followed, and what was measured elsewhere.
    """
    if len(models) > MOST_MODELS:
        raise click.UsageError(
            f"A report is of {MOST_MODELS} models at most. Received: {len(models)}"
        )
    for model in models:
        is_model_file(model, runtime)
    _check_places(out, folder)
    from edge_ik.terminal.bars import telling

    with training_stack(PURPOSE, tensorflow=False):
        from edge_ik_tools.report.measuring.following import read_path
        from edge_ik_tools.report.measuring.record import TARGETS, Asked, measure
        from edge_ik_tools.report.measuring.subject import labels
        from edge_ik_tools.report.page.page import page, plotly_script
    plotly_script()
    screen = console(stderr=as_json)
    asked = Asked(
        targets=targets or TARGETS,
        rng_seed=rng_seed,
        runtime=runtime,
        path=None if path_file is None else read_path(path_file),
    ).shared_by(len(models))
    with telling(screen) as tell:
        named = zip(models, labels(models), strict=True)
        subjects = [_opened(model, label, asked) for model, label in named]
        elsewhere = _elsewhere(models, measured, cores, tell)
        records = [measure(subject, asked, tell) for subject in subjects]
        _write(out, page(records, elsewhere, _command(click.get_current_context())))
        if folder is not None:
            from edge_ik_tools.report.drawing.files import write_pictures

            write_pictures(records, elsewhere, folder, tell)
    if as_json:
        from edge_ik_tools.report.measuring.records import plain

        print_json(
            {"report": str(out), "models": {each.label: plain(each.verdict) for each in records}}
        )
        return
    screen.print(bold(out, "Written: ", f" ({out.stat().st_size / 1e6:.1f} MB)"))


def _check_places(out: Path, folder: Path | None) -> None:
    """Refuse a page or pictures that could not be written, before anything is measured."""
    from firmware_host.files import check_file_writable, check_writable

    check_file_writable(out, ELSEWHERE)
    if folder is not None:
        from edge_ik_tools.report.drawing.files import ELSEWHERE as OTHER_FIGURES
        from edge_ik_tools.report.drawing.for_matplotlib import require_matplotlib

        check_writable(folder, OTHER_FIGURES)
        require_matplotlib()


def _opened(model: Path, label: str, asked: Asked) -> Subject:
    """One model, opened, with a path that is one of its task."""
    from edge_ik.run import Run
    from edge_ik_tools.report.measuring.subject import open_model, open_run

    if is_model_file(model, asked.runtime):
        # TensorFlow may have something to say where it runs the network in floats beside it.
        with training_stack(PURPOSE, tensorflow=False):
            subject = open_model(model, label, asked.runtime)
    else:
        # Before TensorFlow, which takes seconds to import.
        run = Run.load(model)
        with training_stack("The report of a run"):
            subject = open_run(run, label)
    if asked.path is not None:
        asked.path.check(subject.solver.task)
    return subject


def _elsewhere(
    models: tuple[Path, ...],
    measured: tuple[Path, ...],
    cores: str | None,
    tell: Tell,
) -> Elsewhere:
    """What other commands measured, and what is counted now."""
    from edge_ik_tools.report.measuring.elsewhere import FRONT_FILE, Elsewhere
    from edge_ik_tools.report.measuring.subject import labels

    found = Elsewhere()
    for path in measured:
        found.read(path)
    for model, label in zip(models, labels(models), strict=True) if cores is not None else ():
        _count(found, model, cores or "", label if len(models) > 1 else "", tell)
    for folder in models[0].resolve().parents[:2] if not measured else ():
        if (folder / FRONT_FILE).is_file():
            found.read(folder / FRONT_FILE)
            break
    return found


def _count(found: Elsewhere, model: Path, cores: str, label: str, tell: Tell) -> None:
    """Count a model's instructions on each of the cores named, of a run those of its export.

    Of several models it has a label.
    """
    from edge_ik.cli.bench import count_on_core

    model = exported_model(model)
    for core in cores.split(","):
        counted = count_on_core(model, core.strip(), None, None, None, None, tell)
        found.add(counted, label)


def _write(out: Path, text: str) -> None:
    """Write the page in one piece."""
    from firmware_host.files import make_folder, write_text

    make_folder(out.parent, ELSEWHERE)
    write_text(out, text, ELSEWHERE)


def _command(context: click.Context) -> str:
    """The command as it was given, with the options that differ from what they are without."""
    words = ["edge-ik", "report", *map(str, context.params["models"])]
    for parameter in context.command.params:
        value = context.params.get(parameter.name or "")
        if parameter.name == "models" or value in (None, (), False):
            continue
        if value == parameter.get_default(context):
            continue
        for each in value if isinstance(value, tuple) else (value,):
            words += [parameter.opts[0], *([] if value is True else [str(each)])]
    return shlex.join(words)
