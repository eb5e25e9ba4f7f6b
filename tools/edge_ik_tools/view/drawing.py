"""Bodies, joint axes and clouds in a scene of viser."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import trimesh
from viser import ViserServer
from viser.transforms import SO3

from edge_ik_tools.view.bodies import JOINT_SHARE, LINK_SHARE, Bar, Surface, bars, body_poses
from firmware_host.chain import Chain, FloatArray

Color = tuple[int, int, int]
"""Red, green and blue, each 0 to 255."""
LINK: Color = (84, 96, 112)
JOINT: Color = (230, 159, 0)
RAIL_SHARE = 0.5
# Colours of clouds from small errors to large: dark blue, green, yellow, as viridis has them.
SCALE = np.array([(68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37)])
LEAST_ERROR, MOST_ERROR = 1e-7, 1e-2


class Figure:
    """A robot in a scene, whose bodies are moved as its joints are.

    Args:
        server: In whose scene it is drawn.
        name: Of its node.
        chain: The robot.
        meshes: For each body the surfaces that draw it; bars where there are none.
        color: Of links without colour of their own.
        opacity: 1 for a solid figure.
    """

    def __init__(
        self,
        server: ViserServer,
        name: str,
        chain: Chain,
        meshes: Sequence[Sequence[Surface]] = (),
        color: Color = LINK,
        opacity: float = 1.0,
    ) -> None:
        self.chain = chain
        self.server = server
        self.name = name
        self.solid: list[Any] = []
        self.bodies = [
            server.scene.add_frame(f"{name}/{index}", show_axes=False)
            for index in range(len(chain.segments) + 1)
        ]
        given = list(meshes) or [[] for _ in self.bodies]
        drawn = any(given)
        for index, (lines, surfaces) in enumerate(zip(bars(chain), given, strict=True)):
            where = f"{name}/{index}"
            for number, surface in enumerate(surfaces):
                self._surface(f"{where}/mesh{number}", surface, color, opacity)
            for number, bar in enumerate([] if drawn else lines):
                self._bar(f"{where}/bar{number}", bar, color, opacity, thin=number > 0)
            if index and not drawn:
                self._joint(f"{where}/joint", opacity)

    def place(self, q: FloatArray) -> None:
        """Move the bodies to where joints q (n,) [rad, m] put them, all in the same picture."""
        with self.server.atomic():
            for body, pose in zip(self.bodies, body_poses(self.chain, q), strict=True):
                body.position = pose[:3, 3]
                body.wxyz = SO3.from_matrix(pose[:3, :3]).wxyz

    @property
    def visible(self) -> bool:
        """Whether it is shown."""
        return bool(self.bodies[0].visible)

    @visible.setter
    def visible(self, shown: bool) -> None:
        for body in self.bodies:
            body.visible = shown

    def on_click(self, act: Any) -> None:
        """Call something where any part of it is clicked."""
        for part in self.solid:
            part.on_click(act)

    def _keep(self, shape: Any, name: str, color: Color, opacity: float) -> None:
        self.solid.append(
            self.server.scene.add_mesh_simple(
                name,
                shape.vertices,
                shape.faces,
                color=color,
                opacity=None if opacity >= 1 else opacity,
                cast_shadow=opacity >= 1,
            )
        )

    def _bar(self, name: str, bar: Bar, color: Color, opacity: float, *, thin: bool) -> None:
        radius = LINK_SHARE * self.chain.reach * (RAIL_SHARE if thin else 1.0)
        length = float(np.linalg.norm(bar.end - bar.start))
        shape = trimesh.creation.capsule(height=length, radius=radius, count=(12, 12))
        toward = trimesh.geometry.align_vectors((0, 0, 1), (bar.end - bar.start) / length)
        toward[:3, 3] = (bar.start + bar.end) / 2
        self._keep(shape.apply_transform(toward), name, color, opacity)

    def _joint(self, name: str, opacity: float) -> None:
        radius = JOINT_SHARE * self.chain.reach
        shape = trimesh.creation.cylinder(radius=radius, height=2.6 * radius, sections=24)
        self._keep(shape, name, JOINT, opacity)

    def _surface(self, name: str, surface: Surface, color: Color, opacity: float) -> None:
        red, green, blue = surface.color or (part / 255 for part in color)
        own = round(255 * red), round(255 * green), round(255 * blue)
        self._keep(surface, name, own, opacity)


def error_colors(errors: FloatArray) -> FloatArray:
    """(N, 3) colours of errors (N,) [m], from 0.1 um to 10 mm by their logarithm."""
    low, high = np.log10(LEAST_ERROR), np.log10(MOST_ERROR)
    share = (np.log10(np.clip(errors, LEAST_ERROR, MOST_ERROR)) - low) / (high - low)
    at = share * (len(SCALE) - 1)
    columns = [np.interp(at, np.arange(len(SCALE)), SCALE[:, k]) for k in range(3)]
    return np.stack(columns, axis=-1).astype(np.uint8)
