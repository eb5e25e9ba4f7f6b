"""What is measured is what `edge-ik evaluate` measures."""

import numpy as np
import pytest

from edge_ik.evaluation import evaluate_model
from edge_ik_tools.report.measuring.answers import answer
from edge_ik_tools.report.measuring.errors import measure_errors
from firmware_host.solver import IkSolver
from firmware_host.solving.branches import solve_any


def test_the_figures_are_those_of_evaluate(shipped, shipped_path):
    told = evaluate_model(shipped_path, 800)
    answered = answer(shipped.solver, 800, shipped.origin.rng_seed)
    found = measure_errors(answered, one_branch=True)
    assert list(found.figures) == list(told["any_branch"].values())
    assert float(answered.last.solved.mean()) == told["solved"]


def test_answers_are_those_of_the_solver_by_default(heads):
    answered = answer(heads.solver, 200, 1)
    steps = heads.solver.problem.default_steps
    assert len(answered.steps) == steps + 1
    wanted = solve_any(heads.solver.seeder, answered.target, steps)
    np.testing.assert_array_equal(answered.last.q, wanted.q)
    np.testing.assert_array_equal(answered.last.tried, wanted.tried)
    distance, angle = heads.solver.problem.errors(answered.last.q, answered.target)
    np.testing.assert_array_equal(answered.last.error, distance)
    np.testing.assert_array_equal(answered.last.angle, angle)


def test_the_network_alone_is_the_head_that_it_trusts_most(heads):
    answered = answer(heads.solver, 50, 1)
    guesses = heads.solver.seeder.guesses(answered.target)
    first = answered.steps[0]
    np.testing.assert_array_equal(first.branch, guesses.order[:, 0])
    np.testing.assert_array_equal(first.q, guesses.seeds(guesses.order[:, 0]))


def test_targets_are_where_the_tool_is(heads):
    answered = answer(heads.solver, 50, 1)
    np.testing.assert_allclose(answered.place, answered.target[:, :3])


@pytest.mark.parametrize("rng_seed", [0, 5])
def test_the_same_seed_draws_the_same_targets(shipped, rng_seed):
    first, second = (answer(shipped.solver, 100, rng_seed) for _ in range(2))
    np.testing.assert_array_equal(first.target, second.target)
    np.testing.assert_array_equal(first.last.q, second.last.q)
    assert not np.array_equal(first.target, answer(shipped.solver, 100, rng_seed + 1).target)


def test_a_solver_of_its_own_is_measured_by_its_own_answers(shipped):
    asked = []

    class Elsewhere(IkSolver):
        def solve_batch(self, *arguments, **options):
            asked.append(self.refine_steps)
            return super().solve_batch(*arguments, **options)

    solver = Elsewhere(shipped.solver.spec, shipped.solver.seeder.predict)
    answered = answer(solver, 100, 1)
    assert asked == [1, 2, 3]
    expected = answer(shipped.solver, 100, 1)
    np.testing.assert_allclose(answered.last.q, expected.last.q, atol=1e-9)
