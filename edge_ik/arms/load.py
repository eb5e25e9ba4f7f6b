"""From a name or a file to the chain between two links."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

from edge_ik.arms.ends import default_ends
from edge_ik.arms.fold import chain_between
from edge_ik.arms.sources import read_description
from edge_ik.arms.tree import LinkTree, build_tree, listed
from firmware_host.chain import Chain
from firmware_host.errors import RobotError
from firmware_host.names import brief
from firmware_host.servo import Servo
from firmware_host.servos import Servos

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ArmSelection:
    """A chain, and what was decided for the user to get it.

    Attributes:
        chain: The chain from `chain.base` to `chain.tip`.
        notes: Sentences for the user: what was selected, and what was left out and why.
        servos: What moves the robot's joints, of a description that says so; also those that
            are not on the chain.
    """

    chain: Chain
    notes: tuple[str, ...]
    servos: tuple[Servo, ...] = ()

    def chain_servos(self) -> Servos | None:
        """What moves the joints of the chain, if the description says so.

        Raises:
            RobotError: If one has no servo, or one that cannot move it.
        """
        if not self.servos:
            return None
        own = self.chain.joint_names
        return Servos(self.chain, tuple(servo for servo in self.servos if servo.joint in own))


def load_arm(
    name_or_path: str | os.PathLike[str],
    base: str | None = None,
    tip: str | None = None,
    tool_offset: Sequence[float] = (),
) -> Chain:
    """Load a robot; log at INFO level which chain was selected.

    What comes in is told by its content, not by the name of the file.

    Args:
        name_or_path: Name of a built-in robot (it wins over a file of that name); path of
            a URDF, xacro, MJCF or robot TOML file; or "robot_descriptions:NAME" for a
            robot of that package.
        base: Link where the chain starts.
        tip: Link where it ends. Without it, the longest chain from the base.
        tool_offset: A frame behind the tip; see `Chain.with_tool_offset`.

    Returns:
        The chain of revolute, continuous and prismatic joints; fixed joints are folded into
        it, and joints that follow others are moved by these.

    Raises:
        RobotError: If the description or the selected chain cannot be used.
        MissingExtraError: If a package is missing that the format needs.
    """
    return load_selection(name_or_path, base, tip, tool_offset).chain


def load_selection(
    name_or_path: str | os.PathLike[str],
    base: str | None = None,
    tip: str | None = None,
    tool_offset: Sequence[float] = (),
) -> ArmSelection:
    """Load a robot as `load_arm` does, with what else its description says."""
    selection = select_arm(name_or_path, base, tip)
    for note in selection.notes:
        logger.info(note)
    chain = selection.chain.with_tool_offset(tool_offset)
    if chain is not selection.chain:
        place = ", ".join(f"{1e3 * part:g}" for part in tool_offset[:3])
        logger.info(f"The tool is '{chain.tip}', at {place} mm in '{selection.chain.tip}'.")
    return replace(selection, chain=chain)


def select_arm(
    name_or_path: str | os.PathLike[str], base: str | None = None, tip: str | None = None
) -> ArmSelection:
    """Load a robot and say what was selected.

    With neither `base` nor `tip`, the chain is the longest run of joints that can be used.
    With `base` alone it is the longest that starts there, and with `tip` alone it starts at
    the root link. Longest means most free joints, then most links, then first in the file.
    A default chain ends before fingers, and at an end effector if a link has the name of one.

    Arguments and errors are those of `load_arm`.
    """
    return select_chain(build_tree(read_description(name_or_path)), base, tip)


def select_chain(tree: LinkTree, base: str | None = None, tip: str | None = None) -> ArmSelection:
    """Take a chain from a robot's tree, as `select_arm` does."""
    for what, link in (("base", base), ("tip", tip)):
        if link is not None and not isinstance(link, str):
            raise RobotError(
                f"Expected the name of a link for {what}. Received: {brief(repr(link))}"
            )
    chosen: tuple[str, ...] = ()
    if tip is None:
        base, tip, chosen = default_ends(tree, base)
    elif base is None:
        tree.require(tip, "tip")
        base = tree.root_of(tip)
    folded = chain_between(tree, base, tip)
    chain = folded.chain
    count = f"{len(chain)} moving joint" + ("s" if len(chain) > 1 else "")
    selected = f"Robot '{chain.name}': {count} from link '{chain.base}' to '{chain.tip}'."
    notes = (selected, *chosen, *_pieces(tree, base), *tree.description.notes, *folded.notes)
    return ArmSelection(chain, notes, tree.description.servos)


def _pieces(tree: LinkTree, base: str) -> tuple[str, ...]:
    """A sentence on the other pieces of a robot that is in several."""
    own = tree.root_of(base)
    others = [root for root in tree.roots if root != own]
    if not others:
        return ()
    return (f"The file is in several pieces; those below {listed(others)} are not used.",)
