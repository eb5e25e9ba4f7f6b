"""The whole firmware on the host: the same answers as the C99 firmware, and clear failures."""

import ctypes

import numpy as np
import pytest

from firmware_host.installed import install_command
from firmware_host.kinematics import tool_position
from firmware_host.network.runtimes import available_runtimes, open_interpreter
from firmware_host.solver import IkSolver

EVERY = ("arm3", "int8_per_channel", "int8_per_tensor", "int16x8", "float32", "continuous")
CASES = ("axis", "pose", "position, branches", "pose, branches")
READY, OTHER_SCHEMA, OTHER_OPERATORS, ARENA_TOO_SMALL, OTHER_TENSORS = range(5)
SOLVED, UNREACHABLE, BAD_TARGET, LIMITED, NOT_READY, FAILED = range(6)
TARGETS = 2000
# Single precision against double, as for the C99 firmware [rad].
JOINT_TOLERANCE = 2e-5


@pytest.fixture
def load(build, tmp_path):
    return lambda key: build(key).load(tmp_path)


@pytest.fixture
def firmware(load):
    """A small one, not ready yet."""
    return load("int8_per_channel")


def drawn_targets(chain, count=TARGETS):
    """Positions that the robot reaches, some that it may not, and some that are no targets."""
    rng = np.random.default_rng(3)
    q = rng.uniform(chain.lower, chain.upper, (count, len(chain)))
    targets = tool_position(chain, np.sin(q), np.cos(q))
    targets[::10] *= 1.5
    wrong = [[np.nan, 0, 0], [0, np.inf, 0], [0, 0, -1e30], [3e38, 3e38, 3e38], [0, 0, 0]]
    return np.concatenate([targets, wrong]).astype(np.float32)


@pytest.mark.parametrize("key", EVERY)
def test_answers_are_those_of_the_c99_firmware(build, load, key):
    loaded = load(key)
    assert loaded.init() == READY
    statuses = set()
    for target in drawn_targets(build(key).spec.chain):
        answer = loaded.solve(target)
        statuses.add(answer[0])
        assert answer == loaded.solve(target, prefix="plain")
        assert loaded.seed(target) == loaded.seed(target, prefix="plain")
    assert {UNREACHABLE, BAD_TARGET} <= statuses
    assert loaded.fake.invoked > TARGETS


def drawn_cases(spec, count=100):
    """Targets of any task, each with joints that lead near it; the last is no target."""
    chain, rng = spec.chain, np.random.default_rng(3)
    q = rng.uniform(chain.lower, chain.upper, (count, len(chain)))
    targets = spec.problem.reached_by(q).astype(np.float32)
    targets[-1, -1] = np.nan
    near = q + rng.normal(0, 0.05, q.shape)
    return list(zip(targets, near.astype(np.float32), strict=True))


@pytest.mark.parametrize("key", CASES)
def test_every_task_and_branch_is_answered_as_by_the_c99_firmware(build, load, key):
    loaded, spec = load(key), build(key).spec
    assert loaded.init() == READY
    statuses = set()
    for target, near in drawn_cases(spec):
        answer = loaded.solve(target)
        statuses.add(answer[0])
        assert answer == loaded.solve(target, prefix="plain")
        assert loaded.seed(target) == loaded.seed(target, prefix="plain")
        if spec.heads > 1:
            assert loaded.solve(target, near=near) == loaded.solve(target, "plain", near)
        for branch in range(spec.heads + 1 if spec.heads > 1 else 0):
            answer = loaded.solve(target, branch=branch)
            assert answer == loaded.solve(target, "plain", branch=branch)
            assert loaded.seed(target, branch=branch) == loaded.seed(target, "plain", branch)
    assert BAD_TARGET in statuses
    assert len(statuses) > 1


@pytest.mark.parametrize("key", CASES)
def test_every_function_tells_of_a_network_that_is_not_ready_or_fails(build, load, key):
    loaded, spec = load(key), build(key).spec
    target, near = drawn_cases(spec)[0]
    # Joints as `Loaded` gives them to C, which leaves them as they are.
    untouched = np.full(len(spec.chain), np.nan, np.float32).tobytes()

    def answers():
        ways = [{}, {"near": near}]
        if spec.heads > 1:
            ways += [{"branch": k} for k in range(spec.heads)]
        found = [loaded.solve(target, **way) for way in ways]
        assert all(residual > 1e18 for _, _, residual, *_ in found)
        seeds = [way for way in ways if "near" not in way]
        return [*found, *(loaded.seed(target, **way) for way in seeds)]

    for status in (NOT_READY, FAILED):
        found = answers()
        assert {(told, q) for told, q, *_ in found} == {(status, untouched)}
        assert loaded.init() == READY
        loaded.fake.fail_invoke = 1
    # However many branches there are, what has failed once is not asked again.
    assert loaded.fake.invoked == len(found)
    loaded.fake.fail_invoke = 0
    assert loaded.solve(target) == loaded.solve(target, prefix="plain")


def test_a_target_is_made_of_a_quaternion(load):
    loaded = load("pose")
    half = np.sqrt(0.5)
    position, quaternion = (np.array(v, np.float32) for v in ([0.1, 0.2, 0.3], [half, 0, 0, half]))
    found = loaded.target(position, quaternion)
    np.testing.assert_allclose(found, [0.1, 0.2, 0.3, 0, 1, 0, -1, 0, 0, 0, 0, 1], atol=1e-6)
    assert (found == loaded.target(position, quaternion, "plain")).all()


@pytest.mark.parametrize("key", ["arm3", "int8_per_channel", "int16x8"])
def test_tensorflow_lite_micro_itself_gives_the_same_answers(build, load, key):
    if "tflite-micro" not in available_runtimes():
        pytest.skip(f"needs TensorFlow Lite Micro: {install_command('tflm')}")
    loaded, made = load(key), build(key)
    size = len(made.flatbuffer)
    array = (ctypes.c_ubyte * size).in_dll(loaded.library, f"{loaded.name}_model")
    interpreter = open_interpreter(bytes(array), "tflite-micro")
    dtype = np.int16 if key == "int16x8" else np.int8
    widths = interpreter.input_shape[1], 2 * len(made.spec.chain)

    def network(x, y):
        kind = np.ctypeslib.as_ctypes_type(dtype)
        source, result = (
            np.ctypeslib.as_array((kind * width).from_address(place))
            for width, place in zip(widths, (x, y), strict=True)
        )
        result[:] = interpreter.run_raw(source[np.newaxis])[0]

    callback = type(loaded.fake.network)(network)
    loaded.fake.network = callback
    assert loaded.init() == READY
    for target in drawn_targets(made.spec.chain, 200):
        assert loaded.solve(target) == loaded.solve(target, prefix="plain")


def test_the_reference_model_is_solved_as_in_numpy(build, load):
    made, loaded = build("arm3"), load("arm3")
    assert loaded.init() == READY
    rng = np.random.default_rng(4)
    chain = made.spec.chain
    q = rng.uniform(0.8 * chain.lower, 0.8 * chain.upper, (500, len(chain)))
    targets = tool_position(chain, np.sin(q), np.cos(q)).astype(np.float32)
    solver = IkSolver.load(made.firmware.path, runtime="reference")
    expected = solver.solve_batch(targets.astype(np.float64))
    solved = 0
    for target, wanted in zip(targets, expected.q, strict=True):
        status, q, *_ = loaded.solve(target)
        found = np.frombuffer(q, np.float32).astype(np.float64)
        assert (found >= chain.lower).all()
        assert (found <= chain.upper).all()
        if status == SOLVED:
            solved += 1
            assert np.abs(found - wanted).max() < JOINT_TOLERANCE
    assert solved > 450


def test_forward_kinematics_needs_no_network(build, load):
    loaded = load("arm3")
    q = build("arm3").spec.chain.middle.astype(np.float32)
    assert loaded.forward(q) == loaded.forward(q, prefix="plain")


def test_solving_before_init_says_so_and_leaves_joints_alone(firmware):
    target = np.zeros(3, np.float32)
    status, q, residual, _, steps = firmware.solve(target)
    assert (status, steps) == (NOT_READY, 0)
    assert residual > 1e18
    assert np.isnan(np.frombuffer(q, np.float32)).all()
    assert firmware.seed(target) == (NOT_READY, q)
    assert firmware.call("arena_used", result=ctypes.c_size_t) == 0
    assert firmware.fake.made == 0


def test_info_may_be_left_out(firmware):
    assert firmware.init() == READY
    target, q = np.zeros(3, np.float32), np.empty(2, np.float32)
    place = [ctypes.c_void_p(array.ctypes.data) for array in (target, q)]
    assert firmware.call("solve", *place, None) == firmware.solve(target)[0]
    assert q.tobytes() == firmware.solve(target)[1]


def test_init_may_be_called_again(firmware):
    assert firmware.init() == READY
    assert firmware.init() == READY
    assert firmware.fake.made == 1
    assert firmware.call("arena_used", result=ctypes.c_size_t) == firmware.fake.arena_needed


def test_the_resolver_has_room_for_exactly_the_operators(firmware):
    firmware.init()
    assert firmware.fake.resolver_room == firmware.fake.operator_count


def test_another_schema_is_refused(firmware):
    firmware.fake.schema_version = 4
    assert firmware.init() == OTHER_SCHEMA
    assert firmware.solve(np.zeros(3, np.float32))[0] == NOT_READY


def test_a_refused_operator_is_reported(firmware):
    firmware.fake.refuse_operators = 1
    assert firmware.init() == OTHER_OPERATORS


def test_an_operator_that_was_not_registered_is_reported(firmware):
    firmware.fake.operators[firmware.fake.operator_count] = 25  # SOFTMAX
    firmware.fake.operator_count += 1
    assert firmware.init() == ARENA_TOO_SMALL


def test_a_small_arena_is_reported_at_every_call(firmware):
    needed = firmware.fake.arena_needed
    firmware.fake.arena_needed = 1 << 20
    assert firmware.init() == ARENA_TOO_SMALL
    assert firmware.solve(np.zeros(3, np.float32))[0] == NOT_READY
    firmware.fake.arena_needed = needed
    # The library cannot take a half-prepared interpreter down, so none is made again.
    assert firmware.init() == ARENA_TOO_SMALL
    assert (firmware.fake.made, firmware.fake.destroyed) == (1, 0)


@pytest.mark.parametrize("end", ["input", "output"])
@pytest.mark.parametrize("part", ["type", "bytes", "scale", "zero_point"])
def test_another_model_is_recognized_by_its_tensors(firmware, end, part):
    tensor = getattr(firmware.fake, end)
    setattr(tensor, part, getattr(tensor, part) + 1)
    assert firmware.init() == OTHER_TENSORS
    assert firmware.solve(np.zeros(3, np.float32))[0] == NOT_READY


def test_a_failing_interpreter_is_reported_and_the_next_call_is_normal(firmware):
    assert firmware.init() == READY
    target = np.array([0.3, 0.2, 0.0], np.float32)
    before = firmware.solve(target)
    untouched = firmware.solve(np.full(3, np.nan, np.float32))[1]
    assert np.isnan(np.frombuffer(untouched, np.float32)).all()
    firmware.fake.fail_invoke = 1
    status, q, residual, _, steps = firmware.solve(target)
    assert (status, q, steps) == (FAILED, untouched, 0)
    assert residual > 1e18
    firmware.fake.fail_invoke = 0
    assert firmware.solve(target) == before


def test_a_path_is_followed_without_the_interpreter_where_that_is_possible(build, load):
    loaded, problem = load("arm3"), build("arm3").spec.problem
    assert loaded.init() == READY
    rng = np.random.default_rng(4)
    room = 0.2 * (problem.chain.upper - problem.chain.lower)
    joints = rng.uniform(problem.chain.lower + room, problem.chain.upper - room, (50, 3))
    for q in joints.astype(np.float32):
        target = problem.reached_by(q + 0.01).astype(np.float32)
        asked = loaded.fake.invoked
        found = loaded.track(target, q)
        assert found == loaded.track(target, q, prefix="plain")
        assert (found[0], loaded.fake.invoked) == (SOLVED, asked)
    # From nowhere, and where the target jumps, it is asked once.
    for near in (None, joints[0].astype(np.float32)):
        asked = loaded.fake.invoked
        target = problem.reached_by(joints[1]).astype(np.float32)
        assert loaded.track(target, near)[0] == SOLVED
        assert loaded.fake.invoked == asked + 1


def test_tracking_that_fails_leaves_joints_and_state(firmware):
    target, near = np.array([0.3, 0.2, 0.0], np.float32), np.array([0.1, 0.2], np.float32)
    untouched = np.full(2, np.nan, np.float32).tobytes()
    for expected in (NOT_READY, FAILED):
        for place in (None, near):
            status, q, before, after, residual, *_ = firmware.track(target, place)
            assert (status, q, after) == (expected, untouched, before)
            assert residual > 1e18
        assert firmware.init() == READY
        firmware.fake.fail_invoke = 1
    firmware.fake.fail_invoke = 0
    status, q, before, after, *_ = firmware.track(target, near)
    assert status in (SOLVED, UNREACHABLE)
    assert after != before
    assert after.startswith(q)


def test_the_network_does_not_run_for_what_is_no_target(firmware):
    assert firmware.init() == READY
    for wrong in (np.nan, np.inf, -np.inf, 1e30):
        assert firmware.solve(np.full(3, wrong, np.float32))[0] == BAD_TARGET
    assert firmware.fake.invoked == 0
