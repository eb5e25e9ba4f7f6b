"""Samples of a region: inside it, uniform, and what share of everything it is."""

import functools
import math

import numpy as np
import pytest

pytest.importorskip("scipy")

from scipy.spatial import cKDTree

from edge_ik.arms import builtin_arms, load_arm
from edge_ik.data import aspects
from edge_ik.data.aspects import find_region
from edge_ik.data.sampling import measure_coverage, sample_aspect
from firmware_host.kinematics import tool_position
from firmware_host.problem import IkProblem
from firmware_host.tasks import POSITION

pytestmark = pytest.mark.tensorflow  # the URDF library comes with the same extra


def rng(seed=0):
    return np.random.default_rng(seed)


@functools.cache
def home_aspect(name):
    return find_region(IkProblem(load_arm(name), POSITION), builtin_arms()[name].home, rng())


def uniform(chain, count=20_000, seed=7):
    return rng(seed).uniform(chain.lower, chain.upper, (count, len(chain)))


class TestSampling:
    @pytest.mark.parametrize("name", ["arm3", "leg3"])
    def test_samples_are_inside(self, name):
        aspect = home_aspect(name)
        q = sample_aspect(aspect, 5000, rng(1))
        assert q.shape == (5000, 3)
        assert aspect.chain.within_limits(q).all()
        assert aspect.contains(q).all()

    def test_samples_are_uniform(self):
        aspect = home_aspect("arm3")
        yaw = sample_aspect(aspect, 20_000, rng(1))[:, 0]
        counts, _ = np.histogram(yaw, bins=10, range=(-math.pi, math.pi))
        assert np.abs(counts / 2000 - 1).max() < 0.1

    def test_a_seed_gives_the_same_samples(self):
        aspect = home_aspect("arm3")
        np.testing.assert_array_equal(
            sample_aspect(aspect, 100, rng(1)), sample_aspect(aspect, 100, rng(1))
        )

    @pytest.mark.parametrize("name", ["arm3", "leg3", "a1_leg"])
    def test_one_target_has_one_solution_inside(self, name):
        """Two samples with the same tool position are the same configuration."""
        aspect = home_aspect(name)
        q = sample_aspect(aspect, 20_000, rng(2))
        p = tool_position(aspect.chain, np.sin(q), np.cos(q))
        first, second = cKDTree(p).query_pairs(0.002, output_type="ndarray").T
        assert len(first) > 10
        assert np.abs(np.sin((q[first] - q[second]) / 2)).max() < 0.2


class TestCoverage:
    def test_shares_are_of_everything(self):
        coverage = measure_coverage(home_aspect("leg3"), rng(), 50_000)
        assert 0.5 < coverage.joint_space <= 1
        assert 0.5 < coverage.workspace <= 1

    def test_it_is_the_share_of_samples_inside(self):
        aspect = home_aspect("arm3")
        coverage = measure_coverage(aspect, rng(), 50_000)
        assert coverage.joint_space == pytest.approx(
            float(aspect.contains(uniform(aspect.chain)).mean()), abs=0.01
        )

    def test_a_larger_margin_keeps_less(self, monkeypatch):
        small = measure_coverage(home_aspect("arm3"), rng(), 50_000)
        monkeypatch.setattr(aspects, "MARGIN", 0.4)
        large = measure_coverage(home_aspect.__wrapped__("arm3"), rng(), 50_000)
        assert large.joint_space < small.joint_space
        assert large.workspace < small.workspace
