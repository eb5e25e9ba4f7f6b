"""The command that lists robots."""

import sys

import pytest

pytest.importorskip("scipy")
pytest.importorskip("yourdfpy")


@pytest.fixture(autouse=True)
def without_tensorflow(monkeypatch):
    for name in ("tensorflow", "keras"):
        monkeypatch.setitem(sys.modules, name, None)


def test_for_programs(printed):
    robots = printed("arms")
    assert {"arm3", "leg3", "a1_leg", "so101", "ur5", "panda"} <= set(robots)
    arm3 = robots["arm3"]
    assert arm3["reach_m"] == pytest.approx(0.5)
    assert len(arm3["home"]) == len(arm3["robot"]["joints"]) == 3
    assert arm3["description"]


def test_for_people(run):
    result = run("arms")
    assert result.exit_code == 0
    for word in ("arm3", "panda", "yaw, shoulder, elbow", "0.500"):
        assert word in result.stdout


def test_the_aspects_of_an_arm_are_printed(run, printed):
    values = printed("arms", "--aspects", "leg3")
    assert [row["number"] for row in values["aspects"]] == [0, 1, 2]
    assert values["mean_aspects"] == pytest.approx(sum(row["targets"] for row in values["aspects"]))
    result = run("arms", "--aspects", "panda")
    assert result.exit_code == 1
    assert "joints to spare" in result.output
