"""What is told while a training is prepared and goes on."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from firmware_host.progress import Done

if TYPE_CHECKING:
    from rich.console import Console

    from edge_ik.watcher import Progress, Report


@contextmanager
def arm_notes(screen: Console) -> Iterator[None]:
    """Print what loading a robot and preparing its training decide for the user."""

    class Printer(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            screen.print(record.getMessage())

    logger = logging.getLogger("edge_ik")
    handler = Printer()
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)


# How often passing seconds are told without a terminal [s].
TOLD_EVERY = 10.0
# A pace is known once it was measured over this long [s]; and told again if it changes by
# more than this share once validations are known.
PACE_SECONDS = 1.0
PACE_CHANGE = 0.2


@contextmanager
def passing_seconds(screen: Console, words: str, began: float | None = None) -> Iterator[None]:
    """Show how long something takes while it does, as no step of it can be counted.

    Args:
        screen: Where it is shown.
        words: What takes so long.
        began: When it began, as `time.perf_counter` counts [s]; now without it.
    """
    from edge_ik.terminal.bars import bar

    start = time.perf_counter() if began is None else began
    over = threading.Event()
    with bar(screen, words, start) as shown:
        if shown is not None:
            yield
            return

        def tell() -> None:
            while not over.wait(TOLD_EVERY):
                screen.print(f"{words}: {time.perf_counter() - start:.0f} s")

        with _beside(tell, over):
            yield


@contextmanager
def _beside(work: Callable[[], None], over: threading.Event) -> Iterator[None]:
    """Run something in a thread of its own until the block ends."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


class TimeTold:
    """Passes progress on, and tells how long all will take once the first steps are timed.

    Args:
        screen: Where it is told.
        report: What progress is passed on to.
        began: When the command began, as `time.perf_counter` counts [s].
    """

    def __init__(self, screen: Console, report: Report, began: float) -> None:
        self.screen, self.report, self.began = screen, report, began
        self.prepared = time.perf_counter() - began
        self.first: int | None = None
        self.anchor: tuple[int, float] | None = None
        self.told = 0.0
        self.final = False

    def __call__(self, progress: Progress) -> None:
        """Take note of progress."""
        self.report(progress)
        now = time.perf_counter()
        if self.first is None:
            self.first = progress.step
        elif self.anchor is None:
            # What came before is mostly compilation.
            self.anchor = (progress.step, now) if progress.step > self.first else None
        elif not self.final and progress.step < progress.steps:
            self._tell(progress, self.anchor, now)

    def _tell(self, progress: Progress, anchor: tuple[int, float], now: float) -> None:
        from edge_ik.tables import duration

        steps, seconds = progress.step - anchor[0], now - anchor[1]
        validated = progress.row is not None and progress.row["step"] > anchor[0]
        if steps <= 0 or not (seconds >= PACE_SECONDS or validated):
            return
        total = now - self.began + (progress.steps - progress.step) * seconds / steps
        self.final = validated
        if not self.told:
            self.screen.print(
                f"It will take about {duration(total)}: {duration(self.prepared)} of preparation, "
                f"then {progress.steps - (self.first or 0):,} steps at {steps / seconds:,.0f} a "
                "second.",
            )
        elif abs(total - self.told) > PACE_CHANGE * self.told:
            self.screen.print(f"With validations about {duration(total)} in all.")
        else:
            return
        self.told = total


@contextmanager
def _lines(screen: Console) -> Iterator[Report]:
    """A line for each validation, and passing seconds until the first steps are done."""
    told, start = -1.0, -1
    with ExitStack() as compiling:
        compiling.enter_context(passing_seconds(screen, "Compiling"))

        def line(progress: Progress) -> None:
            nonlocal told, start
            start = progress.step if start < 0 else start
            if progress.step > start:
                compiling.close()
            if progress.row is not None and progress.row["step"] > told:
                told = progress.row["step"]
                screen.print(f"step {told:.0f} of {progress.steps}: {_figures(progress.row)}")

        yield line


@contextmanager
def progress_report(screen: Console) -> Iterator[Report]:
    """A bar with the last validation's figures; plain lines without a terminal."""
    from edge_ik.terminal.bars import bar

    with bar(screen, "Compiling") as shown:
        if shown is None:
            with _lines(screen) as lines:
                yield lines
            return
        start = -1

        def advance(progress: Progress) -> None:
            nonlocal start
            start = progress.step if start < 0 else start
            if progress.step > start:
                what = "Training" if progress.row is None else _figures(progress.row)
                shown.show(Done(what, progress.step, progress.steps, "steps"))

        yield advance


def _figures(row: Mapping[str, float]) -> str:
    """What a validation found, the most important first."""
    from edge_ik.tables import millimetres

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
