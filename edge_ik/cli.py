"""The command line: train, evaluate and solve; heavy imports stay inside the commands."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge_ik import __version__
from edge_ik.quiet import quiet_native_log
from firmware_host.errors import EdgeIkError, MissingExtraError

if TYPE_CHECKING:
    from rich.console import Console

    from edge_ik.training import Progress, Report
    from firmware_host.inspect_model import TextTable

INTERRUPTED = 130  # the shell's status for a program ended by Ctrl-C


class EdgeIkGroup(click.Group):
    """A command group that tells a user's mistake in a sentence, without a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; turn the project's errors into a message and status 1."""
        try:
            return super().invoke(ctx)
        except EdgeIkError as error:
            raise click.ClickException(str(error)) from error
        except BrokenPipeError:
            # The reader of a pipe left; what it wanted was written.
            sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - open until the end
            ctx.exit(0)


@click.group(cls=EdgeIkGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="edge-ik")
def main() -> None:
    """Inverse kinematics in constant time, from a robot description to a microcontroller."""


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
runtime_option = click.option(
    "--runtime", help="For a .tflite: litert, tflite-runtime, tflite-micro or reference."
)


@main.command()
@json_option
def arms(as_json: bool) -> None:
    """List the built-in robots."""
    with training_stack("Reading robot descriptions"):
        from edge_ik.arms import builtin_arms, load_arm

        found = {name: (arm, load_arm(name)) for name, arm in builtin_arms().items()}
    if as_json:
        print_json(
            {
                name: {
                    "description": arm.description,
                    "home": list(arm.home),
                    "reach_m": chain.reach,
                    "robot": chain.to_dict(),
                }
                for name, (arm, chain) in found.items()
            }
        )
        return
    from edge_ik.report import rows_table

    rows = [
        (
            name,
            str(len(chain)),
            f"{chain.reach:.3f}",
            ", ".join(chain.joint_names),
            arm.description.split(": ", 1)[-1],
        )
        for name, (arm, chain) in found.items()
    ]
    table = rows_table("Built-in robots", ["name", "joints", "reach m", "joint order", ""], rows)
    for column in table.columns[3:]:
        column.justify = "left"
        column.overflow = "fold"
    console().print(table)


@main.command()
@click.option("--arm", help="Built-in robot or URDF file.  [default: arm3]")
@click.option("--base", help="Base link of a URDF.  [default: the root]")
@click.option("--tip", help="Tip link of a URDF.  [default: the end of the longest chain]")
@click.option("--preset", help="Size: nano, micro, edge or capstone.  [default: edge]")
@click.option(
    "--config", "config_file", type=click.Path(path_type=Path), help="TOML file of values."
)
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="KEY=VALUE",
    help="One value, such as network.width=24.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Run folder to write.  [default: runs/ARM-PRESET]",
)
@click.option(
    "--resume", type=click.Path(path_type=Path), metavar="RUN", help="Continue a run instead."
)
@click.option("--rng-seed", type=int, help="Seed of data, weights and dropout.")
@click.option("--epochs", type=int, help="Length of the training.")
@click.option("--batch-size", type=int, help="Samples a step.")
@click.option("--learning-rate", type=float, help="Peak learning rate.")
@click.option("--width", type=int, help="Units of every block.")
@click.option("--blocks", type=int, help="Number of blocks.")
@click.option("--dropout", type=float, help="Share of units dropped in training.")
@click.option("--hard-mining/--no-hard-mining", default=None, help="Feed hard examples back.")
@click.option(
    "--loss-weights",
    type=click.Choice(["balanced", "fixed"]),
    help="Learned or fixed weights of the losses.",
)
@click.option("--gate/--no-gate", default=None, help="Gated blocks, or plain SiLU.")
@click.option("--residual/--no-residual", default=None, help="Whether blocks add their input.")
@click.option(
    "--curriculum/--no-curriculum", default=None, help="Whether the samples change over training."
)
@json_option
def train(
    arm: str | None,
    preset: str | None,
    config_file: Path | None,
    assignments: tuple[str, ...],
    out: Path | None,
    resume: Path | None,
    as_json: bool,
    **flags: Any,
) -> None:
    """Train a network for a robot."""
    with training_stack("Training"):
        from edge_ik import training
        from edge_ik.config import DEFAULT_PRESET, make_config
        from edge_ik.distribution import read_worker

    worker = read_worker()
    if worker.count > 1:
        click.echo(
            f"Worker {worker.index} of {worker.count}: training begins when all have joined; "
            "worker 0 reports.",
            err=True,
        )
    screen = console(stderr=as_json, quiet=not worker.is_chief)
    if resume is not None:
        given = [name for name, value in flags.items() if value is not None]
        if arm or preset or config_file or assignments or out or given:
            raise click.UsageError(
                "--resume takes no other option: the run's own configuration holds."
            )
        screen.print(f"Resuming [bold]{resume}[/bold]")
        run, source = training.resume(resume)
    else:
        overrides = _overrides(arm, assignments, flags)
        config = make_config(preset or DEFAULT_PRESET, config_file, overrides)
        folder = out or Path("runs") / f"{Path(config.arm.source).stem}-{preset or DEFAULT_PRESET}"
        with arm_notes(screen):
            run, source = training.start(config, folder)
    _describe(screen, run)
    try:
        with progress_report(screen) as report:
            training.train(run, source, report)
    except KeyboardInterrupt:
        click.echo(f"Interrupted. Nothing is lost: edge-ik train --resume {run.folder}", err=True)
        sys.exit(INTERRUPTED)
    if not worker.is_chief:
        return
    from edge_ik.checkpoint import read_history

    history = read_history(run)
    if as_json:
        print_json({"run": str(run.folder), "config": run.config.to_dict(), "history": history})
        return
    screen.print(
        f"Trained in {history[-1]['seconds']:.1f} s. Best network in [bold]{run.folder}[/bold]; "
        f"measure it with: edge-ik evaluate {run.folder}"
    )


@main.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--targets",
    default=100_000,
    show_default=True,
    type=click.IntRange(1),
    help="Fresh targets to solve.",
)
@runtime_option
@json_option
def evaluate(model: Path, targets: int, runtime: str | None, as_json: bool) -> None:
    """Measure a run folder or an exported model on targets that training never saw."""
    if model.suffix == ".tflite":
        with training_stack("Drawing evaluation targets", tensorflow=False):
            from edge_ik.evaluation import evaluate_model
        metrics = evaluate_model(model, targets, runtime)
    else:
        with training_stack("Evaluating a run"):
            from edge_ik.evaluation import evaluate_run
        metrics = evaluate_run(model, targets)
    if as_json:
        print_json(metrics)
        return
    from edge_ik.report import evaluation_table

    title = (
        f"{metrics['robot']}, {metrics['parameters']:,} parameters, {metrics['format']}, "
        f"{targets:,} unseen targets"
    )
    console().print(evaluation_table(metrics, title))


@main.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--target",
    type=float,
    nargs=3,
    required=True,
    metavar="X Y Z",
    help="Position in the base frame [m].",
)
@click.option(
    "--steps", default=3, show_default=True, type=click.IntRange(0, 100), help="Refinement steps."
)
@runtime_option
@json_option
def solve(
    model: Path,
    target: tuple[float, float, float],
    steps: int,
    runtime: str | None,
    as_json: bool,
) -> None:
    """Solve one target with a run folder or an exported model."""
    from firmware_host.solver import IkSolver, Status

    if model.suffix == ".tflite":
        solver = IkSolver.load(model, runtime, steps)
    else:
        with training_stack("Solving with a run"):
            from edge_ik.predictor import predictor
            from edge_ik.run import Run
        run = Run.load(model)
        solver = IkSolver(
            run.chain,
            run.normalization,
            predictor(run.load_network()),
            steps,
            workspace=run.region,
            home=run.home,
            runtime="keras",
        )
    solver.solve(target)  # The first call prepares the graph; the second is the time told.
    solution = solver.solve(target)
    names = solver.chain.joint_names
    if as_json:
        print_json(
            {
                "target": list(target),
                "q": solution.q.tolist(),
                "joints": list(names),
                "status": solution.status.value,
                "reachable": solution.status is Status.SOLVED,
                "position_error_m": solution.position_error_m,
                "seed_error_m": solution.seed_error_m,
                "within_limits": solution.within_limits,
                "in_workspace": solution.in_workspace,
                "steps": solution.steps,
                "microseconds": solution.microseconds,
                "runtime": solver.runtime,
            }
        )
        return
    from edge_ik.report import millimetres, rows_table

    rows = [
        (name, f"{angle:.6f}", f"{math.degrees(angle):.3f}")
        for name, angle in zip(names, solution.q, strict=True)
    ]
    screen = console()
    screen.print(rows_table(f"{solver.chain.name} at {target} m", ["joint", "rad", "deg"], rows))
    reached = solution.status is Status.SOLVED
    screen.print(
        ("Reached" if reached else "[bold]Not reachable[/bold]: the nearest found is")
        + f" {'to within' if reached else 'off by'} {millimetres(solution.position_error_m)} mm "
        f"(network alone: {millimetres(solution.seed_error_m)} mm), "
        f"{'within' if solution.within_limits else 'NOT within'} the joint limits, "
        f"{solution.steps} steps, {solution.microseconds:.0f} microseconds ({solver.runtime})."
    )
    if not solution.in_workspace:
        screen.print("The target lies outside the workspace that the network was trained in.")


@main.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--quantize",
    "formats",
    multiple=True,
    default=("int8",),
    show_default=True,
    metavar="FORMAT",
    help="float32, dynamic, int8 or int16x8; can be given several times.",
)
@click.option("--qat", is_flag=True, help="Fine-tune with int8 simulated first.")
@click.option("--prune", "sparsity", type=float, help="Share of weights to prune to zero.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder to write.  [default: RUN/export]"
)
@click.option(
    "--targets",
    default=100_000,
    show_default=True,
    type=click.IntRange(1),
    help="Unseen targets that each format is measured on.",
)
@json_option
def export(
    run: Path,
    formats: tuple[str, ...],
    qat: bool,
    sparsity: float | None,
    out: Path | None,
    targets: int,
    as_json: bool,
) -> None:
    """Convert a trained run to model files, each verified before it is written."""
    with training_stack("Exporting"):
        from edge_ik.report import figures_table, rows_table
        from edge_ik_tools.export import export as export_run

    screen = console(stderr=as_json)
    result = export_run(
        run, formats, qat=qat, sparsity=sparsity, out=out, targets=targets, tell=screen.print
    )
    if as_json:
        print_json(result.to_dict())
        return
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


@main.command()
@click.argument("model", type=click.Path(path_type=Path))
@json_option
def inspect(model: Path, as_json: bool) -> None:
    """Show what an exported model holds: robot, network, and where it comes from."""
    from firmware_host.inspect_model import inspect_model, inspection_tables

    found = inspect_model(model)
    if as_json:
        print_json(found)
        return
    _print_tables(console(), inspection_tables(found))


@main.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--runtime",
    "runtimes",
    multiple=True,
    help="litert, tflite-runtime, tflite-micro or reference; can be given several times.  "
    "[default: all that are installed]",
)
@click.option(
    "--targets",
    default=2_000,
    show_default=True,
    type=click.IntRange(1),
    help="Targets to time one at a time.",
)
@click.option(
    "--steps", default=3, show_default=True, type=click.IntRange(0, 100), help="Refinement steps."
)
@json_option
def bench(model: Path, runtimes: tuple[str, ...], targets: int, steps: int, as_json: bool) -> None:
    """Measure how fast an exported model solves on this machine."""
    from firmware_host.bench import bench as bench_model
    from firmware_host.bench import bench_tables

    screen = console(stderr=as_json)
    found = bench_model(model, runtimes, targets, steps, tell=screen.print).to_dict()
    if as_json:
        print_json(found)
        return
    _print_tables(screen, bench_tables(found))
    for name, reason in found["refused"].items():
        screen.print(f"{name} cannot run this model: {reason}", markup=False)


@main.command()
@click.option("--arm", default="arm3", show_default=True, help="Built-in robot or URDF file.")
@click.option("--preset", default="nano", show_default=True, help="Size of the network.")
@click.option("--epochs", type=int, help="Length of each training.")
@click.option("--seeds", default=3, show_default=True, type=click.IntRange(1, 100))
@click.option("--targets", default=100_000, show_default=True, type=click.IntRange(1))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("runs/ablation"),
    show_default=True,
    help="Folder for the runs; what it already holds is not trained again.",
)
@json_option
def ablate(
    arm: str,
    preset: str,
    epochs: int | None,
    seeds: int,
    targets: int,
    out: Path,
    as_json: bool,
) -> None:
    """Train without one part at a time, and tell what each is worth."""
    with training_stack("Training"):
        from edge_ik import ablation
        from edge_ik.config import make_config
        from edge_ik.report import millimetres, rows_table

    overrides: dict[str, Any] = {"arm.source": arm}
    if epochs is not None:
        overrides["training.epochs"] = epochs
    screen = console(stderr=as_json)
    trials = list(
        ablation.ablate(make_config(preset, None, overrides), seeds, out, targets, screen.print)
    )
    summary = ablation.summarize(trials)
    if as_json:
        print_json(
            {
                "targets": targets,
                "variants": summary,
                "trials": [dataclasses.asdict(trial) for trial in trials],
            }
        )
        return
    rows = [
        (
            variant,
            *(millimetres(figures[name]) for name in ("rmse_m", "p95_m", "max_m")),
            f"{figures['joint_error_mean_deg']:.3g}",
            f"{figures['judged_by'].removesuffix('_m')} worse on {figures['worse_without']}/{seeds}"
            if "judged_by" in figures
            else "",
        )
        for variant, figures in summary.items()
    ]
    columns = ["network alone", "RMSE mm", "p95 mm", "max mm", "joint deg", "without it"]
    screen.print(rows_table(f"{arm} {preset}, means over {seeds} seeds", columns, rows))


def _overrides(
    arm: str | None, assignments: tuple[str, ...], flags: Mapping[str, Any]
) -> dict[str, Any]:
    """Configuration values by dotted key, from the command line; --set comes last."""
    keys = {
        "base": "arm.base",
        "tip": "arm.tip",
        "rng_seed": "training.rng_seed",
        "epochs": "training.epochs",
        "batch_size": "training.batch_size",
        "learning_rate": "training.learning_rate",
        "width": "network.width",
        "blocks": "network.blocks",
        "dropout": "network.dropout",
        "hard_mining": "mining.enabled",
        "gate": "network.gate",
        "residual": "network.residual",
    }
    values = {
        keys[name]: value for name, value in flags.items() if name in keys and value is not None
    }
    if arm is not None:
        values["arm.source"] = arm
    if flags["loss_weights"] is not None:
        values["loss.balance"] = flags["loss_weights"] == "balanced"
    if flags["curriculum"] is False:
        values["data.curriculum"] = 0.0
    # Names are text even where they read like a number; the rest is read as TOML.
    resolved: dict[str, Any] = dict(values)
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not equals or "." not in key:
            raise click.BadParameter(
                f"expected TABLE.KEY=VALUE, received {assignment!r}", param_hint="--set"
            )
        resolved[key.strip()] = value.strip()
    return resolved


def _print_tables(screen: Console, tables: Sequence[TextTable]) -> None:
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


def _describe(screen: Console, run: Any) -> None:
    """Tell what is about to be trained."""
    chain, focus = run.chain, run.focus
    center = ", ".join(f"{value:.3f}" for value in focus.center)
    screen.print(
        f"{chain.name}: joints {', '.join(chain.joint_names)}; reach {chain.reach:.3f} m.\n"
        f"Aspect of the home posture, one of {run.aspects}: {100 * run.joint_space:.1f}% of joint "
        f"space, reaching {100 * run.workspace:.1f}% of the workspace "
        f"(margin {run.config.arm.singularity_margin:g} of the largest det J).\n"
        f"Focus circle: centre ({center}) m, radius {focus.radius:.3f} m."
    )


@contextmanager
def arm_notes(screen: Console) -> Iterator[None]:
    """Print what loading a robot decides for the user."""
    import logging

    class Printer(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            screen.print(record.getMessage(), markup=False)

    logger = logging.getLogger("edge_ik.arms")
    handler = Printer()
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)


@contextmanager
def progress_report(screen: Console) -> Iterator[Report]:
    """A progress bar with the last validation's figures; plain lines without a terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    from edge_ik.report import millimetres

    def figures(row: Mapping[str, float] | None) -> str:
        if row is None:
            return "compiling"
        return (
            f"RMSE {millimetres(row['rmse_m'])} mm, max {millimetres(row['max_m'])} mm, "
            f"joint {row['joint_error_mean_deg']:.3g} deg"
        )

    if not screen.is_terminal:
        told = -1.0

        def lines(progress: Progress) -> None:
            nonlocal told
            if progress.row is not None and progress.row["step"] > told:
                told = progress.row["step"]
                screen.print(f"step {told:.0f} of {progress.steps}: {figures(progress.row)}")

        yield lines
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=screen) as bar:
        task = bar.add_task("compiling", total=None)

        def advance(progress: Progress) -> None:
            bar.update(
                task,
                total=progress.steps,
                completed=progress.step,
                description=figures(progress.row),
            )

        yield advance


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
