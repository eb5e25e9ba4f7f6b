"""Before the first step: what is refused, what is found, and that it is found again."""

import dataclasses
import json

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from edge_ik.config import make_config
from edge_ik.preparation import resume, start
from edge_ik.run import CONFIG_FILE
from firmware_host.errors import ConfigError, RobotError, RunError

pytestmark = pytest.mark.tensorflow

SECOND_WORKER = json.dumps(
    {
        "cluster": {"worker": ["localhost:5", "localhost:6"]},
        "task": {"type": "worker", "index": 1},
    }
)


class TestStart:
    def test_a_folder_in_use_is_refused(self, tmp_path, tiny_config, tiny_folder):
        for taken in (tiny_folder, tiny_folder / CONFIG_FILE):
            with pytest.raises(RunError, match=r"already exists.*--resume"):
                start(tiny_config, taken)

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
        np.testing.assert_array_equal(resumed.focus_q, source.focus_q)
        np.testing.assert_array_equal(resumed.pool.q, source.pool.q)


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
