"""What the pages and the README tell people to type works."""

import re
import shlex
from pathlib import Path

import click
import pytest

from edge_ik.arms.builtin import builtin_arms
from edge_ik.cli import main

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
PICTURE = re.compile(r"!\[[^]]*\]\((?!https?:)([^)\s]+)\)")
FENCE = re.compile(r"^( *)```([^\n]*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


def blocks(page, languages):
    text = page.read_text(encoding="utf-8")
    return [code for _, language, code in FENCE.findall(text) if language.strip() in languages]


def python_blocks(page):
    return [code for code in blocks(page, {"python"}) if "runs/" not in code]


def commands(page):
    """Command lines of edge-ik in the blocks and the text of a page."""
    lines = [line for code in blocks(page, {"", "bash", "sh"}) for line in code.splitlines()]
    return [
        re.split(r" [#>]", line)[0].strip() for line in lines if line.strip().startswith("edge-ik ")
    ]


def test_pages_are_found():
    assert len(PAGES) > 10
    assert sum(len(python_blocks(page)) for page in PAGES) >= 5
    assert sum(len(commands(page)) for page in PAGES) >= 30


def test_the_pictures_of_a_page_are_in_the_repository():
    pictures = [(page, name) for page in PAGES for name in PICTURE.findall(page.read_text("utf-8"))]
    assert len(pictures) >= 2
    missing = [(page.name, name) for page, name in pictures if not (page.parent / name).is_file()]
    assert missing == []


@pytest.mark.parametrize(
    "page", [page for page in PAGES if python_blocks(page)], ids=lambda page: page.stem
)
def test_the_python_of_a_page_runs(page, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    names = {"__name__": "page"}
    for code in python_blocks(page):
        exec(compile(code, str(page), "exec"), names)
    assert capsys.readouterr().out.strip()


def context(line):
    """The command of a line with its options read, as far as no file must be there."""
    words = shlex.split(line)[1:]
    # A command keeps the names of its help option, of the first context that it is read in.
    group = click.Context(main, info_name="edge-ik", **main.context_settings)
    name, command, rest = main.resolve_command(group, words)
    return command.make_context(name, list(rest), parent=group, resilient_parsing=False)


@pytest.mark.parametrize(
    "page", [page for page in PAGES if commands(page)], ids=lambda page: page.stem
)
def test_the_commands_of_a_page_exist_with_their_options(page, monkeypatch):
    monkeypatch.chdir(ROOT)
    for line in commands(page):
        try:
            context(line)
        except click.exceptions.Exit:
            pass  # --help and --version end a command.
        except click.UsageError as error:
            pytest.fail(f"{page.name}: {line}: {error.format_message()}")


def test_every_robot_of_the_gallery_has_a_report_or_says_how_to_make_one(pages_module, monkeypatch):
    monkeypatch.chdir(ROOT)
    page = pages_module("tables").robot_gallery(ROOT)
    sections = re.split(r"^## ", page, flags=re.MULTILINE)[1:]
    assert len(sections) == len(builtin_arms())
    for section in sections:
        name = section.split("\n", 1)[0]
        lines = [line for line in section.splitlines() if line.startswith("edge-ik ")]
        assert (f"](reports/{name}.html)" in section) != bool(lines)
        for line in lines:
            assert name in line
            context(line)
