"""Choosing among branches: one asked for, the nearest, any; and restarts for what is left."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_host.chain import Chain, Joint
from firmware_host.errors import ConfigError, TargetError
from firmware_host.kinematics import tool_position
from firmware_host.solver import Status
from firmware_host.solving.branches import HOME, preferred
from firmware_host.solving.checks import branch_number
from firmware_host.spec import Branch
from firmware_host.tolerances import SAME_ANSWER

BRANCHES = (Branch("elbow+", 0.5, 0.9), Branch("elbow-", 0.5, 0.8))
NAMES = ("elbow+", "elbow-")


@pytest.fixture(scope="module")
def arm():
    """Two branches: the elbow bends either way; link lengths of 0.25 m, 0.15 m up."""

    def joint(name, axis, offset, lower, upper):
        origin = np.eye(4)
        origin[:3, 3] = offset
        return Joint(name, origin, np.array(axis, float), lower, upper)

    tool = np.eye(4)
    tool[0, 3] = 0.25
    joints = (
        joint("yaw", [0, 0, 1], [0, 0, 0.15], -math.pi, math.pi),
        joint("shoulder", [0, -1, 0], [0, 0, 0], -1.5, 1.9),
        joint("elbow", [0, 1, 0], [0.25, 0, 0], -2.6, 2.6),
    )
    return Chain("two ways", joints, tool)


def both_ways(promises=lambda features: (0.5, -0.5), offset=0.02):
    """The arm's own solutions, a little off: head 0 bends the elbow up, head 1 down.

    Args:
        promises: Function of the features: what the heads promise.
        offset: How far each joint is off [rad].
    """

    def predict(features):
        x, y, z = features[:, 0], features[:, 1], features[:, 2] - 0.15
        radial = np.hypot(x, y)
        bend = np.arccos(np.clip((radial**2 + z**2) / 0.125 - 1, -1, 1))
        heads = []
        for elbow in (bend, -bend):
            shoulder = np.arctan2(z, radial) + elbow / 2
            q = np.stack([np.arctan2(y, x), shoulder, elbow], axis=-1) + offset
            heads += [np.sin(q), np.cos(q)]
        promised = np.broadcast_to(promises(features), (len(features), 2))
        return np.concatenate([*heads, promised], axis=-1).astype(np.float32)

    return predict


@pytest.fixture(scope="module")
def solver(arm, make_solver):
    return make_solver(arm, both_ways(), branches=BRANCHES)


def position(chain, q):
    return tool_position(chain, np.sin(q), np.cos(q))


UP = np.array([0.4, 0.9, 1.1])


@pytest.mark.parametrize(
    ("branch", "side"), [(0, 1), ("elbow+", 1), ("home", 1), (1, -1), ("1", -1)]
)
def test_the_branch_asked_for_is_answered(arm, solver, branch, side):
    solution = solver.solve(position(arm, UP), branch=branch)
    assert solution.status is Status.SOLVED
    assert np.sign(solution.q[2]) == side
    assert solution.branch == (0 if side > 0 else 1)


def test_a_branch_that_a_batch_tells_can_be_asked_for(arm, solver):
    told = solver.solve_batch([position(arm, UP)] * 2, branch=1).branch
    assert solver.solve(position(arm, UP), branch=told[0]).branch == 1
    with pytest.raises(TargetError, match="a branch of the model"):
        solver.solve_batch([position(arm, UP)] * 2, branch=told)


@pytest.mark.parametrize("branch", [2, -1, "elbow", True, 1.5])
def test_a_branch_that_is_none_is_told_with_those_that_are(solver, branch):
    with pytest.raises(TargetError, match=r"0 \(elbow\+\), 1 \(elbow-\)"):
        solver.solve([0.3, 0.1, 0.2], branch=branch)


@pytest.mark.parametrize("side", [1, -1])
def test_home_is_the_head_that_answers_the_home_posture(arm, make_solver, side):
    """Whichever number training gave it."""
    home = UP * [1, 1, side] + np.array([0, 0 if side > 0 else -1.1, 0])
    solver = make_solver(arm, both_ways(), branches=BRANCHES, home=home)
    assert solver.home_branch == (0 if side > 0 else 1)
    found = solver.solve(position(arm, home), branch="home")
    np.testing.assert_allclose(found.q, home, atol=1e-4)
    together = solver.solve_batch([position(arm, home)], branch="home")
    np.testing.assert_allclose(together.q[0], home, atol=1e-4)
    seed = solver.seed(position(arm, home)[None], "home")[0]
    np.testing.assert_allclose(seed, home + 0.02, atol=1e-4)


@pytest.mark.parametrize("first", [0, 1])
def test_the_head_that_promises_most_is_tried_first(arm, make_solver, first):
    promises = (0.3, 0.9) if first else (0.9, 0.3)
    solver = make_solver(arm, both_ways(lambda _: promises), branches=BRANCHES)
    targets = np.stack([position(arm, UP)] * 3)
    together = solver.solve_batch(targets, branch="any")
    alone = solver.solve(targets[0], branch="any")
    # Both heads lead there, so the first that was tried is the answer.
    assert alone.branch == first
    assert together.branch.tolist() == [first] * 3
    assert alone.tried == 1
    assert together.tried.tolist() == [1] * 3


def test_equal_promises_are_tried_in_the_order_of_numbers(arm, make_solver):
    solver = make_solver(arm, both_ways(lambda _: (0.25, 0.25)), branches=BRANCHES)
    target = position(arm, UP)
    guesses = solver.seeder.guesses(target[None])
    assert guesses.order.tolist() == [[0, 1]]
    assert solver.seeder.plain_guesses(target.tolist()).order == [0, 1]
    assert solver.solve(target).branch == solver.solve_batch([target]).branch[0] == 0


def test_a_wrong_promise_costs_another_try_and_no_answer(arm, make_solver):
    """Heads that promise the most for what they cannot reach are found out."""
    rng = np.random.default_rng(4)
    targets = position(arm, rng.uniform(arm.lower, arm.upper, (500, 3)))
    liars, honest = (
        make_solver(arm, both_ways(lambda f, k=k: np.stack([k * f[:, 2], -k * f[:, 2]], -1)),
                    branches=BRANCHES)
        for k in (1.0, -1.0)
    )  # fmt: skip
    first, second = (s.solve_batch(targets, branch="any") for s in (liars, honest))
    np.testing.assert_array_equal(first.status, second.status)
    assert first.tried.max() == second.tried.max() == 2
    # Each target is reached by one head at the least: the order decides the tries alone.
    once = (first.tried == 1) & (second.tried == 1)
    assert np.all(once | (first.tried + second.tried >= 3))


def test_any_takes_a_branch_that_limits_allow(arm, solver):
    rng = np.random.default_rng(0)
    q = rng.uniform(arm.lower, arm.upper, (2000, 3))
    targets = position(arm, q)
    one = np.mean(solver.solve_batch(targets, branch=0).status == Status.SOLVED)
    some = solver.solve_batch(targets, branch="any")
    assert np.mean(some.status == Status.SOLVED) > max(0.98, one + 0.05)
    assert set(some.branch) == {0, 1}
    assert some.tried.max() == 2
    assert not some.restarts.any()


def test_any_is_the_default_and_one_target_is_answered_like_a_batch(arm, solver):
    rng = np.random.default_rng(1)
    targets = position(arm, rng.uniform(arm.lower, arm.upper, (30, 3)))
    together = solver.solve_batch(targets)
    for row, target in enumerate(targets):
        alone = solver.solve(target)
        assert alone.status is together.status[row]
        assert alone.branch == together.branch[row]
        np.testing.assert_allclose(alone.q, together.q[row], atol=1e-9)


@pytest.mark.parametrize("side", [1, -1])
def test_nearest_is_the_branch_of_the_present_joints(arm, solver, side):
    target = position(arm, UP)
    here = solver.solve(target, branch=0 if side > 0 else 1).q
    near = here + np.array([0.05, -0.03, 0.02])
    solution = solver.solve(target, q_near=near)
    np.testing.assert_allclose(solution.q, here, atol=1e-4)
    assert solution.branch == (0 if side > 0 else 1)
    assert solution.joint_step == pytest.approx(0.05, abs=1e-3)


@pytest.mark.parametrize("seed", range(3))
def test_nearest_is_the_least_way_that_joints_really_travel(arm, solver, seed):
    """The yaw has stops at half a turn: the short way around is not open to it."""
    rng = np.random.default_rng(seed)
    targets = position(arm, rng.uniform(arm.lower, arm.upper, (40, 3)))
    near = rng.uniform(arm.lower, arm.upper, (40, 3))
    together = solver.solve_batch(targets, near)
    for row, target in enumerate(targets):
        alone = solver.solve(target, near[row])
        assert alone.branch == together.branch[row]
        np.testing.assert_allclose(alone.q, together.q[row], atol=1e-6)
        assert alone.joint_step == pytest.approx(np.abs(alone.q - near[row]).max())
        others = [solver.solve(target, near[row], branch) for branch in range(2)]
        ways = [other.joint_step for other in others if other.status is Status.SOLVED]
        if ways:
            assert alone.status is Status.SOLVED
            assert alone.joint_step <= min(ways) + SAME_ANSWER


def test_nearest_needs_the_present_joints(solver):
    with pytest.raises(TargetError, match="needs q_near"):
        solver.solve([0.3, 0.1, 0.2], branch="nearest")


class TestRestarts:
    @pytest.fixture
    def blind(self, arm, make_solver):
        """Function of the restarts: a solver whose network knows nothing."""
        aside = np.array([3.0, -1.4, 0.05])

        def predict(features):
            row = np.concatenate([np.sin(aside), np.cos(aside)]).astype(np.float32)
            return np.tile(row, (len(features), 1))

        return lambda restarts: make_solver(arm, predict, restarts=restarts)

    def test_they_solve_more_and_are_counted_up_to_their_bound(self, arm, blind):
        rng = np.random.default_rng(2)
        targets = position(arm, rng.uniform(arm.lower, arm.upper, (200, 3)))
        none, many = (blind(n).solve_batch(targets, branch="any") for n in (0, 10))
        assert not none.restarts.any()
        assert np.mean(many.status == Status.SOLVED) > np.mean(none.status == Status.SOLVED) + 0.2
        assert many.restarts.max() == 10
        assert np.all(many.tried == 1 + many.restarts)

    def test_the_same_target_gets_the_same_answer(self, arm, blind):
        solver = blind(5)
        target = position(arm, UP)
        first, second = solver.solve(target), solver.solve(target)
        np.testing.assert_array_equal(first.q, second.q)
        assert first.restarts == second.restarts

    def test_less_than_none_is_refused(self, blind):
        with pytest.raises(ConfigError, match="restarts=-1"):
            blind(-1)


@given(
    st.lists(st.tuples(st.booleans(), st.floats(0, 9), st.booleans(), st.floats(0, 9)), min_size=1),
    st.sampled_from([0.0, 0.01, 1.0]),
)
def test_numbers_are_preferred_like_arrays_of_them(rows, margin):
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    together = preferred(*columns, margin)
    assert together.dtype == bool
    assert [bool(preferred(*row, margin)) for row in rows] == together.tolist()
    for (solved, rank, best_solved, best_rank), wins in zip(rows, together, strict=True):
        # Solved before not solved; of two alike the lesser rank, if by more than the margin.
        expected = solved if solved != best_solved else rank < best_rank - margin
        assert wins == expected


def test_a_branch_is_named_by_its_number_or_its_name():
    assert [branch_number(NAMES, name, (HOME,)) for name in (0, "1", "elbow+", "elbow-")] == [
        0,
        1,
        0,
        1,
    ]


def test_a_model_of_one_branch_has_number_0_alone(arm, make_solver):
    assert branch_number(("home",), 0, (HOME,)) == 0
    with pytest.raises(TargetError, match="Received: 1"):
        branch_number(("home",), 1, (HOME,))
    one = make_solver(arm, lambda features: both_ways()(features)[:, :6])
    assert one.home_branch == 0
    assert one.solve(position(arm, UP)).branch == 0


@pytest.fixture(scope="module")
def random_solver(make_solver):
    """Function of a chain, the number of heads and a seed: a network of random numbers."""

    def make(chain, heads, seed, restarts=0):
        n = len(chain)
        weights = np.random.default_rng(seed).normal(size=(6, heads * 2 * n + heads))

        def predict(features):
            # Rounded, so that promises are often equal.
            return np.round(np.tanh(features.astype(np.float64) @ weights), 1).astype(np.float32)

        branches = tuple(Branch(str(number), 0.0, 0.0) for number in range(heads))
        return make_solver(chain, predict, branches=branches, restarts=restarts)

    return make


@settings(max_examples=40)
@given(
    heads=st.integers(2, 6),
    seed=st.integers(0, 2**32 - 1),
    restarts=st.integers(0, 3),
    branch=st.sampled_from(["any", "nearest", "home", 1]),
)
def test_a_batch_is_answered_like_its_rows(arm, random_solver, heads, seed, restarts, branch):
    """Whatever the network says: the same tries in the same order, and the same answer."""
    solver = random_solver(arm, heads, seed, restarts)
    rng = np.random.default_rng(seed)
    targets = position(arm, rng.uniform(arm.lower, arm.upper, (6, 3)))
    near = rng.uniform(arm.lower, arm.upper, (6, 3))
    guesses = solver.seeder.guesses(targets)
    together = solver.solve_batch(targets, near, branch)
    for row, target in enumerate(targets):
        guesses_alone = solver.seeder.plain_guesses(target.tolist())
        assert guesses_alone.order == guesses.order[row].tolist()
        for head in range(heads):
            guess = arm.clamp(guesses_alone.joints(head))
            np.testing.assert_allclose(guess, guesses.seeds(head)[row], atol=1e-6)
        alone = solver.solve(target, near[row], branch)
        assert alone.status is together.status[row]
        assert alone.tried == together.tried[row]
        assert alone.restarts == together.restarts[row]
        assert alone.branch == together.branch[row]
        np.testing.assert_allclose(alone.q, together.q[row], atol=1e-6)


@given(heads=st.integers(1, 5), seed=st.integers(0, 2**32 - 1))
def test_any_has_a_constant_bound(arm, random_solver, heads, seed):
    """One run of the network, and at most one try a head and restart."""
    runs = []
    solver = random_solver(arm, max(2, heads), seed, restarts=2)
    predict = solver.seeder.predict
    object.__setattr__(solver.seeder, "predict", lambda f: runs.append(len(f)) or predict(f))
    found = solver.solve([0.4, 0.9, 1.4])
    assert runs == [1]
    assert found.tried == max(2, heads) + 2
    assert found.restarts == 2
    assert found.status is Status.UNREACHABLE
