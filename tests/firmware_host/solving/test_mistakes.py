"""What was probably mistaken: units, told in a sentence and only where something is wrong."""

import math

import numpy as np
import pytest

from firmware_host.chain import Chain, Joint
from firmware_host.solver import IkSolver
from firmware_host.solving.mistakes import advice, near_mistake, target_mistake

LINK = np.eye(4)
LINK[0, 3] = 0.5
Z = np.array([0.0, 0.0, 1.0])


@pytest.fixture
def chain():
    return Chain(
        "robot",
        (
            Joint("turn", np.eye(4), Z, -2.0, 2.0),
            Joint("endless", LINK, Z, -math.pi, math.pi, "continuous"),
            Joint("slide", np.eye(4), Z, 0.0, 0.3, "prismatic"),
        ),
        LINK,
    )


def test_a_target_in_millimetres_is_told(chain):
    assert chain.reach == pytest.approx(1.3)
    said = target_mistake(chain, np.array([300.0, 100.0, 0.0]))
    assert said.startswith("The target is 316.2 m away, and the robot reaches 1.3 m: it seems")
    assert said.endswith("in millimetres. Expected metres.")


@pytest.mark.parametrize("position", [(0.3, 0.1, 0.0), (3.0, 0.0, 0.0), (20.0, 20.0, 1.0)])
def test_a_target_that_is_only_too_far_is_not(chain, position):
    assert target_mistake(chain, np.array(position)) is None


@pytest.mark.parametrize(
    ("near", "said"),
    [
        ((90.0, 0.0, 0.1), "The present joints have 90 rad for 'turn', which seems to be degrees"),
        ((0.0, -180.0, 0.1), "Expected radians: -3.142"),
        ((0.0, 0.0, 150.0), "The present joints have 150 m for 'slide': millimetres?"),
    ],
)
def test_present_joints_in_other_units_are_told(chain, near, said):
    assert said in near_mistake(chain, np.array(near))


@pytest.mark.parametrize("near", [(2.1, 0, 0.1), (-2, 20.0, 0.35), (8.0, 0, 0), (0, 0, -1.0)])
def test_joints_that_are_only_outside_are_not(chain, near):
    assert near_mistake(chain, np.array(near)) is None


def test_what_was_reached_was_meant(chain):
    far, near = np.array([300.0, 0.0, 0.0]), np.array([90.0, 0.0, 0.0])
    assert advice(chain, far, None, True) == ()
    assert len(advice(chain, far, near, False)) == 2
    assert len(advice(chain, np.zeros(3), near, True)) == 1


def test_the_solver_tells_it(planar_model):
    solver = IkSolver.load(planar_model, "reference")
    assert solver.solve([0.3, 0.1, 0.0]).advice == ()
    assert "millimetres" in solver.solve([300.0, 100.0, 0.0]).advice[0]
    assert "degrees" in solver.solve([0.3, 0.1, 0.0], q_near=[45.0, 90.0]).advice[-1]
    assert solver.solve([300.0, 100.0, 0.0]).to_dict()["advice"]
