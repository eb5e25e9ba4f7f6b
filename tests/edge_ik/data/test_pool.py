"""The pool that training samples are drawn around."""

import numpy as np
import pytest

pytest.importorskip("scipy")

from edge_ik.data.pool import build_pool

pytestmark = pytest.mark.tensorflow  # the fixtures come from modules that need it


def test_it_is_inside_and_sorted_by_distance_from_home(arm3_source):
    aspect, pool = arm3_source.one_branch.region, arm3_source.one_branch.pool
    chain = aspect.chain
    assert pool.q.shape == (2000, 3)
    assert aspect.contains(pool.q).all()
    assert chain.within_limits(pool.q).all()
    assert np.all(np.diff(pool.distance) >= 0)
    expected = np.abs((pool.q - aspect.home) / (chain.upper - chain.lower)).max(axis=1)
    np.testing.assert_array_equal(pool.distance, expected)
    assert pool.distance[0] < 0.1
    assert 0.4 < pool.distance[-1] <= 1


def test_a_seed_gives_the_same_pool(arm3_source):
    first, second = (
        build_pool(arm3_source.one_branch.region, 500, np.random.default_rng(3)) for _ in range(2)
    )
    other = build_pool(arm3_source.one_branch.region, 500, np.random.default_rng(4))
    np.testing.assert_array_equal(first.q, second.q)
    assert not np.array_equal(first.q, other.q)


def test_boxes_around_its_rows_overlap(arm3_source):
    """Fresh samples lie in the box of some row, so that nothing is left out."""
    aspect, pool = arm3_source.one_branch.region, arm3_source.one_branch.pool
    fresh = build_pool(aspect, 500, np.random.default_rng(5)).q
    scaled = np.abs((fresh[:, None] - pool.q[None]) / pool.jitter).max(axis=-1)
    assert np.mean(scaled.min(axis=1) <= 1) > 0.99
