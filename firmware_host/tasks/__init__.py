"""What a target is: one file for each task, and the table that names them."""

from __future__ import annotations

from firmware_host.errors import ConfigError
from firmware_host.tasks.axis import Axis
from firmware_host.tasks.pose import Pose
from firmware_host.tasks.position import Position
from firmware_host.tasks.task import TOOL_AXES, Task

__all__ = [
    "POSE",
    "POSITION",
    "TASKS",
    "TOOL_AXES",
    "Axis",
    "Pose",
    "Position",
    "Task",
    "make_task",
]

# Every task by its name; a new one is a file and an entry here.
TASKS: dict[str, type[Task]] = {task.name: task for task in (Position, Axis, Pose)}

POSITION = Position()
POSE = Pose()


def make_task(name: str, tool_axis: str = "z") -> Task:
    """The task of a name, and for "axis" of a tool axis: x, y or z.

    Raises:
        ConfigError: If there is no such task or axis.
    """
    if tool_axis not in TOOL_AXES:
        raise ConfigError(f"Unknown tool axis '{tool_axis}'. Expected one of: x, y, z.")
    if name not in TASKS:
        raise ConfigError(f"Unknown task '{name}'. Expected one of: {', '.join(TASKS)}.")
    return TASKS[name].with_options(tool_axis)
