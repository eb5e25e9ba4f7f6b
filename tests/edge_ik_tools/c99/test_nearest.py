"""Firmware's nearest answer: by the way that joints must really travel, as on the host."""

import ctypes
import dataclasses

import numpy as np
import pytest

from edge_ik.arms import load_arm
from edge_ik_tools.c99 import host
from edge_ik_tools.c99.host import FirmwareSolver
from firmware_host.solver import IkSolver, Status
from firmware_host.tasks import make_task
from firmware_host.tolerances import SAME_ANSWER
from firmware_host.tracking import track

COUNT = 300


def turned(chain, **changes):
    """A chain whose first joint is another."""
    first, *others = chain.joints
    return dataclasses.replace(chain, moving=(dataclasses.replace(first, **changes), *others))


# Of each kind, how far the first joint is from where it would have to go around.
CHAINS = {
    "stops at half a turn": ("arm3", "position", {}, np.pi),
    "without end": ("arm3", "position", {"kind": "continuous"}, np.pi),
    "two turns": ("ur5", "pose", {}, 2 * np.pi),
    "two turns and a half": ("arm3", "position", {"lower": -5.0, "upper": 10.0}, 10.0),
}


@pytest.fixture(scope="module", params=CHAINS)
def case(request, fitted_firmware, require_tool):
    """Firmware of several branches, the host's solver, and joints near the stop and beyond."""
    require_tool("cc", "gcc libc6-dev")
    arm, task, changes, stop = CHAINS[request.param]
    chain = turned(load_arm(arm), **changes)
    rng = np.random.default_rng(3)
    firmware, network = fitted_firmware(chain, rng, make_task(task), branches=5, spread=2.5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(host, "_FirmwareNetwork", lambda *_: network)
        solver = FirmwareSolver(firmware, b"")
    reference = IkSolver(firmware.spec, network.run)
    near = chain.clamp(chain.middle + rng.uniform(-1, 1, (COUNT, len(chain))))
    near[:, 0] = stop - rng.uniform(0, 0.1, COUNT)
    beyond = near + rng.uniform(-0.02, 0.02, near.shape)
    beyond[:, 0] = near[:, 0] + 0.1
    targets = firmware.spec.problem.reached_by(beyond).astype(np.float32).astype(float)
    return solver, reference, reference.task.given(targets), near


def test_no_branch_is_nearer(case):
    solver, _, targets, near = case
    found = solver.solve_batch(targets, near, "nearest")
    solved = found.status == Status.SOLVED
    way = np.abs(found.q - near).max(axis=1)
    for branch in range(len(solver.branches)):
        other = solver.solve_batch(targets, near, branch)
        candidate = other.status == Status.SOLVED
        assert solved[candidate].all()
        longer = way[candidate] - np.abs(other.q - near)[candidate].max(axis=1)
        assert longer.max(initial=0) < SAME_ANSWER + 1e-4


def test_the_host_takes_the_same(case):
    solver, reference, targets, near = case
    found, expected = (s.solve_batch(targets, near, "nearest") for s in (solver, reference))
    assert np.mean(found.status == expected.status) > 0.97
    ways = [np.abs(s.q - near).max(axis=1) for s in (found, expected)]
    assert np.mean(np.abs(ways[0] - ways[1]) < 1e-3) > 0.9


def test_ways_begin_where_the_joints_are_also_beyond_their_limits(case):
    solver, reference, targets, near = case
    outside = near + np.array([0.3, *[0.0] * (near.shape[1] - 1)])
    found, expected = (s.solve_batch(targets, outside, "nearest") for s in (solver, reference))
    endless = bool(solver.chain.continuous[0])
    assert found.near_within_limits.tolist() == [endless] * COUNT
    assert found.within_limits.all() or endless
    ways = [np.abs(s.q - outside).max(axis=1) for s in (found, expected)]
    assert np.mean(np.abs(ways[0] - ways[1]) < 1e-3) > 0.9
    one = solver.solve(targets[0], outside[0], "nearest")
    assert one.near_within_limits is endless
    assert one.joint_step == pytest.approx(ways[0][0], abs=1e-6)


def test_c_tells_of_joints_beyond_their_limits(case):
    solver, _, _, _ = case
    chain, native = solver.chain, ctypes.CDLL(str(solver.library))
    native.robot_within_limits.restype = ctypes.c_int32

    def told(q):
        single = np.array(q, np.float32)
        return bool(native.robot_within_limits(ctypes.c_void_p(single.ctypes.data)))

    assert told(chain.middle)
    assert told(chain.lower)
    assert told(chain.upper)
    for k, joint in enumerate(chain.joints):
        for off in (chain.lower[k] - 1e-5, chain.upper[k] + 1e-5, chain.upper[k] + 30):
            q = chain.middle.copy()
            q[k] = off
            assert told(q) == (joint.kind == "continuous")
        q[k] = np.nan
        assert not told(q)


def test_what_lies_beyond_a_stop_is_a_long_way_off(case):
    solver, _, targets, near = case
    found = solver.solve_batch(targets, near, "nearest")
    way = np.abs(found.q - near).max(axis=1)[found.status == Status.SOLVED]
    assert len(way) > 0.7 * COUNT
    if solver.chain.continuous[0]:
        assert np.mean(way < 0.2) > 0.7
    else:
        # The arm turns back or takes another posture; nothing goes through the stop.
        assert np.all(found.q[:, 0] <= solver.chain.upper[0])
        assert np.mean(way > 0.5) > 0.9


def test_a_path_past_a_stop_is_told_as_a_jump(case):
    """Also by firmware, whose own answers a path is made of."""
    solver, _, _, near = case
    chain = solver.chain
    q = np.tile(near[0], (30, 1))
    q[:, 0] = np.linspace(near[0, 0] - 0.3, near[0, 0] + 0.3, 30)
    path = track(solver, solver.task.given(solver.problem.reached_by(q)), q[0])
    assert path.solved.mean() > 0.8
    if chain.continuous[0]:
        assert path.largest_step < 0.1
        assert not path.jumps
    else:
        assert path.jumps
        assert path.largest_step > 0.5
    np.testing.assert_allclose(np.abs(np.diff(path.q, axis=0)).max(), path.largest_step)


def test_one_branch_turns_on_past_half_a_turn(fitted_firmware, require_tool):
    """The network answers with angles within half a turn; the limits allow two turns."""
    require_tool("cc", "gcc libc6-dev")
    chain = load_arm("ur5")
    rng = np.random.default_rng(3)
    firmware, network = fitted_firmware(chain, rng, make_task("pose"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(host, "_FirmwareNetwork", lambda *_: network)
        solver = FirmwareSolver(firmware, b"")
    # A whole turn of the tool about itself, past where its angle changes its sign.
    q = np.tile(firmware.spec.home, (120, 1))
    q[:, -1] = np.linspace(-0.5, 2 * np.pi - 0.5, 120)
    targets = solver.task.given(solver.problem.reached_by(q))
    path = track(solver, targets, q[0])
    assert path.solved.all()
    assert not path.jumps
    assert path.q[:, -1].max() > np.pi + 1
    np.testing.assert_allclose(path.q[:, -1], q[:, -1], atol=5e-3)


def test_firmware_of_one_branch_follows_a_path(source_root, require_tool):
    require_tool("cc", "gcc libc6-dev")
    model = source_root / "artifacts" / "arm3" / "arm3-int8.tflite"
    solver = IkSolver.load(model, "firmware")
    targets = np.linspace([0.3, 0.1, 0.2], [-0.2, 0.2, 0.2], 40)
    path = track(solver, targets, solver.solve(targets[0]).q)
    assert path.solved.all()
    assert not path.jumps
    # Of one branch, the network leads where the present joints lead.
    np.testing.assert_allclose(path.q, solver.solve_batch(targets).q, atol=5e-3)
