"""Figures are of what answers: a network refined here, or a solver with steps of its own."""

import numpy as np
import pytest

from edge_ik.answering import RefinedHere, SolverItself, answering, answers_by_steps
from edge_ik.evaluation import evaluate_model
from firmware_host.errors import ConfigError
from firmware_host.solver import IkSolver
from firmware_host.tolerances import Tolerance

COUNT = 300
# What single precision leaves of an error, and double does not [m].
SINGLE_M = 1e-8


@pytest.fixture(scope="module")
def model(source_root):
    return source_root / "artifacts" / "arm3" / "arm3-int8.tflite"


@pytest.fixture(scope="module")
def firmware(model, require_tool):
    require_tool("cc", "gcc libc6-dev")
    return IkSolver.load(model, "firmware")


@pytest.fixture(scope="module")
def targets(firmware):
    chain = firmware.chain
    q = np.random.default_rng(4).uniform(chain.lower, chain.upper, (COUNT, len(chain)))
    return firmware.problem.reached_by(q)


def test_the_figures_of_firmware_are_of_its_own_answers(model, firmware):
    told = evaluate_model(model, COUNT, "firmware")
    assert told["runtime"] == firmware.runtime
    here = evaluate_model(model, COUNT, "reference")
    for own, double in (
        (told["any_branch"], here["any_branch"]),
        (told["one_branch"]["refined"], here["one_branch"]["refined"]),
    ):
        assert own["1"]["rmse_m"] == pytest.approx(double["1"]["rmse_m"], rel=1e-2)
        assert double["3"]["p95_m"] < SINGLE_M < own["3"]["p95_m"]
    assert told["any_branch"]["0"] != here["any_branch"]["0"]


def test_a_tolerance_that_firmware_cannot_tell_is_refused(model, firmware):
    with pytest.raises(ConfigError, match="Single precision cannot tell"):
        evaluate_model(model, COUNT, "firmware", Tolerance(position=1e-11))


def test_a_solver_of_its_own_answers_after_each_step(firmware, targets):
    answers = answering(firmware)
    assert isinstance(answers, SolverItself)
    steps = list(answers_by_steps(answers, targets, firmware.refine_steps))
    np.testing.assert_array_equal(steps[0].q, firmware.seed(targets))
    np.testing.assert_array_equal(steps[-1].q, firmware.solve_batch(targets).q)
    walked = list(answers.in_branch(targets, 0, firmware.refine_steps))
    for found, own in zip(steps, walked, strict=True):
        np.testing.assert_array_equal(found.q, own)
        np.testing.assert_array_equal(found.seed, steps[0].q)


def test_both_kinds_agree_on_one_solver(model, targets):
    """What is refined here is what the solver's own batches are."""
    solver = IkSolver.load(model, "reference")
    here, itself = RefinedHere(solver.seeder), SolverItself(solver)
    assert type(answering(solver)) is RefinedHere
    for one, other in zip(
        answers_by_steps(here, targets, 2), answers_by_steps(itself, targets, 2), strict=True
    ):
        np.testing.assert_allclose(one.q, other.q, atol=1e-12)
        np.testing.assert_array_equal(one.branch, other.branch)
        np.testing.assert_array_equal(one.tried, other.tried)


def test_a_solver_with_other_steps_is_the_one_loaded_with_them(model, firmware, targets):
    for solver in (firmware, IkSolver.load(model, "reference")):
        name = solver.runtime.split()[0]
        other = solver.with_steps(1)
        assert (solver.refine_steps, other.refine_steps) == (3, 1)
        wanted = IkSolver.load(model, name, refine_steps=1).solve_batch(targets).q
        np.testing.assert_array_equal(other.solve_batch(targets).q, wanted)
        for steps in (-1, 101, 1.5):
            with pytest.raises(ConfigError, match="from 0 to 100"):
                solver.with_steps(steps)
