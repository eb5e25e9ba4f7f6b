"""The command that trains: what it prints, and what it refuses."""

import re

import pytest

pytest.importorskip("tensorflow")

from edge_ik.run import CHECKPOINT_FILE

pytestmark = pytest.mark.tensorflow


def test_a_tiny_training(printed, tmp_path):
    config = tmp_path / "tiny.toml"
    config.write_text("[data]\npool = 2000\n[training]\nvalidation_targets = 200\nepochs = 7\n")
    folder = tmp_path / "run"
    values = printed(
        *("train", "--preset", "nano", "--config", config, "--out", folder, "--epochs", 1),
        *("--width", 4, "--no-hard-mining", "--loss-weights", "fixed", "--no-curriculum"),
        *("--batch-size", 32, "--set", "training.steps_per_epoch=20", "--rng-seed", 3),
    )
    assert values["run"] == str(folder)
    assert [row["step"] for row in values["history"]] == [20]
    resolved = values["config"]
    assert resolved["training"]["epochs"] == 1
    assert resolved["training"]["validation_targets"] == 200
    assert resolved["training"]["rng_seed"] == 3
    assert resolved["network"]["width"] == 4
    assert resolved["mining"]["enabled"] is False
    assert resolved["loss"]["balance"] is False
    assert resolved["data"]["curriculum"] == 0.0
    assert resolved["data"]["pool"] == 2000


def test_resuming_a_finished_run_says_so_to_people(run, tiny_folder):
    result = run("train", "--resume", tiny_folder)
    assert result.exit_code == 0, result.output
    assert re.search(r"arm3: joints yaw, shoulder, elbow; reach 0\.500 m", result.stdout)
    assert "% of joint space" in result.stdout
    assert f"edge-ik evaluate {tiny_folder}" in result.stdout


@pytest.mark.parametrize(
    "option",
    [
        ("--arm", "leg3"),
        ("--preset", "nano"),
        ("--epochs", "3"),
        ("--out", "elsewhere"),
        ("--set", "network.width=3"),
        ("--no-gate",),
        ("--rng-seed", "0"),
    ],
)
def test_resume_takes_no_other_option(refused, tiny_folder, option):
    message = refused("train", "--resume", tiny_folder, *option)
    assert "--resume takes no other option" in message


def test_a_folder_in_use_is_refused(refused, tiny_folder):
    before = (tiny_folder / CHECKPOINT_FILE).read_bytes()
    message = refused("train", "--preset", "nano", "--out", tiny_folder)
    assert f"edge-ik train --resume {tiny_folder}" in message
    assert (tiny_folder / CHECKPOINT_FILE).read_bytes() == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--preset", "huge"), "Unknown preset 'huge'"),
        (("--width", "0"), "'network.width'"),
        (("--width", "x"), "'x' is not a valid integer"),
        (("--set", "network.depth=3"), "'network.depth'"),
        (("--set", "width=3"), "TABLE.KEY=VALUE"),
        (("--set", "network.width"), "TABLE.KEY=VALUE"),
        (("--config", "nowhere.toml"), "nowhere.toml"),
        (("--arm", "nobody"), "nobody"),
        (("--arm", "so101", "--task", "pose"), "Expected at least 6 joints"),
        (("--tip", "nolink"), "nolink"),
        (("--loss-weights", "heavy"), "'heavy'"),
    ],
)
def test_a_mistake_is_told_and_nothing_is_written(refused, tmp_path, options, words):
    folder = tmp_path / "run"
    assert words in refused("train", "--out", folder, "--json", *options)
    assert not folder.exists()


def test_a_resume_of_nothing_is_told(refused, tmp_path):
    assert "no run folder" in refused("train", "--json", "--resume", tmp_path / "nowhere")
