"""Seeds: what the network is given, and joint angles from what it answers."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from firmware_host.chain import Chain, Joint
from firmware_host.normalization import Normalization
from firmware_host.problem import IkProblem
from firmware_host.solving.seeding import Seeder, decode_joints, turned_outputs
from firmware_host.spec import ModelSpec
from firmware_host.tasks import POSE, POSITION


class TestDecodeJoints:
    @given(data=st.data())
    def test_the_sine_and_cosine_of_an_angle_within_the_limits_give_it_back(self, chains, data):
        chain = data.draw(chains)
        share = np.array(data.draw(st.lists(st.floats(0, 1), min_size=8, max_size=8)))
        q = chain.lower + share[: len(chain)] * (chain.upper - chain.lower)
        length = data.draw(st.floats(1e-3, 1e3))
        decoded = decode_joints(chain, length * np.concatenate([np.sin(q), np.cos(q)]))
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
        decoded = decode_joints(chain, outputs)
        assert decoded.shape == (4, len(chain))
        assert chain.within_limits(decoded).all()

    def test_limits_beyond_half_a_turn_are_used(self):
        joint = Joint("far", np.eye(4), np.array([0.0, 0.0, 1.0]), 3.0, 4.0)
        chain = Chain("far", (joint,), np.eye(4))
        decoded = decode_joints(chain, [math.sin(3.5), math.cos(3.5)])
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
    found = decode_joints(arm3, turned_outputs(encoding, outputs))
    np.testing.assert_allclose(found, q, atol=1e-9)


@pytest.mark.parametrize("branches", [(), ("up", "down"), ("a", "b", "c")])
def test_one_target_in_plain_floats_is_seeded_like_a_batch(arm3, branches):
    """Every branch's guess, with the turns added, and its input in the right place."""
    problem = IkProblem(arm3, POSE)
    count = len(problem.feature_names)
    spec = ModelSpec(
        problem, Normalization((0.1,) * count, (2.0,) * count), (0.0, 0.5, 0.5), branches=branches
    )
    weights = np.random.default_rng(0).normal(size=(spec.inputs, spec.outputs))
    seeder = Seeder(spec, lambda features: (features @ weights).astype(np.float32))
    q = np.random.default_rng(1).uniform(arm3.lower, arm3.upper, (10, 3))
    targets = problem.reached_by(q)
    together = [seeder.seeds(targets, number) for number in range(spec.branch_count)]
    for row, target in enumerate(targets.tolist()):
        alone = seeder.every_seed(target)
        assert len(alone) == spec.branch_count == max(1, len(branches))
        for number, guess in enumerate(alone):
            np.testing.assert_allclose(arm3.clamp(guess), together[number][row], atol=1e-5)


def test_a_branch_is_one_input_of_many(arm3):
    problem = IkProblem(arm3, POSITION)
    spec = ModelSpec(
        problem, Normalization((0.0,) * 6, (1.0,) * 6), (0.0, 0.5, 0.5), branches=("a", "b")
    )
    features = Seeder(spec, np.negative).features([[0.3, 0.0, 0.2], [0.0, 0.3, 0.2]], [1, 0])
    assert features.shape == (2, 8)
    assert features[:, 6:].tolist() == [[0, 1], [1, 0]]
