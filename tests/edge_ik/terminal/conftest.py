"""Programs in a terminal of their own, and what is left on its screen."""

import fcntl
import os
import re
import struct
import subprocess
import sys
import termios
from dataclasses import dataclass, field

import pytest

CONTROL = re.compile(r"\x1b\[([?\d;]*)([A-Za-z])|\r|\n|[^\x1b\r\n]")


@dataclass
class Display:
    """What a terminal of some columns makes of the characters that it gets.

    Attributes:
        columns: Its width.
        rows: The rows so far.
        wrapped: Rows that were too long for it.
        cursor_shown: Whether the cursor is there.
        seen: Every row at every time that it was left or drawn over.
    """

    columns: int
    rows: list[list[str]] = field(default_factory=lambda: [[]])
    wrapped: list[str] = field(default_factory=list)
    cursor_shown: bool = True
    seen: list[str] = field(default_factory=list)
    row: int = 0
    column: int = 0

    def write(self, text):
        for found in CONTROL.finditer(text):
            character, (given, command) = found[0], found.groups()
            if command is not None:
                self._control(given, command)
            elif character == "\r":
                self.column = 0
            elif character == "\n":
                self._leave()
                self.row += 1
            else:
                self._put(character)
        return self

    def _leave(self):
        while len(self.rows) <= self.row:
            self.rows.append([])
        self.seen.append("".join(self.rows[self.row]).rstrip())

    def _put(self, character):
        if self.column >= self.columns:
            self._leave()
            self.wrapped.append(self.seen[-1])
            self.row, self.column = self.row + 1, 0
        while len(self.rows) <= self.row:
            self.rows.append([])
        line = self.rows[self.row]
        line.extend(" " * (self.column + 1 - len(line)))
        line[self.column] = character
        self.column += 1

    def _control(self, given, command):
        if command == "A":
            self.row -= int(given or 1)
        elif command == "K":
            self._leave()
            self.rows[self.row] = []
        elif (given, command) in {("?25", "l"), ("?25", "h")}:
            self.cursor_shown = command == "h"
        else:
            assert command == "m", (given, command)

    @property
    def lines(self):
        """The rows that are left, but for empty ones at the end."""
        return "\n".join("".join(row).rstrip() for row in self.rows).rstrip().split("\n")


@dataclass
class Ended:
    """A program that ended: its exit status, its terminal, and what it wrote to a pipe."""

    code: int
    display: Display
    raw: str
    piped: str


@pytest.fixture
def in_terminal():
    """Function that runs Python in a terminal of some columns, one stream piped if asked for."""

    def run(*arguments, columns=40, piped=None, **environment):
        master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        kept = {name: value for name, value in os.environ.items() if name not in CLEARED}
        streams = {"stdin": slave, "stdout": slave, "stderr": slave}
        if piped is not None:
            streams[piped] = subprocess.PIPE
        program = subprocess.Popen(
            [sys.executable, "-P", *map(str, arguments)],
            **streams,
            env={**kept, "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8", **environment},
        )
        os.close(slave)
        parts = []
        while True:
            try:
                part = os.read(master, 65536)
            except OSError:  # How Linux says that the other end is closed.
                break
            if not part:
                break
            parts.append(part)
        os.close(master)
        written = program.communicate()[0 if piped == "stdout" else 1]
        raw = b"".join(parts).decode()
        display = Display(columns or 80).write(raw)
        return Ended(program.returncode, display, raw, (written or b"").decode())

    return run


CLEARED = {"COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"}
