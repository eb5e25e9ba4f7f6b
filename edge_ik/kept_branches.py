"""What a run folder keeps of its network's heads."""

from __future__ import annotations

from pathlib import Path
from shlex import quote

from firmware_host.errors import RunError
from firmware_host.json_text import read_json
from firmware_host.names import brief
from firmware_host.spec import ONE_BRANCH, Branch, read_branches


def numbered_branches(heads: int) -> tuple[Branch, ...]:
    """The branches of heads that nothing is known of yet."""
    if heads == 1:
        return ONE_BRANCH
    return tuple(Branch(str(number), 0.0, 0.0) for number in range(heads))


def kept_branches(path: Path, heads: int) -> tuple[Branch, ...]:
    """What was found of the heads after training, if it has come to its end.

    Args:
        path: The file of a run folder.
        heads: How many heads its network has.

    Raises:
        RunError: If the file is damaged, or of another network.
    """
    if not path.is_file():
        return numbered_branches(heads)
    try:
        branches = read_branches(read_json(path)["branches"])
        if len(branches) != heads:
            raise ValueError(f"it names {len(branches)} branches of {heads} heads")
    except (OSError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise RunError(
            f"{path} is damaged: {type(error).__name__}: {brief(str(error))}. Delete it, and have "
            f"it written anew with: edge-ik train --resume {quote(str(path.parent))}"
        ) from error
    return branches
