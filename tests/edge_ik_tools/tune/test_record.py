"""The record of a training that has a goal, and what is told of it."""

import json

import pytest

pytest.importorskip("tensorflow")

from edge_ik.config import make_config
from edge_ik.run_folder import GOAL_FILE
from edge_ik_tools.tune.measure import Measured, target_count
from edge_ik_tools.tune.record import GoalRecord, Round
from edge_ik_tools.tune.words import verdict
from firmware_host.errors import RunError

pytestmark = pytest.mark.tensorflow

CONFIG = make_config("nano")


def measured(solved, targets=1000):
    rest = {"near_limits": 0.75, "near_singularities": 0.5, "edge_of_workspace": 0.0}
    unsolved = round((1 - solved) * targets)
    return Measured(solved, unsolved, targets, 3, "litert", rest if unsolved else {})


def record(folder, *shares, goal=0.99):
    rounds = [Round(CONFIG, measured=measured(share)) for share in shares]
    return GoalRecord(folder, goal, 120.0, frozenset(["network.width"]), rounds, 60.0)


class TestRecord:
    def test_it_comes_back_as_it_was_written(self, tmp_path):
        before = record(tmp_path / "new", 0.9, 0.95)
        before.rounds.append(Round(CONFIG, extends=2))
        before.save()
        assert GoalRecord.load(tmp_path / "new") == before

    def test_it_says_for_programs_what_came_of_it(self, tmp_path):
        record(tmp_path, 0.9, 0.995).save()
        values = json.loads((tmp_path / GOAL_FILE).read_text())
        assert (values["met"], values["best"]) == (True, 2)
        assert values["measured"]["solved"] == 0.995

    def test_the_best_is_the_first_of_those_that_solve_most(self, tmp_path):
        assert record(tmp_path, 0.9, 0.95, 0.95, 0.94).best == 2

    def test_a_round_that_is_not_measured_is_not_the_best(self, tmp_path):
        before = record(tmp_path)
        before.rounds.append(Round(CONFIG))
        assert before.best is None
        assert not before.met
        with pytest.raises(RunError, match="no trained network"):
            _ = before.best_measured

    @pytest.mark.parametrize("text", [None, "", "{}", '{"goal": 1}', "[]"])
    def test_a_damaged_record_is_told(self, tmp_path, text):
        if text is not None:
            (tmp_path / GOAL_FILE).write_text(text)
        with pytest.raises(RunError, match=r"goal\.json cannot be read"):
            GoalRecord.load(tmp_path)


class TestVerdict:
    def test_a_goal_that_is_met(self, tmp_path):
        lines = verdict(record(tmp_path, 1.0))
        assert len(lines) == 1
        assert lines[0].startswith("Goal of 99.000% met: 100% of everything the arm reaches")
        assert "8 wide, 1 block," in lines[0]

    def test_a_goal_that_is_missed_says_by_how_much_and_where(self, tmp_path):
        missed, rest, advice = verdict(record(tmp_path, 0.9, 0.98))
        assert missed.startswith("Goal of 99.000% missed by 1 points: 98.000%")
        assert "round 2 of 2" in missed
        assert rest.startswith("Not solved: 20 of 1,000 fresh targets (2%)")
        assert "75% near joint limits, 50% near singularities." in rest
        assert f"edge-ik train --resume {tmp_path} --minutes 4" in advice
        *_, advice = verdict(record(tmp_path / "my run; x", 0.9, 0.98))
        assert f"--resume '{tmp_path}/my run; x' --minutes 4" in advice

    def test_less_than_all_never_looks_like_all(self, tmp_path):
        rounds = [Round(CONFIG, measured=Measured(1 - 1e-7, 1, 10**7, 3, "litert", {}))]
        text = verdict(GoalRecord(tmp_path, 0.5, 60, frozenset(), rounds, 1.0))[0]
        assert "99.999%" in text


@pytest.mark.parametrize(
    ("goal", "count"), [(0.5, 20_000), (0.999, 50_000), (0.9999, 200_000), (1.0, 200_000)]
)
def test_higher_goals_take_more_targets(goal, count):
    assert target_count(goal) == count
