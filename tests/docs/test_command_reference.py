"""The reference of the command line has every command, every option, and words for each."""

import re

import click
import markdown
import pytest

from edge_ik.cli import main


@pytest.fixture
def reference(pages_module):
    return pages_module("command_reference").command_reference


def test_every_option_stands_there_with_its_words_and_its_default(reference):
    missing = []
    page = reference(main, "edge-ik", missing.append)
    assert missing == []
    assert not re.search("Sentinel|UNSET|N/A|None|functools", page)
    sections = dict(part.split("\n", 1) for part in re.split("^###? edge-ik", page, flags=re.M)[1:])
    assert set(sections) == {"", *(f" {name}" for name in main.commands)}
    for name, command in main.commands.items():
        for option in command.params:
            if isinstance(option, click.Option):
                assert f"| `{option.opts[0]}" in sections[f" {name}"]
    assert "| `--port INTEGER RANGE` | Port to bind to; 0 for any that is free. " in page
    assert "`0<=x<=65535` | `8090` |" in page
    assert "| `-h, --help` |" in page


def test_words_of_a_command_do_nothing_in_markdown(reference):
    @click.command(help="A [link](x), a *star* and <b>.")
    @click.option("--a-b", type=click.Choice(["x", "y"]), help="`c|d_e` | f.  [default: a_b]")
    @click.option("--bare")
    def odd():
        pass

    missing = []
    page = markdown.markdown(reference(odd, "odd", missing.append), extensions=["tables"])
    assert "<p>A [link](x), a *star* and &lt;b&gt;.</p>" in page
    cells = ("<code>--a-b [x|y]</code>", "<code>c|d_e</code> | f.", "a_b")
    assert "\n".join(f"<td>{cell}</td>" for cell in cells) in page
    assert missing == ["odd --bare has no help text"]
