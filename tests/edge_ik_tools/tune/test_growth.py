"""What is trained next when a goal is missed."""

from dataclasses import replace

import pytest

pytest.importorskip("scipy")

from edge_ik.arms import load_arm
from edge_ik.config import make_config
from edge_ik.sizing import Size, usual_size
from edge_ik_tools.tune.growth import Attempt, asked_for, changed, choose, grown
from firmware_host.problem import IkProblem
from firmware_host.tasks import POSE, POSITION

SIZE = Size(16, 2, 4, 16, 1e-2)
EVERYTHING = frozenset(
    ["network.width", "network.blocks", "network.heads", "training.epochs", "task.branches"]
)


@pytest.fixture(scope="module")
def problem():
    return IkProblem(load_arm("arm3"), POSITION)


def attempt(gap, size=SIZE, epochs=16, seconds=32.0, extends=False, one_branch=False):
    return Attempt(size, one_branch, gap, epochs, seconds, extends)


def chosen(problem, *attempts, kept=frozenset(), left=1000.0):
    return choose(problem, attempts, kept, left)


class TestChoose:
    def test_a_near_miss_is_trained_on(self, problem):
        choice = chosen(problem, attempt(1.5))
        assert choice.extends == 0
        assert choice.size == replace(SIZE, epochs=32)

    def test_a_far_miss_takes_a_wider_network_of_more_heads(self, problem):
        choice = chosen(problem, attempt(20.0))
        assert choice.extends is None
        assert choice.size.width > SIZE.width
        assert choice.size.heads > SIZE.heads

    def test_training_on_that_helps_little_is_not_repeated(self, problem):
        longer = replace(SIZE, epochs=32)
        slow = attempt(1.4, longer, extends=True)
        assert chosen(problem, attempt(1.5), slow).extends is None
        assert chosen(problem, attempt(2.8), slow).extends == 1

    def test_all_the_time_is_used_where_nothing_fits_behind(self, problem):
        # 2 s an epoch.
        assert chosen(problem, attempt(1.5), left=60).size.epochs == SIZE.epochs + 30
        assert chosen(problem, attempt(1.5), left=100).size.epochs == SIZE.epochs + 16

    def test_without_time_for_a_larger_one_the_best_is_trained_on(self, problem):
        assert chosen(problem, attempt(20.0), left=12).extends == 0

    def test_without_time_for_anything_nothing_is_chosen(self, problem):
        assert chosen(problem, attempt(20.0), left=2) is None

    def test_what_was_asked_for_stays(self, problem):
        kept = EVERYTHING - {"network.heads", "task.branches"}
        choice = chosen(problem, attempt(20.0), kept=kept)
        assert (choice.size.width, choice.size.blocks) == (SIZE.width, SIZE.blocks)
        assert choice.size.epochs == SIZE.epochs
        assert choice.size.heads > SIZE.heads

    def test_where_all_is_asked_for_nothing_is_chosen(self, problem):
        assert chosen(problem, attempt(20.0), kept=EVERYTHING) is None

    def test_one_branch_that_misses_by_far_gives_way_to_all(self, problem):
        one = attempt(50.0, Size(16, 2, 1, 16, 1e-2), one_branch=True)
        choice = chosen(problem, one)
        assert not choice.one_branch
        assert choice.size.heads == usual_size(problem, one_branch=False).heads

    def test_one_branch_that_was_asked_for_stays_one(self, problem):
        one = attempt(50.0, Size(16, 2, 1, 16, 1e-2), one_branch=True)
        choice = chosen(problem, one, kept=frozenset(["task.branches"]))
        assert choice.one_branch
        assert choice.size.heads == 1
        assert choice.size.width > 16


class TestGrown:
    @pytest.mark.parametrize(("width", "wider"), [(8, 16), (16, 32), (64, 96), (96, 144)])
    def test_widths_come_in_steps_that_firmware_likes(self, problem, width, wider):
        size = grown(problem, replace(SIZE, width=width), False, False, frozenset())
        assert size.width == wider

    def test_wide_networks_learn_more_slowly(self, problem):
        size = grown(problem, replace(SIZE, width=64), False, False, frozenset())
        assert size.learning_rate < SIZE.learning_rate

    def test_blocks_grow_where_nothing_else_may(self, problem):
        kept = frozenset(["network.width", "network.heads"])
        assert grown(problem, SIZE, False, False, kept) == replace(SIZE, blocks=3)


class TestConfig:
    def test_only_what_is_not_left_open_is_kept(self):
        assert asked_for(make_config()) == frozenset()
        kept = asked_for(make_config("nano", overrides={"task.branches": "home"}))
        assert kept == {
            "network.width",
            "network.blocks",
            "training.epochs",
            "training.learning_rate",
            "task.branches",
        }

    def test_recipes_of_one_branch_are_chosen_anew_for_all(self):
        one = make_config(
            overrides={
                "task.branches": "home",
                "network.width": 16,
                "network.blocks": 2,
                "network.heads": 1,
                "data.curriculum": 0.2,
                "mining.share": 0.125,
            }
        )
        problem = IkProblem(load_arm("ur5"), POSE)
        choice = choose(problem, [attempt(50.0, SIZE, one_branch=True)], frozenset(), 1e6)
        config = changed(one, choice, frozenset(["mining.share"]))
        assert config.task.branches == "all"
        assert config.network.heads == choice.size.heads
        assert config.data.curriculum == -1
        assert config.mining.share == 0.125
