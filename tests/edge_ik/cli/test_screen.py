"""What commands print of text from anywhere: it is shown, and acts on nothing."""

import io
import json
import zipfile

import pytest
from rich.table import Table

from edge_ik.cli.common import bold
from edge_ik.terminal.screen import Screen
from firmware_host.model_file import MEMBER, joined, read_model

MARKUP = "[/foo] [bold]x :smile:"
HOSTILE = ["\x1b[2J\x07", "\x9b31m", "\u202e", "\ud800", "\r", "\0"]


@pytest.fixture
def printed_by(monkeypatch):
    """Function of what is printed: the text that comes to the terminal."""

    def printed(what):
        screen = Screen()
        screen.file = io.StringIO()
        screen.print(what)
        return screen.file.getvalue()

    return printed


def table(text):
    found = Table(title=text)
    found.add_column(text)
    found.add_row(text)
    return found


@pytest.mark.parametrize("kind", [str, bold, table])
def test_markup_is_text(kind, printed_by):
    assert MARKUP in printed_by(kind(MARKUP))


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("kind", [str, bold, table])
def test_control_characters_are_shown(kind, text, printed_by):
    found = printed_by(kind(f"a{text}b"))
    assert found.replace("\n", "").isprintable()
    assert "\\" in found


@pytest.mark.parametrize("columns", ["0", "1"])
def test_what_a_terminal_says_of_its_width_takes_nothing_away(
    columns, run, planar_model, monkeypatch
):
    monkeypatch.setenv("COLUMNS", columns)
    result = run("solve", planar_model, "--target", 0.2, 0.1, 0)
    assert result.exit_code == 0, result.output
    for words in ("inner", " rad ", " deg ", "microseconds (litert"):
        assert words in result.stdout


@pytest.fixture
def with_record(planar_model, tmp_path):
    """Function of a change of a model's record: a file with it."""

    def changed(**values):
        path = tmp_path / "model.tflite"
        with zipfile.ZipFile(planar_model) as archive:
            record = json.loads(archive.read(MEMBER))
        content = json.dumps(record | values).encode()
        path.write_bytes(joined(read_model(planar_model)[0], content))
        return path

    return changed


@pytest.mark.parametrize("text", [MARKUP, *HOSTILE])
def test_provenance_is_shown_as_it_is(text, run, with_record):
    result = run("inspect", with_record(provenance={"by": text, text: 1, "metrics": {text: text}}))
    assert result.exit_code == 0, result.output
    assert result.output.replace("\n", "").isprintable()
    if text == MARKUP:
        assert text in result.stdout


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_name_is_refused_in_a_sentence(text, run, planar_model, with_record):
    robot = read_model(planar_model)[1]["robot"]
    result = run("inspect", with_record(robot={**robot, "name": f"a{text}b"}))
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.strip().isprintable()
    assert "has no usable name" in result.stderr


@pytest.mark.parametrize("text", [MARKUP, "$x^$", "../../elsewhere", "??/ ]] */", "'; rm -rf x"])
def test_a_robot_with_any_printable_name_is_shown(text, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = text.replace("'", "&apos;")
    (tmp_path / "robot.urdf").write_text(
        f"""<robot name='{name}'><link name='{name} 0'/><link name='{name} 1'/>
        <joint name='{name} j' type='continuous'><parent link='{name} 0'/><child link='{name} 1'/>
        <origin xyz='0.1 0 0.2'/><axis xyz='0 0 1'/></joint>
        <link name='{name} 2'/><joint name='{name} k' type='continuous'>
        <parent link='{name} 1'/><child link='{name} 2'/><origin xyz='0.3 0 0'/>
        <axis xyz='0 0 1'/></joint>
        <link name='tip'/><joint name='f' type='fixed'>
        <parent link='{name} 2'/><child link='tip'/><origin xyz='0.3 0 0'/></joint></robot>"""
    )
    result = run("arms", "robot.urdf")
    assert result.exit_code == 0, result.output
    assert text in result.stdout
    again = run("arms", "robot.urdf", "--urdf", "--out", "again.urdf")
    assert again.exit_code == 0, again.output
    assert text in run("arms", "again.urdf").stdout
    drawn = run("arms", "robot.urdf", "--plot")
    assert drawn.exit_code == 0, drawn.output
    assert len(list(tmp_path.glob("*.png"))) == 1
