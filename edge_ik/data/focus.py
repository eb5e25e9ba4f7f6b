"""The focus circle: the path in the workspace that deserves the best accuracy."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from edge_ik.data.region import Region
from firmware_host.bounds import MOST_REACH, bounded
from firmware_host.chain import FloatArray
from firmware_host.errors import ConfigError
from firmware_host.kinematics import tool_position
from firmware_host.problem import IkProblem
from firmware_host.rigid import sized
from firmware_host.solving.refine import refine
from firmware_host.tasks import POSITION

# A focus circle found automatically starts at this share of the reach and shrinks.
FOCUS_RADIUS = 0.25
FOCUS_SHRINK = 0.8
FOCUS_LEAST = 0.01
# A circle of this share of the reach needs no better place; else so many are tried.
FOCUS_ENOUGH = 0.1
FOCUS_CANDIDATES = 24
# Points of an automatic focus circle keep this share of each joint's range free.
FOCUS_CLEARANCE = 0.05
PATH_TOLERANCE = 1e-6  # [m]


@dataclass(frozen=True)
class FocusCircle:
    """The circle in the workspace that deserves the best accuracy.

    Attributes:
        center: Its centre in the base frame [m].
        radius: Its radius [m].
        normal: A vector normal to its plane, of any length.
    """

    center: tuple[float, float, float]
    radius: float
    normal: tuple[float, float, float] = (0.0, 0.0, 1.0)

    def to_dict(self) -> dict[str, Any]:
        """The circle as JSON-ready values."""
        return {
            "center": list(self.center),
            "radius": self.radius,
            "normal": list(self.normal),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> FocusCircle:
        """The circle from `to_dict`'s values; ValueError if there is none like it."""
        x, y, z = (float(value) for value in data["center"])
        u, v, w = (float(value) for value in data["normal"])
        radius = float(data["radius"])
        if not bounded((x, y, z, u, v, w)) or not (any((u, v, w)) and 0 < radius <= MOST_REACH):
            raise ValueError("expected a circle of finite numbers, with a radius and a normal")
        return cls((x, y, z), radius, (u, v, w))

    def points(self, angles: FloatArray) -> FloatArray:
        """Positions (N, 3) [m] at angles (N,) [rad] along the circle."""
        normal = sized(self.normal)
        normal = normal / np.linalg.norm(normal)
        helper = np.eye(3)[int(np.argmin(np.abs(normal)))]
        first = np.cross(normal, helper)
        first /= np.linalg.norm(first)
        second = np.cross(normal, first)
        offsets = np.outer(np.cos(angles), first) + np.outer(np.sin(angles), second)
        return np.asarray(self.center) + self.radius * offsets


def has_focus(problem: IkProblem, one_branch: bool) -> bool:
    """Whether there is a path of positions with one solution each.

    Args:
        problem: The robot and the task.
        one_branch: Whether targets are answered in one branch alone.
    """
    return one_branch and problem.task == POSITION


def solve_on_aspect(
    aspect: Region, targets: FloatArray, seeds: FloatArray, steps: int = 30
) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Joint vectors inside an aspect that reach given targets.

    Args:
        aspect: The region that the answers must lie in.
        targets: (N, 3) positions [m].
        seeds: (M, n) joint vectors inside the aspect to start from [rad].
        steps: Refinement steps from the seed nearest to each target.

    Returns:
        q (N, n), and (N,) True where the target is reached inside the aspect.
    """
    chain = aspect.chain
    tree = cKDTree(tool_position(chain, *chain.place(seeds)))
    _, nearest = tree.query(targets)
    q, error = refine(aspect.problem, seeds[nearest], targets, steps)
    return q, (error < PATH_TOLERANCE) & aspect.contains(q)


def focus_joints(aspect: Region, circle: FocusCircle, count: int, seeds: FloatArray) -> FloatArray:
    """Joint vectors (count, n) [rad] evenly along the focus circle.

    Raises:
        ConfigError: If a part of the circle lies outside the aspect's workspace.
    """
    angles = np.linspace(0, 2 * math.pi, count, endpoint=False)
    q, reached = solve_on_aspect(aspect, circle.points(angles), seeds)
    if not reached.all():
        raise ConfigError(
            f"The focus circle leaves the workspace of '{aspect.chain.name}': "
            f"{100 * (1 - reached.mean()):.0f}% of it cannot be reached. Expected a circle inside "
            f"the workspace. Received: center={circle.center}, radius={circle.radius:g}, "
            f"normal={circle.normal}"
        )
    return q


def default_focus(aspect: Region, seeds: FloatArray) -> FocusCircle:
    """A circle well inside the workspace, around the home posture's tool position.

    Where only a small circle fits there, the largest around other postures is taken.

    Args:
        aspect: The region that the circle is solved in.
        seeds: (M, n) joint vectors inside the aspect, nearest to home first [rad].

    Raises:
        ConfigError: If none fits anywhere.
    """
    reach = aspect.chain.reach
    others = seeds[:: max(1, len(seeds) // FOCUS_CANDIDATES)]
    best: FocusCircle | None = None
    for posture in [aspect.home, *others]:
        found = _largest_circle(aspect, posture, seeds)
        if found is not None and (best is None or found.radius > best.radius):
            best = found
        if best is not None and best.radius >= FOCUS_ENOUGH * reach:
            return best
    if best is None:
        raise ConfigError(
            f"No focus circle fits into the workspace of '{aspect.chain.name}'. Give one with "
            "the keys 'data.focus_center', 'data.focus_radius' and 'data.focus_normal'."
        )
    return best


def _largest_circle(aspect: Region, posture: FloatArray, seeds: FloatArray) -> FocusCircle | None:
    """The largest circle tried around a posture's tool position that is solved throughout."""
    chain = aspect.chain
    x, y, z = tool_position(chain, *chain.place(posture)).tolist()
    u, v, w = chain.links[0][:3, 2].tolist()
    clearance = np.where(chain.periodic, 0.0, FOCUS_CLEARANCE * (chain.upper - chain.lower))
    angles = np.linspace(0, 2 * math.pi, 64, endpoint=False)
    radius = FOCUS_RADIUS * chain.reach
    while radius > FOCUS_LEAST * chain.reach:
        circle = FocusCircle((x, y, z), round(radius, 4), (u, v, w))
        q, reached = solve_on_aspect(aspect, circle.points(angles), seeds)
        clear = (q >= chain.lower + clearance) & (q <= chain.upper - clearance)
        if reached.all() and clear.all():
            return circle
        radius *= FOCUS_SHRINK
    return None
