"""From a model, a run or a robot description to a page that is served until it is stopped."""

from __future__ import annotations

import contextlib
import errno
import io
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from edge_ik.arms.builtin import builtin_arms
from edge_ik.arms.load import load_arm
from edge_ik_tools.view.bodies import Surface
from edge_ik_tools.view.meshes import find_meshes
from edge_ik_tools.view.session import Session
from firmware_host import EdgeIkError, IkSolver
from firmware_host.chain import Chain
from firmware_host.errors import optional_import
from firmware_host.plugins import available_solvers

LOOPBACK = "127.0.0.1"
PORT = 8090
# What answers fastest comes first.
FASTEST = ("firmware", "litert")


@dataclass(frozen=True)
class Shown:
    """What is shown.

    Attributes:
        session: The robot and its solver.
        runtimes: What can answer, the present one first; empty of a run or a robot.
        load: Gives the solver of a runtime.
        meshes: What draws each body.
        notes: Sentences for the user.
    """

    session: Session
    runtimes: tuple[str, ...] = ()
    load: Callable[[str], IkSolver] | None = None
    meshes: Sequence[Sequence[Surface]] = ()
    notes: tuple[str, ...] = field(default=())


def of_model(path: Path, runtime: str | None = None, urdf: Path | None = None) -> Shown:
    """A model file, answered by the fastest runtime there is unless one is named.

    Args:
        path: A `.tflite` that carries its robot.
        runtime: As `IkSolver.load` takes it.
        urdf: The robot's URDF, for its meshes.

    Raises:
        EdgeIkError: As `IkSolver.load` does.
    """
    there = available_solvers()
    first = runtime or next((name for name in FASTEST if name in there), None)
    solver = IkSolver.load(path, first)
    names = tuple(dict.fromkeys([first, *there])) if first else there
    return of_solver(solver, urdf, names, lambda name: IkSolver.load(path, name))


def of_solver(
    solver: IkSolver,
    urdf: Path | None = None,
    runtimes: tuple[str, ...] = (),
    load: Callable[[str], IkSolver] | None = None,
) -> Shown:
    """A solver, of a run too; arguments as in `of_model` and `Shown`."""
    session = Session(solver.chain, solver.home, solver)
    meshes, notes = _meshes(solver.chain, urdf)
    return Shown(session, runtimes, load, meshes, notes)


def of_robot(source: str, base: str | None = None, tip: str | None = None) -> Shown:
    """A robot alone, whose joints can be moved.

    Args:
        source: As `load_arm` takes it.
        base: Link where the chain starts.
        tip: Link where it ends.

    Raises:
        RobotError: If the description cannot be used.
    """
    chain = load_arm(source, base, tip)
    built_in = builtin_arms().get(source)
    fits = built_in is not None and len(built_in.home) == len(chain)
    home = np.array(built_in.home) if built_in is not None and fits else chain.middle
    path = Path(source)
    meshes, notes = _meshes(chain, path if path.is_file() else None)
    return Shown(Session(chain, home), meshes=meshes, notes=notes)


def _meshes(chain: Chain, urdf: Path | None) -> tuple[Sequence[Sequence[Surface]], tuple[str, ...]]:
    return ((), ()) if urdf is None else find_meshes(chain, urdf)


def start(shown: Shown, host: str = LOOPBACK, port: int = PORT) -> Any:
    """Serve a page; `close` ends it.

    Args:
        shown: What it shows.
        host: Address to bind to.
        port: Port to bind to; 0 for any that is free.

    Returns:
        The `Page`, whose `server` knows its port.

    Raises:
        MissingExtraError: If viser is not installed.
        EdgeIkError: If the address cannot be used.
    """
    with optional_import("viser", "view", "Showing a robot in a browser"):
        import viser
    from edge_ik_tools.view.page import Page

    free = _checked_port(host, port)
    # It announces itself on standard output, in its own words.
    with contextlib.redirect_stdout(io.StringIO()):
        server = viser.ViserServer(host, free, verbose=False)
    return Page(server, shown.session, shown.runtimes, shown.load, shown.meshes)


def _checked_port(host: str, port: int) -> int:
    """The port, or one that is free for 0.

    Raises:
        EdgeIkError: If it is in use, or the address is none of this machine.
    """
    try:
        family, _, _, _, place = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
            found: int = probe.getsockname()[1]
            return found
    except OSError as error:
        if error.errno in (errno.EADDRNOTAVAIL, None) or isinstance(error, socket.gaierror):
            raise EdgeIkError(
                f"'{host}' is no address of this machine. Leave --host out for this machine alone."
            ) from error
        raise EdgeIkError(
            f"Port {port} of {host} cannot be used: {error.strerror}. Another viewer may be "
            "running; name another port with --port, or 0 for any that is free."
        ) from error


def notebook(model: str | Path, height: int = 600, runtime: str | None = None) -> Any:
    """The page of a model inside a notebook.

    Args:
        model: A `.tflite` that carries its robot.
        height: Of the frame [pixels].
        runtime: As `IkSolver.load` takes it.

    Returns:
        What a notebook shows, if it is the last value of a cell; its `page` can be closed.

    Raises:
        EdgeIkError: As `of_model` and `start` do.
    """
    try:
        from IPython.display import IFrame
    except ImportError as error:
        raise EdgeIkError(
            "Showing a robot in a notebook needs IPython, which notebooks have. Install it with: "
            "pip install ipython"
        ) from error
    page = start(of_model(Path(model), runtime), port=0)
    frame = IFrame(address(page), width="100%", height=height)
    frame.page = page
    return frame


def address(page: Any) -> str:
    """Where a browser finds a page."""
    host = page.server.get_host()
    name = "localhost" if host == LOOPBACK else f"[{host}]" if ":" in host else host
    return f"http://{name}:{page.server.get_port()}"
