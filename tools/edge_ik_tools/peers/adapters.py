"""Other solvers of inverse kinematics, each behind the same call.

Every adapter takes the robot as edge-ik has it, and starts from the same posture. What a
package cannot do is refused with the reason, which the comparison prints.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable, Iterator

from edge_ik_tools.peers.closed_forms import eaik, ssik
from edge_ik_tools.peers.iterative import ikpy, rtb, tracik
from edge_ik_tools.peers.peer import Peer, PeerRefusedError, is_common
from edge_ik_tools.peers.stepwise import mink, pin, placo
from firmware_host.chain import FloatArray
from firmware_host.installed import install_command
from firmware_host.problem import IkProblem

# By the name to install: the module that must be there, and what makes a peer of it.
ADAPTERS: dict[str, tuple[str, Callable[[IkProblem, FloatArray], Peer]]] = {
    "ikpy": ("ikpy", ikpy),
    "pytracik": ("trac_ik", tracik),
    "roboticstoolbox-python": ("roboticstoolbox", rtb),
    "eaik": ("eaik", eaik),
    "ssik": ("ssik", ssik),
    "pin": ("pinocchio", pin),
    "placo": ("placo", placo),
    "mink": ("mink", mink),
}


def peers(problem: IkProblem, start: FloatArray) -> Iterator[tuple[str, Peer | str]]:
    """The name of each package, and its peer or the reason why there is none.

    Args:
        problem: The robot and what a target is.
        start: (n,) posture that iterations start from [rad].
    """
    for package, (module, make) in ADAPTERS.items():
        if importlib.util.find_spec(module) is None:
            yield package, f"not installed: {install_command('peers')}"
            continue
        if not is_common(problem.task):
            yield package, f"solves no such task as '{problem.task.name}'"
            continue
        if problem.chain.has_followers:
            yield package, "is not asked: it takes no joints that follow others as one"
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield package, make(problem, start)
        except PeerRefusedError as refused:
            yield package, str(refused)
        except (ImportError, OSError, RuntimeError, ValueError, TypeError, AttributeError) as error:
            # Another package's fault must not end the comparison of the others.
            yield package, f"fails with {type(error).__name__}: {error}"
