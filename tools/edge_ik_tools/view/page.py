"""The page: a scene and a panel around a session."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout, suppress
from io import StringIO
from typing import Any

import numpy as np
import viser
from viser.transforms import SO3

from edge_ik_tools.view.bodies import Surface
from edge_ik_tools.view.drawing import Color, Figure, error_colors
from edge_ik_tools.view.path import PathPanel
from edge_ik_tools.view.session import Cloud, Session
from edge_ik_tools.view.wishes import Wishes
from edge_ik_tools.view.words import branch_label, millimetres, safe, table
from firmware_host import EdgeIkError, IkSolver
from firmware_host.chain import FloatArray
from firmware_host.solving.branches import ANY, NEAREST

logger = logging.getLogger(__name__)

# Solves and pictures a second, at most.
RATE = 60.0
CLOUD_TARGETS = 3000
# How far beside the robot the viewer looks at first, in reaches.
BESIDE = np.array([0.3, 0.3, 0.0])
# Figures in the background: blue, green, vermilion, purple, sky (Okabe and Ito).
GHOSTS: tuple[Color, ...] = (
    (0, 114, 178),
    (0, 158, 115),
    (213, 94, 0),
    (204, 121, 167),
    (86, 180, 233),
)
MOST_GHOSTS = 12  # more branches are listed, not drawn


class Page:
    """A session in a browser.

    Args:
        server: Where it is shown.
        session: What is shown.
        runtimes: Names of runtimes that can answer, the present one first.
        load: Gives the model's solver in a runtime.
        meshes: For each body the surfaces that draw it.
    """

    def __init__(
        self,
        server: viser.ViserServer,
        session: Session,
        runtimes: Sequence[str] = (),
        load: Callable[[str], IkSolver] | None = None,
        meshes: Sequence[Sequence[Surface]] = (),
    ) -> None:
        self.server = server
        self.session = session
        self.load = load
        self.stopped = threading.Event()
        self.wishes = Wishes()
        self.ghosts: list[Figure] = []
        self.cloud: Cloud | None = None
        self.aimed: FloatArray | None = None
        reach = session.chain.reach
        scene = server.scene
        scene.set_up_direction("+z")
        scene.add_grid("/floor", 3 * reach, 3 * reach, cell_size=reach / 8, section_size=reach / 2)
        self.figure = Figure(server, "/robot", session.chain, meshes)
        self.gizmo = scene.add_transform_controls(
            "/target",
            scale=0.2 * reach,
            disable_rotations=not self._turns(),
            depth_test=False,
            visible=session.solver is not None,
        )
        self.heed([self.gizmo], self._aim, lambda: self.held)
        self._panel(runtimes)
        # The robot stands left of the middle: the panel covers the right.
        server.initial_camera.position = tuple(reach * (BESIDE + np.array([1.1, -1.1, 0.75])))
        server.initial_camera.look_at = tuple(reach * (BESIDE + np.array([0.0, 0.0, 0.2])))
        session.aim(session.pose)
        self.show()
        self.worker = threading.Thread(target=self._work, daemon=True)
        self.worker.start()

    @property
    def held(self) -> tuple[FloatArray, FloatArray]:
        """Where the gizmo is (3,) [m], and how it is turned (4,)."""
        return np.array(self.gizmo.position), np.array(self.gizmo.wxyz)

    def ask(self, act: Callable[..., None], *values: Any) -> None:
        """Have something done by the worker, after what was asked for before."""
        self.wishes.put(act, *values)

    def heed(
        self, parts: Sequence[Any], act: Callable[..., None], read: Callable[[], tuple[Any, ...]]
    ) -> None:
        """Ask for something where someone moves a part of the page, not where `show` does.

        Of moves that wait in a row the last is done.

        Args:
            parts: The parts.
            act: What to do with their values.
            read: Gives these, which are another's when it is done.
        """

        # In the server's own thread: nothing is solved here, and another would have to wake.
        async def moved(event: Any) -> None:
            if event.client_id is not None:
                self.wishes.put(act, *read(), latest=True)

        for part in parts:
            part.on_update(moved)

    def clicked(self, part: Any, act: Callable[..., None], *values: Any) -> None:
        """Ask for something, each time that someone clicks a part of the page."""

        # Likewise: of several threads a later click could be the first.
        async def heard(event: Any) -> None:
            self.ask(act, *values)

        part.on_click(heard)

    def close(self) -> None:
        """End the worker and the server."""
        self.stopped.set()
        self.wishes.close()
        self.worker.join(timeout=5.0)
        # It says so on standard output, in its own words.
        with redirect_stdout(StringIO()):
            self.server.stop()

    def show(self) -> None:
        """Put what the session says on the page."""
        session = self.session
        pose = session.target_pose
        with self.server.atomic():
            self.figure.place(session.q)
            # A hand is not pushed away, neither where it was nor from what waits to be read.
            if pose is not self.aimed and not self.wishes.waits(self._aim):
                self.gizmo.position = pose[:3, 3]
                self.gizmo.wxyz = SO3.from_matrix(pose[:3, :3]).wxyz
            kept = self.wishes.waits(self._move)
            for slider, angle in zip(self.sliders, session.q, strict=True):
                if not kept and abs(slider.value - angle) > slider.step:
                    slider.value = float(np.clip(angle, slider.min, slider.max))
            self.told.content = table(session.figures())
        self.server.flush()  # at once, not with what may come within the next picture

    def _turns(self) -> bool:
        solver = self.session.solver
        return solver is not None and solver.task.has_orientation

    def _work(self) -> None:
        while (act := self.wishes.take()) is not None:
            began = time.perf_counter()
            try:
                act()
                self._draw_ghosts()
                self.say("")
            except EdgeIkError as error:
                self.say(str(error))
            except Exception as error:  # The page must outlive what was not thought of.
                logger.exception("The viewer could not do what was asked.")
                self.say(f"That failed: {error!r}. The terminal has more.")
            self.show()
            time.sleep(max(0.0, 1 / RATE - (time.perf_counter() - began)))

    def say(self, text: str) -> None:
        """Show a sentence, or none."""
        if self.sentence.content != safe(text):
            self.sentence.content = safe(text)

    def _aim(self, position: FloatArray, wxyz: FloatArray) -> None:
        pose = np.eye(4)
        pose[:3, :3] = SO3(wxyz).as_matrix()
        pose[:3, 3] = position
        self.aimed = pose
        self.session.aim(pose)

    def _panel(self, runtimes: Sequence[str]) -> None:
        gui, session = self.server.gui, self.session
        gui.set_panel_label(f"edge-ik: {session.chain.name}")
        with gui.add_folder("Answer"):
            self.told = gui.add_markdown("")
            self.sentence = gui.add_markdown("")
        if session.solver is not None:
            self._answers(session.solver, runtimes)
            self._workspace()
            self.path = PathPanel(self)
        with gui.add_folder("Joints", expand_by_default=session.solver is None):
            self.sliders = [self._slider(index) for index in range(len(session.chain))]
        self.heed(self.sliders, self._move, lambda: (self.slid,))

    def _slider(self, index: int) -> Any:
        chain = self.session.chain
        lower, upper = float(chain.lower[index]), float(chain.upper[index])
        unit = chain.units[index]
        return self.server.gui.add_slider(
            f"{chain.joint_names[index]} [{unit}]",
            lower,
            upper,
            (upper - lower) / 1000,
            float(np.clip(self.session.q[index], lower, upper)),
        )

    @property
    def slid(self) -> FloatArray:
        """(n,) what the sliders say [rad, m]."""
        return np.array([slider.value for slider in self.sliders])

    def _move(self, q: FloatArray) -> None:
        self.session.move(q)

    def _answers(self, solver: IkSolver, runtimes: Sequence[str]) -> None:
        gui, several = self.server.gui, len(solver.branches) > 1
        with gui.add_folder("Solver"):
            if len(runtimes) > 1 and self.load is not None:
                runtime = gui.add_dropdown("runtime", tuple(runtimes), initial_value=runtimes[0])
                self.heed([runtime], self._use, lambda: (runtime.value,))
            if not several:
                return
            names = [
                NEAREST,
                ANY,
                *(branch_label(n, name) for n, name in enumerate(solver.branches)),
            ]
            self.branch: Any = gui.add_dropdown("branch", tuple(names), initial_value=NEAREST)
            self.heed([self.branch], self._choose, lambda: (self.branch.value,))
            self.shown = gui.add_checkbox("show the other branches", initial_value=False)
            # They are drawn after whatever is done.
            self.heed([self.shown], lambda: None, tuple)
            self.listed = gui.add_markdown("")

    def _use(self, runtime: str) -> None:
        assert self.load is not None  # noqa: S101 - the choice is there only with it
        self.session.use(self.load(runtime))

    def _choose(self, name: str) -> None:
        self.session.choose(name if name in (NEAREST, ANY) else int(name.partition(":")[0]))

    def _pick(self, number: int) -> None:
        assert self.session.solver is not None  # noqa: S101 - ghosts are of a solver
        self.branch.value = branch_label(number, self.session.solver.branches[number])
        self.session.choose(number)

    def _draw_ghosts(self) -> None:
        """The other branches that reach the target, faint; a click takes one."""
        if not hasattr(self, "shown"):
            return
        if not self.shown.value:
            for figure in self.ghosts:
                figure.visible = False
            self.listed.content = ""
            return
        found = self.session.ghosts()
        while len(self.ghosts) < min(len(found), MOST_GHOSTS):
            number = len(self.ghosts)
            color = GHOSTS[number % len(GHOSTS)]
            name = f"/ghost{number}"
            figure = Figure(self.server, name, self.session.chain, color=color, opacity=0.25)
            self.clicked(figure, self._pick, number)
            self.ghosts.append(figure)
        for ghost, figure in zip(found, self.ghosts, strict=False):
            away = np.abs(ghost.q - self.session.q).max() > 1e-3
            figure.visible = bool(ghost.solved and away)
            figure.place(ghost.q)
        rows = [
            f"{branch_label(g.number, g.name)}: "
            + ("reaches it" if g.solved else millimetres(g.error))
            for g in found
        ]
        self.listed.content = "\n".join(f"- {safe(row)}" for row in rows)

    def _workspace(self) -> None:
        gui, solver = self.server.gui, self.session.solver
        assert solver is not None  # noqa: S101 - called with one
        with gui.add_folder("Workspace", expand_by_default=False):
            box = gui.add_checkbox("points by error", initial_value=False)
            step = gui.add_slider("steps", 0, solver.refine_steps, 1, 0)
            gui.add_markdown("Dark is 0.1 um and less, yellow 10 mm and more.")
        self.heed((box, step), self._draw_cloud, lambda: (box.value, step.value))

    def _draw_cloud(self, shown: bool, step: int) -> None:
        if not shown:
            with suppress(KeyError):
                self.server.scene.remove_by_name("/workspace")
            return
        if self.cloud is None:
            self.cloud = self.session.cloud(CLOUD_TARGETS)
        self.server.scene.add_point_cloud(
            "/workspace",
            self.cloud.points.astype(np.float32),
            error_colors(self.cloud.errors[step]),
            point_size=0.008 * self.session.chain.reach,
        )
