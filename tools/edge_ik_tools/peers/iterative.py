"""Solvers that iterate inside one call of theirs: ikpy, TRAC-IK, Robotics Toolbox."""

from __future__ import annotations

import numpy as np

from edge_ik_tools.peers.peer import Peer, PeerRefusedError, frame_of, named, urdf_file
from edge_ik_tools.peers.urdf_text import TIP
from firmware_host.chain import FloatArray
from firmware_host.joints import PRISMATIC
from firmware_host.problem import IkProblem
from firmware_host.tasks import TOOL_AXES

# RTB's own default accepts an error of 1.4 mm.
RTB_TOLERANCE = 1e-12
# TRAC-IK's default. What it solves depends on how much of this time the machine gives it.
TRAC_IK_TIMEOUT = 0.005  # [s]


def ikpy(problem: IkProblem, start: FloatArray) -> Peer:
    """ikpy: SciPy's bounded least squares."""
    from ikpy.chain import Chain as IkpyChain

    chain, task = problem.chain, problem.task
    # How the package names what is directed: nothing, one axis or all.
    modes = {0: None, 1: "".join(TOOL_AXES[axis].upper() for axis in task.directions), 3: "all"}
    n = len(chain)
    with urdf_file(chain) as path:
        mask = [False, *[True] * n, False]
        robot = IkpyChain.from_urdf_file(str(path), base_elements=["link0"], active_links_mask=mask)
    first = np.concatenate([[0.0], start, [0.0]])

    def solve(frame: FloatArray) -> FloatArray:
        answer = robot.inverse_kinematics_frame(
            frame, initial_position=first, orientation_mode=modes[len(task.directions)]
        )
        return np.asarray(answer[1 : n + 1])

    return Peer(named("ikpy", "ikpy"), solve, lambda target: frame_of(task, target))


def tracik(problem: IkProblem, start: FloatArray) -> Peer:
    """TRAC-IK through pytracik: Newton and sequential quadratic programming side by side."""
    chain, task = problem.chain, problem.task
    if not task.is_whole:
        raise PeerRefusedError("solves whole poses only")
    from trac_ik import TracIK

    with urdf_file(chain) as path:
        robot = TracIK("link0", TIP, str(path), timeout=TRAC_IK_TIMEOUT)

    def given(target: FloatArray) -> tuple[FloatArray, FloatArray]:
        return target[:3], np.ascontiguousarray(frame_of(task, target)[:3, :3])

    def solve(pose: tuple[FloatArray, FloatArray]) -> FloatArray | None:
        answer = robot.ik(*pose, start)
        return None if answer is None else np.asarray(answer)

    note = f"times out at {1e3 * TRAC_IK_TIMEOUT:g} ms, so load lowers its share"
    return Peer(named("pytracik", "TRAC-IK (pytracik)"), solve, given, note=note)


def rtb(problem: IkProblem, start: FloatArray) -> Peer:
    """Robotics Toolbox: Levenberg-Marquardt in C++ with up to 100 restarts."""
    chain, task = problem.chain, problem.task
    if task.has_orientation and not task.is_whole:
        raise PeerRefusedError("weighs axes of the base frame, not the direction of a tool axis")
    from roboticstoolbox import ET, ETS

    elements = []
    for link, joint in zip(chain.links, chain.joints, strict=False):
        moved = ET.tz if joint.kind == PRISMATIC else ET.Rz
        elements += [ET.SE3(link), moved(qlim=[joint.lower, joint.upper])]
    robot = ETS([*elements, ET.SE3(chain.links[-1])])
    mask = None if task.is_whole else np.array([1.0, 1, 1, 0, 0, 0])

    def solve(frame: FloatArray) -> FloatArray | None:
        answer = robot.ik_LM(frame, q0=start, tol=RTB_TOLERANCE, mask=mask)
        q, success = (answer.q, answer.success) if hasattr(answer, "q") else answer[:2]
        return np.asarray(q) if success else None

    note = f"tolerance {RTB_TOLERANCE:g} instead of its own, which accepts 1.4 mm"
    name = named("roboticstoolbox-python", "Robotics Toolbox")
    return Peer(name, solve, lambda target: frame_of(task, target), note=note)
