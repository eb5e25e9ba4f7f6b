"""A bar with what is being done, how fast and how long it takes; plain lines without a terminal."""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from rich.cells import cell_len, set_cell_size
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.segment import Segment

from edge_ik.terminal.native import native_lines
from edge_ik.terminal.screen import is_terminal
from firmware_host.names import one_line, shown
from firmware_host.progress import Done, Tell

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

# Drawn anew so often: what more often moves is not read, and what is rarer seems to stand.
DRAWN_A_SECOND = 4
# Columns of a terminal that does not know how many it has.
UNKNOWN_COLUMNS = 40
# From so many columns on the unit is named, and seconds are said to be left.
WIDE = 70
FEWEST_WORDS = 10
SHORTEST_BAR, LONGEST_BAR = 6, 30
# The rate is that of the last seconds, looked at so often [s].
RATE_SECONDS, SAMPLED_EVERY = 30.0, 0.1
# From here on a rate is told in whole numbers.
WHOLE = 10
LONGEST_LEFT = 100 * 3600.0
TURNING = "|/-\\"

_bars: WeakKeyDictionary[Console, Bar] = WeakKeyDictionary()


@contextmanager
def telling(screen: Console, ticking: bool = True) -> Iterator[Tell]:
    """What work tells, on a screen: its lines, and on a terminal a bar below them.

    Args:
        screen: Where it is shown.
        ticking: Whether the bar is also drawn while nothing is told, in a thread of its own;
            not where single calls are timed.
    """
    with bar(screen, ticking=ticking) as shown_bar:

        def tell(told: str | Done) -> None:
            counted = isinstance(told, Done)
            line = told.line if isinstance(told, Done) else told
            if line and not (counted and shown_bar):
                screen.print(line)
            if shown_bar is not None:
                shown_bar.show(told if isinstance(told, Done) else None)

        yield tell


@contextmanager
def bar(
    screen: Console, words: str = "", began: float | None = None, ticking: bool = True
) -> Iterator[Bar | None]:
    """A bar in the last line of a terminal, gone with the block; None without a terminal.

    Within the block of another bar it takes that one's place.

    Args:
        screen: Where it is shown.
        words: What is done while nothing is counted.
        began: When that began, as `time.perf_counter` counts [s]; now without it.
        ticking: As in `telling`.
    """
    if not screen.is_interactive or screen.quiet:
        yield None
        return
    outer = _bars.get(screen)
    if outer is not None:
        before = outer.words, outer.began, outer.done
        outer.begin(words, began)
        try:
            yield outer
        finally:
            outer.words, outer.began, outer.done = before
        return
    with native_lines(screen):
        found = _bars[screen] = Bar(screen, ticking)
        found.begin(words, began)
        try:
            with found.live:
                yield found
        finally:
            del _bars[screen]


class Bar:
    """One line that tells how far something has come.

    Args:
        screen: Where it is shown.
        ticking: As in `telling`.
    """

    def __init__(self, screen: Console, ticking: bool = True) -> None:
        self.screen, self.ticking = screen, ticking
        self.words, self.began = "", time.perf_counter()
        self.done: Done | None = None
        self._samples: deque[tuple[float, int]] = deque()
        self._drawn = 0.0
        # What is printed elsewhere must not come to this terminal.
        self.live = Live(
            self,
            console=screen,
            auto_refresh=ticking,
            refresh_per_second=DRAWN_A_SECOND,
            transient=True,
            redirect_stdout=is_terminal(sys.stdout),
            redirect_stderr=is_terminal(sys.stderr),
        )

    def begin(self, words: str, began: float | None = None) -> None:
        """Something begins of which nothing is counted yet."""
        self.words, self.done = words, None
        self.began = time.perf_counter() if began is None else began

    def show(self, done: Done | None) -> None:
        """Show how far it has come, or without that that something else begins."""
        now = time.perf_counter()
        if done is None or not done.total:
            words = "" if done is None else done.what
            if self.done is not None or words != self.words or done is None:
                self.begin(words)
        else:
            self._count(done, now)
        if not self.ticking and now >= self._drawn + 1 / DRAWN_A_SECOND:
            self._drawn = now
            self.live.refresh()

    def _count(self, done: Done, now: float) -> None:
        last, self.done = self.done, done
        same = last is not None and (last.total, last.unit) == (done.total, done.unit)
        if last is None or not same or done.count < last.count:
            self._samples = deque([(now, done.count)])
        elif now >= self._samples[-1][0] + SAMPLED_EVERY:
            self._samples.append((now, done.count))
            while len(self._samples) > 2 and now > self._samples[0][0] + RATE_SECONDS:
                self._samples.popleft()

    @property
    def rate(self) -> float:
        """What is done in a second; 0 until that is known."""
        (first, before), (last, after) = self._samples[0], self._samples[-1]
        return (after - before) / (last - first) if last > first else 0.0

    def seconds_left(self) -> float | None:
        """How long it will take from now on [s]; None until that is known."""
        done, rate, (last, count) = self.done, self.rate, self._samples[-1]
        if done is None or not rate:
            return None
        return max(0.0, last + (done.total - count) / rate - time.perf_counter())

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The line, as long as there is room: a terminal wraps what is longer."""
        width = options.max_width if _columns_known(console) else UNKNOWN_COLUMNS
        # Some terminals begin a new line behind the last column.
        width, done = min(width, options.max_width) - 1, self.done
        if done is None:
            yield Segment(_fitted(self._passing(), width, console))
            return
        figures = self._figures(done, width)
        room = width - sum(len(figure) + 1 for figure in figures)
        length = min(max(width // 4, SHORTEST_BAR), LONGEST_BAR)
        length = length if room > length + FEWEST_WORDS else 0
        words = _fitted(done.what, room - length - bool(length), console)
        yield Segment(words)
        if length:
            yield Segment(" " * bool(words))
            shown_bar = ProgressBar(done.total, done.count, width=length)
            yield from shown_bar.__rich_console__(console, options)
        yield Segment("".join(f" {figure}" for figure in figures)[:width])

    def _passing(self) -> str:
        seconds = time.perf_counter() - self.began
        turning = TURNING[int(DRAWN_A_SECOND * seconds) % len(TURNING)]
        return f"{turning} {self.words}{': ' * bool(self.words)}{seconds:.0f} s"

    def _figures(self, done: Done, width: int) -> list[str]:
        """Share, rate and time left, as many as there is room for."""
        found = [f"{100 * done.count // done.total:3d}%"]
        rate, left = self.rate, self.seconds_left()
        if rate:
            wide = f"{_number(rate)} {done.unit}/s"
            found.append(wide if width >= WIDE else f"{_short(rate)}/s")
        if left is not None and left < LONGEST_LEFT:
            found.append(f"{_clock(left)} left" if width >= WIDE else _clock(left))
        while len(found) > 1 and sum(map(len, found)) + len(found) > width:
            found.pop(1)
        return found


def _columns_known(console: Console) -> bool:
    """Whether a terminal says how wide it is: over a serial line it may say 0."""
    if os.environ.get("COLUMNS", "").strip("0").isdigit():
        return True
    try:
        return os.get_terminal_size(console.file.fileno()).columns > 0
    except (OSError, ValueError, AttributeError):
        return True


def _fitted(words: str, width: int, console: Console) -> str:
    """Words in the screen's encoding, cut where there is no more room."""
    encoding = console.encoding
    text = one_line(shown(words)).encode(encoding, "backslashreplace").decode(encoding)
    if cell_len(text) <= width:
        return text
    end = "\u2026" if encoding.startswith("utf") else ".."
    return set_cell_size(text, width - len(end)) + end if width > len(end) else ""


def _short(rate: float) -> str:
    """A rate in few characters: 0.12, 3.4, 56, 789, 1.2k, 34k, 5.6M."""
    for factor, letter in ((1e6, "M"), (1e3, "k"), (1.0, "")):
        if rate >= factor:
            return f"{_number(rate / factor)}{letter}"
    return _number(rate)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= WHOLE else f"{value:.2g}"


def _clock(seconds: float) -> str:
    """Seconds as 0:12 or 1:02:03."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
