"""Joints to spare: samples slid along their self-motion agree with their neighbours."""

import numpy as np
import pytest

pytest.importorskip("scipy")

from edge_ik.arms import builtin_arms, load_arm
from edge_ik.data.aspects import find_region
from edge_ik.data.redundancy import LABEL_TOLERANCE, posture_cost, settled, slide
from edge_ik.data.spread import label_spread
from firmware_host.problem import IkProblem
from firmware_host.tasks import POSE, POSITION

pytestmark = pytest.mark.tensorflow  # the URDF library comes with the same extra

ARMS = [("so101", POSITION), ("panda", POSE)]


def sampled(name, task, count=1500):
    region = find_region(IkProblem(load_arm(name), task), builtin_arms()[name].home, 0.05, rng())
    chain = region.chain
    return region, rng(1).uniform(chain.lower, chain.upper, (count, len(chain)))


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize(("name", "task"), ARMS)
def test_sliding_keeps_the_target_and_the_limits_and_comes_nearer_home(name, task):
    region, q = sampled(name, task)
    problem, chain = region.problem, region.chain
    targets = problem.reached_by(q)
    slid, reached = slide(problem, q, targets, region.home)
    assert reached.mean() > 0.9
    assert chain.within_limits(slid).all()
    distance, _ = problem.errors(slid[reached], targets[reached])
    assert distance.max() < LABEL_TOLERANCE
    before, after = (posture_cost(problem, at[reached], region.home) for at in (q, slid))
    assert np.mean(after <= before + 1e-6) > 0.9
    assert after.mean() < 0.9 * before.mean()


def test_slid_again_it_stays():
    region, q = sampled("so101", POSITION)
    targets = region.problem.reached_by(q)
    once, reached = slide(region.problem, q, targets, region.home)
    twice, _ = slide(region.problem, once, targets, region.home)
    moved = np.abs(twice - once).max(axis=1)[reached]
    assert np.quantile(moved, 0.95) < 0.02


def test_neighbours_agree_after_settling():
    region, q = sampled("so101", POSITION, 8000)
    alone = np.zeros(len(q), dtype=int)
    before = label_spread(region, q, alone)
    q = settled(region, q, rng(2))
    after = label_spread(region, q, np.zeros(len(q), dtype=int))
    assert len(q) > 7600
    assert before > 0.5
    assert after < 0.05
