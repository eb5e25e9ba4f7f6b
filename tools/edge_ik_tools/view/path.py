"""The part of the page in which a path is drawn and followed."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np
import viser

from edge_ik_tools.view.session import spaced
from edge_ik_tools.view.words import millimetres
from firmware_host import EdgeIkError
from firmware_host.chain import FloatArray

if TYPE_CHECKING:
    from edge_ik_tools.view.page import Page

# Targets are no further apart than this share of the reach.
PATH_SHARE = 0.005
# Postures a second, of an arm that follows a path.
POSTURE_RATE = 60.0


class PathPanel:
    """A path with corners that visitors click, and the arm that follows it.

    Args:
        page: Whose panel and scene it is in.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self.corners: list[FloatArray] = []
        gui = page.server.gui
        with gui.add_folder("Path", expand_by_default=False):
            gui.add_markdown("Shift and click: a corner, in the upright plane through the tool.")
            follow, clear = gui.add_button("Follow"), gui.add_button("Clear")
            self.followed = gui.add_markdown("")
        page.clicked(follow, self.follow)
        page.clicked(clear, self.clear)

        async def shot(event: viser.SceneClickEvent) -> None:
            page.ask(self.corner, np.array(event.ray_origin), np.array(event.ray_direction))

        # Waited for, as other callbacks are, though its type does not say so.
        page.server.scene.on_click(modifier="shift")(shot)  # type: ignore[arg-type]

    def corner(self, origin: FloatArray, way: FloatArray) -> None:
        """Add where a ray meets the upright plane through the tool that faces the viewer."""
        normal = np.array([way[0], way[1], 0.0])
        if np.linalg.norm(normal) < 1e-6:
            normal = np.array([0.0, 0.0, 1.0])
        place = self.corners[-1] if self.corners else self.page.session.target_pose[:3, 3]
        along = float(normal @ (place - origin)) / float(normal @ way)
        if along > 0:
            self.corners.append(origin + along * way)
            self._draw()

    def _draw(self) -> None:
        corners = np.array([self.page.session.target_pose[:3, 3], *self.corners])
        segments = np.stack([corners[:-1], corners[1:]], axis=1)
        if len(segments):
            thickness = 0.004 * self.page.session.chain.reach
            self.page.server.scene.add_line_segments(
                "/path", segments, (213, 94, 0), thickness=thickness
            )

    def clear(self) -> None:
        """Take the path and what was said of it away."""
        self.followed.content = ""
        self._forget()

    def _forget(self) -> None:
        self.corners.clear()
        with suppress(KeyError):
            self.page.server.scene.remove_by_name("/path")

    def follow(self) -> None:
        """Move the arm along the path, and say how well that goes."""
        if not self.corners:
            raise EdgeIkError("There is no path yet: shift and click into the scene.")
        session = self.page.session
        corners = np.array([session.target_pose[:3, 3], *self.corners])
        points = spaced(corners, PATH_SHARE * session.chain.reach)
        path = session.follow(points)
        worst = millimetres(float(path.position_error_m.max()))
        jumps = f", {len(path.jumps)} jumps" if path.jumps else ""
        self.followed.content = (
            f"{len(points)} targets, {100 * path.solved.mean():.1f}% solved{jumps}; at most {worst}"
        )
        for q in path.q:
            self.page.figure.place(q)
            time.sleep(1 / POSTURE_RATE)
            if self.page.stopped.is_set():
                return
        self._forget()
