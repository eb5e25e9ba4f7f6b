"""Whether an arm can do all that a task asks: the rank of the task's Jacobian."""

from __future__ import annotations

import numpy as np

from edge_ik.data.streams import aspect_stream
from firmware_host.chain import Chain
from firmware_host.errors import RobotError
from firmware_host.problem import IkProblem
from firmware_host.tasks import TOOL_AXES, Axis, Task

# Random configurations that J is looked at in: where one has full rank, nearly all have.
CONFIGURATIONS = 256
# J has full rank where its smallest singular value is at least this share of the largest.
# An arm worth training has a tenth somewhere; a joint that turns about the asked axis leaves
# what its description was rounded to, some 1e-5.
LEAST_SHARE = 1e-3
# The order in which tool axes are looked at: tools mostly point along z.
PREFERENCE = ("z", "x", "y")


def has_full_rank(problem: IkProblem) -> bool:
    """Whether the task's Jacobian has as many independent rows as the task, somewhere."""
    if problem.joints < problem.task.rows:
        return False
    chain = problem.chain
    q = aspect_stream().uniform(chain.lower, chain.upper, (CONFIGURATIONS, problem.joints))
    J = problem.jacobian(*chain.place(q)) * chain.scales
    values = np.linalg.svd(J, compute_uv=False)
    return bool(np.any(values[:, -1] > LEAST_SHARE * values[:, 0]))


def working_axes(chain: Chain) -> tuple[str, ...]:
    """The tool axes that the arm can direct, the usual one first."""
    return tuple(
        name for name in PREFERENCE if has_full_rank(IkProblem(chain, Axis.with_options(name)))
    )


def chosen_axis(chain: Chain) -> str:
    """The tool axis to direct if none is asked for: the first that the arm can direct."""
    return next(iter(working_axes(chain)), PREFERENCE[0])


def check_rank(problem: IkProblem) -> None:
    """Refuse a chain that is singular everywhere.

    Raises:
        RobotError: Then; for the task "axis" it names the tool axes that work.
    """
    if has_full_rank(problem):
        return
    chain, task = problem.chain, problem.task
    advice = "Choose a tip that lies off the last joint's axis."
    working = working_axes(chain) if isinstance(task, Axis) else ()
    if working:
        options = " or ".join(f"--tool-axis {name}" for name in working)
        advice = f"It can direct the tool's {' and '.join(working)}: {options}."
    raise RobotError(
        f"Robot '{chain.name}' cannot move its tool in all {_ways(task)}: its Jacobian lacks rank "
        f"in every posture (det J is 0 everywhere). {advice}",
        chain.name,
    )


def _ways(task: Task) -> str:
    """What an arm that is not singular everywhere can move its tool in."""
    if isinstance(task, Axis):
        return f"three directions and turn its {TOOL_AXES[task.tool_axis]} axis about two"
    known = {
        "position": "three directions",
        "pose": "three directions and turn it about three",
    }
    return known.get(task.name, f"{task.rows} ways of its task")
