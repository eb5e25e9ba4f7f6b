"""What is told of rounding on the unit circle, and of the tool, against double precision."""

import math

import numpy as np
import pytest

from firmware_host.fixed_point.circle import ROTATION_ERROR, SEED_ERROR
from firmware_host.fixed_point.ranges import UNIT_BITS
from firmware_host.fixed_point.solver import FixedSolver
from firmware_host.model_file import read_model
from firmware_host.network.reference import ReferenceInterpreter
from firmware_host.solving.refine import DEFAULT_SETTINGS
from firmware_host.spec import ModelSpec

UNIT = 2**UNIT_BITS


@pytest.fixture(scope="module")
def solver(source_root):
    network, record = read_model(source_root / "artifacts" / "arm3" / "arm3-int8.tflite")
    return FixedSolver(ModelSpec.from_dict(record), ReferenceInterpreter(network))


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_a_rotation_is_as_exact_as_told(solver, rng):
    rotation, scale = solver.robot.rotation.compiled(), 2.0**-solver.robot.turn_bits
    most = DEFAULT_SETTINGS.max_step
    worst = 0.0
    for angle in np.linspace(-most, most, 4001):
        start = rng.uniform(-math.pi, math.pi)
        s, c = (math.floor(part * UNIT) for part in (math.sin(start), math.cos(start)))
        whole = round(angle / scale)
        turned, length = math.atan2(s, c) + whole * scale, math.hypot(s, c)
        found = rotation(s, c, whole)
        wanted = length * math.sin(turned), length * math.cos(turned)
        worst = max(worst, math.dist(found, wanted) / UNIT)
    assert ROTATION_ERROR / 2 < worst < ROTATION_ERROR


def test_what_the_network_says_is_as_exact_as_told(solver):
    pointing, scale = solver.robot.pointing.compiled(), 2.0**-solver.robot.turn_bits
    worst = 0.0
    for a in range(-255, 256, 5):
        for b in range(-255, 256, 2):
            s, c = pointing(a, b)
            angle = solver._angle(s, c) * scale
            worst = max(worst, math.dist((s / UNIT, c / UNIT), (math.sin(angle), math.cos(angle))))
    assert SEED_ERROR / 2 < worst < SEED_ERROR


def test_the_tool_is_where_it_is_told_to_be(solver, rng):
    """Of answers in whole numbers, the distance that firmware tells against the true one."""
    spec, robot = solver.spec, solver.robot
    q = rng.uniform(spec.chain.lower, spec.chain.upper, (50, len(spec.chain)))
    # Also out of reach, where the distance is no small number.
    targets = np.concatenate([spec.problem.reached_by(q), rng.uniform(-0.6, 0.6, (20, 3))])
    worst = 0.0
    for target in targets.astype(np.float32):
        answer = solver.solve(target)
        joints = np.array(answer.q) * 2.0 ** -np.array(robot.joint_bits)
        tool = spec.problem.reached_by(joints)
        told = math.sqrt(answer.squared * 2.0**-robot.squared_bits)
        worst = max(worst, abs(told - np.linalg.norm(tool - target)))
    assert 0 < worst < robot.told_error < 2e-6
