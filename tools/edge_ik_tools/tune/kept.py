"""Records of a search or a goal on disk, read back or refused in a sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from firmware_host.errors import EdgeIkError, RunError
from firmware_host.json_text import read_json
from firmware_host.names import brief

T = TypeVar("T")


def read_kept(path: Path, read: Callable[[Any], T]) -> T:
    """What a file keeps, by a function of its values.

    Raises:
        RunError: If the file cannot be read, or the function cannot make anything of it.
    """
    try:
        # Figures of what has gone wrong are not finite.
        return read(read_json(path, finite=False))
    except EdgeIkError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise RunError(
            f"{path} cannot be read: {type(error).__name__}: {brief(str(error))}."
        ) from error
