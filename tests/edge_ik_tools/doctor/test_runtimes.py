"""Runtimes are tried: those that answer, those that are missing, and those that end."""

import subprocess
import sys
import tempfile

import numpy as np
import pytest

from edge_ik_tools.doctor import attempt as attempts
from edge_ik_tools.doctor import process, runtimes
from edge_ik_tools.doctor.attempt import attempt
from edge_ik_tools.doctor.finding import Finding
from edge_ik_tools.doctor.runtimes import default_finding, find_runtimes
from edge_ik_tools.doctor.tiny import tiny_chain, write_tiny_model
from firmware_host.errors import ModelFileError
from firmware_host.network.runtimes import RUNTIMES, available_runtimes, default_runtime
from firmware_host.plugins import available_solvers
from firmware_host.solver import IkSolver
from firmware_host.solving.solution import Status


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory):
    path = tmp_path_factory.mktemp("doctor") / "tiny.tflite"
    write_tiny_model(path)
    return path


@pytest.fixture(scope="module")
def found():
    return {one.name: one for one in find_runtimes()}


def test_all_that_can_be_used_is_tried_and_the_rest_is_told(found):
    assert {*RUNTIMES, "firmware"} <= set(found)
    assert {name for name, one in found.items() if one.works} == set(available_solvers())
    for name in available_runtimes():
        assert found[name].found.startswith(name)
    for name in set(RUNTIMES) - set(available_runtimes()):
        assert "not installed" in found[name].found or "NumPy" in found[name].found


def test_nobody_is_advised_to_install_the_predecessor_of_what_works(found):
    if not found["litert"].works:
        assert "ai-edge-litert" in found["litert"].advice
        assert "wheels: Python" in found["litert"].advice
    else:
        assert found["tflite-runtime"].advice == ""


def test_the_default_is_told(found):
    assert f"'{default_runtime()}' answers" in default_finding(found.values())


def test_only_what_works_is_recommended():
    def tried(**works):
        return [Finding(name, "", worked, "") for name, worked in works.items()]

    usual = default_runtime()
    assert "firmware" in default_finding(tried(**{usual: True, "firmware": True}))
    assert "firmware" not in default_finding(tried(**{usual: True, "firmware": False}))
    told = default_finding(tried(**{usual: False, "other": True, "firmware": False}))
    assert told == (
        f"Where no runtime is asked for, '{usual}' is taken, which does not work here. "
        "Ask for one that does: other."
    )


def test_without_room_to_try_them_every_runtime_is_told(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    found = find_runtimes()
    assert {one.name for one in found} >= {*RUNTIMES, "firmware"}
    assert not any(one.works for one in found)
    assert all("TMPDIR" in one.found for one in found)


def test_an_answer_that_differs_from_the_reference_is_none(tiny_model, monkeypatch):
    seed = IkSolver.seed

    def off(self, targets, branch=0):
        answer = seed(self, targets, branch)
        return answer + 0.2 * self.wrong

    def load(path, runtime):
        solver = IkSolver(solver_of.spec, solver_of.seeder.predict, runtime=runtime)
        solver.wrong = runtime != "reference"
        return solver

    solver_of = IkSolver.load(tiny_model, "reference")
    monkeypatch.setattr(IkSolver, "seed", off)
    monkeypatch.setattr(IkSolver, "load", load)
    with pytest.raises(ModelFileError, match=r"litert answers 0\.2 rad away from the reference"):
        attempt("litert", tiny_model)


def test_errors_that_are_not_the_robots_are_told(tiny_model, monkeypatch):
    monkeypatch.setattr(attempts, "ERROR_DRIFT_M", -1.0)
    with pytest.raises(ModelFileError, match="tells errors that are"):
        attempt("reference", tiny_model)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGILL)", "SIGILL: the package was built"),
        ("import os; os.abort()", "SIGABRT"),
        ("import sys; sys.exit(7)", "status 7"),
        ("raise ValueError('not so')", "ValueError: not so"),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_process_that_ends_is_told_in_a_line(tiny_model, monkeypatch, code, told):
    run = subprocess.run

    def instead(command, **options):
        return run([command[0], "-c", code], **options)

    monkeypatch.setattr(process.subprocess, "run", instead)
    finding = runtimes._tried("litert", tiny_model)
    assert not finding.works
    assert told in finding.found
    assert "ai-edge-litert" in finding.advice


def test_a_process_that_hangs_is_told(tiny_model, monkeypatch):
    def hangs(command, *, timeout, **_):
        raise subprocess.TimeoutExpired(command, timeout)

    monkeypatch.setattr(process.subprocess, "run", hangs)
    assert "did not answer within" in runtimes._tried("litert", tiny_model).found


def test_the_tiny_robot_reaches_what_it_is_asked(tiny_model):
    solver = IkSolver.load(tiny_model, "reference", refine_steps=30)
    assert solver.chain.joint_names == tiny_chain().joint_names
    target = solver.forward(solver.home)[:3, 3] + np.array([0.01, 0.0, 0.0])
    assert solver.solve(target, q_near=solver.home).status is Status.SOLVED
