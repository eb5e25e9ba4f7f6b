"""Robots that nobody here described train, export and solve through the same commands."""

import json
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("tensorflow")

from edge_ik.cli import main
from firmware_host.installed import install_command
from firmware_host.kinematics import tool_position
from firmware_host.solver import IkSolver

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]

# File, base, tip; some with limits of several turns, without a base, without either.
ROBOTS = {
    "solo12": ("solo_description/robots/solo12.urdf", "base_link", "FL_FOOT"),
    "finger": ("finger_edu_description/robots/finger_edu.urdf", None, "finger_tip_link"),
    "hyq": ("hyq_description/robots/hyq_no_sensors.urdf", "trunk", "rf_foot"),
}
SMALL = {
    "training.steps_per_epoch": 200,
    "training.steps_per_execution": 100,
    "training.batch_size": 256,
    "training.validation_targets": 500,
    "data.pool": 20_000,
}


def description(relative):
    try:
        found = metadata.distribution("example-robot-data")
    except metadata.PackageNotFoundError:
        pytest.skip(f"needs example-robot-data: {install_command('test')}")
    return Path(found.locate_file("cmeel.prefix/share/example-robot-data/robots")) / relative


def printed(*arguments):
    """The JSON of a command that succeeds."""
    result = CliRunner().invoke(main, [*map(str, arguments), "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.mark.parametrize("name", ROBOTS)
def test_it_trains_through_the_same_command(tmp_path, name):
    relative, base, tip = ROBOTS[name]
    ends = [*(("--base", base) if base else ()), "--tip", tip]
    folder = tmp_path / "run"
    values = printed(
        *("train", "--arm", description(relative), *ends, "--preset", "nano", "--epochs", 2),
        *("--out", folder),
        *(part for key, value in SMALL.items() for part in ("--set", f"{key}={value}")),
    )
    first, last = values["history"]
    assert last["solved"] > first["solved"]

    exported = printed("export", folder, "--targets", 1000)["files"][0]
    figures = exported["evaluation"]
    everywhere = figures["any_branch"]
    assert everywhere["0"]["limit_violations"] == everywhere["3"]["limit_violations"] == 0
    # Two epochs are no training; refinement already finishes most of what they begin.
    assert figures["solved"] > 0.5
    assert everywhere["3"]["rmse_m"] < 0.5 * everywhere["0"]["rmse_m"]

    solver = IkSolver.load(exported["path"], "reference", refine_steps=30)
    chain = solver.chain
    assert chain.tip == tip
    assert len(chain) == 3
    target = tool_position(chain, np.sin(solver.home), np.cos(solver.home))
    found = solver.solve(target)
    assert found.position_error_m < 1e-6
    assert found.in_workspace
