"""The clock of a training that has a time limit: how fast it goes, and when to stop it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from edge_ik.tables import duration
from edge_ik.watcher import Progress, Report
from firmware_host.progress import Tell

Preparing = Callable[[], AbstractContextManager[object]]
"""Says that something is prepared, until that is done."""
Reporting = Callable[[], AbstractContextManager[Report]]
"""Opens a bar, and gives what reports to it how far a training is."""
Measuring = Callable[[], AbstractContextManager[Tell]]
"""Opens a bar, and gives what tells it how far a measurement is."""

# A pace is known once it was measured over this long [s], compilation aside.
MEASURED_SECONDS = 2.0
# Epochs of a training that may still be begun anew with fewer.
EARLY_EPOCHS = 2
# A training may last longer than was foreseen by this share: it is stopped in time anyway.
SLACK = 0.1
# The machine may be busier later: shorter trainings are planned with this reserve.
RESERVE = 1.1


class TimeIsUp(Exception):  # noqa: N818 - no error: it ends a training
    """The time is used up, and an epoch has just been saved."""


class TooLong(Exception):  # noqa: N818 - no error: it begins a training anew
    """A training will not end in time.

    Attributes:
        seconds_an_epoch: What an epoch takes [s].
        start_seconds: What came before its first step was measured [s].
    """

    def __init__(self, seconds_an_epoch: float, start_seconds: float) -> None:
        super().__init__()
        self.seconds_an_epoch = seconds_an_epoch
        self.start_seconds = start_seconds


class Clock:
    """Time used, over all processes that worked on it.

    Args:
        spent: Time used by those before this one [s].
    """

    def __init__(self, spent: float) -> None:
        self._before = spent - time.perf_counter()

    @property
    def spent(self) -> float:
        """Time used so far [s]."""
        return self._before + time.perf_counter()


class Pace:
    """Follows a training: tells how long it will take, and stops it if it takes too long.

    Args:
        clock: The time used.
        limit: When it has to end, as `clock` counts [s].
        epoch_steps: Steps of an epoch.
        may_shorten: Whether it may be begun anew with fewer epochs.
        tell: Called with a line once the pace is known.
        report: Called with all progress.
        saved: Called after each epoch.
    """

    def __init__(
        self,
        clock: Clock,
        limit: float,
        epoch_steps: int,
        may_shorten: bool,
        tell: Tell,
        report: Report,
        saved: Callable[[], None],
    ) -> None:
        self.clock, self.limit, self.epoch_steps = clock, limit, epoch_steps
        self.may_shorten, self.tell, self.report, self.saved = may_shorten, tell, report, saved
        self.began = clock.spent
        self.first: int | None = None
        self.anchor: tuple[int, float] | None = None
        self.told = False
        self.row_step = -1.0

    def __call__(self, progress: Progress) -> None:
        """Take note of progress.

        Raises:
            TooLong: If the training will not end in time, and may be begun anew.
            TimeIsUp: If the time is used up, after an epoch.
        """
        self.report(progress)
        now = self.clock.spent
        if self.first is None:
            self.first = progress.step
            self.row_step = -1.0 if progress.row is None else progress.row["step"]
            return
        epoch_ended = progress.row is not None and progress.row["step"] > self.row_step
        if progress.row is not None:
            self.row_step = progress.row["step"]
        if epoch_ended:
            self.saved()
        if progress.step >= progress.steps:
            return
        if epoch_ended and now >= self.limit:
            raise TimeIsUp
        if self.anchor is None:
            if progress.step > self.first:
                # What came before was compilation.
                self.anchor = (progress.step, now)
            return
        self._look_ahead(progress, now)

    def _look_ahead(self, progress: Progress, now: float) -> None:
        """Tell the pace once it is known; see `__call__`."""
        assert self.anchor is not None and self.first is not None  # noqa: S101, PT018 - narrows
        steps, seconds = progress.step - self.anchor[0], now - self.anchor[1]
        if steps <= 0 or seconds < MEASURED_SECONDS:
            return
        left = (progress.steps - progress.step) * seconds / steps
        if not self.told:
            self.told = True
            self.tell(
                f"{steps / seconds:,.0f} steps a second: about {duration(left)} to go, "
                f"{duration(now)} of {duration(self.limit)} used."
            )
        early = progress.step - self.first <= EARLY_EPOCHS * self.epoch_steps
        if early and self.may_shorten and now + left > self.limit + SLACK * left:
            raise TooLong(RESERVE * self.epoch_steps * seconds / steps, self.anchor[1] - self.began)
