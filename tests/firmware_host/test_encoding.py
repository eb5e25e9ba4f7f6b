"""Targets to features, outputs to joint angles, and normalization."""

import json
import math

import numpy as np
import pytest
from firmware_host.encoding import (
    AXIS_FEATURES,
    FEATURE_NAMES,
    encode,
    encode_target,
    feature_names,
    network_features,
)
from firmware_host.normalization import Normalization
from firmware_host.solving.seeding import decode_joints, turned_outputs
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from firmware_host.chain import Chain, Joint
from firmware_host.tasks import POSE, POSITION, Task
from firmware_host.tasks.task import reached_targets

coordinates = st.floats(-3, 3)
points = st.tuples(coordinates, coordinates, coordinates)


def encoded(chain, point):
    return dict(zip(FEATURE_NAMES, encode_target(chain, list(point), math), strict=True))


class TestEncodeTarget:
    @given(point=points)
    def test_an_upright_first_axis_gives_cylindrical_coordinates(self, arm3, point):
        x, y, _ = point
        assume(math.hypot(x, y) > 1e-6)
        features = encoded(arm3, point)
        assert (features["x"], features["y"], features["z"]) == point
        assert features["radial"] == pytest.approx(math.hypot(x, y), rel=1e-6)
        direction = complex(x, y) / math.hypot(x, y)
        assert complex(features["cos_azimuth"], features["sin_azimuth"]) == pytest.approx(
            direction, abs=1e-6
        )

    @given(data=st.data())
    def test_the_azimuth_is_a_unit_vector_off_the_first_axis(self, chains, data):
        chain = data.draw(chains)
        point = np.array(data.draw(points))
        axis, origin = chain.links[0][:3, 2], chain.links[0][:3, 3]
        distance = np.linalg.norm(np.cross(axis, point - origin))
        assume(distance > 1e-3)
        features = encoded(chain, point)
        assert features["radial"] == pytest.approx(distance, rel=1e-9)
        assert math.hypot(features["sin_azimuth"], features["cos_azimuth"]) == pytest.approx(1)

    @given(data=st.data())
    def test_turning_a_target_about_the_first_axis_turns_only_its_azimuth(self, chains, data):
        chain = data.draw(chains)
        angle = data.draw(st.floats(-math.pi, math.pi))
        local = np.array([*data.draw(points), 1.0])
        assume(math.hypot(local[0], local[1]) > 1e-3)
        turn = np.eye(4)
        turn[:2, :2] = [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
        before = encoded(chain, (chain.links[0] @ local)[:3])
        after = encoded(chain, (chain.links[0] @ turn @ local)[:3])
        assert after["radial"] == pytest.approx(before["radial"], abs=1e-9)
        direction = complex(before["cos_azimuth"], before["sin_azimuth"])
        turned = direction * complex(math.cos(angle), math.sin(angle))
        assert complex(after["cos_azimuth"], after["sin_azimuth"]) == pytest.approx(
            turned, abs=1e-9
        )

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_a_target_on_the_first_axis_is_finite(self, arm3, dtype):
        point = [np.zeros(1, dtype), np.zeros(1, dtype), np.ones(1, dtype)]
        features = np.stack(encode_target(arm3, point))
        assert np.isfinite(features).all()
        assert abs(features[3]) < 1e-6

    @given(batch=st.lists(points, min_size=1, max_size=5))
    def test_arrays_give_what_plain_numbers_give(self, arm3, batch):
        together = np.stack(encode_target(arm3, list(np.array(batch).T)), axis=-1)
        alone = [encode_target(arm3, list(point), math) for point in batch]
        np.testing.assert_allclose(together, alone, rtol=1e-14, atol=0)


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


class TestNormalization:
    @given(
        features=arrays(np.float64, (7, 3), elements=st.floats(-100, 100)),
    )
    def test_fitted_features_come_out_centred_with_unit_deviation(self, features):
        normalization = Normalization.fit(features)
        columns = np.stack(normalization.apply(list(features.T)))
        np.testing.assert_allclose(columns.mean(axis=1), 0, atol=1e-4)
        deviation = np.where(features.std(axis=0) > 1e-9, 1, features.std(axis=0))
        np.testing.assert_allclose(columns.std(axis=1), deviation, rtol=1e-6, atol=1e-9)

    @given(features=arrays(np.float64, (5, 6), elements=st.floats(-10, 10)))
    def test_it_can_be_undone(self, features):
        normalization = Normalization.fit(features)
        columns = np.stack(normalization.apply(list(features.T)), axis=-1)
        back = columns * np.array(normalization.std) + np.array(normalization.mean)
        np.testing.assert_allclose(back, features, rtol=1e-12, atol=1e-12)

    def test_a_constant_feature_becomes_zero(self):
        normalization = Normalization.fit(np.full((10, 1), 3.0))
        assert normalization == Normalization((3.0,), (1.0,))
        assert normalization.apply([3.0]) == [0.0]

    @given(numbers=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
    def test_its_record_reads_back_exactly(self, numbers):
        normalization = Normalization(tuple(numbers), tuple(numbers[::-1]))
        record = json.loads(json.dumps(normalization.to_dict()))
        assert Normalization.from_dict(record) == normalization

    def test_another_number_of_features_is_an_error(self):
        with pytest.raises(ValueError, match="zip"):
            Normalization((0.0, 0.0), (1.0, 1.0)).apply([1.0])


def test_network_features_are_the_normalized_encoding_in_single_precision(arm3):
    targets = np.random.default_rng(0).uniform(-0.4, 0.4, (50, 3))
    encoding = np.array([encode_target(arm3, list(target), math) for target in targets.tolist()])
    normalization = Normalization.fit(encoding)
    features = network_features(arm3, normalization, targets)
    assert features.dtype == np.float32
    assert features.shape == (50, len(FEATURE_NAMES))
    expected = (encoding - encoding.mean(axis=0)) / encoding.std(axis=0)
    np.testing.assert_allclose(features, expected, rtol=1e-6, atol=1e-6)


class TestTurns:
    """Turning a target about the first or the last axis turns that joint and nothing else."""

    TASKS = (Task("axis", 0), Task("axis", 2), POSE)

    def encoded(self, chain, task, q):
        target = reached_targets(chain, task, np.sin(q), np.cos(q))
        return encode(chain, task, target.tolist(), math)

    @given(data=st.data(), turn=st.floats(-3, 3), task=st.sampled_from(TASKS))
    def test_the_features_do_not_see_them(self, chains, angles, data, turn, task):
        chain = data.draw(chains)
        q = data.draw(angles(len(chain)))
        before = self.encoded(chain, task, q)
        turned = q.copy()
        turned[0] += turn
        assume(before.features[0] > 1e-3)
        if task == POSE:
            turned[-1] += turn
            # Where the last axis is tangential there is no roll.
            assume(abs(before.features[3]) < 1 - 1e-6)
        after = self.encoded(chain, task, turned)
        count = len(AXIS_FEATURES)
        np.testing.assert_allclose(after.features[:count], before.features[:count], atol=1e-8)
        for old, new, joint in ((before.first, after.first, 0), (before.last, after.last, -1)):
            if old is None:
                continue
            change = math.atan2(*new.removed(*_pair(old)))
            wanted = turned[joint] - q[joint]
            assert math.remainder(change + wanted, 2 * math.pi) == pytest.approx(0, abs=1e-5)

    @given(data=st.data(), task=st.sampled_from((POSITION, *TASKS)))
    def test_there_is_a_feature_for_each_name(self, chains, angles, data, task):
        chain = data.draw(chains)
        encoding = self.encoded(chain, task, data.draw(angles(len(chain))))
        assert len(encoding.features) == len(feature_names(chain, task))
        assert np.isfinite(encoding.features).all()

    def test_what_was_taken_off_is_added_again(self, arm3):
        rng = np.random.default_rng(0)
        q = rng.uniform(arm3.lower, arm3.upper, (50, 3))
        targets = reached_targets(arm3, POSE, np.sin(q), np.cos(q))
        encoding = encode(arm3, POSE, list(targets.T))
        sines, cosines = list(np.sin(q).T), list(np.cos(q).T)
        for joint, turn in ((0, encoding.first), (2, encoding.last)):
            sines[joint], cosines[joint] = turn.removed(sines[joint], cosines[joint])
        outputs = np.stack([*sines, *cosines], axis=-1)
        found = decode_joints(arm3, turned_outputs(encoding, outputs))
        np.testing.assert_allclose(found, q, atol=1e-9)

    def test_arrays_and_floats_are_encoded_alike(self, arm3):
        q = np.random.default_rng(1).uniform(arm3.lower, arm3.upper, (20, 3))
        targets = reached_targets(arm3, POSE, np.sin(q), np.cos(q))
        together = np.stack(encode(arm3, POSE, list(targets.T)).features, axis=-1)
        for row, target in enumerate(targets.tolist()):
            alone = encode(arm3, POSE, target, math).features
            np.testing.assert_allclose(alone, together[row], atol=1e-12)


def _pair(turn):
    return turn.sin, turn.cos
