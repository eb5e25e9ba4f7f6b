"""A solution tells programs what it is, when they ask."""

import copy
import json
import pickle

import numpy as np
import pytest

from firmware_host.solving.solution import ATTRIBUTES, IkSolution, Status
from firmware_host.solving.telling import told
from firmware_host.tolerances import DEFAULT_TOLERANCE


@pytest.fixture
def solution(make_solver, arm3):
    spec = make_solver(arm3, None).spec
    found = told(
        DEFAULT_TOLERANCE,
        [0.1, -0.2, 0.3],
        [0.3, 0.1, 0.2],
        [0.0, 0.05, 0.3],
        (1e-5, 0.0),
        2e-3,
        steps=3,
    )
    return IkSolution(spec, found._replace(status=1, branch=2), 12.5e-6)


def test_a_solution_is_ready_for_json(solution):
    values = solution.to_dict()
    assert json.loads(json.dumps(values)) == values
    assert values["q"] == [0.1, -0.2, 0.3]
    assert values["q_all"] == [0.1, -0.2, 0.3]
    assert (values["status"], values["reachable"]) == ("unreachable", False)
    assert values["position_error_m"] == 1e-5
    assert values["rotation_error_rad"] is None
    assert values["joint_step_rad"] == 0.25
    assert values["microseconds"] == 12.5
    assert (values["branch"], values["tried"], values["restarts"]) == (2, 1, 0)
    assert values["servo"] is None


def test_nothing_of_it_can_be_set(solution):
    for name in (*ATTRIBUTES, "other"):
        with pytest.raises(AttributeError):
            setattr(solution, name, 1)
    assert "q" in ATTRIBUTES


def test_what_is_told_does_not_follow_the_array_that_was_given_out(solution):
    limits = solution._spec.chain.upper
    solution.q[:] = limits + 1.0
    assert solution.q[0] == limits[0] + 1.0
    np.testing.assert_array_equal(solution.q_all, [0.1, -0.2, 0.3])
    assert solution.joint_step == pytest.approx(0.25)


@pytest.mark.parametrize(
    "remade", [copy.copy, copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))]
)
def test_it_is_copied_and_pickled_whole(solution, remade):
    other = remade(solution)
    assert json.dumps(other.to_dict()) == json.dumps(solution.to_dict())
    assert repr(other) == repr(solution)
    assert other != solution
    assert other.status is Status.UNREACHABLE
