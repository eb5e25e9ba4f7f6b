"""load_arm: names, files, and what the user is told."""

import logging
import os

import numpy as np
import pytest

from edge_ik.arms import arm_names, load_arm, select_arm, sources
from edge_ik.arms.servo_toml import read_servos_file
from firmware_host.errors import RobotError


def test_a_path_may_be_text_or_a_path(write_urdf):
    path = write_urdf(("j", "a", "b"))
    assert load_arm(path).joint_names == load_arm(str(path)).joint_names == ("j",)


def test_a_builtin_name_wins_over_a_file(tmp_path, monkeypatch):
    (tmp_path / "arm3").write_text("not a robot")
    monkeypatch.chdir(tmp_path)
    assert load_arm("arm3").name == "arm3"
    with pytest.raises(RobotError, match=r"neither XML .* nor a robot TOML"):
        load_arm("./arm3")


def test_base_and_tip_select_a_part_of_a_builtin():
    whole, part = load_arm("ur5"), load_arm("ur5", base="forearm_link", tip="wrist_3_link")
    assert part.joint_names == whole.joint_names[3:]
    assert (part.base, part.tip) == ("forearm_link", "wrist_3_link")
    np.testing.assert_array_equal(part.tool, np.eye(4))


def test_the_selection_is_told(caplog):
    with caplog.at_level(logging.INFO, logger="edge_ik.arms.load"):
        load_arm("leg3")
    assert caplog.messages == ["Robot 'leg3': 3 moving joints from link 'base' to 'foot'."]
    assert select_arm("leg3").notes == tuple(caplog.messages)


def test_a_missing_file_lists_the_builtin_robots(tmp_path):
    for missing in ("arm4", str(tmp_path / "none.urdf")):
        with pytest.raises(RobotError) as caught:
            load_arm(missing)
        assert f"no file '{missing}'" in str(caught.value)
        assert ", ".join(arm_names()) in str(caught.value)
        assert caught.value.element == missing


def test_a_folder_is_not_a_file(tmp_path):
    with pytest.raises(RobotError, match="is not a file"):
        load_arm(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.urdf")
    with pytest.raises(RobotError, match="is not a file"):
        load_arm(tmp_path / "pipe.urdf")


@pytest.mark.parametrize("data", [b"", b" \n\t"])
def test_an_empty_file(write_urdf, data):
    with pytest.raises(RobotError, match=r"is empty\. Expected a file"):
        load_arm(write_urdf(data))


@pytest.mark.parametrize("path", ["nul\0byte", "x" * 5000, ""])
def test_paths_that_no_file_can_have(path):
    with pytest.raises(RobotError, match="Expected a file \\(URDF"):
        load_arm(path)


@pytest.mark.parametrize("path", [None, 7, b"arm3", ["arm3"]], ids=repr)
def test_what_is_no_path_is_told(path):
    with pytest.raises(RobotError, match="Expected the path of a robot, or its name, as text"):
        load_arm(path)
    with pytest.raises(RobotError, match="Expected the path of a servo file as text"):
        read_servos_file(path)


@pytest.mark.parametrize("link", [["tool"], 7, {}, b"tool"], ids=repr)
def test_what_is_no_name_of_a_link_is_told(link):
    with pytest.raises(RobotError, match="Expected the name of a link for tip"):
        load_arm("arm3", tip=link)
    with pytest.raises(RobotError, match="Expected the name of a link for base"):
        load_arm("arm3", base=link)


def test_an_unreadable_file(write_urdf, monkeypatch):
    path = write_urdf(("j", "a", "b"))

    def refuse(*_args, **_kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refuse)
    with pytest.raises(RobotError, match=r"cannot be read: .*Permission denied"):
        load_arm(path)


def test_a_file_that_is_too_large_is_not_parsed(write_urdf, monkeypatch):
    monkeypatch.setattr(sources, "MAX_BYTES", 1000)
    with pytest.raises(RobotError, match=r"too large\. Expected at most 1,000 bytes"):
        load_arm(write_urdf(b" " * 1001))
