"""A target as the network sees it: less what moves along with the robot's outer joints.

Where turning a target about the first joint's axis makes a target again, it turns that
joint and nothing else; the same holds for the last joint's axis, and for moving a target
along a first joint that slides. Which of them hold is found from the chain and the task,
and the network sees the target moved back: what it was moved by is added to its answer.
Where none holds, it sees the target's components as they are. Targets without an
orientation, of few dimensions, are told as they are, too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from firmware_host.chain import Chain
from firmware_host.kinematics import (
    Scalar,
    add,
    components,
    cross,
    dot,
    frames,
    limited,
    mul,
    sub,
)
from firmware_host.tasks.last_joint import last_axis, last_origin, wrist_offset
from firmware_host.tasks.orientation import Direction, Rotation, vectors_of
from firmware_host.tasks.plane_angle import PARALLEL, BasePlane, PlaneAngle, are_parallel
from firmware_host.tasks.turn import (
    AXIS_RADIUS,
    AboutFirstAxis,
    AlongFirstAxis,
    Encoding,
    Turn,
    turn_of,
)

if TYPE_CHECKING:
    from firmware_host.tasks.task import Task

# Configurations that an axis is looked at in: where it stays parallel in all, it always does.
CONFIGURATIONS = 16

Features = dict[str, Scalar]
"""What the network is told of a target, by name."""


@dataclass
class Seen:
    """What a network is told of a target, and what moves along with the target.

    Attributes:
        features: The features by name.
        turns: Joint index -> angle to add to its answer.
        shifts: Joint index -> distance to add to it [m].
    """

    features: Features
    turns: dict[int, Turn] = field(default_factory=dict)
    shifts: dict[int, Scalar] = field(default_factory=dict)


def encoded(task: Task, chain: Chain, target: Sequence[Scalar], xp: Any) -> Encoding:
    """A target's features, turns and shifts; see `Task.encode`."""
    seen = _seen(task, chain, target, xp)
    return Encoding([*seen.features.values()], seen.turns, seen.shifts)


@lru_cache(maxsize=256)
def feature_names(task: Task, chain: Chain) -> tuple[str, ...]:
    """Names of the features of any target."""
    return tuple(_seen(task, chain, [1.0] * task.size, math).features)


@lru_cache(maxsize=256)
def turning_joints(task: Task, chain: Chain) -> tuple[int, ...]:
    """Joints that any target turns, or shifts."""
    seen = _seen(task, chain, [1.0] * task.size, math)
    return (*seen.turns, *seen.shifts)


def _seen(task: Task, chain: Chain, target: Sequence[Scalar], xp: Any) -> Seen:
    """What a network is told of a target."""
    encoder = ENCODERS.get(type(task.orientation))
    if not task.has_orientation:
        return Seen(_place(task, chain, target, xp))
    if encoder is None or not (turns_first(task, chain) or slides_first(task, chain)):
        return Seen(dict(zip(task.component_names, target, strict=True)))
    return encoder(task, chain, target, xp)


def turns_first(task: Task, chain: Chain) -> bool:
    """Whether a target turned about the first joint's axis is the same but for that joint."""
    axis = chain.link_columns[0][2]
    stays = task.plane is None or are_parallel(axis, task.plane.normal)
    return _moves_alone(chain, 0, slides=False) and stays and task.orientation.turns_about(axis)


def slides_first(task: Task, chain: Chain) -> bool:
    """Whether a target moved along the first joint's axis is the same but for that joint."""
    axis = chain.link_columns[0][2]
    stays = task.plane is None or abs(dot(axis, task.plane.normal)) < PARALLEL
    return _moves_alone(chain, 0, slides=True) and stays and task.orientation.slides_along(axis)


@lru_cache(maxsize=256)
def turns_last(task: Task, chain: Chain) -> bool:
    """Whether a target turned about the last joint's axis is the same but for that joint."""
    orientation = task.orientation
    if not _moves_alone(chain, -1, slides=False):
        return False
    if isinstance(orientation, Rotation):
        return True
    if not (isinstance(orientation, PlaneAngle) and isinstance(orientation.plane, BasePlane)):
        return False
    if len(chain) == 1 or not (turns_first(task, chain) or slides_first(task, chain)):
        return False
    rng = np.random.default_rng(0)
    q = rng.uniform(chain.lower, chain.upper, (CONFIGURATIONS, len(chain)))
    last = frames(chain, *map(components, chain.place(q))).axes[-1]
    along = np.abs(np.asarray(dot(orientation.plane.normal, last)))
    return bool(np.all(along > 1 - 1e-9))


def _moves_alone(chain: Chain, index: int, slides: bool) -> bool:
    """Whether a moving joint moves by itself, leads no other, and slides or turns."""
    segment = chain.segments[index]
    led = [other for other in chain.segments if other.leader == segment.leader]
    plain = segment.multiplier == 1 and segment.offset == 0
    return segment.slides == slides and plain and len(led) == 1


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
    return {
        **named,
        "radial": radial,
        "sin_azimuth": limited(v / radial, 1.0),
        "cos_azimuth": limited(u / radial, 1.0),
    }


def _position(task: Task, chain: Chain, place: Sequence[Scalar]) -> list[Scalar]:
    """x, y, z [m] of a place, with the first joint's coordinate where it leaves one open."""
    position: list[Scalar] = [*chain.link_columns[0][3]]
    for axis, part in zip(task.place, place, strict=True):
        position[axis] = part
    return position


def _first(
    task: Task, chain: Chain, point: Iterable[Scalar], xp: Any
) -> tuple[AboutFirstAxis | AlongFirstAxis, Seen]:
    """A point as the first joint sees it, and what moves along with it so far.

    With joints to spare it is told how far the target is moved, too: such an arm chooses its
    posture by the limits of the first joint as well.
    """
    if turns_first(task, chain):
        about = AboutFirstAxis(chain, point, xp)
        turn = about.turn
        told = {"sin_azimuth": turn.sin, "cos_azimuth": turn.cos}
        return about, Seen(told if _spare(task, chain) else {}, turns={0: turn})
    along = AlongFirstAxis(chain, point)
    told = {"along": along.along}
    return along, Seen(told if _spare(task, chain) else {}, shifts={0: along.along})


def _spare(task: Task, chain: Chain) -> bool:
    return len(chain) > task.rows


def _directed(place: AboutFirstAxis | AlongFirstAxis, direction: Sequence[Scalar]) -> Features:
    """A point and a direction as the first joint sees them."""
    first, second, third = place.turned(direction)
    if isinstance(place, AlongFirstAxis):
        across = {"across_1": place.across[0], "across_2": place.across[1]}
        return across | {"direction_1": first, "direction_2": second, "direction_3": third}
    # How far the line along the direction passes the first axis: joints that move the tool
    # a little aside are told by it, and by nothing else as clearly.
    moment = mul(place.radial, second)
    return {
        "radial": place.radial,
        "axial": place.axial,
        "direction_r": first,
        "direction_t": second,
        "direction_z": third,
        "moment": moment,
    }


def _direction(task: Task, chain: Chain, target: Sequence[Scalar], xp: Any) -> Seen:
    """A point and a direction, moved back.

    The point is that on the line along the directed axis that is as far back as the last
    joint's origin.
    """
    (axis,) = task.directions
    given, direction = task.split(target)
    # How far back along the directed axis the last joint's origin lies [m].
    back = last_origin(chain)[axis]
    position = _position(task, chain, given)
    point = (add(position[k], mul(back, direction[k])) for k in range(3))
    place, seen = _first(task, chain, point, xp)
    seen.features = _directed(place, direction) | seen.features
    return seen


def _rotation(task: Task, chain: Chain, target: Sequence[Scalar], xp: Any) -> Seen:
    """A point and a direction, moved back to roll 0: of six dimensions four are left.

    The point is the *wrist point*: the last joint's origin, carried back from the tool, which
    does not move when the last joint turns. The roll is the angle about the last axis of the
    tangent of the circle that the wrist point is on, or of the direction that the first joint
    slides along; where the two are parallel, it is undefined and any will do.
    """
    back = last_origin(chain)
    last_axes: list[list[float]] = chain.links[-1][:3, :3].tolist()
    given, wanted = task.split(target)
    columns = vectors_of(wanted)
    position = _position(task, chain, given)

    def carried(weights: Sequence[float]) -> Iterator[Scalar]:
        """A vector fixed to the tool, in the base frame, part by part."""
        return (dot(weights, [column[k] for column in columns]) for k in range(3))

    point = (add(position[k], part) for k, part in enumerate(carried(back)))
    place, seen = _first(task, chain, point, xp)
    features = _directed(place, [*carried(last_axes[-1])])
    if not turns_last(task, chain):
        parts = zip("123", place.turned([*carried(last_axes[0])]), strict=True)
        seen.features = features | {f"across_axis_{k}": part for k, part in parts} | seen.features
        return seen
    tangent = 1 if isinstance(place, AboutFirstAxis) else 2
    b = place.turned([*carried(last_axes[0])])[tangent]
    c = place.turned([*carried(last_axes[1])])[tangent]
    roll, _ = turn_of(-c, b, xp)
    seen.features = features | seen.features
    return _with_roll(task, chain, seen, roll)


def _with_roll(task: Task, chain: Chain, seen: Seen, roll: Turn) -> Seen:
    """With the last joint turned along, and told with joints to spare."""
    seen.turns[len(chain) - 1] = roll
    if _spare(task, chain):
        seen.features |= {"sin_roll": roll.sin, "cos_roll": roll.cos}
    return seen


def _angle(task: Task, chain: Chain, target: Sequence[Scalar], xp: Any) -> Seen:
    """A point and an angle, moved back, and to roll 0 where the last joint turns it alone.

    Of a tool in the vertical plane the point is that on the line along the tool axis that is
    as far back as the last joint's origin; where the last joint's axis is always along the
    plane's normal, the last joint's origin itself.
    """
    orientation = task.orientation
    assert isinstance(orientation, PlaneAngle)  # noqa: S101 - narrows the type
    given, wanted = task.split(target)
    direction = orientation.direction(given, wanted)
    last, plane = turns_last(task, chain), orientation.plane
    if last and isinstance(plane, BasePlane):
        parts = wrist_offset(chain, orientation.axis, plane)
        across = orientation.direction(given, (-wanted[1], wanted[0]))
        ways = zip(direction, across, plane.normal, strict=True)
        offset = [dot(parts, way) for way in ways]
    elif isinstance(plane, BasePlane):
        offset = [0.0, 0.0, 0.0]
    else:
        offset = [mul(last_origin(chain)[orientation.axis], part) for part in direction]
    position = _position(task, chain, given)
    point = [add(part, more) for part, more in zip(position, offset, strict=True)]
    place, seen = _first(task, chain, point, xp)
    shown = _pointed(task, place)
    first, second, third = place.turned(direction)
    if last and isinstance(plane, BasePlane):
        seen.features = shown | seen.features
        sign = np.sign(dot(plane.normal, last_axis(chain)))
        if isinstance(place, AboutFirstAxis):
            sign *= np.sign(dot(plane.normal, chain.link_columns[0][2]))
            return _with_roll(task, chain, seen, Turn(mul(float(sign), second), first))
        return _with_roll(task, chain, seen, Turn(mul(float(sign), wanted[1]), wanted[0]))
    if isinstance(place, AlongFirstAxis):
        told = dict(zip(orientation.component_names, wanted, strict=True))
    elif isinstance(plane, BasePlane):
        told = {"direction_r": first, "direction_t": second}
    else:
        told = {"direction_r": first, "direction_z": third}
    seen.features = shown | told | seen.features
    return seen


def _pointed(task: Task, place: AboutFirstAxis | AlongFirstAxis) -> Features:
    """A point as the first joint sees it, without what lies across the plane of places."""
    if isinstance(place, AboutFirstAxis):
        axial = {} if task.plane is not None else {"axial": place.axial}
        return {"radial": place.radial, **axial}
    if task.plane is None:
        return {"across_1": place.across[0], "across_2": place.across[1]}
    x, y, z = place.axes[2]
    across = cross((x, y, z), task.plane.normal)
    return {"across_1": dot([dot(axis, across) for axis in place.axes[:2]], place.across)}


ENCODERS: dict[type, Callable[[Any, Chain, Sequence[Scalar], Any], Seen]] = {
    Direction: _direction,
    Rotation: _rotation,
    PlaneAngle: _angle,
}
