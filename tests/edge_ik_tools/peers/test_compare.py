"""Solvers compared: judged by our kinematics, timed in rounds of another order each."""

import numpy as np
import pytest

from edge_ik.arms import load_arm
from edge_ik_tools.peers import compare as compared
from edge_ik_tools.peers.compare import compare, measure, orders, own_peer
from edge_ik_tools.peers.peer import Peer
from edge_ik_tools.peers.tables import comparison_notes, comparison_table
from firmware_host.problem import IkProblem
from firmware_host.progress import Done
from firmware_host.solver import IkSolver
from firmware_host.tasks import POSITION

COUNT = 50


@pytest.fixture(scope="module")
def problem():
    return IkProblem(load_arm("arm3"), POSITION)


@pytest.fixture(scope="module")
def joints(problem):
    rng = np.random.default_rng(0)
    return rng.uniform(problem.chain.lower, problem.chain.upper, (COUNT, 3))


@pytest.fixture(scope="module")
def targets(problem, joints):
    return problem.reached_by(joints)


def knowing(targets, joints, name="right", offset=0.0, **values):
    """A solver that knows the answers, or what lies beside them."""
    known = {tuple(target): q + offset for target, q in zip(targets, joints, strict=True)}
    return Peer(name, lambda target: known[tuple(target)], **values)


def test_figures_are_judged_by_our_own_kinematics(problem, targets, joints):
    entered = [
        knowing(targets, joints, note="knows all"),
        knowing(targets, joints, "wrong", 0.01),
        Peer("silent", lambda target: None),
    ]
    figures = measure(entered, problem, targets, rounds=2)
    assert list(figures) == ["right", "wrong", "silent"]
    assert figures["right"].solved == figures["right"].within_limits == 1.0
    assert figures["wrong"].solved < 0.5
    assert figures["silent"].solved == 0.0
    assert all(one.rounds == 2 for one in figures.values())


def test_orders_change_from_round_to_round_and_not_from_run_to_run():
    turns = orders(10, 5)
    assert turns == orders(10, 5)
    assert len(set(map(tuple, turns))) == 5
    assert all(sorted(turn) == list(range(10)) for turn in turns)


def test_everyone_solves_the_same_targets_in_the_order_of_the_round(problem, targets, joints):
    asked = []

    def listening(name):
        known = knowing(targets, joints).solve

        def solve(target):
            asked.append((name, tuple(target)))
            return known(target)

        return Peer(name, solve)

    names = ["a", "b", "c"]
    measure([listening(name) for name in names], problem, targets, rounds=2)
    for name in names:
        assert {target for who, target in asked if who == name} == set(map(tuple, targets))
    turns = [name for name, target in asked if target == tuple(targets[-1])]
    assert turns == names + [names[index] for order in orders(3, 2) for index in order]


def test_how_far_it_is_is_told_by_targets_and_then_by_turns(problem, targets, joints):
    told = []
    entered = [knowing(targets, joints, name) for name in ("a", "b")]
    measure(entered, problem, targets, rounds=3, tell=told.append)
    lines = [one if isinstance(one, str) else one.line for one in told]
    assert [line for line in lines if line] == [
        *(f"{name}, {COUNT} targets" for name in ("a", "b")),
        *(f"Round {number} of 3" for number in (1, 2, 3)),
    ]
    counted = [one for one in told if isinstance(one, Done)]
    judged = [(one.what, one.count) for one in counted if one.unit == "targets"]
    assert judged == [(name, number) for name in ("a", "b") for number in range(COUNT)]
    turns = [one.count for one in counted if one.unit == "turns"]
    assert turns == sorted(turns)
    assert set(turns) == set(range(6))


def test_the_target_s_form_is_made_before_the_clock_runs(problem, targets, joints):
    made = []

    def given(target):
        made.append(target)
        return tuple(target)

    peer = Peer("right", dict(zip(map(tuple, targets), joints, strict=True)).__getitem__, given)
    assert measure([peer], problem, targets, rounds=3)["right"].solved == 1.0
    assert len(made) == COUNT


def test_who_takes_long_is_heard_once(problem, targets, joints, monkeypatch):
    monkeypatch.setattr(compared, "SLOW_SECONDS", -1.0)
    assert measure([knowing(targets, joints)], problem, targets)["right"].rounds == 1


def test_batches_are_timed_where_there_is_a_call(problem, targets, joints):
    sizes = []

    def batch(rows):
        sizes.append(len(rows))
        return list(joints)

    many = np.tile(targets, (10, 1))
    entered = [
        knowing(targets, joints, "both", solve_batch=batch, given_batch=list),
        knowing(targets, joints, "single"),
    ]
    figures = measure(entered, problem, many, rounds=1)
    assert (figures["both"].batched, figures["single"].batched) == (True, False)
    assert set(sizes) == {compared.BATCH, 10 * COUNT - compared.BATCH}


@pytest.fixture(scope="module")
def comparison(source_root):
    """The shipped model in two runtimes, beside what is installed."""
    path = source_root / "artifacts" / "arm3" / "arm3-int8.tflite"
    solvers = [IkSolver.load(path, runtime) for runtime in ("litert", "reference")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compared, "SLOW_SECONDS", 0.5)
        return compare(solvers, 20, 2)


def test_every_runtime_has_a_row(comparison):
    own = [name for name, figures in comparison.solvers.items() if figures.own]
    assert [name.split()[1] for name in own] == ["litert", "reference"]
    assert list(comparison.solvers)[:2] == own
    for name in own:
        figures = comparison.solvers[name]
        assert figures.solved == 1.0
        assert figures.batched
        assert 0 < figures.time.p50 <= figures.time.p99 <= figures.time.max


def test_it_is_told_with_rounds_load_and_what_is_left_out(comparison):
    values = comparison.to_dict()
    table = comparison_table(values)
    assert [row[0] for row in table.rows] == list(values["solvers"])
    notes = "\n".join(comparison_notes(values))
    assert "medians of 2 rounds" in notes
    assert "Load average" in notes
    assert "Left out: ssik" in notes


def test_the_fastest_of_ours_is_set_against_the_closed_form(problem, targets, joints):
    entered = [
        knowing(targets, joints, "edge-ik, slow", own=True),
        knowing(targets, joints, "edge-ik, fast", own=True),
        knowing(targets, joints, "closed", closed_form=True),
    ]
    values = {"rounds": 1, "load": None, "cores": None, "missing": {}, "targets": COUNT}
    figures = measure(entered, problem, targets, rounds=1)
    solvers = {name: {**vars(one), "time": vars(one.time)} for name, one in figures.items()}
    for name, p50 in (("edge-ik, slow", 30.0), ("edge-ik, fast", 10.0), ("closed", 20.0)):
        solvers[name]["time"] = {"p50": p50}
    told = comparison_notes({**values, "solvers": solvers})[-1]
    assert "not faster: closed takes 20.0 microseconds at the median, edge-ik, fast 10.0" in told
    solvers["closed"]["time"] = {"p50": 5.0}
    assert "it is faster" in comparison_notes({**values, "solvers": solvers})[-1]


def test_our_own_targets_have_the_form_that_users_give(source_root, targets):
    solver = IkSolver.load(source_root / "artifacts" / "arm3" / "arm3-int8.tflite", "reference")
    peer = own_peer(solver)
    np.testing.assert_array_equal(peer.answer(targets[0]), solver.solve(targets[0].tolist()).q)
    answers = peer.solve_batch(peer.given_batch(targets))
    np.testing.assert_allclose(answers, [peer.answer(target) for target in targets], atol=1e-9)
