"""The focus path that training samples are drawn around."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

pytest.importorskip("scipy")

from edge_ik.data.aspects import find_region
from edge_ik.data.focus import (
    PATH_TOLERANCE,
    FocusCircle,
    default_focus,
    focus_joints,
    solve_on_aspect,
)
from firmware_host.errors import ConfigError
from firmware_host.kinematics import tool_position
from firmware_host.problem import IkProblem
from firmware_host.tasks import POSITION

pytestmark = pytest.mark.tensorflow  # the fixtures come from modules that need it

ARMS = ["arm3", "leg3", "a1_leg"]


def position(chain, q):
    return tool_position(chain, np.sin(q), np.cos(q))


class TestFocusCircle:
    @given(
        center=st.tuples(*[st.floats(-1, 1)] * 3),
        radius=st.floats(0.01, 1),
        normal=st.tuples(*[st.floats(-5, 5)] * 3),
    )
    def test_points_lie_on_the_circle(self, center, radius, normal):
        length = np.linalg.norm(normal)
        assume(length > 1e-3)
        angles = np.linspace(0, 2 * math.pi, 12, endpoint=False)
        offsets = FocusCircle(center, radius, normal).points(angles) - center
        np.testing.assert_allclose(np.linalg.norm(offsets, axis=1), radius, rtol=1e-9)
        np.testing.assert_allclose(offsets @ normal / length, 0, atol=1e-9)
        np.testing.assert_allclose(offsets.sum(axis=0), 0, atol=1e-9)
        np.testing.assert_allclose(
            np.linalg.norm(offsets - np.roll(offsets, 1, axis=0), axis=1),
            2 * radius * math.sin(math.pi / 12),
            rtol=1e-9,
        )


class TestSolveOnAspect:
    def test_targets_inside_are_reached_inside(self, arm3_source):
        aspect = arm3_source.one_branch.region
        true = arm3_source.one_branch.pool.q[:200]
        targets = position(aspect.chain, true)
        q, reached = solve_on_aspect(aspect, targets, arm3_source.one_branch.pool.q[::2])
        assert reached.mean() > 0.95
        error = np.linalg.norm(position(aspect.chain, q) - targets, axis=1)
        assert error[reached].max() < PATH_TOLERANCE
        assert aspect.contains(q[reached]).all()
        # Inside an aspect there is one solution only.
        np.testing.assert_allclose(np.sin((q - true)[reached] / 2), 0, atol=1e-3)

    def test_targets_outside_are_told(self, arm3_source):
        targets = np.array([[2.0, 0, 0], [0.3, 0, 0.2]])
        _, reached = solve_on_aspect(
            arm3_source.one_branch.region, targets, arm3_source.one_branch.pool.q
        )
        assert reached.tolist() == [False, True]


class TestFocusJoints:
    @pytest.mark.parametrize("name", ARMS)
    def test_the_default_circle_is_reached_inside_the_aspect(self, make_source, name):
        source, circle = make_source(name)
        chain, q = source.problem.chain, source.one_branch.focus_q
        angles = np.linspace(0, 2 * math.pi, len(q), endpoint=False)
        np.testing.assert_allclose(position(chain, q), circle.points(angles), atol=PATH_TOLERANCE)
        assert source.one_branch.region.contains(q).all()
        room = 0.01 * (chain.upper - chain.lower)
        assert np.all((q >= chain.lower + room) & (q <= chain.upper - room))

    @pytest.mark.parametrize("name", ARMS)
    def test_the_default_circle_is_around_home(self, make_source, name):
        source, circle = make_source(name)
        chain = source.problem.chain
        np.testing.assert_allclose(circle.center, position(chain, source.one_branch.region.home))
        assert 0.02 * chain.reach < circle.radius <= 0.25 * chain.reach

    @pytest.mark.parametrize(
        "circle",
        [
            FocusCircle((0.3, 0.0, 0.2), 0.4),
            FocusCircle((2.0, 0.0, 0.2), 0.1),
            FocusCircle((0.0, 0.0, 0.15), 0.01),
        ],
    )
    def test_a_circle_that_leaves_the_workspace_is_told(self, arm3_source, circle):
        with pytest.raises(ConfigError, match="leaves the workspace of 'arm3'") as caught:
            focus_joints(arm3_source.one_branch.region, circle, 64, arm3_source.one_branch.pool.q)
        assert f"radius={circle.radius:g}" in str(caught.value)
        assert str(circle.center) in str(caught.value)

    def test_a_home_at_the_edge_gets_a_circle_elsewhere(self, arm3_source):
        home = np.array([0.0, 1.9, 1.375])
        chain = arm3_source.problem.chain
        aspect = find_region(IkProblem(chain, POSITION), home, np.random.default_rng(0))
        circle = default_focus(aspect, arm3_source.one_branch.pool.q)
        at_home = tool_position(chain, np.sin(home), np.cos(home))
        assert not np.allclose(circle.center, at_home)
        assert aspect.contains(
            focus_joints(aspect, circle, 64, arm3_source.one_branch.pool.q)
        ).all()
