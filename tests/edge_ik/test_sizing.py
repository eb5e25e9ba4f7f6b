"""Sizes: what is given is kept, what is left open is chosen, and the same each time."""

import dataclasses

import pytest

pytest.importorskip("scipy")

from edge_ik.arms import load_arm
from edge_ik.config import config_from_dict, make_config
from edge_ik.presets import PRESETS
from edge_ik.sizing import ONE_BRANCH_CURRICULUM, ONE_BRANCH_MINING, resolved, usual_size
from firmware_host.problem import IkProblem
from firmware_host.tasks import POSE, POSITION, make_task

pytestmark = pytest.mark.tensorflow

PROBLEMS = [
    ("arm3", POSITION),
    ("leg3", POSITION),
    ("so101", POSITION),
    ("so101", make_task("axis")),
    ("ur5", POSE),
    ("panda", POSE),
]
OPEN = {
    "network.width": 0,
    "network.blocks": -1,
    "network.heads": 0,
    "training.epochs": 0,
    "training.learning_rate": 0.0,
    "data.curriculum": -1.0,
    "mining.share": -1.0,
}
GIVEN = {
    "network.width": 24,
    "network.blocks": 0,
    "network.heads": 5,
    "training.epochs": 7,
    "training.learning_rate": 2e-3,
    "data.curriculum": 0.0,
    "mining.share": 0.0,
}


def value(config, key):
    table, name = key.split(".")
    return getattr(getattr(config, table), name)


@pytest.fixture(params=PROBLEMS, ids=lambda case: f"{case[0]} {case[1].name}")
def case(request):
    name, task = request.param
    return IkProblem(load_arm(name), task)


@pytest.mark.parametrize("one_branch", [True, False])
class TestResolved:
    def test_everything_that_is_left_open_is_filled(self, case, one_branch):
        config = make_config()
        assert {key: value(config, key) for key in OPEN} == OPEN
        chosen = resolved(config, case, one_branch)
        assert all(value(chosen, key) != left_open for key, left_open in OPEN.items())
        assert chosen.task.branches == ("home" if one_branch else "all")
        assert (chosen.network.heads == 1) == one_branch
        size = usual_size(case, one_branch)
        assert (chosen.network.width, chosen.network.blocks) == (size.width, size.blocks)
        assert (chosen.network.heads, chosen.training.epochs) == (size.heads, size.epochs)
        assert chosen.data.curriculum == (ONE_BRANCH_CURRICULUM if one_branch else 0)
        assert chosen.mining.share == (ONE_BRANCH_MINING if one_branch else 0)

    @pytest.mark.parametrize("key", GIVEN)
    def test_everything_that_is_given_is_kept(self, case, one_branch, key):
        if key == "network.heads" and one_branch:
            pytest.skip("many heads are for all branches")
        config = make_config(overrides={key: GIVEN[key]})
        chosen = resolved(config, case, one_branch)
        assert value(chosen, key) == GIVEN[key]
        others = resolved(make_config(), case, one_branch)
        assert all(value(chosen, name) == value(others, name) for name in OPEN if name != key)

    def test_nothing_else_is_touched(self, case, one_branch):
        config = make_config()
        before, after = config.to_dict(), resolved(config, case, one_branch).to_dict()
        changed = {
            f"{table}.{name}"
            for table, keys in before.items()
            for name, given in keys.items()
            if after[table][name] != given
        }
        assert changed == {*OPEN, "task.branches"}

    def test_what_is_chosen_stays_chosen(self, case, one_branch):
        """So that the record of a run, read back and resolved again, has the same hash."""
        chosen = resolved(make_config(), case, one_branch)
        assert resolved(chosen, case, one_branch) == chosen
        assert resolved(make_config(), case, one_branch).hash() == chosen.hash()
        assert config_from_dict(chosen.to_dict()).hash() == chosen.hash()

    @pytest.mark.parametrize("preset", sorted(set(PRESETS) - {"auto"}))
    def test_a_preset_s_size_holds(self, case, one_branch, preset):
        config = make_config(preset)
        chosen = resolved(config, case, one_branch)
        assert chosen.network.width == config.network.width
        assert chosen.network.blocks == config.network.blocks
        assert chosen.training == config.training


def test_more_freedom_gets_a_larger_network():
    sizes = [usual_size(IkProblem(load_arm(name), task), False) for name, task in PROBLEMS]
    arm3, _, spare, _, ur5, panda = sizes
    assert arm3.width < ur5.width <= panda.width
    assert arm3.heads < ur5.heads < panda.heads
    assert arm3.heads < spare.heads
    assert all(dataclasses.astuple(size) > (0,) * 5 for size in sizes)


def test_one_branch_of_arm3_keeps_its_sizes():
    """The smallest firmware: micro is what is chosen."""
    problem = IkProblem(load_arm("arm3"), POSITION)
    auto, micro = (resolved(make_config(name), problem, True) for name in ("auto", "micro"))
    assert auto == micro
    assert resolved(make_config("nano"), problem, True).network.width == 8
