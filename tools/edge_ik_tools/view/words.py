"""Words of the page."""

from __future__ import annotations

from typing import Any


def branch_label(number: int, name: str) -> str:
    """A branch in a list."""
    return f"{number}: {name}"


def millimetres(distance: float) -> str:
    """A distance [m] in words."""
    return f"{1e3 * distance:.4g} mm off"


def table(figures: dict[str, Any]) -> str:
    """Figures as a Markdown table."""
    rows = [f"| {safe(str(key))} | {safe(str(value))} |" for key, value in figures.items()]
    return "\n".join(["| | |", "|---|---|", *rows])


def safe(text: str) -> str:
    """Text of which nothing acts in the page's Markdown, where braces are programs."""
    return "".join(
        character if character.isalnum() or character in " .,:%" else f"&#{ord(character)};"
        for character in text
    )
