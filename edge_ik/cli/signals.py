"""Signals that ask a command to end: it ends in order, and says what Ctrl-C says."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

# The shell's status of a program that a signal ended is this and the signal's number.
ENDED = 128
# SIGHUP is that of a terminal that was closed; Windows has none.
ASKING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


class Interrupted(KeyboardInterrupt):
    """A signal asks for the end, as Ctrl-C does.

    Attributes:
        signal: Its number.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.signal = number


def status(error: KeyboardInterrupt) -> int:
    """The status that a program ends with for this."""
    return ENDED + (error.signal if isinstance(error, Interrupted) else signal.SIGINT)


@contextmanager
def signals_interrupt() -> Iterator[None]:
    """Let the first of such signals end the block as Ctrl-C would, so that all is tidied up.

    A second one ends the process at once. One that is ignored, as `nohup` has it, stays so.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in ASKING}

    def interrupt(number: int, frame: FrameType | None) -> NoReturn:
        for each in ASKING:
            signal.signal(each, signal.SIG_DFL)
        raise Interrupted(number)

    for number, handler in before.items():
        if handler == signal.SIG_DFL:
            signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            with suppress(TypeError):  # A handler that C has set cannot be set from here.
                signal.signal(number, handler)
