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
from edge_ik import preparation, training
from edge_ik.checkpoint import Checkpoint
from edge_ik.config import make_config

folder, half, dump, settings = sys.argv[1:]

def report(progress):
    if progress.row is not None and not Path(half).exists():
        shutil.copytree(folder, half)

if settings:
    run, source = preparation.start(make_config("micro", None, json.loads(settings)), Path(folder))
else:
    run, source = preparation.resume(Path(folder))
dumped = Checkpoint(Path(dump), training.train(run, source, report))
dumped.save(dumped.snapshot([]))
"""

TRAIN_MIRRORED = """
import json, sys
from pathlib import Path
import numpy as np
import tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

from edge_ik import preparation, training
from edge_ik.config import make_config

config = make_config("micro", None, json.loads(sys.argv[2]))
run, source = preparation.start(config, Path(sys.argv[1]))
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
