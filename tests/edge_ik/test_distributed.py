"""Training shared by two workers, and by two devices of one."""

import csv
import json
import os
import shutil
import socket
import subprocess
import sys

import numpy as np
import pytest

from firmware_host.errors import ConfigError, RunError

pytestmark = pytest.mark.tensorflow

TIMEOUT = 240  # [s] for all processes of a training; idle, the two cores take a tenth of it.

SETTINGS = {
    "network.width": 16,
    "network.blocks": 1,
    "data.pool": 5000,
    "mining.buffer": 512,
    "training.epochs": 2,
    "training.steps_per_epoch": 120,
    "training.batch_size": 256,
    "training.validation_targets": 1000,
}

# Trains the run in the folder, a new one if need be, and dumps the last state of this
# process. After its first epoch the chief copies the folder to be resumed elsewhere.
TRAIN = """
import json, shutil, sys
from pathlib import Path
from edge_ik import training
from edge_ik.checkpoint import Checkpoint
from edge_ik.config import make_config

folder, half, dump, settings = sys.argv[1:]

def report(progress):
    if progress.row is not None and not Path(half).exists():
        shutil.copytree(folder, half)

if settings:
    run, source = training.start(make_config("micro", None, json.loads(settings)), Path(folder))
else:
    run, source = training.resume(Path(folder))
Checkpoint(Path(dump), training.train(run, source, report)).save([])
"""

TRAIN_MIRRORED = """
import json, sys
from pathlib import Path
import numpy as np
import tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

from edge_ik import training
from edge_ik.config import make_config

run, source = training.start(make_config("micro", None, json.loads(sys.argv[2])), Path(sys.argv[1]))
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
trainer = training.train(run, source, strategy=strategy)
metrics = {id(value) for metric in trainer.metrics for value in metric.variables}
for variable in [*trainer.variables, *trainer.optimizer.variables]:
    if id(variable) not in metrics:
        first, second = strategy.experimental_local_results(variable.value)
        np.testing.assert_array_equal(first, second, variable.path)
"""


@pytest.fixture(scope="module")
def run_all():
    """Function that runs Python programs side by side until all have ended well."""
    started = []

    def run(programs, workers):
        ports = free_ports(workers)
        for index, (script, *arguments) in enumerate(programs):
            environment = {key: os.environ[key] for key in os.environ if key != "TF_CONFIG"}
            if index < workers:
                environment["TF_CONFIG"] = tf_config(index, ports)
            started.append(
                subprocess.Popen(
                    [sys.executable, "-c", script, *map(str, arguments)],
                    env=environment,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
        for process in started[-len(programs) :]:
            _, errors = process.communicate(timeout=TIMEOUT)
            assert process.returncode == 0, errors[-4000:]

    yield run
    for process in started:
        # A worker that waits for others holds back the gentler signals.
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def trained(run_all, tmp_path_factory):
    """A folder with the runs `two` (workers) and `one`, and the workers' states."""
    folder = tmp_path_factory.mktemp("distributed")
    settings = json.dumps(SETTINGS)
    two = [
        (TRAIN, folder / "two", folder / "half", folder / f"two_{index}.npz", settings)
        for index in range(2)
    ]
    one = (TRAIN, folder / "one", folder / "half_one", folder / "one.npz", settings)
    run_all([*two, one], workers=2)
    return folder


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("localhost", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def tf_config(index, ports):
    return json.dumps(
        {
            "cluster": {"worker": [f"localhost:{port}" for port in ports]},
            "task": {"type": "worker", "index": index},
        }
    )


def last_rmse(folder):
    with (folder / "history.csv").open(encoding="utf-8") as stream:
        return float(list(csv.DictReader(stream))[-1]["rmse_m"])


def assert_equal_states(path, other, **tolerance):
    with np.load(path) as first, np.load(other) as second:
        assert first.files == second.files
        for name in set(first.files) - {"history"}:
            np.testing.assert_allclose(first[name], second[name], err_msg=name, **tolerance)


@pytest.mark.slow
def test_two_workers_end_with_the_same_state(trained):
    assert_equal_states(trained / "two_0.npz", trained / "two_1.npz", rtol=0, atol=0)


@pytest.mark.slow
def test_two_workers_train_as_well_as_one(trained):
    # Same steps of the same size, and other samples: equal up to chance.
    assert last_rmse(trained / "two") < 1.5 * last_rmse(trained / "one")
    assert last_rmse(trained / "two") < 0.25 * 0.5  # A quarter of the robot's reach [m].


@pytest.mark.slow
def test_resumed_workers_end_where_uninterrupted_ones_did(trained, run_all):
    folder = trained / "resumed"
    shutil.copytree(trained / "half", folder)
    programs = [
        (TRAIN, folder, trained / "half", trained / f"resumed_{index}.npz", "")
        for index in range(2)
    ]
    run_all(programs, workers=2)
    assert_equal_states(trained / "resumed_0.npz", trained / "resumed_1.npz", rtol=0, atol=0)
    assert_equal_states(trained / "resumed_0.npz", trained / "two_0.npz", rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_two_devices_hold_the_same_state(run_all, tmp_path):
    run_all([(TRAIN_MIRRORED, tmp_path / "run", json.dumps(SETTINGS))], workers=0)
    assert last_rmse(tmp_path / "run") < 0.25 * 0.5


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("worker 1", "Expecting value"),
        ("[]", "list indices"),
        ('{"cluster": {"worker": ["a:1", "b:1"]}}', "no 'task'"),
        ('{"task": {"type": "worker", "index": 0}}', "no 'cluster'"),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}', "index 1"),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "chief", "index": 0}}', "no 'chief'"),
        ('{"cluster": {"worker": ["a"]}, "task": {"type": "worker", "index": 0}}', "HOST:PORT"),
        ('{"cluster": {"ps": ["a:1"]}, "task": {"type": "ps", "index": 0}}', "jobs other than"),
        (tf_config(0, [5, 5]), "twice"),
    ],
)
def test_malformed_tf_config_is_refused_with_the_reason(monkeypatch, text, reason):
    from edge_ik.distribution import read_worker

    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(ConfigError, match="Expected TF_CONFIG to be like") as raised:
        read_worker()
    assert reason in str(raised.value)


def test_first_worker_is_the_chief_unless_there_is_one(monkeypatch):
    from edge_ik.distribution import Worker, read_worker

    monkeypatch.delenv("TF_CONFIG", raising=False)
    assert read_worker() == Worker(0, 1)
    monkeypatch.setenv("TF_CONFIG", tf_config(1, [5, 6]))
    assert read_worker() == Worker(1, 2)
    cluster = {"chief": ["a:1"], "worker": ["b:1", "c:1"]}
    config = {"cluster": cluster, "task": {"type": "worker", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(config))
    assert read_worker() == Worker(1, 3)
    assert not read_worker().is_chief


def test_worker_refuses_the_folder_of_an_earlier_run(monkeypatch, tmp_path):
    from edge_ik.config import make_config
    from edge_ik.training import start

    monkeypatch.setenv("TF_CONFIG", tf_config(1, [5, 6]))
    (tmp_path / "checkpoint.npz").touch()
    with pytest.raises(RunError, match="already exists"):
        start(make_config("nano"), tmp_path)


def test_worker_accepts_the_folder_that_its_chief_has_made(monkeypatch, tmp_path):
    from edge_ik.config import make_config
    from edge_ik.training import start

    monkeypatch.setenv("TF_CONFIG", tf_config(1, [5, 6]))
    (tmp_path / "config.toml").write_text("[arm", encoding="utf-8")
    start(make_config("nano", None, {"data.pool": 1000}), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["config.toml"]
