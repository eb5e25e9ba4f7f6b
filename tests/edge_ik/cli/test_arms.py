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
    for word in ("arm3", "panda", "shoulder,", "0.500"):
        assert word in result.stdout


def test_each_robot_has_the_tasks_that_its_joints_suffice_for(run, printed):
    robots = printed("arms")
    assert set(robots["arm3"]["tasks"]) == {"position", "planar", "planar_pose"}
    assert robots["leg2"]["tasks"] == ["planar"]
    assert {"position", "axis"} <= set(robots["so101"]["tasks"])
    assert "pose" not in robots["so101"]["tasks"]
    assert {"position", "axis", "pose"} <= set(robots["panda"]["tasks"])
    assert robots["openmanipulator_x"]["task"] == "pitch"
    # Its tool stays in the vertical plane of the first joint.
    assert {"axis", "yaw"}.isdisjoint(robots["openmanipulator_x"]["tasks"])
    assert "position from 3 joints on" in run("arms").stdout
