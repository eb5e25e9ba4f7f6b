"""What is given of joints: shapes and numbers that can be meant."""

import math

import numpy as np
import pytest

from firmware_host.errors import TargetError
from firmware_host.solving import checks
from firmware_host.solving.checks import (
    checked_counts,
    checked_near,
    checked_threads,
    plain_near,
    plain_steps,
    whole_number,
)
from firmware_host.tolerances import FARTHEST_JOINT, FARTHEST_TURN


def test_joints_of_one_posture_or_of_each_target(arm3):
    assert checked_near(arm3, [0.1, 0.2, 0.3]).shape == (3,)
    assert checked_near(arm3, np.zeros((4, 3)), 4).shape == (4, 3)
    assert checked_near(arm3, [0, 0, 0], 4).shape == (3,)


@pytest.mark.parametrize("near", [None, [0.1, 0.2], [[0.1, 0.2, 0.3]], [0.1, math.nan, 0.2]])
def test_joints_that_are_none_are_refused(arm3, near):
    with pytest.raises(TargetError, match="q_near of 3 finite numbers"):
        checked_near(arm3, near)


def test_what_is_wrong_with_joints_is_said_by_the_name_they_are_given_by(arm3):
    for check in (checked_near, plain_near):
        with pytest.raises(TargetError, match=r"q_now of 3 finite .*Received: shape \(2,\)\.$"):
            check(arm3, [0.1, 0.2], name="q_now")
        with pytest.raises(TargetError, match=r"Received a NaN or infinity\.$"):
            check(arm3, [0.1, math.inf, 0.2])
    with pytest.raises(TargetError, match=r"or of such a row for each of 4 targets\. .*\(2, 3\)"):
        checked_near(arm3, np.zeros((2, 3)), 4)


@pytest.mark.parametrize("count", [3, np.int64(3), np.uint8(3)])
def test_whole_numbers_are_those_of_python_and_numpy(count, monkeypatch):
    assert whole_number(count) == 3
    monkeypatch.setattr(checks.os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert checked_threads(count) == 3
    assert checked_threads(100_000) == checked_threads(None) == 8
    assert checked_counts(count, np.int32(0)) == (3, 0)


@pytest.mark.parametrize("count", [True, 1.0, "3", np.float64(3), np.array([1, 2]), np.bool_(1)])
def test_what_is_no_whole_number_is_none(count):
    assert whole_number(count) is None
    with pytest.raises(TargetError, match="threads of 1 or more"):
        checked_threads(count)


@pytest.mark.parametrize(
    "near", [[0.1, 0.2, 0.3], (0.1, 0, True), np.float32([1, 2, 3]), np.arange(6)[::2]]
)
def test_plain_joints_are_those_of_the_array(arm3, near):
    plain = plain_near(arm3, near)
    assert all(type(value) is float for value in plain)
    assert plain == checked_near(arm3, near).tolist()


@pytest.mark.parametrize("near", [[0, 0, 2e6], np.array([0.0, -1.1e6, 0.0]), [0, 10**400, 0]])
def test_joints_further_than_any_joint_are_refused(arm3, near):
    for check in (checked_near, plain_near):
        with pytest.raises(TargetError, match=r"q_near"):
            check(arm3, near)
    assert plain_near(arm3, [FARTHEST_JOINT, 0.0, 0.0])[0] == FARTHEST_JOINT


def test_steps_are_one_for_all_or_one_for_each(arm3):
    assert plain_steps(arm3, None) == [0, 0, 0]
    assert plain_steps(arm3, 0.1) == [0.1] * 3
    assert plain_steps(arm3, [0, 0.2, math.inf]) == [0, 0.2, math.inf]


@pytest.mark.parametrize("steps", [-0.1, math.nan, [0.1, 0.2], [0.1, -1.0, 0.2]])
def test_steps_that_are_none_are_refused(arm3, steps):
    with pytest.raises(TargetError, match="max_step of 0 or more"):
        plain_steps(arm3, steps)


def test_a_joint_that_turns_without_end_is_told_to_take_turns_off(make_arm3):
    endless = make_arm3(continuous=True)
    for check in (checked_near, plain_near):
        assert list(check(endless, [-FARTHEST_TURN, 0.0, 0.0])) == [-FARTHEST_TURN, 0, 0]
        with pytest.raises(TargetError, match=r"within 1000 rad of 0 for '\w+'.* whole turns"):
            check(endless, [FARTHEST_TURN + 1, 0.0, 0.0])
