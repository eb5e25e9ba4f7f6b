"""The features' statistics: centred, scaled, and read back exactly."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from firmware_host.normalization import Normalization


@given(
    features=arrays(np.float64, (7, 3), elements=st.floats(-100, 100)),
)
def test_fitted_features_come_out_centred_with_unit_deviation(features):
    normalization = Normalization.fit(features)
    columns = np.stack(normalization.apply(list(features.T)))
    np.testing.assert_allclose(columns.mean(axis=1), 0, atol=1e-4)
    deviation = np.where(features.std(axis=0) > 1e-9, 1, features.std(axis=0))
    np.testing.assert_allclose(columns.std(axis=1), deviation, rtol=1e-6, atol=1e-9)


@given(features=arrays(np.float64, (5, 6), elements=st.floats(-10, 10)))
def test_it_can_be_undone(features):
    normalization = Normalization.fit(features)
    columns = np.stack(normalization.apply(list(features.T)), axis=-1)
    back = columns * np.array(normalization.std) + np.array(normalization.mean)
    np.testing.assert_allclose(back, features, rtol=1e-12, atol=1e-12)


def test_a_constant_feature_becomes_zero():
    normalization = Normalization.fit(np.full((10, 1), 3.0))
    assert normalization == Normalization((3.0,), (1.0,))
    assert normalization.apply([3.0]) == [0.0]


@given(numbers=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_its_record_reads_back_exactly(numbers):
    normalization = Normalization(tuple(numbers), tuple(numbers[::-1]))
    record = json.loads(json.dumps(normalization.to_dict()))
    assert Normalization.from_dict(record) == normalization


def test_another_number_of_features_is_an_error():
    with pytest.raises(ValueError, match="zip"):
        Normalization((0.0, 0.0), (1.0, 1.0)).apply([1.0])
