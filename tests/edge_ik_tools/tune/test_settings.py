"""What a search looks for, kept in its folder."""

import json
from dataclasses import replace

import pytest

pytest.importorskip("scipy")

from edge_ik.config import make_config
from edge_ik_tools.tune.settings import SEARCH_FILE, SearchSettings, SearchState
from firmware_host.errors import RunError

SETTINGS = SearchSettings(make_config(), 0.999, "cortex-m4", most_flash=16384)


def kept(folder):
    folder.mkdir(exist_ok=True)
    state = SearchState(folder, SETTINGS, 12.5)
    state.save()
    return state


def test_a_new_folder_begins_a_search(tmp_path):
    assert SearchState.open(tmp_path / "new", SETTINGS).spent == 0


def test_a_search_for_the_same_goes_on(tmp_path):
    assert SearchState.open(tmp_path, kept(tmp_path).settings) == kept(tmp_path)


def test_the_record_is_plain_json(tmp_path):
    kept(tmp_path)
    text = (tmp_path / SEARCH_FILE).read_text()
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"goal": 0.99}, "goal is 0.999 there, and 0.99 is asked for"),
        ({"most_flash": None}, "most_flash is 16384 there"),
        ({"config": make_config(overrides={"arm.source": "leg3"})}, "config.arm.source is arm3"),
    ],
)
def test_one_for_something_else_is_refused(tmp_path, changes, words):
    kept(tmp_path)
    with pytest.raises(RunError, match="holds a search for something else") as found:
        SearchState.open(tmp_path, replace(SETTINGS, **changes))
    assert words in str(found.value)


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="holds no search"):
        SearchState.open(tmp_path, SETTINGS)


def test_a_damaged_record_is_told(tmp_path):
    (tmp_path / SEARCH_FILE).write_text("{}")
    with pytest.raises(RunError, match="cannot be read"):
        SearchState.open(tmp_path, SETTINGS)


def test_limits_that_are_not_given_are_infinite():
    assert SETTINGS.limits == (float("inf"), 16384)
    assert SETTINGS.allowed == pytest.approx(1e-3)
