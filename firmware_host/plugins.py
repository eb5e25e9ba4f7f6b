"""Solvers that other packages offer, found by their entry points."""

from __future__ import annotations

import importlib.metadata
from typing import Any

from firmware_host.errors import ConfigError, RuntimeUnavailableError
from firmware_host.network.interpreter import Interpreter
from firmware_host.network.runtimes import RUNTIMES, available_runtimes, open_interpreter

# Each is a subclass of `firmware_host.solver.IkSolver`.
PLUGINS = "edge_ik.runtimes"


def available_solvers() -> tuple[str, ...]:
    """Names of the runtimes that `IkSolver.load` can use on this machine."""
    found = [name for name in _plugins() if solver_plugin(name).obstacle() is None]
    return (*available_runtimes(), *found)


def known_solvers() -> tuple[str, ...]:
    """Names of the runtimes that `IkSolver.load` takes, whether they can be used or not."""
    return (*RUNTIMES, *_plugins())


def open_network(flatbuffer: bytes, runtime: str | None) -> Interpreter:
    """`open_interpreter`, whose error names also what solves as a whole.

    Raises:
        ConfigError, ModelFileError, RuntimeUnavailableError: As it does.
    """
    try:
        return open_interpreter(flatbuffer, runtime)
    except RuntimeUnavailableError as error:
        raise error.among(available_solvers()) from error


def solver_plugin(name: Any) -> Any:
    """The subclass of `IkSolver` that another package offers under a name.

    Raises:
        ConfigError: If there is none.
    """
    plugins = _plugins()
    if not isinstance(name, str) or name not in plugins:
        raise ConfigError(
            f"Unknown runtime. Expected one of {', '.join([*RUNTIMES, *plugins])}. "
            f"Received: runtime={name!r}"
        )
    return plugins[name].load()


def _plugins() -> dict[str, importlib.metadata.EntryPoint]:
    return {point.name: point for point in importlib.metadata.entry_points(group=PLUGINS)}
