"""The program as a whole: its help, its version, and mistakes without tracebacks."""

import subprocess
import sys

import pytest

from edge_ik import __version__
from edge_ik.cli import main


@pytest.mark.parametrize("name", sorted(main.commands))
def test_every_command_says_what_it_does(run, name):
    for flag in ("--help", "-h"):
        result = run(name, flag)
        assert result.exit_code == 0
        assert result.stdout.startswith(f"Usage: main {name}")
        assert main.commands[name].help.splitlines()[0].split()[0] in result.stdout


def test_the_program_lists_its_commands(run):
    result = run("--help")
    assert result.exit_code == 0
    assert all(name in result.stdout for name in main.commands)


def test_the_version_is_the_package_s(run):
    assert run("--version").stdout.strip() == f"edge-ik, version {__version__}"


def test_an_unknown_command_is_told(refused):
    assert "No such command 'dance'" in refused("dance")


@pytest.mark.slow
def test_a_mistake_in_a_process_of_its_own_is_one_line(tmp_path):
    command = [sys.executable, "-c", "from edge_ik.cli import main; main()"]
    arguments = ["evaluate", str(tmp_path / "nowhere")]
    result = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stdout == ""
    assert len(result.stderr.strip().splitlines()) == 1
    assert result.stderr.startswith("Error: Expected a run folder")
