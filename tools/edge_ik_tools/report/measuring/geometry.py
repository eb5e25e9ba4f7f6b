"""Where the parts of a robot are in space: what is drawn of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from firmware_host.chain import Chain, FloatArray
from firmware_host.kinematics import components, frames, stacked

# Points of the arc that shows where a joint may turn.
ARC_POINTS = 33
# Radius of such an arc, and length of a joint's axis, as shares of the reach.
ARC_SHARE, AXIS_SHARE = 0.13, 0.1
# A link along its joint's axis points nowhere that the joint turns.
LEAST_LEVER = 1e-6


@dataclass(frozen=True, eq=False)
class Skeleton:
    """A robot in one posture.

    Attributes:
        q: (n,) the posture [rad, m].
        names: Names of the s moving joints.
        points: (s + 2, 3) base, moving joints and tool [m].
        axes: (s, 2, 3) both ends of each joint's axis [m].
        ranges: For each moving joint the points (k, 3) that show how far it may move [m]: an
            arc about its axis, or the way that it slides.
        tool: (3, 2, 3) the tool's axes x, y and z [m].
        reach: The robot's reach [m].
    """

    q: FloatArray
    names: tuple[str, ...]
    points: FloatArray
    axes: FloatArray
    ranges: tuple[FloatArray, ...]
    tool: FloatArray
    reach: float


def skeletons(chain: Chain, q: FloatArray) -> FloatArray:
    """Base, moving joints and tool (N, s + 2, 3) [m] in postures q (N, n) [rad, m]."""
    sines, cosines = chain.place(q)
    walked = frames(chain, components(sines), components(cosines))
    like = q[:, 0]
    base = np.zeros((len(q), 3))
    places = [stacked(point, like, np) for point in (*walked.origins, walked.position)]
    return np.stack([base, *places], axis=1)


def skeleton(chain: Chain, q: FloatArray) -> Skeleton:
    """The robot in a posture q (n,) [rad, m], with what its joints may do from there."""
    sines, cosines = chain.place(q)
    walked = frames(chain, sines.tolist(), cosines.tolist())
    points = np.array([(0.0, 0.0, 0.0), *walked.origins, walked.position])
    length = AXIS_SHARE * chain.reach
    axes = np.array(
        [
            (np.array(origin) - length * np.array(axis), np.array(origin) + length * np.array(axis))
            for origin, axis in zip(walked.origins, walked.axes, strict=True)
        ]
    )
    position = np.array(walked.position)
    tool = np.array(
        [(position, position + length * np.array(column)) for column in walked.rotation]
    )
    ranges = tuple(_range(chain, q, index, points, axes) for index in range(len(chain.segments)))
    names = tuple(segment.name for segment in chain.segments)
    return Skeleton(q, names, points, axes, ranges, tool, chain.reach)


def _range(
    chain: Chain, q: FloatArray, index: int, points: FloatArray, axes: FloatArray
) -> FloatArray:
    """The points (k, 3) that show how far a moving joint may move from where it is [m]."""
    segment, origin = chain.segments[index], points[index + 1]
    axis = axes[index, 1] - axes[index, 0]
    axis /= np.linalg.norm(axis)
    leader = segment.leader
    ends = segment.multiplier * (np.array([chain.lower[leader], chain.upper[leader]]) - q[leader])
    if segment.slides:
        return np.array([origin + end * axis for end in ends])
    lever = _across(points[index + 2 :] - origin, axis)
    start, stop = ends.tolist()
    angles = np.linspace(start, np.clip(stop, start - 2 * np.pi, start + 2 * np.pi), ARC_POINTS)
    swung = np.outer(np.cos(angles), lever) + np.outer(np.sin(angles), np.cross(axis, lever))
    return np.asarray(origin + ARC_SHARE * chain.reach * swung)


def _across(later: FloatArray, axis: FloatArray) -> FloatArray:
    """The direction that a joint points in: to the next point that is not on its axis."""
    for offset in later:
        lever = offset - (offset @ axis) * axis
        length = float(np.linalg.norm(lever))
        if length > LEAST_LEVER:
            return np.asarray(lever / length)
    helper = np.eye(3)[int(np.argmin(np.abs(axis)))]
    lever = np.cross(axis, helper)
    return np.asarray(lever / np.linalg.norm(lever))
