"""A target as the network sees it: less what turns along with the robot's outer joints.

Where turning a target about the first joint's axis makes a target again, it turns that
joint and nothing else; the same holds for the last joint's axis. Which of them hold is found
from the chain and the task, and the network sees the target turned back: the turns are
added to its answer. Where none holds, it sees the target's components as they are. Targets
without an orientation, of few dimensions, are told as they are, too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from firmware_host.chain import Chain
from firmware_host.kinematics import Scalar, add, components, dot, frames, mul, sub
from firmware_host.tasks.orientation import Direction, Rotation, vectors_of
from firmware_host.tasks.plane_angle import BasePlane, PlaneAngle, are_parallel
from firmware_host.tasks.turn import AXIS_RADIUS, AboutFirstAxis, Encoding, Turn, turn_of

if TYPE_CHECKING:
    from firmware_host.tasks.task import Task

# Configurations that an axis is looked at in: where it stays parallel in all, it always does.
CONFIGURATIONS = 16

Features = dict[str, Scalar]
Turns = dict[int, Turn]


def encoded(task: Task, chain: Chain, target: Sequence[Scalar], xp: Any) -> Encoding:
    """A target's features and turns; see `Task.encode`."""
    features, turns = _encoded(task, chain, target, xp)
    return Encoding([*features.values()], turns)


@lru_cache(maxsize=256)
def feature_names(task: Task, chain: Chain) -> tuple[str, ...]:
    """Names of the features of any target."""
    return tuple(_encoded(task, chain, [1.0] * task.size, math)[0])


@lru_cache(maxsize=256)
def turning_joints(task: Task, chain: Chain) -> tuple[int, ...]:
    """Joints that any target turns."""
    return tuple(_encoded(task, chain, [1.0] * task.size, math)[1])


def _encoded(task: Task, chain: Chain, target: Sequence[Scalar], xp: Any) -> tuple[Features, Turns]:
    """Features by name, and turns by joint."""
    if not task.has_orientation:
        return _place(task, chain, target, xp), {}
    encoder = ENCODERS.get(type(task.orientation))
    if encoder is None or not turns_first(task, chain):
        return dict(zip(task.component_names, target, strict=True)), {}
    return encoder(task, chain, target, xp)


def turns_first(task: Task, chain: Chain) -> bool:
    """Whether a target turned about the first joint's axis is the same but for that joint."""
    axis = chain.link_columns[0][2]
    normal = None if task.plane is None else task.plane.normal
    stays = normal is None or are_parallel(axis, normal)
    return stays and task.orientation.turns_about(axis)


@lru_cache(maxsize=256)
def turns_last(task: Task, chain: Chain) -> bool:
    """Whether a target turned about the last joint's axis is the same but for that joint."""
    orientation = task.orientation
    if isinstance(orientation, Rotation):
        return True
    if not (isinstance(orientation, PlaneAngle) and isinstance(orientation.plane, BasePlane)):
        return False
    if len(chain) == 1 or not turns_first(task, chain):
        return False
    rng = np.random.default_rng(0)
    q = rng.uniform(chain.lower, chain.upper, (CONFIGURATIONS, len(chain)))
    last = frames(chain, components(np.sin(q)), components(np.cos(q))).axes[-1]
    along = np.abs(np.asarray(dot(orientation.plane.normal, last)))
    return bool(np.all(along > 1 - 1e-9))


def _place(task: Task, chain: Chain, target: Sequence[Scalar], xp: Any) -> Features:
    """The coordinates, radial distance and azimuth.

    Distance and azimuth are taken about the first joint's axis, in the frame of that
    joint: for an arm that yaws about a vertical axis these are the usual cylindrical
    coordinates.
    """
    named = dict(zip(task.component_names, target, strict=True))
    if not turns_first(task, chain):
        return named
    x_axis, y_axis, _, origin = chain.link_columns[0]
    point = _position(task, chain, target)
    offset = [sub(point[k], origin[k]) for k in range(3)]
    u, v = dot(x_axis, offset), dot(y_axis, offset)
    radial = xp.sqrt(add(u * u + v * v, AXIS_RADIUS**2))
    return {**named, "radial": radial, "sin_azimuth": v / radial, "cos_azimuth": u / radial}


def _position(task: Task, chain: Chain, place: Sequence[Scalar]) -> list[Scalar]:
    """x, y, z [m] of a place, with the first joint's coordinate where it leaves one open."""
    position: list[Scalar] = [*chain.link_columns[0][3]]
    for axis, part in zip(task.place, place, strict=True):
        position[axis] = part
    return position


def _first_turn(task: Task, chain: Chain, turn: Turn) -> Features:
    """With joints to spare, how far the target is turned.

    Such an arm chooses its posture by the limits of the first joint as well.
    """
    return {"sin_azimuth": turn.sin, "cos_azimuth": turn.cos} if _spare(task, chain) else {}


def _last_turn(task: Task, chain: Chain, turn: Turn) -> Features:
    return {"sin_roll": turn.sin, "cos_roll": turn.cos} if _spare(task, chain) else {}


def _spare(task: Task, chain: Chain) -> bool:
    return len(chain) > task.rows


def _cylindrical(place: AboutFirstAxis, direction: Sequence[Scalar]) -> Features:
    """Cylindrical coordinates of a point and of a direction, turned to azimuth 0."""
    r, t, z = place.turned(direction)
    # How far the line along the direction passes the first axis: joints that move the tool
    # a little aside are told by it, and by nothing else as clearly.
    moment = mul(place.radial, t)
    return {
        "radial": place.radial,
        "axial": place.axial,
        "direction_r": r,
        "direction_t": t,
        "direction_z": z,
        "moment": moment,
    }


def _direction(
    task: Task, chain: Chain, target: Sequence[Scalar], xp: Any
) -> tuple[Features, Turns]:
    """The target turned to azimuth 0: cylindrical coordinates and a direction.

    The azimuth is that of the point on the line along the directed axis that is as far back
    as the last joint's origin.
    """
    (axis,) = task.directions
    # How far back along the directed axis the last joint's origin lies [m].
    back = _last_origin(chain)[axis]
    direction = target[3:6]
    point = (add(target[k], mul(back, direction[k])) for k in range(3))
    place = AboutFirstAxis(chain, point, xp)
    features = _cylindrical(place, direction) | _first_turn(task, chain, place.turn)
    return features, {0: place.turn}


def _rotation(
    task: Task, chain: Chain, target: Sequence[Scalar], xp: Any
) -> tuple[Features, Turns]:
    """The target turned to azimuth 0 and roll 0: of six dimensions four are left.

    The azimuth is that of the *wrist point*: the last joint's origin, carried back from
    the tool, which does not move when the last joint turns. The roll is the angle about the
    last axis of the tangent of the circle that the wrist point is on; where the two are
    parallel, it is undefined and any will do.
    """
    back = _last_origin(chain)
    last_axes: list[list[float]] = chain.links[-1][:3, :3].tolist()
    columns = vectors_of(target[3:])

    def carried(weights: Sequence[float]) -> Iterator[Scalar]:
        """A vector fixed to the tool, in the base frame, part by part."""
        return (dot(weights, [column[k] for column in columns]) for k in range(3))

    point = (add(target[k], part) for k, part in enumerate(carried(back)))
    place = AboutFirstAxis(chain, point, xp)
    features = _cylindrical(place, [*carried(last_axes[-1])])
    _, b, _ = place.turned([*carried(last_axes[0])])
    _, c, _ = place.turned([*carried(last_axes[1])])
    roll, _ = turn_of(-c, b, xp)
    told = _first_turn(task, chain, place.turn) | _last_turn(task, chain, roll)
    return features | told, {0: place.turn, len(chain) - 1: roll}


def _angle(task: Task, chain: Chain, target: Sequence[Scalar], xp: Any) -> tuple[Features, Turns]:
    """The target turned to azimuth 0, and to roll 0 where the last joint turns the angle alone.

    Of a tool in the vertical plane the azimuth is that of the point on the line along the tool
    axis that is as far back as the last joint's origin; where the last joint's axis is always
    along the first's, that of the last joint's origin itself.
    """
    orientation = task.orientation
    assert isinstance(orientation, PlaneAngle)  # noqa: S101 - narrows the type
    place_given, wanted = task.split(target)
    direction = orientation.direction(place_given, wanted)
    position, last = _position(task, chain, place_given), turns_last(task, chain)
    if last:
        parts = _wrist_offset(chain, orientation)
        across = orientation.direction(place_given, (-wanted[1], wanted[0]))
        normal = orientation.plane.normal  # type: ignore[attr-defined]
        offset = [
            add(add(mul(parts[0], direction[k]), mul(parts[1], across[k])), parts[2] * normal[k])
            for k in range(3)
        ]
    elif isinstance(orientation.plane, BasePlane):
        offset = [0.0, 0.0, 0.0]
    else:
        offset = [mul(_last_origin(chain)[orientation.axis], part) for part in direction]
    point = [add(part, more) for part, more in zip(position, offset, strict=True)]
    place = AboutFirstAxis(chain, point, xp)
    features: Features = {"radial": place.radial}
    if task.plane is None:
        features["axial"] = place.axial
    r, t, z = place.turned(direction)
    turns, told = {0: place.turn}, _first_turn(task, chain, place.turn)
    if last:
        sign = dot(chain.link_columns[0][2], _last_axis(chain))
        roll = Turn(mul(sign, t), r)
        turns[len(chain) - 1] = roll
        told |= _last_turn(task, chain, roll)
    elif isinstance(orientation.plane, BasePlane):
        features |= {"direction_r": r, "direction_t": t}
    else:
        features |= {"direction_r": r, "direction_z": z}
    return features | told, turns


ENCODERS: dict[type, Callable[[Any, Chain, Sequence[Scalar], Any], tuple[Features, Turns]]] = {
    Direction: _direction,
    Rotation: _rotation,
    PlaneAngle: _angle,
}


def _last_origin(chain: Chain) -> list[float]:
    """The last joint's origin in the tool's frame [m]."""
    tool = chain.links[-1]
    origin: list[float] = (-tool[:3, :3].T @ tool[:3, 3]).tolist()
    return origin


def _last_axis(chain: Chain) -> tuple[float, float, float]:
    """The last joint's axis in the base frame at q = 0, rounded to a line of the first's."""
    zero, one = [0.0] * len(chain), [1.0] * len(chain)
    x, y, z = frames(chain, zero, one).axes[-1]
    return x, y, z


def _wrist_offset(chain: Chain, orientation: PlaneAngle) -> list[float]:
    """From the tool to the last joint's origin [m], where the last axis is along the normal.

    Along the projection of the tool axis on the plane, across it, and along the normal.
    """
    back = np.array(_last_origin(chain))
    normal = np.array(orientation.plane.normal)  # type: ignore[attr-defined]
    sign = np.sign(normal @ np.array(_last_axis(chain)))
    upward = sign * chain.links[-1][2, :3]  # the normal in the tool's frame
    axis = np.eye(3)[orientation.axis]
    along = axis - (axis @ upward) * upward
    along /= np.linalg.norm(along)
    parts: list[float] = [
        float(back @ along),
        float(back @ np.cross(upward, along)),
        float(back @ upward),
    ]
    return parts
