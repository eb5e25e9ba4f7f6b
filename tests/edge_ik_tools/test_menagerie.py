"""The script that loads robots by the folder."""

import json

import pytest
from click.testing import CliRunner

from edge_ik_tools.menagerie import Entry, main, summary

URDF = """<robot name="r"><link name="a"/><link name="b"/><joint name="j" type="{}"><parent
link="a"/><child link="b"/><limit lower="0" upper="1"/></joint></robot>"""
MJCF = '<mujoco><worldbody><body name="a"><joint name="j"/></body></worldbody></mujoco>'


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "deep").mkdir()
    files = {
        "slide.urdf": URDF.format("prismatic"),
        "deep/turn.urdf": URDF.format("revolute"),
        "deep/ball.urdf": URDF.format("ball"),
        "package.xml": "<package><name>p</name></package>",
        "settings.toml": "x = 1",
        "arm.toml": '[[joints]]\naxis = "z"\nlimits = [0, 1]',
        "mesh.stl": "solid",
        "broken.urdf": "<robot",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_a_row_for_each_robot(folder):
    result = CliRunner().invoke(main, [str(folder)])
    assert result.exit_code == 0, result.output
    *rows, last = result.stdout.splitlines()
    assert len(rows) == 5
    text = "\n".join(rows)
    assert "1 prismatic: a to b (1 chain)" in text
    assert "deep/ball.urdf" in text
    assert "REFUSED  Robot 'r' has no revolute" in text
    assert last.startswith("3 of 5 robots loaded (2 with revolute, 1 with prismatic); 3 chains, 0")


def test_mjcf_too(tmp_path):
    pytest.importorskip("mujoco")
    (tmp_path / "arm.xml").write_text(MJCF)
    result = CliRunner().invoke(main, [str(tmp_path), "--json"])
    (entry,) = json.loads(result.stdout)
    assert (entry["format"], entry["kinds"]) == ("MJCF", {"continuous": 1})


def test_an_empty_folder(tmp_path):
    assert summary([]).startswith("0 of 0 robots loaded (none)")
    assert CliRunner().invoke(main, [str(tmp_path)]).exit_code == 0
    assert summary([Entry("a", why="no")]).startswith("0 of 1")
