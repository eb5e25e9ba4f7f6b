"""What counts as solved, compiled in: by the export, or by whoever compiles floats."""

import dataclasses
import math
import subprocess

import numpy as np
import pytest

from edge_ik.arms import load_arm
from edge_ik.data.rank import chosen_task
from edge_ik_tools.c99.folder import write_c99
from edge_ik_tools.c99.literals import float_literal
from edge_ik_tools.c99.source import Firmware
from edge_ik_tools.tflm.bundle import write_tflm
from firmware_host.errors import ConfigError
from firmware_host.fixed_point.solver import FixedSolver
from firmware_host.solver import IkSolver, Status
from firmware_host.tolerances import Tolerance

COUNT = 120
# A robot, its task, and how many branches.
CASES = {
    "position": ("arm3", "position", 1),
    "pose, branches": ("ur5", "pose", 2),
}
# Two steps leave errors of these sizes, below them and above.
TOLERANCES = [Tolerance(2e-3, 0.01), Tolerance(0.3, 1.2)]
PROGRAM = """\
{source}

static const float targets[{count}][{size}] = {{
{targets}
}};

/* How many targets are solved, or 250 where a status is not what the errors say. */
int main(void)
{{
    int solved = 0;
    for (int i = 0; i < {count}; ++i) {{
        float q[{joints}];
        robot_info info;
        const robot_status status = robot_solve(targets[i], q, &info);
        const int within = info.residual < {position!r}f{turned};
        if (within != (status == ROBOT_SOLVED)) {{
            return 250;
        }}
        solved += within;
    }}
    return solved;
}}
"""


def program(firmware, targets, tolerance):
    """C that solves the targets and judges each by the errors told."""
    source = firmware.source().replace('#include "robot.h"', firmware.header())
    turned = f" && info.rotation_residual < {tolerance.rotation!r}f"
    return PROGRAM.format(
        source=source,
        count=len(targets),
        size=targets.shape[1],
        joints=len(firmware.spec.chain),
        position=tolerance.position,
        turned=turned if firmware.spec.task.has_orientation else "",
        targets=",\n".join(
            "{" + ", ".join(f"{value!r}f" for value in row) + "}" for row in targets.tolist()
        ),
    )


def asked(firmware, tolerance, **changes):
    """The same firmware with another tolerance."""
    return dataclasses.replace(firmware, spec=firmware.spec.with_tolerance(tolerance), **changes)


@pytest.fixture(scope="module", params=CASES)
def made(request, integer_firmware):
    """Firmware of two steps, its network, and targets anywhere it reaches."""
    arm, task, branches = CASES[request.param]
    chain, rng = load_arm(arm), np.random.default_rng(4)
    firmware, network = integer_firmware(
        chain, rng, chosen_task(chain, task), branches, steps=2, arithmetic="float"
    )
    q = rng.uniform(chain.lower, chain.upper, (COUNT, len(chain)))
    targets = firmware.spec.problem.reached_by(q).astype(np.float32).astype(np.float64)
    return firmware, network, targets


def test_floats_take_it_from_the_export_or_from_the_compiler(made, run_program):
    firmware, _, targets = made
    counts = []
    for tolerance in TOLERANCES:
        exported = program(asked(firmware, tolerance), targets, tolerance)
        counts.append(run_program(exported, options=("-O0",)))
        text = program(firmware, targets, tolerance)
        own = [f"-DROBOT_TOLERANCE={tolerance.position!r}f"]
        if firmware.spec.task.has_orientation:
            own.append(f"-DROBOT_ROTATION_TOLERANCE={tolerance.rotation!r}f")
        assert run_program(text, options=("-O0", *own)) == counts[-1]
    assert 0 < counts[0] < counts[1] <= COUNT


def test_integers_take_it_from_the_export_and_agree_with_their_twin(made, run_program):
    firmware, network, targets = made
    tolerance = TOLERANCES[0]
    fixed = asked(firmware, tolerance, arithmetic="fixed")
    solved = run_program(program(fixed, targets, tolerance), options=("-O0",))
    twin = FixedSolver(fixed.spec, network, fixed.steps)
    assert solved == sum(twin.solve(target).status == 0 for target in targets)


def test_integers_refuse_one_of_the_compiler(made, require_tool, tmp_path):
    firmware, _, targets = made
    fixed = dataclasses.replace(firmware, arithmetic="auto")
    path = tmp_path / "program.c"
    path.write_text(program(fixed, targets[:1], Tolerance()))
    command = [require_tool("gcc", "gcc"), "-std=c99", "-fsyntax-only", "-DROBOT_TOLERANCE=1e-4f"]
    for integers in (0, 1):
        built = subprocess.run(
            [*command, f"-DEDGE_IK_FIXED={integers}", str(path)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (built.returncode != 0) == bool(integers), built.stderr[:500]
        assert ("the tolerance is that of the export" in built.stderr) == bool(integers)


def test_one_that_rounding_hides_is_refused(made):
    firmware, _, _ = made
    turning = firmware.spec.task.has_orientation
    finest = Tolerance(1e-8, 1e-9)
    with pytest.raises(ConfigError, match="Fixed point cannot tell so small errors"):
        asked(firmware, finest, arithmetic="fixed").source()
    with pytest.raises(ConfigError, match="Fixed point can hold no tolerance of half this robot's"):
        asked(firmware, Tolerance(10.0), arithmetic="fixed").source()
    if turning:
        with pytest.raises(ConfigError, match=r"at least .* deg"):
            asked(firmware, Tolerance(rotation=1e-7), arithmetic="fixed").source()


def test_a_model_is_loaded_with_it_and_says_how(arm3_path):
    chosen = Tolerance(2.5e-4)
    firmware = Firmware.load(arm3_path, tolerance=chosen)
    assert firmware.spec.problem.tolerance == chosen
    assert firmware.command.endswith("--firmware c99 --tolerance 0.25")
    assert f"#define ARM3_TOLERANCE {float_literal(2.5e-4)}\n" in firmware.header()
    # A position has no angle, and the usual tolerance no option.
    turned = Firmware.load(arm3_path, tolerance=Tolerance(rotation=1.0))
    assert turned.command == Firmware.load(arm3_path).command
    with pytest.raises(ConfigError, match="Single precision cannot tell so small errors"):
        Firmware.load(arm3_path, tolerance=Tolerance(1e-7))
    # Integers do not care for what floats can tell.
    with pytest.raises(ConfigError, match="Fixed point"):
        Firmware.load(arm3_path, arithmetic="fixed", tolerance=Tolerance(1e-7)).source()


def test_the_host_s_firmware_judges_by_it(arm3_path, require_tool):
    require_tool("cc", "gcc libc6-dev")
    solver = IkSolver.load(arm3_path, "firmware", 0, tolerance=Tolerance(5e-3))
    q = np.random.default_rng(2).uniform(solver.chain.lower, solver.chain.upper, (500, 3))
    targets = solver.problem.reached_by(q)
    found = solver.solve_batch(targets)
    clear, solved = np.abs(found.position_error_m - 5e-3) > 1e-6, found.status == Status.SOLVED
    np.testing.assert_array_equal(solved[clear], (found.position_error_m < 5e-3)[clear])
    assert [solver.solve(t).status for t in targets[:40]] == found.status[:40].tolist()
    assert 0.1 < solved.mean() < 0.9


@pytest.mark.parametrize("own", [(), ("-DARM3_TOLERANCE=6e-6f",)])
def test_the_self_test_holds_whatever_is_compiled_in(own, arm3_path, require_tool, tmp_path):
    write_c99(Firmware.load(arm3_path, tolerance=Tolerance(5e-4)), tmp_path / "arm3")
    gcc, folder = require_tool("gcc", "gcc"), tmp_path / "arm3"
    readme = (folder / "README.md").read_text()
    assert "| `ARM3_SOLVED` | within 0.5 mm |" in readme
    assert "-DARM3_TOLERANCE=0.0005f" in readme
    command = [gcc, "-std=c99", "-O0", "-DARM3_SELFTEST", "-DEDGE_IK_FIXED=0", *own]
    command += ["-I", folder / "src", folder / "extras" / "selftest.c", "-o", folder / "test"]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr[:2000]
    ran = subprocess.run([folder / "test"], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout[:2000]
    assert ran.stdout.startswith("0 failures")


def test_firmware_for_tensorflow_lite_micro_has_it_too(planar_model, tmp_path):
    write_tflm(planar_model, tmp_path / "out", tolerance=Tolerance(5e-4, math.radians(0.05)))
    header = (tmp_path / "out" / "planar.h").read_text()
    assert f"#define PLANAR_TOLERANCE {float_literal(5e-4)}\n" in header
    assert "--tolerance 0.5" in header
    assert "`PLANAR_SOLVED` within 0.5 mm of" in (tmp_path / "out" / "README.md").read_text()
