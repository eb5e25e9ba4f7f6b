"""What is given of joints: shapes and numbers that can be meant."""

import math

import numpy as np
import pytest

from firmware_host.errors import TargetError
from firmware_host.solving.checks import checked_near, checked_steps


def test_joints_of_one_posture_or_of_each_target(arm3):
    assert checked_near(arm3, [0.1, 0.2, 0.3]).shape == (3,)
    assert checked_near(arm3, np.zeros((4, 3)), 4).shape == (4, 3)
    assert checked_near(arm3, [0, 0, 0], 4).shape == (3,)


@pytest.mark.parametrize("near", [None, [0.1, 0.2], [[0.1, 0.2, 0.3]], [0.1, math.nan, 0.2]])
def test_joints_that_are_none_are_refused(arm3, near):
    with pytest.raises(TargetError, match="q_near of 3 finite numbers"):
        checked_near(arm3, near)


def test_steps_are_one_for_all_or_one_for_each(arm3):
    np.testing.assert_array_equal(checked_steps(arm3, None), [0, 0, 0])
    np.testing.assert_array_equal(checked_steps(arm3, 0.1), [0.1] * 3)
    np.testing.assert_array_equal(checked_steps(arm3, [0, 0.2, math.inf]), [0, 0.2, math.inf])


@pytest.mark.parametrize("steps", [-0.1, math.nan, [0.1, 0.2], [0.1, -1.0, 0.2]])
def test_steps_that_are_none_are_refused(arm3, steps):
    with pytest.raises(TargetError, match="max_step of 0 or more"):
        checked_steps(arm3, steps)
