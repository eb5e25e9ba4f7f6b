"""Targets: reached by the joints beside them, in the region, and unseen in training."""

import dataclasses

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from edge_ik.data.pool import build_pool
from edge_ik.data.streams import EVALUATION_STREAM, POOL_STREAM, VALIDATION_STREAM, stream
from edge_ik.data.targets import FOCUS_TARGETS, draw_targets, evaluation_targets
from edge_ik.run import Run
from firmware_host.kinematics import tool_position

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def targets(make_source):
    source, circle = make_source()
    return draw_targets(source.aspect, circle, 2000, np.random.default_rng(0))


def test_they_are_reached_by_the_joints_beside_them(arm3, targets):
    q = targets.q
    np.testing.assert_array_equal(targets.target, tool_position(arm3, np.sin(q), np.cos(q)))
    assert targets.focus.shape == (FOCUS_TARGETS, 3)


def test_they_are_inside_the_aspect(make_source, targets):
    assert make_source()[0].aspect.contains(targets.q).all()


def test_training_validation_and_evaluation_share_none(make_source):
    source, circle = make_source()
    aspect = source.aspect
    drawn = [
        build_pool(aspect, 3000, stream(0, POOL_STREAM)).q,
        draw_targets(aspect, circle, 3000, stream(0, VALIDATION_STREAM)).q,
        draw_targets(aspect, circle, 3000, stream(0, EVALUATION_STREAM)).q,
        draw_targets(aspect, circle, 3000, stream(1, EVALUATION_STREAM)).q,
    ]
    assert len(np.unique(np.concatenate(drawn), axis=0)) == 4 * 3000


def test_a_run_is_always_measured_on_the_same(tiny_folder):
    run = Run.load(tiny_folder)
    first, second = (evaluation_targets(run, 100) for _ in range(2))
    for field in dataclasses.fields(first):
        np.testing.assert_array_equal(getattr(first, field.name), getattr(second, field.name))
