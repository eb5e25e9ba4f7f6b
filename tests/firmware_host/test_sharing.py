"""Solvers are pickled and copied, and used by several threads and processes at once."""

import copy
import multiprocessing
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from operator import methodcaller
from pathlib import Path

import numpy as np
import pytest

from firmware_host.bench.targets import bench_targets
from firmware_host.plugins import available_solvers
from firmware_host.solver import IkSolver

MODEL = Path("artifacts") / "arm3" / "arm3-int8.tflite"
RUNTIMES = ("litert", "tflite-runtime", "tflite-micro", "reference", "firmware")
THREADS, SOLVES = 4, 250


@pytest.fixture(scope="module", params=RUNTIMES)
def solver(request, source_root):
    """A solver of each runtime that is installed, whose caches are filled."""
    if request.param not in available_solvers():
        pytest.skip(f"{request.param} is not installed, or does not fit")
    made = IkSolver.load(source_root / MODEL, request.param)
    made.solve([0.3, 0.1, 0.2])
    return made


@pytest.fixture(scope="module")
def targets(solver):
    return bench_targets(solver, 40)


@pytest.fixture(scope="module")
def expected(solver, targets):
    return answers(solver, targets)


def answers(solver, targets):
    """What a solver answers, in every way that it can be asked (3, N, n)."""
    near = solver.chain.middle
    return np.array(
        [
            [solver.solve(target).q for target in targets],
            [solver.track(target, near).q for target in targets],
            solver.solve_batch(targets).q,
        ]
    )


def pickled(solver):
    return pickle.loads(pickle.dumps(solver))


@pytest.mark.parametrize("remade", [copy.copy, copy.deepcopy, pickled])
def test_a_copy_answers_the_same(solver, targets, expected, remade):
    other = remade(solver)
    assert type(other) is type(solver)
    assert (other.runtime, other.refine_steps) == (solver.runtime, solver.refine_steps)
    np.testing.assert_array_equal(answers(other, targets), expected)


def test_threads_share_one_solver(solver, targets, expected):
    gate = threading.Barrier(THREADS)

    def work(number):
        order = np.random.default_rng(number).permutation(len(targets))
        gate.wait()
        for turn in range(SOLVES):
            row = order[turn % len(order)]
            if not np.array_equal(solver.solve(targets[row]).q, expected[0, row]):
                return False
            if turn % 50 == 0 and not np.array_equal(solver.solve_batch(targets).q, expected[2]):
                return False
        return True

    with ThreadPoolExecutor(THREADS) as pool:
        assert all(pool.map(work, range(THREADS)))


# Python warns where threads are alive, which are of other tests.
FORKING = "ignore:This process .* is multi-threaded:DeprecationWarning"


@pytest.mark.filterwarnings(FORKING)
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes_are_given_the_solver(solver, targets, expected, method):
    with multiprocessing.get_context(method).Pool(1) as pool:
        together = pool.apply(methodcaller("solve_batch", targets), (solver,))
        alone = pool.apply(methodcaller("solve", targets[0]), (solver,))
    np.testing.assert_array_equal(together.q, expected[2])
    told, here = alone.to_dict(), solver.solve(targets[0]).to_dict()
    assert told == {**here, "microseconds": told["microseconds"]}


@pytest.mark.filterwarnings(FORKING)
def test_a_process_that_forks_goes_on_with_the_solver(solver, targets, expected):
    here, there = multiprocessing.Pipe(duplex=False)
    child = multiprocessing.get_context("fork").Process(
        target=lambda: there.send(answers(solver, targets))
    )
    child.start()
    assert here.poll(60)
    np.testing.assert_array_equal(here.recv(), expected)
    child.join()
    np.testing.assert_array_equal(answers(solver, targets), expected)
