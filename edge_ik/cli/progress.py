"""What is told while a training is prepared and goes on."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from edge_ik.watcher import Progress, Report


@contextmanager
def arm_notes(screen: Console) -> Iterator[None]:
    """Print what loading a robot and preparing its training decide for the user."""

    class Printer(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            screen.print(record.getMessage(), markup=False)

    logger = logging.getLogger("edge_ik")
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
        return ", ".join(
            [
                f"solved {100 * row['solved']:.2f}%",
                f"network RMSE {millimetres(row['rmse_m'])} mm",
                f"max {millimetres(row['max_m'])} mm",
            ]
            + [
                f"{label} {row[name]:.3g} deg"
                for label, name in (
                    ("rotation", "rotation_mean_deg"),
                    ("joint", "joint_error_mean_deg"),
                )
                if name in row
            ]
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
