"""What a target is: the parts that tasks are made of, and the table that names them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from firmware_host.errors import ConfigError
from firmware_host.tasks.orientation import TOOL_AXES, Direction, Free, Orientation, Rotation
from firmware_host.tasks.plane_angle import PLANES, AzimuthPlane, BasePlane, PlaneAngle
from firmware_host.tasks.task import SPACE, Task

__all__ = [
    "PLANES",
    "POSE",
    "POSITION",
    "SPACE",
    "TASKS",
    "TOOL_AXES",
    "Task",
    "TaskKind",
    "make_task",
]


@dataclass(frozen=True)
class TaskKind:
    """What a name stands for: of the pose error, the rows that a task keeps.

    Attributes:
        words: What a target is, in a few words.
        orientation: From the index of a tool axis and the plane to the rows of the
            orientation.
        in_plane: Whether places are in a plane, of two coordinates.
        directs: Whether a tool axis is chosen.
    """

    words: str
    orientation: Callable[[int, BasePlane], Orientation]
    in_plane: bool = False
    directs: bool = False

    @property
    def rows(self) -> int:
        """Rows of the task error."""
        return (2 if self.in_plane else 3) + self.orientation(0, BasePlane()).rows


# Every task by its name; a new one is a line here.
TASKS: dict[str, TaskKind] = {
    "position": TaskKind("a position", lambda axis, plane: Free()),
    "axis": TaskKind(
        "a position and the direction of one tool axis",
        lambda axis, plane: Direction(axis),
        directs=True,
    ),
    "pose": TaskKind("a position and the whole orientation", lambda axis, plane: Rotation()),
    "pitch": TaskKind(
        "a position and the pitch of one tool axis, from outward to upward",
        lambda axis, plane: PlaneAngle(axis, AzimuthPlane(), "pitch"),
        directs=True,
    ),
    "yaw": TaskKind(
        "a position and the rotation of one tool axis about the vertical",
        lambda axis, plane: PlaneAngle(axis, BasePlane("xy"), "yaw"),
        directs=True,
    ),
    "planar": TaskKind("two coordinates in a plane", lambda axis, plane: Free(), in_plane=True),
    "planar_pose": TaskKind(
        "two coordinates and the angle of one tool axis in a plane",
        lambda axis, plane: PlaneAngle(axis, plane, "angle"),
        in_plane=True,
        directs=True,
    ),
}


def make_task(name: str, tool_axis: str = "z", plane: str = "xy") -> Task:
    """The task of a name.

    Args:
        name: One of `TASKS`.
        tool_axis: Where one is directed: x, y or z.
        plane: Where places are in one: xy, xz or yz.

    Raises:
        ConfigError: If there is no such task, axis or plane.
    """
    if tool_axis not in TOOL_AXES:
        raise ConfigError(f"Unknown tool axis '{tool_axis}'. Expected one of: x, y, z.")
    if name not in TASKS:
        raise ConfigError(f"Unknown task '{name}'. Expected one of: {', '.join(TASKS)}.")
    kind, in_plane = TASKS[name], BasePlane(plane)
    orientation = kind.orientation(TOOL_AXES.index(tool_axis), in_plane)
    return Task(name, in_plane.indices if kind.in_plane else SPACE, orientation)


POSITION = make_task("position")
POSE = make_task("pose")
