"""The spread of labels tells whether neighbouring targets have neighbouring labels."""

import numpy as np
import pytest

pytest.importorskip("scipy")

from edge_ik.arms import builtin_arms, load_arm
from edge_ik.data.aspects import find_region
from edge_ik.data.sampling import sample_aspect
from edge_ik.data.spread import HIGH_SPREAD, label_spread, spread_warning
from firmware_host.problem import IkProblem
from firmware_host.tasks import POSITION

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def leg():
    rng = np.random.default_rng(0)
    home = builtin_arms()["leg3"].home
    return find_region(IkProblem(load_arm("leg3"), POSITION), home, 0.02, rng, every=True)


def test_within_an_aspect_labels_are_single_valued(leg):
    q = sample_aspect(leg, 20_000, np.random.default_rng(1))
    number = leg.classify(q)
    q, number = q[number >= 0], number[number >= 0]
    assert label_spread(leg, q, number) < 0.002


def test_without_aspects_they_are_not():
    """Every target of arm3 with its elbow free is reached with the elbow up and down."""
    from dataclasses import replace

    chain = load_arm("arm3")
    elbow = replace(chain.joints[2], lower=-2.6)
    free = replace(chain, joints=(*chain.joints[:2], elbow))
    home = builtin_arms()["arm3"].home
    region = find_region(
        IkProblem(free, POSITION), home, 0.02, np.random.default_rng(0), every=True
    )
    q = sample_aspect(region, 20_000, np.random.default_rng(1))
    alike = np.zeros(len(q), dtype=int)
    assert label_spread(region, q, alike) > 2 * HIGH_SPREAD


def test_a_high_spread_is_explained():
    assert spread_warning(HIGH_SPREAD / 2) is None
    warning = spread_warning(0.3)
    assert warning is not None
    assert "30.0%" in warning
    assert "singularity_margin" in warning
