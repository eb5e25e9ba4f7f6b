"""Firmware in integers: each joint as its twin in Python has it, whatever compiles it."""

import ctypes
import dataclasses
import itertools
import math
import re
import subprocess
from types import SimpleNamespace

import numpy as np
import pytest

from edge_ik.arms import load_arm
from edge_ik.data.rank import chosen_task
from edge_ik_tools.c99.source import ARITHMETICS, Firmware
from edge_ik_tools.emulate.build import FIRMWARE, link_program, own_objects
from edge_ik_tools.emulate.cores import CORES
from firmware_host.errors import ConfigError
from firmware_host.fixed_point.solver import FixedSolver
from firmware_host.model_file import read_model, write_model
from firmware_host.tolerances import FARTHEST_TURN

SOLVED, UNREACHABLE, BAD_TARGET, LIMITED = range(4)
COUNT = 30
MILLION = 1_000_000
SHORT = "-DEDGE_IK_SHORT_PRODUCTS=1"
# A robot, its task, how many branches, and the network's type.
CASES = {
    "position": ("arm3", "position", 1, np.int8),
    "int16": ("arm3", "position", 1, np.int16),
    "planar": ("leg2", "planar", 1, np.int8),
    "branches": ("leg3", "position", 3, np.int8),
    "pose": ("ur5", "pose", 4, np.int8),
    "axis": ("so101", "axis", 2, np.int8),
    "pitch": ("openmanipulator_x", "pitch", 2, np.int16),
    "to spare": ("panda", "pose", 2, np.int8),
    "sliding": ("cylindrical", "position", 1, np.int8),
    "all sliding": ("gantry", "position", 1, np.int8),
    "sliding pose": ("stanford", "pose", 2, np.int8),
    "followers": ("palletizer", "position", 2, np.int8),
    "geared": ("geared", "position", 2, np.int16),
    "on a rail": ("on a rail", "position", 2, np.int8),
}
# Of each: a compiler, its level, and whether products are short.
VARIANTS = [("gcc", "-O2", ()), ("clang", "-Os", (SHORT,))]
MATRIX = list(itertools.product(("gcc", "clang"), ("-O0", "-O2", "-Os"), ((), (SHORT,))))


def single(values):
    return np.ascontiguousarray(values, np.float32)


def whole(values):
    return np.ascontiguousarray(values, np.int32)


def pointer(values):
    # It keeps the array alive.
    return values.ctypes.data_as(ctypes.c_void_p)


def nearest_single(number, bits):
    """number / 2^bits to the nearest float, halves away from zero."""
    size = abs(number)
    lost = max(0, size.bit_length() - 24)
    if lost:
        size = (size + (1 << (lost - 1))) >> lost << lost
    return np.float32(math.copysign(math.ldexp(size, -bits), number))


class Built:
    """Firmware on this machine, called as a board calls it; joints are 7 where left alone."""

    def __init__(self, library, firmware):
        self.library, self.name = library, firmware.name
        self.n, self.size = len(firmware.spec.chain), firmware.spec.task.size
        turning, choice = firmware.spec.task.has_orientation, firmware.solvers.choice
        numbers = ["steps", *(["branch", "tried", "restarts"] if choice else [])]
        self.infos = {}
        for suffix, kind in (("", ctypes.c_float), ("_um", ctypes.c_uint32)):
            parts = ["residual", *(["rotation_residual"] if turning else []), "seed_residual"]
            fields = [(part, kind) for part in parts] + [(one, ctypes.c_int32) for one in numbers]
            self.infos[suffix] = type("Info", (ctypes.Structure,), {"_fields_": fields})
        self.states = {}
        for suffix, kind in (("", ctypes.c_float), ("_um", ctypes.c_int32)):
            fields = [("q", kind * self.n), ("max_step", kind * self.n)]
            fields += [("started", ctypes.c_int32), ("network_runs", ctypes.c_uint32)]
            self.states[suffix] = type("State", (ctypes.Structure,), {"_fields_": fields})

    def call(self, function, *arguments, um=False):
        """A function of arrays, then joints and info: status, joints and info."""
        suffix, kind = ("_um", np.int32) if um else ("", np.float32)
        q, info = np.full(self.n, 7, kind), self.infos[suffix]()
        given = [
            argument if not isinstance(argument, np.ndarray) else pointer(argument)
            for argument in arguments
        ]
        found = getattr(self.library, f"{self.name}_{function}{suffix}")
        status = found(*given, pointer(q), ctypes.byref(info))
        return SimpleNamespace(status=status, q=q, info=info)

    def solve(self, target):
        return self.call("solve", single(target))

    def solve_um(self, target):
        return self.call("solve", whole(target), um=True)

    def near(self, target, q):
        return self.call("solve_near", single(target), single(q))

    def near_um(self, target, q):
        return self.call("solve_near", whole(target), whole(q), um=True)

    def started(self, q, max_step=None, um=False):
        suffix, array = ("_um", whole) if um else ("", single)
        state = self.states[suffix]()
        most = None if max_step is None else pointer(array(max_step))
        begin = getattr(self.library, f"{self.name}_track_start{suffix}")
        begin(ctypes.byref(state), pointer(array(q)), most)
        return state

    def track(self, state, target, um=False):
        array = whole if um else single
        return self.call("track", ctypes.byref(state), array(target), um=um)


@pytest.fixture(scope="module")
def cases(integer_firmware, other_arms):
    """Function of a name in `CASES`: firmware, its twin, and targets anywhere it reaches."""
    made = {}

    def case(name):
        if name not in made:
            arm, task, branches, dtype = CASES[name]
            chain, rng = other_arms.get(arm) or load_arm(arm), np.random.default_rng(1)
            kind = chosen_task(chain, task)
            firmware, network = integer_firmware(chain, rng, kind, branches, dtype)
            q = rng.uniform(chain.lower, chain.upper, (COUNT, len(chain)))
            made[name] = SimpleNamespace(
                firmware=firmware,
                twin=FixedSolver(firmware.spec, network),
                spec=firmware.spec,
                q=q,
                targets=firmware.spec.problem.reached_by(q).astype(np.float32),
            )
        return made[name]

    return case


@pytest.fixture(scope="module")
def build(cases, tmp_path_factory, write_firmware, require_tool):
    """Function of a case, compiler and options: its firmware for this machine, kept."""
    folders, built = {}, {}

    def compiled(name, compiler="gcc", *options, fixed=1):
        key = (name, compiler, options, fixed)
        if key not in built:
            firmware = cases(name).firmware
            if name not in folders:
                folders[name] = write_firmware(firmware, tmp_path_factory.mktemp("fixed"))
            out = folders[name] / f"{len(built)}.so"
            command = [require_tool(compiler, compiler), "-std=c99", *(options or ("-O1",))]
            command += ["-fPIC", "-shared", f"-DEDGE_IK_FIXED={fixed}", f"{firmware.name}.c"]
            subprocess.run([*command, "-o", out], cwd=folders[name], check=True)
            built[key] = Built(ctypes.CDLL(str(out)), firmware)
        return built[key]

    return compiled


@pytest.fixture(params=CASES)
def name(request):
    return request.param


def awkward_targets(case):
    """Targets in reach, far ones, and ones that are none."""
    rng, places = np.random.default_rng(2), len(case.spec.task.place)
    far = case.targets[:20].copy()
    far[:, :places] *= np.exp(rng.uniform(0, 14, (20, 1))).astype(np.float32)
    bad = case.targets[:8].copy()
    words = [np.nan, np.inf, -np.inf, 1e6, -1.1e6, 3e38, 1e-42, -0.0]
    bad[np.arange(8), rng.integers(case.spec.task.size, size=8)] = np.array(words, np.float32)
    return np.concatenate([case.targets, far, bad])


def micro_limits(chain, joint):
    free = chain.continuous[joint]
    low = -(2**31) if free else math.ceil(float(chain.lower[joint]) * 1e6)
    return low, 2**31 - 1 if free else math.floor(float(chain.upper[joint]) * 1e6)


def millionths(case, answer):
    """What a twin's joints are in millionths."""
    found = []
    for joint, (value, bits) in enumerate(zip(answer.q, case.twin.robot.joint_bits, strict=True)):
        low, high = micro_limits(case.spec.chain, joint)
        found.append(min(max((value * MILLION + (1 << (bits - 1))) >> bits, low), high))
    return found


def assert_twins(case, built):
    bits = case.twin.robot.joint_bits
    statuses = set()
    for target in awkward_targets(case):
        found, twin = built.solve(target), case.twin.solve(target)
        assert found.status == twin.status
        statuses.add(found.status)
        if twin.status == BAD_TARGET:
            assert found.q.tolist() == [7.0] * built.n
            continue
        expected = [nearest_single(q, own) for q, own in zip(twin.q, bits, strict=True)]
        np.testing.assert_array_equal(found.q, expected)
        if case.firmware.solvers.choice:
            assert (found.info.branch, found.info.tried) == (twin.branch, twin.tried)
        assert case.spec.chain.within_limits(found.q.astype(float))
    assert statuses == {SOLVED, UNREACHABLE, BAD_TARGET}


def assert_twins_in_millionths(case, built):
    rng, size = np.random.default_rng(3), case.spec.task.size
    targets = np.rint(case.targets.astype(float) * MILLION).astype(np.int64)
    edges = rng.choice([-(2**31), 2**31 - 1, 0, 1, -1, MILLION], targets[:20].shape)
    edged = np.where(rng.random((20, size)) < 0.4, edges, targets[:20])
    arbitrary = rng.integers(-(2**31), 2**31, (10, size))
    for target in np.concatenate([targets, edged, arbitrary]):
        found, twin = built.solve_um(target), case.twin.solve_um(target.tolist())
        assert found.status == twin.status
        if twin.status == BAD_TARGET:
            assert found.q.tolist() == [7] * built.n
        else:
            assert found.q.tolist() == millionths(case, twin)


@pytest.mark.parametrize(("compiler", "level", "more"), VARIANTS)
def test_joints_are_the_twins_bit_for_bit(compiler, level, more, name, cases, build):
    case, built = cases(name), build(name, compiler, level, *more)
    assert_twins(case, built)
    assert_twins_in_millionths(case, built)


@pytest.mark.slow
@pytest.mark.parametrize(("compiler", "level", "more"), MATRIX)
def test_joints_are_the_twins_whatever_compiles_them(compiler, level, more, cases, build):
    case, built = cases("sliding pose"), build("sliding pose", compiler, level, *more)
    assert_twins(case, built)
    assert_twins_in_millionths(case, built)


def test_integers_solve_what_floats_solve(name, cases, build):
    case, fixed, floats = cases(name), build(name), build(name, fixed=0)
    problem, differ, both = case.spec.problem, 0, 0
    for target in case.targets:
        found, expected = fixed.solve(target), floats.solve(target)
        differ += found.status != expected.status
        if found.status == expected.status == SOLVED:
            both += 1
            assert problem.is_solved(found.q.astype(float), target.astype(float))
            assert found.info.residual == pytest.approx(
                problem.errors(found.q.astype(float), target.astype(float))[0], abs=2e-6
            )
    assert differ <= 0.05 * COUNT + 1
    assert both > 0


# What a joint may be off that of floats, where the same steps lead to both [rad, m].
NEAR = 1e-4
# What its tool may be off, far below the tolerance.
PLACE, ANGLE = 0.05e-3, math.radians(0.01)


def present(case, rng, count, way=0.05):
    """Joints within the limits, and targets a little way from them."""
    chain = case.spec.chain
    lower, upper = chain.lower + way * chain.scales, chain.upper - way * chain.scales
    q = rng.uniform(lower, np.maximum(lower, upper), (count, len(chain)))
    moved = chain.clamp(q + rng.uniform(-way, way, q.shape) * chain.scales)
    return q.astype(np.float32), case.spec.problem.reached_by(moved).astype(np.float32)


def alike(case, found, expected):
    """Whether answers in integers and in floats are of one posture, and hold the tool alike."""
    q, theirs = found.q.astype(float), expected.q.astype(float)
    place, angle = case.spec.problem.errors(q, case.spec.problem.reached_by(theirs))
    near = np.abs(q - theirs).max() < 0.1
    return bool(near and place < PLACE and angle < ANGLE)


def test_the_nearest_answer_is_that_of_floats(name, cases, build):
    case, fixed, floats = cases(name), build(name), build(name, fixed=0)
    q, targets = present(case, np.random.default_rng(4), COUNT)
    same, off = [], []
    for near, target in zip(q, targets, strict=True):
        found, expected = fixed.near(target, near), floats.near(target, near)
        assert found.status != BAD_TARGET
        if found.status == expected.status == SOLVED:
            same.append(alike(case, found, expected))
            off.append(np.abs(found.q - expected.q).max())
    assert len(same) > 0.9 * COUNT
    assert np.mean(same) > 0.95
    # Near singularities joints move the tool by next to nothing.
    assert np.median(off) < 3 * NEAR


def test_a_path_is_followed_as_in_floats(name, cases, build):
    case, fixed, floats = cases(name), build(name), build(name, fixed=0)
    chain, rng = case.spec.chain, np.random.default_rng(5)
    # Off the middle, where arms of six joints are singular.
    room = 0.2 * np.minimum(chain.upper - chain.lower, 2.0)
    ends = chain.middle + rng.uniform(0.5, 1, (2, len(chain))) * room
    way = np.linspace(ends[0], ends[1], 30)
    targets = case.spec.problem.reached_by(way).astype(np.float32)
    states = [built.started(way[0]) for built in (fixed, floats)]
    micro = fixed.started(np.rint(way[0] * MILLION), um=True)
    for target in targets:
        found, expected = fixed.track(states[0], target), floats.track(states[1], target)
        whole_target = np.rint(target.astype(float) * MILLION)
        in_millionths = fixed.track(micro, whole_target, um=True)
        assert found.status == expected.status == in_millionths.status == SOLVED
        assert list(states[0].q) == found.q.tolist()
        if not case.spec.problem.spare_joints:
            assert np.abs(found.q.astype(float) - expected.q).max() < 1e-3
            assert np.abs(in_millionths.q / 1e6 - found.q).max() < 1e-3
    assert (states[0].network_runs, states[1].network_runs, micro.network_runs) == (0, 0, 0)


@pytest.mark.parametrize("um", [False, True])
def test_no_joint_goes_further_than_it_may(um, name, cases, build):
    case, fixed = cases(name), build(name)
    chain, rng, unit = case.spec.chain, np.random.default_rng(6), MILLION if um else 1
    q, _ = present(case, rng, 12)
    limited = 0
    for k in range(12):
        most = 10.0 ** rng.uniform(-3, -1, len(chain)) * chain.scales * unit
        most[rng.random(len(chain)) < 0.3] = 0
        begun = q[k] * np.float32(unit)
        begun, most = (whole(np.rint(part)) if um else single(part) for part in (begun, most))
        state = fixed.started(begun, most, um)
        target = case.spec.problem.reached_by(q[(k + 1) % 12]) * unit
        found = fixed.track(state, np.rint(target) if um else target, um)
        assert found.status in (SOLVED, UNREACHABLE, LIMITED)
        limited += found.status == LIMITED
        way = np.abs(found.q.astype(float) - begun)
        rounding = 1 if um else 1e-6
        assert np.all((way <= most + rounding) | (most == 0))
    assert limited > 0


@pytest.fixture(scope="module")
def endless(cases, build):
    """The arm whose first joint turns without end, and targets all around it."""
    case = cases("geared")
    joint = int(np.flatnonzero(case.spec.chain.continuous)[0])
    return case, joint


@pytest.mark.parametrize("turns", [0, 1, -3, 40, -150])
def test_joints_without_end_stay_on_their_turn(turns, endless, build):
    case, joint = endless
    fixed, floats = build("geared"), build("geared", fixed=0)
    q, targets = present(case, np.random.default_rng(7), 20)
    whole_turns = 2 * math.pi * turns
    for near, target in zip(q, targets, strict=True):
        far = near.copy()
        far[joint] += whole_turns
        found, expected = fixed.near(target, far), floats.near(target, far)
        if found.status == expected.status == SOLVED:
            # Single precision knows a joint of many turns to some ten thousandths.
            room = 2e-3 + 2 * np.spacing(np.float32(abs(whole_turns)))
            assert abs(float(found.q[joint]) - float(far[joint])) < math.pi + room
            assert abs(float(found.q[joint]) - float(expected.q[joint])) < room
        # In microradians as far as 32 bits lead.
        if abs(whole_turns) < 2000:
            begun = np.rint(far.astype(float) * MILLION)
            micro = fixed.near_um(np.rint(target.astype(float) * MILLION), begun)
            if micro.status == found.status == SOLVED:
                assert abs(micro.q[joint] / 1e6 - float(found.q[joint])) < 3e-3


@pytest.mark.parametrize("turns", [160, -9000, 70_000])
def test_joints_of_more_turns_than_single_precision_tells_are_refused(turns, endless, build):
    case, joint = endless
    q, targets = present(case, np.random.default_rng(7), 3)
    for solver in (build("geared"), build("geared", fixed=0)):
        for near, target in zip(q, targets, strict=True):
            far = near.copy()
            far[joint] += 2 * math.pi * turns
            assert solver.near(target, far).status == BAD_TARGET
            state = solver.started(far)
            assert solver.track(state, target).status == BAD_TARGET
            assert state.network_runs == 0


WILD = [0.0, 1e-42, -7.0, 40.0, 1e3, -1e5, 999_999.0, 1e6, -1e6]


def test_present_joints_may_be_anywhere(name, cases, build):
    case, fixed, floats = cases(name), build(name), build(name, fixed=0)
    rng, chain = np.random.default_rng(8), case.spec.chain
    differ = 0
    for target in case.targets[:30]:
        near = rng.choice(np.array(WILD, np.float32), len(chain))
        near = np.where(chain.continuous, np.clip(near, -FARTHEST_TURN, FARTHEST_TURN), near)
        found, expected = fixed.near(target, near), floats.near(target, near)
        assert found.status in (SOLVED, UNREACHABLE)
        differ += found.status != expected.status
        free = chain.continuous
        assert np.all((found.q.astype(float) >= chain.lower) | free)
        assert np.all((found.q.astype(float) <= chain.upper) | free)
        assert np.all(np.abs(found.q[free].astype(float) - near[free]) < math.pi + 0.2)
    assert differ <= 3
    for bad in (np.nan, np.inf, -np.inf, 1.1e6, -3e38):
        near = single(chain.middle)
        near[rng.integers(len(chain))] = bad
        assert fixed.near(case.targets[0], near).status == BAD_TARGET
        state = fixed.started(near)
        assert fixed.track(state, case.targets[0]).status == BAD_TARGET
        assert state.network_runs == 0


@pytest.mark.parametrize("bad", [-1e-3, -1e30, -np.inf, np.nan])
def test_steps_that_are_no_sizes_are_told(bad, cases, build):
    case, fixed = cases("position"), build("position")
    most = np.full(len(case.spec.chain), 0.1, np.float32)
    most[1] = bad
    state = fixed.started(case.q[0], most)
    found = fixed.track(state, case.targets[0])
    assert found.status == BAD_TARGET
    assert found.info.residual > 1e19
    if np.isfinite(bad) and bad > -100:
        state = fixed.started(np.zeros(3), np.rint(most * 1e6), um=True)
        found = fixed.track(state, np.zeros(3), um=True)
        assert found.status == BAD_TARGET
        assert found.info.residual == 2**32 - 1


@pytest.mark.parametrize("free", [0.0, -0.0, np.inf, 1e30])
def test_steps_without_a_bound_are_told_from_small_ones(free, cases, build):
    case, fixed = cases("position"), build("position")
    state = fixed.started(case.spec.chain.middle, np.full(3, free, np.float32))
    assert fixed.track(state, case.targets[0]).status in (SOLVED, UNREACHABLE)
    state = fixed.started(case.spec.chain.middle, np.full(3, 1e-12, np.float32))
    found = fixed.track(state, case.spec.problem.reached_by(case.spec.chain.upper))
    assert np.abs(found.q - case.spec.chain.middle).max() < 1e-6


def test_what_is_measured_is_true(name, cases, build):
    """Distances and angles of an answer, in metres and in millionths, also of far targets."""
    case, fixed = cases(name), build(name)
    problem, places = case.spec.problem, len(case.spec.task.place)
    for share in (1.0, 2.5, 3e3):
        for target in case.targets[:10].astype(float):
            target[:places] *= share
            given = target.astype(np.float32)
            found = fixed.solve(given)
            place, angle = problem.errors(found.q.astype(float), given.astype(float))
            assert found.info.residual == pytest.approx(place, rel=1e-5, abs=2e-6)
            # Pitch counts about the first axis, and far targets are brought nearer to the base.
            if case.spec.task.has_orientation and (share == 1 or name != "pitch"):
                assert found.info.rotation_residual == pytest.approx(angle, rel=1e-4, abs=1e-5)
            if np.abs(target).max() * 1e6 < 2**31:
                micro = fixed.solve_um(np.rint(target * MILLION))
                numbers = np.rint(target * MILLION) / MILLION
                place, _ = problem.errors(micro.q / 1e6, numbers)
                assert micro.info.residual / 1e6 == pytest.approx(place, rel=1e-5, abs=4e-6)


def test_forward_is_that_of_floats(name, cases, build):
    case, fixed, floats = cases(name), build(name), build(name, fixed=0)
    for q in case.q[:20]:
        poses = []
        for built in (fixed, floats):
            T = np.empty(12, np.float32)
            built.library.robot_forward(pointer(single(q)), pointer(T))
            poses.append(T)
        np.testing.assert_allclose(poses[0], poses[1], atol=2e-6)


def test_seeds_are_those_of_floats_to_a_step_of_the_network(name, cases, build):
    case, fixed, floats = cases(name), build(name), build(name, fixed=0)
    off = []
    for target in case.targets[:20]:
        seeds = []
        for built in (fixed, floats):
            q = np.empty(built.n, np.float32)
            assert built.library.robot_seed(pointer(single(target)), pointer(q)) != BAD_TARGET
            seeds.append(q)
        off.append(np.abs(seeds[0] - seeds[1]).max())
    assert np.median(off) < 1e-3


# ---- What is in the source


def compile_for(core, tools, folder, firmware, *options):
    """Compile firmware for a core, silently."""
    return tools.compile(core, folder / f"{firmware.name}.c", folder / "o.o", options=options)


@pytest.fixture(scope="module")
def written(cases, tmp_path_factory, write_firmware):
    """Function of a case: the folder of its firmware."""
    made = {}

    def write(some):
        if some not in made:
            folder = tmp_path_factory.mktemp("written")
            made[some] = write_firmware(cases(some).firmware, folder)
        return made[some]

    return write


@pytest.mark.parametrize(("compiler", "more"), [("gcc", ()), ("clang", (SHORT,))])
def test_compilers_are_silent(compiler, more, name, written, require_tool, warnings_as_errors):
    path = require_tool(compiler, compiler)
    command = [path, *warnings_as_errors, "-Wshadow", "-O1", "-DEDGE_IK_FIXED=1", *more]
    command += ["-c", "robot.c", "-o", "robot.o"]
    built = subprocess.run(command, cwd=written(name), capture_output=True, text=True, check=False)
    assert (built.returncode, built.stderr) == (0, "")


# Without a floating-point unit.
SOFT = ["cortex-m0", "cortex-m3", "rv32imc"]


# One of them for each kind, and every one for the first.
ON_CORES = [("position", core) for core in SOFT]
ON_CORES += list(zip(list(CASES)[1:], itertools.cycle(SOFT), strict=False))


@pytest.mark.parametrize(("some", "core"), ON_CORES)
def test_compilers_for_cores_are_silent_and_take_integers(some, core, written, cases, tools_for):
    """Nothing computes with floats where they only come in and go out: they are compared."""
    tools, firmware = tools_for(CORES[core]), cases(some).firmware
    options = ("-Wconversion", "-Wdouble-promotion", "-Wpedantic", "-Wshadow", "-Werror")
    out = compile_for(CORES[core], tools, written(some), firmware, *options)
    nm = f"{tools.family.prefix}-nm"
    listed = subprocess.run([nm, out], capture_output=True, text=True, check=True).stdout
    called = {line.split()[-1] for line in listed.splitlines() if line.split()[-2] == "U"}
    assert called
    if some == "position":
        compared = re.compile(r"__aeabi_fcmp\w\w$|__(ge|le|gt|lt|unord)sf2$")
        computed = re.compile(r"__(aeabi_[a-z0-9]*[fd]\d?\w*|\w+[sd]f\w*)$")
        integers = re.compile(
            r"__aeabi_(u?l|u?i|mem|ll)\w*$|__(mul|div|udiv|ash\w|lshr|clz)[sd]i\d$"
        )
        floats = {word for word in called if computed.match(word) and not integers.match(word)}
        assert {word for word in floats if compared.match(word)} == floats


def test_cpp_takes_the_header(written, require_tool):
    gcc, clang = require_tool("gcc", "gcc"), require_tool("clang", "clang")
    folder = written("pose")
    (folder / "main.cc").write_text(
        '#include "robot.h"\n'
        "int main() {\n"
        "    int32_t target[ROBOT_TARGET] = {300000, 0, 100000}, q[ROBOT_JOINTS] = {0};\n"
        "    robot_info_um info;\n    robot_state_um state;\n"
        "    robot_track_start_um(&state, q, 0);\n"
        "    if (robot_solve_um(target, q, &info) != ROBOT_BAD_TARGET) return 1;\n"
        "    if (robot_solve_near_um(target, q, q, &info) != ROBOT_BAD_TARGET) return 2;\n"
        "    if (robot_track_um(&state, target, q, &info) != ROBOT_BAD_TARGET) return 3;\n"
        "    return info.residual_um == 4294967295u ? 0 : 4;\n}\n"
    )
    options = ["-std=c99", "-DEDGE_IK_FIXED=1", "-c", "robot.c", "-o", "c.o"]
    subprocess.run([gcc, *options], cwd=folder, check=True)
    flags = ["-x", "c++", "-std=c++11", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
    subprocess.run([clang, *flags, "-c", "main.cc", "-o", "cc.o"], cwd=folder, check=True)
    subprocess.run([gcc, "cc.o", "c.o", "-o", "both"], cwd=folder, check=True)
    assert subprocess.run([folder / "both"], check=False).returncode == 0


def test_both_arithmetics_are_in_the_source_unless_one_is_asked_for(cases):
    firmware = cases("branches").firmware
    sources = {
        word: dataclasses.replace(firmware, arithmetic=word).source() for word in ARITHMETICS
    }
    assert set(sources) == {"auto", "float", "fixed"}
    assert "inverse_root_of(" in sources["auto"]
    assert "defined(__ARM_FP)" in sources["auto"]
    assert "inverse_root_of(" not in sources["float"]
    assert "EDGE_IK_FIXED" not in sources["float"]
    assert "#define EDGE_IK_FIXED 1" in sources["fixed"]
    assert "static const IN_FLASH joint_t joints" not in sources["fixed"]
    assert len(sources["auto"]) > max(len(sources["float"]), len(sources["fixed"]))


@pytest.mark.parametrize("word", ["float", "fixed"])
def test_one_arithmetic_answers_as_in_both(word, cases, build, tmp_path, write_firmware):
    case = cases("branches")
    alone = dataclasses.replace(case.firmware, arithmetic=word)
    write_firmware(alone, tmp_path)
    command = ["gcc", "-std=c99", "-O1", "-fPIC", "-shared", "robot.c", "-o", "robot.so"]
    subprocess.run(command, cwd=tmp_path, check=True)
    built = Built(ctypes.CDLL(str(tmp_path / "robot.so")), alone)
    both = build("branches", fixed=int(word == "fixed"))
    for target in case.targets[:20]:
        found, expected = built.solve(target), both.solve(target)
        assert found.status == expected.status
        assert found.q.tolist() == expected.q.tolist()


def test_floats_are_what_this_machine_takes_by_itself(cases, build, tmp_path, write_firmware):
    case = cases("position")
    write_firmware(case.firmware, tmp_path)
    command = ["gcc", "-std=c99", "-O1", "-fPIC", "-shared", "robot.c", "-o", "robot.so"]
    subprocess.run(command, cwd=tmp_path, check=True)
    built, floats = (
        Built(ctypes.CDLL(str(tmp_path / "robot.so")), case.firmware),
        build("position", fixed=0),
    )
    for target in case.targets[:20]:
        assert built.solve(target).q.tolist() == floats.solve(target).q.tolist()


def test_networks_of_floats_are_for_floats_alone(source_root, planar_model, tmp_path):
    flatbuffer = (source_root / "tests/firmware_host/models/float32.tflite").read_bytes()
    write_model(tmp_path / "float.tflite", flatbuffer, read_model(planar_model)[1])
    with pytest.raises(ConfigError, match=r"needs a network of integers\. Export the model with"):
        Firmware.load(tmp_path / "float.tflite", arithmetic="fixed")
    assert not Firmware.load(tmp_path / "float.tflite").uses_fixed
    assert "EDGE_IK_FIXED" not in Firmware.load(tmp_path / "float.tflite").source()


def test_an_unknown_arithmetic_is_refused(arm3_path):
    with pytest.raises(ConfigError, match=r"one of auto, float, fixed\. Received: 'double'"):
        Firmware.load(arm3_path, arithmetic="double")


def test_the_header_says_which_arithmetic_was_asked_for(arm3_path):
    words = " ".join(Firmware.load(arm3_path, arithmetic="fixed").header().split())
    assert "--firmware c99 --arithmetic fixed`" in words
    assert "--arithmetic" not in Firmware.load(arm3_path).header()


# ---- On emulated cores

COMPARE = """\
#include "robot.h"
#include "host.h"

static const int32_t targets[][ROBOT_TARGET] = {{{targets}}};
static const int32_t floats[][ROBOT_TARGET] = {{{floats}}};

/* Status and joints in millionths, then of floats status and bits of the joints. */
int main(void)
{{
    const int32_t to = host_open("answers.bin", 1);
    for (int32_t i = 0; i < {rows}; ++i) {{
        int32_t told[2 * (ROBOT_JOINTS + 1)] = {{0}};
        told[0] = (int32_t)robot_solve_um(targets[i], &told[1], 0);
        told[ROBOT_JOINTS + 1] = (int32_t)robot_solve(
            (const float *)floats[i], (float *)&told[ROBOT_JOINTS + 2], 0);
        host_write(to, told, sizeof(told));
    }}
    host_close(to);
    return 0;
}}
"""


def rows_of(words):
    return ", ".join(f"{{{', '.join(map(str, row))}}}" for row in words.tolist())


def expected_words(case, target, given):
    """What a twin says of a target in millionths, and of one in floats, as 32-bit words."""
    twin, single_twin = case.twin.solve_um(target.tolist()), case.twin.solve(given)
    n = len(case.spec.chain)
    words = [twin.status, *(millionths(case, twin) if twin.q else [0] * n), single_twin.status]
    bits = case.twin.robot.joint_bits
    floats = [nearest_single(q, own) for q, own in zip(single_twin.q, bits, strict=False)]
    return [*words, *single(floats or [0.0] * n).view(np.int32).tolist()]


@pytest.mark.slow
@pytest.mark.parametrize("core", SOFT)
@pytest.mark.parametrize("some", ["position", "branches", "sliding pose"])
def test_cores_answer_as_the_twin(core, some, cases, written, tools_for, tmp_path):
    case, tools, board = cases(some), tools_for(CORES[core]), CORES[core]
    given = np.concatenate([case.targets[:8], case.targets[:2] * np.float32(30)])
    targets = np.rint(given.astype(float) * MILLION).astype(np.int32)
    values = {
        "targets": rows_of(targets),
        "floats": rows_of(given.view(np.int32)),
        "rows": len(given),
    }
    (tmp_path / "main.c").write_text(COMPARE.format(**values))
    objects = own_objects(tools, board, (board.family.port,), tmp_path, [])
    include = [FIRMWARE, written(some)]
    options = ["-fno-strict-aliasing"]
    for source in (tmp_path / "main.c", written(some) / "robot.c"):
        out = tmp_path / f"{source.stem}.o"
        objects.append(tools.compile(board, source, out, include=include, options=options))
    tools.run(board, link_program(tools, board, objects, tmp_path / "program.elf"), tmp_path)
    found = np.fromfile(tmp_path / "answers.bin", "<i4").reshape(len(given), -1)
    pairs = zip(targets, given, strict=True)
    assert found.tolist() == [expected_words(case, target, own) for target, own in pairs]
