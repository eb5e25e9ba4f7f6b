"""Numbers in the attributes of a description, and what is no number there."""

from __future__ import annotations

import math

from firmware_host.bounds import MOST_NUMBER
from firmware_host.errors import RobotError
from firmware_host.names import one_line


def numbers_in(
    joint: str, tag: str, attribute: str, value: str, count: int, finite: bool = True
) -> tuple[float, ...]:
    """The numbers that an attribute holds.

    Args:
        joint: Name of the joint, for the sentence.
        tag: Name of the element.
        attribute: Name of the attribute.
        value: Its text.
        count: How many numbers it must hold.
        finite: Whether they must be finite and no larger than `MOST_NUMBER`; a limit may be
            infinite where it is not used.

    Raises:
        RobotError: If it holds anything else.
    """
    numbers = [_number(word) for word in value.split()]
    good = [
        number
        for number in numbers
        if number is not None and (not finite or abs(number) <= MOST_NUMBER)
    ]
    if len(good) != len(numbers) or len(numbers) != count:
        expected = "a number" if count == 1 else "three finite numbers"
        raise RobotError(
            f"Joint '{joint}' has an unusable <{tag}>. Expected {attribute}={expected}. "
            f"Received: {attribute}='{one_line(value[:80])}'",
            joint,
        )
    return tuple(good)


def _number(word: str) -> float | None:
    """The number that a word stands for; None if it is none (float() takes '1_0' too)."""
    try:
        number = float(word) if word.isascii() and "_" not in word else math.nan
    except ValueError:
        return None
    return None if math.isnan(number) else number
