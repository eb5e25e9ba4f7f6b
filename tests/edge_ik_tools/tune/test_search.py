"""The search for the smallest network: on tiny trainings, and on after any end."""

import csv
import json
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest

pytest.importorskip("tensorflow")

from edge_ik.config import make_config
from edge_ik_tools.emulate.cores import CORES
from edge_ik_tools.tune.cost import NetworkSize
from edge_ik_tools.tune.counting import Counts
from edge_ik_tools.tune.measure import Measured
from edge_ik_tools.tune.settings import SearchSettings, SearchState
from edge_ik_tools.tune.trials import Trial
from firmware_host.errors import RobotError, WriteError
from firmware_host.progress import untold

pytestmark = pytest.mark.tensorflow


@pytest.fixture
def tiny_search(tmp_path, tiny_values):
    """What a search over tiny trainings of one branch looks for."""
    values = {**tiny_values, "task.branches": "home", "training.epochs": 2}
    return SearchSettings(make_config(overrides=values), 0.9, "cortex-m4")


@pytest.fixture
def without_emulator(monkeypatch):
    """Counts that follow from the size alone."""

    def count(spec, flatbuffer, core, targets=1, tries=None, rng_seed=0, untrained=False):
        assert core == CORES["cortex-m4"]
        return Counts(float(len(flatbuffer)), len(flatbuffer) + 1, len(flatbuffer), 0, 100)

    monkeypatch.setattr("edge_ik_tools.tune.cost.count", count)
    monkeypatch.setattr("edge_ik_tools.tune.front.count", count)


def trial(number, size, unsolved, stopped=False):
    measured = Measured(1 - unsolved, round(1e5 * unsolved), 100_000, 3, "litert", {})
    return Trial(number, NetworkSize(*size), 0.01, (0.5, unsolved), measured, stopped)


def test_a_study_that_cannot_be_kept_is_told(tmp_path, no_room, require_optuna):
    import optuna

    from edge_ik_tools.tune.search import STUDY_FILE, study_told

    path = tmp_path / STUDY_FILE
    with (
        no_room(0),
        pytest.raises(WriteError, match=r"Cannot write '.*study\.db': .* with --out\. Then run"),
        study_told(path),
    ):
        optuna.create_study(storage=f"sqlite:///{path}")


class TestFront:
    def test_what_none_beats_is_kept(self, require_optuna):
        from edge_ik_tools.tune.front import undominated

        trials = [
            trial(0, (16, 2, 1), 0.0),
            trial(1, (8, 1, 1), 0.001),
            trial(2, (12, 1, 1), 0.001),
            trial(3, (4, 0, 1), 0.2, stopped=True),
            trial(4, (8, 1, 1), 0.001),
        ]
        costs = [(5000, 6000), (2500, 4000), (3000, 4500), (1700, 2800), (2500, 4000)]
        assert [found.number for found in undominated(trials, costs)] == [0, 1, 3]

    def test_a_trial_comes_back_as_it_was_written(self, tmp_path):
        before = trial(3, (4, 0, 2), 0.2, stopped=True)
        assert Trial.read(tmp_path) is None
        (tmp_path / "trial.json").write_text(json.dumps(before.to_dict()))
        assert Trial.read(tmp_path) == before


@pytest.mark.slow
@pytest.mark.usefixtures("without_emulator", "require_optuna")
class TestSearch:
    @pytest.fixture
    def judged(self, monkeypatch):
        """Of one branch, all with a block meet the goal, and those without miss it by far."""
        trained = []

        def measure(run, flatbuffer, count, draw, tell=untold):
            if draw == 0:
                trained.append(run.folder.name)
            solved = 0.95 if run.config.network.blocks > 0 else 0.2
            return Measured(solved, round((1 - solved) * count), count, 3, "litert", {})

        monkeypatch.setattr("edge_ik_tools.tune.trials.measure_int8", measure)
        monkeypatch.setattr("edge_ik_tools.tune.front.measure_int8", measure)
        return trained

    def searched(self, settings, folder, silently, limit=600.0):
        from edge_ik_tools.tune.front import found_front
        from edge_ik_tools.tune.search import Search

        told = []
        search = Search(SearchState.open(folder, settings), limit, told.append, **silently)
        return search, found_front(search, search.search()), told

    def test_the_smallest_is_found_and_nothing_dearer_is_trained(
        self, tmp_path, tiny_search, silently, judged
    ):
        folder = tmp_path / "search"
        # Time that is up leaves a training to go on with.
        assert self.searched(tiny_search, folder, silently, limit=0.1)[1].rows == ()
        search, front, told = self.searched(tiny_search, folder, silently)
        assert front.chosen.trial.size == NetworkSize(4, 1, 1)
        assert "No other size is worth a training." in told
        assert [row.meets for row in front.rows].count(True) == 1
        assert len(judged) < len(search.space.sizes())
        values = json.loads((folder / "front.json").read_text())
        assert values["chosen"] == front.chosen.trial.number
        with (folder / "front.csv").open() as file:
            rows = list(csv.DictReader(file))
        assert [int(row["trial"]) for row in rows] == [row.trial.number for row in front.rows]
        # What it prints trains the same network.
        words = shlex.split(values["command"])
        assert words[:4] == ["edge-ik", "train", "--arm", "arm3"]
        options = dict(zip(words[4::2], words[5::2], strict=True))
        assert (options["--width"], options["--blocks"]) == ("4", "1")
        run = json.loads((folder / "trials" / str(values["chosen"]) / "trial.json").read_text())
        assert float(options["--learning-rate"]) == run["learning_rate"]
        # Once it is over it says the same again.
        trained = len(judged)
        assert self.searched(tiny_search, folder, silently)[1] == front
        assert len(judged) == trained

    def test_limits_hold(self, tmp_path, tiny_search, silently, judged):
        settings = replace(tiny_search, most_flash=1)
        _, front, _ = self.searched(settings, tmp_path / "search", silently)
        assert (front.rows, front.chosen, judged) == ((), None, [])

    def test_a_robot_that_cannot_be_used_leaves_nothing(self, tmp_path, tiny_search, silently):
        arm = replace(tiny_search.config.arm, source="nobody")
        settings = replace(tiny_search, config=replace(tiny_search.config, arm=arm))
        with pytest.raises(RobotError, match="nobody"):
            self.searched(settings, tmp_path / "search", silently)
        assert not (tmp_path / "search").exists()


@pytest.mark.slow
def test_killed_at_any_moment_it_goes_on(tmp_path, require_optuna, require_tool):
    require_tool("arm-none-eabi-gcc", "gcc-arm-none-eabi")
    require_tool("qemu-system-arm", "qemu-system-arm")
    folder = tmp_path / "search"
    options = ["--branches", "home", "--epochs", "1", "--goal", "0.5", "--flash", "4200"]
    program = [sys.executable, "-P", "-c", "from edge_ik.cli import main; main()"]
    command = [*program, "search", *options, "--minutes", "60", "--out", str(folder)]
    for awaited in (
        "search.json",
        "one-branch/run.json",
        "cost.json",
        "study.db",
        "trials/*/run.json",
        "trials/*/best.npz",
    ):
        process = subprocess.Popen(command)
        while not list(folder.glob(awaited)) and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
    ended = subprocess.run([*command, "--json"], check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    values = json.loads(ended.stdout)
    assert values["front"][0]["flash"] <= 4200
    assert values["chosen"] == values["front"][0]["trial"]
