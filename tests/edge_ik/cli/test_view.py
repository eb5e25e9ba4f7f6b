"""The viewer from the command line: what it says, and how it ends."""

import os
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest
from click.testing import CliRunner

from edge_ik.cli import main

PROGRAM = "from edge_ik.cli import main; main()"


@pytest.fixture
def viewer(source_root):
    """Start the command, and give the process with its first line."""
    started = []

    def begin(*words):
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "view", *words],
            cwd=source_root,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process, process.stdout.readline()

    yield begin
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_where_it_is_and_ends_when_asked(viewer, number):
    process, line = viewer("leg3", "--port", "0")
    assert line.startswith("leg3 is shown at http://localhost:")
    address = line.split()[4].rstrip(".")
    with urllib.request.urlopen(address, timeout=20) as answer:
        assert answer.status == 200
    os.kill(process.pid, number)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "", "")


def test_another_address_is_warned_of(viewer):
    process, line = viewer("leg3", "--port", "0", "--host", "0.0.0.0")
    assert "http://0.0.0.0:" in line
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert "no password" in err
    assert process.returncode == 0


def test_a_port_in_use_is_told(viewer):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        process, line = viewer("leg3", "--port", str(other.getsockname()[1]))
        _, err = process.communicate(timeout=60)
    assert (process.returncode, line) == (1, "")
    assert "--port" in err
    assert "Traceback" not in err


def test_a_urdf_beside_a_robot_is_refused(source_root):
    urdf = source_root / "edge_ik" / "arms" / "so101.urdf"
    result = CliRunner().invoke(main, ["view", "arm3", "--urdf", str(urdf)])
    assert result.exit_code == 2
    assert "--urdf is for a model or a run; a robot's meshes are those of" in result.output
