"""The sizes that a search looks at, and what takes them out of it."""

import math

import pytest

pytest.importorskip("scipy")
pytest.importorskip("tensorflow")

from edge_ik.arms import load_arm
from edge_ik_tools.tune.cost import NetworkSize
from edge_ik_tools.tune.space import Space, Tried, is_hopeless, objection
from firmware_host.problem import IkProblem
from firmware_host.tasks import POSE, POSITION

pytestmark = pytest.mark.tensorflow

NO_LIMITS = (math.inf, math.inf)
SMALL, USUAL = NetworkSize(8, 1, 1), NetworkSize(16, 2, 1)


class TestSpace:
    def test_it_begins_with_halves_of_the_usual_sizes(self):
        space = Space.of(IkProblem(load_arm("arm3"), POSITION), True, True)
        assert space.ladder[:3] == (SMALL, NetworkSize(4, 0, 1), USUAL)
        assert NetworkSize(16, 2, 4) in space.ladder
        assert set(space.ladder) <= set(space.sizes())

    def test_it_holds_one_head_only_where_one_branch_may_do(self):
        problem = IkProblem(load_arm("ur5"), POSE)
        heads = {size.heads for size in Space.of(problem, False, True).sizes()}
        assert heads == set(range(2, 19))
        assert {size.heads for size in Space.of(problem, True, False).sizes()} == {1}

    def test_widths_are_those_that_firmware_has(self):
        sizes = Space.of(IkProblem(load_arm("ur5"), POSE), True, True).sizes()
        assert all(size.width % 4 == 0 for size in sizes)
        assert max(size.width for size in sizes) == 144


class TestObjection:
    def test_a_size_of_which_nothing_is_known_is_tried(self):
        assert objection(SMALL, (2500, 4000), NO_LIMITS, []) is None

    @pytest.mark.parametrize("limits", [(2000, math.inf), (math.inf, 3000)])
    def test_limits_hold(self, limits):
        assert objection(SMALL, (2500, 4000), limits, []) == "beyond the limits"

    def test_what_is_no_cheaper_than_what_meets_the_goal_is_not(self):
        met = [Tried(SMALL, 0.5, 2500, 4000)]
        assert "no cheaper" in objection(USUAL, (5300, 6500), NO_LIMITS, met)
        assert objection(NetworkSize(12, 0, 1), (2400, 6500), NO_LIMITS, met) is None
        assert objection(NetworkSize(12, 0, 1), (5300, 3900), NO_LIMITS, met) is None

    def test_what_is_smaller_than_what_misses_by_far_is_not(self):
        missed = [Tried(USUAL, 30.0, 5300, 6500)]
        assert "misses the goal" in objection(SMALL, (2500, 4000), NO_LIMITS, missed)
        assert objection(NetworkSize(20, 1, 1), (2500, 4000), NO_LIMITS, missed) is None
        # One branch says nothing of many.
        assert objection(NetworkSize(8, 1, 4), (2500, 4000), NO_LIMITS, missed) is None

    def test_a_near_miss_may_be_tried_once_more(self):
        near = Tried(SMALL, 1.3, 2500, 4000)
        assert objection(SMALL, (2500, 4000), NO_LIMITS, [near]) is None
        assert objection(SMALL, (2500, 4000), NO_LIMITS, [near, near]) == "trained before"


class TestHopeless:
    FINISHED = ([0.5, 0.1, 0.02, 0.01, 0.005, 0.004, 0.003, 0.002],)

    def hopeless(self, curve, finished=FINISHED, allowed=1e-3):
        return is_hopeless(curve, 8, finished, allowed, 1e-5)

    def test_nothing_is_known_before_a_quarter_or_without_an_example(self):
        assert not self.hopeless([1.0])
        assert not self.hopeless([1.0, 1.0], finished=())
        assert not self.hopeless([1.0, 1.0], finished=([0.5, 0.1],))

    def test_one_that_would_miss_even_improving_ten_times_as_much_is(self):
        # The example improved from 0.1 to 0.002 after its second epoch.
        assert self.hopeless([0.9, 0.6])
        assert not self.hopeless([0.9, 0.4])

    def test_the_best_epoch_counts(self):
        assert not self.hopeless([0.9, 0.4, 0.9][:2])
        assert not self.hopeless([0.02, 0.9])

    def test_the_best_example_counts(self):
        better = [0.5, 0.1, 1e-4, 1e-4, 1e-4, 1e-4, 1e-4, 0.0]
        assert not self.hopeless([0.9, 0.6], finished=(*self.FINISHED, better))
