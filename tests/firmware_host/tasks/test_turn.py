"""Turning a target about the first or the last axis turns that joint and nothing else."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from firmware_host.problem import IkProblem
from firmware_host.tasks import POSE, POSITION, Axis
from firmware_host.tasks.axis import FEATURES

TASKS = (Axis(0), Axis(2), POSE)


def encoded(chain, task, q):
    problem = IkProblem(chain, task)
    return problem.encode(problem.reached_by(q).tolist(), math)


@given(data=st.data(), turn=st.floats(-3, 3), task=st.sampled_from(TASKS))
def test_the_features_do_not_see_them(chains, angles, data, turn, task):
    chain = data.draw(chains)
    q = data.draw(angles(len(chain)))
    before = encoded(chain, task, q)
    turned = q.copy()
    turned[0] += turn
    assume(before.features[0] > 1e-3)
    if task == POSE:
        turned[-1] += turn
        # Where the last axis is tangential there is no roll.
        assume(abs(before.features[3]) < 1 - 1e-6)
    after = encoded(chain, task, turned)
    count = len(FEATURES)
    np.testing.assert_allclose(after.features[:count], before.features[:count], atol=1e-8)
    assert tuple(after.turns) == tuple(dict.fromkeys(task.turning_joints(chain)))
    for joint, new in after.turns.items():
        old = before.turns[joint]
        change = math.atan2(*new.removed(old.sin, old.cos))
        wanted = turned[joint] - q[joint]
        assert math.remainder(change + wanted, 2 * math.pi) == pytest.approx(0, abs=1e-5)


@given(data=st.data(), task=st.sampled_from((POSITION, *TASKS)))
def test_there_is_a_feature_for_each_name(chains, angles, data, task):
    chain = data.draw(chains)
    encoding = encoded(chain, task, data.draw(angles(len(chain))))
    assert len(encoding.features) == len(task.feature_names(chain))
    assert np.isfinite(encoding.features).all()


def test_arrays_and_floats_are_encoded_alike(arm3):
    q = np.random.default_rng(1).uniform(arm3.lower, arm3.upper, (20, 3))
    problem = IkProblem(arm3, POSE)
    targets = problem.reached_by(q)
    together = np.stack(problem.encode(list(targets.T)).features, axis=-1)
    for row, target in enumerate(targets.tolist()):
        alone = problem.encode(target, math).features
        np.testing.assert_allclose(alone, together[row], atol=1e-12)
