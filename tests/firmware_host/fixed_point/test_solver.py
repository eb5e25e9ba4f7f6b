"""The solver in integers against the one in floats: as often, as near, and always within limits."""

import math

import numpy as np
import pytest

from firmware_host.errors import ConfigError, ModelFileError
from firmware_host.fixed_point.arithmetic import LEAST, MOST
from firmware_host.fixed_point.solver import FixedSolver
from firmware_host.model_file import read_model
from firmware_host.network.reference import ReferenceInterpreter
from firmware_host.solver import IkSolver, Status
from firmware_host.spec import ModelSpec
from firmware_host.tasks import make_task
from firmware_host.tolerances import FARTHEST_TARGET

SOLVED, UNREACHABLE, BAD_TARGET = range(3)
COUNT = 120
# What an answer may be off that of floats: far below the tolerance.
PLACE, ANGLE = 0.05e-3, math.radians(0.01)

# A robot, its task, branches and the network's type.
CASES = {
    "arm3": ("arm3", "position", 1, np.int8),
    "arm3 in branches": ("arm3", "position", 3, np.int8),
    "arm3 without end": ("arm3 without end", "position", 1, np.int8),
    "arm3 of int16": ("arm3", "position", 1, np.int16),
    "cylindrical": ("cylindrical", "position", 1, np.int8),
    "palletizer": ("palletizer", "position", 2, np.int16),
    "geared": ("geared", "position", 1, np.int8),
    "gantry": ("gantry", "position", 1, np.int8),
    "on a rail": ("on a rail", "position", 2, np.int8),
    "stanford": ("stanford", "pose", 2, np.int8),
    "stanford's axis": ("stanford", "axis", 1, np.int8),
    "pitch": ("on a rail", "pitch", 1, np.int8),
    "yaw": ("stanford", "yaw", 1, np.int16),
    "planar": ("geared", "planar", 1, np.int8),
}


@pytest.fixture(scope="module")
def models(integer_model, other_arms, make_arm3):
    """Function of a name in `CASES`: spec, network and what runs floats."""
    arms = {**other_arms, "arm3": make_arm3(), "arm3 without end": make_arm3(continuous=True)}
    made = {}

    def model(name):
        if name not in made:
            arm, task, branches, dtype = CASES[name]
            rng = np.random.default_rng(5)
            kind = make_task(task, "x") if task != "position" else make_task(task)
            made[name] = integer_model(arms[arm], rng, kind, branches, dtype)
        return made[name]

    return model


@pytest.fixture(scope="module", params=CASES)
def model(request, models):
    return models(request.param)


def targets_in_reach(spec, count, seed=1):
    rng = np.random.default_rng(seed)
    q = rng.uniform(spec.chain.lower, spec.chain.upper, (count, len(spec.chain)))
    return spec.problem.reached_by(q).astype(np.float32).astype(float)


def joints(solver, answer):
    return np.ldexp(np.array(answer.q, float), -np.array(solver.robot.joint_bits))


def test_it_solves_as_floats_do(model):
    spec, network, runtime = model
    solver, floats = FixedSolver(spec, network), IkSolver(spec, runtime.run)
    targets = targets_in_reach(spec, COUNT)
    expected = floats.solve_batch(spec.task.given(targets), None, "any")
    found = [solver.solve(target) for target in targets]
    status = np.array([answer.status for answer in found])
    assert np.isin(status, [SOLVED, UNREACHABLE]).all()
    solved, theirs = status == SOLVED, expected.status == Status.SOLVED
    # Where a limit or a far seed decides it, one may get there and the other not.
    assert np.mean(solved != theirs) < 0.05
    assert abs(int(solved.sum()) - int(theirs.sum())) <= 3
    assert solved.any()
    q = np.array([joints(solver, answer) for answer in found])
    both = solved & theirs
    # From far seeds steps end on the way, where the least rounding shows; elsewhere all is one.
    left, turned = spec.problem.errors(expected.q, targets)
    settled = both & (left < PLACE / 4) & (turned < ANGLE / 4)
    assert settled.sum() > 0.2 * both.sum()
    place, angle = spec.problem.errors(q, spec.problem.reached_by(expected.q))
    assert np.mean(place[settled] < PLACE) > 0.95
    assert np.mean(angle[settled] < ANGLE) > 0.95
    assert np.median(place[settled]) < PLACE / 100
    assert spec.problem.is_solved(q[solved], targets[solved]).all()


def test_limits_hold_whatever_the_target(model):
    spec, network, _ = model
    solver, rng = FixedSolver(spec, network), np.random.default_rng(2)
    targets = targets_in_reach(spec, 40)
    places = len(spec.task.place)
    targets[:, :places] *= np.exp(rng.uniform(-1, 13, (40, 1)))
    for target in targets:
        answer = solver.solve(target)
        assert answer.status in (SOLVED, UNREACHABLE)
        q = joints(solver, answer)
        assert spec.chain.within_limits(q)
        assert spec.chain.within_limits(q.astype(np.float32).astype(float))


def test_far_targets_are_not_reached_and_not_bad(models):
    spec, network, _ = models("arm3")
    solver = FixedSolver(spec, network)
    for far in (2.0, 10.0, 1e3, 3e5, 5.7e5):
        for way in ([1, 1, 1], [-1, 0.5, 0.25], [0, 0, -1]):
            assert solver.solve(far * np.array(way)).status == UNREACHABLE
    toward = solver.solve([2.0, 1.0, 0.15])
    # The arm is stretched out toward it.
    q = joints(solver, toward)
    tool = spec.problem.reached_by(q)
    assert math.atan2(tool[1], tool[0]) == pytest.approx(math.atan2(1, 2), abs=1e-2)


@pytest.mark.parametrize("way", [[1, 0, 0], [-1, 1, 0], [1, 1, -1], [0.3, 0.9, 0.2]])
def test_the_farthest_targets_are_where_floats_have_them(models, way):
    solver = FixedSolver(*models("arm3")[:2])
    way = np.array(way) / np.linalg.norm(way)
    assert solver.solve(way * (FARTHEST_TARGET * 0.999)).status == UNREACHABLE
    assert solver.solve(way * (FARTHEST_TARGET * 1.001)).status == BAD_TARGET


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1.1e6, -3e38])
def test_what_is_no_target_is_told(model, bad):
    spec, network, _ = model
    solver = FixedSolver(spec, network)
    for k in range(spec.task.size):
        target = targets_in_reach(spec, 1)[0]
        target[k] = bad
        answer = solver.solve(target)
        assert (answer.status, answer.q) == (BAD_TARGET, ())


@pytest.mark.parametrize("name", ["stanford", "stanford's axis", "pitch", "yaw"])
def test_units_off_unit_length_are_told_as_floats_tell_them(models, name):
    spec, network, _ = models(name)
    solver = FixedSolver(spec, network)
    places = len(spec.task.place)
    target = targets_in_reach(spec, 1)[0]
    for off, bad in ((1e-5, False), (5e-4, False), (3e-3, True), (-3e-3, True), (-1.0, True)):
        given = target.copy()
        given[places:] *= 1 + off
        assert (solver.solve(given).status == BAD_TARGET) == bad
        given = np.round(given * 1e6).astype(int).tolist()
        assert (solver.solve_um(given).status == BAD_TARGET) == bad


def test_a_mirrored_rotation_is_no_target(models):
    spec, network, _ = models("stanford")
    target = targets_in_reach(spec, 1)[0]
    assert FixedSolver(spec, network).solve(target).status != BAD_TARGET
    target[9:] *= -1
    assert FixedSolver(spec, network).solve(target).status == BAD_TARGET


def test_millionths_are_solved_as_the_same_in_floats(model):
    spec, network, _ = model
    solver = FixedSolver(spec, network)
    targets = targets_in_reach(spec, 40, seed=3)
    for target in targets:
        whole = np.round(target * 1e6).astype(int).tolist()
        found, same = solver.solve_um(whole), solver.solve(np.array(whole) / 1e6)
        if found.status == same.status == SOLVED:
            q = np.array([joints(solver, answer) for answer in (found, same)])
            if np.abs(q[0] - q[1]).max() < 1e-2:
                place, angle = spec.problem.errors(q[0], spec.problem.reached_by(q[1]))
                assert place < PLACE
                assert angle < ANGLE


def test_all_integers_are_taken(model):
    spec, network, _ = model
    solver, rng = FixedSolver(spec, network), np.random.default_rng(4)
    edges = np.array([LEAST, LEAST + 1, -1_500_000, -1, 0, 1, 1_500_000, MOST - 1, MOST])
    units = np.round(targets_in_reach(spec, 30, seed=6) * 1e6).astype(int)
    places = len(spec.task.place)
    for given in units:
        given[:places] = rng.choice(edges, places)
        answer = solver.solve_um(given.tolist())
        assert answer.status in (SOLVED, UNREACHABLE)
        assert spec.chain.within_limits(joints(solver, answer))
        bits = rng.integers(LEAST, MOST, spec.task.size, endpoint=True)
        assert solver.solve_um(bits.tolist()).status in (SOLVED, UNREACHABLE, BAD_TARGET)
    with pytest.raises(ConfigError, match="32 bits"):
        solver.solve_um([MOST + 1] * spec.task.size)


def test_the_same_target_gives_the_same_answer(model):
    spec, network, _ = model
    first, second = (FixedSolver(spec, network) for _ in range(2))
    for target in targets_in_reach(spec, 10, seed=7):
        assert first.solve(target) == second.solve(target) == first.solve(target)


def test_more_branches_solve_no_less(models):
    spec, network, _ = models("arm3 in branches")
    one, every = FixedSolver(spec, network, tries=1), FixedSolver(spec, network)
    tried = []
    for target in targets_in_reach(spec, COUNT):
        first, best = one.solve(target), every.solve(target)
        assert best.status <= first.status
        assert first.tried == 1
        assert 1 <= best.tried <= 3
        tried.append(best.tried)
        if best.tried == 1:
            assert best == first
    assert set(tried) == {1, 2, 3}


def test_without_steps_it_tells_what_the_network_says(models):
    spec, network, _ = models("arm3")
    none, usual = FixedSolver(spec, network, steps=0), FixedSolver(spec, network)
    solved = [
        [solver.solve(target).status == SOLVED for target in targets_in_reach(spec, COUNT)]
        for solver in (none, usual)
    ]
    assert np.mean(solved[0]) < np.mean(solved[1])


def test_a_network_of_floats_is_refused(source_root):
    path = source_root / "tests" / "firmware_host" / "models" / "float32.tflite"
    network = ReferenceInterpreter(path.read_bytes())
    with pytest.raises(ModelFileError, match="int8 or int16, not float32"):
        FixedSolver(_any_spec(source_root), network)


def _any_spec(source_root):
    _, record = read_model(source_root / "artifacts" / "arm3" / "arm3-int8.tflite")
    return ModelSpec.from_dict(record)


def test_the_reference_model_solves_what_floats_solve(source_root):
    path = source_root / "artifacts" / "arm3" / "arm3-int8.tflite"
    flatbuffer, record = read_model(path)
    spec = ModelSpec.from_dict(record)
    solver = FixedSolver(spec, ReferenceInterpreter(flatbuffer))
    floats = IkSolver.load(path, "reference")
    targets = targets_in_reach(spec, 200)
    expected = floats.solve_batch(targets)
    found = [solver.solve(target) for target in targets]
    assert [answer.status for answer in found] == [
        SOLVED if status == Status.SOLVED else UNREACHABLE for status in expected.status
    ]
    q = np.array([joints(solver, answer) for answer in found])
    place, _ = spec.problem.errors(q, spec.problem.reached_by(expected.q))
    assert place.max() < PLACE
