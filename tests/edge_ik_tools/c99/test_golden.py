"""The self-test asks of each kind of firmware what it promises, however it is compiled."""

import dataclasses
import subprocess

import numpy as np
import pytest

from edge_ik.arms import load_arm
from edge_ik.data.rank import chosen_task
from edge_ik_tools.c99 import folder as module
from edge_ik_tools.c99.folder import write_c99
from edge_ik_tools.c99.golden import LARGEST_TOLERANCE, golden_solves
from edge_ik_tools.c99.rounding import Rounding
from firmware_host.solving.refine import refine
from firmware_host.tasks import make_task

KINDS = {
    "one branch": ("arm3", "position", 1),
    "branches": ("leg3", "position", 3),
    "axis": ("so101", "axis", 1),
    "pose": ("ur5", "pose", 1),
    "branches of poses": ("ur5", "pose", 4),
    "spare joints": ("panda", "pose", 1),
    "spare joints, branches": ("so101", "position", 2),
    "pitch, branches": ("openmanipulator_x", "pitch", 2),
    "yaw, spare joints": ("so101", "yaw", 1),
    "planar": ("leg2", "planar", 1),
    "sliding": ("cylindrical", "position", 1),
    "linkage, branches": ("palletizer", "position", 2),
    "sliding, pose": ("stanford", "pose", 2),
}


@pytest.fixture(scope="module", params=KINDS)
def made(request, other_arms, fitted_firmware):
    """Firmware of each kind, and its network."""
    arm, task, branches = KINDS[request.param]
    chain = other_arms.get(arm) or load_arm(arm)
    return fitted_firmware(chain, np.random.default_rng(1), chosen_task(chain, task), branches)


@pytest.fixture
def written(require_tool, tmp_path, monkeypatch):
    """Function of firmware and its network: the folder that is exported of it."""
    require_tool("gcc", "gcc")

    def write(firmware, network):
        monkeypatch.setattr(module, "reference_network", lambda _: network)
        write_c99(firmware, tmp_path / "firmware")
        return tmp_path / "firmware"

    return write


def self_test(folder, *options, compiler="gcc"):
    """What the self-test ends with and says, compiled with some options."""
    name = next((folder / "src").glob("*.h")).stem.upper()
    command = [compiler, "-std=c99", "-ffp-contract=fast", f"-D{name}_SELFTEST", *options, "-Isrc"]
    command += ["extras/selftest.c", "-o", "selftest"]
    built = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr[:2000]
    ran = subprocess.run(["./selftest"], cwd=folder, capture_output=True, text=True, check=False)
    return ran.returncode, ran.stdout


@pytest.mark.parametrize("level", ["-Os", "-O3"])
def test_it_tests_itself(made, written, level, warnings_as_errors):
    status, said = self_test(written(*made), level, *warnings_as_errors)
    assert (status, said.split(" in ")[0]) == (0, "0 failures"), said


def test_it_tests_itself_with_restarts(made, written):
    firmware, network = made
    status, said = self_test(written(dataclasses.replace(firmware, restarts=3), network), "-O2")
    assert status == 0, said


@pytest.mark.parametrize("fixed", [0, 1])
def test_no_number_wraps_around_unmeant(made, written, fixed, require_tool):
    """Also unsigned numbers, which may by the standard, leave their range nowhere."""
    require_tool("clang", "clang")
    firmware, network = made
    status, said = self_test(
        written(dataclasses.replace(firmware, restarts=3), network),
        "-fsanitize=unsigned-integer-overflow,signed-integer-overflow",
        "-fsanitize-trap=all",
        f"-DEDGE_IK_FIXED={fixed}",
        compiler="clang",
    )
    assert status == 0, said


def test_some_joints_are_compared_and_others_need_not_be(made):
    firmware, network = made
    solves = golden_solves(firmware, network.run)
    compared = solves.joint_tolerance > 0
    assert compared.any(axis=1).sum() > 3
    assert solves.joint_tolerance.max() <= LARGEST_TOLERANCE
    assert not compared[~solves.solved].any()
    assert len(solves.targets) > 10


def test_joints_follow_what_rounding_does_to_the_error_within_the_tolerance(made):
    """Solved for targets off by the rounding, to the end, whatever the Jacobian is."""
    firmware, network = made
    problem, solves = firmware.spec.problem, golden_solves(firmware, network.run)
    rho, rng = Rounding.of(problem, firmware.steps).error, np.random.default_rng(0)
    targets = solves.targets.astype(float)
    start, _ = refine(problem, solves.q, targets, 20)
    for _ in range(10):
        off = rng.normal(size=targets.shape)
        # No unit vectors any more, but as near to them as single precision has them; places and
        # what the orientation says are each off by as much.
        for part in np.split(off, [len(problem.task.place)], axis=1):
            size = np.linalg.norm(part, axis=1, keepdims=True).clip(1e-9)
            np.multiply(part, rho / np.sqrt(2) / size, out=part)
        off[:, len(problem.task.place) :] /= problem.length
        q, _ = refine(problem, start, targets + off, 20)
        apart = np.abs(q - solves.q)
        compared = solves.joint_tolerance > 0
        assert np.all(apart[compared] < solves.joint_tolerance[compared])


def test_a_joint_that_the_target_does_not_determine_is_not_compared(fitted_firmware):
    """The tool lies on the axis of the last joint, and so does the direction asked for."""
    arm = load_arm("so101")
    tool = np.eye(4)
    tool[:3, 3] = 0.1 * arm.joints[-1].axis
    tool[:3, :3] = np.roll(np.eye(3), int(np.argmax(np.abs(arm.joints[-1].axis))) - 2, axis=0)
    chain = dataclasses.replace(arm, tool=tool)
    firmware, network = fitted_firmware(chain, np.random.default_rng(1), make_task("axis"))
    compared = golden_solves(firmware, network.run).joint_tolerance > 0
    assert compared[:, :4].any(axis=0).all()
    assert not compared[:, 4].any()


# What the self-test says, where what in the source of which kind is replaced by what.
FAULTS = {
    "status": ("one branch", "reached(squared);", "reached(2.0f * squared + 1e-6f);"),
    "residual": ("one branch", "root(squared);", "0.9f * root(squared);"),
    "joint": (
        "one branch",
        "status = reached(squared);",
        "status = reached(squared); q[0] += 1e-4f;",
    ),
    "limit": (
        "one branch",
        "status = reached(squared);",
        "status = reached(squared); q[1] += TURN;",
    ),
    "bad target": ("one branch", "return squared <= 1000000.0f", "return squared < 0.0f || 1.0f"),
    "rotation residual": ("pose", "angle_of_chord(parts[1])", "angle_of_chord(parts[1]) + 1e-4f"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_noticed(fault, fitted_firmware, written):
    kind, old, new = FAULTS[fault]
    arm, task, branches = KINDS[kind]
    rng = np.random.default_rng(1)
    folder = written(*fitted_firmware(load_arm(arm), rng, make_task(task), branches))
    source = folder / "src/robot.c"
    text = source.read_text()
    assert old in text
    source.write_text(text.replace(old, new))
    status, said = self_test(folder, "-O2")
    assert status == 1
    assert f"FAILED: {fault}, vector" in said
