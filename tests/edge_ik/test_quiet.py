"""What native libraries write is held back while all is well, and shown when it is not."""

import subprocess
import sys

import pytest

# Ways to write to standard error that no logger sees.
WRITERS = {
    "Python": "print('noise', file=sys.stderr)",
    "native": "os.write(2, b'noise\\n')",
    "a child process": "subprocess.run(['/bin/sh', '-c', 'echo noise >&2'], check=True)",
}
SCRIPT = """
import os, subprocess, sys
from edge_ik.quiet import quiet_native_log
print("before", file=sys.stderr)
try:
    with quiet_native_log():
        {writer}
        {ending}
except ZeroDivisionError:
    print("caught", file=sys.stderr)
os.write(2, b"after\\n")
print("after too", file=sys.stderr)
"""


def stderr_of(script):
    result = subprocess.run(
        [sys.executable, "-P", "-c", script], capture_output=True, text=True, check=False
    )
    return result.stderr.splitlines(), result.returncode


@pytest.mark.parametrize("writer", WRITERS.values(), ids=WRITERS)
def test_it_is_held_back_on_success(writer):
    script = SCRIPT.format(writer=writer, ending="pass")
    assert stderr_of(script) == (["before", "after", "after too"], 0)


@pytest.mark.parametrize("writer", WRITERS.values(), ids=WRITERS)
def test_it_is_shown_on_failure(writer):
    script = SCRIPT.format(writer=writer, ending="1 / 0")
    assert stderr_of(script) == (["before", "noise", "caught", "after", "after too"], 0)


def test_a_sentence_for_people_stands_alone():
    ending = "from firmware_host.errors import RunError; raise RunError('no run')"
    script = SCRIPT.format(writer=WRITERS["native"], ending=ending)
    lines, _ = stderr_of(script.replace("ZeroDivisionError", "Exception"))
    assert lines == ["before", "caught", "after", "after too"]


def test_all_of_it_is_shown_however_much():
    writer = "[os.write(2, b'%06d ' % k * 100 + b'\\n') for k in range(2000)]"
    lines, _ = stderr_of(SCRIPT.format(writer=writer, ending="1 / 0"))
    assert lines[1:-3] == [f"{k:06d} " * 100 for k in range(2000)]


def test_an_interruption_is_no_failure_and_shows_nothing():
    script = SCRIPT.format(writer=WRITERS["native"], ending="raise KeyboardInterrupt")
    lines, code = stderr_of(script)
    assert lines[0] == "before"
    assert "noise" not in lines
    assert code != 0


def test_a_sudden_end_of_the_block_is_no_failure():
    """Leaving by `return` or `continue` is success."""
    script = """
import os
from edge_ik.quiet import quiet_native_log
def leave():
    with quiet_native_log():
        os.write(2, b"noise")
        return
leave()
os.write(2, b"after")
"""
    assert stderr_of(script) == (["after"], 0)


def test_one_inside_another_ends_with_the_outer():
    script = """
import os
from edge_ik.quiet import quiet_native_log
with quiet_native_log():
    with quiet_native_log():
        os.write(2, b"inner")
    os.write(2, b"outer")
os.write(2, b"after")
"""
    assert stderr_of(script) == (["after"], 0)


def test_standard_output_is_left_alone():
    script = """
import os
from edge_ik.quiet import quiet_native_log
with quiet_native_log():
    print("a result", flush=True)
"""
    result = subprocess.run(
        [sys.executable, "-P", "-c", script], capture_output=True, text=True, check=True
    )
    assert (result.stdout, result.stderr) == ("a result\n", "")


def test_no_file_is_left_open():
    script = """
import os, sys
from edge_ik.quiet import quiet_native_log
for _ in range(100):
    with quiet_native_log():
        pass
free = os.open(os.devnull, os.O_RDONLY)
sys.exit(free)
"""
    assert stderr_of(script)[1] < 20


def test_without_a_standard_error_the_block_runs():
    script = (
        "from edge_ik.quiet import quiet_native_log\nwith quiet_native_log():\n    print('ran')"
    )
    command = ["/bin/sh", "-c", 'exec "$0" -P -c "$1" 2>&-', sys.executable, script]
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    assert (result.stdout, result.returncode) == ("ran\n", 0)


def test_without_room_for_temporary_files_nothing_is_held_back():
    script = (
        "import os, tempfile; from edge_ik.quiet import quiet_native_log\n"
        "tempfile.tempdir = '/nowhere'\n"
        "with quiet_native_log():\n"
        "    os.write(2, b'noise\\n')\n"
    )
    assert stderr_of(script) == (["noise"], 0)
