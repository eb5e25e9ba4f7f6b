"""The workspace map: the same answer for one position and for many."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_host.kinematics import tool_position
from firmware_host.workspace import Workspace


def sampled(chain, rng):
    q = rng.uniform(chain.lower, chain.upper, (400, len(chain)))
    return tool_position(chain, np.sin(q), np.cos(q))


@given(data=st.data())
def test_one_position_is_judged_like_many(chains, data):
    chain = data.draw(chains.filter(lambda chain: chain.reach > 0))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    samples = sampled(chain, rng)
    workspace = Workspace.fit(chain, samples)
    elsewhere = samples * rng.uniform(0, 2, samples.shape)
    positions = np.concatenate([samples[:20], elsewhere[:100], [[0, 0, 0], [1e6, -1e6, 1e6]]])
    together = workspace.contains(chain, positions)
    assert together[:20].all()
    assert not together[-1]
    alone = [workspace.contains_one(chain, position) for position in positions.tolist()]
    assert alone == together.tolist()


def test_a_direction_without_samples_is_outside(arm3):
    samples = np.random.default_rng(0).uniform([0, -0.05, 0], [0.4, 0.05, 0.5], (50_000, 3))
    workspace = Workspace.fit(arm3, samples)
    assert workspace.contains_one(arm3, (0.3, 0.0, 0.3))
    assert not workspace.contains_one(arm3, (-0.3, 0.0, 0.3))
    # Within a cell of the axis every direction is the same place.
    assert workspace.contains_one(arm3, (0.01, 0.0, 0.3))
    assert workspace.contains_one(arm3, (-0.01, 0.0, 0.3))


def test_the_record_gives_the_map_back(arm3):
    samples = sampled(arm3, np.random.default_rng(0))
    workspace = Workspace.fit(arm3, samples)
    again = Workspace.from_dict(workspace.to_dict())
    assert again.to_dict() == workspace.to_dict()
    assert again.contains(arm3, samples).all()


@pytest.mark.parametrize("change", [{"shape": [0, 3]}, {"cell": -1.0}, {"cells": "00"}])
def test_a_map_that_does_not_fit_is_refused(arm3, change):
    record = Workspace.fit(arm3, sampled(arm3, np.random.default_rng(0))).to_dict()
    with pytest.raises(ValueError, match="workspace"):
        Workspace.from_dict({**record, **change})
