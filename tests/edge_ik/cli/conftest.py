"""How the tests of the commands run them."""

import json

import pytest
from click.testing import CliRunner


@pytest.fixture
def run():
    """Function of a command's arguments: what it came to."""
    from edge_ik.cli import main

    return lambda *arguments: CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def printed(run):
    """Function of a command's arguments: the JSON that it prints, and nothing else."""

    def values(*arguments):
        result = run(*arguments, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    return values


@pytest.fixture
def refused(run):
    """Function of a command's arguments: the sentence that it fails with, no traceback."""

    def sentence(*arguments):
        result = run(*arguments)
        assert result.exit_code in (1, 2)
        assert isinstance(result.exception, SystemExit)
        assert "Traceback" not in result.output
        assert "--json" not in arguments or result.stdout == ""
        return result.stderr

    return sentence
