"""What joints can come to on the way has room in their format."""

import dataclasses
import math

import numpy as np
import pytest

from firmware_host.chain import Chain
from firmware_host.fixed_point.programs import NARROW
from firmware_host.fixed_point.refining import Refiner
from firmware_host.fixed_point.robot import FixedRobot
from firmware_host.normalization import Normalization
from firmware_host.problem import IkProblem
from firmware_host.spec import ModelSpec
from firmware_host.tasks import POSITION

LIMITS = [(0.3, 2.5), (-2.5, -0.3), (1.7, 3.1), (2.9, 3.1), (-0.2, 1.9), (-1.0, 3.0), (3.0, 9.5)]


@pytest.mark.parametrize("limits", LIMITS)
def test_all_that_a_network_says_has_32_bits(limits, make_arm3):
    arm = make_arm3()
    lower, upper = limits
    joints = tuple(dataclasses.replace(joint, lower=lower, upper=upper) for joint in arm.joints)
    problem = IkProblem(Chain("arm", joints, arm.tool), POSITION)
    q = np.random.default_rng(0).uniform(lower, upper, (500, 3))
    features = problem.features(problem.reached_by(q)).astype(np.float32)
    spec = ModelSpec(problem, Normalization.fit(features), tuple(problem.chain.middle.tolist()))
    refiner = Refiner(FixedRobot(spec, 3, (0.03, -5), 0.01))
    unit, low, high = 2**refiner.robot.turn_bits, *refiner.robot.limits[0]
    assert -(2**31) <= low < high < 2**31
    for angle in np.linspace(-math.pi, math.pi, 2001):
        found = refiner._near_middle(0, round(angle * unit))
        assert -(2**31) <= found < 2**31
        # By whole turns, no further than half a turn from the middle.
        turns = (found / unit - angle) / (2 * math.pi)
        assert abs(turns - round(turns)) < 1e-6
        assert abs(found / unit - (lower + upper) / 2) < math.pi + 1e-6


def test_what_is_next_to_nothing_needs_no_shift_beyond_32_bits(make_arm3):
    """Descriptions have right angles in a few digits: their cosines are no zeros."""
    arm, tilt = make_arm3(), np.eye(4)
    tilt[1, 2], tilt[2, 1] = -4.9e-12, 4.9e-12
    joints = tuple(dataclasses.replace(joint, origin=joint.origin @ tilt) for joint in arm.joints)
    problem = IkProblem(Chain("arm", joints, arm.tool @ tilt), POSITION)
    q = np.random.default_rng(0).uniform(problem.chain.lower, problem.chain.upper, (500, 3))
    features = problem.features(problem.reached_by(q)).astype(np.float32)
    spec = ModelSpec(problem, Normalization.fit(features), tuple(problem.chain.middle.tolist()))
    robot = FixedRobot(spec, 3, (0.03, -5), 0.01)
    most = {"left": 31, "right": 63, "narrow": 63, "product": 32}
    for program in (robot.encode, robot.survey, robot.solution, robot.forward):
        for one in program.operations:
            shift = one.operands[-1]
            if one.kind in most:
                allowed = 31 if (one.kind, one.result.kind) == ("right", NARROW) else most[one.kind]
                assert 1 <= shift <= allowed, one
