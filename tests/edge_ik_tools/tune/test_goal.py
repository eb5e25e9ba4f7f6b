"""Training toward a goal: round after round, and on after any end."""

import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from edge_ik.arms import builtin_arms
from edge_ik.config import make_config
from edge_ik.run import Run
from edge_ik.run_folder import GOAL_FILE
from edge_ik_tools.tune import goal as goal_module
from edge_ik_tools.tune.goal import GoalTraining, start_goal
from edge_ik_tools.tune.measure import Measured
from edge_ik_tools.tune.record import GoalRecord
from firmware_host.errors import RobotError, RunError
from firmware_host.progress import untold

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]

ONE_ROUND = ("network.width", 4), ("network.blocks", 0), ("training.epochs", 3)


@pytest.fixture
def tiny(tiny_values):
    """A training of one branch; sizes are left open, but for the epochs."""
    return make_config(
        overrides={**tiny_values, "task.branches": "home", "network.width": 8, "network.blocks": 1}
    )


@pytest.fixture
def judged(monkeypatch):
    """Function of shares: what measurements find from now on, one after the other."""

    def judge(*shares):
        left = list(shares)

        def measure(run, flatbuffer, count, draw, tell=untold):
            assert len(flatbuffer) > 1000
            solved = left.pop(0)
            return Measured(solved, round((1 - solved) * count), count, 3, "litert", {})

        monkeypatch.setattr(goal_module, "measure_int8", measure)
        return left

    return judge


def training(record, silently, **others):
    told = []
    return GoalTraining(record, told.append, **silently, **others), told


def weights(run):
    return [np.array(value) for value in run.load_network().get_weights()]


class TestRounds:
    def test_a_goal_that_is_met_at_once_takes_one_round(self, tmp_path, tiny, judged, silently):
        config = replace(tiny, training=replace(tiny.training, epochs=2))
        judged(0.995)
        record = training(start_goal(config, tmp_path / "run", 0.99, 600.0), silently)[0].train()
        assert record.met
        assert len(record.rounds) == 1
        assert Run.load(tmp_path / "run").load_network().count_params() > 0
        assert GoalRecord.load(tmp_path / "run") == record

    def test_a_near_miss_goes_on_from_its_own_weights(self, tmp_path, tiny, judged, silently):
        record = start_goal(tiny, tmp_path / "run", 0.99, 3000.0)
        going, told = training(record, silently)
        judged(0.985, 0.9)
        monkey = going._add_round

        def one_more():
            return len(record.rounds) < 2 and monkey()

        going._add_round = one_more
        going.train()
        first, second = record.rounds
        assert second.extends == 1
        assert second.config.training.epochs == 2 * first.config.training.epochs
        assert second.epochs == first.epochs
        # The first was better, and is what is kept.
        assert record.best == 1
        kept, own = Run.load(tmp_path / "run"), Run.load(record.round_folder(1))
        assert kept.config == own.config
        for a, b in zip(weights(kept), weights(own), strict=True):
            np.testing.assert_array_equal(a, b)
        assert sum(line.startswith("Round") for line in told) == 4

    def test_one_branch_gives_way_to_many_heads_also_in_another_folder(
        self, tmp_path, tiny_values, judged, silently, monkeypatch
    ):
        leg3 = builtin_arms()["leg3"]
        for name in ("first", "second"):
            (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / "first")
        Path("leg.urdf").write_bytes(leg3.urdf())
        values = {**tiny_values, "arm.source": "leg.urdf", "arm.home": list(leg3.home)}
        values |= {"network.width": 8, "training.epochs": 2}
        begun = start_goal(make_config(overrides=values), tmp_path / "run", 0.99, 3000.0)
        judged(0.5, 0.995)
        going = training(begun, silently)[0]
        going._add_round = lambda: False
        going.train()
        # From there the robot's description is not to be seen.
        monkeypatch.chdir(tmp_path / "second")
        record = GoalRecord.load(tmp_path / "run")
        training(record, silently)[0].train()
        assert record.met
        chains = [Run.load(record.round_folder(number)).chain.to_dict() for number in (1, 2)]
        assert chains[0] == chains[1]
        assert [round_.config.network.width for round_ in record.rounds] == [8, 8]
        assert record.rounds[1].config.network.heads > record.rounds[0].config.network.heads
        assert Run.load(tmp_path / "run").spec.heads == record.rounds[1].config.network.heads

    def test_a_training_that_is_too_long_is_shortened(self, tmp_path, tiny, judged, silently):
        long = replace(tiny, training=replace(tiny.training, steps_per_epoch=5000))
        record = start_goal(long, tmp_path / "run", 0.99, 45.0)
        judged(0.995)
        _, told = going = training(record, silently)
        going[0].train()
        assert record.rounds[0].shortened >= 1
        assert record.rounds[0].epochs < 16
        assert any("longer than there is time for" in line for line in told)

    def test_time_that_is_up_ends_it_with_what_there_is(self, tmp_path, tiny, judged, silently):
        config = replace(tiny, training=replace(tiny.training, epochs=50))
        record = start_goal(config, tmp_path / "run", 0.99, 1.0)
        judged(0.5)
        training(record, silently)[0].train()
        assert not record.met
        assert 1 <= record.rounds[0].epochs < 50
        assert Run.load(tmp_path / "run").load_network().count_params() > 0


class TestRefusals:
    def test_a_folder_in_use(self, tmp_path, tiny):
        (tmp_path / "file").touch()
        with pytest.raises(RunError, match="already exists"):
            start_goal(tiny, tmp_path, 0.99, 60.0)

    def test_a_robot_that_cannot_be_used_leaves_nothing(self, tmp_path, tiny, silently):
        config = replace(tiny, arm=replace(tiny.arm, source="nobody"))
        record = start_goal(config, tmp_path / "run", 0.99, 60.0)
        with pytest.raises(RobotError, match="nobody"):
            training(record, silently)[0].train()
        assert not (tmp_path / "run").exists()


def test_killed_at_any_moment_it_goes_on_to_the_same_network(tmp_path, tiny_values):
    def command(folder):
        values = {**tiny_values, **dict(ONE_ROUND)}
        assigned = [f"--set={key}={value}" for key, value in values.items()]
        options = ["--branches", "home", "--goal", "0.999999", "--minutes", "30"]
        return [*program(), "train", *options, *assigned, "--out", str(folder)]

    def program():
        return [sys.executable, "-P", "-c", "from edge_ik.cli import main; main()"]

    def resume(folder):
        return subprocess.run([*program(), "train", "--resume", str(folder)], check=False)

    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert subprocess.run(command(whole), check=False).returncode == 3
    for awaited in (GOAL_FILE, "rounds/1/run.json", "rounds/1/checkpoint.npz", "config.toml"):
        start = command(cut) if not cut.exists() else [*program(), "train", "--resume", str(cut)]
        process = subprocess.Popen(start)
        while not (cut / awaited).exists() and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert resume(cut).returncode == 3
    records = [GoalRecord.load(folder) for folder in (whole, cut)]
    assert records[0].best_measured == records[1].best_measured
    assert len(records[1].rounds) == 1
    for a, b in zip(weights(Run.load(whole)), weights(Run.load(cut)), strict=True):
        np.testing.assert_array_equal(a, b)
