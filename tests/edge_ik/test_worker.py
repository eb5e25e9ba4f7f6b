"""This process among several: what TF_CONFIG says, or why it says nothing."""

import json

import pytest

from edge_ik.worker import Worker, read_worker
from firmware_host.errors import ConfigError


def tf_config(index, ports):
    return json.dumps(
        {
            "cluster": {"worker": [f"localhost:{port}" for port in ports]},
            "task": {"type": "worker", "index": index},
        }
    )


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
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(ConfigError, match="Expected TF_CONFIG to be like") as raised:
        read_worker()
    assert reason in str(raised.value)


def test_first_worker_is_the_chief_unless_there_is_one(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    assert read_worker() == Worker(0, 1)
    monkeypatch.setenv("TF_CONFIG", tf_config(1, [5, 6]))
    assert read_worker() == Worker(1, 2)
    cluster = {"chief": ["a:1"], "worker": ["b:1", "c:1"]}
    config = {"cluster": cluster, "task": {"type": "worker", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(config))
    assert read_worker() == Worker(1, 3)
    assert not read_worker().is_chief
