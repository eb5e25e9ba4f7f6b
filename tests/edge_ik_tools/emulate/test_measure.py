"""The benchmark's program, run with a solver written by hand whose answers are known."""

import numpy as np
import pytest

from edge_ik_tools.emulate.build import Sources, measure_size
from edge_ik_tools.emulate.cores import CORES
from edge_ik_tools.emulate.measure import EMBEDDED_BYTES, measure, portions
from edge_ik_tools.errors import EmulationError, FirmwareBuildError
from firmware_host.kinematics import tool_position
from firmware_host.problem import IkProblem
from firmware_host.solving.refine import RefineSettings, refinements
from firmware_host.tasks import POSITION

TARGETS = 150
COLD_STEPS = 50


def place(chain, q):
    return tool_position(chain, np.sin(q), np.cos(q))


def drawn(chain):
    q = np.random.default_rng(0).uniform(chain.lower, chain.upper, (TARGETS, 3))
    return place(chain, q).astype(np.float32)


def inputs(count=200):
    rng = np.random.default_rng(1)
    return rng.integers(-128, 127, (count, 6), dtype=np.int8, endpoint=True)


# This solver calculates with floats.
ABLE = {name: core for name, core in CORES.items() if core.family.floats}


@pytest.fixture(scope="module", params=ABLE.values(), ids=ABLE)
def measured(request, tools_for, tiny, yaw_shoulder_elbow):
    """The core, and what it answered."""
    chain, tools = yaw_shoulder_elbow(), tools_for(request.param)
    found = measure(tools, request.param, tiny, chain, drawn(chain), inputs(), 6, COLD_STEPS)
    return request.param, found


@pytest.fixture
def arm(yaw_shoulder_elbow):
    return yaw_shoulder_elbow()


def test_every_target_is_answered_with_its_residual(measured, arm):
    _, found = measured
    assert found.q.shape == (TARGETS, 3)
    error = np.linalg.norm(place(arm, found.q.astype(float)) - drawn(arm), axis=1)
    np.testing.assert_allclose(found.residual, error, atol=1e-6)
    assert np.array_equal(found.status == 0, found.residual < 1e-3)
    assert 0.3 < np.mean(found.status == 0) < 1
    assert np.all(found.seed_residual >= 0)
    assert set(found.steps) == {found.most_steps} == {8}


def test_network_outputs_are_the_bytes_expected(measured):
    _, found = measured
    x = inputs().view(np.uint8)
    expected = (3 * x - np.roll(x, -1, axis=1)).view(np.int8)
    np.testing.assert_array_equal(found.outputs, expected)


def test_counts_are_of_the_parts_of_a_solve(measured):
    core, found = measured
    # This network has no branch that depends on its input.
    assert len(set(found.network)) == 1
    assert np.all(found.network > 20)
    assert np.all(found.refine > 8 * 100)
    assert np.all(found.total > found.refine)
    if core.name == "cortex-m4":
        assert np.all(found.closed < 300)
        # A step that limits hold back is solved twice.
        assert np.all(found.refine < 20_000)
    assert 0 < found.stack_bytes < 1024


def test_the_cold_solve_takes_the_steps_of_the_host(measured, arm):
    _, found = measured
    problem = IkProblem(arm, POSITION)
    seeds = np.broadcast_to(arm.middle, (TARGETS, 3))
    needed = np.full(TARGETS, COLD_STEPS)
    walk = refinements(problem, seeds, drawn(arm), COLD_STEPS, RefineSettings(damping=1.0))
    for steps, (_, error) in enumerate(walk):
        needed[(needed == COLD_STEPS) & (error < 1e-3)] = steps
    # The host keeps the best and this solver the last, and single precision tips a few.
    assert np.mean(found.cold_steps == needed) > 0.9
    solved = found.cold_squared < 1e-6
    assert np.all(found.cold_steps[~solved] == COLD_STEPS)
    assert solved.mean() > 0.9


def test_the_closed_form_reaches_every_target(measured, arm):
    _, found = measured
    q = found.closed_q.astype(float)
    assert np.all(np.linalg.norm(place(arm, q) - drawn(arm), axis=1) < 2e-6)
    assert np.all(arm.within_limits(q))
    assert np.all(found.closed > 0)


@pytest.mark.parametrize(
    "kind",
    [
        {"yaw": -1},
        {"shoulder": 1},
        {"elbow": -1},
        {"limits": (-2.6, -0.15)},
        {"shoulder": 1, "elbow": -1, "offset": (0.0, 0.0, 0.1)},
    ],
    ids=str,
)
def test_the_closed_form_of_other_arms(tools, tiny, yaw_shoulder_elbow, kind):
    chain = yaw_shoulder_elbow(**kind)
    targets = drawn(chain)
    found = measure(tools, CORES["cortex-m7"], tiny, chain, targets, inputs(1), 6)
    q = found.closed_q.astype(float)
    assert np.all(np.linalg.norm(place(chain, q) - targets, axis=1) < 2e-6)


@pytest.mark.parametrize("name", ["cortex-m4", "atmega328p"])
def test_what_is_too_much_for_flash_comes_in_portions(name):
    files = np.arange(3 * 4000).reshape(4000, 3).astype(np.float32), np.arange(7).astype(np.int8)
    parts = list(portions(CORES[name], *files))
    for file, pieces in zip(files, zip(*parts, strict=True), strict=True):
        np.testing.assert_array_equal(np.concatenate(pieces), file)
    sizes = [sum(piece.nbytes for piece in part) for part in parts]
    if CORES[name].family.embeds:
        assert len(parts) > 1
        assert max(sizes) < 1.01 * EMBEDDED_BYTES
    else:
        assert len(parts) == 1


def test_the_same_run_gives_the_same_counts(tools, tiny, arm):
    core = CORES["cortex-m33"]
    first, second = (
        measure(tools, core, tiny, arm, drawn(arm)[:20], inputs(1), 6) for _ in range(2)
    )
    for name in ("total", "network", "refine", "cold", "closed", "q"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


def test_counts_do_not_depend_on_what_came_before(tools, tiny, arm):
    core = CORES["cortex-m55"]
    targets = drawn(arm)[:20]
    ways = [measure(tools, core, tiny, arm, t, inputs(1), 6) for t in (targets, targets[::-1])]
    np.testing.assert_array_equal(ways[0].total, ways[1].total[::-1])
    np.testing.assert_array_equal(ways[0].cold, ways[1].cold[::-1])


def test_another_arm_has_no_closed_form(tools, tiny, yaw_shoulder_elbow):
    chain = yaw_shoulder_elbow(offset=(0.0, 0.05, 0.0))
    found = measure(tools, CORES["cortex-m4"], tiny, chain, drawn(chain)[:2], inputs(1), 6)
    assert not found.closed.any()


def test_firmware_of_another_network_is_refused(tools, tiny, arm):
    core = CORES["cortex-m4"]
    with pytest.raises(EmulationError, match="does not belong to the model"):
        measure(tools, core, tiny, arm, drawn(arm)[:1], inputs(1)[:, :5], 6)
    with pytest.raises(EmulationError, match="does not belong to the model"):
        measure(tools, core, tiny, arm, drawn(arm)[:1], inputs(1).astype(np.int16), 6)


def test_sources_that_do_not_compile_are_refused(tools, tiny, arm, tmp_path):
    (tmp_path / "tiny.h").write_text(tiny.header.read_text())
    (tmp_path / "tiny.c").write_text(tiny.source.read_text() + "\nint unused(void) { return }\n")
    with pytest.raises(FirmwareBuildError, match=r"tiny\.c:\d+"):
        measure(tools, CORES["cortex-m4"], Sources(tmp_path, "tiny"), arm, drawn(arm), inputs(1), 6)


def test_the_size_is_that_of_the_solver_alone(tools, tiny, arm, tmp_path):
    larger = tmp_path / "larger"
    larger.mkdir()
    (larger / "tiny.h").write_text(tiny.header.read_text())
    source = tiny.source.read_text()
    # A table of 1000 bytes that the solve uses, and 300 bytes of state.
    source = source.replace(
        "info->steps = TINY_STEPS;",
        "info->steps = TINY_STEPS + table[(uint32_t)info->steps % 1000u]\n"
        "                  + (int32_t)state[(uint32_t)info->steps % 75u]++;",
    ).replace(
        "static void encode(",
        "static const int8_t table[1000] = {1};\n"
        "static volatile uint32_t state[75];\n\nstatic void encode(",
    )
    (larger / "tiny.c").write_text(source)
    core = CORES["cortex-m4"]
    plain = measure_size(tools, core, tiny, arm, tmp_path)
    more = measure_size(tools, core, Sources(larger, "tiny"), arm, tmp_path)
    assert 1000 < plain.flash < 20_000
    assert 1000 <= more.flash - plain.flash < 1100
    assert 300 <= more.ram - plain.ram < 310


def test_helpers_of_the_compiler_count_as_the_solver(tools, tiny, arm, tmp_path):
    sizes = {
        name: measure_size(tools, CORES[name], tiny, arm, tmp_path).flash
        for name in ("cortex-m3", "cortex-m4")
    }
    assert sizes["cortex-m3"] > sizes["cortex-m4"] + 1000
