"""Seeds: what the network is given, and joint angles from what it answers."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from firmware_host.chain import Chain, Joint
from firmware_host.normalization import Normalization
from firmware_host.outputs import HeadOutputs
from firmware_host.problem import IkProblem
from firmware_host.solving.seeding import Seeder, decode_joints, turned_outputs
from firmware_host.spec import Branch, ModelSpec
from firmware_host.tasks import POSE, POSITION


class TestDecodeJoints:
    @given(data=st.data())
    def test_the_sine_and_cosine_of_an_angle_within_the_limits_give_it_back(self, chains, data):
        chain = data.draw(chains)
        share = np.array(data.draw(st.lists(st.floats(0, 1), min_size=8, max_size=8)))
        q = chain.lower + share[: len(chain)] * (chain.upper - chain.lower)
        length = data.draw(st.floats(1e-3, 1e3))
        decoded = decode_joints(HeadOutputs(chain), length * np.concatenate([np.sin(q), np.cos(q)]))
        assert chain.within_limits(decoded)
        turns = (decoded - q) / (2 * math.pi)
        np.testing.assert_allclose(turns, np.round(turns), atol=1e-9)
        narrow = chain.upper - chain.lower < 2 * math.pi - 1e-6
        np.testing.assert_array_equal(np.round(turns)[narrow], 0)

    @given(data=st.data())
    def test_any_output_gives_angles_within_the_limits(self, chains, data):
        chain = data.draw(chains)
        outputs = data.draw(
            arrays(np.float32, (4, 2 * len(chain)), elements=st.floats(-2, 2, width=32))
        )
        decoded = decode_joints(HeadOutputs(chain), outputs)
        assert decoded.shape == (4, len(chain))
        assert chain.within_limits(decoded).all()

    def test_limits_beyond_half_a_turn_are_used(self):
        joint = Joint("far", np.eye(4), np.array([0.0, 0.0, 1.0]), 3.0, 4.0)
        chain = Chain("far", (joint,), np.eye(4))
        decoded = decode_joints(HeadOutputs(chain), [math.sin(3.5), math.cos(3.5)])
        assert decoded == pytest.approx([3.5])


def test_network_features_are_the_normalized_encoding_in_single_precision(arm3):
    targets = np.random.default_rng(0).uniform(-0.4, 0.4, (50, 3))
    problem = IkProblem(arm3, POSITION)
    encoding = np.array([problem.encode(target, math).features for target in targets.tolist()])
    normalization = Normalization.fit(encoding)
    spec = ModelSpec(problem, normalization, (0.0, 0.5, 0.5))
    features = Seeder(spec, predict=np.negative).features(targets)
    assert features.dtype == np.float32
    assert features.shape == (50, 6)
    expected = (encoding - encoding.mean(axis=0)) / encoding.std(axis=0)
    np.testing.assert_allclose(features, expected, rtol=1e-6, atol=1e-6)


def test_what_was_taken_off_is_added_again(arm3):
    problem = IkProblem(arm3, POSE)
    rng = np.random.default_rng(0)
    q = rng.uniform(arm3.lower, arm3.upper, (50, 3))
    targets = problem.reached_by(q)
    encoding = problem.encode(list(targets.T))
    sines, cosines = list(np.sin(q).T), list(np.cos(q).T)
    for joint, turn in encoding.turns.items():
        sines[joint], cosines[joint] = turn.removed(sines[joint], cosines[joint])
    outputs = np.stack([*sines, *cosines], axis=-1)
    # Of two heads each; the second gives the same angles at another length.
    both = turned_outputs(HeadOutputs(arm3), encoding, np.stack([outputs, 3 * outputs], axis=1))
    assert both.shape == (50, 2, 6)
    for head in range(2):
        np.testing.assert_allclose(decode_joints(HeadOutputs(arm3), both[:, head]), q, atol=1e-9)


def named(count):
    return tuple(Branch(str(number), 0.0, 0.0) for number in range(count))


@pytest.mark.parametrize("heads", [1, 2, 5])
@pytest.mark.parametrize("task", [POSE, POSITION])
def test_one_target_in_plain_floats_is_seeded_like_a_batch(arm3, task, heads):
    """Every head's guess, with the turns added, and the order that they promise."""
    problem = IkProblem(arm3, task)
    count = len(problem.feature_names)
    normalization = Normalization((0.1,) * count, (2.0,) * count)
    spec = ModelSpec(problem, normalization, (0.0, 0.5, 0.5), branches=named(heads))
    weights = np.random.default_rng(0).normal(size=(spec.inputs, spec.outputs))
    seeder = Seeder(spec, lambda features: (features @ weights).astype(np.float32))
    q = np.random.default_rng(1).uniform(arm3.lower, arm3.upper, (10, 3))
    targets = problem.reached_by(q)
    together = seeder.guesses(targets)
    assert together.numbers.shape == (10, heads, 6)
    assert together.order.shape == (10, heads)
    for row, target in enumerate(targets.tolist()):
        alone = seeder.plain_guesses(target)
        assert list(alone.order) == together.order[row].tolist()
        for number in range(heads):
            guess = alone.joints(number)
            np.testing.assert_allclose(arm3.clamp(guess), together.seeds(number)[row], atol=1e-5)
            np.testing.assert_allclose(
                seeder.seeds(targets, number)[row], together.seeds(number)[row]
            )


def guesses_of(arm3, heads, outputs, task=POSITION):
    """What a network that always answers with these numbers says of one target of arm3."""
    problem = IkProblem(arm3, task)
    count = len(problem.feature_names)
    spec = ModelSpec(
        problem,
        Normalization((0.0,) * count, (1.0,) * count),
        (0.0, 0.5, 0.5),
        branches=named(heads),
    )
    row = np.array([outputs], np.float32)
    seeder = Seeder(spec, lambda features: np.tile(row, (len(features), 1)))
    target = problem.reached_by(np.array([[0.3, 0.9, 1.1]]))
    return seeder, target


def test_each_head_has_its_sines_and_then_its_cosines(arm3):
    q = np.array([[0.3, 0.9, 1.1], [-0.4, 0.5, 2.0]])
    outputs = [part for angles in q for part in (*np.sin(angles), *np.cos(angles))]
    seeder, target = guesses_of(arm3, 2, [*outputs, -0.2, 0.7])
    guesses = seeder.guesses(target)
    np.testing.assert_allclose(guesses.seeds(0)[0], q[0], atol=1e-6)
    np.testing.assert_allclose(guesses.seeds(1)[0], q[1], atol=1e-6)
    # One head for each row, and some of the rows alone.
    np.testing.assert_allclose(guesses.seeds([1])[0], q[1], atol=1e-6)
    assert guesses.order.tolist() == [[1, 0]]
    assert guesses.rows(np.array([0])).order.tolist() == [[1, 0]]
    assert [int(guesses.nearest(angles[None])[0]) for angles in q] == [0, 1]


@given(st.lists(st.sampled_from([-1.0, 0.0, 0.5, 1.0]), min_size=2, max_size=8))
def test_heads_are_in_the_order_of_what_they_promise(arm3, promises):
    """Of equal promises the lesser number comes first, in a batch and alone."""
    heads = len(promises)
    seeder, target = guesses_of(arm3, heads, [*[0.5] * (6 * heads), *promises])
    expected = sorted(range(heads), key=lambda head: (-promises[head], head))
    assert seeder.guesses(target).order[0].tolist() == expected
    assert seeder.plain_guesses(target[0].tolist()).order == expected


class TestUntoldJoints:
    """Where the features do not say how far a target turns a joint, its limit is looked at."""

    def test_they_are_turned_joints_with_stops(self, make_arm3):
        def untold(chain, task=POSITION):
            return IkProblem(chain, task).untold_joints

        turned = POSE.turning_joints(make_arm3(1.0))
        assert untold(make_arm3(1.0), POSE) == turned != ()
        assert 0 in turned
        assert 0 not in untold(make_arm3(continuous=True), POSE)
        assert untold(make_arm3(1.0)) == POSITION.turning_joints(make_arm3(1.0))

    def test_a_head_that_ends_beyond_a_limit_is_tried_last(self, make_arm3):
        chain = make_arm3(1.0)
        inside, beyond = np.array([0.2, 0.9, 1.1]), np.array([2.0, 0.9, 1.1])
        # Head 0 promises the most, and its yaw, the target's turn added, ends beyond.
        outputs = [part for q in (beyond, inside) for part in (*np.sin(q), *np.cos(q))]
        seeder, target = guesses_of(chain, 2, [*outputs, 0.9, -0.9], POSE)
        assert 0 in seeder.spec.problem.untold_joints
        assert seeder.guesses(target).order[0].tolist() == [1, 0]
        assert seeder.plain_guesses(target[0].tolist()).order == [1, 0]
