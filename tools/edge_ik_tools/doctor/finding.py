"""What was found of one part."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Finding:
    """One part of an installation.

    Attributes:
        name: What was looked for.
        purpose: What it is for.
        works: Whether it is there and does its work.
        found: What was found: versions, a path, or why it does not work.
        advice: What to do where it does not, or "".
    """

    name: str
    purpose: str
    works: bool
    found: str
    advice: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)
