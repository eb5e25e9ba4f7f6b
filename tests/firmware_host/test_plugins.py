"""Solvers of other packages: found by their entry points, and given all that was asked for."""

import importlib.metadata
import sys
from types import ModuleType

import pytest

from firmware_host.errors import ConfigError, RuntimeUnavailableError
from firmware_host.network import runtimes
from firmware_host.network.runtimes import RUNTIMES, available_runtimes
from firmware_host.plugins import PLUGINS, available_solvers, solver_plugin
from firmware_host.solver import IkSolver
from firmware_host.tolerances import Tolerance


class Elsewhere(IkSolver):
    """Gives back what `load` was given."""

    missing = None

    @classmethod
    def load(cls, path, runtime=None, refine_steps=None, restarts=0, tolerance=None):
        return path, runtime, refine_steps, restarts, tolerance

    @classmethod
    def obstacle(cls):
        return cls.missing


@pytest.fixture(autouse=True)
def _offered(monkeypatch):
    """A package that offers the runtime "elsewhere"."""
    module = ModuleType("offered_elsewhere")
    module.Elsewhere = Elsewhere
    monkeypatch.setitem(sys.modules, module.__name__, module)
    point = importlib.metadata.EntryPoint("elsewhere", "offered_elsewhere:Elsewhere", PLUGINS)

    def entry_points(*, group):
        return importlib.metadata.EntryPoints([point]).select(group=group)

    monkeypatch.setattr(importlib.metadata, "entry_points", entry_points)


def test_it_is_given_the_restarts_the_steps_and_the_tolerance():
    asked, finer = ("model.tflite", "elsewhere", 2, 5), Tolerance(1e-4)
    assert IkSolver.load("model.tflite", "elsewhere", 2, restarts=5) == (*asked, None)
    assert IkSolver.load(
        "model.tflite", runtime="elsewhere", refine_steps=2, restarts=5, tolerance=finer
    ) == (*asked, finer)
    usual = ("model.tflite", "elsewhere", None, 0, None)
    assert IkSolver.load("model.tflite", "elsewhere") == usual


def test_it_is_listed_where_it_can_be_used(monkeypatch):
    assert solver_plugin("elsewhere") is Elsewhere
    assert available_solvers() == (*available_runtimes(), "elsewhere")
    monkeypatch.setattr(Elsewhere, "missing", "no compiler")
    assert available_solvers() == available_runtimes()


def test_it_is_named_where_another_runtime_is_missing(planar_model, monkeypatch):
    missing = {name: "it is not installed" for name in RUNTIMES if name != "reference"}
    monkeypatch.setattr(runtimes, "_obstacle", missing.get)
    with pytest.raises(RuntimeUnavailableError, match=r"used here: reference, elsewhere\.") as e:
        IkSolver.load(planar_model, "litert")
    assert e.value.installed == ("reference", "elsewhere")
    assert "cannot be used: it is not installed" in str(e.value)


def test_an_unknown_name_is_told_with_the_known_ones():
    with pytest.raises(ConfigError, match=r"reference, elsewhere. Received: runtime='nowhere'"):
        IkSolver.load("model.tflite", "nowhere")
