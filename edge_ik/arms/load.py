"""From a built-in name or a URDF file to the chain between two links."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_ik.arms.builtin import arm_names, builtin_arms
from edge_ik.arms.tree import build_tree, chain_between, default_ends
from edge_ik.arms.urdf import MAX_BYTES, parse_urdf
from firmware_host.chain import Chain
from firmware_host.errors import RobotError

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ArmSelection:
    """A chain, and what was decided for the user to get it.

    Attributes:
        chain: The chain from `chain.base` to `chain.tip`.
        notes: Sentences for the user: what was selected, and what was left out and why.
    """

    chain: Chain
    notes: tuple[str, ...]


def load_arm(
    name_or_path: str | os.PathLike[str],
    base: str | None = None,
    tip: str | None = None,
    tool_offset: Sequence[float] = (),
) -> Chain:
    """Load a robot; log at INFO level which chain was selected.

    Args:
        name_or_path: Name of a built-in robot (it wins over a file of that name), or
            path of a URDF file.
        base: Link where the chain starts.
        tip: Link where it ends. Without it, the longest chain from the base.
        tool_offset: A frame behind the tip; see `Chain.with_tool_offset`.

    Returns:
        The chain of revolute and continuous joints; fixed joints are folded into it.

    Raises:
        RobotError: If the description or the selected chain cannot be used.
        MissingExtraError: If the URDF library is not installed.
    """
    selection = select_arm(name_or_path, base, tip)
    for note in selection.notes:
        logger.info(note)
    chain = selection.chain.with_tool_offset(tool_offset)
    if tool_offset:
        place = ", ".join(f"{1e3 * part:g}" for part in tool_offset[:3])
        logger.info(f"The tool is '{chain.tip}', at {place} mm in '{selection.chain.tip}'.")
    return chain


def select_arm(
    name_or_path: str | os.PathLike[str], base: str | None = None, tip: str | None = None
) -> ArmSelection:
    """Load a robot and say what was selected.

    With neither `base` nor `tip`, the chain is the longest run of revolute and
    continuous joints in the tree. With `base` alone it is the longest that starts
    there, and with `tip` alone it starts at the root link. Longest means most moving
    joints, then most links, then first in the file. A default chain never crosses a
    joint of another kind, so it ends at a gripper's wrist.

    Arguments and errors are those of `load_arm`.
    """
    robot = parse_urdf(_description(name_or_path), source=os.fspath(name_or_path))
    tree = build_tree(robot)
    notes: tuple[str, ...] = ()
    if tip is None:
        base, tip, notes = default_ends(tree, base)
    chain = chain_between(tree, tree.root if base is None else base, tip)
    count = f"{len(chain)} moving joint" + ("s" if len(chain) > 1 else "")
    selected = f"Robot '{chain.name}': {count} from link '{chain.base}' to '{chain.tip}'."
    return ArmSelection(chain, (selected, *notes))


def _description(name_or_path: str | os.PathLike[str]) -> bytes:
    """The URDF text of a built-in robot or a file."""
    builtin = builtin_arms().get(os.fspath(name_or_path))
    if builtin is not None:
        return builtin.urdf()
    where = os.fspath(name_or_path)
    expected = f"Expected a URDF file, or a built-in robot: {', '.join(arm_names())}."
    path = Path(name_or_path)
    try:
        if not path.exists():
            raise RobotError(f"There is no file '{where}'. {expected}", where)
        # Also keeps devices and pipes out, which could be read without end.
        if not path.is_file():
            raise RobotError(f"'{where}' is not a file. {expected}", where)
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise RobotError(f"File '{where}' cannot be read: {error}. {expected}", where) from error
    if len(data) > MAX_BYTES:
        raise RobotError(
            f"File '{where}' is too large. Expected at most {MAX_BYTES:,} bytes.", where
        )
    return data
