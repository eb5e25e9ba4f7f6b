"""Whether an arm can do all that a task asks: the rank of the task's Jacobian."""

from __future__ import annotations

import itertools

import numpy as np

from edge_ik.data.streams import aspect_stream
from firmware_host.chain import Chain, FloatArray
from firmware_host.errors import RobotError
from firmware_host.kinematics import forward_kinematics, jacobian
from firmware_host.problem import IkProblem
from firmware_host.tasks import PLANES, TASKS, TOOL_AXES, Task, make_task
from firmware_host.tasks.orientation import Direction, Rotation
from firmware_host.tasks.plane_angle import PARALLEL, AzimuthPlane, BasePlane, PlaneAngle

# Random configurations that J is looked at in: where one has full rank, nearly all have.
CONFIGURATIONS = 256
# J has full rank where its smallest singular value is at least this share of the largest.
# An arm worth training has a tenth somewhere; a joint that turns about the asked axis leaves
# what its description was rounded to, some 1e-5.
LEAST_SHARE = 1e-3
# An axis that mostly projects onto no more of a plane has no angle in it worth asking for.
LEAST_PROJECTION = 0.1
# Projections this near to the longest are as good.
ALIKE = 0.9
# The order in which tool axes are looked at: tools mostly point along z.
PREFERENCE = ("z", "x", "y")


def _configurations(chain: Chain) -> FloatArray:
    return aspect_stream().uniform(chain.lower, chain.upper, (CONFIGURATIONS, len(chain)))


def has_full_rank(problem: IkProblem) -> bool:
    """Whether the task's Jacobian has as many independent rows as the task, somewhere."""
    if problem.joints < problem.task.rows:
        return False
    q = _configurations(problem.chain)
    if isinstance(problem.task.orientation, PlaneAngle) and _projection(problem) < LEAST_PROJECTION:
        return False
    J = problem.jacobian(*problem.chain.place(q)) * problem.chain.scales
    values = np.linalg.svd(J, compute_uv=False)
    return bool(np.any(values[:, -1] > LEAST_SHARE * values[:, 0]))


def _projection(problem: IkProblem) -> float:
    """How long the tool axis' projection on the plane of its angle mostly is."""
    orientation = problem.task.orientation
    if not isinstance(orientation, PlaneAngle):
        return 1.0
    poses = forward_kinematics(problem.chain, _configurations(problem.chain))
    place = [poses[:, axis, 3] for axis in problem.task.place]
    a = poses[:, :3, orientation.axis]
    parts = [sum(axis[k] * a[:, k] for k in range(3)) for axis in orientation.plane.axes(place)]
    return float(np.median(np.hypot(*parts)))


def working_tasks(chain: Chain, name: str) -> tuple[Task, ...]:
    """The tasks of a name that the arm can do, the usual one first.

    Args:
        chain: The robot.
        name: One of `TASKS`; its tasks differ in their tool axes and planes.
    """
    kind = TASKS[name]
    axes = PREFERENCE if kind.directs else PREFERENCE[:1]
    planes = PLANES if kind.in_plane else PLANES[:1]
    problems = [
        IkProblem(chain, make_task(name, axis, plane))
        for plane, axis in itertools.product(planes, axes)
    ]
    working = [problem for problem in problems if has_full_rank(problem)]
    if any(isinstance(problem.task.orientation, PlaneAngle) for problem in working):
        working = _by_projection(working)
    return tuple(problem.task for problem in working)


def _by_projection(problems: list[IkProblem]) -> list[IkProblem]:
    """Problems of angles: those first whose axis lies in the plane and points along the tool."""
    lengths = [_projection(problem) for problem in problems]

    def rank(number: int) -> tuple[bool, float]:
        problem = problems[number]
        offset = problem.chain.tool[:3, :3].T @ problem.chain.tool[:3, 3]
        along = abs(offset[getattr(problem.task.orientation, "axis", 2)])
        short = lengths[number] < ALIKE * max(lengths)
        return short, -round(float(along / max(float(np.linalg.norm(offset)), PARALLEL)), 6)

    return [problems[number] for number in sorted(range(len(problems)), key=rank)]


def possible_tasks(chain: Chain) -> tuple[str, ...]:
    """Names of the tasks that the arm can do with some tool axis, in some plane."""
    return tuple(name for name in TASKS if working_tasks(chain, name))


def moving_plane(chain: Chain) -> str | None:
    """The plane of two of the base's axes that the tool moves in, or None: it moves in space.

    Raises:
        RobotError: If it moves in a plane that is none of these.
    """
    q = _configurations(chain)
    linear = jacobian(chain, *chain.place(q))[:, :3]  # (N, 3, n)
    ways = np.moveaxis(linear, 1, 0).reshape(3, -1)
    left, values, _ = np.linalg.svd(ways, full_matrices=False)
    if values[2] > LEAST_SHARE * values[0]:
        return None
    normal = np.abs(left[:, 2])
    if normal.max() < 1 - PARALLEL:
        raise RobotError(
            f"The tool of robot '{chain.name}' moves in a plane that is none of the base's: its "
            f"normal is ({', '.join(f'{part:.3f}' for part in left[:, 2])}). Expected a base link "
            "two of whose axes are in that plane: give another with --base, or add one.",
            chain.name,
        )
    across = int(np.argmax(normal))
    return "".join(axis for index, axis in enumerate(TOOL_AXES) if index != across)


def chosen_task(chain: Chain, name: str, tool_axis: str = "", plane: str = "") -> Task:
    """The task of a name with what nobody chose: a tool axis and a plane that work.

    Args:
        chain: The robot.
        name: One of `TASKS`.
        tool_axis: The tool axis, or nothing to have one found.
        plane: The plane, or nothing to have it found.

    Raises:
        RobotError: If the tool moves in space, or in a plane that is none of the base's, and
            none is named.
    """
    kind = TASKS[name]
    if kind.in_plane and not plane:
        found = moving_plane(chain)
        if found is None:
            raise RobotError(
                f"The tool of robot '{chain.name}' moves in space. Expected a plane for the task "
                f"'{name}': {', '.join(f'--plane {word}' for word in PLANES)}.",
                chain.name,
            )
        plane = found
    if kind.directs and not tool_axis:
        working = [
            task.orientation
            for task in working_tasks(chain, name)
            if not plane or task.options().get("plane") in (None, plane)
        ]
        axes = [o.axis for o in working if isinstance(o, (Direction, PlaneAngle))]
        tool_axis = TOOL_AXES[axes[0]] if axes else PREFERENCE[0]
    return make_task(name, tool_axis or PREFERENCE[0], plane or PLANES[0])


def check_rank(problem: IkProblem) -> None:
    """Refuse a chain that is singular everywhere.

    Raises:
        RobotError: Then; it names the tool axes, planes or tasks that work.
    """
    if has_full_rank(problem):
        return
    chain, task = problem.chain, problem.task
    raise RobotError(
        f"Robot '{chain.name}' cannot move its tool in all {_ways(task)}: its Jacobian lacks rank "
        f"in every posture (det J is 0 everywhere). {_advice(chain, task)}",
        chain.name,
    )


def _advice(chain: Chain, task: Task) -> str:
    """What works instead."""
    working = working_tasks(chain, task.name)
    plane = task.options().get("plane")
    here = [other for other in working if other.options().get("plane") == plane]
    if here:
        axes = [other.options()["tool_axis"] for other in here]
        options = " or ".join(f"--tool-axis {axis}" for axis in axes)
        return f"It can direct the tool's {' and '.join(axes)}: {options}."
    if working:
        planes = dict.fromkeys(other.options()["plane"] for other in working)
        return f"It can in another plane: {' or '.join(f'--plane {word}' for word in planes)}."
    tip = "Choose a tip that lies off the last joint's axis."
    others = [f"--task {name}" for name in possible_tasks(chain)]
    return f"{tip[:-1]}, or what it can do: {' or '.join(others)}." if others else tip


def _ways(task: Task) -> str:
    """What an arm that is not singular everywhere can move its tool in."""
    places = (
        "three directions" if task.plane is None else f"directions of the {task.plane.name} plane"
    )
    match task.orientation:
        case Direction(axis=axis):
            return f"{places} and turn its {TOOL_AXES[axis]} axis about two"
        case Rotation():
            return f"{places} and turn it about three"
        case PlaneAngle(axis=axis, plane=AzimuthPlane()):
            return f"{places} and pitch its {TOOL_AXES[axis]} axis"
        case PlaneAngle(axis=axis, plane=BasePlane(name=plane)):
            return f"{places} and turn its {TOOL_AXES[axis]} axis in the {plane} plane"
    return places if task.orientation.rows == 0 else f"{task.rows} ways of its task"
