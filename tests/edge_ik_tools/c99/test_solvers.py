"""Axes, poses and branches in C answer as the host's solver does."""

import ctypes
import dataclasses
import itertools
import subprocess
from types import SimpleNamespace

import numpy as np
import pytest

from edge_ik.arms import load_arm
from edge_ik.data.rank import chosen_task
from edge_ik_tools.board.firmware import write_board_firmware
from edge_ik_tools.c99 import host
from edge_ik_tools.c99.host import FirmwareSolver
from firmware_host.solver import IkSolver
from firmware_host.solving.solution import Status
from firmware_host.tasks import make_task
from firmware_host.tasks.rotations import quaternion as quaternion_of

TARGETS = 300
FOUR = ("left", "right", "above", "below")
# A robot, its task, the names of its branches, and the type of the network's numbers.
CASES = {
    "pose": ("ur5", "pose", (), np.float32),
    "pose, branches": ("ur5", "pose", FOUR[:3], np.float32),
    "pose, branches, int8": ("ur5", "pose", FOUR, np.int8),
    "axis": ("so101", "axis", (), np.float32),
    "axis, branches": ("so101", "axis", FOUR[:2], np.float32),
    "axis, branches, int8": ("so101", "axis", FOUR, np.int8),
    "spare joints": ("panda", "pose", (), np.float32),
    "spare joints, branches": ("so101", "position", FOUR[:2], np.float32),
    "position, branches": ("leg3", "position", FOUR[:3], np.float32),
    "position, branches, int8": ("leg3", "position", FOUR, np.int8),
    "position, branches, int16": ("leg3", "position", FOUR, np.int16),
    "sliding": ("cylindrical", "position", (), np.float32),
    "sliding, branches, int8": ("cylindrical", "position", FOUR, np.int8),
    "linkage": ("palletizer", "position", (), np.int8),
    "linkage, branches": ("palletizer", "position", FOUR[:2], np.float32),
    "gears": ("geared", "position", (), np.float32),
    "gears, branches, int16": ("geared", "position", FOUR[:2], np.int16),
    "sliding alone": ("gantry", "position", (), np.int8),
    "sliding, pose, branches": ("stanford", "pose", FOUR[:3], np.float32),
    "sliding, pose": ("stanford", "pose", (), np.int8),
    "sliding, spare": ("on a rail", "position", FOUR[:2], np.float32),
    "pitch, branches": ("openmanipulator_x", "pitch", FOUR[:2], np.float32),
    "pitch, int8": ("openmanipulator_x", "pitch", (), np.int8),
    "pitch, spare joints": ("so101", "pitch", FOUR[:2], np.float32),
    "yaw, spare joints": ("so101", "yaw", (), np.float32),
    "planar": ("leg2", "planar", (), np.float32),
    "planar, branches": ("leg2", "planar", FOUR[:2], np.float32),
}

# Arms that more steps always lead to the target.
FEWER_STEPS = {"cylindrical": 2, "palletizer": 3}


def task_of(chain, name):
    """The task of a name with the tool axis and the plane that the chain asks for."""
    return chosen_task(chain, name)


def predict_of(network):
    """A network from real numbers to real numbers, rounded as runtimes round."""
    ends = [network.graph.tensors[end[0]] for end in (network.graph.inputs, network.graph.outputs)]
    if ends[0].dtype == np.float32:
        return network.run
    limits = np.iinfo(ends[0].dtype)
    scales = [np.float32(tensor.quantization.scale[0]) for tensor in ends]
    zeros = [int(tensor.quantization.zero_point[0]) for tensor in ends]

    def predict(features):
        x = np.clip(np.rint(features / scales[0]) + zeros[0], limits.min, limits.max)
        y = network.run(x.astype(ends[0].dtype))
        return (y.astype(np.float32) - zeros[1]) * scales[1]

    return predict


def built_solver(firmware, predict):
    """The solver of firmware whose network is also at hand in Python."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(host, "_FirmwareNetwork", lambda *_: SimpleNamespace(run=predict))
        return FirmwareSolver(firmware, b"")


@pytest.fixture(scope="module", params=CASES, ids=str)
def case(request, robot_firmware, random_network, require_tool, other_arms):
    """Firmware with a random network, the solver of it, and the host's solver."""
    require_tool("cc", "gcc libc6-dev")
    arm, name, branches, dtype = CASES[request.param]
    chain = other_arms.get(arm) or load_arm(arm)
    task = task_of(chain, name)
    firmware = robot_firmware(
        chain, np.random.default_rng(5), dtype, steps=2, task=task, branches=branches
    )
    # The same generator draws the same network once more, for the host.
    rng = np.random.default_rng(5)
    rng.uniform(chain.lower, chain.upper, (2000, len(chain)))
    spec = firmware.spec
    network = random_network(rng, dtype, spec.inputs, spec.outputs, odd_scales=False)
    reference = IkSolver(spec, predict_of(network), 2)
    solver = built_solver(firmware, reference.seeder.predict)
    solver.dtype = dtype
    q = np.random.default_rng(6).uniform(chain.lower, chain.upper, (TARGETS, len(chain)))
    components = spec.problem.reached_by(q).astype(np.float32)
    return solver, reference, components.astype(np.float64), q


def as_good(found, expected):
    """Whether answers are of one branch, or of two that end as far from the target."""
    alike = np.abs(found.position_error_m - expected.position_error_m) < 1e-6
    return (found.branch == expected.branch) | alike


def test_seeds_are_the_host_s_in_every_branch(case):
    solver, reference, targets, _ = case
    for branch in range(reference.spec.heads):
        found, expected = (s.seed(targets, branch) for s in (solver, reference))
        difference = np.abs(np.sin(found) - np.sin(expected)).max(axis=1)
        assert np.median(difference) < 1e-5
        # Of a pair of outputs that nearly vanish, rounding decides the direction.
        assert np.mean(difference < 1e-3) > 0.97
        assert reference.chain.within_limits(found).all()


@pytest.mark.parametrize("branch", [None, 0])
def test_two_steps_lead_where_the_host_s_lead(case, branch):
    solver, reference, targets, _ = case
    given = reference.task.given(targets)
    found, expected = (s.solve_batch(given, branch=branch) for s in (solver, reference))
    assert np.mean(as_good(found, expected)) > 0.97
    same = found.branch == expected.branch
    difference = np.abs(np.sin(found.q) - np.sin(expected.q)).max(axis=1)[same]
    # Steps near singular configurations multiply the rounding.
    assert np.median(difference) < 1e-4
    assert np.mean(difference < 1e-2) > 0.9
    assert np.mean(found.tried == expected.tried) > 0.95


def test_what_is_told_holds_for_the_joints_returned(case):
    solver, reference, targets, _ = case
    found = solver.solve_batch(reference.task.given(targets))
    distance, angle = reference.problem.errors(found.q, targets)
    np.testing.assert_allclose(found.position_error_m, distance, atol=2e-6)
    if reference.task.has_orientation:
        np.testing.assert_allclose(found.rotation_error_rad, angle, atol=1e-3)
    clear = (np.abs(distance - 1e-3) > 1e-5) & (np.abs(angle - np.radians(0.1)) > 1e-4)
    solved = reference.problem.is_solved(found.q, targets)
    np.testing.assert_array_equal((found.status == Status.SOLVED)[clear], solved[clear])
    assert found.within_limits.all()


def test_quaternions_are_taken_in_either_order(case):
    solver, reference, targets, q = case
    if not reference.task.is_whole:
        return
    poses = reference.task.given(targets[:5])
    for order, quaternion in (([0, 1, 2, 3], "wxyz"), ([1, 2, 3, 0], "xyzw")):
        rows = np.array([[*T[:3, 3], *quaternion_of(T[:3, :3])[order]] for T in poses])
        expected = solver.solve_batch(poses, q[:5])
        found = solver.solve_batch(rows, q[:5], quaternion=quaternion)
        np.testing.assert_allclose(found.q, expected.q, atol=1e-4)
        for row, near, joints in zip(rows, q, expected.q, strict=False):
            single = solver.solve(row, near, quaternion=quaternion)
            np.testing.assert_allclose(single.q, joints, atol=1e-4)
            assert solver.track(row, near, quaternion=quaternion).status is Status.SOLVED


def test_branches_are_tried_as_the_network_orders_them(case, robot_firmware):
    solver, reference, targets, _ = case
    spec, heads = reference.spec, reference.spec.heads
    if heads == 1:
        return
    # Of so many steps from anywhere, some lead to the target and some do not.
    steps = FEWER_STEPS.get(reference.chain.name, 12)
    firmware = robot_firmware(
        reference.chain,
        np.random.default_rng(5),
        solver.dtype,
        steps=steps,
        task=reference.task,
        branches=reference.branches,
    )
    given = reference.task.given(targets)
    found = built_solver(firmware, None).solve_batch(given)
    expected = IkSolver(spec, reference.seeder.predict, steps).solve_batch(given)
    solved = found.status == Status.SOLVED
    assert 0 < np.mean(solved) < 1
    assert 0 < np.mean(found.tried < heads) < 1
    for name in ("status", "tried"):
        assert np.mean(getattr(found, name) == getattr(expected, name)) > 0.95, name
    assert np.mean(as_good(found, expected)) > 0.95
    # The branch that answers is the last one tried; the rest were tried in vain. After the
    # last of all, more steps may lead from the best of them to the target.
    order = reference.seeder.guesses(targets).order
    last = order[np.arange(len(order)), found.tried - 1]
    early = solved & (found.tried < heads)
    assert np.mean(found.branch[early] == last[early]) > 0.97
    assert (found.tried[~solved] == heads).all()


def test_no_more_branches_are_tried_than_allowed(robot_firmware):
    firmware = robot_firmware(
        load_arm("leg3"), np.random.default_rng(5), steps=1, branches=FOUR[:3]
    )
    few = dataclasses.replace(firmware, tries=2, restarts=1)
    assert "#define ROBOT_TRIES 2" in few.header()
    solver = built_solver(few, None)
    far = np.array([[9.0, 0.0, 0.0]])
    found = solver.solve_batch(far)
    assert (found.tried[0], found.restarts[0]) == (3, 1)
    assert found.status[0] is Status.UNREACHABLE
    # The nearest of all branches is asked for as before.
    assert solver.solve_batch(far, np.zeros(3)).tried[0] == 4
    assert solver.solve_batch(far, branch=2).branch[0] == 2


@pytest.mark.parametrize(("tries", "good"), [(0, False), (1, True), (3, True), (4, False)])
def test_a_build_can_allow_fewer(
    tries, good, robot_firmware, write_firmware, require_tool, tmp_path
):
    firmware = robot_firmware(load_arm("leg3"), np.random.default_rng(5), branches=FOUR[:3])
    write_firmware(firmware, tmp_path)
    command = [require_tool("gcc", "gcc"), "-std=c99", f"-DROBOT_TRIES={tries}", "-c", "robot.c"]
    built = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (built.returncode == 0) == good
    assert good or "expected ROBOT_TRIES from 1 to ROBOT_BRANCHES" in built.stderr


def test_one_target_is_answered_as_in_a_batch(case):
    solver, reference, targets, _ = case
    given = reference.task.given(targets[:10])
    batch = solver.solve_batch(given)
    for row, target in enumerate(given):
        one = solver.solve(target)
        np.testing.assert_array_equal(one.q, batch.q[row])
        assert (one.branch, one.tried) == (batch.branch[row], batch.tried[row])
        assert one.status is batch.status[row]


def test_the_nearest_answer_is_the_host_s(case):
    solver, reference, targets, q = case
    given = reference.task.given(targets)
    near = (q + np.random.default_rng(7).normal(0, 0.02, q.shape)).astype(np.float32)
    found, expected = (s.solve_batch(given, near, "nearest") for s in (solver, reference))
    difference = np.abs(np.sin(found.q) - np.sin(expected.q)).max(axis=1)
    assert np.mean(difference < 1e-3) > 0.93
    assert (found.tried == reference.spec.heads + 1).all()
    assert np.mean(found.status == expected.status) > 0.97
    # The present joints lead to the target that they nearly reach.
    assert np.mean(found.status == Status.SOLVED) > 0.8


def test_what_is_no_target_is_told_at_home(case):
    solver, reference, targets, _ = case
    given = reference.task.given(targets[:3]).copy()
    given[0, ..., 0] = np.nan
    found = solver.solve_batch(given)
    assert found.status[0] is Status.BAD_TARGET
    np.testing.assert_allclose(found.q[0], reference.home)
    assert list(found.status[1:] == Status.BAD_TARGET) == [False, False]


def test_what_is_no_orientation_is_refused_by_the_c_itself(case):
    solver, reference, targets, _ = case
    if not reference.task.has_orientation:
        return
    for change in (lambda t: t[3:] * 1.1, lambda t: t[3:] * 0, lambda t: -t[3:]):
        bad = targets[0].copy()
        bad[3:] = change(bad)
        single, q = bad.astype(np.float32), np.full(len(reference.chain), 7.5, np.float32)
        addresses = [ctypes.c_void_p(a.ctypes.data) for a in (single, q)]
        status = ctypes.CDLL(str(solver.library)).robot_solve(*addresses, None)
        if status == 2:
            # Nothing has moved, so that a loop goes on from where the joints are.
            np.testing.assert_array_equal(q, np.full(len(q), 7.5))
        mirrored = reference.task.name != "pose" and bad[3:] @ targets[0, 3:] < -0.5
        assert (status == 2) == (not mirrored)


def test_restarts_are_drawn_where_nothing_else_helps(source_root, require_tool):
    require_tool("cc", "gcc libc6-dev")
    model = source_root / "artifacts" / "arm3" / "arm3-int8.tflite"
    without, restarted = (IkSolver.load(model, "firmware", restarts=n) for n in (0, 3))
    assert (without.restarts, restarted.restarts) == (0, 3)
    far, near = [2.0, 0.0, 0.2], [0.3, 0.1, 0.2]
    assert (restarted.solve(near).tried, restarted.solve(near).restarts) == (1, 0)
    found = restarted.solve(far)
    assert (found.status, found.tried, found.restarts) == (Status.UNREACHABLE, 4, 3)
    assert found.within_limits
    assert found.position_error_m <= without.solve(far).position_error_m + 1e-6
    # The same draws for every solve: a target always gets the same answer.
    np.testing.assert_array_equal(restarted.solve(far).q, found.q)


def test_restarts_reach_what_no_step_from_the_network_does(case, robot_firmware):
    _, reference, targets, _ = case
    firmware = robot_firmware(
        reference.chain,
        np.random.default_rng(5),
        np.float32,
        steps=12,
        task=reference.task,
        branches=reference.branches,
    )
    restarted = built_solver(dataclasses.replace(firmware, restarts=4), None)
    found = restarted.solve_batch(reference.task.given(targets))
    # They are drawn where the network led nowhere.
    without, solved = found.restarts == 0, found.status == Status.SOLVED
    assert solved[without].all()
    assert found.restarts.max() <= 4
    np.testing.assert_array_equal(found.branch[without] >= 0, True)
    assert without.all() or solved[~without].any()


@pytest.mark.parametrize(
    ("name", "compiler"), [*zip(CASES, itertools.cycle(["gcc", "clang"]), strict=False)]
)
def test_compilers_are_silent(
    name,
    compiler,
    other_arms,
    robot_firmware,
    write_firmware,
    warnings_as_errors,
    require_tool,
    tmp_path,
):
    arm, task, branches, dtype = CASES[name]
    rng = np.random.default_rng(1)
    chain = other_arms.get(arm) or load_arm(arm)
    firmware = robot_firmware(chain, rng, dtype, task=task_of(chain, task), branches=branches)
    write_firmware(firmware, tmp_path)
    command = [require_tool(compiler, compiler), *warnings_as_errors, "-O2", "-c", "robot.c"]
    built = subprocess.run(
        [*command, "-o", "robot.o"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr[:2000]


@pytest.mark.parametrize("name", CASES)
def test_the_firmware_of_boards_takes_every_interface(
    name, other_arms, robot_firmware, write_firmware, warnings_as_errors, require_tool, tmp_path
):
    arm, task, branches, dtype = CASES[name]
    rng = np.random.default_rng(1)
    chain = other_arms.get(arm) or load_arm(arm)
    firmware = robot_firmware(chain, rng, dtype, task=task_of(chain, task), branches=branches)
    write_firmware(firmware, tmp_path)
    write_board_firmware(tmp_path, firmware.name)
    command = [require_tool("gcc", "gcc"), *warnings_as_errors, "-O2", "-I..", "-c"]
    built = subprocess.run(
        [*command, "edge_ik_bench_main.c", "-o", "main.o"],
        cwd=tmp_path / "board",
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr[:2000]


def test_a_target_is_made_of_an_angle(robot_firmware, tmp_path, write_firmware, require_tool):
    chain = load_arm("openmanipulator_x")
    task = task_of(chain, "pitch")
    firmware = robot_firmware(chain, np.random.default_rng(1), task=task, name="omx")
    write_firmware(firmware, tmp_path)
    command = [require_tool("gcc", "gcc"), "-shared", "-fPIC", "-std=c99", "omx.c", "-o", "omx.so"]
    subprocess.run(command, cwd=tmp_path, check=True)
    native = ctypes.CDLL(str(tmp_path / "omx.so"))
    place, target = np.array([0.1, -0.2, 0.3], np.float32), np.empty(5, np.float32)
    q = np.empty(4, np.float32)

    def made(angle):
        pointers = [ctypes.c_void_p(array.ctypes.data) for array in (place, target)]
        native.omx_target(pointers[0], ctypes.c_float(angle), pointers[1])
        return native.omx_solve(*(ctypes.c_void_p(a.ctypes.data) for a in (target, q)), None)

    for angle in (0.0, 1.2, -2.9, 40.0):
        assert made(angle) != 2
        np.testing.assert_allclose(target[3:], [np.cos(angle), np.sin(angle)], atol=2e-6)
        np.testing.assert_array_equal(target[:3], place)
    for wrong in (np.nan, np.inf, 1e9):
        assert made(wrong) == 2


def test_a_pose_is_made_of_a_quaternion(robot_firmware, tmp_path, write_firmware, require_tool):
    firmware = robot_firmware(
        load_arm("ur5"), np.random.default_rng(1), task=make_task("pose"), name="ur"
    )
    write_firmware(firmware, tmp_path)
    command = [require_tool("gcc", "gcc"), "-shared", "-fPIC", "-std=c99", "ur.c", "-o", "ur.so"]
    subprocess.run(command, cwd=tmp_path, check=True)
    native = ctypes.CDLL(str(tmp_path / "ur.so"))
    position = np.array([0.1, -0.2, 0.3], np.float32)
    quaternion = np.array([0.5, 0.5, -0.5, 0.5], np.float32)
    target = np.empty(12, np.float32)
    native.ur_target(*(ctypes.c_void_p(a.ctypes.data) for a in (position, quaternion, target)))
    expected = [0.1, -0.2, 0.3, 0, 0, 1, -1, 0, 0, 0, -1, 0]
    np.testing.assert_allclose(target, expected, atol=1e-6)
    # Forgotten, or not of length 1: no solve may take it for a rotation.
    for wrong in ([0, 0, 0, 0], [0.5, 0.5, 0.5, 0.6], [np.nan, 0, 0, 1]):
        given, q = np.array(wrong, np.float32), np.empty(6, np.float32)
        native.ur_target(*(ctypes.c_void_p(a.ctypes.data) for a in (position, given, target)))
        assert native.ur_solve(*(ctypes.c_void_p(a.ctypes.data) for a in (target, q)), None) == 2


def test_joints_that_follow_others_are_told_on_request(
    other_arms, robot_firmware, write_firmware, require_tool, tmp_path
):
    chain = other_arms["geared"]
    firmware = robot_firmware(chain, np.random.default_rng(1))
    header = firmware.header()
    assert "#define ROBOT_ALL_JOINTS 4" in header
    assert "all_joints" not in robot_firmware(load_arm("arm3"), np.random.default_rng(1)).header()
    write_firmware(firmware, tmp_path)
    command = [require_tool("gcc", "gcc"), "-shared", "-fPIC", "-std=c99", "robot.c", "-o", "r.so"]
    subprocess.run(command, cwd=tmp_path, check=True)
    native = ctypes.CDLL(str(tmp_path / "r.so"))
    for q in np.random.default_rng(2).uniform(chain.lower, chain.upper, (20, len(chain))):
        single, found = q.astype(np.float32), np.full(4, np.nan, np.float32)
        native.robot_all_joints(*(ctypes.c_void_p(part.ctypes.data) for part in (single, found)))
        np.testing.assert_allclose(found, chain.q_all(q), rtol=0, atol=1e-5)
