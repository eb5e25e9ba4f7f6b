"""A solution tells programs what it is."""

import json

import numpy as np

from firmware_host.solving.solution import IkSolution, Status


def test_a_solution_is_ready_for_json():
    solution = IkSolution(
        q=np.array([0.1, -0.2]),
        q_all=np.array([0.1, -0.2, 0.2]),
        position_error_m=1e-5,
        status=Status.UNREACHABLE,
        within_limits=True,
        in_workspace=None,
        seed_error_m=2e-3,
        steps=3,
        microseconds=12.5,
        joint_step=0.25,
    )
    values = solution.to_dict()
    assert json.loads(json.dumps(values)) == values
    assert values["q"] == [0.1, -0.2]
    assert values["q_all"] == [0.1, -0.2, 0.2]
    assert (values["status"], values["reachable"]) == ("unreachable", False)
    assert values["position_error_m"] == 1e-5
    assert values["joint_step_rad"] == 0.25
    assert values["in_workspace"] is None
    assert values["servo"] is None
