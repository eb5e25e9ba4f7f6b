"""The command line: its output for programs, and its sentences for mistakes."""

import json
import math
import re
import shutil
import subprocess
import sys

import pytest
from click.testing import CliRunner

pytest.importorskip("tensorflow")

from edge_ik import __version__
from edge_ik.cli import main
from edge_ik.run import CHECKPOINT_FILE, METRICS_FILE

pytestmark = pytest.mark.tensorflow


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def printed(*arguments):
    """The JSON of a command that succeeds and prints nothing else."""
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def refused(*arguments):
    """The sentence of a command that fails without a traceback."""
    result = run(*arguments)
    assert result.exit_code in (1, 2)
    assert isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.output
    assert "--json" not in arguments or result.stdout == ""
    return result.stderr


class TestHelp:
    @pytest.mark.parametrize("name", sorted(main.commands))
    def test_every_command_says_what_it_does(self, name):
        for flag in ("--help", "-h"):
            result = run(name, flag)
            assert result.exit_code == 0
            assert result.stdout.startswith(f"Usage: main {name}")
            assert main.commands[name].help.splitlines()[0].split()[0] in result.stdout

    def test_the_program_lists_its_commands(self):
        result = run("--help")
        assert result.exit_code == 0
        assert all(name in result.stdout for name in main.commands)

    def test_the_version_is_the_package_s(self):
        assert run("--version").stdout.strip() == f"edge-ik, version {__version__}"

    def test_an_unknown_command_is_told(self):
        assert "No such command 'dance'" in refused("dance")


class TestArms:
    def test_for_programs(self):
        robots = printed("arms")
        assert {"arm3", "leg3", "a1_leg", "so101", "ur5", "panda"} <= set(robots)
        arm3 = robots["arm3"]
        assert arm3["reach_m"] == pytest.approx(0.5)
        assert len(arm3["home"]) == len(arm3["robot"]["joints"]) == 3
        assert arm3["description"]

    def test_for_people(self):
        result = run("arms")
        assert result.exit_code == 0
        for word in ("arm3", "panda", "yaw, shoulder, elbow", "0.500"):
            assert word in result.stdout


class TestTrain:
    def test_a_tiny_training(self, tmp_path):
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

    def test_resuming_a_finished_run_says_so_to_people(self, tiny_folder):
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
    def test_resume_takes_no_other_option(self, tiny_folder, option):
        message = refused("train", "--resume", tiny_folder, *option)
        assert "--resume takes no other option" in message

    def test_a_folder_in_use_is_refused(self, tiny_folder):
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
    def test_a_mistake_is_told_and_nothing_is_written(self, tmp_path, options, words):
        folder = tmp_path / "run"
        assert words in refused("train", "--out", folder, "--json", *options)
        assert not folder.exists()

    def test_a_resume_of_nothing_is_told(self, tmp_path):
        assert "no run folder" in refused("train", "--json", "--resume", tmp_path / "nowhere")


class TestEvaluate:
    def test_for_programs(self, tmp_path, tiny_folder):
        folder = shutil.copytree(tiny_folder, tmp_path / "run")
        values = printed("evaluate", folder, "--targets", 200)
        names = {"rmse_m", "mean_m", "p95_m", "max_m", "joint_error_mean_deg", "focus_rmse_m"}
        names |= {"solved_1mm", "limit_violations"}
        assert set(values["network"]) == names
        assert {steps: set(figures) for steps, figures in values["refined"].items()} == {
            "1": names,
            "2": names,
            "3": names,
        }
        assert values["targets"] == 200
        assert json.loads((folder / METRICS_FILE).read_text()) == values

    def test_for_people(self, tmp_path, tiny_folder):
        folder = shutil.copytree(tiny_folder, tmp_path / "run")
        result = run("evaluate", folder, "--targets", 200)
        assert result.exit_code == 0, result.output
        for word in ("254 parameters", "200 unseen targets", "reference", "+3 DLS", "RMSE"):
            assert word in result.stdout

    def test_mistakes_are_told(self, tmp_path, tiny_folder):
        assert "where there is nothing" in refused("evaluate", tmp_path / "nowhere")
        assert "--runtime" in refused("evaluate", tiny_folder, "--runtime", "reference")
        assert "is not a run folder" in refused("evaluate", tmp_path)
        assert "--targets" in refused("evaluate", tiny_folder, "--targets", 0)


class TestSolve:
    def test_for_programs(self, tiny_folder):
        values = printed("solve", tiny_folder, "--target", 0.3, 0.1, 0.25, "--steps", 30)
        assert values["target"] == [0.3, 0.1, 0.25]
        assert values["joints"] == ["yaw", "shoulder", "elbow"]
        assert len(values["q"]) == 3
        assert values["status"] == "solved"
        assert values["within_limits"] is True
        assert values["position_error_m"] < 1e-6 < values["seed_error_m"]
        assert values["steps"] == 30
        assert values["microseconds"] > 0
        assert values["q"][0] == pytest.approx(math.atan2(0.1, 0.3), abs=1e-5)

    def test_an_unreachable_target_is_told_to_programs_and_people(self, tiny_folder):
        values = printed("solve", tiny_folder, "--target", 2, 0, 0)
        assert values["status"] == "unreachable"
        assert values["position_error_m"] > 1.4
        result = run("solve", tiny_folder, "--target", 2, 0, 0)
        assert result.exit_code == 0
        assert "Not reached: the nearest found is off by" in result.stdout
        assert "outside the workspace that the network was trained in" in result.stdout

    def test_a_weak_network_does_not_call_a_target_unreachable(self, tiny_folder):
        result = run("solve", tiny_folder, "--target", "0.3", "-0.1", "0.25", "--steps", 0)
        assert result.exit_code == 0, result.output
        assert "Not reached: the nearest found is off by" in result.stdout
        assert "outside the workspace" not in result.stdout

    def test_for_people(self, tiny_folder):
        result = run("solve", tiny_folder, "--target", "0.3", "-0.1", "0.25", "--steps", 30)
        assert result.exit_code == 0, result.output
        for word in ("yaw", "shoulder", "elbow", "Reached", "within the joint limits", "30 steps"):
            assert word in result.stdout

    def test_mistakes_are_told(self, tmp_path, tiny_folder):
        target = ("--target", 0.3, 0.1, 0.25)
        assert "where there is nothing" in refused("solve", tmp_path / "nowhere", *target)
        assert "--runtime" in refused("solve", tiny_folder, *target, "--runtime", "litert")
        assert "--target" in refused("solve", tiny_folder, "--target", 1, 2)
        assert "NaN or infinity" in refused("solve", tiny_folder, "--target", "nan", 0, 0)
        assert "1e+30 m" in refused("solve", tiny_folder, "--target", "1e30", 0, 0)
        assert "--steps" in refused("solve", tiny_folder, *target, "--steps", -1)


@pytest.mark.slow
def test_a_mistake_in_a_process_of_its_own_is_one_line(tmp_path):
    command = [sys.executable, "-c", "from edge_ik.cli import main; main()"]
    arguments = ["evaluate", str(tmp_path / "nowhere")]
    result = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stdout == ""
    assert len(result.stderr.strip().splitlines()) == 1
    assert result.stderr.startswith("Error: Expected a run folder")
