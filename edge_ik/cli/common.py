"""What the commands share: options, the console, and the imports they need."""

from __future__ import annotations

import functools
import json
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from edge_ik.quiet import quiet_native_log
from firmware_host.errors import BrokenPackageError, MissingExtraError, RunError
from firmware_host.model_file import read_model
from firmware_host.names import one_line, shown
from firmware_host.solving.checks import MOST_STEPS
from firmware_host.tasks import PLANES, TOOL_AXES
from firmware_host.tolerances import FARTHEST_TARGET, SOLVED_POSITION, SOLVED_ROTATION, Tolerance

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from firmware_host.chain import Chain
    from firmware_host.tables import TextTable


class NumbersOption(click.Option):
    """An option of several numbers, as many as are given: `--target 0.1 -0.2`, or `0.1,-0.2`."""

    def __init__(self, param_decls: Sequence[str], **values: Any) -> None:
        super().__init__(param_decls, **{"callback": _numbers, **values})


class NumbersCommand(click.Command):
    """A command whose options may be a `NumbersOption`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Join the numbers that follow such an option into its one value."""
        names = {name for p in self.params if isinstance(p, NumbersOption) for name in p.opts}
        joined: list[str] = []
        gathering = False
        for word in args:
            if gathering and _is_number(word):
                joined[-1] = f"{joined[-1]} {word}".lstrip()
                continue
            gathering = word in names
            joined += [word, ""] if gathering else [word]
        return super().parse_args(ctx, joined)


class Number(click.FloatRange):
    """A finite number in a range, in the unit that the option is given in."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The number; NaN, which is neither above nor below another, is refused with infinity."""
        found: float = super().convert(value, param, ctx)
        if not math.isfinite(found):
            self.fail(f"{value} is no finite number.", param, ctx)
        return found


def _is_number(word: str) -> bool:
    """Whether a word is a number, or several with commas between them."""
    try:
        return bool(_split(word))
    except ValueError:
        return False


def _split(text: str) -> tuple[float, ...]:
    return tuple(map(float, text.replace(",", " ").split()))


def _numbers(
    ctx: click.Context, param: click.Parameter, value: str | None
) -> tuple[float, ...] | None:
    if value is None:
        return None
    try:
        found = _split(value)
    except ValueError:
        found = ()
    if not found:
        raise click.BadParameter("expected numbers behind it", ctx, param)
    return found


def _offset(
    ctx: click.Context, param: click.Parameter, value: str | None
) -> tuple[float, ...] | None:
    found = _numbers(ctx, param, value)
    good = found is None or (len(found) in (3, 7) and all(map(math.isfinite, found)))
    if not good or (found is not None and len(found) == 7 and not any(found[3:])):
        raise click.BadParameter(
            "expected x, y, z in metres, and perhaps a quaternion w, x, y, z, not all 0. "
            f"Received: {value}",
            ctx,
            param,
        )
    return found


tool_axis_option = click.option(
    "--tool-axis",
    type=click.Choice(TOOL_AXES),
    help="Where the task directs one axis of the tool, which.  [default: one that the arm can "
    "direct]",
)
plane_option = click.option(
    "--plane",
    type=click.Choice(PLANES),
    help="For a planar task, of which axes of the base.  [default: the one that the tool moves in]",
)
tool_offset_option = click.option(
    "--tool-offset",
    cls=NumbersOption,
    callback=_offset,
    metavar="X Y Z [W X Y Z]",
    help="A tool's frame behind the tip [m], and a quaternion if it is turned.",
)
servos_option = click.option(
    "--servos",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="TOML file with a table [servos.JOINT] for each joint: pulses or ticks for its angles.  "
    "[default: those of the robot TOML, if it has some]",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
runtime_option = click.option(
    "--runtime",
    help="For a .tflite: litert, tflite-runtime, tflite-micro, reference or firmware.",
)

steps_option = click.option(
    "--steps",
    type=click.IntRange(0, MOST_STEPS),
    help="Refinement steps.  [default: 3 for a position, else 4]",
)


def tolerance_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Two options that say how near to a target counts as solved.

    The command gets them as one argument `tolerance`: a `Tolerance`, or None without them.
    """

    @functools.wraps(command)
    def with_tolerance(
        *args: Any, tolerance: float | None, rotation_tolerance: float | None, **values: Any
    ) -> Any:
        chosen = None
        if (tolerance, rotation_tolerance) != (None, None):
            chosen = Tolerance(
                SOLVED_POSITION if tolerance is None else tolerance / 1e3,
                SOLVED_ROTATION if rotation_tolerance is None else math.radians(rotation_tolerance),
            )
        return command(*args, tolerance=chosen, **values)

    found = click.option(
        "--rotation-tolerance",
        type=Number(0, 180, min_open=True),
        metavar="DEG",
        help="Angle, where a target has an orientation, below which it counts as solved.  "
        "[default: 0.1]",
    )(with_tolerance)
    return click.option(
        "--tolerance",
        type=Number(0, round(1e3 * FARTHEST_TARGET), min_open=True),
        metavar="MM",
        help="Distance below which a target counts as solved.  [default: 1]",
    )(found)


def is_model_file(path: Path, runtime: str | None) -> bool:
    """Whether a path is an exported model; otherwise it is a run folder.

    Raises:
        RunError, ModelFileError: If it is neither.
        click.BadParameter: If a runtime is asked for that a run folder has no use for.
    """
    if path.is_dir():
        _check_run(path)
        if runtime is not None:
            raise click.BadParameter(
                "a run folder is solved by Keras; export it first", param_hint="--runtime"
            )
        return False
    if path.suffix.lower() == ".tflite":
        read_model(path)
        return True
    found = "a file of another kind" if path.exists() else "nothing"
    raise RunError(
        f"Expected a run folder or a .tflite file. Received: '{path}', where there is {found}."
    )


def _check_run(folder: Path) -> None:
    """A RunError if a folder is no run, with the models that lie in it."""
    from edge_ik.run_folder import check_run_folder

    try:
        check_run_folder(folder)
    except RunError as error:
        models = ", ".join(quote(str(model)) for model in _models_in(folder))
        raise RunError(f"{error} In it there is: {models}" if models else str(error)) from error


def _models_in(folder: Path) -> list[Path]:
    """The models that lie in a folder, or in the export of a run."""
    return sorted([*folder.glob("*.tflite"), *folder.glob("export/*.tflite")])


def exported_model(path: Path) -> Path:
    """The model that is meant: a file as it is, of a run the one that was exported of it.

    Raises:
        RunError, ModelFileError: If a folder has none, or several, or the file is no model.
    """
    if not path.is_dir():
        read_model(path)
        return path
    found = _models_in(path)
    if len(found) == 1:
        say(f"Taking '{found[0]}'.", error=True)
        return found[0]
    if found:
        several = ", ".join(quote(str(model)) for model in found)
        raise RunError(f"'{path}' has several models. Expected one of them: {several}")
    _check_run(path)
    raise RunError(
        f"Expected a .tflite file. Received: '{path}', a folder that none was exported into. "
        f"Of a run, export one with: edge-ik export {quote(str(path))}"
    )


def check_joints(values: Sequence[float], chain: Chain, option: str) -> None:
    """Refuse joints that are not one finite number for each that moves by itself.

    Raises:
        click.BadParameter: If they are others.
    """
    count = len(values)
    if count == len(chain) and all(map(math.isfinite, values)):
        return
    received = "a NaN or infinity" if count == len(chain) else f"{count} number{'s' * (count != 1)}"
    raise click.BadParameter(
        f"expected {len(chain)} finite numbers, one a joint: {', '.join(chain.joint_names)}. "
        f"Received {received}",
        param_hint=option,
    )


@contextmanager
def training_stack(purpose: str, tensorflow: bool = True) -> Iterator[None]:
    """Import the training side quietly; tell which extra is missing if it is.

    Without TensorFlow it is SciPy that is needed of it, which a lighter extra has, too.
    """
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
        raise MissingExtraError(package, "train" if tensorflow else "report", purpose) from error
    except ImportError as error:
        package = (error.name or "").partition(".")[0]
        if package in {"edge_ik", "firmware_host", "edge_ik_tools", ""}:
            raise
        raise BrokenPackageError(package, purpose, error) from error


def console(stderr: bool = False, quiet: bool = False) -> Console:
    """Where tables and sentences go."""
    from edge_ik.terminal.screen import Screen

    return Screen(stderr, quiet)


def bold(text: object, before: str = "", after: str = "") -> Text:
    """A sentence with something bold in it, such as a path.

    Args:
        text: What is bold.
        before: The words before it.
        after: The words behind it.
    """
    from rich.text import Text

    return Text.assemble(shown(before), (one_line(str(text)), "bold"), shown(after))


def say(text: str, error: bool = False) -> None:
    """Print a sentence on standard output, or on standard error."""
    click.echo(shown(text), err=error)


def print_json(values: Mapping[str, Any]) -> None:
    """Print JSON alone on standard output."""
    click.echo(json.dumps(values, indent=2))


def print_tables(screen: Console, tables: Sequence[TextTable]) -> None:
    """Print tables of figures; those without heads are lists of properties."""
    from edge_ik.tables import rows_table

    for title, columns, rows in tables:
        table = rows_table(title, columns, rows)
        if not any(columns):
            table.show_header = False
            table.columns[-1].justify = "left"
            table.columns[-1].overflow = "fold"
        screen.print(table)
