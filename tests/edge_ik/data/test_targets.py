"""Targets: reached by the joints beside them, in the region, and unseen in training."""

import dataclasses

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from edge_ik.arms import load_arm
from edge_ik.data.pool import build_pool
from edge_ik.data.streams import (
    BRANCH_STREAM,
    EVALUATION_STREAM,
    EVERYWHERE_STREAM,
    POOL_STREAM,
    VALIDATION_STREAM,
    stream,
)
from edge_ik.data.targets import FOCUS_TARGETS, draw_branch, draw_everywhere
from edge_ik.evaluation import evaluation_targets
from edge_ik.run import Run
from firmware_host.kinematics import tool_position
from firmware_host.problem import IkProblem
from firmware_host.tasks import POSE, POSITION

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def targets(make_source):
    source, circle = make_source()
    return draw_branch(source.one_branch.region, circle, 2000, np.random.default_rng(0))


def test_they_are_reached_by_the_joints_beside_them(arm3, targets):
    q = targets.q
    np.testing.assert_array_equal(targets.target, tool_position(arm3, np.sin(q), np.cos(q)))
    assert targets.focus.shape == (FOCUS_TARGETS, 3)


def test_those_of_a_branch_are_inside_the_aspect(make_source, targets):
    assert make_source()[0].one_branch.region.contains(targets.q).all()


@pytest.mark.parametrize(("name", "task"), [("arm3", POSITION), ("ur5", POSE), ("panda", POSE)])
def test_those_of_everything_are_of_uniform_joints(name, task):
    """Singular ones too: what nobody can be taught must still be counted."""
    problem = IkProblem(load_arm(name), task)
    chain = problem.chain
    drawn = draw_everywhere(problem, 20_000, np.random.default_rng(0))
    np.testing.assert_array_equal(drawn.target, problem.reached_by(drawn.q))
    assert drawn.one_branch is None
    share = (drawn.q - chain.lower) / (chain.upper - chain.lower)
    for joint in range(problem.joints):
        counts, _ = np.histogram(share[:, joint], bins=10, range=(0, 1))
        assert counts.sum() == 20_000
        assert np.abs(counts / 2000 - 1).max() < 0.1


def test_training_validation_and_evaluation_share_none(make_source, problem):
    source, circle = make_source()
    region = source.one_branch.region
    drawn = [
        build_pool(region, 3000, stream(0, POOL_STREAM)).q,
        draw_branch(region, circle, 3000, stream(0, VALIDATION_STREAM)).q,
        draw_branch(region, circle, 3000, stream(0, EVALUATION_STREAM)).q,
        draw_branch(region, circle, 3000, stream(1, EVALUATION_STREAM)).q,
        draw_everywhere(problem, 3000, stream(0, EVERYWHERE_STREAM)).q,
        draw_everywhere(problem, 3000, stream(0, BRANCH_STREAM)).q,
    ]
    assert len(np.unique(np.concatenate(drawn), axis=0)) == len(drawn) * 3000


def test_a_run_is_always_measured_on_the_same(tiny_folder):
    run = Run.load(tiny_folder)
    first, second = (evaluation_targets(run, 100) for _ in range(2))
    np.testing.assert_array_equal(first.q, second.q)
    np.testing.assert_array_equal(first.target, second.target)
    for field in dataclasses.fields(first.one_branch):
        one, other = (getattr(found.one_branch, field.name) for found in (first, second))
        np.testing.assert_array_equal(one, other)


def test_of_many_heads_everything_is_measured_and_no_branch_alone(heads_folder):
    found = evaluation_targets(Run.load(heads_folder), 100)
    assert found.q.shape == (100, 3)
    assert found.one_branch is None
