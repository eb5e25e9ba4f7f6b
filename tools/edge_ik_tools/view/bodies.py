"""A robot as rigid bodies: which there are, what they look like, and where they are at q."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from firmware_host.chain import Chain, FloatArray
from firmware_host.rigid import motion

# Of every joint's frame, in `Chain.links`.
AXIS = np.array([0.0, 0.0, 1.0])
# Radius of links and joints as a share of the robot's reach.
LINK_SHARE, JOINT_SHARE = 0.012, 0.02
# Lines shorter than this share are not drawn.
SHORTEST_SHARE = 1e-3


@dataclass(frozen=True, eq=False)
class Bar:
    """A link without a mesh, as a line with round ends.

    Attributes:
        start: (3,) in the body's frame [m].
        end: Likewise.
    """

    start: FloatArray
    end: FloatArray


@dataclass(frozen=True, eq=False)
class Surface:
    """What a file, or a part of it, draws of a body.

    Attributes:
        path: The file.
        vertices: (V, 3) in the body's frame [m].
        faces: (F, 3) triangles, indices of vertices.
        color: Red, green, blue in 0 to 1; None where neither the robot nor the file has one.
    """

    path: Path
    vertices: FloatArray
    faces: npt.NDArray[np.int_]
    color: tuple[float, float, float] | None = None


def body_poses(chain: Chain, q: FloatArray) -> FloatArray:
    """Poses (s + 1, 4, 4) of the base and of what each moving joint carries, at q (n,) [m].

    Of the joint's frame z is the axis that it turns about or slides along, as in `Chain.links`.
    """
    poses, T = [np.eye(4)], np.eye(4)
    for segment, link, value in zip(chain.segments, chain.links, chain.q_all(q), strict=False):
        T = T @ link @ motion(AXIS, float(value), segment.slides)
        poses.append(T)
    return np.array(poses)


def bars(chain: Chain) -> list[list[Bar]]:
    """For the base and each moving joint the lines to where the next joint, or the tool, is.

    A joint that slides has its rail too: the way between its limits, in the body before it.
    """
    shortest = SHORTEST_SHARE * chain.reach
    drawn: list[list[Bar]] = []
    nexts = [*chain.segments, None]
    for link, following in zip(chain.links, nexts, strict=True):
        place = link[:3, 3]
        found = [Bar(np.zeros(3), place)] if np.linalg.norm(place) > shortest else []
        if following is not None and following.slides:
            lower, upper = chain.lower[following.leader], chain.upper[following.leader]
            ends = following.multiplier * np.array([lower, upper]) + following.offset
            found.append(Bar(*(place + link[:3, 2] * end for end in ends)))
        drawn.append(found)
    return drawn
