"""Which folder is a run, told by its files alone."""

import pytest

from edge_ik.lock import LOCK_FILE
from edge_ik.run_folder import (
    CONFIG_FILE,
    GOAL_FILE,
    RUN_FILE,
    check_run_folder,
    is_abandoned,
)
from firmware_host.errors import RunError


def test_a_run_has_a_record_and_a_configuration(tmp_path):
    (tmp_path / RUN_FILE).touch()
    with pytest.raises(RunError, match="is not a run folder"):
        check_run_folder(tmp_path)
    (tmp_path / CONFIG_FILE).touch()
    check_run_folder(tmp_path)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ([], "is not a run folder"),
        (["notes.txt"], "is not a run folder"),
        ([LOCK_FILE, CONFIG_FILE], "ended before its first step. Begin it anew"),
        ([GOAL_FILE], "no trained network yet. Continue it with: edge-ik train --resume"),
    ],
)
def test_what_a_folder_is_instead_is_told(tmp_path, files, words):
    for name in files:
        (tmp_path / name).touch()
    with pytest.raises(RunError, match=words):
        check_run_folder(tmp_path)


def test_a_place_that_is_no_folder_is_told(tmp_path):
    with pytest.raises(RunError, match=r"There is no run folder .*edge-ik train --out"):
        check_run_folder(tmp_path / "nowhere")
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="which is a file"):
        check_run_folder(tmp_path / "file")


def test_what_somebody_put_into_a_folder_is_not_taken_for_a_run_of_ours(tmp_path):
    (tmp_path / CONFIG_FILE).write_text("mine")
    assert not is_abandoned(tmp_path)
    (tmp_path / LOCK_FILE).touch()
    assert is_abandoned(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    assert not is_abandoned(tmp_path)
