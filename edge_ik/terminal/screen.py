"""The console: text is shown as it is, and nothing in it acts on the terminal."""

from __future__ import annotations

import sys
from typing import Any, TextIO

from rich.console import Console
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

    def render_str(self, text: str, **options: Any) -> Text:
        """Every text that is printed, in a table or alone, comes through here."""
        return super().render_str(shown(text), **options)
