"""The SO-101, and solvers of it."""

import math
import os

import numpy as np
import pytest

from edge_ik.arms import load_arm
from firmware_host.solver import IkSolver
from firmware_host.tasks import make_task


@pytest.fixture(scope="session")
def so101():
    """The chain that comes with the package, which is LeRobot's without the jaw."""
    return load_arm("so101")


@pytest.fixture(scope="session", params=["position", "axis"])
def so101_solver(request, so101, remembering):
    """A solver of the arm for positions, and one for the direction of the tool's z axis.

    EDGE_IK_SO101 names a model file to take in place of the second.
    """
    path = os.environ.get("EDGE_IK_SO101")
    if path and request.param == "axis":
        return IkSolver.load(path)
    return remembering(so101, make_task(request.param))


@pytest.fixture(scope="session")
def turned():
    """Function of a pose and an angle [rad]: the pose, turned about the vertical where it is."""

    def turn(pose, angle):
        rotation = np.eye(3)
        rotation[:2, :2] = [
            [math.cos(angle), -math.sin(angle)],
            [math.sin(angle), math.cos(angle)],
        ]
        result = pose.copy()
        result[:3, :3] = rotation @ pose[:3, :3]
        return result

    return turn
