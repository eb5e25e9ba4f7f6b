"""What work tells of itself while it goes on: lines, and how much of it is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Done:
    """How far work has come.

    Attributes:
        what: What is being done, in a few words.
        count: How much of it is done.
        total: How much there is; 0 where that cannot be counted, and time alone passes.
        unit: What is counted, in the plural.
        line: What is said of it where no bar can be shown; nothing if it is empty.
    """

    what: str
    count: int = 0
    total: int = 0
    unit: str = "targets"
    line: str = ""


# Called with lines, which stay to be read, and between them with how much is done.
Tell = Callable[[str | Done], None]
"""Takes a line about the work, or how much of it is done."""


def untold(told: str | Done) -> None:
    """Tell nobody."""
