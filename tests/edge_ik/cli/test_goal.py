"""Options of trainings that have a goal, and of searches: what is refused, and how."""

import importlib.util

import pytest

pytest.importorskip("tensorflow")

from edge_ik.cli.search import _bytes
from firmware_host.installed import install_command

pytestmark = pytest.mark.tensorflow


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--minutes", "3"), "--minutes can be given with --goal alone"),
        (("--goal", "1.5"), "1.5 is not in the range"),
        (("--goal", "0"), "0.0 is not in the range"),
        (("--goal", "0.9", "--minutes", "0"), "0.0 is not in the range"),
        (("--goal", "0.9", "--arm", "nobody"), "nobody"),
    ],
)
def test_a_mistake_is_told_and_nothing_is_written(refused, tmp_path, options, words):
    folder = tmp_path / "run"
    assert words in refused("train", "--out", folder, "--json", *options)
    assert not folder.exists()


def test_a_goal_is_not_for_going_on(refused, tiny_folder):
    assert "takes no other option" in refused("train", "--resume", tiny_folder, "--goal", "0.9")


def test_more_minutes_are_for_a_training_with_a_goal(refused, tiny_folder):
    message = refused("train", "--resume", tiny_folder, "--minutes", "3")
    assert "--goal alone" in message


def test_several_workers_have_no_goal(refused, tmp_path, monkeypatch):
    monkeypatch.setenv(
        "TF_CONFIG",
        '{"cluster": {"worker": ["localhost:5", "localhost:6"]}, '
        '"task": {"type": "worker", "index": 0}}',
    )
    message = refused("train", "--goal", "0.9", "--out", tmp_path / "run")
    assert "--goal is for one process" in message


@pytest.mark.slow
def test_a_goal_from_the_command_to_the_verdict(printed, run, tmp_path, tiny_values):
    values = {**tiny_values, "training.epochs": 2}
    assigned = [f"--set={key}={value}" for key, value in values.items()]
    options = ["--branches", "home", "--preset", "nano", *assigned]
    found = printed("train", "--goal", "0.01", *options, "--out", tmp_path / "met")
    assert found["met"]
    assert found["rounds"][0]["measured"]["targets"] == 20_000
    missed = run("train", "--goal", "1", *options, "--out", tmp_path / "missed")
    assert missed.exit_code == 3
    assert "Goal of 100% missed by" in missed.stdout
    assert "Not solved: " in missed.stdout
    assert f"edge-ik export {tmp_path / 'missed'}" in missed.stdout


class TestSearch:
    @pytest.mark.parametrize(
        ("text", "size"), [("16384", 16384), ("16K", 16384), ("16 kb", 16384), ("1MiB", 1048576)]
    )
    def test_sizes_in_bytes(self, text, size):
        assert _bytes(None, None, text) == size

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ((), "Missing option '--goal'"),
            (("--goal", "0.9", "--flash", "many"), "expected a size"),
            (("--goal", "0.9", "--flash", "0"), "expected a size"),
            (("--goal", "0.9", "--instructions", "0"), "0 is not in the range"),
        ],
    )
    def test_a_mistake_is_told_and_nothing_is_written(self, refused, tmp_path, options, words):
        folder = tmp_path / "search"
        assert words in refused("search", "--out", folder, *options)
        assert not folder.exists()

    @pytest.mark.skipif(importlib.util.find_spec("optuna") is None, reason="needs optuna")
    def test_an_unknown_core_is_told(self, refused, tmp_path):
        options = ("--goal", "0.9", "--core", "z80", "--out", tmp_path / "search")
        assert "Unknown core" in refused("search", *options)

    def test_a_missing_optuna_is_told_by_its_extra(self, refused, tmp_path, monkeypatch):
        monkeypatch.setitem(__import__("sys").modules, "optuna", None)
        message = refused("search", "--goal", "0.9", "--out", tmp_path / "search")
        assert install_command("search") in message
