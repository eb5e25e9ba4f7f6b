"""The command that trains: what it prints, and what it refuses."""

import os
import re
import shutil
import signal

import pytest

pytest.importorskip("tensorflow")

from edge_ik import preparation, training
from edge_ik.lock import locked
from edge_ik.run import CHECKPOINT_FILE, Run
from firmware_host.errors import RunError
from firmware_host.files import write_text
from firmware_host.model_file import read_model
from firmware_host.spec import ModelSpec

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
    assert resolved["mining"]["share"] == 0.0
    assert resolved["task"]["branches"] == "home"
    assert resolved["network"]["heads"] == 1
    assert resolved["loss"]["balance"] is False
    assert resolved["data"]["curriculum"] == 0.0
    assert resolved["data"]["pool"] == 2000


TINY = (
    *("--set", "data.pool=1000", "--set", "training.validation_targets=200", "--epochs", 1),
    *("--set", "training.steps_per_epoch=10", "--batch-size", 32),
)


def test_without_a_size_everything_is_chosen_and_told(run, tmp_path):
    result = run("train", "--arm", "leg3", *TINY, "--out", tmp_path / "run")
    assert result.exit_code == 0, result.output
    for words in (
        "All branches, learned by 4 heads from all of joint space",
        "Network: 16 wide, 2 blocks; 10 steps of 32 samples",
        "of everything the arm reaches",
        f"edge-ik evaluate {tmp_path / 'run'}",
    ):
        assert words in " ".join(result.stdout.split())


def test_the_number_of_heads_can_be_given(printed, tmp_path):
    values = printed("train", "--arm", "leg3", "--heads", 2, *TINY, "--out", tmp_path / "run")
    assert values["config"]["network"]["heads"] == 2
    assert values["config"]["task"]["branches"] == "all"
    assert all(0 <= row["solved"] <= 1 for row in values["history"])


def test_hard_mining_can_be_asked_for_of_many_heads(printed, tmp_path):
    arguments = ("train", "--arm", "leg3", "--heads", 2, "--hard-mining", *TINY)
    values = printed(*arguments, "--out", tmp_path / "run")
    assert values["config"]["mining"]["share"] == 0.125


def test_the_home_branch_of_an_arm_with_joints_to_spare_is_refused(refused, tmp_path):
    folder = tmp_path / "run"
    message = refused(
        "train", "--arm", "panda", "--task", "pose", "--branches", "home", "--out", folder
    )
    assert "7 joints for a task of 6 rows" in message
    assert "--branches all" in message
    assert not folder.exists()


def test_resuming_a_finished_run_says_so_to_people(run, tiny_folder):
    result = run("train", "--resume", tiny_folder)
    assert result.exit_code == 0, result.output
    assert re.search(
        r"arm3, base to tool: joints yaw, shoulder, elbow; reach 0\.500 m", result.stdout
    )
    assert "% of joint space" in result.stdout
    assert "It was finished already, after " in result.stdout
    assert f"edge-ik evaluate {tiny_folder}" in result.stdout


@pytest.fixture
def ended(monkeypatch, tmp_path, tiny_folder):
    """Function of what ends a training at its first step: the folder of that run."""
    monkeypatch.setattr(preparation, "resume", lambda folder: (Run.load(folder), None))

    def folder(end):
        monkeypatch.setattr(training, "train", lambda *_: end())
        return shutil.copytree(tiny_folder, tmp_path / "my run")

    return folder


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_training_that_is_ended_says_how_it_goes_on(run, monkeypatch, tmp_path, ended, number):
    def end(*_):
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        signal.raise_signal(number)

    folder = ended(end)
    result = run("train", "--resume", folder)
    assert result.exit_code == 128 + number
    assert result.stderr == (
        "Interrupted. All that was trained up to the last epoch is saved; go on with: "
        f"edge-ik train --resume '{folder}'\n"
    )
    monkeypatch.setattr(preparation, "start", end)
    result = run("train", "--out", tmp_path / "new")
    assert result.exit_code == 128 + number
    assert "Nothing has been trained yet: the same command begins anew." in result.stderr
    assert not (tmp_path / "new").exists()


def test_a_training_that_finds_no_room_says_how_it_goes_on(refused, no_room, ended):
    def end():
        with no_room(100):
            write_text(folder / CHECKPOINT_FILE, "x" * 1000)

    folder = ended(end)
    before = {path.name for path in folder.iterdir()}
    assert refused("train", "--resume", folder) == (
        f"Error: Cannot write '{folder / CHECKPOINT_FILE}': File too large. Raise the limit of a "
        "file's size (ulimit -f), or name another place. All that was trained up to the last "
        f"epoch is saved; go on with: edge-ik train --resume '{folder}'\n"
    )
    assert {path.name for path in folder.iterdir()} == before


def test_a_training_beside_another_in_one_folder_is_refused(refused, tmp_path, tiny_folder):
    folder = shutil.copytree(tiny_folder, tmp_path / "run")
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    with locked(folder):
        said = refused("train", "--resume", folder)
        with pytest.raises(RunError, match="in use by another training"):
            training.train(Run.load(folder), None)
    assert f"in use by another training: process {os.getpid()}. Wait for its end" in said
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before


@pytest.mark.parametrize("command", ["train --resume", "evaluate", "export"])
def test_a_run_that_is_read_only_is_told_before_any_work(refused, tiny_folder, read_only, command):
    with read_only(tiny_folder):
        said = refused(*command.split(), tiny_folder)
    assert f"Cannot write '{tiny_folder}" in said
    assert "Permission denied. Make that place writable, or " in said


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
        (("--width", "-1"), "'network.width'"),
        (("--heads", "257"), "'network.heads'"),
        (("--branches", "home", "--heads", "2"), "'network.heads'"),
        (("--branches", "some"), "'some'"),
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


@pytest.mark.parametrize(
    ("arm", "task", "options"),
    [
        ("leg2", "planar", {"plane": "xz"}),
        ("openmanipulator_x", "pitch", {"tool_axis": "x"}),
        ("ur5_rail", "pose", {}),
    ],
)
def test_a_built_in_robot_is_trained_for_its_own_task(printed, tmp_path, arm, task, options):
    values = printed("train", "--arm", arm, "--width", 8, *TINY, "--out", tmp_path / "run")
    resolved = values["config"]["task"]
    assert resolved["name"] == task
    for key in ("tool_axis", "plane"):
        assert resolved[key] == options.get(key, "")


def test_a_tool_is_added_behind_the_tip(run, tmp_path):
    folder = tmp_path / "run"
    tool = ("--tool-offset", 0, 0, -0.05)
    result = run("train", "--arm", "leg2", *tool, "--width", 8, *TINY, "--out", folder)
    assert result.exit_code == 0, result.output
    words = " ".join((result.stdout + result.stderr).split())
    assert "leg2, FL_hip to FL_foot+offset" in words
    assert "at 0, 0, -50 mm in 'FL_foot'" in words
    chain = Run.load(folder).chain
    assert (chain.tip, chain.reach) == ("FL_foot+offset", pytest.approx(0.45))


def test_what_a_robot_cannot_do_is_refused_with_what_it_can(refused, tmp_path):
    said = refused("train", "--arm", "openmanipulator_x", "--task", "yaw", "--out", tmp_path / "r")
    assert "--task position or --task pitch" in said
    said = refused("train", "--arm", "arm3", "--task", "planar", "--out", tmp_path / "r")
    assert "--plane xy, --plane xz, --plane yz" in said
    said = refused("train", "--arm", "leg2", "--task", "pose", "--out", tmp_path / "r")
    assert "--task planar" in said


def test_servos_travel_from_a_file_to_the_run_and_the_model(run, tmp_path):
    folder, file = tmp_path / "run", tmp_path / "servos.toml"
    file.write_text(
        "".join(
            f'[servos.{joint}]\nmodel = "xl430"\n' for joint in ("FL_thigh_joint", "FL_calf_joint")
        )
    )
    result = run("train", "--arm", "leg2", "--servos", file, "--width", 8, *TINY, "--out", folder)
    assert result.exit_code == 0, result.output
    file.unlink()
    assert [servo.model for servo in Run.load(folder).servos.each] == ["xl430"] * 2
    result = run("export", folder, "--targets", 500)
    assert result.exit_code == 0, result.output
    (model,) = (folder / "export").glob("*.tflite")
    assert len(ModelSpec.from_dict(read_model(model)[1]).servos) == 2
