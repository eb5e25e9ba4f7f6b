"""`edge-ik doctor`, the other door to the command line, and shell completion."""

import json
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from edge_ik import __version__
from edge_ik.cli import main
from edge_ik_tools.doctor import examine as look
from edge_ik_tools.doctor.finding import Finding


@pytest.fixture
def findings(monkeypatch):
    """A machine with a compiler, and without TensorFlow."""
    works = Finding("C compiler", "firmware", True, "/usr/bin/cc: [cc] 12")
    lacks = Finding("edge-ik[train]", "training", False, "no tensorflow", "pip install '.[train]'")
    monkeypatch.setattr(look, "find_packages", lambda: [lacks])
    monkeypatch.setattr(look, "find_commands", lambda: [works])
    monkeypatch.setattr(look, "find_gpus", lambda: Finding("GPU", "training", False, "none"))
    monkeypatch.setattr(look, "find_runtimes", lambda: [Finding("litert", "solve", True, "2.3")])


def run(*arguments):
    result = CliRunner().invoke(main, ["doctor", *arguments])
    assert result.exit_code == 0, result.output
    return result


def test_people_are_told_what_works_and_what_to_install(findings):
    said = run().output
    assert __version__ in said
    assert "/usr/bin/cc: [cc] 12" in said
    assert "Where no runtime is asked for, " in said
    assert said.rstrip().endswith("edge-ik[train]: pip install '.[train]'")


def test_programs_are_told_the_same(findings):
    found = json.loads(run("--json").stdout)
    assert set(found) == {"machine", "packages", "runtimes", "commands", "default"}
    assert found["packages"][0]["advice"] == "pip install '.[train]'"
    assert found["runtimes"] == [
        {"name": "litert", "purpose": "solve", "works": True, "found": "2.3", "advice": ""}
    ]


def test_a_module_is_the_command():
    command = [sys.executable, "-m", "edge_ik", "--version"]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ended.stdout.split()[-1] == __version__


def test_a_shell_is_told_how_words_go_on():
    values = {"_EDGE_IK_COMPLETE": "bash_complete", "COMP_WORDS": "edge-ik do", "COMP_CWORD": "1"}
    ended = subprocess.run(
        [sys.executable, "-c", "from edge_ik.cli import main; main(prog_name='edge-ik')"],
        env=os.environ | values,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout == "plain,doctor\n"
