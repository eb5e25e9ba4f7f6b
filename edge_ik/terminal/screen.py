"""The console: text is shown as it is, and nothing in it acts on the terminal."""

from __future__ import annotations

import shutil
import sys
from typing import Any, NoReturn, TextIO

from rich.console import Console, ConsoleDimensions
from rich.text import Text

from firmware_host.names import shown


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a standard stream is a terminal; one that was closed is None."""
    return stream is not None and stream.isatty()


class Screen(Console):
    """A console for text from anywhere: names of a robot's parts, paths, messages.

    Brackets and colons mean nothing, and what is not printable is shown as its escape.
    """

    def __init__(self, stderr: bool = False, quiet: bool = False) -> None:
        stream = sys.stderr if stderr else sys.stdout
        super().__init__(
            stderr=stderr,
            quiet=quiet,
            highlight=False,
            soft_wrap=True,
            markup=False,
            emoji=False,
            # FORCE_COLOR asks for colours in a file, not for lines drawn over again.
            force_interactive=None if is_terminal(stream) else False,
        )

    @property
    def size(self) -> ConsoleDimensions:
        """Columns and rows; COLUMNS=0 says nothing of them, and is no screen without room."""
        told = super().size
        return ConsoleDimensions(told.width or shutil.get_terminal_size().columns, told.height)

    @size.setter
    def size(self, new_size: tuple[int, int]) -> None:
        self._width, self._height = new_size

    def on_broken_pipe(self) -> NoReturn:
        """Leave to the command line what follows of it, where Rich would end with status 1."""
        self.quiet = True
        raise BrokenPipeError

    def render_str(self, text: str, **options: Any) -> Text:
        """Every text that is printed, in a table or alone, comes through here."""
        return super().render_str(shown(text), **options)
