"""A path on emulated cores: counted, solved within the limits, and as the firmware does here."""

import dataclasses
import json

import numpy as np
import pytest

from edge_ik.arms import load_arm
from edge_ik_tools.c99.source import Firmware
from edge_ik_tools.emulate.build import Sources
from edge_ik_tools.emulate.cores import CORES
from edge_ik_tools.emulate.paths import path_cost
from edge_ik_tools.errors import EmulationError
from firmware_host.bench.targets import bench_path
from firmware_host.solver import IkSolver
from firmware_host.tasks import make_task

COUNT = 60


@pytest.fixture(scope="module")
def arm3_firmware(source_root, tmp_path_factory):
    """The reference model's sources, and its solver."""
    model = source_root / "artifacts" / "arm3" / "arm3-int8.tflite"
    folder, firmware = tmp_path_factory.mktemp("arm3"), Firmware.load(model)
    write(firmware, folder)
    return Sources(folder, firmware.name), IkSolver.load(model, "reference")


def write(firmware, folder):
    (folder / f"{firmware.name}.h").write_text(firmware.header())
    (folder / f"{firmware.name}.c").write_text(firmware.source())


def cost(tools, name, sources, solver, q, targets):
    return path_cost(tools, CORES[name], sources, solver.problem, q, targets)


@pytest.mark.parametrize("name", CORES)
def test_tracking_takes_a_fraction_of_the_network_each_time(tools_for, arm3_firmware, name):
    tools, (sources, solver) = tools_for(CORES[name]), arm3_firmware
    q, targets = bench_path(solver, COUNT)
    found = cost(tools, name, sources, solver, q[0], targets)
    assert (found.points, found.asked, found.limit_violations) == (COUNT, 0, 0)
    assert found.track_solved == found.near_solved == 1
    assert found.track.max < 0.5 * found.solve_near.min
    assert 0 < found.stack_bytes < 1024
    again = cost(tools, name, sources, solver, q[0], targets)
    assert again == found
    values = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert values["track"] == {**dataclasses.asdict(found.track), "solved": 1.0}
    assert values["solve_near"]["mean"] == found.solve_near.mean


def test_a_path_that_jumps_asks_the_network_there(tools, arm3_firmware):
    sources, solver = arm3_firmware
    q, _ = bench_path(solver, COUNT)
    q[COUNT // 2 :, 0] += 1.2
    found = cost(tools, "cortex-m4", sources, solver, q[0], solver.problem.reached_by(q))
    assert found.asked == 1
    # One try more than the nearest answer alone.
    assert found.solve_near.min < found.track.max < found.solve_near.max + 2 * found.track.median


def test_poses_of_several_branches(tools, fitted_firmware, tmp_path):
    chain = load_arm("ur5")
    firmware, network = fitted_firmware(
        chain, np.random.default_rng(3), make_task("pose"), branches=4
    )
    write(firmware, tmp_path)
    solver = IkSolver(firmware.spec, network.run)
    q, targets = bench_path(solver, 200)
    found = cost(tools, "cortex-m4", Sources(tmp_path, "robot"), solver, q[0], targets)
    assert found.track_solved == 1
    assert (found.asked, found.limit_violations) == (0, 0)
    assert found.track.max < 0.1 * found.solve_near.min


def test_firmware_of_another_robot_is_refused(tools, arm3_firmware):
    sources, solver = arm3_firmware
    other = dataclasses.replace(solver.chain, moving=solver.chain.moving[:2])
    problem = dataclasses.replace(solver.problem, chain=other)
    with pytest.raises(EmulationError, match=f"Expected {COUNT} answers"):
        path_cost(tools, CORES["cortex-m4"], sources, problem, np.zeros(2), np.zeros((COUNT, 3)))
