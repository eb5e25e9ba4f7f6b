"""One training at a time works in a folder, and one that was killed bars nobody."""

import errno
import os
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from edge_ik import lock
from edge_ik.lock import LOCK_FILE, check_unlocked, locked
from firmware_host.errors import RunError, WriteError

HOLDER = """
import sys
from pathlib import Path
from edge_ik.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """A process that works in the folder."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_folder_is_kept_while_the_block_runs_and_nothing_is_left(tmp_path):
    with locked(tmp_path):
        assert (tmp_path / LOCK_FILE).read_text() == f"{os.getpid()} {socket.gethostname()}\n"
        with pytest.raises(RunError, match=rf"in use by another training: process {os.getpid()}\."):
            check_unlocked(tmp_path)
    check_unlocked(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_process_that_works_there_is_told(tmp_path, holder):
    with pytest.raises(RunError) as caught:
        check_unlocked(tmp_path)
    assert str(caught.value) == (
        f"'{tmp_path}' is in use by another training: process {holder.pid}. Wait for its end, or "
        "end it; then run the command again."
    )
    assert (tmp_path / LOCK_FILE).exists()


def test_one_on_another_machine_is_told_with_it(tmp_path, holder):
    (tmp_path / LOCK_FILE).write_text("77 else.where\n")
    with pytest.raises(RunError, match=r"process 77 on else\.where\."):
        check_unlocked(tmp_path)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_one_that_was_killed_bars_nobody(tmp_path, holder, number):
    holder.send_signal(number)
    holder.wait()
    assert (tmp_path / LOCK_FILE).exists()
    check_unlocked(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_of_many_one_at_a_time_gets_in(tmp_path):
    inside, most, entered, guard = 0, 0, 0, threading.Lock()

    def enter(_):
        nonlocal inside, most, entered
        with suppress(RunError), locked(tmp_path):
            with guard:
                inside += 1
                entered += 1
                most = max(most, inside)
            with guard:
                inside -= 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(enter, range(2000)))
    assert most == 1
    assert entered > 8
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_without_locks_has_none(tmp_path, monkeypatch):
    def refuse(_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(lock, "_lock", refuse)
    with locked(tmp_path), locked(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_to_is_told(tmp_path, read_only):
    with read_only(tmp_path), pytest.raises(WriteError, match="Make that place writable"):
        check_unlocked(tmp_path)
    with pytest.raises(WriteError, match="No such file or directory"):
        check_unlocked(tmp_path / "nowhere")


def test_an_error_of_the_block_is_its_own(tmp_path):
    with pytest.raises(OSError, match="mine") as caught, locked(tmp_path):
        raise OSError("mine")
    assert not isinstance(caught.value, WriteError)
    assert list(tmp_path.iterdir()) == []
