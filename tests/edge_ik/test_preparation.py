"""Before the first step: what is refused, what is found, and that it is found again."""

import dataclasses
import json

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from edge_ik.config import make_config
from edge_ik.preparation import resume, start
from edge_ik.run_folder import CONFIG_FILE, GOAL_FILE
from firmware_host.errors import ConfigError, RobotError, RunError, WriteError

pytestmark = pytest.mark.tensorflow

SECOND_WORKER = json.dumps(
    {
        "cluster": {"worker": ["localhost:5", "localhost:6"]},
        "task": {"type": "worker", "index": 1},
    }
)


class TestStart:
    def test_a_folder_in_use_is_refused(self, tmp_path, tiny_config, tiny_folder):
        with pytest.raises(RunError, match=r"not an empty folder\..*--resume"):
            start(tiny_config, tiny_folder)
        begun = tmp_path / "begun"
        begun.mkdir()
        (begun / GOAL_FILE).touch()
        with pytest.raises(RunError, match="--resume"):
            start(tiny_config, begun)

    def test_what_is_no_run_is_not_said_to_be_one(self, tmp_path, tiny_config):
        (tmp_path / "notes.txt").touch()
        for taken in (tmp_path, tmp_path / "notes.txt"):
            with pytest.raises(RunError, match="already exists and is ") as caught:
                start(tiny_config, taken)
            assert str(caught.value).endswith("Choose another folder with --out.")

    def test_a_place_that_cannot_be_written_is_told_before_the_work(
        self, tmp_path, tiny_config, read_only
    ):
        # The robot is looked for after that.
        arm = dataclasses.replace(tiny_config.arm, source="nowhere.urdf")
        config = dataclasses.replace(tiny_config, arm=arm)
        with read_only(tmp_path), pytest.raises(WriteError, match="another folder with --out"):
            start(config, tmp_path / "new" / "run")
        assert list(tmp_path.iterdir()) == []
        with pytest.raises(RobotError, match="There is no file"):
            start(config, tmp_path / "new" / "run")
        assert list(tmp_path.iterdir()) == []

    def test_a_home_of_another_length_is_refused(self, tmp_path, tiny_config):
        arm = dataclasses.replace(tiny_config.arm, home=(0.0, 0.5))
        with pytest.raises(ConfigError, match=r"3 angles for 'arm\.home'.*Received: 2"):
            start(dataclasses.replace(tiny_config, arm=arm), tmp_path / "run")
        assert not (tmp_path / "run").exists()

    def test_a_robot_of_too_few_joints_is_refused_before_anything_is_written(self, tmp_path):
        config = make_config("nano", overrides={"arm.source": "so101", "task.name": "pose"})
        with pytest.raises(RobotError, match="Expected at least 6 joints"):
            start(config, tmp_path / "run")
        assert not (tmp_path / "run").exists()

    def test_a_given_focus_circle_is_used(self, tmp_path, tiny_config):
        data = dataclasses.replace(
            tiny_config.data,
            focus_center=(0.3, 0.0, 0.2),
            focus_radius=0.03,
            focus_normal=(1.0, 0.0, 0.0),
        )
        run, source = start(dataclasses.replace(tiny_config, data=data), tmp_path / "run")
        assert (run.focus.center, run.focus.radius) == ((0.3, 0.0, 0.2), 0.03)
        assert run.focus.normal == (1.0, 0.0, 0.0)
        again, resumed = resume(tmp_path / "run")
        assert again.focus == run.focus
        one, other = resumed.one_branch, source.one_branch
        np.testing.assert_array_equal(one.focus_q, other.focus_q)
        np.testing.assert_array_equal(one.pool.q, other.pool.q)

    def test_a_focus_circle_of_all_branches_is_refused(self, tmp_path, heads_config):
        data = dataclasses.replace(heads_config.data, focus_center=(0.1, 0.0, -0.2))
        with pytest.raises(ConfigError, match=r"in one branch.*no 'data\.focus_center'"):
            start(dataclasses.replace(heads_config, data=data), tmp_path / "run")
        assert not (tmp_path / "run").exists()

    @pytest.mark.parametrize("branches", ["all", "home", "auto"])
    def test_a_home_beyond_the_limits_is_refused_for_all_branches_too(self, tmp_path, branches):
        values = {"arm.source": "leg3", "arm.home": (0.0, 0.5, 1.0), "task.branches": branches}
        with pytest.raises(RobotError, match="not within its joint limits"):
            start(make_config("nano", overrides=values), tmp_path / "run")
        assert not (tmp_path / "run").exists()


class TestBranches:
    """One branch where it answers everything, all where it does not, or as is asked for."""

    def started(self, tmp_path, arm, **values):
        overrides = {"arm.source": arm, "data.pool": 1000}
        overrides |= {key.replace("__", "."): value for key, value in values.items()}
        return start(make_config("auto", overrides=overrides), tmp_path / "run")

    def test_arm3_gets_one(self, tmp_path):
        run, source = self.started(tmp_path, "arm3")
        assert run.one_branch
        assert run.config.task.branches == "home"
        assert run.config.network.heads == run.spec.heads == 1
        assert run.aspect.count == 2
        assert 0.95 < run.aspect.joint_space < 1
        assert 0.99 < run.aspect.workspace <= 1
        assert run.focus is not None
        assert len(source.one_branch.pool.q) == 1000

    @pytest.mark.parametrize(
        ("arm", "task"), [("leg3", "position"), ("so101", "axis"), ("panda", "pose")]
    )
    def test_others_get_all(self, tmp_path, arm, task):
        run, source = self.started(tmp_path, arm, task__name=task)
        assert not run.one_branch
        assert run.config.task.branches == "all"
        assert run.config.network.heads == run.spec.heads > 1
        assert run.aspect is run.focus is source.one_branch is None

    def test_one_is_trained_where_it_is_asked_for(self, tmp_path):
        run, _ = self.started(tmp_path, "leg3", task__branches="home")
        assert run.one_branch
        assert run.aspect.count == 3
        assert run.spec.heads == 1

    def test_all_are_trained_where_they_are_asked_for(self, tmp_path):
        run, _ = self.started(tmp_path, "arm3", task__branches="all")
        assert not run.one_branch
        assert run.spec.heads > 1

    @pytest.mark.parametrize(("arm", "heads"), [("arm3", 2), ("leg3", 1)])
    def test_a_number_of_heads_is_kept(self, tmp_path, arm, heads):
        run, _ = self.started(tmp_path, arm, network__heads=heads)
        assert run.spec.heads == heads
        assert run.config.task.branches == "all"

    def test_the_branch_of_an_arm_with_joints_to_spare_is_refused(self, tmp_path):
        with pytest.raises(RobotError, match=r"postures flow into one another.*--branches all"):
            self.started(tmp_path, "panda", task__name="pose", task__branches="home")
        assert not (tmp_path / "run").exists()

    @pytest.mark.parametrize("arm", ["arm3", "leg3"])
    def test_what_was_chosen_is_what_is_read_back(self, tmp_path, arm):
        run, source = self.started(tmp_path, arm)
        again, resumed = resume(tmp_path / "run")
        assert again.config == run.config
        assert again.config.hash() == run.config.hash()
        assert again.aspect == run.aspect
        assert again.branches == run.branches
        assert resumed.normalization == source.normalization == run.normalization
        assert resumed.curriculum == source.curriculum
        assert (resumed.one_branch is None) == (source.one_branch is None)
        # Nothing is left open in the record.
        text = (tmp_path / "run" / CONFIG_FILE).read_text()
        assert "auto" not in text
        assert "-1" not in [line.split(" = ")[-1] for line in text.splitlines()]
        network, training = run.config.network, run.config.training
        assert min(network.width, network.heads, training.epochs, training.learning_rate) > 0

    def test_the_same_seed_starts_the_same_run(self, tmp_path):
        first, second = (self.started(tmp_path / name, "leg3")[0] for name in ("first", "second"))
        assert first.config == second.config
        assert first.normalization == second.normalization
        np.testing.assert_array_equal(first.workspace.cells, second.workspace.cells)


def test_worker_refuses_the_folder_of_an_earlier_run(monkeypatch, tmp_path):
    monkeypatch.setenv("TF_CONFIG", SECOND_WORKER)
    (tmp_path / "checkpoint.npz").touch()
    with pytest.raises(RunError, match="already exists"):
        start(make_config("nano"), tmp_path)


def test_worker_accepts_the_folder_that_its_chief_has_made(monkeypatch, tmp_path):
    monkeypatch.setenv("TF_CONFIG", SECOND_WORKER)
    (tmp_path / "config.toml").write_text("[arm", encoding="utf-8")
    start(make_config("nano", None, {"data.pool": 1000}), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["config.toml"]
