"""Other solvers of inverse kinematics, each behind the same call.

Every adapter takes the robot as edge-ik has it, a target as its components, and starts
from the same posture. What a package cannot do is refused with the reason, which the
comparison prints.
"""

from __future__ import annotations

import importlib.util
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from edge_ik_tools.peers.urdf_text import TIP, chain_urdf
from firmware_host.chain import FloatArray
from firmware_host.errors import EdgeIkError
from firmware_host.installed import install_command
from firmware_host.joints import PRISMATIC
from firmware_host.kinematics import forward_kinematics
from firmware_host.problem import IkProblem
from firmware_host.tasks import SPACE, TOOL_AXES, Task

# RTB's own default accepts an error of 1.4 mm.
RTB_TOLERANCE = 1e-12
# TRAC-IK's default. What it solves depends on how much of this time the machine gives it.
TRAC_IK_TIMEOUT = 0.005  # [s]
# The loop of Pinocchio's documentation, with its numbers.
PIN_STEPS, PIN_TOLERANCE, PIN_RATE, PIN_DAMPING = 1000, 1e-4, 1e-1, 1e-12

Solve = Callable[[FloatArray], FloatArray | None]


class PeerRefusedError(EdgeIkError):
    """A package is not installed, or cannot solve this robot's task."""


@dataclass(frozen=True)
class Peer:
    """One other solver, ready for one robot and task.

    Attributes:
        name: Name and version of the package.
        solve: From a target's components (k,) to q (n,) [rad], or None.
        solve_batch: From targets (N, k) to that many answers, if the package has such a call.
        note: What to know about its figures.
    """

    name: str
    solve: Solve
    solve_batch: Callable[[FloatArray], Sequence[FloatArray | None]] | None = None
    note: str = ""


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
        if not _is_common(problem.task):
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


def _named(package: str, title: str) -> str:
    return f"{title} {version(package)}"


def _is_common(task: Task) -> bool:
    """Whether other packages know the task: a position, and the direction of tool axes."""
    return task.place == SPACE and task.orientation.size == 3 * len(task.directions)


def _frame(task: Task, target: FloatArray) -> FloatArray:
    """A target's components as a pose (4, 4), with the axes that are not directed left alone."""
    frame = np.eye(4)
    frame[:3, 3] = target[:3]
    for axis, direction in zip(task.directions, target[3:].reshape(-1, 3), strict=True):
        frame[:3, axis] = direction
    return frame


def _ikpy(problem: IkProblem, start: FloatArray) -> Peer:
    """ikpy: SciPy's bounded least squares."""
    from ikpy.chain import Chain as IkpyChain

    chain, task = problem.chain, problem.task
    # How the package names what is directed: nothing, one axis or all.
    modes = {0: None, 1: "".join(TOOL_AXES[axis].upper() for axis in task.directions), 3: "all"}
    with tempfile.TemporaryDirectory(prefix="edge-ik-") as folder:
        path = Path(folder) / "robot.urdf"
        path.write_text(chain_urdf(chain), encoding="utf-8")
        n = len(chain)
        mask = [False, *[True] * n, False]
        robot = IkpyChain.from_urdf_file(str(path), base_elements=["link0"], active_links_mask=mask)
    first = np.concatenate([[0.0], start, [0.0]])

    def solve(target: FloatArray) -> FloatArray:
        answer = robot.inverse_kinematics_frame(
            _frame(task, target),
            initial_position=first,
            orientation_mode=modes[len(task.directions)],
        )
        return np.asarray(answer[1 : n + 1])

    return Peer(_named("ikpy", "ikpy"), solve)


def _tracik(problem: IkProblem, start: FloatArray) -> Peer:
    """TRAC-IK through pytracik: Newton and sequential quadratic programming side by side."""
    chain, task = problem.chain, problem.task
    if not task.is_whole:
        raise PeerRefusedError("solves whole poses only")
    from trac_ik import TracIK

    with tempfile.TemporaryDirectory(prefix="edge-ik-") as folder:
        path = Path(folder) / "robot.urdf"
        path.write_text(chain_urdf(chain), encoding="utf-8")
        robot = TracIK("link0", TIP, str(path), timeout=TRAC_IK_TIMEOUT)

    def solve(target: FloatArray) -> FloatArray | None:
        rotation = np.ascontiguousarray(_frame(task, target)[:3, :3])
        answer = robot.ik(target[:3], rotation, start)
        return None if answer is None else np.asarray(answer)

    note = f"times out at {1e3 * TRAC_IK_TIMEOUT:g} ms, so load lowers its share"
    return Peer(_named("pytracik", "TRAC-IK (pytracik)"), solve, note=note)


def _rtb(problem: IkProblem, start: FloatArray) -> Peer:
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

    def solve(target: FloatArray) -> FloatArray | None:
        answer = robot.ik_LM(_frame(task, target), q0=start, tol=RTB_TOLERANCE, mask=mask)
        q, success = (answer.q, answer.success) if hasattr(answer, "q") else answer[:2]
        return np.asarray(q) if success else None

    note = f"tolerance {RTB_TOLERANCE:g} instead of its own, which accepts 1.4 mm"
    return Peer(_named("roboticstoolbox-python", "Robotics Toolbox"), solve, note=note)


def _eaik(problem: IkProblem, start: FloatArray) -> Peer:
    """EAIK: closed forms by subproblem decomposition, for arms that have one."""
    chain, task, n = problem.chain, problem.task, problem.joints
    whole = task.is_whole
    if not ((whole and n == 6) or (not task.has_orientation and n == 3)):
        raise PeerRefusedError(f"has no closed form for {n} joints and the task '{task.name}'")
    if chain.prismatic.any():
        raise PeerRefusedError("has no closed form for joints that slide")
    from eaik.IK_HP import HPRobot

    zero = np.zeros(n)
    walked = problem.walked(*problem.chain.place(zero))
    pose = forward_kinematics(chain, zero)
    H, origins = np.array(walked.axes, dtype=float), np.array(walked.origins, dtype=float)
    points = np.vstack([origins, pose[:3, 3]])
    if not whole:
        # A wrist that turns about the tool's position leaves the three joints what they are.
        H = np.vstack([H, np.eye(3)[[2, 1, 2]]])
        points = np.vstack([origins, *[pose[:3, 3]] * 4])
    P = np.diff(points, axis=0, prepend=np.zeros((1, 3)))
    robot = HPRobot(H, P)
    if not robot.hasKnownDecomposition():
        raise PeerRefusedError("knows no closed form for this arm")
    middle = chain.middle

    def frame(target: FloatArray) -> FloatArray:
        result = _frame(task, target)
        if whole:
            result[:3, :3] = result[:3, :3] @ pose[:3, :3].T
        return result

    def choose(answer: Any) -> FloatArray | None:
        """The solution nearest to the start of those within the limits."""
        q = np.asarray(answer.Q, dtype=float).reshape(-1, len(H))[:, :n]
        # Least-squares answers are for targets that the branch does not reach.
        exact = ~np.asarray(answer.is_LS, dtype=bool).reshape(-1)[: len(q)]
        q = q[exact & np.isfinite(q).all(axis=1)]
        if not len(q):
            return None
        q = q - 2 * np.pi * np.round((q - middle) / (2 * np.pi))
        held = chain.within_limits(q)
        distance = np.abs(q - start).max(axis=1)
        best = int(np.argmin(np.where(held, distance, np.inf)))
        chosen: FloatArray = q[best]
        return chosen

    def solve_batch(targets: FloatArray) -> list[FloatArray | None]:
        answers = robot.IK_batched(np.array([frame(row) for row in targets]), 1)
        return [choose(answer) for answer in answers]

    return Peer(
        _named("eaik", "EAIK"),
        lambda target: choose(robot.IK(frame(target))),
        solve_batch,
        note="a closed form: gives every branch, exact, no iteration",
    )


def _pin(problem: IkProblem, start: FloatArray) -> Peer:
    """Pinocchio: the closed-loop inverse kinematics of its documentation."""
    task, whole = problem.task, problem.task.is_whole
    if task.has_orientation and not whole:
        raise PeerRefusedError("its documented loop has poses, and positions, only")
    import pinocchio

    model = pinocchio.buildModelFromXML(chain_urdf(problem.chain))
    data = model.createData()
    tool = model.getFrameId(TIP)

    def solve(target: FloatArray) -> FloatArray | None:
        rotation = _frame(task, target)[:3, :3]
        wanted = pinocchio.SE3(np.ascontiguousarray(rotation), target[:3])
        q = start.copy()
        for _ in range(PIN_STEPS):
            pinocchio.framesForwardKinematics(model, data, q)
            moved = data.oMf[tool].actInv(wanted)
            if whole:
                error = pinocchio.log(moved).vector
                jlog = pinocchio.Jlog6(moved.inverse())
            else:
                error, jlog = moved.translation, np.eye(6)
            if np.linalg.norm(error) < PIN_TOLERANCE:
                return q
            J = pinocchio.computeFrameJacobian(model, data, q, tool)
            J = -(jlog @ J)[: task.rows]
            gram = J @ J.T + PIN_DAMPING * np.eye(task.rows)
            v = -J.T @ np.linalg.solve(gram, error)
            q = pinocchio.integrate(model, q, v * PIN_RATE)
        return None

    return Peer(
        _named("pin", "Pinocchio"),
        solve,
        note="the loop of its documentation, in Python, which ignores limits",
    )


ADAPTERS: dict[str, tuple[str, Callable[[IkProblem, FloatArray], Peer]]] = {
    "ikpy": ("ikpy", _ikpy),
    "pytracik": ("trac_ik", _tracik),
    "roboticstoolbox-python": ("roboticstoolbox", _rtb),
    "eaik": ("eaik", _eaik),
    "pin": ("pinocchio", _pin),
}
