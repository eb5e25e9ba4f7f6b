"""An SO-101 whose network is a memory: it answers with the nearest of postures drawn before."""

import math
import os

import numpy as np
import pytest

from edge_ik.arms import load_arm
from firmware_host.kinematics import components
from firmware_host.normalization import Normalization
from firmware_host.problem import IkProblem
from firmware_host.solver import IkSolver
from firmware_host.spec import Branch, ModelSpec
from firmware_host.tasks import make_task

HEADS = 8
POSTURES = 10_000


def remembering(chain, task):
    """A solver whose heads answer with the postures of the most similar targets."""
    problem = IkProblem(chain, task)
    q = np.random.default_rng(0).uniform(chain.lower, chain.upper, (POSTURES, len(chain)))
    encoding = problem.encode(components(problem.reached_by(q)))
    features = np.stack(encoding.features, axis=-1)
    numbers = problem.outputs.of(components(q), np)
    known = np.stack(problem.outputs.unturned(numbers, encoding), axis=-1)
    normalization = Normalization.fit(features)
    seen = np.stack(normalization.apply(encoding.features), axis=-1)

    def predict(rows):
        away = ((rows[:, None] - seen) ** 2).sum(axis=-1)
        nearest = np.argsort(away, axis=1)[:, :HEADS]
        answers = known[nearest].reshape(len(rows), -1)
        promises = -np.take_along_axis(away, nearest, axis=1)
        return np.concatenate([answers, promises], axis=1).astype(np.float32)

    branches = tuple(Branch(f"memory{index}", 1 / HEADS, 1.0) for index in range(HEADS))
    home = tuple(chain.middle.tolist())
    return IkSolver(ModelSpec(problem, normalization, home, branches=branches), predict)


@pytest.fixture(scope="session")
def so101():
    """The chain that comes with the package, which is LeRobot's without the jaw."""
    return load_arm("so101")


@pytest.fixture(scope="session", params=["position", "axis"])
def so101_solver(request, so101):
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
