"""Following a path in C: from the present joints, bounded, held to steps, and as on the host."""

import ctypes
import dataclasses
import math
import subprocess

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_ik.arms import load_arm
from edge_ik.data.rank import chosen_task
from edge_ik_tools.c99 import host
from edge_ik_tools.c99.host import FirmwareSolver
from edge_ik_tools.c99.source import Firmware
from firmware_host.bench.targets import bench_path
from firmware_host.errors import TargetError
from firmware_host.solver import IkSolver, Status
from firmware_host.solving.following import TRACK_JUMP, TRACK_STEPS
from firmware_host.solving.refine import NEAREST_STEPS
from firmware_host.tolerances import FARTHEST_TURN
from firmware_host.tracking import track

SOLVED, UNREACHABLE, BAD_TARGET, LIMITED = range(4)
COUNT = 200
# Distances told in single precision are this near those of the joints told, on arms of a metre.
ROUNDING = 2e-6

# A robot, its task, how many branches, restarts, and what is changed of its first joint.
CASES = {
    "position": ("arm3", "position", 1, 0, {}),
    "branches": ("leg3", "position", 3, 0, {}),
    "pose": ("ur5", "pose", 1, 0, {}),
    "pose in branches": ("ur5", "pose", 5, 0, {}),
    "restarts": ("arm3", "position", 1, 2, {}),
    "without end": ("arm3", "position", 1, 0, {"kind": "continuous"}),
    "axis": ("so101", "axis", 3, 0, {}),
    "to spare": ("panda", "pose", 2, 0, {}),
    "sliding": ("cylindrical", "position", 1, 0, {}),
    "sliding pose": ("stanford", "pose", 2, 0, {}),
    "followers": ("palletizer", "position", 2, 0, {}),
}


class Tracker:
    """Firmware on this machine, called as a board calls it, and the host's solver beside it."""

    def __init__(self, firmware, network):
        with pytest.MonkeyPatch.context() as patch:
            if network is not None:
                patch.setattr(host, "_FirmwareNetwork", lambda *_: network)
            self.solver = FirmwareSolver(firmware, b"")
        run = self.solver.seeder.predict if network is None else network.run
        self.reference = IkSolver(firmware.spec, run, restarts=firmware.restarts)
        self.chain, self.problem = self.solver.chain, self.solver.problem
        self.firmware, self.native = firmware, ctypes.CDLL(str(self.solver.library))
        self.n = len(self.chain)
        floats = ["residual"]
        floats += ["rotation"] if self.solver.task.has_orientation else []
        numbers = ["steps"]
        numbers += ["branch", "tried", "restarts"] if firmware.solvers.choice else []
        fields = [(name, ctypes.c_float) for name in (*floats, "seed_residual")]
        fields += [(name, ctypes.c_int32) for name in numbers]
        self.info_type = type("Info", (ctypes.Structure,), {"_fields_": fields})
        joints = ctypes.c_float * self.n
        fields = [("q", joints), ("max_step", joints)]
        fields += [("started", ctypes.c_int32), ("network_runs", ctypes.c_uint32)]
        self.state_type = type("State", (ctypes.Structure,), {"_fields_": fields})

    def started(self, q, max_step=None):
        state = self.state_type()
        most = None if max_step is None else pointer(single(max_step))
        self.native.robot_track_start(ctypes.byref(state), pointer(single(q)), most)
        return state

    def track(self, state, target):
        """Status, joints and info; the joints are 7.5 where C has left them alone."""
        q, info = np.full(self.n, 7.5, np.float32), self.info_type()
        status = self.native.robot_track(
            ctypes.byref(state), pointer(single(target)), pointer(q), ctypes.byref(info)
        )
        return status, q, info

    def nearest(self, target, near):
        """The same of `solve_near`."""
        q, info = np.full(self.n, 7.5, np.float32), self.info_type()
        status = self.native.robot_solve_near(
            pointer(single(target)), pointer(single(near)), pointer(q), ctypes.byref(info)
        )
        return status, q, info

    def holds(self, q):
        """Whether joints are within the limits, in double precision."""
        return bool(self.chain.within_limits(q.astype(np.float64)))


def single(values):
    return np.ascontiguousarray(values, np.float32)


def pointer(values):
    # It keeps the array alive.
    return values.ctypes.data_as(ctypes.c_void_p)


def info_values(info):
    return [getattr(info, name) for name, _ in info._fields_]


@pytest.fixture(scope="module")
def tracker_of(fitted_firmware, other_arms, require_tool, arm3_path):
    """Function of a name in `CASES`, or of "arm3", the reference model."""
    require_tool("cc", "gcc libc6-dev")
    made = {}

    def make(name):
        if name in made:
            return made[name]
        if name == "arm3":
            network = IkSolver.load(arm3_path, "firmware").seeder.predict.__self__
            made[name] = Tracker(Firmware.load(arm3_path, "robot"), network)
            return made[name]
        arm, task, branches, restarts, changes = CASES[name]
        chain = other_arms.get(arm) or load_arm(arm)
        if changes:
            first, *others = chain.joints
            moving = (dataclasses.replace(first, **changes), *others)
            chain = dataclasses.replace(chain, moving=moving)
        kind = chosen_task(chain, task)
        firmware, network = fitted_firmware(
            chain, np.random.default_rng(3), kind, branches, spread=2.0, restarts=restarts
        )
        made[name] = Tracker(firmware, network)
        return made[name]

    return make


@pytest.fixture(params=["arm3", *CASES])
def tracker(request, tracker_of):
    return tracker_of(request.param)


def path_of(tracker):
    """Joints (COUNT, n) on a loop about home, and the targets that they reach."""
    q, targets = bench_path(tracker.solver, COUNT)
    return q, single(targets)


def reachable(tracker, seed, count=40):
    """Targets anywhere in reach, and present joints anywhere."""
    chain, rng = tracker.chain, np.random.default_rng(seed)
    q, near = rng.uniform(chain.lower, chain.upper, (2, count, tracker.n))
    return single(tracker.problem.reached_by(q)), single(chain.clamp(near))


def test_a_smooth_path_is_followed_without_the_network(tracker):
    q, targets = path_of(tracker)
    state = tracker.started(q[0])
    for target in targets:
        status, found, info = tracker.track(state, target)
        assert status == SOLVED
        assert tracker.holds(found)
        assert info.steps == TRACK_STEPS
        np.testing.assert_array_equal(found, np.array(state.q, np.float32))
        distance, _ = tracker.problem.errors(found.astype(float), target.astype(float))
        assert info.residual == pytest.approx(distance, abs=ROUNDING)
    assert state.network_runs == 0


def test_the_host_follows_the_same_path(tracker):
    q, targets = path_of(tracker)
    given = tracker.solver.task.given(targets.astype(float))
    jacobian = tracker.problem.jacobian(*tracker.chain.place(q)) * tracker.chain.scales
    clear = np.linalg.svd(jacobian, compute_uv=False)[:, -1] > 0.05 * tracker.problem.length
    for most in (None, 0.02 * tracker.chain.scales):
        ours, theirs = (
            track(s, given, q[0], max_step=most) for s in (tracker.solver, tracker.reference)
        )
        reached = [tracker.problem.reached_by(path.q) for path in (ours, theirs)]
        np.testing.assert_allclose(*reached, atol=5e-5)
        # Where the target determines the joints.
        apart = np.abs(ours.q - theirs.q)[clear] / tracker.chain.scales
        assert apart.max(initial=0) < 2e-4
        assert (ours.status == theirs.status).all()
        assert (ours.asked == theirs.asked).all()
        np.testing.assert_allclose(ours.position_error_m, theirs.position_error_m, atol=2e-5)
        assert ours.jumps == theirs.jumps


def test_a_target_that_jumps_is_answered_as_the_nearest(tracker):
    targets, near = reachable(tracker, 1)
    asked = 0
    for target, start in zip(targets, near, strict=True):
        state = tracker.started(start)
        status, q, info = tracker.track(state, target)
        assert tracker.holds(q)
        asked += state.network_runs
        if not state.network_runs:
            way = np.abs(q - start) / tracker.chain.scales
            assert (status, way.max() <= TRACK_JUMP * (1 + 1e-6)) == (SOLVED, True)
            continue
        expected_status, expected, told = tracker.nearest(target, start)
        assert status == expected_status
        np.testing.assert_array_equal(q, expected)
        assert (info.residual, info.steps) == (told.residual, told.steps)
    assert asked > 0.8 * len(targets)


def test_without_a_start_the_network_answers(tracker):
    targets, _ = reachable(tracker, 2)
    for target in targets:
        state = tracker.state_type()
        status, q, info = tracker.track(state, target)
        also, expected, told = tracker.nearest(target, np.zeros(tracker.n))
        assert status == also
        np.testing.assert_array_equal(q, expected)
        assert info_values(info) == info_values(told)
        assert (state.started, state.network_runs) == (1, 1)
        np.testing.assert_array_equal(np.array(state.q, np.float32), q)
        # Nor is there a way that steps could hold it to.
        slow = tracker.state_type()
        slow.max_step[:] = [1e-3] * tracker.n
        np.testing.assert_array_equal(tracker.track(slow, target)[1], q)
        row = tracker.solver.task.given(target[None].astype(float))[0]
        np.testing.assert_allclose(tracker.solver.track(row, max_step=1e-3).q, q, atol=1e-4)


def expect_held(tracker, state, target, most):
    """One call, whose steps and words are what they are said to be."""
    before = np.array(state.q, np.float32)
    status, q, info = tracker.track(state, target)
    assert status in (SOLVED, UNREACHABLE, LIMITED)
    assert tracker.holds(q)
    moved = np.abs(q.astype(float) - before.astype(float))
    bounded = (most > 0) & np.isfinite(most)
    rounding = 2 * np.spacing(np.maximum(np.abs(q), np.abs(before)))
    assert (moved <= np.where(bounded, most, np.inf) + rounding).all()
    distance, angle = tracker.problem.errors(q.astype(float), target.astype(float))
    assert info.residual == pytest.approx(distance, rel=1e-5, abs=1e-5)
    if tracker.solver.task.has_orientation:
        assert info.rotation == pytest.approx(angle, abs=2e-3)
    if abs(distance - 1e-3) > 1e-5 and abs(angle - math.radians(0.1)) > 1e-4:
        assert (status == SOLVED) == bool(
            tracker.problem.is_solved(q.astype(float), target.astype(float))
        )
    return status, q


STEPS = st.one_of(st.just(0.0), st.just(math.inf), st.floats(2.0**-12, 0.5, width=32))


@settings(max_examples=40, deadline=None)
@given(data=st.data(), seed=st.integers(0, 2**20), share=st.sampled_from([0.9, 1.0, 3.0]))
@pytest.mark.parametrize("name", ["arm3", "pose in branches", "without end", "sliding pose"])
def test_no_joint_moves_further_than_it_may(tracker_of, name, data, seed, share):
    tracker = tracker_of(name)
    most = single(data.draw(st.lists(STEPS, min_size=tracker.n, max_size=tracker.n)))
    targets, near = reachable(tracker, seed, 6)
    # Some of them out of reach.
    targets[:, : len(tracker.solver.task.place)] *= share
    state = tracker.started(near[0], most)
    for target in targets:
        for _ in range(3):
            expect_held(tracker, state, target, most.astype(float))


def test_all_joints_go_the_same_share_of_their_way_and_arrive(tracker):
    targets, near = reachable(tracker, 5, 12)
    most = single(0.03 * tracker.chain.scales)
    limited = 0
    for target, start in zip(targets, near, strict=True):
        answered, answer, _ = tracker.track(tracker.started(start), target)
        state = tracker.started(start, most)
        status, q, _ = tracker.track(state, target)
        way, moved = answer - start, q - start
        share = (np.abs(moved) / most).max()
        assert share == pytest.approx(min(1, (np.abs(way) / most).max()), abs=1e-3)
        scale = min(1.0, 1 / max((np.abs(way) / most).max(), 1e-9))
        np.testing.assert_allclose(moved, scale * way, atol=2e-6)
        if answered != SOLVED:
            continue
        # Joints on their way may come by a nearer answer, but they arrive.
        calls = 1
        while status == LIMITED:
            limited += 1
            status, _ = expect_held(tracker, state, target, most.astype(float))
            calls += 1
            assert calls < 1000
        assert status == SOLVED
        assert calls <= 1.1 * math.ceil((np.abs(way) / most).max()) + 2
    assert limited > 50


def test_what_is_no_target_or_state_leaves_joints_and_state(tracker):
    q, targets = path_of(tracker)
    bad_target = targets[0].copy()
    bad_target[-1] = np.nan
    far = targets[0].copy()
    far[0] = 2e6
    for target in (bad_target, far):
        for state in (tracker.started(q[0]), tracker.state_type()):
            expect_refused(tracker, state, target)
    for wild in (np.nan, np.inf, -np.inf, 2e6):
        joints = q[0].copy()
        joints[-1] = wild
        expect_refused(tracker, tracker.started(joints), targets[0])
    for step in (np.nan, -0.1):
        most = np.ones(tracker.n)
        most[-1] = step
        expect_refused(tracker, tracker.started(q[0], most), targets[0])


def expect_refused(tracker, state, target):
    before = bytes(state)
    status, q, info = tracker.track(state, target)
    assert status == BAD_TARGET
    assert (q == 7.5).all()
    assert bytes(state) == before
    assert (info.residual > 1e19, info.steps) == (True, 0)


def test_joints_beyond_their_limits_come_back_within_them(tracker):
    q, targets = path_of(tracker)
    stops = np.flatnonzero(~tracker.chain.continuous)
    most = single(0.01 * tracker.chain.scales)
    for end, sign in ((tracker.chain.lower, -1), (tracker.chain.upper, 1)):
        start = q[0].copy()
        start[stops] = end[stops] + 0.1 * sign * tracker.chain.scales[stops]
        state = tracker.started(start, most)
        _, found, _ = tracker.track(state, targets[0])
        assert tracker.holds(found)
        moved = np.abs(found - end)[stops]
        assert (moved <= most[stops] + 1e-6).all()


def test_what_an_encoder_says_is_gone_on_from(tracker):
    q, targets = path_of(tracker)
    state = tracker.started(q[0], single(0.001 * tracker.chain.scales))
    for now, target in zip(q, targets, strict=True):
        state.q[:] = single(now)
        status, found, _ = tracker.track(state, target)
        assert status == SOLVED
        np.testing.assert_allclose(found, now, atol=1e-4)


COUNTER = """
#include "robot.c"
void __cyg_profile_func_enter(void *function, void *site);
void __cyg_profile_func_exit(void *function, void *site);
int32_t networks = 0, steps = 0;
__attribute__((no_instrument_function)) void __cyg_profile_func_enter(void *function, void *site)
{
    (void)site;
    networks += function == (void *)network;
    steps += function == (void *)step;
}
__attribute__((no_instrument_function)) void __cyg_profile_func_exit(void *function, void *site)
{
    (void)function;
    (void)site;
}
"""


@pytest.mark.parametrize("name", ["arm3", "pose", "pose in branches", "restarts", "sliding pose"])
def test_the_work_of_a_call_is_bounded(tracker_of, name, write_firmware, tmp_path):
    """Counted in the C itself: one run of the network, and no more steps than are told."""
    tracker = tracker_of(name)
    folder = write_firmware(tracker.firmware, tmp_path)
    (folder / "counted.c").write_text(COUNTER)
    command = ["cc", "-std=c99", "-O0", "-finstrument-functions", "-shared", "-fPIC"]
    subprocess.run(
        [*command, "-Wl,-Bsymbolic", "counted.c", "-o", "counted.so"], cwd=folder, check=True
    )
    counted = ctypes.CDLL(str(folder / "counted.so"))
    networks, steps = (ctypes.c_int32.in_dll(counted, word) for word in ("networks", "steps"))
    usual, heads = tracker.firmware.steps, len(tracker.solver.branches)
    # Of each pass a step may be taken twice, where joints meet limits.
    most = 2 * ((TRACK_STEPS + 1) + (heads + 1) * (usual + 1) + (NEAREST_STEPS + 1))
    targets, near = reachable(tracker, 9, 60)
    targets[::3, : len(tracker.solver.task.place)] *= 3
    q, runs, longest = np.zeros(tracker.n, np.float32), 0, 0
    for target, start in zip(targets, near, strict=True):
        state = tracker.started(start)
        networks.value = steps.value = 0
        counted.robot_track(ctypes.byref(state), pointer(target), pointer(q), None)
        assert networks.value == state.network_runs <= 1
        assert steps.value <= most
        runs, longest = runs + networks.value, max(longest, steps.value)
    assert runs > 40
    assert longest > (heads + 1) * usual


def test_python_s_own_call_is_the_same(tracker):
    """`IkSolver.track` by the C and by NumPy, from anywhere and held to steps."""
    targets, near = reachable(tracker, 11, 30)
    given = tracker.solver.task.given(targets.astype(float))
    alike = 0
    for row, start in zip(given, near.astype(float), strict=True):
        for most in (None, 0.05):
            ours, theirs = (s.track(row, start, most) for s in (tracker.solver, tracker.reference))
            assert ours.within_limits
            assert theirs.within_limits
            if most and not np.any(np.abs(ours.q - start) > most + 1e-6):
                assert ours.status is not Status.BAD_TARGET
            same = np.abs(ours.q - theirs.q).max() < 5e-3 and ours.status is theirs.status
            alike += same and (ours.branch, ours.tried) == (theirs.branch, theirs.tried)
    # Where nothing reaches a target, or two answers are as near, rounding decides.
    assert alike > 0.75 * 2 * len(targets)


@pytest.mark.parametrize("far", [0.0, 40.0, -500.0, FARTHEST_TURN])
def test_what_is_told_of_a_joint_many_turns_away_is_true(far, tracker_of):
    """Of the joints that are returned: to single precision's digits there, exactly in Python."""
    tracker = tracker_of("without end")
    solver, reach = tracker.solver, tracker.chain.reach
    q, targets = path_of(tracker)
    for here, target in zip(q[:40], targets[:40], strict=True):
        near = here.copy()
        near[0] = far
        status, found, info = tracker.nearest(target, near)
        assert status in (SOLVED, UNREACHABLE)
        (true,), _ = tracker.problem.errors(found[None].astype(float), target[None].astype(float))
        assert abs(true - info.residual) < 1e-4 * reach
        for own in (solver, tracker.reference):
            answer = own.solve(target.astype(float), near)
            (true,), _ = tracker.problem.errors(answer.q[None], target[None].astype(float))
            assert answer.position_error_m == pytest.approx(true, abs=ROUNDING)
            assert abs(answer.q[0] - far) < math.pi + 1e-6
    near[0] = 2 * FARTHEST_TURN
    assert tracker.nearest(target, near)[0] == BAD_TARGET
    for own in (solver, tracker.reference):
        with pytest.raises(TargetError, match="turns without end"):
            own.solve(target.astype(float), near)
