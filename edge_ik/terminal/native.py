"""What native libraries write to standard error while a bar is on the terminal."""

from __future__ import annotations

import faulthandler
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from edge_ik.terminal.screen import is_terminal

if TYPE_CHECKING:
    from rich.console import Console

# A process that was begun meanwhile may keep the pipe open; it is not waited for longer [s].
PATIENCE = 1.0


@contextmanager
def native_lines(screen: Console) -> Iterator[None]:
    """Print in lines above a bar what is written past Python to the terminal.

    TensorFlow writes to the file descriptor, at the end of the bar that stands there. Nothing
    is held back, and where standard error is no terminal nothing is done.
    """
    if os.name != "posix" or not is_terminal(sys.stderr):
        yield
        return
    kept = os.dup(2)
    reader, writer = os.pipe()
    sys.stderr.flush()
    os.dup2(writer, 2)
    os.close(writer)
    with os.fdopen(kept, "w", encoding=sys.stderr.encoding, errors="backslashreplace") as terminal:
        if screen.stderr:
            # The bar itself must not go through the pipe.
            before, screen.file = screen.file, terminal
        lines = threading.Thread(target=_print_lines, args=(screen, reader), daemon=True)
        lines.start()
        try:
            with _crashes_told(terminal.fileno()):
                yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            lines.join(PATIENCE)
            if screen.stderr:
                screen.file = before


def _print_lines(screen: Console, reader: int) -> None:
    """Print what comes through a pipe until it is closed."""
    with os.fdopen(reader, encoding="utf-8", errors="backslashreplace") as lines:
        for line in lines:
            screen.print(line.rstrip("\n"))


@contextmanager
def _crashes_told(terminal: int) -> Iterator[None]:
    """Let a process that is ended by a signal say where; what is in a pipe is lost with it."""
    enabled = faulthandler.is_enabled()
    faulthandler.enable(terminal)
    try:
        yield
    finally:
        if enabled:
            faulthandler.enable()
        else:
            faulthandler.disable()
